package imapsession_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/internal/mailtest"
	"oriel/mail"
)

// The benchmarks compare Oriel with a bare go-imap client that does the same
// work on the same Dovecot in the same run. Both are measured in turn, and the
// ratio of their medians is reported as "x/bare".

var sizes = []int{10_000, 100_000}

// BenchmarkMailbox runs them all on one Dovecot, which it fills first.
func BenchmarkMailbox(b *testing.B) {
	s := dovecot.Start(b)
	for _, n := range sizes {
		user := "u" + strconv.Itoa(n)
		s.AddUser(user, "secret")
		s.Fill(user, "INBOX", n, func(i int) dovecot.Message {
			m := mailtest.Plain(i)
			flags := "S"
			if i%10 == 0 {
				flags = ""
			}
			return dovecot.Message{Raw: []byte(m.Raw), Flags: flags, Date: time.Date(2016, 1, 1, 0, 0, i, 0, time.UTC)}
		})
	}
	for _, n := range sizes {
		user := "u" + strconv.Itoa(n)
		warm(b, s, user)
		b.Run(fmt.Sprintf("List/%d", n), func(b *testing.B) { benchList(b, s, user, 1) })
		b.Run(fmt.Sprintf("ListDeep/%d", n), func(b *testing.B) { benchList(b, s, user, n/100) })
		b.Run(fmt.Sprintf("ListWatched/%d", n), func(b *testing.B) { benchWatched(b, s, user) })
		b.Run(fmt.Sprintf("ListUnseen/%d", n), func(b *testing.B) { benchUnseen(b, s, user, n) })
		b.Run(fmt.Sprintf("Delta/%d", n), func(b *testing.B) { benchDelta(b, s, user) })
		b.Run(fmt.Sprintf("ListFirst/%d", n), func(b *testing.B) { benchFirst(b, s, user) })
		b.Run(fmt.Sprintf("Message/%d", n), func(b *testing.B) { benchMessage(b, s, user) })
	}
}

func options(s *dovecot.Server) imapsession.Server {
	return imapsession.Server{Host: s.Host, Port: s.IMAPSPort, Roots: s.Roots}
}

func open(b *testing.B, s *dovecot.Server, user string) *imapsession.Session {
	b.Helper()
	p := imapsession.NewPool(options(s), imapsession.Options{})
	b.Cleanup(func() { p.Close(context.Background()) })
	session, err := p.SignIn(b.Context(), "owner", user, "secret")
	if err != nil {
		b.Fatal(err)
	}
	return session
}

// bare is a go-imap client without anything of ours.
func bare(b *testing.B, s *dovecot.Server, user string) *imapclient.Client {
	b.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.IMAPSPort)), &tls.Config{RootCAs: s.Roots})
	if err != nil {
		b.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	if err := c.Login(user, "secret").Wait(); err != nil {
		b.Fatal(err)
	}
	return c
}

// warm fills Dovecot's index and caches, so that both sides meet the same.
func warm(b *testing.B, s *dovecot.Server, user string) {
	c := bare(b, s, user)
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		b.Fatal(err)
	}
	for range 2 {
		if _, err := bareSort(c); err != nil {
			b.Fatal(err)
		}
	}
	open(b, s, user).List(b.Context(), mail.ListQuery{Folder: "INBOX"})
}

func bareSort(c *imapclient.Client) ([]uint32, error) {
	return c.UIDSort(&imapclient.SortOptions{SearchCriteria: &imap.SearchCriteria{}, SortCriteria: []imapclient.SortCriterion{{Key: imapclient.SortKeyArrival}}}).Wait()
}

// bareRows is the work of a page: flags, envelopes and structures of fifty
// messages, the number of unread ones, and the beginning of each text.
func bareRows(c *imapclient.Client, uids []uint32) error {
	var set imap.UIDSet
	for _, uid := range uids {
		set.AddNum(imap.UID(uid))
	}
	rows, err := c.Fetch(set, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Collect()
	if err != nil || len(rows) != len(uids) {
		return fmt.Errorf("%d rows: %w", len(rows), err)
	}
	if _, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, &imap.SearchOptions{ReturnCount: true}).Wait(); err != nil {
		return err
	}
	_, err = c.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Size: 768}}}}).Collect()
	return err
}

// compare runs both sides in turn and reports the ratio of the medians. first
// is what comes before each turn and is not counted.
func compare(b *testing.B, ours, theirs func() error, first ...func() error) {
	b.Helper()
	var a, c []time.Duration
	measure := func(list *[]time.Duration, f func() error) {
		start := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		*list = append(*list, time.Since(start))
	}
	for b.Loop() {
		for _, f := range first {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		measure(&a, ours)
		measure(&c, theirs)
	}
	slices.Sort(a)
	slices.Sort(c)
	mine, bare := a[len(a)/2], c[len(c)/2]
	b.ReportMetric(float64(mine)/float64(bare), "x/bare")
	b.ReportMetric(float64(mine.Microseconds())/1000, "ms/oriel")
	b.ReportMetric(float64(bare.Microseconds())/1000, "ms/bare")
	b.ReportMetric(0, "ns/op")
}

// benchList is a page of a folder that is open already. The bare client has
// sorted it once and keeps the order, as Oriel does, and fetches the rows.
func benchList(b *testing.B, s *dovecot.Server, user string, page int) {
	session := open(b, s, user)
	q := mail.ListQuery{Folder: "INBOX", Page: page}
	if _, err := session.List(b.Context(), q); err != nil {
		b.Fatal(err)
	}
	c := bare(b, s, user)
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		b.Fatal(err)
	}
	order, err := bareSort(c)
	if err != nil {
		b.Fatal(err)
	}
	end := len(order) - (page-1)*mail.PageSize
	compare(b, func() error {
		l, err := session.List(b.Context(), q)
		if err == nil && len(l.Rows) != mail.PageSize {
			err = fmt.Errorf("%d rows", len(l.Rows))
		}
		return err
	}, func() error {
		if err := c.Noop().Wait(); err != nil {
			return err
		}
		return bareRows(c, order[end-mail.PageSize:end])
	})
}

// watched returns a Session whose watch vouches for the inbox.
func watched(b *testing.B, s *dovecot.Server, user string) *imapsession.Session {
	b.Helper()
	log := &tape{}
	p := imapsession.NewPool(options(s), imapsession.Options{Trace: log.add})
	b.Cleanup(func() { p.Close(context.Background()) })
	session, err := p.SignIn(b.Context(), "owner", user, "secret")
	if err != nil {
		b.Fatal(err)
	}
	w := session.Watch()
	b.Cleanup(w.Close)
	for range 3000 {
		before := log.mark()
		if _, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX"}); err != nil {
			b.Fatal(err)
		}
		if len(log.since(before)) == 0 {
			return session
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatal("the list goes on asking the server")
	return nil
}

// openInbox is a bare client with the inbox selected, and its order.
func openInbox(b *testing.B, s *dovecot.Server, user string) (*imapclient.Client, []uint32) {
	b.Helper()
	c := bare(b, s, user)
	b.Cleanup(func() { c.Close() })
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		b.Fatal(err)
	}
	order, err := bareSort(c)
	if err != nil {
		b.Fatal(err)
	}
	return c, order
}

// benchWatched is the first page while the watch says that nothing has changed.
func benchWatched(b *testing.B, s *dovecot.Server, user string) {
	session := watched(b, s, user)
	c, order := openInbox(b, s, user)
	compare(b, func() error {
		l, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX"})
		if err == nil && len(l.Rows) != mail.PageSize {
			err = fmt.Errorf("%d rows", len(l.Rows))
		}
		return err
	}, func() error { return bareRows(c, order[len(order)-mail.PageSize:]) })
}

// benchUnseen is one page after another that this user has not listed before.
func benchUnseen(b *testing.B, s *dovecot.Server, user string, n int) {
	session := watched(b, s, user)
	c, order := openInbox(b, s, user)
	page := 1
	compare(b, func() error {
		page = page%(n/mail.PageSize-1) + 1
		l, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX", Page: page})
		if err == nil && len(l.Rows) != mail.PageSize {
			err = fmt.Errorf("%d rows", len(l.Rows))
		}
		return err
	}, func() error {
		end := len(order) - (page-1)*mail.PageSize
		return bareRows(c, order[end-mail.PageSize:end])
	})
}

// benchDelta is a list after another client has changed the flags of a hundred
// messages, against a client that asks for exactly the page's flags.
func benchDelta(b *testing.B, s *dovecot.Server, user string) {
	session := open(b, s, user)
	if _, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX", Page: 2}); err != nil {
		b.Fatal(err)
	}
	other, order := openInbox(b, s, user)
	c, _ := openInbox(b, s, user)
	var set, page imap.UIDSet
	for i := range 100 {
		set.AddNum(imap.UID(order[i*len(order)/100]))
	}
	for _, uid := range order[len(order)-mail.PageSize:] {
		page.AddNum(imap.UID(uid))
	}
	flag := imap.StoreFlagsAdd
	compare(b, func() error {
		l, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX"})
		if err == nil && len(l.Rows) != mail.PageSize {
			err = fmt.Errorf("%d rows", len(l.Rows))
		}
		return err
	}, func() error {
		if err := c.Noop().Wait(); err != nil {
			return err
		}
		_, err := c.Fetch(page, &imap.FetchOptions{UID: true, Flags: true}).Collect()
		return err
	}, func() error {
		err := other.Store(set, &imap.StoreFlags{Op: flag, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close()
		flag = imap.StoreFlagsAdd + imap.StoreFlagsDel - flag
		return err
	})
}

// benchFirst is the very first page of a user who has just signed in: Oriel with
// empty caches against a client that selects, sorts and fetches.
func benchFirst(b *testing.B, s *dovecot.Server, user string) {
	compare(b, func() error {
		p := imapsession.NewPool(options(s), imapsession.Options{})
		defer p.Close(context.Background())
		session, err := p.SignIn(b.Context(), "owner", user, "secret")
		if err != nil {
			return err
		}
		l, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX"})
		if err == nil && len(l.Rows) != mail.PageSize {
			err = fmt.Errorf("%d rows", len(l.Rows))
		}
		return err
	}, func() error {
		c := bare(b, s, user)
		defer c.Close()
		if _, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true, NumUnseen: true}}).Collect(); err != nil {
			return err
		}
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			return err
		}
		order, err := bareSort(c)
		if err != nil {
			return err
		}
		return bareRows(c, order[len(order)-mail.PageSize:])
	})
}

// benchMessage opens messages of the first page one after the other.
func benchMessage(b *testing.B, s *dovecot.Server, user string) {
	session := open(b, s, user)
	l, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX"})
	if err != nil {
		b.Fatal(err)
	}
	c := bare(b, s, user)
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		b.Fatal(err)
	}
	i := 0
	compare(b, func() error {
		i++
		m, err := session.Message(b.Context(), l.Rows[i%len(l.Rows)].Ref)
		if err == nil && (len(m.Texts) != 1 || !strings.Contains(m.Texts[0].Content, "words")) {
			err = fmt.Errorf("texts are %+v", m.Texts)
		}
		return err
	}, func() error {
		uid := imap.UID(l.Rows[i%len(l.Rows)].UID)
		got, err := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true,
			BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
			BodySection:   []*imap.FetchItemBodySection{{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Size: 1 << 20}}}}).Collect()
		if err == nil && len(got) != 1 {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
}

// BenchmarkPart streams an attachment of 25 MB and reports by how much the heap
// was larger at the worst moment.
func BenchmarkPart(b *testing.B) {
	const size = 25 << 20
	s := dovecot.Start(b)
	s.AddUser("ann", "secret")
	line := strings.Repeat("QUJD", 19) + "\r\n"
	raw := "Subject: large\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(line, size/57)
	s.Deliver("ann", "INBOX", dovecot.Message{Raw: []byte(raw)})
	raw = ""
	session := open(b, s, "ann")
	l, err := session.List(b.Context(), mail.ListQuery{Folder: "INBOX"})
	if err != nil || len(l.Rows) != 1 {
		b.Fatal(err)
	}
	var peak uint64
	for b.Loop() {
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := session.Part(b.Context(), l.Rows[0].Ref, "1")
		if err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 32<<10)
		total := 0
		for next := 0; err == nil; {
			var n int
			n, err = p.Read(buf)
			if total += n; total > next {
				runtime.ReadMemStats(&now)
				if now.HeapAlloc > before.HeapAlloc {
					peak = max(peak, now.HeapAlloc-before.HeapAlloc)
				}
				next += 1 << 20
			}
		}
		if p.Close(); err != io.EOF || total != size/57*57 {
			b.Fatalf("%d octets, %v", total, err)
		}
	}
	b.ReportMetric(float64(peak)/(1<<20), "MB-heap")
	b.SetBytes(size)
}
