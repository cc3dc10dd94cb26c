package handlers

import (
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/internal/imapscript"
)

// scriptSite serves a scripted mailbox with short time limits, signed in.
func scriptSite(t *testing.T, m *imapscript.Mailbox) (*site, *imapscript.Server) {
	t.Helper()
	f := imapscript.Start(t, m.Serve)
	s := &site{TB: t, user: "mara", password: "secret"}
	s.serveOn(imapsession.Server{Host: "127.0.0.1", Port: f.Port, Mode: imapsession.Plain}, imapsession.Options{Limits: imapsession.Timeouts{
		Dial: time.Second, Greeting: time.Second, Login: time.Second, First: time.Second, Progress: time.Second, Sort: time.Second, Stream: time.Second, Finish: time.Second,
	}})
	return s.signIn(), f
}

func inbox(messages ...*imapscript.Message) map[string][]*imapscript.Message {
	return map[string][]*imapscript.Message{"INBOX": messages}
}

// TestServerDropsInTheMiddle: whatever the server breaks off, the page says so in
// words, with a status that means "the mail server", and the next click works.
func TestServerDropsInTheMiddle(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		answer  string
		path    string
	}{
		"list, in a line":       {"FETCH", "* 1 FETCH (UID 1 FLAGS (", "/m/INBOX"},
		"list, in a literal":    {"FETCH", "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (DATE)] {500}\r\nDate", "/m/INBOX"},
		"list, at SELECT":       {"SELECT", "* 3 EX", "/m/INBOX"},
		"message, in a literal": {"UID FETCH", "* 1 FETCH (UID 1 BODY[HEADER] {500}\r\nFrom: ", "/m/INBOX/1.1"},
		"silence at a message":  {"UID FETCH", "", "/m/INBOX/1.1"},
		"silence at SELECT":     {"SELECT", "", "/m/INBOX"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := make(chan bool, 1)
			broken <- true
			m := &imapscript.Mailbox{Folders: inbox(&imapscript.Message{UID: 1, Text: "hello"}), Hook: func(conn *imapscript.Conn, cmd imapscript.Command) bool {
				is := <-broken
				broken <- is
				if !is || !strings.HasSuffix(cmd.Name, c.command) {
					return false
				}
				if c.answer == "" {
					conn.Hang()
				}
				conn.Send("%s", c.answer)
				conn.Drop()
				return true
			}}
			s, _ := scriptSite(t, m)
			r := s.get(c.path)
			if r.status != 502 && r.status != 503 && r.status != 504 {
				t.Fatalf("%d: %s\n%s", r.status, r.text(), s.log)
			}
			if !r.Has("main a[href]") {
				t.Errorf("the error page has no way on: %s", r.text())
			}
			<-broken
			broken <- false
			if r := s.get(c.path); r.status != 200 {
				t.Errorf("the next click: %d %s\n%s", r.status, r.text(), s.log)
			}
		})
	}
}

// TestShortAttachmentIsNeverWhole: the connection breaks in the middle of a part.
// The browser must see a broken transfer, not a short file.
func TestShortAttachmentIsNeverWhole(t *testing.T) {
	m := &imapscript.Mailbox{Folders: inbox(&imapscript.Message{UID: 1, Text: strings.Repeat("x", 100)})}
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID FETCH" || strings.Contains(cmd.Args, "<0.768>") || !strings.Contains(cmd.Args, "BODY.PEEK[1]") && !strings.Contains(cmd.Args, "BODY.PEEK[]") {
			return false
		}
		item := "BODY[1]"
		if strings.Contains(cmd.Args, "BODY.PEEK[]") {
			item = "BODY[]"
		}
		c.Send("* 1 FETCH (UID 1 %s {300000}\r\n%s", item, strings.Repeat("y", 200000))
		c.Drop()
		return true
	}
	s, _ := scriptSite(t, m)
	for _, path := range []string{"/part/1?download=1", "/source"} {
		r := s.get("/m/INBOX/1.1" + path)
		if r.status == 200 && r.err == nil {
			t.Errorf("%s: %d bytes passed as the whole file", path, len(r.body))
		}
		if r.status == 500 {
			t.Errorf("%s: 500", path)
		}
	}
	s.page("/m/INBOX")
}

// TestPoorServer: no MOVE, no UIDPLUS, no SPECIAL-USE, no extension at all.
func TestPoorServer(t *testing.T) {
	m := &imapscript.Mailbox{Folders: map[string][]*imapscript.Message{
		"INBOX":      {{UID: 1, Text: "one"}, {UID: 2, Text: "two"}},
		"Archive":    {},
		"Papierkorb": {},
	}}
	s, f := scriptSite(t, m)
	if n := len(s.rows("/m/INBOX")); n != 2 {
		t.Fatalf("%d rows", n)
	}
	if r := s.act("INBOX", "archive", nil, "INBOX/1.1"); r.status != 303 {
		t.Fatalf("archive: %d %s", r.status, r.text())
	}
	if r := s.act("INBOX", "trash", nil, "INBOX/1.2"); r.status != 303 {
		t.Fatalf("trash: %d %s", r.status, r.text())
	}
	if n := len(s.rows("/m/INBOX")); n != 0 {
		t.Errorf("%d rows left: a message marked deleted is still shown", n)
	}
	if n := len(s.rows("/m/Archive")); n != 1 {
		t.Errorf("%d messages in Archive", n)
	}
	if n := len(s.rows("/m/Papierkorb")); n != 1 {
		t.Errorf("%d messages in Trash", n)
	}
	for _, cmd := range f.Commands() {
		if strings.HasPrefix(cmd, "EXPUNGE") || strings.HasPrefix(cmd, "CLOSE") || strings.HasPrefix(cmd, "UID MOVE") {
			t.Errorf("sent %q to a server without UIDPLUS or MOVE", cmd)
		}
	}
}

// TestRefusedCopyLosesNothing: the server says NO to the COPY of a move.
func TestRefusedCopyLosesNothing(t *testing.T) {
	m := &imapscript.Mailbox{Folders: map[string][]*imapscript.Message{"INBOX": {{UID: 1, Text: "one"}}, "Archive": {}}}
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID COPY" {
			return false
		}
		c.No(cmd, "[OVERQUOTA] Quota exceeded")
		return true
	}
	s, f := scriptSite(t, m)
	r := s.act("INBOX", "archive", nil, "INBOX/1.1")
	if r.status != 409 {
		t.Errorf("%d %s", r.status, r.text())
	}
	r.says(t, "no room left")
	if f.Sent("UID STORE") != 0 || f.Sent("UID EXPUNGE") != 0 {
		t.Errorf("something was removed after a refused copy: %v", f.Commands())
	}
	if n := len(s.rows("/m/INBOX")); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// TestDovecotGoesAndComesBack: the pages say that the server is away, and work
// again by themselves when it is back.
func TestDovecotGoesAndComesBack(t *testing.T) {
	d := dovecot.Start(t)
	s := dovecotSite(t, d).signIn()
	s.deliver("INBOX", letter("Still here", "x"), time.Now())
	msg := find(t, s, "/m/INBOX", "Still here")
	d.Kill()
	for _, path := range []string{"/m/INBOX", "/m/" + msg, "/m/" + msg + "/source", "/readyz"} {
		if r := s.get(path); r.status != 503 && r.status != 502 {
			t.Errorf("%s without a server: %d %s", path, r.status, r.text())
		}
	}
	if r := s.act("INBOX", "flag", nil, msg); r.status != 503 && r.status != 502 {
		t.Errorf("flag without a server: %d", r.status)
	}
	d.Restart()
	deadline := time.Now().Add(40 * time.Second)
	for s.get("/m/INBOX").status != 200 && time.Now().Before(deadline) {
		time.Sleep(200 * time.Millisecond)
	}
	if r := s.page("/m/" + msg); r.status != 200 {
		t.Errorf("after the restart: %d", r.status)
	}
}
