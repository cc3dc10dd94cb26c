package imapsession

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/internal/imapscript"
	"oriel/mail"
)

// TestEviction moves the janitor's clock instead of waiting for it.
func TestEviction(t *testing.T) {
	big := make([]byte, 300<<10)
	for i := range big {
		big[i] = 'x'
	}
	m := &imapscript.Mailbox{Caps: "IMAP4rev1 UIDPLUS ESEARCH", Folders: map[string][]*imapscript.Message{"INBOX": {{UID: 1, Text: "hi"}}, "Work": {{UID: 1, Text: string(big)}}}}
	srv := imapscript.Start(t, m.Serve)
	p := NewPool(Server{Host: "127.0.0.1", Port: srv.Port, Mode: Plain}, Options{})
	defer p.Close(context.Background())
	s, err := p.SignIn(t.Context(), "owner", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"}); err != nil {
		t.Fatal(err)
	}
	part, err := s.Part(t.Context(), mail.Ref{Folder: "Work", Validity: 1, UID: 1}, "1")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, part); err != nil || n != int64(len(big)) {
		t.Fatalf("%d octets, %v", n, err)
	}
	part.Close()
	conns := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.idle)
	}
	now := time.Now()
	for _, step := range []struct {
		after time.Duration
		conns int
		cache bool
		known bool
	}{
		{10 * time.Second, 2, true, true},
		{idleStream + time.Second, 1, true, true}, // the stream's connection goes first
		{idleWork + time.Second, 0, true, true},
		{idleSession + time.Second, 0, false, true}, // only the credentials are left
		{idleForget + time.Second, 0, false, false},
	} {
		p.evict(now.Add(step.after))
		_, cached := s.cache.row(rowKey{"INBOX", 1, 1})
		p.mu.Lock()
		known := p.owners["owner"] == s
		p.mu.Unlock()
		if conns() != step.conns || cached != step.cache || known != step.known {
			t.Errorf("after %v: %d connections, cache %v, known %v", step.after, conns(), cached, known)
		}
		if step.after == idleSession+time.Second {
			// It connects again by itself, and is used again from now on.
			if _, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"}); err != nil {
				t.Errorf("after a long sleep: %v", err)
			}
			s.sleep()
		}
	}
}

// TestCacheBound: rows are forgotten before they take more than the budget.
func TestCacheBound(t *testing.T) {
	c := cache{total: new(atomic.Int64)}
	c.reset()
	for i := range 20000 {
		r := row{summary: mail.Summary{Subject: "a subject of some length", Preview: "a preview that is a little longer than that"}, root: mail.Part{Children: make([]mail.Part, 3)}}
		c.setRow(rowKey{"INBOX", 1, 1}, r)
		c.setRow(rowKey{"INBOX", 1, 2 + imap.UID(i)}, r)
	}
	if c.bytes > cacheBytes || len(c.rows) != c.recent.Len() || int64(c.bytes) != c.total.Load() || len(c.rows) < 500 {
		t.Errorf("%d octets in %d rows (%d in order)", c.bytes, len(c.rows), c.recent.Len())
	}
	if _, ok := c.row(rowKey{"INBOX", 1, 2 + imap.UID(19999)}); !ok {
		t.Error("the newest row is forgotten")
	}
	if _, ok := c.row(rowKey{"INBOX", 1, 1}); !ok {
		t.Error("the row that is written again and again is forgotten")
	}
	for i := range 3 * maxMirrors {
		c.setOrder(string(rune('a'+i)), &index{validity: 1}, 0)
	}
	if len(c.mirrors) != maxMirrors || c.knownOrder(string(rune('a'+3*maxMirrors-1))) == nil {
		t.Errorf("%d folders are remembered", len(c.mirrors))
	}
	c.reset()
	if c.total.Load() != 0 {
		t.Errorf("%d octets are counted for nothing", c.total.Load())
	}
}
