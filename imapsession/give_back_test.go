package imapsession

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"oriel/internal/dovecot"
	"oriel/mail"
)

// TestIdlePoolGivesConnectionsBack counts on the server what its users cost it,
// each a process: while pages are used, while they are only open, and after they
// were closed. The janitor's clock is moved instead of waited for.
func TestIdlePoolGivesConnectionsBack(t *testing.T) {
	const users = 5
	d := dovecot.Start(t)
	p := NewPool(Server{Host: d.Host, Port: d.IMAPPort, Mode: Plain}, Options{})
	defer p.Close(context.Background())
	p.pace.linger, p.pace.recounted = 10*time.Millisecond, 500*time.Millisecond // the watch looks up when it counts
	var sessions []*Session
	var watches []*Watch
	name := func(i int) string { return fmt.Sprintf("user%d", i) }
	for i := range users {
		d.AddUser(name(i), "secret")
		d.Deliver(name(i), "INBOX", dovecot.Message{Raw: []byte("Subject: one\r\n\r\nbody\r\n")})
		s, err := p.SignIn(t.Context(), name(i), name(i), "secret")
		if err != nil {
			t.Fatal(err)
		}
		sessions, watches = append(sessions, s), append(watches, s.Watch())
	}
	heard := func(arrived int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for i, w := range watches {
			e, err := w.Next(ctx)
			for err == nil && (e.Kind != mail.Changed || e.Arrived < arrived) {
				e, err = w.Next(ctx)
			}
			if err != nil {
				t.Fatalf("user %d was not told: %v", i, err)
			}
		}
	}
	heard(0) // what each has found when it began
	for _, s := range sessions {
		if _, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SetFlags(t.Context(), []mail.Ref{{Folder: "INBOX", Validity: validityOf(t, s), UID: 1}}, []string{`\Flagged`}, nil); err != nil {
			t.Fatal(err)
		}
	}
	served(t, d, 2*users, "pages are used")
	p.evict(time.Now().Add(idleWork + time.Second))
	served(t, d, users, "pages are only open")

	// They are told of what happens all the same, at once.
	for i := range watches {
		d.Deliver(name(i), "INBOX", dovecot.Message{Raw: []byte("Subject: two\r\n\r\nbody\r\n")})
	}
	heard(1)
	for _, w := range watches {
		w.Close()
	}
	p.evict(time.Now().Add(idleWork + time.Second))
	served(t, d, 0, "pages are closed")

	for i, s := range sessions {
		again, err := p.Open(t.Context(), name(i), name(i), "secret")
		if err != nil || again != s {
			t.Fatalf("user %d has lost the session: %v", i, err)
		}
		if l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"}); err != nil || l.Folder.Total != 2 {
			t.Errorf("user %d, back again: %d messages, %v", i, l.Folder.Total, err)
		}
	}
}

func validityOf(t *testing.T, s *Session) uint32 {
	t.Helper()
	v, err := s.Validity(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// served waits until Dovecot has that many connections.
func served(t *testing.T, d *dovecot.Server, want int, when string) {
	t.Helper()
	var out []byte
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if out, err = d.Command("who", "-1").Output(); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(out, []byte(" imap ")) == want {
			return
		}
	}
	t.Fatalf("while %s, not %d connections but these:\n%s", when, want, out)
}
