package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/demo"
	"oriel/login"
	"oriel/mail"
)

// source is a watcher that a test speaks through.
type source struct {
	events chan mail.Event
	closed chan struct{}
}

func newSource() *source {
	return &source{events: make(chan mail.Event), closed: make(chan struct{})}
}

func (s *source) Next(ctx context.Context) (mail.Event, error) {
	select {
	case e := <-s.events:
		return e, nil
	case <-ctx.Done():
		return mail.Event{}, ctx.Err()
	}
}

func (s *source) Close() { close(s.closed) }

func (s *source) watch() watcher { return s }

func changed(n uint32) mail.Event {
	return mail.Event{Kind: mail.Changed, Folder: mail.Folder{Name: "INBOX", Counted: true, Unread: n}}
}

// heard is an event as a browser takes it off a stream.
type heard struct {
	news
	id string
}

func (h heard) unread() uint32 {
	if h.Unread == nil {
		return 0
	}
	return *h.Unread
}

// parse takes events off the text of a stream.
func parse(t testing.TB, text string) (out []heard) {
	t.Helper()
	for _, block := range strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		var h heard
		for _, line := range strings.Split(block, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch name {
			case "id":
				h.id = value
			case "data":
				if err := json.Unmarshal([]byte(value), &h.news); err != nil {
					t.Fatalf("%q: %v", value, err)
				}
			}
		}
		if h.Kind != "" {
			out = append(out, h)
		}
	}
	return out
}

func kinds(list []heard) string {
	var out []string
	for _, h := range list {
		out = append(out, h.Kind)
	}
	return strings.Join(out, " ")
}

// soon waits for something that has to happen.
func soon(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never happened: " + what)
		}
	}
}

// TestReplay: who comes back hears what it missed, or that it missed too much.
func TestReplay(t *testing.T) {
	h, s := newHub(), newSource()
	defer h.close()
	e, first, ok := h.join(1, "login", "", s.watch)
	if got := parse(t, string(first)); !ok || kinds(got) != "here" || !strings.HasPrefix(string(first), "retry: 1000\n\n") {
		t.Fatalf("first: %q", first)
	}
	start := parse(t, string(first))[0].id
	if h.at(1) != start || h.at(2) != "" {
		t.Errorf("a page would say %q and %q", h.at(1), h.at(2))
	}
	var ids []string
	for i := range uint32(100) {
		s.events <- changed(i)
		ids = append(ids, parse(t, string(<-e.queue))[0].id)
	}
	for _, c := range []struct {
		name, last, want string
		first            uint32 // unread of the first replayed event
	}{
		{"nothing missed", ids[99], "here", 0},
		{"one missed", ids[98], "changed here", 99},
		{"just remembered", ids[35], strings.Repeat("changed ", 64) + "here", 36},
		{"forgotten", ids[34], "all here", 0},
		{"from the start", start, "all here", 0},
		{"of the future", strings.Split(start, ".")[0] + ".101", "all here", 0},
		{"of another run", "abcdefghij.99", "all here", 0},
		{"nonsense", "\x00💥", "all here", 0},
		{"no number", strings.Split(start, ".")[0], "all here", 0},
	} {
		e, first, ok := h.join(1, "login", c.last, s.watch)
		got := parse(t, string(first))
		if !ok || kinds(got) != c.want || got[0].unread() != c.first {
			t.Errorf("%s: %s, first %d", c.name, kinds(got), got[0].unread())
		}
		if got[len(got)-1].id != ids[99] {
			t.Errorf("%s: the last id is %q, want %q", c.name, got[len(got)-1].id, ids[99])
		}
		h.leave(1, e)
	}
}

// TestTrouble: who comes while the mail server is away hears of it, also as the
// sign of life; afterwards all is well and everything may be old.
func TestTrouble(t *testing.T) {
	h, s := newHub(), newSource()
	defer h.close()
	e, _, _ := h.join(1, "a", "", s.watch)
	s.events <- mail.Event{Kind: mail.Lost, Reason: "not for browsers"}
	if got := string(<-e.queue); kinds(parse(t, got)) != "lost" || strings.Contains(got, "not for") {
		t.Errorf("lost: %q", got)
	}
	_, first, _ := h.join(1, "b", "", s.watch)
	if kinds(parse(t, string(first))) != "lost" || kinds(parse(t, string(h.pulse(1)))) != "lost" {
		t.Errorf("later: %q, %q", first, h.pulse(1))
	}
	s.events <- mail.Event{Kind: mail.Back}
	if got := parse(t, string(<-e.queue)); kinds(got) != "all" || kinds(parse(t, string(h.pulse(1)))) != "here" {
		t.Errorf("back: %v, %q", got, h.pulse(1))
	}
	s.events <- mail.Event{Kind: mail.Alert, Reason: "Disk \"full\"\nsoon"}
	if got := parse(t, string(<-e.queue)); kinds(got) != "alert" || got[0].Reason != "Disk \"full\"\nsoon" {
		t.Errorf("alert: %v", got)
	}
	s.events <- mail.Event{Kind: mail.Expired}
	<-e.gone
	if got := parse(t, string(<-e.queue)); kinds(got) != "expired" || !e.refused {
		t.Errorf("expired: %v", got)
	}
	<-s.closed
}

// TestStalledReader: one that takes nothing is cut off after its queue, and
// nobody else notices.
func TestStalledReader(t *testing.T) {
	h, s := newHub(), newSource()
	defer h.close()
	stalled, _, _ := h.join(1, "a", "", s.watch)
	const all = 4000
	var reading sync.WaitGroup
	for range 3 {
		e, _, _ := h.join(1, "b", "", s.watch)
		reading.Go(func() {
			for n := range uint32(all) {
				select {
				case b := <-e.queue:
					if got := parse(t, string(b))[0]; got.unread() != n {
						t.Errorf("event %d came as %d", got.unread(), n)
						return
					}
				case <-e.gone:
					t.Errorf("a reader was cut off at %d", n)
					return
				}
			}
		})
	}
	for n := range uint32(all) {
		s.events <- changed(n)
		soon(t, "the others keep up", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, e := range h.feeds[1].ears {
				if e != stalled && len(e.queue) > 4 {
					return false
				}
			}
			return true
		})
	}
	reading.Wait()
	<-stalled.gone
	if len(stalled.queue) != earQueue {
		t.Errorf("%d events wait for the stalled reader", len(stalled.queue))
	}
}

// TestLimits: the oldest of too many streams of one login makes room and is asked
// to stay away; others are not concerned.
func TestLimits(t *testing.T) {
	h, s := newHub(), newSource()
	defer h.close()
	other, _, _ := h.join(1, "other", "", s.watch)
	var ears []*ear
	for range maxEarsOfLogin + 2 {
		e, _, ok := h.join(1, "one", "", s.watch)
		if !ok {
			t.Fatal("refused")
		}
		ears = append(ears, e)
	}
	for i, e := range append(ears, other) {
		ended := false
		select {
		case <-e.gone:
			ended = true
		default:
		}
		if ended != (i < 2) || ended && string(e.last) != "retry: 60000\n\n" {
			t.Errorf("stream %d: ended %v, %q", i, ended, e.last)
		}
	}
	h.mu.Lock()
	h.ears = maxEars
	h.mu.Unlock()
	if _, _, ok := h.join(1, "two", "", s.watch); ok {
		t.Error("there is no limit in all")
	}
}

// TestLinger: the watch outlives its last stream for a while, and not for ever.
func TestLinger(t *testing.T) {
	h, s := newHub(), newSource()
	h.linger = 20 * time.Millisecond
	defer h.close()
	e, first, _ := h.join(1, "a", "", s.watch)
	h.leave(1, e)
	e, again, _ := h.join(1, "a", parse(t, string(first))[0].id, func() watcher { t.Error("a second watch"); return newSource() })
	if kinds(parse(t, string(again))) != "here" {
		t.Errorf("after a moment: %q", again)
	}
	h.leave(1, e)
	h.leave(1, e) // twice does no harm
	<-s.closed
	if h.at(1) != "" {
		t.Error("the feed is still there")
	}
}

// stream is an open GET /events.
type stream struct {
	*http.Response
	lines *bufio.Reader
	end   context.CancelFunc
}

func (s *site) listen(query string, headers ...string) *stream {
	s.Helper()
	ctx, end := context.WithCancel(context.Background())
	s.Cleanup(end)
	r, err := http.NewRequestWithContext(ctx, "GET", s.web.URL+"/events"+query, nil)
	s.check(err)
	r.Header.Set("Accept-Encoding", "gzip, zstd")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.browser.Do(r)
	s.check(err)
	s.Cleanup(func() { resp.Body.Close() })
	return &stream{resp, bufio.NewReader(resp.Body), end}
}

// next is the next event, or false when the stream has ended.
func (st *stream) next(t testing.TB) (heard, bool) {
	t.Helper()
	text := ""
	for {
		line, err := st.lines.ReadString('\n')
		if err != nil {
			return heard{}, false
		}
		if text += line; line != "\n" {
			continue
		}
		if got := parse(t, text); len(got) > 0 {
			return got[0], true
		}
		text = ""
	}
}

// login is the browser's session, without using it.
func (s *site) login() login.Login {
	s.Helper()
	u, err := url.Parse(s.web.URL)
	s.check(err)
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range s.browser.Jar.Cookies(u) {
		r.AddCookie(c)
	}
	l, ok := s.app.Login.Look(r)
	if !ok {
		s.Fatal("signed out")
	}
	return l
}

func TestEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.deliver("INBOX", letter("One", "x"), time.Now())
		s.signIn()
		s.page("/m/INBOX")
		st := s.listen("")
		h := st.Header
		if st.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Accel-Buffering") != "no" || h.Get("Content-Encoding") != "" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%d %v", st.StatusCode, h)
		}
		here, ok := st.next(t)
		if !ok || here.Kind != "here" || here.id == "" {
			t.Fatalf("first: %+v", here)
		}
		// The page may be drawn before the watch has begun to look; see that it has.
		s.deliver("INBOX", letter("Two", "x"), time.Now())
		var got heard
		for got.Folder != "INBOX" || got.unread() != 2 {
			if got, ok = st.next(t); !ok {
				t.Fatal("the stream ended")
			}
		}
		if body := s.page("/m/INBOX").All("body")[0].Attr("data-live"); body != got.id {
			t.Errorf("a page says %q, the last event was %q", body, got.id)
		}
		// By the browser's own way of coming back, and by ours.
		for _, again := range []*stream{s.listen("?last=x.1", "Last-Event-ID", here.id), s.listen("?last=" + url.QueryEscape(here.id))} {
			if e, _ := again.next(t); e.Kind != "changed" {
				t.Errorf("replayed: %+v", e)
			}
			again.end()
		}
		s.client(func(c *imapclient.Client) error {
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				return err
			}
			return c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
		})
		for got.unread() != 1 {
			if got, ok = st.next(t); !ok {
				t.Fatal("the stream ended")
			}
		}
	})
}

func TestEventsSignedOut(t *testing.T) {
	s := newSite(t, demo.StartEmpty)
	if r := s.get("/events"); r.status != 401 || r.header.Get("Location") != "" || r.body != "" {
		t.Errorf("signed out: %d %q %q", r.status, r.header.Get("Location"), r.body)
	}
	s.signIn()
	if r := s.do("HEAD", "/events", nil); r.status != 204 {
		t.Errorf("HEAD: %d", r.status)
	}
	if r := s.get("/events", "Sec-Fetch-Site", "cross-site"); r.status != 403 {
		t.Errorf("from another site: %d", r.status)
	}
	st := s.listen("")
	if e, _ := st.next(t); e.Kind != "here" {
		t.Fatalf("first: %+v", e)
	}
	s.post("/logout", url.Values{})
	e, more := st.next(t)
	for more && e.Kind == "changed" { // what the watch found when it began
		e, more = st.next(t)
	}
	if e.Kind != "expired" {
		t.Errorf("after signing out: %+v", e)
	}
	if e, more = st.next(t); more {
		t.Errorf("the stream goes on: %+v", e)
	}
}

// TestEventsMailServerAway: the stream itself says that the mail server is away.
func TestEventsMailServerAway(t *testing.T) {
	var server *demo.Server
	s := newSite(t, func(o demo.Options) (d *demo.Server, err error) {
		server, err = demo.StartEmpty(o)
		return server, err
	}).signIn()
	server.Close()
	s.pool.Release(s.login().ID) // as after a restart: there is no mail session yet
	st := s.listen("")
	if e, _ := st.next(t); st.StatusCode != 200 || e.Kind != "lost" {
		t.Errorf("%d %+v", st.StatusCode, e)
	}
}

// TestLiveDoesNotKeepTheSession: a tab that is left open must not keep the login
// session alive, neither by its stream nor by what it fetches.
func TestLiveDoesNotKeepTheSession(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	seen := func() time.Time { t.Helper(); return s.login().Seen }
	old := time.Now().Add(-2 * time.Minute)
	records, err := filepath.Glob(filepath.Join(s.data, "sessions", "*"))
	s.check(err)
	for _, r := range records {
		s.check(os.Chtimes(r, old, old))
	}
	before := seen()
	st := s.listen("")
	st.next(t)
	s.page("/m/INBOX", "Oriel-Live", "1", "HX-Request", "true", "HX-Target", "form#list")
	if got := seen(); !got.Equal(before) {
		t.Errorf("used at %v, before %v", got, before)
	}
	s.page("/m/INBOX")
	if got := seen(); got.Equal(before) {
		t.Error("a page that a person opened does not count")
	}
}

// TestStreamsEndWithTheProgram: a server that shuts down does not wait for them.
func TestStreamsEndWithTheProgram(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	st := s.listen("")
	st.next(t)
	s.web.Config.RegisterOnShutdown(s.app.EndStreams)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	start := time.Now()
	if err := s.web.Config.Shutdown(ctx); err != nil {
		t.Errorf("the server still waits after %v: %v", time.Since(start), err)
	}
	for e, more := st.next(t); more; e, more = st.next(t) {
		if e.Kind != "changed" { // what the watch found when it began
			t.Errorf("after the end: %+v", e)
		}
	}
	if _, _, ok := s.app.hub.join(1, "late", "", newSource().watch); ok {
		t.Error("a stream is opened after the end")
	}
}

// BenchmarkIdleStreams says what an open stream costs without TLS. The other ends
// are bare sockets, which cost next to nothing.
func BenchmarkIdleStreams(b *testing.B) {
	s := newSite(b, demo.StartEmpty)
	web := httptest.NewServer(s.app.Handler())
	defer web.Close()
	u, err := url.Parse(s.web.URL)
	s.check(err)
	const logins = 19 // a user may have twenty
	var requests []string
	for range logins {
		s.browser = s.newBrowser()
		s.signIn()
		var cookies []string
		for _, c := range s.browser.Jar.Cookies(u) {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		requests = append(requests, "GET /events HTTP/1.1\r\nHost: oriel\r\nCookie: "+strings.Join(cookies, "; ")+"\r\n\r\n")
	}
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	open := func() int { s.app.hub.mu.Lock(); defer s.app.hub.mu.Unlock(); return s.app.hub.ears }
	for b.Loop() {
		before := used()
		var conns []net.Conn
		for i := range logins * maxEarsOfLogin {
			c, err := net.Dial("tcp", web.Listener.Addr().String())
			s.check(err)
			_, err = c.Write([]byte(requests[i%logins]))
			s.check(err)
			conns = append(conns, c)
		}
		soon(b, "all are open", func() bool { return open() == len(conns) })
		b.ReportMetric(float64(used()-before)/float64(len(conns))/1024, "KiB/stream")
		for _, c := range conns {
			c.Close()
		}
		soon(b, "all have ended", func() bool { return open() == 0 })
	}
}
