package browser

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// richLetters are n letters like those of letters, with a body of HTML.
func richLetters(n int) []string {
	var out []string
	for i := range n {
		out = append(out, htmlLetter(subject(i+1), fmt.Sprintf("<h1>Number %d</h1>%s", i+1, strings.Repeat("<p>A line of <b>rich</b> text about sawdust.</p>", 40))))
	}
	return out
}

// held moves the mouse onto a letter's row and waits until its piece, and the
// body in its frame, are there.
func (b *tab) held(n int, frame bool) {
	b.Helper()
	path := b.linkTo(subject(n))
	b.hover("link(row(" + quote(subject(n)) + "))")
	b.fetched(path)
	if frame {
		b.until("$$('#ahead iframe').some(f => f.src.includes(" + quote(path+"/body") + ") && f.contentDocument.readyState === 'complete' && f.contentDocument.body?.innerText)")
	}
}

// fetched waits until a piece has arrived.
func (b *tab) fetched(path string) {
	b.Helper()
	b.untilThat(path+" is fetched ahead", func() bool {
		return slices.ContainsFunc(b.network(), func(r request) bool {
			return r.path() == path && r.kind == network.ResourceTypeFetch && r.finished && r.status == 200
		})
	})
}

// seen reports whether the server has a letter as read.
func (s *site) seen(n int) bool {
	s.Helper()
	return s.flagged("INBOX", subject(n), imap.FlagSeen)
}

// body is true when the body of the open letter can be read.
const body = `(() => { const f = $('#reader iframe'), t = $('#reader .text'), m = message();
	return !!m && (f ? f.contentDocument?.readyState === 'complete' && f.contentDocument.body.textContent.includes('rich') && f.getBoundingClientRect().height > 400
		: !!t && t.textContent.length > 3) })()`

// TestHeldMessageNeedsNoRequest: the server is made deaf, and a message that was
// fetched ahead opens with its body all the same. One request then marks it read.
func TestHeldMessageNeedsNoRequest(t *testing.T) {
	for name, mail := range map[string]func(int) []string{"text": letters, "html": richLetters} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := emptySite(t)
			s.deliverAll("INBOX", mail(5), time.Now())
			b := s.signIn(s.tab(t, desktop))
			b.held(4, name == "html")
			b.settle()
			if s.seen(4) {
				t.Fatal("fetching ahead has marked the message read")
			}
			b.forget()
			came, release := make(chan string, 99), make(chan struct{})
			s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Oriel-Prefetch") == "" { // the next message may be asked for before this one is marked
					came <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Oriel-Opened")
				}
				<-release
				return false
			})
			path := b.linkTo(subject(4))
			b.click("link(row(" + quote(subject(4)) + "))")
			b.reading(4)
			b.until(body)
			b.until("at() === " + quote(path))
			if b.is("row(" + quote(subject(4)) + ").hasAttribute('data-unread')") {
				t.Error("the row still shows it unread")
			}
			if got := b.str("$('nav [data-folder=INBOX]').dataset.unread + ' ' + $('nav [data-folder=INBOX] .n').firstChild.data + ' ' + $('#unread').textContent"); got != "4 4 4 unread" {
				t.Errorf("the counts are %s", got)
			}
			if got := <-came; got != "POST /m/INBOX 1" {
				t.Errorf("the server is asked for %s", got)
			}
			for _, r := range b.network() {
				if strings.Contains(r.path(), path) {
					t.Errorf("%s %s was fetched again", r.method, r.path())
				}
			}
			close(release)
			s.intercept(nil)
			b.settle()
			b.untilThat("it is marked read", func() bool { return s.seen(4) })
			if got := b.str("toast()"); got != "" {
				t.Errorf("opening left the toast %q", got)
			}
			b.back()
			b.until("!message() && at() === '/m/INBOX'")
			b.on(4)
			b.reload()
			b.until("rows().length === 5")
			if b.is("row(" + quote(subject(4)) + ").hasAttribute('data-unread')") {
				t.Error("after a reload the row is unread")
			}
			b.press("z")
			b.settle()
			if !s.seen(4) {
				t.Error("Undo took the opening back")
			}
			if got := b.str("$$('#ahead iframe').length"); got != "0" {
				t.Errorf("%s frames are left behind", got)
			}
		})
	}
}

// TestNextIsFetchedWhenIdle: the message after the open one is there before
// anybody asks, and archiving leads to it.
func TestNextIsFetchedWhenIdle(t *testing.T) {
	t.Parallel()
	s := emptySite(t)
	s.deliverAll("INBOX", letters(6), time.Now())
	b := s.signIn(s.tab(t, desktop))
	five, three := b.linkTo(subject(5)), b.linkTo(subject(3))
	b.click("link(row(" + quote(subject(6)) + "))")
	b.reading(6)
	b.fetched(five)
	b.settle()
	if s.seen(5) {
		t.Fatal("fetching ahead has marked the next message read")
	}
	b.forget()
	b.press("j")
	b.reading(5)
	b.fetched(b.linkTo(subject(4)))
	b.settle()
	b.untilThat("it is marked read", func() bool { return s.seen(5) })
	b.press("e")
	b.reading(4)
	for _, r := range b.network() {
		if r.path() == five {
			t.Error("the held message was fetched again")
		}
	}
	b.until("toast() === 'Archived.'")
	b.fetched(three)
	b.settle()
	// What was held still named the archived message as its neighbour.
	if prev := b.str("$$('#reader [rel=prev]').map(a => a.getAttribute('href')).join()"); strings.Contains(prev, five) {
		t.Errorf("the message before is the one that went: %s", prev)
	}
	b.press("k")
	b.reading(6)
	b.settle()
	for _, n := range []int{1, 2} {
		if s.seen(n) {
			t.Errorf("letter %d is read, and nobody opened it", n)
		}
	}
}

// TestHeldMessageThatIsGone: what another program deleted meanwhile does not stay
// open.
func TestHeldMessageThatIsGone(t *testing.T) {
	t.Parallel()
	s := emptySite(t)
	s.deliverAll("INBOX", letters(5), time.Now())
	deaf := make(chan struct{}) // the page does not hear of the change either
	defer close(deaf)
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/events" {
			<-deaf
		}
		return false
	})
	b := s.signIn(s.tab(t, desktop))
	b.expect("status of 404")
	b.held(4, false)
	s.client(func(c *imapclient.Client) error {
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			return err
		}
		found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: subject(4)}}}, nil).Wait()
		if err != nil {
			return err
		}
		if err := c.Store(imap.UIDSetNum(found.AllUIDs()...), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			return err
		}
		return c.Expunge().Close()
	})
	b.click("link(row(" + quote(subject(4)) + "))")
	b.until("$$('#toasts .bad').some(e => e.innerText.includes('any more')) && !message() && rows().length === 4 && at() === '/m/INBOX'")
	b.settle()
	b.somewhere("a message that is gone")
}

// TestChangedMessageIsFetchedAgain: a piece from before a change is not shown, and
// a mouse that only passes by fetches nothing for long.
func TestChangedMessageIsFetchedAgain(t *testing.T) {
	t.Parallel()
	s := emptySite(t)
	s.deliverAll("INBOX", letters(5), time.Now())
	b := s.signIn(s.tab(t, desktop))
	b.held(4, false)
	b.eval("link(row(" + quote(subject(4)) + ")).focus()")
	b.press("s")
	b.until("toast() === 'Starred.'")
	b.settle()
	b.click("link(row(" + quote(subject(4)) + "))")
	b.reading(4)
	if got := b.str("$('#reader .star').ariaPressed"); got != "true" {
		t.Error("the message is shown as it was before it was starred")
	}
	b.settle()
	b.untilThat("it is marked read", func() bool { return s.seen(4) })
}

// clock measures, in the page, from a click until the body of a letter has been
// painted.
const clock = `
window.took = -1;
document.addEventListener('click', e => {
	const start = e.timeStamp, from = message();
	const look = () => requestAnimationFrame(() => message() !== from && ` + body + `
		? setTimeout(() => { window.took = performance.now() - start }) : look());
	look();
}, {capture: true, once: true})`

// TestClickToBody measures; the times are for the reader of the log.
func TestClickToBody(t *testing.T) {
	const rounds = 20
	for name, mail := range map[string]func(int) []string{"text": letters, "html": richLetters} {
		for _, ahead := range []bool{true, false} {
			s := emptySite(t)
			s.deliverAll("INBOX", mail(2*rounds+2), time.Now())
			b := s.signIn(s.tab(t, desktop))
			var times []float64
			// Upwards, and every other one: the one after the open one is held anyway.
			for n := 2; n <= 2*rounds; n += 2 {
				b.eval("row(" + quote(subject(n)) + ").scrollIntoView({block: 'center', behavior: 'instant'})")
				if ahead {
					b.held(n, name == "html")
				}
				b.settle()
				run[any](b, "(() => {"+words+clock+"})()")
				b.click("link(row(" + quote(subject(n)) + "))")
				b.until("window.took >= 0")
				times = append(times, b.num("window.took"))
				b.settle()
			}
			slices.Sort(times)
			t.Logf("%s, fetched ahead: %v: click to body median %.1f ms, 95 %% %.1f ms, of %d", name, ahead, times[len(times)/2], times[len(times)*95/100], len(times))
		}
	}
}
