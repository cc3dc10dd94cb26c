package browser

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// holdPosts keeps every change waiting until the returned func is called.
func (s *site) holdPosts() (came <-chan string, release func()) {
	arrived, open := make(chan string, 99), make(chan struct{})
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			arrived <- r.URL.Path
			<-open
		}
		return false
	})
	var once sync.Once
	release = func() { once.Do(func() { s.intercept(nil); close(open) }) }
	s.Cleanup(release) // or a test that fails would wait for ever for its server to end
	return arrived, release
}

// TestChangeShowsAtOnce: the row changes before the server has answered, the
// toast says so only afterwards.
func TestChangeShowsAtOnce(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	came, release := s.holdPosts()
	b.hover("link(row(" + quote(subject(40)) + "))")
	b.press("j")
	b.on(40)
	b.press("e")
	b.until("!row(" + quote(subject(40)) + ") && rows().length === 39")
	b.on(39)
	<-came
	if got := b.str("toast()"); got != "" {
		t.Errorf("the toast %q came before the server's answer", got)
	}
	if s.there("Archive", subject(40)) {
		t.Error("the test did not hold the change")
	}
	release()
	b.until("toast() === 'Archived.'")
	if !s.there("Archive", subject(40)) {
		t.Error("the toast came, and the server has not archived it")
	}
	came, release = s.holdPosts()
	b.press("s")
	b.until("row(" + quote(subject(39)) + ").hasAttribute('data-flagged')")
	<-came
	release()
	b.until("toast() === 'Starred.'")
	b.settle()
	b.whole()
}

// TestUndoByClickAndByKey brings back what an action took away.
func TestUndoByClickAndByKey(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	for _, undo := range []func(){
		func() { b.click("button('Undo')") },
		func() { b.press("z") },
	} {
		b.eval("link(row(" + quote(subject(40)) + ")).focus()")
		b.press("#")
		b.until("toast() === 'Moved to Trash.'")
		undo()
		b.until("toast() === 'Moved back.' && row(" + quote(subject(40)) + ")")
		b.settle()
		b.somewhere("Undo")
		if !s.there("INBOX", subject(40)) || s.there("Trash", subject(40)) {
			t.Error("it is not back on the server")
		}
	}
	b.whole()
}

// TestRefusedChangeGoesBack: what the server refuses comes back, with a sentence.
func TestRefusedChangeGoesBack(t *testing.T) {
	t.Parallel()
	s := emptySite(t)
	s.client(func(c *imapclient.Client) error { return c.Create("Soon gone", nil).Wait() })
	s.deliverAll("INBOX", letters(40), time.Now())
	b := s.signIn(s.tab(t, desktop))
	b.expect("status of 404")
	b.press("j")
	b.on(40)
	b.press("v")
	b.until("$('#dialog').open && $$('#dialog .opts label').some(l => label(l) === 'Soon gone')")
	s.client(func(c *imapclient.Client) error { return c.Delete("Soon gone").Wait() })
	b.press("soon\r")
	b.until("toast() && $('#toasts .bad') && row(" + quote(subject(40)) + ") && rows().length === 40")
	b.settle()
	b.somewhere("a refusal")
	if !s.there("INBOX", subject(40)) {
		t.Error("the message is lost")
	}

	// Another program has deleted the message meanwhile.
	s.client(func(c *imapclient.Client) error {
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			return err
		}
		found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: subject(39)}}}, nil).Wait()
		if err != nil {
			return err
		}
		set := imap.UIDSetNum(found.AllUIDs()...)
		if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			return err
		}
		return c.Expunge().Close()
	})
	b.eval("link(row(" + quote(subject(39)) + ")).focus()")
	b.press("e")
	b.until("$$('#toasts .bad').some(e => e.innerText.includes('any more')) && !row(" + quote(subject(39)) + ")")
	b.settle()
	b.somewhere("acting on a message that is gone")
	b.whole()
}

// TestServerAway: with the mail server gone the row returns with a sentence, and
// everything works again when it is back.
func TestServerAway(t *testing.T) {
	t.Parallel()
	s, d := dovecotSite(t)
	s.deliverAll("INBOX", letters(5), time.Now())
	b := s.signIn(s.tab(t, desktop))
	b.expect("status of 50[234]")
	b.press("j")
	b.on(5)
	d.Kill()
	b.press("e")
	b.until("$('#toasts .bad') && row(" + quote(subject(5)) + ") && rows().length === 5")
	b.somewhere("a failure")
	b.click("link(row(" + quote(subject(4)) + "))")
	b.until("$$('#toasts .bad').length && !message()")
	if got := b.str("at()"); got != "/m/INBOX" {
		t.Errorf("a message that did not open changed the address to %s", got)
	}
	d.Restart()
	b.untilThat("the program is back", func() bool {
		b.reload()
		return b.is("rows().length === 5")
	})
	b.eval("link(row(" + quote(subject(5)) + ")).focus()")
	b.press("e")
	b.until("toast().includes('Archived.') && rows().length === 4")
	b.whole()
}

// TestProgramAway: when Oriel itself does not answer, nothing is claimed.
func TestProgramAway(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	b.expect("net::ERR|Failed to (fetch|load)|NetworkError")
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool { panic(http.ErrAbortHandler) })
	b.press("j")
	b.on(40)
	b.press("e")
	b.until("$('#toasts .bad') && rows().length === 40")
	b.somewhere("no answer")
	b.press("o")
	b.until("$$('#toasts .bad').length")
	s.intercept(nil)
	b.eval("link(row(" + quote(subject(40)) + ")).focus()")
	b.press("o")
	b.reading(40)
	b.whole()
}

// TestSessionEnds: a click after the session has ended leads to the sign-in page
// and, once signed in, back to what was clicked.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	b.expect("status of 401")
	message := b.linkTo(subject(40))
	// Somebody signs the session out behind the page's back.
	run[int](b, "fetch('/logout', {method: 'POST'}).then(r => r.status)")
	b.click("link(row(" + quote(subject(40)) + "))")
	b.until("at().startsWith('/login?next=') && $('#username') && document.readyState === 'complete'")
	b.fill("$('#username')", s.user)
	b.fill("$('#password')", s.password)
	b.click("button('Sign in')")
	b.until("at() === " + quote(message) + " && message() === " + quote(subject(40)))

	run[int](b, "fetch('/logout', {method: 'POST'}).then(r => r.status)")
	b.press("e")
	b.until("at().startsWith('/login?next=') && $('#username') && document.readyState === 'complete'")
	b.fill("$('#username')", s.user)
	b.fill("$('#password')", s.password)
	b.click("button('Sign in')")
	b.until("at() === '/m/INBOX' && row(" + quote(subject(40)) + ")")
	if strings.Contains(b.str("toast()"), "Archived") {
		t.Error("the action was said to be done")
	}
	b.whole()
}

// stopwatch measures in the page: from a click to the first change of the list.
const stopwatch = `
window.changed = -1;
document.addEventListener('click', e => {
	const seen = new MutationObserver(all => {
		if (!all.some(m => m.target.matches('.row') && ['hidden', 'data-flagged'].includes(m.attributeName))) return;
		seen.disconnect();
		window.changed = performance.now() - e.timeStamp;
	});
	seen.observe($('#list'), {subtree: true, attributes: true});
}, {capture: true, once: true})`

// TestRefusalPutsBack: a star and a move show before the server has answered, and
// when it refuses, the page is as before and says why. The times from the click to
// the change are for the reader of the log.
func TestRefusalPutsBack(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	b.expect("status of 409")
	for what, c := range map[string]struct{ button, changed, before string }{
		"star": {"$('.star', %[1]s)", "%[1]s.hasAttribute('data-flagged')", "!%[1]s.hasAttribute('data-flagged') && $('.star', %[1]s).ariaPressed === 'false'"},
		"move": {"$('.quick [value=archive]', %[1]s)", "!%[1]s && rows().length === 39", "%[1]s && rows().length === 40"},
	} {
		var times []float64
		for n := 40; n > 30; n-- {
			row := "row(" + quote(subject(n)) + ")"
			came, refuse := make(chan struct{}, 9), make(chan struct{})
			s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				came <- struct{}{}
				<-refuse
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.WriteHeader(http.StatusConflict)
				io.WriteString(w, `<div class="toast bad" data-toast data-error><span>The mail server said no: read-only</span><button class="btn sm" type="button" data-dismiss>Dismiss</button></div>`)
				return true
			})
			b.hover("link(" + row + ")")
			run[any](b, "(() => {"+words+stopwatch+"})()")
			b.eval(fmt.Sprintf(c.button, row) + ".click()")
			b.until(fmt.Sprintf(c.changed, row))
			<-came
			if got := b.str("toast()"); got != "" {
				t.Errorf("%s: %q is said before the server has answered", what, got)
			}
			times = append(times, b.num("window.changed"))
			close(refuse)
			b.until(fmt.Sprintf(c.before, row) + " && toast().includes('said no: read-only')")
			s.intercept(nil)
			b.eval("button('Dismiss').click()")
			b.until("!toast()")
			b.settle()
		}
		if slices.Contains(times, -1) {
			t.Errorf("%s: the page changed without a click: %v", what, times)
		}
		slices.Sort(times)
		t.Logf("%s: click to change median %.1f ms, most %.1f ms, of %d", what, times[len(times)/2], times[len(times)-1], len(times))
	}
	if s.flagged("INBOX", subject(40), imap.FlagFlagged) || !s.there("INBOX", subject(40)) {
		t.Error("the test let a change through")
	}
}
