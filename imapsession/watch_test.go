package imapsession_test

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/internal/mailtest"
	"oriel/mail"
)

// tape is what went over the wire, one line each.
type tape struct {
	mu    sync.Mutex
	lines []string
}

func (t *tape) add(dir byte, line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, string(dir)+" "+string(line))
}

// mark returns how long the tape is; since returns what our side has sent since then.
func (t *tape) mark() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lines)
}

func (t *tape) since(mark int) (sent []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines[mark:] {
		if rest, ours := strings.CutPrefix(l, "C "); ours {
			sent = append(sent, rest)
		}
	}
	return sent
}

// dovecotInbox is a mailbox with n messages on a real server, a Session on it,
// the tape of the Session, and another client that has the inbox selected.
func dovecotInbox(t *testing.T, n int) (*imapsession.Session, *tape, *imapclient.Client, *dovecot.Server) {
	t.Helper()
	srv := dovecot.Start(t)
	srv.AddUser("ann", "secret")
	srv.Fill("ann", "INBOX", n, func(i int) dovecot.Message {
		return dovecot.Message{Raw: []byte(mailtest.Plain(i).Raw), Date: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)}
	})
	log := &tape{}
	p := imapsession.NewPool(imapsession.Server{Host: srv.Host, Port: srv.IMAPPort, Mode: imapsession.Plain}, imapsession.Options{Trace: log.add})
	t.Cleanup(func() { p.Close(context.Background()) })
	s, err := p.SignIn(t.Context(), "owner", "ann", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return s, log, phone(t, srv), srv
}

// phone is another client with the inbox selected.
func phone(t testing.TB, srv *dovecot.Server) *imapclient.Client {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(srv.Host, fmt.Sprint(srv.IMAPPort)))
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(nc, nil)
	t.Cleanup(func() { c.Close() })
	if err := c.Login("ann", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// expect waits for an event that fits.
func expect(t *testing.T, w *imapsession.Watch, what string, fits func(mail.Event) bool) mail.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		e, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("no event: %s", what)
		}
		if fits(e) {
			return e
		}
	}
}

// settle waits until a page of the inbox costs no command.
func settle(t *testing.T, s *imapsession.Session, log *tape) mail.List {
	t.Helper()
	for range 1000 {
		before := log.mark()
		l := list(t, s)
		if len(log.since(before)) == 0 {
			return l
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the list goes on asking the server")
	return mail.List{}
}

func inboxChanged(e mail.Event) bool { return e.Kind == mail.Changed && e.Folder.Name == "INBOX" }

// TestWatch: what another client changes is told, and shown by lists that ask
// the server nothing.
func TestWatch(t *testing.T) {
	s, log, c, srv := dovecotInbox(t, 60)
	first := list(t, s)
	w := s.Watch()
	defer w.Close()
	settle(t, s, log)

	set := imap.UIDSetNum(imap.UID(first.Rows[3].UID))
	if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen, imap.FlagFlagged}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	e := expect(t, w, "flags", func(e mail.Event) bool { return inboxChanged(e) && e.Folder.Unread == 59 })
	if !e.Folder.Counted || e.Arrived != 0 || e.Folder.Total != 60 {
		t.Errorf("after flags: %+v", e)
	}
	if l := settle(t, s, log); !l.Rows[3].Seen || !l.Rows[3].Flagged || l.Folder.Unread != 59 {
		t.Errorf("the row is %+v in %+v", l.Rows[3], l.Folder)
	}

	srv.Deliver("ann", "INBOX", dovecot.Message{Raw: []byte(mailtest.Plain(100).Raw), Date: time.Now()}, dovecot.Message{Raw: []byte(mailtest.Plain(101).Raw), Date: time.Now()})
	arrived := 0
	e = expect(t, w, "new mail", func(e mail.Event) bool { arrived += e.Arrived; return inboxChanged(e) && e.Folder.Total == 62 })
	if arrived != 2 || e.Folder.Unread != 61 {
		t.Errorf("after new mail: %d arrived, %+v", arrived, e)
	}
	l := settle(t, s, log)
	if len(l.Rows) != 50 || l.Matches != 62 || l.Rows[0].Subject == first.Rows[0].Subject {
		t.Errorf("new mail is not listed: %+v", l.Rows[0])
	}

	set = imap.UIDSetNum(imap.UID(l.Rows[2].UID), imap.UID(l.Rows[3].UID))
	c.Noop().Wait() // it must have heard of the new messages
	if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	mark := log.mark()
	if err := c.UIDExpunge(set).Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, w, "expunge", func(e mail.Event) bool { return inboxChanged(e) && e.Folder.Total == 60 })
	for _, cmd := range log.since(mark) {
		if strings.Contains(cmd, "SEARCH") && !strings.Contains(cmd, "COUNT") {
			t.Errorf("QRESYNC names what is gone, and Oriel asks all the same: %s", cmd)
		}
	}
	after := settle(t, s, log)
	if after.Matches != 60 || after.Rows[2].UID == l.Rows[2].UID || after.Folder.Unread != 59 && after.Folder.Unread != 60 {
		t.Errorf("after the expunge: %d messages, %d unread", after.Matches, after.Folder.Unread)
	}
}

// TestWatchOwnChanges: a change of our own shows at once, before the server has
// announced it to the watch, and no later announcement takes it back.
func TestWatchOwnChanges(t *testing.T) {
	s, log, _, _ := dovecotInbox(t, 20)
	list(t, s)
	w := s.Watch()
	defer w.Close()
	l := settle(t, s, log)
	unread := l.Folder.Unread
	for i := range 5 {
		r := l.Rows[i]
		res, err := s.SetFlags(t.Context(), []mail.Ref{r.Ref}, []string{`\Seen`, `\Flagged`}, nil)
		if err != nil || len(res.Done) != 1 {
			t.Fatal(res, err)
		}
		unread--
		mark := log.mark()
		now := list(t, s)
		if sent := log.since(mark); !now.Rows[i].Seen || !now.Rows[i].Flagged || now.Folder.Unread != unread || countOf(sent, "FETCH", "SEARCH", "SELECT") > 0 {
			t.Fatalf("flag %d: %+v, %d unread (want %d), commands %q", i, now.Rows[i].Flags, now.Folder.Unread, unread, sent)
		}
	}
	if _, err := s.CreateRole(t.Context(), mail.Trash, ""); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		r := l.Rows[i]
		if res, err := s.Move(t.Context(), []mail.Ref{r.Ref}, "Trash"); err != nil || len(res.Done) != 1 {
			t.Fatal(res, err)
		}
		for range 3 {
			now := list(t, s)
			if strings.Contains(" "+rowUIDs(now)+" ", fmt.Sprintf(" %d ", r.UID)) || now.Matches != 19-i {
				t.Fatalf("after move %d: %s", i, rowUIDs(now))
			}
		}
	}
	time.Sleep(1500 * time.Millisecond) // Dovecot announces within half a second
	kept := settle(t, s, log)
	if kept.Matches != 15 || int(kept.Folder.Unread) != 15 {
		t.Errorf("in the end %d messages, %d unread", kept.Matches, kept.Folder.Unread)
	}
}

func countOf(commands []string, names ...string) (n int) {
	for _, c := range commands {
		for _, name := range names {
			if strings.Contains(c, name) {
				n++
			}
		}
	}
	return n
}

// TestWatchFollows: the watch goes with the folder that is listed, and what it
// leaves is looked at again when it is listed next.
func TestWatchFollows(t *testing.T) {
	s, log, c, srv := dovecotInbox(t, 5)
	for _, name := range []string{"Work", "Play"} {
		if err := c.Create(name, nil).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	list(t, s)
	w := s.Watch()
	defer w.Close()
	settle(t, s, log)
	if _, err := s.List(t.Context(), mail.ListQuery{Folder: "Work"}); err != nil {
		t.Fatal(err)
	}
	srv.Deliver("ann", "Work", dovecot.Message{Raw: []byte(mailtest.Plain(7).Raw), Date: time.Now()})
	expect(t, w, "mail in the folder that is listed now", func(e mail.Event) bool {
		return e.Kind == mail.Changed && e.Folder.Name == "Work" && e.Folder.Total == 1
	})
	srv.Deliver("ann", "INBOX", dovecot.Message{Raw: []byte(mailtest.Plain(8).Raw), Date: time.Now()})
	if l := list(t, s); l.Matches != 6 {
		t.Errorf("the inbox has %d messages, want 6", l.Matches)
	}
	settle(t, s, log) // in the inbox again
	raw := mailtest.Plain(9).Raw
	add := c.Append("Play", int64(len(raw)), nil) // by way of the server, as deliveries come
	add.Write([]byte(raw))
	add.Close()
	if _, err := add.Wait(); err != nil {
		t.Fatal(err)
	}
	expect(t, w, "mail in a folder that is not listed", func(e mail.Event) bool {
		return e.Kind == mail.Changed && e.Folder.Name == "Play" && e.Folder.Total == 1
	})
}

// TestWatchRestart: the server is killed and comes back; pages learn of both, and
// what has changed meanwhile is told.
func TestWatchRestart(t *testing.T) {
	s, log, _, srv := dovecotInbox(t, 5)
	list(t, s)
	w := s.Watch()
	defer w.Close()
	settle(t, s, log)
	srv.Kill()
	expect(t, w, "lost", func(e mail.Event) bool { return e.Kind == mail.Lost })
	srv.Deliver("ann", "INBOX", dovecot.Message{Raw: []byte(mailtest.Plain(7).Raw), Date: time.Now()})
	srv.Restart()
	expect(t, w, "back", func(e mail.Event) bool { return e.Kind == mail.Back })
	expect(t, w, "what came meanwhile", func(e mail.Event) bool { return inboxChanged(e) && e.Folder.Total == 6 })
	if l := settle(t, s, log); l.Matches != 6 {
		t.Errorf("%d messages after the restart", l.Matches)
	}
}

// TestWatchedPlace: neighbours and filtered lists of a watched folder are known too.
func TestWatchedPlace(t *testing.T) {
	s, log, _, _ := dovecotInbox(t, 70)
	list(t, s)
	w := s.Watch()
	defer w.Close()
	settle(t, s, log)
	q := mail.ListQuery{Folder: "INBOX", Filter: mail.Unread}
	one, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	mark := log.mark()
	two, err := s.List(t.Context(), q)
	if err != nil || !reflect.DeepEqual(one, two) {
		t.Errorf("the filtered list differs: %v", err)
	}
	p, err := s.Place(t.Context(), q, two.Rows[4].Ref)
	if err != nil || p.Position != 5 || p.Newer != two.Rows[3].Ref || p.Older != two.Rows[5].Ref {
		t.Errorf("place is %+v, %v", p, err)
	}
	if sent := log.since(mark); len(sent) > 0 {
		t.Errorf("asked the server: %q", sent)
	}
}
