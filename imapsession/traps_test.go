package imapsession_test

import (
	"context"
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

// TestT4T5Drops: the connection breaks in the middle of a part. What came is
// never passed off as the whole, and nothing hangs.
func TestT4T5Drops(t *testing.T) {
	const size = 600 << 10 // streamed, in one command
	m := inbox(modern, 1)
	m.Folders["INBOX"][0].Items = map[string]string{"BODYSTRUCTURE": fmt.Sprintf(`("application" "pdf" NIL NIL NIL "7bit" %d NIL NIL NIL NIL)`, size)}
	mode := make(chan string, 1)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID FETCH" || !strings.Contains(cmd.Args, "BODY.PEEK[1]") || strings.Contains(cmd.Args, "<0.768>") || strings.Contains(cmd.Args, "BODYSTRUCTURE") {
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

// TestT9UIDLast: a server may send the UID after the literals of a row.
func TestT9UIDLast(t *testing.T) {
	m := inbox(modern, 2)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID FETCH" || !strings.Contains(cmd.Args, "BODY.PEEK[1]") {
			return false
		}
		name := "BODY[1]<0>"
		if strings.Contains(cmd.Args, "ENVELOPE") {
			return false
		}
		for _, uid := range []uint32{2, 1} {
			if inSet(strings.Fields(cmd.Args)[0], uid) {
				c.Send("* %d FETCH (%s {7}\r\nwords %d UID %d)\r\n", uid, name, uid, uid)
			}
		}
		c.OK(cmd, "done")
		return true
	}
	s, _ := signIn(t, m, imapsession.Options{})
	for _, r := range list(t, s).Rows {
		if r.Preview != fmt.Sprintf("words %d", r.UID) {
			t.Errorf("preview of %d is %q", r.UID, r.Preview)
		}
		p, err := s.Part(t.Context(), r.Ref, "1")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(p); err != nil || string(b) != fmt.Sprintf("words %d", r.UID) {
			t.Errorf("part of %d is %q, %v", r.UID, b, err)
		}
		p.Close()
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

// TestT7Nothing: empty sets and names that are no flags never reach the client,
// which would close the connection or hang.
func TestT7Nothing(t *testing.T) {
	s, srv := signIn(t, inbox(modern, 2), imapsession.Options{})
	for _, f := range []func() (mail.Result, error){
		func() (mail.Result, error) { return s.SetFlags(t.Context(), nil, []string{`\Seen`}, nil) },
		func() (mail.Result, error) { return s.SetFlags(t.Context(), []mail.Ref{ref(1)}, nil, nil) },
		func() (mail.Result, error) { return s.Move(t.Context(), nil, "Trash") },
		func() (mail.Result, error) { return s.Move(t.Context(), []mail.Ref{ref(77)}, "Trash") },
		func() (mail.Result, error) { return s.Delete(t.Context(), []mail.Ref{}) },
	} {
		if _, err := f(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{"a\r\nT9 LOGOUT"}, nil); mail.KindOf(err) != mail.Invalid {
		t.Error(err)
	}
	list(t, s)
	if srv.Accepted() != 1 || srv.Sent("UID MOVE") != 1 || srv.Sent("LOGOUT") != 0 {
		t.Errorf("%d connections, %q", srv.Accepted(), srv.Commands())
	}
}

// TestT8RefusedLiteral: a password that needs a literal, and a server that
// refuses it before it is sent.
func TestT8RefusedLiteral(t *testing.T) {
	srv := imapscript.Start(t, func(c *imapscript.Conn) {
		c.Send("* OK [CAPABILITY IMAP4rev1] ready\r\n")
		if line, ok := c.Line(); ok {
			tag, _, _ := strings.Cut(line, " ")
			c.Send("%s NO [AUTHENTICATIONFAILED] not with a literal\r\n", tag)
			c.Hang()
		}
	})
	p := pool(t, srv, imapsession.Options{Limits: impatient})
	_, err := p.SignIn(t.Context(), "owner", "user", "pässwort")
	wantKind(t, err, mail.Denied)
	m := inbox(modern, 1)
	srv = imapscript.Start(t, m.Serve)
	if _, err := pool(t, srv, imapsession.Options{}).SignIn(t.Context(), "owner", "user", "pässwort"); err != nil {
		t.Error(err)
	}
}

// TestT13Nesting: a message made to cost time and memory when it is parsed here.
func TestT13Nesting(t *testing.T) {
	var head, tail strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&head, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		fmt.Fprintf(&tail, "--b%d--\r\n", 4999-i)
	}
	for name, text := range map[string]string{
		"nested":       head.String() + "\r\nx\r\n" + tail.String(),
		"many parts":   "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 100_000),
		"many fields":  strings.Repeat("X: y\r\n", 100_000) + "\r\nx",
		"no colon":     "Subject: a\r\nthis is no field\r\nFrom: x@example.org\r\n\r\nbody",
		"mailbox line": "\r\nFrom x Mon Mar 2\r\nSubject: a\r\n\r\nbody",
		"no body":      "Subject: a",
		"empty":        "",
		"one colon":    ":",
	} {
		m := inbox(modern, 1)
		msg := m.Folders["INBOX"][0]
		msg.Items = map[string]string{"BODYSTRUCTURE": "NIL", "ENVELOPE": "NIL", "BODY[]<0>": fmt.Sprintf("{%d}\r\n%s", len(text), text)}
		s, _ := signIn(t, m, imapsession.Options{})
		start := time.Now()
		got, err := s.Message(t.Context(), ref(1))
		if err != nil || !got.Broken {
			t.Errorf("%s: %+v, %v", name, got.Summary, err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// TestT15Names: what could break out of a command is refused before it is sent.
func TestT15Names(t *testing.T) {
	s, srv := signIn(t, inbox(modern, 1), imapsession.Options{})
	for _, name := range []string{"a\r\nT1 LOGOUT", "a\x00", "\xff\xfe", strings.Repeat("é", 128), "a\u0085b"} {
		_, err := s.List(t.Context(), mail.ListQuery{Folder: name})
		wantKind(t, err, mail.Invalid)
		_, err = s.Move(t.Context(), []mail.Ref{ref(1)}, name)
		wantKind(t, err, mail.Invalid)
		_, err = s.CreateRole(t.Context(), mail.Archive, name)
		wantKind(t, err, mail.Invalid)
	}
	for _, c := range srv.Commands() {
		if strings.Contains(c, "LOGOUT") || strings.HasPrefix(c, "CREATE") || strings.HasPrefix(c, "UID MOVE") {
			t.Errorf("sent %q", c)
		}
	}
}
