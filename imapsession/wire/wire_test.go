package wire

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// fixed is a connection that delivers pieces and then ends.
type fixed struct {
	net.Conn
	pieces [][]byte
}

func (f *fixed) Read(p []byte) (int, error) {
	for len(f.pieces) > 0 && len(f.pieces[0]) == 0 {
		f.pieces = f.pieces[1:]
	}
	if len(f.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.pieces[0])
	f.pieces[0] = f.pieces[0][n:]
	return n, nil
}
func (f *fixed) Write(p []byte) (int, error)      { return len(p), nil }
func (f *fixed) Close() error                     { return nil }
func (f *fixed) SetReadDeadline(time.Time) error  { return nil }
func (f *fixed) SetWriteDeadline(time.Time) error { return nil }

// commands are unanswered whenever filter reads its stream, unless it answers
// them, so that no response is unasked for.
const commands = "T1 NOOP\r\nT2 NOOP\r\nT3 NOOP\r\nT4 UID FETCH 1:* (UID)\r\nT5 STATUS INBOX (MESSAGES)\r\n"

// filter returns what the client sees of a stream, and how it ended.
func filter(b Budget, l Limits, pieces ...[]byte) (string, error, error) {
	c := New(&fixed{pieces: pieces}, Options{Limits: l})
	c.Begin(b)
	c.Write([]byte(commands))
	out, err := io.ReadAll(c)
	return string(out), err, c.Err()
}

// TestNormal pins the normal form of every response that passes, and what is
// dropped.
func TestNormal(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"greeting", "* OK [CAPABILITY IMAP4rev1 IMAP4REV2 IDLE] hi", "* OK [CAPABILITY IMAP4rev1 IDLE] hi"},
		{"bare", "* ok", "* OK"},
		{"no text", "T1 OK", "T1 OK"},
		{"empty line", "", ""},
		{"unknown untagged", "* XYZZY (1 2) {3}\r\nabc", ""},
		{"unknown tag", "A9 OK done", ""},
		{"odd verdict", "T1 MAYBE later", "T1 BAD later"},
		{"unexpected continuation", "+ go", ""},
		{"code in lower case", "* OK [uidvalidity 7] x", "* OK [UIDVALIDITY 7] x"},
		{"code without end", "* OK [oops x", "* OK oops x"},
		{"bad code", "* OK [UIDNEXT x] y", "* OK y"},
		{"unknown code", `T1 NO [WEBALERT "a]b] c] text`, "T1 NO [WEBALERT] b] c] text"},
		{"copyuid", "T1 OK [COPYUID 1 2:3,5 7:9] ok", "T1 OK [COPYUID 1 2:3,5 7:9] ok"},
		{"copyuid star", "T1 OK [COPYUID 1 2:* 7:9] ok", "T1 OK ok"},
		{"copyuid empty", "T1 OK [COPYUID 1  ] ok", "T1 OK ok"},
		{"appenduid set", "T1 OK [APPENDUID 1 2:3] ok", "T1 OK ok"},
		{"permanentflags", `* OK [PERMANENTFLAGS (\Seen a]b "" \*)] x`, `* OK [PERMANENTFLAGS (\Seen \*)] x`},
		{"brace in text", "* OK see {5}", "* OK see {5}"},
		{"capability", "* CAPABILITY IMAP4rev2 IMAP4rev1  X]", "* CAPABILITY IMAP4rev1"},
		{"exists with more", "* 5 EXISTS foo", "* 5 EXISTS"},
		{"list", `* LIST (\Marked "") "/" a{}b`, `* LIST (\Marked) "/" "a{}b"`},
		{"list extended", `* LIST () NIL x ("CHILDINFO" ("SUBSCRIBED"))`, `* LIST () NIL "x"`},
		{"list name", `* LIST () "/" "R&D"`, `* LIST () "/" "R&-D"`},
		{"list literal", "* LIST () \"/\" {4}\r\nCaf\xe9", `* LIST () "/" "Caf&AOk-"`},
		{"lsub", `* LSUB () "/" x`, ""},
		{"status", `* STATUS "R&D" (messages 4 UNSEEN x SIZE 9 FOO (1) UIDNEXT 5)`, `* STATUS "R&-D" (MESSAGES 4 SIZE 9 UIDNEXT 5)`},
		{"namespace", `* NAMESPACE (("INBOX." "." "X" ("a"))) nil`, `* NAMESPACE (("INBOX." ".")) NIL NIL`},
		{"search", "* SEARCH 2 84  x 882 99999999999 (MODSEQ 917)", "* SEARCH 2 84 882 (MODSEQ 917)"},
		{"esearch", `* ESEARCH (TAG "T1") uid ALL 1:3,5 COUNT 4 FOO (x)`, `* ESEARCH (TAG "T1") UID ALL 1:3,5 COUNT 4`},
		{"esearch without tag", `* ESEARCH UID COUNT 4`, `* ESEARCH  UID COUNT 4`},
		{"esearch star", `* ESEARCH (TAG "T1") UID ALL 1:*`, `* ESEARCH (TAG "T1") UID`},
		{"vanished", "* VANISHED (EARLIER) 1:5", ""},
		{"fetch", `* 1 FETCH (FLAGS (\Seen a]b "") UID 7 RFC822.SIZE -1 X-GM-MSGID 5 INTERNALDATE "30-Feb-2026 1:1:1")`, `* 1 FETCH (UID 7 FLAGS (\Seen) RFC822.SIZE 0)`},
		{"uid behind literal", "* 1 FETCH (BODY[1]<0> {3}\r\na\r\n UID 7)", "* 1 FETCH (UID 7 BODY[1]<0> {3}\r\na\r\n)"},
		{"header fields", "* 1 FETCH (UID 7 BODY[HEADER.FIELDS (\"References\" LIST-ID)] {2}\r\n\r\n)", "* 1 FETCH (UID 7 BODY[HEADER.FIELDS (\"REFERENCES\" LIST-ID)] {2}\r\n\r\n)"},
		{"odd section", "* 1 FETCH (UID 7 BODY[1.FOO] x)", "* 1 FETCH (UID 7)"},
		{"absent part", "* 1 FETCH (UID 7 BODY[9] nil)", "* 1 FETCH (UID 7 BODY[9] NIL)"},
		{"nothing left", "* 1 FETCH (PREVIEW x)", ""},
		{"broken value", `* 1 FETCH (UID 7 ENVELOPE (NIL "a" b" NIL FLAGS ())`, "* 1 FETCH (UID 7)"},
		{"modseq", "* 1 FETCH (MODSEQ 5 UID 7)", "* 1 FETCH (UID 7 MODSEQ (5))"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if want != "" {
				want += "\r\n"
			}
			got, err, why := filter(Budget{}, Limits{}, []byte(c.in+"\r\n"))
			if got != want || err != nil || why != nil {
				t.Errorf("got  %q (%v, %v)\nwant %q", got, err, why, want)
			}
		})
	}
}

// TestLimits checks that each limit ends the connection with its reason, and
// that what is within limits passes.
func TestLimits(t *testing.T) {
	long := strings.Repeat("x", 1000)
	big := "* 1 FETCH (UID 1 BODY[] {2000}\r\n" + strings.Repeat("m", 2000) + ")\r\n"
	small := Limits{Line: 500, Search: 3000, Literal: 1000}
	for _, c := range []struct {
		name string
		in   string
		b    Budget
		want error
	}{
		{"line", "* OK " + long, Budget{}, ErrLimit},
		{"endless", long + long, Budget{}, ErrLimit},
		{"search line", "* SEARCH" + strings.Repeat(" 5", 1000) + "\r\n", Budget{}, nil},
		{"search line too long", "* SEARCH" + strings.Repeat(" 5", 2000) + "\r\n", Budget{}, ErrLimit},
		{"literal", "* 1 FETCH (UID 1 ENVELOPE (NIL {2000}\r\n", Budget{}, ErrLimit},
		{"literal although body allowed", "* 1 FETCH (UID 1 ENVELOPE (NIL {2000}\r\n", Budget{BodyLiterals: true}, ErrLimit},
		{"huge literal", "* 1 FETCH (UID 1 BODY[] {9999999999}\r\n", Budget{}, ErrLimit},
		{"many literals", "* 1 FETCH (" + strings.Repeat("X {900}\r\n"+long[:900]+" ", 6), Budget{}, ErrLimit},
		{"body", big, Budget{}, ErrLimit},
		{"body allowed", big, Budget{BodyLiterals: true}, nil},
		{"budget", "* OK a\r\n* OK b\r\n", Budget{MaxBytes: 10}, ErrLimit},
		{"cut in literal", "* 1 FETCH (UID 1 BODY[] {20}\r\nabc", Budget{}, ErrShortLiteral},
		{"cut in line", "* 1 FETCH (UI", Budget{}, ErrShortLiteral},
		{"cut between", "* 1 EXISTS\r\n", Budget{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err, why := filter(c.b, small, []byte(c.in))
			if why != c.want {
				t.Errorf("Err() = %v, want %v", why, c.want)
			}
			if (err == nil) != (c.want == nil) {
				t.Errorf("Read ended with %v", err)
			}
			if c.want == ErrShortLiteral && err != io.ErrUnexpectedEOF {
				t.Errorf("Read ended with %v", err)
			}
		})
	}
}

// TestNeedItem checks trap T9: an unsolicited FETCH does not pass for the row.
func TestNeedItem(t *testing.T) {
	in := "* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n* 1 FETCH (FLAGS ())\r\n" +
		"* 1 FETCH (UID 7 FLAGS () ENVELOPE " + emptyEnvelope + ")\r\n* 2 FETCH (UID 8 ENVELOPE (NIL))\r\n* 3 FETCH (UID 9 BODY (\"x ENVELOPE ())\r\n"
	want := "* 1 FETCH (UID 7 FLAGS () ENVELOPE " + emptyEnvelope + ")\r\n* 2 FETCH (UID 8)\r\n* 3 FETCH (UID 9)\r\n"
	c := New(&fixed{pieces: [][]byte{[]byte(in)}}, Options{})
	c.Begin(Budget{NeedItem: "ENVELOPE"})
	c.Write([]byte(commands))
	out, _ := io.ReadAll(c)
	if string(out) != want || c.Dropped() != 2 {
		t.Errorf("got %q, dropped %d", out, c.Dropped())
	}
}

// TestLongSearch checks that a line cut into pieces keeps every number.
func TestLongSearch(t *testing.T) {
	for _, typ := range []string{"SEARCH", "SORT"} {
		in := "* " + typ + strings.Repeat(" 1234567890", 20000) + " (MODSEQ 5)\r\n"
		out, _, why := filter(Budget{}, Limits{}, []byte(in))
		if n := strings.Count(out, " 1234567890"); n != 20000 || why != nil {
			t.Errorf("%s: %d numbers, %v", typ, n, why)
		}
		if got := strings.Contains(out, "(MODSEQ 5)"); got != (typ == "SEARCH") {
			t.Errorf("%s: MODSEQ %v", typ, got)
		}
	}
}

// survives runs the real client on a stream and reports the error that ends its
// reading. Whatever the server says, the client must find it well formed.
func survives(t *testing.T, in []byte) (rows []*imapclient.FetchMessageBuffer) {
	t.Helper()
	server, client := net.Pipe()
	defer server.Close()
	// The answers to the client's own CAPABILITY and to our commands are in the
	// stream or never come; the end of the stream ends them all.
	go io.Copy(io.Discard, server)
	w := New(client, Options{Greeting: []byte("* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"), Note: func(Note) {}})
	c := imapclient.New(w, nil)
	if err := c.WaitGreeting(); err != nil {
		t.Fatal(err)
	}
	w.Begin(Budget{})
	sel := c.Select("INBOX", nil)
	list := c.List("", "*", nil)
	search := c.UIDSearch(&imap.SearchCriteria{}, nil)
	fetch := c.Fetch(imap.UIDSetNum(1, 2, 3, 7, 8, 9), &imap.FetchOptions{UID: true,
		BodySection: []*imap.FetchItemBodySection{{Specifier: Preview, Peek: true}}})
	go func() {
		server.Write(in)
		server.Close()
	}()
	go list.Collect()
	go sel.Wait()
	rows, _ = fetch.Collect()
	_, err := search.Wait()
	c.Close()
	<-c.Closed()
	var known *imap.Error
	if w.Err() == nil && err != nil && !errors.As(err, &known) && !strings.Contains(err.Error(), io.ErrUnexpectedEOF.Error()) {
		t.Fatalf("the client could not read its input: %v", err)
	}
	return rows
}
