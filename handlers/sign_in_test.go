package handlers

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oriel/demo"
	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/internal/imapscript"
)

// attempt signs in and returns the page that comes back.
func (s *site) attempt(user, password string, headers ...string) reply {
	s.Helper()
	return s.post("/login", url.Values{"username": {user}, "password": {password}}, headers...)
}

// TestSignInSaysWhatIsWrong: each way of not getting in has its own sentence.
func TestSignInSaysWhatIsWrong(t *testing.T) {
	script := func(greeting string) imapsession.Server {
		f := imapscript.Start(t, func(c *imapscript.Conn) { c.Send(greeting); c.Hang() })
		return imapsession.Server{Host: "127.0.0.1", Port: f.Port, Mode: imapsession.Plain}
	}
	mode := func(s imapsession.Server, m imapsession.Mode) imapsession.Server { s.Mode = m; return s }
	d := dovecot.Start(t)
	d.AddUser("mara", "right")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closedPort := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	imaps := imapsession.Server{Host: d.Host, Port: d.IMAPSPort, Roots: d.Roots}
	starttls := imapsession.Server{Host: d.Host, Port: d.IMAPPort, Mode: imapsession.STARTTLS, Roots: d.Roots}
	mailbox := &imapscript.Mailbox{}
	noTLS := imapscript.Start(t, mailbox.Serve)

	said := map[string]string{}
	for name, c := range map[string]struct {
		server   imapsession.Server
		password string
		status   int
		sentence string
	}{
		"right, TLS":           {imaps, "right", 303, ""},
		"right, STARTTLS":      {starttls, "right", 303, ""},
		"wrong password":       {imaps, "wrong", 401, "That user name and password didn't work."},
		"nobody listens":       {imapsession.Server{Host: "127.0.0.1", Port: closedPort, Mode: imapsession.Plain}, "x", 503, "can't reach the mail server"},
		"unknown authority":    {imapsession.Server{Host: d.Host, Port: d.IMAPSPort}, "right", 503, "can't make a safe connection"},
		"other name":           {imapsession.Server{Host: d.Host, Port: d.IMAPSPort, Roots: d.Roots, Name: "mail.elsewhere.example"}, "right", 503, "can't make a safe connection"},
		"TLS to a plain port":  {mode(starttls, imapsession.TLS), "right", 503, "don't agree on encryption"},
		"plain to a TLS port":  {mode(imaps, imapsession.STARTTLS), "right", 503, "don't agree on encryption"},
		"no STARTTLS":          {imapsession.Server{Host: "127.0.0.1", Port: noTLS.Port, Mode: imapsession.STARTTLS}, "x", 503, "doesn't offer the encryption"},
		"an SMTP server":       {script("220 mail.example ESMTP\r\n"), "x", 503, "SMTP"},
		"a POP3 server":        {script("+OK POP3 ready\r\n"), "x", 503, "POP3"},
		"a server that sleeps": {script(""), "x", 503, "didn't answer in time"},
		"a server that is busy": {func() imapsession.Server {
			f := imapscript.Start(t, func(c *imapscript.Conn) { c.Send("* BYE too many connections\r\n") })
			return imapsession.Server{Host: "127.0.0.1", Port: f.Port, Mode: imapsession.Plain}
		}(), "x", 503, "mail server"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{TB: t}
			s.serveOn(c.server, imapsession.Options{Limits: imapsession.Timeouts{Greeting: 3 * time.Second}})
			s.get("/login")
			r := s.attempt("mara", c.password)
			if r.status != c.status {
				t.Fatalf("%d, want %d: %s\n%s", r.status, c.status, r.text(), s.log)
			}
			if c.sentence == "" {
				return
			}
			r.says(t, c.sentence)
			if got := r.One("input[name=username]").Attr("value"); got != "mara" {
				t.Errorf("the form forgot the user name: %q", got)
			}
			if r.One("input[name=password]").Attr("value") != "" {
				t.Error("the form holds the password")
			}
			sentence := r.One("[role=alert]").Text()
			if other, ok := said[sentence]; ok && !strings.Contains(name+other, "busy") {
				t.Errorf("%q and %q are told the same: %s", name, other, sentence)
			}
			said[sentence] = name
			if strings.Contains(s.log.String(), c.password+`"`) || strings.Contains(s.log.String(), "="+c.password+" ") {
				t.Error("the log holds the password")
			}
		})
	}
}

func TestWrongPasswordIsTriedOnceAndThrottled(t *testing.T) {
	mailbox := &imapscript.Mailbox{Password: `"right"`}
	f := imapscript.Start(t, mailbox.Serve)
	s := &site{TB: t}
	s.serveOn(imapsession.Server{Host: "127.0.0.1", Port: f.Port, Mode: imapsession.Plain}, imapsession.Options{})
	s.get("/login")
	if r := s.attempt("mara", "wrong"); r.status != 401 {
		t.Fatalf("%d %s", r.status, r.text())
	}
	if n := f.Sent("LOGIN"); n != 1 {
		t.Fatalf("%d LOGIN commands for one attempt", n)
	}
	var last reply
	for range 9 {
		last = s.attempt("mara", "wrong")
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Fatalf("after ten failures: %d %s", last.status, last.text())
	}
	if n := f.Sent("LOGIN"); n > 6 {
		t.Errorf("the mail server saw %d attempts", n)
	}
	if r := s.attempt("mara", "right"); r.status != 429 {
		t.Errorf("a throttled user got in: %d", r.status)
	}
	if r := s.attempt("somebody-else", "right"); r.status != 303 {
		t.Errorf("another user is locked out as well: %d %s", r.status, r.text())
	}
}

func TestPlainHTTPIsExplained(t *testing.T) {
	s := newSite(t, demo.StartEmpty)
	r := s.attempt(s.user, s.password, "Origin", "http://mail.example.org", "Sec-Fetch-Site", "")
	if r.status != 400 && r.status != 403 {
		t.Fatalf("%d %s", r.status, r.text())
	}
}

func TestSessionLife(t *testing.T) {
	s := newSite(t, demo.StartEmpty)
	s.get("/login")
	r := s.post("/login", url.Values{"username": {s.user}, "password": {s.password}, "next": {"/m/Sent?filter=unread"}})
	if r.status != 303 || r.header.Get("Location") != "/m/Sent?filter=unread" {
		t.Fatalf("%d to %q", r.status, r.header.Get("Location"))
	}
	for _, c := range r.header.Values("Set-Cookie") {
		if !strings.Contains(c, "Secure") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
			t.Errorf("cookie %q", c)
		}
	}
	s.page("/m/Sent")
	u, _ := url.Parse(s.web.URL)
	before := s.browser.Jar.Cookies(u)

	// Signing in again makes another session and ends the first.
	s.get("/login")
	if r := s.attempt(s.user, s.password); r.status != 303 {
		t.Fatalf("second sign-in: %d", r.status)
	}
	thief := s.newBrowser()
	thief.Jar.SetCookies(u, before)
	own := s.browser
	s.browser = thief
	if r := s.get("/m/INBOX"); r.status != 303 {
		t.Errorf("the session before the second sign-in still works: %d", r.status)
	}
	s.browser = own
	s.page("/m/INBOX")

	before = s.browser.Jar.Cookies(u)
	out := s.post("/logout", url.Values{})
	if out.status != 303 || out.header.Get("Location") != "/login" || !strings.Contains(out.header.Get("Clear-Site-Data"), `"cache"`) {
		t.Errorf("sign-out: %d %v", out.status, out.header)
	}
	if r := s.get("/m/INBOX"); r.status != 303 {
		t.Errorf("signed out, but: %d", r.status)
	}
	thief = s.newBrowser()
	thief.Jar.SetCookies(u, before)
	s.browser = thief
	if r := s.get("/m/INBOX"); r.status != 303 {
		t.Errorf("the cookies outlived sign-out: %d", r.status)
	}
	left, _ := filepath.Glob(filepath.Join(s.data, "sessions", "*"))
	if len(left) != 0 {
		t.Errorf("records left: %v", left)
	}
}

func TestNothingOnDiskOrInTheLogHoldsThePassword(t *testing.T) {
	d := dovecot.Start(t)
	s := dovecotSite(t, d).signIn()
	s.page("/m/INBOX")
	err := filepath.WalkDir(s.data, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), s.password) {
			t.Errorf("%s holds the password", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.log.String(), s.password) {
		t.Error("the log holds the password")
	}
}

func TestPasswordChangedElsewhere(t *testing.T) {
	mailbox := &imapscript.Mailbox{}
	f := imapscript.Start(t, mailbox.Serve)
	s := &site{TB: t}
	s.serveOn(imapsession.Server{Host: "127.0.0.1", Port: f.Port, Mode: imapsession.Plain}, imapsession.Options{})
	s.get("/login")
	if r := s.attempt("mara", "old"); r.status != 303 {
		t.Fatalf("%d %s", r.status, r.text())
	}
	s.page("/m/INBOX")
	was := f.Sent("LOGIN")
	mailbox.SetPassword(`"new"`)
	f.DropAll()
	r := s.get("/m/INBOX")
	for range 3 {
		r = s.get("/m/INBOX")
	}
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.header.Get("Location"), "/login") {
		t.Errorf("%d to %q", r.status, r.header.Get("Location"))
	}
	if n := f.Sent("LOGIN") - was; n != 1 {
		t.Errorf("%d attempts with the old password, want 1", n)
	}
}
