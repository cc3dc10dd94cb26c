package imapsession

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/internal/imapscript"
	"oriel/mail"
)

func limited(t *testing.T, m *imapscript.Mailbox, o Options) (*Pool, *imapscript.Server) {
	t.Helper()
	srv := imapscript.Start(t, m.Serve)
	p := NewPool(Server{Host: "127.0.0.1", Port: srv.Port, Mode: Plain}, o)
	t.Cleanup(func() { p.Close(context.Background()) })
	return p, srv
}

func account() *imapscript.Mailbox {
	return &imapscript.Mailbox{Caps: "IMAP4rev1 UIDPLUS ESEARCH", Folders: map[string][]*imapscript.Message{"INBOX": {{UID: 1, Text: "hi"}, {UID: 2, Text: "ho"}}}}
}

func user(i int) (owner, name string) { return fmt.Sprint("owner", i), fmt.Sprint("user", i) }

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func (l *places) state() (used, waiting, coming int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used, len(l.waiting), l.coming
}

// TestPlaces: many users share few connections; the one that was idle for longest
// makes room, and no place is lost.
func TestPlaces(t *testing.T) {
	const limit = 5
	var most atomic.Int64
	m := account()
	p, _ := limited(t, m, Options{Connections: limit})
	p.queued = 20 * time.Second
	m.Hook = func(*imapscript.Conn, imapscript.Command) bool {
		used, _, _ := p.places.state()
		most.Store(max(most.Load(), int64(used)))
		return false
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			owner, name := user(i)
			s, err := p.SignIn(t.Context(), owner, name, "secret")
			for range 3 {
				if err == nil {
					_, err = s.Message(t.Context(), mail.Ref{Folder: "INBOX", Validity: 1, UID: 1})
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > limit {
		t.Errorf("%d connections", n)
	}
	until(t, "nobody waits", func() bool {
		used, waiting, coming := p.places.state()
		return used <= limit && waiting == 0 && coming == 0
	})
	p.Close(t.Context())
	until(t, "all places are free", func() bool { used, _, coming := p.places.state(); return used == 0 && coming == 0 })
}

// TestNoPlace: when all connections are at work, a request says so after a while,
// and shutdown does not wait for it.
func TestNoPlace(t *testing.T) {
	m := account()
	held := make(chan bool)
	defer close(held)
	m.Hook = func(_ *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID FETCH" {
			<-held
		}
		return false
	}
	p, _ := limited(t, m, Options{Connections: 1})
	s, err := p.SignIn(t.Context(), "a", "a", "secret")
	if err != nil {
		t.Fatal(err)
	}
	go s.Message(t.Context(), mail.Ref{Folder: "INBOX", Validity: 1, UID: 1})
	until(t, "the connection is at work", func() bool { _, idle := s.idleSince(); return !idle })
	p.queued = 50 * time.Millisecond
	if _, err = p.SignIn(t.Context(), "b", "b", "secret"); mail.KindOf(err) != mail.Busy {
		t.Errorf("no place: %v", err)
	}
	p.queued = time.Minute
	failed := make(chan error, 1)
	go func() { _, err := p.SignIn(context.Background(), "b", "b", "secret"); failed <- err }()
	until(t, "it waits", func() bool { _, waiting, _ := p.places.state(); return waiting == 1 })
	// A sign-in that is not in the Pool yet ends with it all the same.
	start := time.Now()
	p.Close(t.Context())
	if err := <-failed; mail.KindOf(err) != mail.Dropped || time.Since(start) > 2*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

// TestLoginRate: sign-ins are spaced out, and a user stands behind one only of
// the watches that connect again.
func TestLoginRate(t *testing.T) {
	l := newLogins(20)
	for range 20 {
		if err := l.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), behind{}, true))
	var wg sync.WaitGroup
	var passed atomic.Int64
	for range 500 {
		wg.Go(func() {
			if l.wait(ctx) == nil {
				passed.Add(1)
			}
		})
	}
	until(t, "the lane is full", func() bool { return passed.Load() > 0 })
	before := passed.Load()
	if err := l.wait(t.Context()); err != nil {
		t.Error(err)
	}
	if n := passed.Load() - before; n > 100 {
		t.Errorf("%d watches went before the user", n)
	}
	cancel()
	wg.Wait()
	none := newLogins(0)
	if none.rate != nil || none.wait(t.Context()) != nil {
		t.Error("0 is a limit")
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	for range 100 { // until a turn would come too late
		if err := l.wait(short); err != nil {
			return
		}
	}
	t.Error("everyone had a turn at once")
}

// TestCircuit moves the clock instead of waiting for it.
func TestCircuit(t *testing.T) {
	var k circuit
	now := time.Now()
	slow := problem(mail.Timeout, "connect", "said last", nil)
	refused := problem(mail.Unreachable, "connect", "", nil)
	for range 100 {
		k.note(now, refused, false, false)
	}
	for i := range slowInARow {
		if err := k.check(now, true); err != nil {
			t.Fatalf("open after %d failures", i)
		}
		k.note(now, slow, true, false)
		k.note(now, refused, false, true) // given up early: says nothing
	}
	if err := k.check(now, true); mail.KindOf(err) != mail.Timeout || !errors.Is(err, errAway) || !strings.Contains(err.Error(), "said last") {
		t.Errorf("after %d failures: %v", slowInARow, err)
	}
	later := now.Add(probing)
	if k.check(later, false) != nil || k.check(later, true) != nil || k.check(later, true) == nil {
		t.Error("not exactly one attempt is let through")
	}
	k.note(later, nil, true, false)
	if k.check(later, true) != nil {
		t.Error("open after a success")
	}
}

// TestSilentServer: after a few slow failures nobody waits for a server that takes
// connections and says nothing; the first answer ends that.
func TestSilentServer(t *testing.T) {
	var speaks atomic.Bool
	m := account()
	srv := imapscript.Start(t, func(c *imapscript.Conn) {
		if speaks.Load() {
			m.Serve(c)
		} else {
			c.Hang()
		}
	})
	p := NewPool(Server{Host: "127.0.0.1", Port: srv.Port, Mode: Plain}, Options{Limits: Timeouts{Greeting: 50 * time.Millisecond}})
	defer p.Close(context.Background())
	for range slowInARow {
		if _, err := p.SignIn(t.Context(), "a", "a", "secret"); mail.KindOf(err) != mail.Timeout {
			t.Fatal(err)
		}
	}
	dialled := srv.Accepted()
	for range 50 {
		if err := p.Ping(t.Context()); !errors.Is(err, errAway) || mail.KindOf(err) != mail.Timeout {
			t.Fatal(err)
		}
	}
	if n := srv.Accepted(); n > dialled+1 {
		t.Errorf("%d more attempts", n-dialled)
	}
	speaks.Store(true)
	p.circuit.mu.Lock()
	p.circuit.probe = time.Now()
	p.circuit.mu.Unlock()
	for range 2 {
		if _, err := p.SignIn(t.Context(), "a", "a", "secret"); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusedServer: nothing listens, and nothing is held against it.
func TestRefusedServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	p := NewPool(Server{Host: "127.0.0.1", Port: port, Mode: Plain}, Options{})
	defer p.Close(context.Background())
	for range 3 * slowInARow {
		if err := p.Ping(t.Context()); mail.KindOf(err) != mail.Unreachable || errors.Is(err, errAway) {
			t.Fatal(err)
		}
	}
}

// TestPassingRefusal: UNAVAILABLE and INUSE are asked again once, other refusals not.
func TestPassingRefusal(t *testing.T) {
	for code, sent := range map[string]int{"[UNAVAILABLE] ": 2, "[INUSE] ": 2, "[SERVERBUG] ": 1, "": 1} {
		m := account()
		var times atomic.Int64
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "UID FETCH" && times.Add(1) == 1 {
				c.No(cmd, code+"not now")
				return true
			}
			return false
		}
		p, srv := limited(t, m, Options{})
		s, err := p.SignIn(t.Context(), "a", "a", "secret")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Message(t.Context(), mail.Ref{Folder: "INBOX", Validity: 1, UID: 1})
		if (err == nil) != (sent == 2) || times.Load() < int64(sent) || sent == 1 && times.Load() != 1 || srv.Accepted() != 1 {
			t.Errorf("%q: %d commands on %d connections: %v", code, times.Load(), srv.Accepted(), err)
		}
	}
}

// TestBudget: with far too little memory for all, those used longest ago forget,
// and what is left is counted to the last octet.
func TestBudget(t *testing.T) {
	p := NewPool(Server{Host: "127.0.0.1", Port: 1, Mode: Plain}, Options{CacheBytes: 100_000})
	defer p.Close(context.Background())
	var all []*Session
	for i := range 200 {
		_, name := user(i)
		s := newSession(p, name, "secret")
		s.active = time.Now().Add(time.Duration(i) * time.Second)
		p.mu.Lock()
		p.sessions[p.digest(name, "secret")] = s
		p.mu.Unlock()
		all = append(all, s)
		s.cache.setOrder("INBOX", &index{validity: 1, uids: make([]imap.UID, 100)}, 0)
		for uid := range 20 {
			s.cache.setRow(rowKey{"INBOX", 1, imap.UID(uid + 1)}, row{summary: mail.Summary{Subject: "words"}})
		}
	}
	until(t, "the budget is kept without the clock", func() bool { return p.bytes.Load() <= p.budget })
	if _, ok := all[0].cache.row(rowKey{"INBOX", 1, 1}); ok || all[0].cache.knownOrder("INBOX") != nil {
		t.Error("the Session used longest ago has kept its rows")
	}
	if _, ok := all[199].cache.row(rowKey{"INBOX", 1, 20}); !ok || all[199].cache.knownOrder("INBOX") == nil {
		t.Error("the Session used last has forgotten")
	}
	var sum int
	for _, s := range all {
		s.cache.mu.Lock()
		sum += s.cache.bytes + s.cache.held
		s.cache.mu.Unlock()
	}
	if int64(sum) != p.bytes.Load() {
		t.Errorf("%d octets, counted as %d", sum, p.bytes.Load())
	}
	for _, s := range all {
		s.cache.reset()
	}
	if p.bytes.Load() != 0 {
		t.Errorf("%d octets are counted for nothing", p.bytes.Load())
	}
}

// TestWatchesLeaveRoom: a quarter of the places stays for the pages.
func TestWatchesLeaveRoom(t *testing.T) {
	l := places{limit: 8}
	n := 0
	for l.watch() {
		n++
	}
	if l.unwatch(); n != 6 || !l.watch() || l.watch() {
		t.Errorf("%d watches of 8 places", n)
	}
}
