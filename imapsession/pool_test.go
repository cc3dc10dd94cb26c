package imapsession_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// TestConnectionCap: many requests at once never hold more than four connections,
// and all are served.
func TestConnectionCap(t *testing.T) {
	m := inbox(modern, 5)
	for i := range 8 {
		m.Folders[fmt.Sprint("f", i)] = letters(3)
	}
	var most atomic.Int64
	var srv *imapscript.Server
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		time.Sleep(time.Millisecond)
		if n := int64(srv.Open()); n > most.Load() {
			most.Store(n)
		}
		return false
	}
	srv = imapscript.Start(t, m.Serve)
	s, err := pool(t, srv, imapsession.Options{}).SignIn(t.Context(), "owner", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 80 {
		wg.Go(func() {
			if l, err := s.List(t.Context(), mail.ListQuery{Folder: fmt.Sprint("f", i%8)}); err != nil || len(l.Rows) != 3 {
				t.Errorf("list: %d rows, %v", len(l.Rows), err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > 4 || n < 2 {
		t.Errorf("up to %d connections", n)
	}
}

// TestAffinity: work on a folder goes to the connection that has it selected.
func TestAffinity(t *testing.T) {
	m := inbox(modern, 5)
	m.Folders["Work"] = letters(3)
	s, srv := signIn(t, m, imapsession.Options{})
	for range 5 {
		for _, folder := range []string{"INBOX", "Work"} {
			if _, err := s.List(t.Context(), mail.ListQuery{Folder: folder}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Message(t.Context(), mail.Ref{Folder: folder, Validity: 1, UID: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := srv.Sent("SELECT"); n != 2 || srv.Accepted() != 2 {
		t.Errorf("%d SELECT on %d connections", n, srv.Accepted())
	}
}

// TestOneFlight: what a page costs on the wire when nothing has changed.
func TestOneFlight(t *testing.T) {
	s, srv := signIn(t, inbox(modern, 5), imapsession.Options{})
	list(t, s)
	before := len(srv.Commands())
	list(t, s)
	if got := srv.Commands()[before:]; len(got) != 3 || got[0] != "NOOP" || !strings.HasPrefix(got[1], "UID SEARCH RETURN (COUNT) UNSEEN") || got[2] != "UID FETCH 1:5 (UID FLAGS)" {
		t.Errorf("second list: %q", got)
	}
	before = len(srv.Commands())
	if _, err := s.Message(t.Context(), ref(3)); err != nil {
		t.Fatal(err)
	}
	if got := srv.Commands()[before:]; len(got) != 1 {
		t.Errorf("message after a list: %q", got)
	}
	for _, c := range srv.Commands() {
		if strings.Contains(c, "BODY[") {
			t.Errorf("sets \\Seen: %s", c)
		}
	}
}

// TestCrowded: a server that takes only one connection serves all requests on it.
func TestCrowded(t *testing.T) {
	m := inbox(modern, 5)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if c.Number > 1 && cmd.Name == "LOGIN" {
			c.No(cmd, "[LIMIT] Maximum number of connections exceeded")
			return true
		}
		time.Sleep(5 * time.Millisecond)
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := s.Message(t.Context(), ref(uint32(i%5+1))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestBusy: when all connections hang, a request waits as long as its context
// allows, first come first served, and says so.
func TestBusy(t *testing.T) {
	m := inbox(modern, 5)
	release := make(chan bool)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID FETCH" {
			<-release
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{MaxConns: 2})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := s.Message(t.Context(), ref(1)); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Message(ctx, ref(1))
	wantKind(t, err, mail.Busy)
	close(release)
	wg.Wait()
	if _, err := s.Message(t.Context(), ref(1)); err != nil {
		t.Error(err)
	}
}

// TestCancelled: a request that goes away frees its connection within moments,
// whatever the server does.
func TestCancelled(t *testing.T) {
	m := inbox(modern, 5)
	m.Hook = onlyOnce("UID FETCH", func(c *imapscript.Conn, cmd imapscript.Command) bool { c.Hang(); return true })
	s, srv := signIn(t, m, imapsession.Options{MaxConns: 1, Limits: imapsession.Timeouts{Finish: 50 * time.Millisecond}})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	start := time.Now()
	_, err := s.Message(ctx, ref(1))
	if err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if _, err := s.Message(t.Context(), ref(1)); err != nil {
		t.Error(err)
	}
	if _, err := s.Message(ctx, ref(1)); err == nil {
		t.Error("a request that has ended is served")
	}
	if srv.Accepted() != 2 {
		t.Errorf("%d connections", srv.Accepted())
	}
}

// TestStreamsLeaveRoom: downloads that nobody reads do not keep the user from
// the mailbox.
func TestStreamsLeaveRoom(t *testing.T) {
	m := inbox(modern, 5)
	m.Folders["INBOX"][0].Text = strings.Repeat("0123456789abcde\n", 64<<10) // 1 MB
	s, _ := signIn(t, m, imapsession.Options{})
	var open []io.Closer
	for range 3 {
		p, err := s.Part(t.Context(), ref(1), "1")
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(p, make([]byte, 10))
		open = append(open, p)
	}
	list(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Part(ctx, ref(1), "1")
	wantKind(t, err, mail.Busy)
	list(t, s)
	for _, p := range open {
		p.Close()
	}
	p, err := s.Source(t.Context(), ref(1))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, p); err != nil || n != p.Size {
		t.Errorf("%d of %d octets, %v", n, p.Size, err)
	}
	p.Close()
}

// TestOwners: browsers of one user share a Session, each after a LOGIN of its
// own; the last one to leave closes it.
func TestOwners(t *testing.T) {
	m := inbox(modern, 2)
	m.Password = `"secret"`
	srv := imapscript.Start(t, m.Serve)
	p := pool(t, srv, imapsession.Options{})
	ctx := t.Context()
	a, err := p.SignIn(ctx, "a", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.SignIn(ctx, "b", "user", "secret")
	if err != nil || a != b || srv.Sent("LOGIN") != 2 {
		t.Errorf("second browser: %v, shared %v, %d LOGIN", err, a == b, srv.Sent("LOGIN"))
	}
	if c, err := p.Open(ctx, "c", "user", "secret"); err != nil || c != a || srv.Sent("LOGIN") != 2 {
		t.Errorf("Open: %v", err)
	}
	_, err = p.Open(ctx, "d", "user", "guess")
	wantKind(t, err, mail.Denied)
	if other, err := p.SignIn(ctx, "e", "other", "secret"); err != nil || other == a {
		t.Errorf("another user: %v", err)
	}
	p.Release("a")
	p.Release("b")
	p.Release("nobody")
	list(t, a)
	p.Release("c")
	_, err = a.Message(ctx, ref(1))
	wantKind(t, err, mail.Dropped)
	if again, err := p.Open(ctx, "a", "user", "secret"); err != nil || again == a {
		t.Errorf("after sign-out: %v", err)
	}
}

// TestCloseCutsOff: Close does not wait for a server that does not answer.
func TestCloseCutsOff(t *testing.T) {
	m := inbox(modern, 2)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID FETCH" || cmd.Name == "LOGOUT" {
			c.Hang()
			return true
		}
		return false
	}
	srv := imapscript.Start(t, m.Serve)
	p := imapsession.NewPool(imapsession.Server{Host: "127.0.0.1", Port: srv.Port, Mode: imapsession.Plain}, imapsession.Options{})
	s, err := p.SignIn(t.Context(), "a", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() { _, err := s.Message(context.Background(), ref(1)); failed <- err }()
	go func() { _, err := s.Folders(context.Background(), true); failed <- err }()
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	p.Close(context.Background())
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("Close took %v", d)
	}
	<-failed
	<-failed
	_, err = p.SignIn(t.Context(), "a", "user", "secret")
	wantKind(t, err, mail.Dropped)
}

// TestWindow: the first page of a large folder comes before its index, and the
// following ones agree with it.
func TestWindow(t *testing.T) {
	m := inbox(modern, 5200)
	s, srv := signIn(t, m, imapsession.Options{})
	l := list(t, s)
	if l.Matches != 5200 || l.Pages != 104 || len(l.Rows) != 50 || l.Rows[0].UID != 5200 || l.Rows[49].UID != 5151 {
		t.Fatalf("first page: %d rows of %d, %d pages", len(l.Rows), l.Matches, l.Pages)
	}
	if l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX", Page: 104}); err != nil || len(l.Rows) != 50 || l.Rows[49].UID != 1 {
		t.Errorf("last page: %d rows, %v", len(l.Rows), err)
	}
	if l = list(t, s); l.Rows[0].UID != 5200 {
		t.Errorf("first row is %d", l.Rows[0].UID)
	}
	if srv.Sent("FETCH 5001:5200 (UID INTERNALDATE)") != 1 {
		t.Errorf("the first page was not taken from the newest messages: %q", srv.Commands())
	}
}
