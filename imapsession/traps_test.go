package imapsession_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// The tests are named after the traps (T1, T5, …) of go-imap and of real servers
// that imapsession must not fall into.

// TestT1MoveWithoutMOVE: a refused COPY deletes nothing, a refused STORE expunges
// nothing, and without UIDPLUS there is no EXPUNGE at all.
func TestT1MoveWithoutMOVE(t *testing.T) {
	refuse := func(name string) func(c *imapscript.Conn, cmd imapscript.Command) bool {
		return func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == name {
				c.No(cmd, "[OVERQUOTA] Mailbox is full")
				return true
			}
			return false
		}
	}
	tests := map[string]struct {
		caps, refuse, dst string
		kind              mail.Kind
		done              int
		left              string // in INBOX as a list shows it
		store, expunge    int
	}{
		"moves":                {"IMAP4rev1 UIDPLUS", "", "Trash", mail.Internal, 2, "1", 1, 1},
		"without UIDPLUS":      {"IMAP4rev1", "", "Trash", mail.Internal, 2, "1", 1, 0},
		"missing destination":  {"IMAP4rev1 UIDPLUS", "", "nowhere", mail.NoFolder, 0, "3 2 1", 0, 0},
		"missing, no UIDPLUS":  {"IMAP4rev1", "", "nowhere", mail.NoFolder, 0, "3 2 1", 0, 0},
		"COPY refused":         {"IMAP4rev1 UIDPLUS", "UID COPY", "Trash", mail.OverQuota, 0, "3 2 1", 0, 0},
		"STORE refused":        {"IMAP4rev1 UIDPLUS", "UID STORE", "Trash", mail.OverQuota, 0, "3 2 1", 1, 0},
		"MOVE refused":         {modern, "UID MOVE", "Trash", mail.OverQuota, 0, "3 2 1", 0, 0},
		"MOVE, but no UIDPLUS": {"IMAP4rev1 MOVE", "", "Trash", mail.Internal, 2, "1", 0, 0},
		"MOVE, nowhere":        {modern, "", "nowhere", mail.NoFolder, 0, "3 2 1", 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := inbox(test.caps, 3)
			m.Hook = refuse(test.refuse)
			s, srv := signIn(t, m, imapsession.Options{})
			res, err := s.Move(t.Context(), []mail.Ref{ref(2), ref(3)}, test.dst)
			if mail.KindOf(err) != test.kind || test.kind == mail.Internal && err != nil || len(res.Done) != test.done {
				t.Errorf("move: %+v, %v", res, err)
			}
			if got := rowUIDs(list(t, s)); got != test.left {
				t.Errorf("left are %q, want %q", got, test.left)
			}
			if srv.Sent("UID STORE") != test.store || srv.Sent("UID EXPUNGE") != test.expunge || srv.Sent("EXPUNGE") != 0 {
				t.Errorf("commands: %q", srv.Commands())
			}
			if !strings.Contains(test.caps, "UIDPLUS") && len(res.Moved) != 0 {
				t.Errorf("moved to %v although the server did not say", res.Moved)
			}
		})
	}
}

// TestDeleteWithoutUIDPLUS marks and hides.
func TestDeleteWithoutUIDPLUS(t *testing.T) {
	s, srv := signIn(t, inbox("IMAP4rev1", 3), imapsession.Options{})
	list(t, s)
	res, err := s.Delete(t.Context(), []mail.Ref{ref(2), ref(9)})
	if err != nil || uids(res.Done) != "2" || uids(res.Gone) != "9" {
		t.Errorf("delete: %+v, %v", res, err)
	}
	if l := list(t, s); rowUIDs(l) != "3 1" || l.Matches != 2 {
		t.Errorf("list shows %s of %d", rowUIDs(l), l.Matches)
	}
	if srv.Sent("UID EXPUNGE")+srv.Sent("EXPUNGE") != 0 {
		t.Errorf("commands: %q", srv.Commands())
	}
}

// TestT4T5Drops: the connection breaks in the middle of a part. What came is
// never passed off as the whole, and nothing hangs.
func TestT4T5Drops(t *testing.T) {
	const size = 600 << 10 // streamed, in one command
	m := inbox(modern, 1)
	m.Folders["INBOX"][0].Items = map[string]string{"BODYSTRUCTURE": fmt.Sprintf(`("application" "pdf" NIL NIL NIL "7bit" %d NIL NIL NIL NIL)`, size)}
	mode := make(chan string, 1)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID FETCH" || !strings.Contains(cmd.Args, "BODY.PEEK[1]") || strings.Contains(cmd.Args, "<0.768>") {
			return false
		}
		full := strings.Repeat("x", size)
		switch how := <-mode; how {
		case "cut":
			c.Send("* 1 FETCH (UID 1 BODY[1] {%d}\r\n%s", size, full[:size/2])
			c.Drop()
		case "stall":
			c.Send("* 1 FETCH (UID 1 BODY[1] {%d}\r\n%s", size, full[:size/2])
			c.Hang()
		case "whole":
			c.Send("* 1 FETCH (UID 1 BODY[1] {%d}\r\n%s)\r\n", size, full)
			c.OK(cmd, "done")
		}
		return true
	}
	s, _ := signIn(t, m, imapsession.Options{Limits: impatient})
	for how, kind := range map[string]mail.Kind{"cut": mail.Dropped, "stall": mail.Timeout, "whole": mail.Internal} {
		mode <- how
		p, err := s.Part(t.Context(), ref(1), "1")
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		n, err := io.Copy(io.Discard, p)
		if kind == mail.Internal {
			if err != nil || n != size {
				t.Errorf("%s: %d octets, %v", how, n, err)
			}
		} else if err == nil || mail.KindOf(err) != kind {
			t.Errorf("%s: %d octets, %v", how, n, err)
		}
		p.Close()
		p.Close()
	}
	// Closing early, and cancelling, with content on its way (T5).
	for range 3 {
		mode <- "stall"
		ctx, cancel := context.WithCancel(t.Context())
		p, err := s.Part(ctx, ref(1), "1")
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(p, make([]byte, 1000))
		p.Close()
		cancel()
	}
	list(t, s)
}

// TestSmallDrops: a part or a list cut once is read again; cut twice it is an error.
func TestSmallDrops(t *testing.T) {
	for _, cuts := range []int{1, 2} {
		for name, read := range map[string]func(s *imapsession.Session) error{
			"part": func(s *imapsession.Session) error {
				p, err := s.Part(t.Context(), ref(2), "1")
				if err != nil {
					return err
				}
				defer p.Close()
				b, err := io.ReadAll(p)
				if err == nil && string(b) != "words of 2\r\n" {
					t.Errorf("part is %q", b)
				}
				return err
			},
			"list": func(s *imapsession.Session) error {
				l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
				if err == nil && len(l.Rows) != 3 {
					t.Errorf("%d rows", len(l.Rows))
				}
				return err
			},
			"message": func(s *imapsession.Session) error {
				_, err := s.Message(t.Context(), ref(2))
				return err
			},
		} {
			m := inbox(modern, 3)
			left := make(chan bool, cuts)
			for range cuts {
				left <- true
			}
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name != "UID FETCH" {
					return false
				}
				select {
				case <-left:
					c.Send("* 1 FETCH (UID 1 BODY[1] {100}\r\nabc")
					c.Drop()
					return true
				default:
					return false
				}
			}
			s, srv := signIn(t, m, imapsession.Options{})
			err := read(s)
			if cuts == 1 && err != nil || cuts == 2 && mail.KindOf(err) != mail.Dropped {
				t.Errorf("%s cut %d times: %v", name, cuts, err)
			}
			if n := srv.Accepted(); n != 2 {
				t.Errorf("%s cut %d times: %d connections", name, cuts, n)
			}
		}
	}
}

// TestT6BlackHole: a server that takes a command and says nothing more.
func TestT6BlackHole(t *testing.T) {
	actions := map[string]func(s *imapsession.Session) error{
		"LIST":      func(s *imapsession.Session) error { _, err := s.Folders(t.Context(), true); return err },
		"NAMESPACE": func(s *imapsession.Session) error { _, err := s.Folders(t.Context(), true); return err },
		"STATUS":    func(s *imapsession.Session) error { _, err := s.Validity(t.Context(), "Trash"); return err },
		"SELECT":    func(s *imapsession.Session) error { _, err := s.Message(t.Context(), ref(1)); return err },
		"UID FETCH": func(s *imapsession.Session) error { _, err := s.Message(t.Context(), ref(1)); return err },
		"UID SEARCH": func(s *imapsession.Session) error {
			_, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
			return err
		},
		"UID STORE": func(s *imapsession.Session) error {
			_, err := s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{`\Seen`}, nil)
			return err
		},
		"UID MOVE": func(s *imapsession.Session) error {
			_, err := s.Move(t.Context(), []mail.Ref{ref(1)}, "Trash")
			return err
		},
		"UID COPY": func(s *imapsession.Session) error {
			_, err := s.Copy(t.Context(), []mail.Ref{ref(1)}, "Trash")
			return err
		},
		"CREATE": func(s *imapsession.Session) error { _, err := s.CreateRole(t.Context(), mail.Archive, ""); return err },
	}
	for name, act := range actions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := inbox(modern, 2)
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name == name {
					c.Hang()
					return true
				}
				return false
			}
			s, _ := signIn(t, m, imapsession.Options{Limits: impatient})
			start := time.Now()
			err := act(s)
			if k := mail.KindOf(err); k != mail.Timeout && k != mail.Unknown && k != mail.Dropped {
				t.Errorf("error is %v", err)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
			// The Session itself is well.
			if name != "LIST" && name != "NAMESPACE" {
				if _, err := s.Folders(t.Context(), true); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			}
		})
	}
}

// TestT9Unsolicited: flag changes that nobody asked for come before, between and
// in place of rows; a row has its UID after a literal.
func TestT9Unsolicited(t *testing.T) {
	m := inbox(modern, 4)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID FETCH" {
			c.Send("* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n* 3 FETCH (FLAGS (\\Seen))\r\n* 9 FETCH (UID 99 FLAGS ())\r\n* 4 FETCH (FLAGS () UID 4)\r\n")
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	for range 2 {
		l := list(t, s)
		if rowUIDs(l) != "4 3 2 1" {
			t.Fatalf("rows are %s", rowUIDs(l))
		}
		for _, r := range l.Rows {
			if r.Subject != fmt.Sprintf("message %d", r.UID) || r.Broken || r.Preview != fmt.Sprintf("words of %d", r.UID) {
				t.Errorf("row is %+v", r)
			}
		}
	}
	if msg, err := s.Message(t.Context(), ref(2)); err != nil || len(msg.Texts) != 1 || msg.Texts[0].Content != "words of 2\n" {
		t.Errorf("message is %+v, %v", msg.Texts, err)
	}
	if res, err := s.SetFlags(t.Context(), []mail.Ref{ref(1), ref(2)}, []string{`\Flagged`}, nil); err != nil || len(res.Done) != 2 {
		t.Errorf("flags: %+v, %v", res, err)
	}
}

// TestT10NoFlags: an answer to STORE and FETCH without FLAGS is not one with none.
func TestT10NoFlags(t *testing.T) {
	m := inbox(modern, 2)
	m.Folders["INBOX"][0].Flags = []string{`\Seen`}
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		switch cmd.Name {
		case "UID STORE":
			c.Send("* 1 FETCH (UID 1 MODSEQ (12))\r\n")
		case "UID FETCH":
			c.Send("* 1 FETCH (UID 1 MODSEQ (12))\r\n")
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	list(t, s)
	if l := list(t, s); len(l.Rows) != 2 || !l.Rows[1].Seen {
		t.Errorf("rows are %+v", l.Rows)
	}
	if res, err := s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{`\Flagged`}, nil); err != nil || uids(res.Done) != "1" {
		t.Errorf("flags: %+v, %v", res, err)
	}
}

// TestFlagNotKept: an OK for a keyword that the server then does not have.
func TestFlagNotKept(t *testing.T) {
	m := inbox(modern, 2)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID STORE" {
			c.OK(cmd, "whatever")
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	res, err := s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{"$Junk"}, nil)
	wantKind(t, err, mail.Unsupported)
	if len(res.Done)+len(res.Gone) != 0 {
		t.Errorf("result is %+v", res)
	}
}

// TestT12Text: subjects and names in charsets that go-imap does not know, raw
// 8-bit bytes, and dates that it reads wrongly.
func TestT12Text(t *testing.T) {
	m := inbox(modern, 2)
	m.Folders["INBOX"][0].Items = map[string]string{
		"ENVELOPE": "(\"Tue, 03 Mar 2026 04:00:00 EST\" \"=?x-unknown?q?a=E9?= =?shift_jis?B?k/qWe4zq?=\" ((\"=?windows-1252?q?=93Q=94?=\" NIL \"q\" \"example.org\")) NIL NIL ((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")(\"x\" NIL \"y\" \"MISSING_DOMAIN\")) NIL NIL NIL NIL)",
	}
	m.Folders["INBOX"][0].Header = "Date: Mon, 02 Mar 2026 04:00:00 EST\r\n\r\n"
	m.Folders["INBOX"][1].Items = map[string]string{"ENVELOPE": "(NIL {4}\r\nGr\xfc\xdf NIL NIL NIL NIL NIL NIL NIL NIL)"}
	s, _ := signIn(t, m, imapsession.Options{})
	l := list(t, s)
	r := l.Rows[1]
	if !strings.HasSuffix(r.Subject, "日本語") || len(r.From) != 1 || r.From[0].Name != "“Q”" {
		t.Errorf("row is %+v", r)
	}
	if want := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC); !r.Date.Equal(want) {
		t.Errorf("date is %v, want %v", r.Date, want)
	}
	for _, a := range r.To {
		if strings.Contains(a.Addr+a.Name, "MISSING") {
			t.Errorf("recipients are %+v", r.To)
		}
	}
	if l.Rows[0].Subject != "Grüß" {
		t.Errorf("raw subject is %q", l.Rows[0].Subject)
	}
}

// TestT16AbsentPart: NIL and an empty literal for a part that is not there.
func TestT16AbsentPart(t *testing.T) {
	for _, answer := range []string{"NIL", "{0}\r\n", `""`} {
		m := inbox(modern, 1)
		m.Folders["INBOX"][0].Items = map[string]string{"BODY[1]<0>": answer, "BODY[1]": answer}
		s, _ := signIn(t, m, imapsession.Options{})
		if l := list(t, s); len(l.Rows) != 1 || l.Rows[0].Preview != "" {
			t.Errorf("%q: rows are %+v", answer, l.Rows)
		}
		if msg, err := s.Message(t.Context(), ref(1)); err != nil || len(msg.Texts) != 1 || msg.Texts[0].Content != "" {
			t.Errorf("%q: message %+v, %v", answer, msg.Texts, err)
		}
		p, err := s.Part(t.Context(), ref(1), "1")
		if err == nil {
			b, rerr := io.ReadAll(p)
			if len(b) != 0 || rerr != nil {
				t.Errorf("%q: part %q, %v", answer, b, rerr)
			}
			p.Close()
		} else if mail.KindOf(err) != mail.NoMessage {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

// TestT17LongSets: thousands of messages in one change stay below the length
// that servers accept in one command.
func TestT17LongSets(t *testing.T) {
	m := inbox(modern, 0)
	var refs []mail.Ref
	for i := range 1200 {
		uid := uint32(1_000_000_000 + 2*i) // no two in a row, ten digits
		m.Folders["INBOX"] = append(m.Folders["INBOX"], &imapscript.Message{UID: uid, Text: "x"})
		refs = append(refs, ref(uid))
	}
	s, srv := signIn(t, m, imapsession.Options{})
	if res, err := s.SetFlags(t.Context(), refs, []string{`\Seen`}, nil); err != nil || len(res.Done) != 1200 {
		t.Fatalf("flags: %d, %v", len(res.Done), err)
	}
	if res, err := s.Move(t.Context(), refs, "Trash"); err != nil || len(res.Done) != 1200 || len(res.Moved) != 1200 || res.Moved[1199].UID != 1200 {
		t.Fatalf("move: %d, %v", len(res.Done), err)
	}
	for _, c := range srv.Commands() {
		if len(c) > 8000 {
			t.Fatalf("a command of %d octets: %.60s", len(c), c)
		}
	}
}

// TestT20Nothing: MOVE says OK and has moved nothing, or not everything.
func TestT20Nothing(t *testing.T) {
	m := inbox(modern, 3)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID MOVE" {
			c.Send("* OK [COPYUID 1 2 1] moved\r\n")
			c.OK(cmd, "done")
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	res, err := s.Move(t.Context(), []mail.Ref{ref(1), ref(2), ref(9)}, "Trash")
	if mail.KindOf(err) != mail.Refused || uids(res.Done) != "2" || uids(res.Gone) != "9" || uids(res.Moved) != "1" {
		t.Errorf("move: %+v, %v", res, err)
	}
}

// TestHostileSets: numbers that would cost gigabytes when written out.
func TestHostileSets(t *testing.T) {
	var before, after runtime.MemStats
	m := inbox(modern, 2)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		switch cmd.Name {
		case "UID SEARCH":
			c.Send("* ESEARCH (TAG \"%s\") UID ALL 1:4294967295 COUNT 4294967295\r\n", cmd.Tag)
			c.OK(cmd, "done")
			return true
		case "UID MOVE":
			c.Send("* OK [COPYUID 1 1:4294967295 1:4294967295] moved\r\n")
			c.OK(cmd, "done")
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	runtime.ReadMemStats(&before)
	s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
	s.Move(t.Context(), []mail.Ref{ref(1)}, "Trash")
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 100<<20 {
		t.Errorf("%d MB were allocated", (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

// TestDroppedChange: the connection breaks after a change was sent. The Result
// is the truth, or the kind is Unknown; never a second move or copy on luck.
func TestDroppedChange(t *testing.T) {
	run := func(caps, command string, applied bool) (*imapsession.Session, *imapscript.Server) {
		m := inbox(caps, 3)
		m.Hook = onlyOnce(command, func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if !applied {
				c.Drop()
				return true
			}
			go func() { time.Sleep(30 * time.Millisecond); c.Drop() }()
			return false
		})
		if applied { // the answer is lost, the work is done
			m.Hook = onlyOnce(command, func(c *imapscript.Conn, cmd imapscript.Command) bool {
				c.Conn.Close()
				return false
			})
		}
		return signIn(t, m, imapsession.Options{})
	}
	two := []mail.Ref{ref(1), ref(2)}
	for _, applied := range []bool{false, true} {
		s, _ := run(modern, "UID STORE", applied)
		if res, err := s.SetFlags(t.Context(), two, []string{`\Seen`}, nil); err != nil || len(res.Done) != 2 {
			t.Errorf("flags, applied %v: %+v, %v", applied, res, err)
		}
		s, srv := run(modern, "UID MOVE", applied)
		res, err := s.Move(t.Context(), two, "Trash")
		if applied && (err != nil || len(res.Done) != 2 || len(res.Moved) != 0) || !applied && (mail.KindOf(err) != mail.Dropped || len(res.Done) != 0) {
			t.Errorf("move, applied %v: %+v, %v", applied, res, err)
		}
		if n := srv.Sent("UID MOVE"); n != 1 {
			t.Errorf("move, applied %v: %d MOVE", applied, n)
		}
		s, srv = run("IMAP4rev1 UIDPLUS", "UID COPY", applied)
		res, err = s.Move(t.Context(), two, "Trash")
		if mail.KindOf(err) != mail.Unknown || len(res.Done) != 0 || srv.Sent("UID COPY") != 1 || srv.Sent("UID STORE") != 0 {
			t.Errorf("move by copy, applied %v: %+v, %v", applied, res, err)
		}
		s, srv = run(modern, "UID COPY", applied)
		if res, err = s.Copy(t.Context(), two, "Trash"); mail.KindOf(err) != mail.Unknown || srv.Sent("UID COPY") != 1 {
			t.Errorf("copy, applied %v: %+v, %v", applied, res, err)
		}
		s, _ = run(modern, "UID EXPUNGE", applied)
		if res, err = s.Delete(t.Context(), two); err != nil || len(res.Done) != 2 {
			t.Errorf("delete, applied %v: %+v, %v", applied, res, err)
		}
	}
	m := inbox(modern, 3)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID STORE" || c.Number > 1 {
			c.Drop()
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	_, err := s.SetFlags(t.Context(), two, []string{`\Seen`}, nil)
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a server that is gone: %v", err)
	}
	wantKind(t, err, mail.Unknown)
}

// TestStaleSendsNothing: after UIDVALIDITY has changed, no command with an old
// UID reaches the server.
func TestStaleSendsNothing(t *testing.T) {
	m := inbox(modern, 3)
	m.Validity = 7
	s, srv := signIn(t, m, imapsession.Options{})
	old := []mail.Ref{ref(1)} // validity 1
	_, err := s.Message(t.Context(), old[0])
	wantKind(t, err, mail.Stale)
	_, err = s.SetFlags(t.Context(), old, []string{`\Deleted`}, nil)
	wantKind(t, err, mail.Stale)
	_, err = s.Move(t.Context(), old, "Trash")
	wantKind(t, err, mail.Stale)
	_, err = s.Delete(t.Context(), old)
	wantKind(t, err, mail.Stale)
	_, err = s.Source(t.Context(), old[0])
	wantKind(t, err, mail.Stale)
	for _, c := range srv.Commands() {
		if strings.HasPrefix(c, "UID") {
			t.Errorf("sent %s", c)
		}
	}
}
