package browser

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/config"
	"oriel/demo"
	"oriel/handlers"
	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/login"
)

// site is the whole application on a port of 127.0.0.1, in front of a real mail
// server.
type site struct {
	testing.TB
	web      *httptest.Server
	imap     string // host:port of the mail server, without TLS
	user     string
	password string
	data     string
	log      *logBuffer
	insecure bool                        // plain http: cookies without Secure
	trace    func(dir byte, line []byte) // sees the lines between Oriel and the mail server

	// before, when set, sees each request first: it may wait, or answer and
	// return true.
	before atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

// demoSite serves the sample mailbox.
func demoSite(t testing.TB) *site { t.Helper(); return embedded(t, demo.Start) }

// emptySite serves a mailbox with the usual folders and no mail.
func emptySite(t testing.TB) *site { t.Helper(); return embedded(t, demo.StartEmpty) }

func embedded(t testing.TB, start func(demo.Options) (*demo.Server, error)) *site {
	t.Helper()
	return (&site{TB: t}).embed(start)
}

func (s *site) embed(start func(demo.Options) (*demo.Server, error)) *site {
	s.Helper()
	s.user, s.password = demo.User, demo.Password
	server, err := start(demo.Options{})
	s.check(err)
	s.Cleanup(func() { server.Close() })
	s.imap = server.IMAPAddr
	s.serve()
	return s
}

// dovecotSite serves a new user of a private Dovecot.
func dovecotSite(t testing.TB, with ...func(*site)) (*site, *dovecot.Server) {
	t.Helper()
	d := dovecot.Start(t)
	s := &site{TB: t, user: "u" + strings.ToLower(rand.Text()[:8]), password: "geheim-" + rand.Text()}
	d.AddUser(s.user, s.password)
	s.imap = net.JoinHostPort(d.Host, strconv.Itoa(d.IMAPPort))
	for name, use := range map[string]imap.MailboxAttr{
		"Drafts": imap.MailboxAttrDrafts, "Sent": imap.MailboxAttrSent, "Archive": imap.MailboxAttrArchive,
		"Junk": imap.MailboxAttrJunk, "Trash": imap.MailboxAttrTrash,
	} {
		s.client(func(c *imapclient.Client) error {
			return c.Create(name, &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{use}}).Wait()
		})
	}
	for _, set := range with {
		set(s)
	}
	s.serve()
	return s, d
}

// serve starts the application.
func (s *site) serve() {
	s.Helper()
	host, port, err := net.SplitHostPort(s.imap)
	s.check(err)
	n, err := strconv.Atoi(port)
	s.check(err)
	s.data, s.log = s.TempDir(), &logBuffer{}
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	pool := imapsession.NewPool(imapsession.Server{Host: host, Port: n, Mode: imapsession.Plain}, imapsession.Options{Log: logger, Trace: s.trace})
	store, err := login.New(login.Config{Dir: s.data, Keys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Server: s.imap, Insecure: s.insecure, Ended: pool.Release})
	s.check(err)
	app := handlers.New(handlers.Options{
		Config: config.Config{TZ: time.Local}, Pool: pool, Login: store, Throttle: login.NewThrottle(time.Now), Log: logger,
		Notice: "This is a demo. Sign in as demo with the password demo.",
	})
	inner := app.Handler()
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := s.before.Load(); before != nil && (*before)(w, r) {
			return
		}
		inner.ServeHTTP(w, r)
	}))
	s.Cleanup(func() {
		s.web.CloseClientConnections()
		s.web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := pool.Close(ctx); err != nil {
			s.Errorf("pool: %v", err)
		}
	})
}

// intercept sets what sees each request first; nil takes it away.
func (s *site) intercept(f func(http.ResponseWriter, *http.Request) bool) {
	if f == nil {
		s.before.Store(nil)
		return
	}
	s.before.Store(&f)
}

func (s *site) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// tab opens a window on the site.
func (s *site) tab(t testing.TB, l look) *tab { t.Helper(); return newTab(t, s.web.URL, l) }

// signIn signs the site's user in through the form, and ends on the inbox.
func (s *site) signIn(b *tab) *tab {
	b.Helper()
	b.open("/login")
	b.fill("$('#username')", s.user)
	b.fill("$('#password')", s.password)
	b.click("button('Sign in')")
	b.until("at() === '/m/INBOX' && $('[data-view=list]') && document.readyState === 'complete'")
	return b
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
	s.deliverAll(folder, []string{raw}, when, flags...)
}

// deliverAll appends messages a minute apart, the first one the oldest.
func (s *site) deliverAll(folder string, raws []string, when time.Time, flags ...imap.Flag) {
	s.Helper()
	s.client(func(c *imapclient.Client) error {
		for i, raw := range raws {
			raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
			at := when.Add(time.Duration(i-len(raws)) * time.Minute)
			a := c.Append(folder, int64(len(raw)), &imap.AppendOptions{Flags: flags, Time: at})
			if _, err := io.WriteString(a, raw); err != nil {
				return err
			}
			if err := a.Close(); err != nil {
				return err
			}
			if _, err := a.Wait(); err != nil {
				return err
			}
		}
		return nil
	})
}

// flags are the flags of a message as another client sees them; nil when no
// message in the folder has the subject.
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

// flagged reports whether the message with a subject has a flag.
func (s *site) flagged(folder, subject string, f imap.Flag) bool {
	s.Helper()
	for _, g := range s.flags(folder, subject) {
		if strings.EqualFold(string(g), string(f)) {
			return true
		}
	}
	return false
}

// letter is a small plain message.
func letter(subject, body string) string {
	return fmt.Sprintf("From: Ada Vey <ada@vey.example>\nTo: Mara <mara@lindqvist.example>\nSubject: %s\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMessage-ID: <%s@vey.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n%s\n", subject, rand.Text(), body)
}

// htmlLetter is a message with an HTML body.
func htmlLetter(subject, body string) string {
	return strings.Replace(letter(subject, body), "text/plain", "text/html", 1)
}

// letters are n letters "Letter 1" to "Letter n".
func letters(n int) []string {
	var out []string
	for i := range n {
		out = append(out, letter(fmt.Sprintf("Letter %d of the pile", i+1), fmt.Sprintf("This is what letter %d says.", i+1)))
	}
	return out
}

// logBuffer is a log that is written and read at once.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
