package wire_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession/wire"
	"oriel/internal/imapscript"
)

// dial puts the real client on top of a wire on top of a scripted server.
func dial(t *testing.T, m *imapscript.Mailbox, o wire.Options) (*wire.Conn, *imapclient.Client, *imapscript.Server) {
	t.Helper()
	s := imapscript.Start(t, m.Serve)
	w := wire.New(s.Dial(t), o)
	c := imapclient.New(w, nil)
	t.Cleanup(func() { w.Close(); <-c.Closed() })
	if err := c.WaitGreeting(); err != nil {
		t.Fatal(err)
	}
	if err := c.Login("user", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	return w, c, s
}

// answer replaces the answer to UID FETCH, and to nothing else.
func answer(f func(c *imapscript.Conn, cmd imapscript.Command)) *imapscript.Mailbox {
	return &imapscript.Mailbox{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID FETCH" {
			f(c, cmd)
			return true
		}
		return false
	}}
}

var rowOptions = &imap.FetchOptions{UID: true, Flags: true, Envelope: true, InternalDate: true, RFC822Size: true,
	BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}

// alive fails the test when the connection does not take another command.
func alive(t *testing.T, w *wire.Conn, c *imapclient.Client) {
	t.Helper()
	if err := c.Noop().Wait(); err != nil || w.Err() != nil {
		t.Errorf("the connection did not survive: %v (%v)", err, w.Err())
	}
}

// TestDeepStructure is T2: nested parentheses used to end the whole process.
func TestDeepStructure(t *testing.T) {
	deep := func(n int) *imapscript.Mailbox {
		return answer(func(c *imapscript.Conn, cmd imapscript.Command) {
			c.Send("* 1 FETCH (UID 1 FLAGS (\\Seen) BODYSTRUCTURE ")
			c.Flood("(", n)
			c.Send(")\r\n")
			c.OK(cmd, "done")
		})
	}
	w, c, _ := dial(t, deep(500_000), wire.Options{})
	rows, err := c.Fetch(imap.UIDSetNum(1), rowOptions).Collect()
	if err != nil || len(rows) != 1 || len(rows[0].Flags) != 1 || rows[0].BodyStructure != nil {
		t.Errorf("half a megabyte of parentheses: %+v, %v", rows, err)
	}
	alive(t, w, c)
	w, c, _ = dial(t, deep(8<<20), wire.Options{})
	if _, err := c.Fetch(imap.UIDSetNum(1), rowOptions).Collect(); err == nil || w.Err() != wire.ErrLimit {
		t.Errorf("8 MB of parentheses: %v, %v", err, w.Err())
	}
}

// TestMemory is T3: what the server sends does not stay in memory.
func TestMemory(t *testing.T) {
	floods := map[string]func(c *imapscript.Conn){
		"literal": func(c *imapscript.Conn) {
			c.Send("* 1 FETCH (UID 1 ENVELOPE (NIL {268435456}\r\n")
			c.Flood(strings.Repeat("x", 1<<16), 4096)
		},
		"body": func(c *imapscript.Conn) {
			c.Send("* 1 FETCH (UID 1 BODY[] {268435456}\r\n")
			c.Flood(strings.Repeat("x", 1<<16), 4096)
		},
		"line":         func(c *imapscript.Conn) { c.Flood(strings.Repeat("x", 1<<16), 4096) },
		"unknown":      func(c *imapscript.Conn) { c.Flood("* XYZZY nothing\r\n", 16<<20) },
		"flag changes": func(c *imapscript.Conn) { c.Flood("* 1 FETCH (FLAGS (\\Seen))\r\n", 16<<20) },
		"structure": func(c *imapscript.Conn) {
			c.Send("* 1 FETCH (UID 1 BODYSTRUCTURE (")
			c.Flood("() ", 300_000)
			c.Send("))\r\n")
			c.Drop()
		},
	}
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			w, c, _ := dial(t, answer(func(c *imapscript.Conn, _ imapscript.Command) { flood(c) }), wire.Options{})
			stop, peak := make(chan bool), make(chan uint64)
			go watchHeap(stop, peak)
			w.Begin(wire.Budget{MaxBytes: 16 << 20, NeedItem: "ENVELOPE"})
			_, err := c.Fetch(imap.UIDSetNum(1), rowOptions).Collect()
			close(stop)
			if err == nil || name != "structure" && w.Err() != wire.ErrLimit {
				t.Errorf("ended with %v, %v", err, w.Err())
			}
			if grown := <-peak; grown > 64<<20 {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
		})
	}
}

// watchHeap reports by how much the heap grew until stop.
func watchHeap(stop chan bool, peak chan<- uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	start, most := m.HeapAlloc, m.HeapAlloc
	for {
		select {
		case <-stop:
			peak <- most - start
			return
		case <-time.After(5 * time.Millisecond):
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
}

// TestShortLiteral is T4: a literal cut short is an error for its reader.
func TestShortLiteral(t *testing.T) {
	for _, size := range []string{"100000", "1000000"} { // held until complete, and passed on as it comes
		t.Run(size, func(t *testing.T) {
			w, c, _ := dial(t, answer(func(c *imapscript.Conn, _ imapscript.Command) {
				c.Send("* 1 FETCH (UID 1 BODY[] {" + size + "}\r\nabc")
				c.Drop()
			}), wire.Options{})
			w.Begin(wire.Budget{BodyLiterals: true})
			cmd := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
			if msg := cmd.Next(); msg != nil {
				for item := msg.Next(); item != nil; item = msg.Next() {
					if body, ok := item.(imapclient.FetchItemDataBodySection); ok {
						if b, err := io.ReadAll(body.Literal); !errors.Is(err, io.ErrUnexpectedEOF) {
							t.Errorf("the reader got %d bytes and %v", len(b), err)
						}
					}
				}
			}
			if err := cmd.Close(); err == nil || w.Err() != wire.ErrShortLiteral {
				t.Errorf("ended with %v, %v", err, w.Err())
			}
		})
	}
}

// TestAbandonedLiteral is T5: closing the connection first frees everything that
// waits behind a literal nobody reads.
func TestAbandonedLiteral(t *testing.T) {
	w, c, s := dial(t, answer(func(c *imapscript.Conn, _ imapscript.Command) {
		c.Send("* 1 FETCH (UID 1 BODY[] {26214400}\r\n")
		c.Flood(strings.Repeat("x", 1<<16), 400)
		c.Hang()
	}), wire.Options{})
	w.Begin(wire.Budget{BodyLiterals: true})
	cmd := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	cmd.Next().Next()
	w.Close()
	if err := cmd.Close(); err == nil {
		t.Error("an abandoned fetch ended well")
	}
	if err := c.Noop().Wait(); err == nil {
		t.Error("the connection still answers")
	}
	if w.Err() != nil {
		t.Errorf("closing on purpose is blamed on %v", w.Err())
	}
	if _, out := w.Bytes(); out == 0 || s.Sent("UID FETCH") != 1 {
		t.Error("nothing was sent")
	}
}

// TestTimeouts is T6: every wait ends, and nothing else does.
func TestTimeouts(t *testing.T) {
	hang := &imapscript.Mailbox{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		switch cmd.Name {
		case "NOOP":
			c.Hang()
		case "UID FETCH":
			c.Send("* 1 FETCH (UID 1 BODY[] {1000000}\r\nabc")
			c.Hang()
		case "CHECK", "IDLE":
			c.Send("+ idling\r\n")
			c.Line()
			c.Hang()
		}
		return false
	}}
	short := 30 * time.Millisecond
	t.Run("no answer", func(t *testing.T) {
		w, c, _ := dial(t, hang, wire.Options{})
		w.Begin(wire.Budget{First: short, Progress: time.Hour})
		if err := c.Noop().Wait(); err == nil || w.Err() != wire.ErrTimeout {
			t.Errorf("ended with %v, %v", err, w.Err())
		}
	})
	t.Run("stalled literal", func(t *testing.T) {
		w, c, _ := dial(t, hang, wire.Options{})
		w.Begin(wire.Budget{First: time.Hour, Progress: short, BodyLiterals: true})
		_, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
		if err == nil || w.Err() != wire.ErrTimeout {
			t.Errorf("ended with %v, %v", err, w.Err())
		}
	})
	t.Run("done", func(t *testing.T) {
		w, c, _ := dial(t, hang, wire.Options{})
		idle, err := c.Idle()
		if err != nil {
			t.Fatal(err)
		}
		w.Begin(wire.Budget{First: short})
		idle.Close()
		if err := idle.Wait(); err == nil || w.Err() != wire.ErrTimeout {
			t.Errorf("ended with %v, %v", err, w.Err())
		}
	})
	t.Run("idle", func(t *testing.T) {
		w, c, _ := dial(t, &imapscript.Mailbox{}, wire.Options{})
		w.Begin(wire.Budget{First: short, Progress: short})
		w.End()
		<-time.After(4 * short)
		alive(t, w, c)
	})
}

// TestClientDeadlines checks that go-imap's own deadlines do nothing.
func TestClientDeadlines(t *testing.T) {
	w, c, _ := dial(t, &imapscript.Mailbox{}, wire.Options{})
	w.SetDeadline(time.Unix(1, 0))
	w.SetReadDeadline(time.Unix(1, 0))
	w.SetWriteDeadline(time.Unix(1, 0))
	alive(t, w, c)
}

// TestMalformedRows is T11: each of these used to end the connection.
func TestMalformedRows(t *testing.T) {
	const envelope = `(NIL "hi" NIL NIL NIL NIL NIL NIL NIL "<1@x>")`
	const text = `("text" "plain" NIL NIL NIL "7bit" 5 1)`
	single := func(f func(b *imap.BodyStructureSinglePart) bool) func(r *imapclient.FetchMessageBuffer) bool {
		return func(r *imapclient.FetchMessageBuffer) bool {
			b, ok := r.BodyStructure.(*imap.BodyStructureSinglePart)
			return ok && f(b)
		}
	}
	multi := func(children int, subtype string) func(r *imapclient.FetchMessageBuffer) bool {
		return func(r *imapclient.FetchMessageBuffer) bool {
			b, ok := r.BodyStructure.(*imap.BodyStructureMultiPart)
			return ok && len(b.Children) == children && strings.EqualFold(b.Subtype, subtype)
		}
	}
	for _, k := range []struct {
		name, items string
		good        func(r *imapclient.FetchMessageBuffer) bool
	}{
		{"nil in lower case", `ENVELOPE (nil "hi" nil Nil nil nil nil nil nil nil)`, func(r *imapclient.FetchMessageBuffer) bool { return r.Envelope.Subject == "hi" }},
		{"unescaped quote", `ENVELOPE (NIL "a"b" NIL NIL NIL NIL NIL NIL NIL NIL)`, func(r *imapclient.FetchMessageBuffer) bool { return r.Envelope.Subject == `a"b` }},
		{"hopeless quotes", `ENVELOPE (NIL "a "b" c" NIL NIL NIL NIL NIL NIL NIL NIL)`, func(r *imapclient.FetchMessageBuffer) bool { return r.Envelope == nil }},
		{"impossible date", `INTERNALDATE "31-Feb-2026 10:00:00 +0000"`, func(r *imapclient.FetchMessageBuffer) bool { return r.InternalDate.IsZero() }},
		{"size -1", `RFC822.SIZE -1`, func(r *imapclient.FetchMessageBuffer) bool { return r.RFC822Size == 0 }},
		{"bracket in flags", `FLAGS (\Seen a]b "")`, func(r *imapclient.FetchMessageBuffer) bool { return len(r.Flags) == 1 }},
		{"unknown items", `PREVIEW "x" X-GM-MSGID 5 EMAILID (M1) RFC822.HEADER {3}` + "\r\nabc", func(r *imapclient.FetchMessageBuffer) bool { return true }},
		{"disposition as string", `BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 5 1 NIL "attachment" NIL NIL)`,
			single(func(b *imap.BodyStructureSinglePart) bool { return b.Disposition().Value == "attachment" })},
		{"no children", `BODYSTRUCTURE ("ALTERNATIVE")`, func(r *imapclient.FetchMessageBuffer) bool { return r.BodyStructure == nil }},
		{"child without children", `BODYSTRUCTURE (` + text + `("ALTERNATIVE") "mixed")`, multi(2, "mixed")},
		{"nil child", `BODYSTRUCTURE (NIL ` + text + ` "mixed")`, multi(2, "mixed")},
		{"last child nil", `BODYSTRUCTURE (` + text + ` NIL "mixed")`, multi(2, "mixed")},
		{"multipart nil subtype", `BODYSTRUCTURE (` + text + ` NIL)`, multi(1, "mixed")},
		{"nil subtype", `BODYSTRUCTURE ("text" NIL NIL NIL NIL NIL 5 1)`, single(func(b *imap.BodyStructureSinglePart) bool { return b.Type == "text" })},
		{"nil type", `BODYSTRUCTURE (NIL NIL NIL NIL NIL NIL 5)`, single(func(b *imap.BodyStructureSinglePart) bool { return b.Type == "application" })},
		{"nil parameter", `BODYSTRUCTURE ("text" "plain" ("charset" NIL "" "x" "name") NIL NIL "7bit" -1 1)`,
			single(func(b *imap.BodyStructureSinglePart) bool { return len(b.Params) == 1 })},
		{"rfc822 without envelope", `BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 50 NIL ("attachment" ("filename" "a.eml")) NIL NIL)`,
			single(func(b *imap.BodyStructureSinglePart) bool {
				return b.Subtype == "rfc822" && b.Params["name"] == "a.eml"
			})},
		{"global without envelope", `BODYSTRUCTURE (` + text + ` ("message" "global" NIL NIL NIL "8bit" 50 NIL NIL NIL NIL) "mixed" NIL NIL NIL NIL)`, multi(2, "mixed")},
		{"rfc822 with broken parts", `BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 50 (NIL) () 3 NIL NIL NIL NIL)`,
			single(func(b *imap.BodyStructureSinglePart) bool { return b.MessageRFC822 != nil })},
		{"rfc822", `BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 50 ` + envelope + ` ` + text + ` 3 NIL ("inline" NIL) ("de" "en") "loc")`,
			single(func(b *imap.BodyStructureSinglePart) bool {
				return b.MessageRFC822.Envelope.Subject == "hi" && b.MessageRFC822.NumLines == 3 && b.Disposition().Value == "inline" &&
					len(b.Extended.Language) == 2 && b.Extended.Location == "loc"
			})},
	} {
		t.Run(k.name, func(t *testing.T) {
			w, c, _ := dial(t, answer(func(c *imapscript.Conn, cmd imapscript.Command) {
				c.Send("* 1 FETCH (UID 1)\r\n* 2 FETCH (" + k.items + " UID 2)\r\n* 3 FETCH (UID 3)\r\n")
				c.OK(cmd, "done")
			}), wire.Options{})
			rows, err := c.Fetch(imap.UIDSetNum(1, 2, 3), rowOptions).Collect()
			if err != nil || len(rows) != 3 || !k.good(rows[1]) {
				t.Errorf("rows %+v, %v", rows, err)
			}
			alive(t, w, c)
		})
	}
}

// TestMalformedStream is the rest of T11: lines that are no answers.
func TestMalformedStream(t *testing.T) {
	w, c, _ := dial(t, &imapscript.Mailbox{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "NOOP" {
			c.Send("\r\n* XYZZY {3}\r\nabc x\r\n* \r\nA7 OK who\r\n+ go on\r\n* VANISHED 1:5\r\n* OK [COPYUID 1 * *] x\r\n* LSUB () NIL x\r\n* OK\r\n")
		}
		return false
	}}, wire.Options{})
	alive(t, w, c)
	alive(t, w, c)
}

// TestAbsentPart is T16: an absent part is empty or missing, not fatal.
func TestAbsentPart(t *testing.T) {
	for _, absent := range []string{"{0}\r\n", "NIL", "nil", `""`} {
		w, c, _ := dial(t, answer(func(c *imapscript.Conn, cmd imapscript.Command) {
			c.Send("* 1 FETCH (UID 1 BODY[9] " + absent + ")\r\n")
			c.OK(cmd, "done")
		}), wire.Options{})
		rows, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Part: []int{9}}}}).Collect()
		if err != nil || len(rows) != 1 || len(rows[0].BodySection) != 1 || len(rows[0].BodySection[0].Bytes) != 0 {
			t.Errorf("%q: %+v, %v", absent, rows, err)
		}
		alive(t, w, c)
	}
}

// TestNames checks that a folder with an illegal name is listed, opened and
// written to in the server's spelling, on another connection too.
func TestNames(t *testing.T) {
	m := &imapscript.Mailbox{Folders: map[string][]*imapscript.Message{"R&D": {{UID: 1}}, "Caf\xe9 \xff": nil, "&AMk-": nil, "Plain": nil, "&-": nil, "&": nil}}
	names := wire.NewNames()
	_, c, _ := dial(t, m, wire.Options{Names: names})
	l, err := c.List("", "*", nil).Collect()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, f := range l {
		seen[f.Mailbox]++
	}
	for _, name := range []string{"R&D", "Café ÿ", "É", "Plain", "INBOX"} {
		if seen[name] != 1 {
			t.Errorf("%q is listed %d times: %v", name, seen[name], seen)
		}
	}
	w, c, s := dial(t, m, wire.Options{Names: names})
	for _, name := range []string{"R&D", "Café ÿ", "É", "&"} {
		if _, err := c.Select(name, nil).Wait(); err != nil {
			t.Errorf("opening %q: %v", name, err)
		}
	}
	st, err := c.Status("R&D", &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil || st.NumMessages == nil || *st.NumMessages != 1 {
		t.Errorf("status: %+v, %v", st, err)
	}
	if s.Sent(`SELECT "R&D"`) != 1 || s.Sent("SELECT \"Caf\xe9 \xff\"") != 1 || s.Sent(`SELECT "&-"`) != 1 || s.Sent(`SELECT "&"`) != 0 {
		t.Errorf("sent %q", s.Commands())
	}
	alive(t, w, c)
}

// TestUnsolicitedRow is T9 with the real client: a flag change that comes first
// does not take the place of the row.
func TestUnsolicitedRow(t *testing.T) {
	w, c, _ := dial(t, answer(func(c *imapscript.Conn, cmd imapscript.Command) {
		c.Send("* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n")
		c.Send("* 1 FETCH (ENVELOPE (NIL \"hi\" NIL NIL NIL NIL NIL NIL NIL NIL) BODY[1] {2}\r\nhi UID 1)\r\n")
		c.OK(cmd, "done")
	}), wire.Options{})
	w.Begin(wire.Budget{NeedItem: "ENVELOPE"})
	rows, err := c.Fetch(imap.UIDSetNum(1), rowOptions).Collect()
	if err != nil || len(rows) != 1 || rows[0].Envelope == nil || rows[0].Envelope.Subject != "hi" || w.Dropped() != 1 {
		t.Errorf("rows %+v, %v, dropped %d", rows, err, w.Dropped())
	}
}

// TestExpungeOfNothing checks that an expunge of message 0 does not end the
// client's reading of expunges early: it would never read anything again.
func TestExpungeOfNothing(t *testing.T) {
	w, c, _ := dial(t, &imapscript.Mailbox{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID EXPUNGE" {
			c.Send("* 0 EXPUNGE\r\n* 0 EXPUNGE\r\n")
			c.Flood("* 1 EXPUNGE\r\n", 500)
			c.OK(cmd, "done")
			return true
		}
		return false
	}}, wire.Options{})
	if l, err := c.UIDExpunge(imap.UIDSetNum(1)).Collect(); err != nil || len(l) != 500 {
		t.Errorf("%d expunges, %v", len(l), err)
	}
	alive(t, w, c)
}

// TestLargeBody checks that a large literal flows through unchanged, with what
// stands before and behind it.
func TestLargeBody(t *testing.T) {
	body := strings.Repeat("0123456789abcde\n", 1<<17)
	w, c, _ := dial(t, answer(func(c *imapscript.Conn, cmd imapscript.Command) {
		c.Send("* 1 FETCH (UID 1 FLAGS (\\Seen) BODY[] {%d}\r\n%s X-FOO 5 RFC822.SIZE %d)\r\n", len(body), body, len(body))
		c.OK(cmd, "done")
	}), wire.Options{})
	w.Begin(wire.Budget{BodyLiterals: true})
	rows, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	if err != nil || len(rows) != 1 || string(rows[0].BodySection[0].Bytes) != body || rows[0].RFC822Size != int64(len(body)) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	alive(t, w, c)
}
