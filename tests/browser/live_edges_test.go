package browser

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/demo"
)

// conceal tells the page that its tab is behind others, or in front again. The
// test browser shows every tab.
func (b *tab) conceal(hidden bool) {
	b.Helper()
	value := "false"
	if hidden {
		value = "true"
	}
	b.eval("(Object.defineProperty(document, 'hidden', {value: " + value + ", configurable: true}), document.dispatchEvent(new Event('visibilitychange')))")
}

// TestHiddenTab: a tab behind others counts, and looks at its list when it comes
// to the front.
func TestHiddenTab(t *testing.T) {
	t.Parallel()
	s, _, b := liveSite(t, desktop, 3)
	b.settle()
	b.conceal(true)
	b.forget()
	s.deliver("INBOX", letter("Behind", "x"), time.Now())
	b.until("document.title.startsWith('(4) ')")
	b.settle()
	if len(b.network()) > 0 || b.is("row('Behind')") {
		t.Errorf("a list that nobody sees was fetched: %v", b.network())
	}
	b.conceal(false)
	b.until("row('Behind')")
}

// TestPhoneReading: on a phone the list is not shown while a message is open. The
// message follows all the same, and the list is right when the reader comes back.
func TestPhoneReading(t *testing.T) {
	t.Parallel()
	s, _, b := liveSite(t, phone, 5)
	b.click("link(row(" + quote(subject(3)) + "))")
	b.until("message() === " + quote(subject(3)))
	s.deliver("INBOX", letter("Meanwhile", "x"), time.Now())
	s.move("INBOX", subject(5), "Archive")
	b.until("document.title.startsWith('(4) ')")
	s.store("INBOX", subject(3), imap.StoreFlagsAdd, imap.FlagFlagged)
	b.until("message() === " + quote(subject(3)) + " && $('#reader .star').ariaPressed === 'true'")
	s.store("INBOX", subject(3), imap.StoreFlagsDel, imap.FlagFlagged)
	b.until("$('#reader .star').ariaPressed === 'false'")
	s.move("INBOX", subject(3), "Archive")
	b.until("toast().includes('moved or deleted elsewhere') && message() === " + quote(subject(3)))
	b.click("$('#back')")
	b.until("!message() && row('Meanwhile') && !row(" + quote(subject(5)) + ") && !row(" + quote(subject(3)) + ")")
	b.settle()
}

// TestFilteredAndLaterPages follow as well.
func TestFilteredAndLaterPages(t *testing.T) {
	t.Parallel()
	s, _, b := liveSite(t, desktop, 60)
	b.open("/m/INBOX?page=2")
	b.until("rows().length === 10")
	s.deliver("INBOX", letter("Pushes one over", "x"), time.Now())
	b.until("rows().length === 11 && at() === '/m/INBOX?page=2'")
	b.open("/m/INBOX?filter=flagged")
	b.until("rows().length === 0")
	s.store("INBOX", subject(7), imap.StoreFlagsAdd, imap.FlagFlagged)
	b.until("rows().length === 1 && row(" + quote(subject(7)) + ")")
	b.settle()
}

// TestOwnChangesAreNotUndone: what the reader does while the news comes in stays
// done on the page.
func TestOwnChangesAreNotUndone(t *testing.T) {
	t.Parallel()
	s, _, b := liveSite(t, desktop, 20)
	b.eval("window.back = 0")
	// What is drawn counts, not what a swap passes through.
	b.eval("(function look() { if (window.gone && row(window.gone)) window.back++; requestAnimationFrame(look) })()")
	for n := 20; n > 14; n-- {
		b.eval("link(row(" + quote(subject(n)) + ")).focus()")
		s.deliver("INBOX", letter("Between the keys", "x"), time.Now())
		b.press("e")
		b.until("!row(" + quote(subject(n)) + ")")
		b.eval("window.gone = " + quote(subject(n)))
		b.until("toast() === 'Archived.'")
	}
	b.until("rows().length === 20")
	b.settle()
	if n := b.num("window.back"); n != 0 {
		t.Errorf("rows that were archived came back %v times", n)
	}
}

// TestPlainHTTP: without https a browser has no locks. Each visible tab has a
// stream of its own, and a hidden one gives it up after a while.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	s := (&site{TB: t, insecure: true}).embed(demo.StartEmpty)
	s.deliverAll("INBOX", letters(3), time.Now())
	told := s.watchStreams()
	b := s.tab(t, desktop)
	b.base = strings.Replace(s.web.URL, "127.0.0.1", plainHost, 1)
	b.expect("Cross-Origin-Opener-Policy header has been ignored")
	s.signIn(b)
	if b.is("window.isSecureContext || navigator.locks") {
		t.Fatal("this is no plain http")
	}
	told.only(b)
	other := b.sibling()
	other.expect("Cross-Origin-Opener-Policy header has been ignored")
	other.open("/m/INBOX")
	other.untilThat("there are two streams", func() bool { now, _ := told.count(); return now == 2 })
	s.deliver("INBOX", letter("To both", "x"), time.Now())
	b.until("row('To both')")
	other.until("row('To both')")
	other.conceal(true)
	told.only(b)
	s.deliver("INBOX", letter("To one", "x"), time.Now())
	b.until("row('To one')")
	other.conceal(false)
	other.until("row('To one') && document.title.startsWith('(5) ')")
}

// TestConnectionLineLooks: the line at the foot is accessible in every look, and
// nothing becomes wider or covered.
func TestConnectionLineLooks(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	s := emptySite(t)
	s.deliverAll("INBOX", letters(12), time.Now())
	b := s.signIn(s.tab(t, desktop))
	message := b.linkTo(subject(12))
	for _, l := range []look{desktop, desktop.dark(), tablet, tablet.dark(), phone, phone.dark()} {
		b.imitate(l)
		for _, at := range []string{"/m/INBOX", message} {
			b.open(at)
			b.settle()
			b.eval("$$('#net > p').forEach(p => p.hidden = false)")
			for i := range 3 {
				b.place("$$('#net .btn')[" + strconv.Itoa(i) + "]")
			}
			for _, f := range b.audit(source) {
				t.Errorf("%s, %s: %+v", l, at, f)
			}
			b.notSideways(at)
		}
	}
}

// TestSilence: a stream that died without a word is opened anew, and a tab that
// sleeps with the stream in its hand loses it to one that is awake.
func TestSilence(t *testing.T) {
	t.Parallel()
	s, told, b := liveSite(t, desktop, 3)
	other := b.sibling()
	other.open("/m/INBOX")
	other.settle()
	later := "(Date.now = (now => () => now() + 61000)(Date.now), document.dispatchEvent(new Event('visibilitychange')))"
	streams := func(b *tab, want int) {
		t.Helper()
		b.untilThat("the stream is a new one, and the only one", func() bool {
			now, all := told.count()
			return now == 1 && all == want
		})
	}
	_, before := told.count()
	b.eval(later)
	streams(b, before+1)
	other.eval(later)
	streams(other, before+2)
	s.deliver("INBOX", letter("Heard by both", "x"), time.Now())
	other.until("row('Heard by both')")
	b.until("row('Heard by both')")
	other.open("about:blank")
	streams(b, before+3)
	s.deliver("INBOX", letter("Heard by one", "x"), time.Now())
	b.until("row('Heard by one')")
}
