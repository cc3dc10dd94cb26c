package imapsession_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/internal/imapscript"
	"oriel/internal/mailtest"
	"oriel/mail"
)

// page is a page of a list.
func page(t *testing.T, s *imapsession.Session, q mail.ListQuery) mail.List {
	t.Helper()
	l, err := s.List(t.Context(), q)
	if err != nil {
		t.Error(err)
	}
	return l
}

// checkPage looks for what no page may show.
func checkPage(t *testing.T, l mail.List) {
	t.Helper()
	seen := map[uint32]bool{}
	for _, r := range l.Rows {
		if seen[r.UID] || r.Subject == "" || r.Folder != l.Folder.Name || r.Validity != l.Folder.Validity || r.Broken {
			t.Errorf("a row that cannot be: %v twice %v, in %d: %#v", r.Ref, seen[r.UID], l.Folder.Validity, r)
		}
		seen[r.UID] = true
	}
	if len(l.Rows) > mail.PageSize || int(l.Folder.Unread) > int(l.Folder.Total) {
		t.Errorf("%d rows, %d unread of %d", len(l.Rows), l.Folder.Unread, l.Folder.Total)
	}
}

// TestStorm: while pages are read, two other clients mark, move, expunge and deliver
// in the same folders. No page shows what cannot be, and in the end every page is
// what a Session that has just signed in shows. With and without a watch.
func TestStorm(t *testing.T) {
	srv := dovecot.Start(t)
	folders := []string{"INBOX", "Work"}
	for _, watch := range []bool{false, true} {
		t.Run(fmt.Sprint("watch ", watch), func(t *testing.T) {
			user := fmt.Sprint("ann", watch)
			srv.AddUser(user, "secret")
			for _, f := range folders {
				srv.Fill(user, f, 120, func(i int) dovecot.Message {
					return dovecot.Message{Raw: []byte(mailtest.Plain(i).Raw), Date: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)}
				})
			}
			p := imapsession.NewPool(imapsession.Server{Host: srv.Host, Port: srv.IMAPPort, Mode: imapsession.Plain}, imapsession.Options{})
			defer p.Close(context.Background())
			s, err := p.SignIn(t.Context(), "owner", user, "secret")
			if err != nil {
				t.Fatal(err)
			}
			if watch {
				w := s.Watch()
				defer w.Close()
			}
			ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
			defer stop()
			var wg sync.WaitGroup
			for i, f := range folders {
				wg.Go(func() { rage(ctx, t, srv, user, f, folders[1-i], uint64(i)) })
			}
			queries := []mail.ListQuery{{Folder: "INBOX"}, {Folder: "Work"}, {Folder: "INBOX", Page: 2}, {Folder: "Work", Filter: mail.Unread}, {Folder: "INBOX", Filter: mail.Flagged}}
			for i := range 2 {
				wg.Go(func() {
					for n := i; ctx.Err() == nil; n++ {
						l, err := s.List(t.Context(), queries[(n/3)%len(queries)])
						if err != nil {
							t.Error(err)
						}
						checkPage(t, l)
						time.Sleep(5 * time.Millisecond)
					}
				})
			}
			wg.Wait()
			calm := imapsession.NewPool(imapsession.Server{Host: srv.Host, Port: srv.IMAPPort, Mode: imapsession.Plain}, imapsession.Options{})
			defer calm.Close(context.Background())
			other, err := calm.SignIn(t.Context(), "owner", user, "secret")
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range queries {
				var got, want mail.List
				for range 100 {
					got, want = page(t, s, q), page(t, other, q)
					if reflect.DeepEqual(got.Rows, want.Rows) && got.Folder == want.Folder && got.Matches == want.Matches {
						break
					}
					time.Sleep(50 * time.Millisecond) // Dovecot announces half a second later
				}
				if got.Folder != want.Folder || got.Matches != want.Matches || got.Pages != want.Pages {
					t.Errorf("%+v: %d matches in %+v, want %d in %+v", q, got.Matches, got.Folder, want.Matches, want.Folder)
				}
				if rowUIDs(got) != rowUIDs(want) {
					t.Errorf("%+v: rows\n%s, want\n%s", q, rowUIDs(got), rowUIDs(want))
				}
				for i := range min(len(got.Rows), len(want.Rows)) {
					if !reflect.DeepEqual(got.Rows[i], want.Rows[i]) {
						t.Errorf("%+v: row\n%#v, want\n%#v", q, got.Rows[i], want.Rows[i])
						break
					}
				}
			}
		})
	}
}

// rage is another client that changes a folder without rest.
func rage(ctx context.Context, t *testing.T, srv *dovecot.Server, user, folder, other string, seed uint64) {
	nc, err := net.Dial("tcp", net.JoinHostPort(srv.Host, fmt.Sprint(srv.IMAPPort)))
	if err != nil {
		t.Error(err)
		return
	}
	c := imapclient.New(nc, nil)
	defer c.Close()
	if err := c.Login(user, "secret").Wait(); err != nil {
		t.Error(err)
		return
	}
	if _, err := c.Select(folder, nil).Wait(); err != nil {
		t.Error(err)
		return
	}
	random := rand.New(rand.NewPCG(seed, 2))
	for n := 0; ctx.Err() == nil; n++ {
		all, err := c.UIDSearch(&imap.SearchCriteria{}, &imap.SearchOptions{ReturnAll: true}).Wait()
		if err != nil {
			t.Error(err)
			return
		}
		uids := all.AllUIDs()
		if len(uids) == 0 {
			continue
		}
		// The newest are on the page that is read.
		newest := uids[max(0, len(uids)-60):]
		one := imap.UIDSetNum(newest[random.IntN(len(newest))])
		op, flag := imap.StoreFlagsAdd, []imap.Flag{imap.FlagSeen, imap.FlagFlagged}[random.IntN(2)]
		if random.IntN(3) == 0 {
			op = imap.StoreFlagsDel
		}
		switch k := random.IntN(10); {
		case k < 6:
			c.Store(one, &imap.StoreFlags{Op: op, Silent: true, Flags: []imap.Flag{flag}}, nil).Close()
		case k < 7:
			c.Store(one, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close()
			c.UIDExpunge(one).Close()
		case k < 8:
			c.Move(one, other).Wait()
		default:
			raw := mailtest.Plain(1000 + n).Raw
			cmd := c.Append(folder, int64(len(raw)), nil)
			cmd.Write([]byte(raw))
			cmd.Close()
			cmd.Wait()
		}
		c.Noop().Wait()
	}
}

// TestGoneElsewhere: what another client has taken away is reported as gone, not as
// done, whatever is watched (T20).
func TestGoneElsewhere(t *testing.T) {
	for _, watch := range []bool{false, true} {
		s, log, c, _ := dovecotInbox(t, 10)
		l := list(t, s)
		if watch {
			w := s.Watch()
			defer w.Close()
			settle(t, s, log)
		}
		if _, err := s.CreateRole(t.Context(), mail.Trash, ""); err != nil {
			t.Fatal(err)
		}
		gone := imap.UIDSetNum(imap.UID(l.Rows[0].UID), imap.UID(l.Rows[1].UID), imap.UID(l.Rows[2].UID))
		if err := c.Store(gone, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.UIDExpunge(gone).Close(); err != nil {
			t.Fatal(err)
		}
		for i, act := range []func(refs []mail.Ref) (mail.Result, error){
			func(refs []mail.Ref) (mail.Result, error) {
				return s.SetFlags(t.Context(), refs, []string{`\Seen`}, nil)
			},
			func(refs []mail.Ref) (mail.Result, error) { return s.Move(t.Context(), refs, "Trash") },
			func(refs []mail.Ref) (mail.Result, error) { return s.Delete(t.Context(), refs) },
		} {
			res, err := act([]mail.Ref{l.Rows[i].Ref, l.Rows[5+i].Ref})
			if err != nil || uids(res.Gone) != fmt.Sprint(l.Rows[i].UID) || uids(res.Done) != fmt.Sprint(l.Rows[5+i].UID) {
				t.Errorf("watch %v, change %d: %+v, %v", watch, i, res, err)
			}
		}
		if l := list(t, s); l.Matches != 5 {
			t.Errorf("watch %v: %d messages are left", watch, l.Matches)
		}
	}
}

// TestHollow: Dovecot answers for a message that another client has just removed as
// if it were there and empty. It is neither listed nor opened.
func TestHollow(t *testing.T) {
	s, _, c, srv := dovecotInbox(t, 5)
	list(t, s)
	for i := range 2 {
		srv.Deliver("ann", "INBOX", dovecot.Message{Raw: []byte(mailtest.Plain(50 + i).Raw), Date: time.Now()})
	}
	c.Noop().Wait()
	before := list(t, s)
	srv.Deliver("ann", "INBOX", dovecot.Message{Raw: []byte(mailtest.Plain(60).Raw), Date: time.Now()})
	if err := s.Connected(t.Context(), "INBOX", func(look func() error) error {
		if err := look(); err != nil { // this connection knows the new message now
			return err
		}
		c.Noop().Wait()
		newest := imap.UIDSetNum(imap.UID(before.Rows[0].UID) + 1)
		if err := c.Store(newest, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			return err
		}
		return c.UIDExpunge(newest).Close()
	}); err != nil {
		t.Fatal(err)
	}
	gone := before.Rows[0].Ref
	gone.UID++
	_, err := s.Message(t.Context(), gone)
	wantKind(t, err, mail.NoMessage)
	if l := list(t, s); len(l.Rows) != 7 || l.Rows[0].UID != before.Rows[0].UID {
		t.Errorf("rows are %s", rowUIDs(l))
	}
}

// TestNoScan: an hour of work on ten thousand messages, in a minute. The trace shows
// no look at all of them, and a delta costs at most three commands.
func TestNoScan(t *testing.T) {
	s, log, c, srv := dovecotInbox(t, 10000)
	first := list(t, s)
	await(t, "the order", func() bool { l := list(t, s); return l.Matches == 10000 && l.Pages == 200 })
	w := s.Watch()
	defer w.Close()
	settle(t, s, log)
	begin := log.mark()
	newest := func(n, from int) (set imap.UIDSet) {
		for i := range n {
			set.AddNum(imap.UID(first.Rows[0].UID) - imap.UID(3*i+from))
		}
		return set
	}
	mark := log.mark()
	if err := c.Store(newest(100, 0), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, w, "a hundred flags", func(e mail.Event) bool { return inboxChanged(e) && e.Folder.Unread == 9900 })
	looks, asked := 0, 0
	for _, cmd := range log.since(mark) {
		if strings.Contains(cmd, "CHANGEDSINCE") {
			looks++
		}
		if strings.Contains(cmd, "FETCH") || strings.Contains(cmd, "SEARCH") || strings.Contains(cmd, "NOOP") || strings.Contains(cmd, "SELECT") {
			asked++
		}
	}
	if looks == 0 || asked > 3*looks {
		t.Errorf("%d looks cost %d commands: %q", looks, asked, log.since(mark))
	}
	if _, err := s.CreateRole(t.Context(), mail.Trash, ""); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		l := list(t, s)
		switch i % 6 {
		case 0:
			srv.Deliver("ann", "INBOX", dovecot.Message{Raw: []byte(mailtest.Plain(i).Raw), Date: time.Now()})
		case 1:
			if _, err := s.Message(t.Context(), l.Rows[i%50].Ref); err != nil {
				t.Error(err)
			}
		case 2:
			if _, err := s.SetFlags(t.Context(), []mail.Ref{l.Rows[3].Ref, l.Rows[4].Ref}, []string{`\Flagged`}, nil); err != nil {
				t.Error(err)
			}
		case 3:
			if _, err := s.Move(t.Context(), []mail.Ref{l.Rows[7].Ref}, "Trash"); err != nil {
				t.Error(err)
			}
		case 4:
			q := mail.ListQuery{Folder: "INBOX", Page: 2 + i}
			if i%12 == 4 {
				q = mail.ListQuery{Folder: "INBOX", Filter: mail.Unread}
			}
			page(t, s, q)
		case 5:
			page(t, s, mail.ListQuery{Folder: "Trash"})
			c.Noop().Wait()
			c.Store(newest(5, i), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close()
		}
	}
	for _, cmd := range log.since(begin) {
		if why := scans(cmd); why != "" {
			t.Errorf("%s: %.200s", why, cmd)
		}
	}
}

// scans says what is wrong with a command that reads more than a page.
func scans(cmd string) string {
	f := strings.Fields(cmd)
	at := slices.Index(f, "FETCH")
	if at < 0 || at+1 >= len(f) || strings.Contains(cmd, "CHANGEDSINCE") {
		return ""
	}
	set, err := countSet(f[at+1])
	if err != "" {
		return err
	}
	limit := mail.PageSize
	if !strings.Contains(cmd, "ENVELOPE") && !strings.Contains(cmd, "FLAGS") {
		limit = 200 // dates of a window
	}
	if set > limit {
		return fmt.Sprintf("reads %d messages", set)
	}
	return ""
}

// countSet counts the messages of a set.
func countSet(s string) (n int, problem string) {
	for part := range strings.SplitSeq(s, ",") {
		var lo, hi int
		if k, _ := fmt.Sscanf(part, "%d:%d", &lo, &hi); k == 1 && !strings.Contains(part, ":") {
			hi = lo
		} else if k < 2 {
			return 0, "reads everything"
		}
		n += hi - lo + 1
	}
	return n, ""
}

// TestManySessions: two hundred users with twenty requests each. The server never
// sees more connections of one user than the cap, and a request waits no longer
// than its context.
func TestManySessions(t *testing.T) {
	const users, requests, limit = 200, 20, 4
	accounts := make([]string, users)
	open, most := make([]atomic.Int64, users), make([]atomic.Int64, users)
	number := func(args string) int {
		var n int
		fmt.Sscanf(args, `"u%d"`, &n)
		return n
	}
	srv := startCounting(t, open, most, number)
	p := pool(t, srv, imapsession.Options{})
	var wg sync.WaitGroup
	for i := range accounts {
		s, err := p.SignIn(t.Context(), fmt.Sprint("owner", i), fmt.Sprintf("u%d", i), "secret")
		if err != nil {
			t.Fatal(err)
		}
		for n := range requests {
			wg.Go(func() {
				var err error
				switch n % 4 {
				case 0, 1:
					_, err = s.List(t.Context(), mail.ListQuery{Folder: []string{"INBOX", "Work"}[n%2]})
				case 2:
					_, err = s.Message(t.Context(), ref(uint32(n%3+1)))
				default:
					_, err = s.SetFlags(t.Context(), []mail.Ref{ref(uint32(n%3 + 1))}, []string{`\Seen`}, nil)
				}
				if err != nil {
					t.Errorf("user %d, request %d: %v", i, n, err)
				}
			})
		}
	}
	wg.Wait()
	for i := range most {
		if n := most[i].Load(); n > limit || n < 1 {
			t.Errorf("user %d had %d connections", i, n)
		}
	}
}

// startCounting is a server that counts the signed-in connections of each user.
func startCounting(t *testing.T, open, most []atomic.Int64, number func(args string) int) *imapscript.Server {
	m := inbox(modern, 3)
	m.Folders["Work"] = letters(3)
	var who sync.Map // the user by connection
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "LOGIN" {
			n := number(cmd.Args)
			who.Store(c.Number, n)
			now := open[n].Add(1)
			for {
				old := most[n].Load()
				if now <= old || most[n].CompareAndSwap(old, now) {
					break
				}
			}
		}
		return false
	}
	return imapscript.Start(t, func(c *imapscript.Conn) {
		m.Serve(c)
		if n, ok := who.Load(c.Number); ok {
			open[n.(int)].Add(-1)
		}
	})
}
