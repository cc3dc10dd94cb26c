package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"oriel/demo"
	"oriel/mail"
	"oriel/views"
)

// A deadlineWriter notes the deadlines that a request sets on its connection.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (w *deadlineWriter) SetReadDeadline(t time.Time) error { w.read = append(w.read, t); return nil }
func (w *deadlineWriter) SetWriteDeadline(t time.Time) error {
	w.write = append(w.write, t)
	return nil
}

// TestEveryRequestHasItsDeadlines: a connection serves many requests, so each
// must begin with a deadline of its own and not with what a download has left.
// A form has to arrive in time; what is done with it may take longer.
func TestEveryRequestHasItsDeadlines(t *testing.T) {
	s := newSite(t, demo.StartEmpty)
	for _, r := range s.app.routes() {
		var body io.Reader
		if r.method == "POST" {
			body = strings.NewReader("username=mara")
		}
		q := httptest.NewRequest(r.method, pathOf(r, mail.Ref{Folder: "INBOX"}), body)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
		s.app.Handler().ServeHTTP(w, q)
		if len(w.write) == 0 || time.Until(w.write[0]) < stall {
			t.Errorf("%s %s began with the write deadlines %v", r.method, r.path, w.write)
		}
		if r.method == "POST" && (len(w.read) == 0 || time.Until(w.read[0]) > sendTime) {
			t.Errorf("%s %s began with the read deadlines %v", r.method, r.path, w.read)
		}
		if r.name == "sign-in" && (len(w.read) != 2 || !w.read[1].IsZero()) {
			t.Errorf("read deadlines when the form had been read: %v", w.read)
		}
	}

	// What has not come in time must not be waited for after all: net/http reads
	// the rest of a body before it sends the answer.
	w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	ended, end := context.WithCancel(t.Context())
	end() // as net/http does when it cannot read
	q := httptest.NewRequest("POST", "/login", io.MultiReader(strings.NewReader("username=m"), iotest.ErrReader(os.ErrDeadlineExceeded))).WithContext(ended)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.app.Handler().ServeHTTP(w, q)
	if w.Code != 400 || w.Body.Len() == 0 || len(w.read) != 1 {
		t.Errorf("a form that stays away: %d, read deadlines %v", w.Code, w.read)
	}
}

// TestHalfAnAnswerIsBrokenOff: whatever fails after the first byte is out, a
// refused password included, the browser must not take it for the whole.
func TestHalfAnAnswerIsBrokenOff(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	e := s.app.mount()
	for name, kind := range map[string]mail.Kind{"dropped": mail.Dropped, "denied": mail.Denied} {
		e.GET("/half/"+name, s.app.signedIn(func(v visit) error {
			if err := s.app.stream(v, strings.NewReader("half")); err != nil {
				return err
			}
			return &mail.Error{Kind: kind, Op: "test"}
		}))
	}
	e.GET("/half/panic", s.app.signedIn(func(v visit) error {
		if err := s.app.stream(v, strings.NewReader("half")); err != nil {
			return err
		}
		panic("in the middle")
	}))
	web := httptest.NewTLSServer(s.app.wrap(e))
	defer web.Close()
	jar := s.browser.Jar
	there, err := url.Parse(s.web.URL)
	s.check(err)
	for _, path := range []string{"/half/dropped", "/half/denied", "/half/panic"} {
		q, err := http.NewRequest("GET", web.URL+path, nil)
		s.check(err)
		for _, c := range jar.Cookies(there) {
			q.AddCookie(c)
		}
		res, err := web.Client().Do(q)
		if err != nil {
			continue // broken off before anything was sent
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil {
			t.Errorf("%s: %d, %q passed as whole", path, res.StatusCode, b)
		}
	}
}

// TestABrowserThatLeavesIsNoFault: cancelled downloads happen all day and must
// not fill the log with errors.
func TestABrowserThatLeavesIsNoFault(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	s.deliver("INBOX", letter("Long", strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef\n", 400_000)), time.Now())
	ref, _ := mail.ParseRef(find(t, s, "/m/INBOX", "Long"))
	q, err := http.NewRequest("GET", s.web.URL+views.PartURL(ref, "1", true), nil)
	s.check(err)
	res, err := s.browser.Do(q)
	s.check(err)
	if _, err := io.ReadFull(res.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for range 200 {
		if strings.Contains(s.log.String(), "the browser left") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if log := s.log.String(); strings.Contains(log, "level=ERROR") || !strings.Contains(log, "the browser left") {
		t.Errorf("the log of a cancelled download:\n%s", log)
	}
}

// TestBodyErrorsShowInTheFrame: an error page that may not be framed would leave
// the reader with the browser's own "refused to connect".
func TestBodyErrorsShowInTheFrame(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	s.deliver("INBOX", letter("Plain", "x"), time.Now())
	ref, _ := mail.ParseRef(find(t, s, "/m/INBOX", "Plain"))
	gone := ref
	gone.UID += 100
	for _, r := range []mail.Ref{ref, gone} { // no HTML in it; not there
		got := s.get(views.BodyURL(r, "1"), "Sec-Fetch-Dest", "iframe")
		if got.status != 404 || got.header.Get("X-Frame-Options") != "SAMEORIGIN" || got.header.Get("Content-Security-Policy") != bodyCSP {
			t.Errorf("%d, X-Frame-Options %q", got.status, got.header.Get("X-Frame-Options"))
		}
		got.says(t, "It was moved or deleted, perhaps on your phone.")
		if got.Has("a[href]") || got.Has("nav") {
			t.Error("the frame holds a page of the application")
		}
	}
}

// TestToastWaitsForSomebodyWhoLooks: a prefetch must not take the toast from the
// page that the user sees.
func TestToastWaitsForSomebodyWhoLooks(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	s.deliver("INBOX", letter("Seen to", "x"), time.Now())
	s.act("INBOX", "flag", nil, find(t, s, "/m/INBOX", "Seen to"))
	s.get("/m/INBOX", "Sec-Purpose", "prefetch")
	s.do("HEAD", "/m/INBOX", nil)
	s.page("/m/INBOX").says(t, "Starred.")
}

// TestInboxHasOneSpelling: INBOX is the one name without regard to case, and two
// spellings would make two lists of the same messages.
func TestInboxHasOneSpelling(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	s.deliver("INBOX", letter("Once", "x"), time.Now())
	ref, _ := mail.ParseRef(find(t, s, "/m/INBOX", "Once"))
	for _, c := range []struct{ from, to string }{{"/m/inbox?page=1", "/m/INBOX?page=1"}, {"/m/Inbox/" + ref.ID(), "/m/INBOX/" + ref.ID()}} {
		if r := s.get(c.from); r.status != 303 || r.header.Get("Location") != c.to {
			t.Errorf("%s: %d to %q", c.from, r.status, r.header.Get("Location"))
		}
	}
}

// TestPour: what is cut short is an error, whatever the error is, and everything
// that came before it is written.
func TestPour(t *testing.T) {
	whole := strings.Repeat("0123456789", 10_000)
	for _, end := range []error{nil, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
		var r io.Reader = iotest.HalfReader(strings.NewReader(whole))
		if end != nil {
			r = io.MultiReader(r, iotest.ErrReader(end))
		}
		var w strings.Builder
		if err := pour(&w, r); !errors.Is(err, end) || w.String() != whole {
			t.Errorf("%v: %d octets, %v", end, w.Len(), err)
		}
	}
}
