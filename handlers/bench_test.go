package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/internal/dovecot"
	"oriel/mail"
)

// The benchmarks put a page of Oriel beside a bare IMAP client on a kept
// connection that asks the same Dovecot for the same things, in turn, in one
// loop. What counts is the ratio, x/bare: it holds when the machine does not.

// filled is a site whose INBOX has n messages, and a bare client of its user.
func filled(b *testing.B, d *dovecot.Server, n int) (*site, *imapclient.Client) {
	b.Helper()
	s := dovecotSite(b, d)
	start := time.Now().Add(-time.Duration(n) * time.Minute).Truncate(time.Second)
	d.Fill(s.user, "INBOX", n, func(i int) dovecot.Message {
		raw := letter(fmt.Sprintf("Board %d of the floor", i), strings.Repeat("The grain runs along the hall and not across it. ", 30))
		return dovecot.Message{Raw: []byte(strings.ReplaceAll(raw, "\n", "\r\n")), Date: start.Add(time.Duration(i) * time.Minute), Flags: "S"}
	})
	s.signIn()
	s.page("/m/INBOX?page=2") // the index is made, Dovecot's caches are warm
	s.page("/m/INBOX")
	c, err := imapclient.DialInsecure(s.imap, nil)
	s.check(err)
	b.Cleanup(func() { c.Close() })
	s.check(c.Login(s.user, s.password).Wait())
	_, err = c.Select("INBOX", nil).Wait()
	s.check(err)
	return s, c
}

// paired runs ours and bare in turn and reports the ratio of their times. What
// ours leaves running in the background ends in settle, outside of both.
func paired(b *testing.B, ours, bare func(), settle ...func()) {
	b.Helper()
	ours()
	bare()
	var sum [2]time.Duration
	b.ResetTimer()
	for range b.N {
		for i, f := range []func(){ours, bare} {
			start := time.Now()
			f()
			sum[i] += time.Since(start)
			for _, f := range settle {
				f()
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(sum[0])/float64(sum[1]), "x/bare")
	b.ReportMetric(float64(sum[0].Microseconds())/float64(b.N), "µs/page")
	b.ReportMetric(float64(sum[1].Microseconds())/float64(b.N), "µs/bare")
}

func BenchmarkListPage(b *testing.B) {
	d := dovecot.Start(b)
	for _, n := range []int{100, 10_000, 100_000} {
		s, c := filled(b, d, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			paired(b, func() { s.page("/m/INBOX", "HX-Request", "true", "HX-Target", "main#main") }, func() {
				s.check(c.Noop().Wait())
				s.fetchPage(c, n)
			})
		})
	}
}

// BenchmarkColdList opens a folder that nobody has open: sign-in, folders with
// their counts, first page. The bare client does the same on a connection of its
// own, so that what the server takes for a large folder is on both sides, and
// the ratio must not grow with the folder.
func BenchmarkColdList(b *testing.B) {
	d := dovecot.Start(b)
	for _, n := range []int{100, 10_000, 100_000} {
		s, _ := filled(b, d, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			paired(b, func() {
				s.post("/logout", url.Values{})
				s.signIn()
				s.page("/m/INBOX")
			}, func() {
				c, err := imapclient.DialInsecure(s.imap, nil)
				s.check(err)
				defer c.Close()
				s.check(c.Login(s.user, s.password).Wait())
				counts := &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true}
				_, err = c.List("", "*", &imap.ListOptions{ReturnStatus: counts}).Collect()
				s.check(err)
				_, err = c.Select("INBOX", nil).Wait()
				s.check(err)
				s.fetchPage(c, n)
			}, func() { s.page("/m/INBOX?page=2") }) // the index of a large folder is made beside its first page
		})
	}
}

// fetchPage asks for what a list page shows of the newest fifty of n messages.
func (s *site) fetchPage(c *imapclient.Client, n int) {
	s.Helper()
	var set imap.SeqSet
	set.AddRange(uint32(max(1, n-49)), uint32(n))
	for _, o := range []*imap.FetchOptions{
		{UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{}},
		{UID: true, BodySection: []*imap.FetchItemBodySection{{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Size: 768}}}},
	} {
		_, err := c.Fetch(set, o).Collect()
		s.check(err)
	}
}

func BenchmarkMessagePage(b *testing.B) {
	d := dovecot.Start(b)
	for _, n := range []int{10_000, 100_000} {
		s, c := filled(b, d, n)
		row := s.rows("/m/INBOX")[0]
		ref, _ := mail.ParseRef(row)
		all := &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{},
			BodySection: []*imap.FetchItemBodySection{{Part: []int{1}, Peek: true}}}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			paired(b, func() { s.page("/m/"+row, "HX-Request", "true", "HX-Target", "section#reader") }, func() {
				_, err := c.Fetch(imap.UIDSetNum(imap.UID(ref.UID)), all).Collect()
				s.check(err)
			})
		})
	}
}

// BenchmarkAttachment streams 25 MB and reports how much the heap grew
// meanwhile at most.
func BenchmarkAttachment(b *testing.B) {
	d := dovecot.Start(b)
	s := dovecotSite(b, d)
	raw := strings.ReplaceAll(parcel("Large", [3]string{"large.bin", "application/octet-stream", strings.Repeat("grain of the wood\n", 25<<20/18)}), "\n", "\r\n")
	d.Deliver(s.user, "INBOX", dovecot.Message{Raw: []byte(raw), Date: time.Now()})
	raw = ""
	s.signIn()
	path := "/m/" + s.rows("/m/INBOX")[0] + "/part/2?download=1"
	b.SetBytes(25 << 20)
	var most uint64
	for range b.N {
		most = max(most, growth(func() { s.check(s.drain(path)) }))
	}
	b.ReportMetric(float64(most)/(1<<20), "MB-heap")
}

// drain downloads and throws away.
func (s *site) drain(path string) error {
	r, err := s.browser.Get(s.web.URL + path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	n, err := io.Copy(io.Discard, r.Body)
	if err == nil && (r.StatusCode != http.StatusOK || n < 24<<20) {
		err = fmt.Errorf("%d with %d bytes", r.StatusCode, n)
	}
	return err
}

// growth is how far the live heap rose above its start while f ran.
func growth(f func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	start, stop, most := m.HeapAlloc, make(chan struct{}), atomic.Uint64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				runtime.GC() // only what is still referred to counts
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				if m.HeapAlloc > start {
					most.Store(max(most.Load(), m.HeapAlloc-start))
				}
			}
		}
	}()
	f()
	close(stop)
	<-done
	return most.Load()
}
