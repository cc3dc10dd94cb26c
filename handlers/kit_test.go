package handlers

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/config"
	"oriel/demo"
	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/internal/htmltest"
	"oriel/login"
)

// A site is the whole application in front of a real mail server, and a browser
// without script that is looking at it.
type site struct {
	testing.TB
	web      *httptest.Server
	browser  *http.Client
	imap     string // host:port of the mail server, plain
	user     string
	password string
	log      *syncBuffer
	data     string
	pool     *imapsession.Pool
	app      *App

	mu       sync.Mutex
	commands []string // names of the IMAP commands, embedded server only
}

// newSite serves the embedded mail server with whatever start puts into it.
func newSite(t testing.TB, start func(demo.Options) (*demo.Server, error)) *site {
	t.Helper()
	s := &site{TB: t, user: demo.User, password: demo.Password}
	server, err := start(demo.Options{Record: func(name string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.commands = append(s.commands, name)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	s.imap = server.IMAPAddr
	s.serve()
	return s
}

// dovecotSite serves a fresh user of a private Dovecot.
func dovecotSite(t testing.TB, d *dovecot.Server) *site {
	t.Helper()
	s := &site{TB: t, user: "u" + strings.ToLower(rand.Text()[:8]), password: "geheim-" + rand.Text()}
	d.AddUser(s.user, s.password)
	s.imap = net.JoinHostPort(d.Host, strconv.Itoa(d.IMAPPort))
	s.serve()
	for name, use := range map[string]string{"Drafts": `\Drafts`, "Sent": `\Sent`, "Archive": `\Archive`, "Junk": `\Junk`, "Trash": `\Trash`} {
		s.client(func(c *imapclient.Client) error {
			return c.Create(name, &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttr(use)}}).Wait()
		})
	}
	return s
}

// onBoth runs a test on the embedded server and on Dovecot.
func onBoth(t *testing.T, test func(t *testing.T, s *site)) {
	t.Run("embedded", func(t *testing.T) { test(t, newSite(t, demo.StartEmpty)) })
	t.Run("dovecot", func(t *testing.T) { test(t, dovecotSite(t, dovecot.Start(t))) })
}

// serve starts the application on the site's mail server.
func (s *site) serve() {
	s.Helper()
	s.serveOn(s.plain(), imapsession.Options{})
}

// plain is the site's mail server as the pool is told of it.
func (s *site) plain() imapsession.Server {
	s.Helper()
	host, port, err := net.SplitHostPort(s.imap)
	s.check(err)
	n, err := strconv.Atoi(port)
	s.check(err)
	return imapsession.Server{Host: host, Port: n, Mode: imapsession.Plain}
}

// serveOn starts the application on any server.
func (s *site) serveOn(server imapsession.Server, o imapsession.Options) {
	s.Helper()
	s.log, s.data = &syncBuffer{}, s.TempDir()
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Log = log
	s.pool = imapsession.NewPool(server, o)
	store, err := login.New(login.Config{Dir: s.data, Keys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Server: s.imap, Ended: s.pool.Release})
	s.check(err)
	s.app = New(Options{Config: config.Config{}, Pool: s.pool, Login: store, Throttle: login.NewThrottle(time.Now), Log: log})
	s.web = httptest.NewTLSServer(s.app.Handler())
	s.browser = s.newBrowser()
	s.Cleanup(func() {
		s.web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.pool.Close(ctx); err != nil {
			s.Errorf("pool: %v", err)
		}
	})
}

func (s *site) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	s.check(err)
	c := s.web.Client()
	return &http.Client{Transport: c.Transport, Jar: jar, Timeout: 2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (s *site) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// A reply is an answer that was read to its end.
type reply struct {
	htmltest.Doc
	status int
	header http.Header
	body   string
	err    error // reading the body failed
}

// do sends a request as a browser does. Extra headers come in pairs.
func (s *site) do(method, path string, form url.Values, headers ...string) reply {
	s.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, s.web.URL+path, body)
	s.check(err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := s.browser.Do(r)
	s.check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	page := ""
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		page = string(b)
	}
	return reply{htmltest.Parse(s.TB, page), resp.StatusCode, resp.Header, string(b), err}
}

func (s *site) get(path string, headers ...string) reply {
	s.Helper()
	return s.do("GET", path, nil, headers...)
}

// page is get for what must be there.
func (s *site) page(path string, headers ...string) reply {
	s.Helper()
	r := s.get(path, headers...)
	if r.status != 200 {
		s.Fatalf("GET %s: %d %s\n%s", path, r.status, r.header.Get("Location"), r.text())
	}
	return r
}

func (s *site) post(path string, form url.Values, headers ...string) reply {
	s.Helper()
	return s.do("POST", path, form, headers...)
}

// text is the page's words, for failure messages.
func (r reply) text() string {
	if all := r.All("body"); len(all) > 0 {
		t := all[0].Text()
		return t[:min(len(t), 600)]
	}
	return r.body[:min(len(r.body), 600)]
}

func (r reply) says(t testing.TB, sentence string) {
	t.Helper()
	if !strings.Contains(r.All("html")[0].Text(), sentence) {
		t.Errorf("%d page does not say %q: %s", r.status, sentence, r.text())
	}
}

// signIn signs the site's user in.
func (s *site) signIn() *site {
	s.Helper()
	s.get("/login")
	r := s.post("/login", url.Values{"username": {s.user}, "password": {s.password}})
	if r.status != http.StatusSeeOther {
		s.Fatalf("sign-in: %d: %s\n%s", r.status, r.text(), s.log)
	}
	return s
}

// act posts an action on messages of INBOX or another folder, without script.
func (s *site) act(folder, do string, extra url.Values, msgs ...string) reply {
	s.Helper()
	form := url.Values{"do": {do}, "msg": msgs}
	for k, v := range extra {
		form[k] = v
	}
	return s.post("/m/"+folder, form)
}

// rows are the data-msg marks of a list.
func (s *site) rows(path string) []string {
	s.Helper()
	var out []string
	for _, n := range s.page(path).All("[data-view=list] li[data-msg]") {
		out = append(out, n.Attr("data-msg"))
	}
	return out
}

// client runs f as another mail program of the same user.
func (s *site) client(f func(c *imapclient.Client) error) {
	s.Helper()
	c, err := imapclient.DialInsecure(s.imap, nil)
	s.check(err)
	defer c.Close()
	s.check(c.Login(s.user, s.password).Wait())
	s.check(f(c))
}

// deliver appends a message to a folder.
func (s *site) deliver(folder, raw string, when time.Time, flags ...imap.Flag) {
	s.Helper()
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	s.client(func(c *imapclient.Client) error {
		a := c.Append(folder, int64(len(raw)), &imap.AppendOptions{Flags: flags, Time: when})
		if _, err := io.WriteString(a, raw); err != nil {
			return err
		}
		if err := a.Close(); err != nil {
			return err
		}
		_, err := a.Wait()
		return err
	})
}

// flags are the flags of a message as another client sees them; nil when it is gone.
func (s *site) flags(folder, subject string) []imap.Flag {
	s.Helper()
	var out []imap.Flag
	s.client(func(c *imapclient.Client) error {
		if _, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			return err
		}
		found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: subject}}}, nil).Wait()
		if err != nil || len(found.AllUIDs()) == 0 {
			return err
		}
		m, err := c.Fetch(imap.UIDSetNum(found.AllUIDs()...), &imap.FetchOptions{UID: true, Flags: true}).Collect()
		if err == nil && len(m) > 0 {
			out = append([]imap.Flag{}, m[0].Flags...)
		}
		return err
	})
	return out
}

// there reports whether a folder holds a message with the subject.
func (s *site) there(folder, subject string) bool { s.Helper(); return s.flags(folder, subject) != nil }

// has reports whether a flag is among flags.
func has(flags []imap.Flag, f imap.Flag) bool {
	for _, g := range flags {
		if strings.EqualFold(string(g), string(f)) {
			return true
		}
	}
	return false
}

// seen returns the IMAP commands since the last call.
func (s *site) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.commands
	s.commands = nil
	return out
}

// letter is a small plain message.
func letter(subject, body string) string {
	return fmt.Sprintf("From: Ada Vey <ada@vey.example>\nTo: Mara <mara@lindqvist.example>\nSubject: %s\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMessage-ID: <%s@vey.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n%s\n", subject, rand.Text(), body)
}

// syncBuffer is a log that may be written and read at once.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func cookie(name, value string) []*http.Cookie { return []*http.Cookie{{Name: name, Value: value}} }
