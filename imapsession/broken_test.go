package imapsession_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"oriel/imapsession"
	"oriel/internal/imapscript"
)

// badItems are answers that go-imap cannot read, one message's each (T11).
var badItems = map[string]map[string]string{
	"structure without type":  {"BODYSTRUCTURE": `("ALTERNATIVE")`},
	"structure NIL":           {"BODYSTRUCTURE": "NIL"},
	"lower-case nil":          {"ENVELOPE": `(nil nil nil nil nil nil nil nil nil nil)`},
	"envelope cut":            {"ENVELOPE": `("a" "b")`},
	"nested without envelope": {"BODYSTRUCTURE": `("message" "rfc822" NIL NIL NIL "7bit" 12)`},
	"disposition a string":    {"BODYSTRUCTURE": `("text" "plain" NIL NIL NIL "7bit" 12 1 NIL "inline" NIL NIL)`},
	"impossible date":         {"INTERNALDATE": `"31-Feb-2026 10:00:00 +0000"`},
	"negative size":           {"RFC822.SIZE": "-1"},
	"flags":                   {"FLAGS": `(\Seen ] "")`},
	"deep":                    {"BODYSTRUCTURE": strings.Repeat("(", 3000) + `"text"` + strings.Repeat(")", 3000)},
	"huge envelope":           {"ENVELOPE": `("` + strings.Repeat("x", 3<<20) + `" NIL NIL NIL NIL NIL NIL NIL NIL NIL)`},
}

// TestBrokenRows: one bad message among others costs the folder nothing, and can
// be opened as far as anybody can read it.
func TestBrokenRows(t *testing.T) {
	for name, items := range badItems {
		t.Run(name, func(t *testing.T) {
			m := inbox(modern, 30)
			bad := m.Folders["INBOX"][11]
			bad.Items = items
			bad.Header = "From: Old Program <old@example.org>\r\nSubject: =?utf-8?q?kapu=C3=B6tt?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
			bad.Text = "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n--b\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"
			s, srv := signIn(t, m, imapsession.Options{})
			for range 2 {
				l := list(t, s)
				if len(l.Rows) != 30 {
					t.Fatalf("%d rows", len(l.Rows))
				}
				for _, r := range l.Rows {
					if r.UID != 12 && (r.Broken || r.Subject != fmt.Sprintf("message %d", r.UID)) {
						t.Errorf("good row is %+v", r)
					}
					if r.UID == 12 && r.Broken && (r.Subject != "kapuött" || len(r.From) != 1 || r.From[0].Addr != "old@example.org") {
						t.Errorf("broken row is %+v", r)
					}
				}
			}
			if n := srv.Accepted(); n > 6 {
				t.Errorf("%d connections for one bad message", n)
			}
			before := srv.Accepted()
			list(t, s)
			if n := srv.Accepted(); n != before {
				t.Error("the bad message breaks another connection each time")
			}
			msg, err := s.Message(t.Context(), ref(12))
			if err != nil || len(msg.Texts)+len(msg.Body.Attachments) == 0 {
				t.Fatalf("message is %+v, %v", msg, err)
			}
			if !msg.Broken {
				return // its row could be repaired; the rest is what the server says
			}
			if msg.Texts[0].Content != "Grüße" || len(msg.Body.Attachments) != 1 || !msg.Attachment {
				t.Errorf("message is %+v", msg)
			}
			p, err := s.Part(t.Context(), ref(12), "2")
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if b, err := io.ReadAll(p); err != nil || string(b) != "hello" || p.Info.Name != "a.zip" {
				t.Errorf("part is %q (%+v), %v", b, p.Info, err)
			}
		})
	}
}

// TestQuarantine: answers that end the connection, whatever the reason. The
// culprit is found, asked for less and less, and remembered.
func TestQuarantine(t *testing.T) {
	for name, poison := range map[string]func(items string) bool{
		"rows":           func(items string) bool { return strings.Contains(items, "BODYSTRUCTURE") },
		"rows and flags": func(items string) bool { return strings.Contains(items, "FLAGS") },
		"everything":     func(items string) bool { return !strings.HasPrefix(items, "(UID FLAGS)") || true },
	} {
		for _, bad := range [][]uint32{{5}, {1, 2, 30}} {
			m := inbox(modern, 30)
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name != "UID FETCH" {
					return false
				}
				set, items, _ := strings.Cut(cmd.Args, " ")
				for _, uid := range bad {
					if poison(items) && inSet(set, uid) {
						// A literal that large is over the limit for what is no body.
						c.Send("* 1 FETCH (UID 1 ENVELOPE ({300000000}\r\n")
						c.Hang()
						return true
					}
				}
				return false
			}
			s, srv := signIn(t, m, imapsession.Options{})
			l := list(t, s)
			broken := 0
			for _, r := range l.Rows {
				if r.Broken {
					broken++
				}
			}
			if len(l.Rows) != 30 || broken != len(bad) {
				t.Errorf("%s %v: %d rows, %d broken, %d connections", name, bad, len(l.Rows), broken, srv.Accepted())
			}
			before := srv.Accepted()
			if l = list(t, s); len(l.Rows) != 30 || srv.Accepted() != before {
				t.Errorf("%s %v: the second list has %d rows after %d more connections", name, bad, len(l.Rows), srv.Accepted()-before)
			}
		}
	}
}

func inSet(set string, uid uint32) bool {
	for _, r := range strings.Split(set, ",") {
		var lo, hi uint32
		if n, _ := fmt.Sscanf(r, "%d:%d", &lo, &hi); n == 1 {
			hi = lo
		}
		if lo <= uid && uid <= hi {
			return true
		}
	}
	return false
}

// TestAllBroken: a folder of nothing but bad messages is listed too.
func TestAllBroken(t *testing.T) {
	m := inbox(modern, 40)
	for _, msg := range m.Folders["INBOX"] {
		msg.Items = map[string]string{"BODYSTRUCTURE": `("ALTERNATIVE")`, "ENVELOPE": "()"}
	}
	s, srv := signIn(t, m, imapsession.Options{})
	l := list(t, s)
	if len(l.Rows) != 40 || !l.Rows[0].Broken || l.Rows[0].Subject != "message 40" {
		t.Errorf("rows are %+v", l.Rows)
	}
	if n := srv.Accepted(); n > 25 {
		t.Errorf("%d connections", n)
	}
}
