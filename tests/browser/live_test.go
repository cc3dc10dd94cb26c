package browser

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// streams counts the event streams that a site holds open, and cuts them.
type streams struct {
	mu   sync.Mutex
	open map[http.ResponseWriter]func()
	all  int
	away bool // nothing is answered any more
}

// watchStreams looks at a site's streams from now on.
func (s *site) watchStreams() *streams {
	n := &streams{open: map[http.ResponseWriter]func(){}}
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.away {
			n.mu.Unlock()
			defer n.mu.Lock()
			panic(http.ErrAbortHandler)
		}
		if r.URL.Path != "/events" || r.Method != http.MethodGet {
			return false
		}
		n.all++
		n.open[w] = func() { hangUp(w) }
		done := r.Context().Done()
		go func() {
			<-done
			n.mu.Lock()
			defer n.mu.Unlock()
			delete(n.open, w)
		}()
		return false
	})
	return n
}

// hangUp breaks the connection under an answer, as a router does that forgets it.
func hangUp(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second))
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(-time.Second))
}

// count is how many are open now, and how many there were in all.
func (n *streams) count() (now, all int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.open), n.all
}

// cut breaks all streams. With away, nothing is answered until it is called
// without.
func (n *streams) cut(away bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = away
	for _, end := range n.open {
		end()
	}
}

// only waits until there is exactly one stream.
func (n *streams) only(b *tab) {
	b.Helper()
	b.untilThat("there is one stream", func() bool { now, _ := n.count(); return now == 1 })
}

// store changes the flags of a message as another program does.
func (s *site) store(folder, subject string, op imap.StoreFlagsOp, flag imap.Flag) {
	s.Helper()
	s.with(folder, subject, func(c *imapclient.Client, set imap.UIDSet) error {
		return c.Store(set, &imap.StoreFlags{Op: op, Flags: []imap.Flag{flag}}, nil).Close()
	})
}

// move moves a message as another program does.
func (s *site) move(folder, subject, to string) {
	s.Helper()
	s.with(folder, subject, func(c *imapclient.Client, set imap.UIDSet) error {
		_, err := c.Move(set, to).Wait()
		return err
	})
}

// with does something to the messages of a folder that have a subject.
func (s *site) with(folder, subject string, do func(*imapclient.Client, imap.UIDSet) error) {
	s.Helper()
	s.client(func(c *imapclient.Client) error {
		if _, err := c.Select(folder, nil).Wait(); err != nil {
			return err
		}
		found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: subject}}}, nil).Wait()
		if err != nil {
			return err
		}
		if len(found.AllUIDs()) == 0 {
			return fmt.Errorf("%s has no %q", folder, subject)
		}
		return do(c, imap.UIDSetNum(found.AllUIDs()...))
	})
}

// liveSite is a mailbox with letters and a tab that hears of changes.
func liveSite(t *testing.T, l look, n int) (*site, *streams, *tab) {
	t.Helper()
	s := emptySite(t)
	s.deliverAll("INBOX", letters(n), time.Now())
	told := s.watchStreams()
	b := s.signIn(s.tab(t, l))
	told.only(b)
	b.until(fmt.Sprintf("rows().length === %d", min(n, 50)))
	return s, told, b
}

// onBothLive runs a test on the embedded server and on Dovecot.
func onBothLive(t *testing.T, n int, test func(t *testing.T, s *site, b *tab)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		s, _, b := liveSite(t, desktop, n)
		test(t, s, b)
	})
	t.Run("dovecot", func(t *testing.T) {
		t.Parallel()
		s, _ := dovecotSite(t)
		s.deliverAll("INBOX", letters(n), time.Now())
		told := s.watchStreams()
		b := s.signIn(s.tab(t, desktop))
		told.only(b)
		b.until(fmt.Sprintf("rows().length === %d", min(n, 50)))
		test(t, s, b)
	})
}

// TestChangesOfOthersShow: what another program does to the folder shows in the
// list, its count, the title and the icon.
func TestChangesOfOthersShow(t *testing.T) {
	t.Parallel()
	onBothLive(t, 5, func(t *testing.T, s *site, b *tab) {
		count := func(n int) {
			t.Helper()
			want, title, icon := "", "Inbox – Oriel", "favicon."
			if n > 0 {
				want, title, icon = fmt.Sprint(n), fmt.Sprintf("(%d) Inbox – Oriel", n), "favicon-new."
			}
			b.until("($('nav a[data-folder=INBOX]').dataset.unread || '') === " + quote(want) + " && document.title === " + quote(title) +
				" && $('link[rel=icon]').href.includes(" + quote(icon) + ")")
			if shown := b.str("($('nav a[data-folder=INBOX] .n') || {}).textContent || ''"); strings.TrimSuffix(shown, " unread") != want {
				t.Errorf("the folder says %q, want %q", shown, want)
			}
		}
		count(5)
		s.deliver("INBOX", letter("Fresh from the press", "New."), time.Now())
		b.until("link(rows()[0]).textContent.includes('Fresh from the press') && rows().length === 6")
		count(6)
		b.until("$('#news').textContent === '1 new message in Inbox'")

		s.store("INBOX", subject(3), imap.StoreFlagsAdd, imap.FlagFlagged)
		b.until("row(" + quote(subject(3)) + ").hasAttribute('data-flagged')")
		for i := range 5 {
			s.store("INBOX", subject(i+1), imap.StoreFlagsAdd, imap.FlagSeen)
		}
		s.store("INBOX", "Fresh from the press", imap.StoreFlagsAdd, imap.FlagSeen)
		b.until("!rows().some(r => r.hasAttribute('data-unread'))")
		count(0)

		s.move("INBOX", subject(4), "Archive")
		b.until("rows().length === 5 && !row(" + quote(subject(4)) + ")")
		s.store("INBOX", subject(5), imap.StoreFlagsDel, imap.FlagSeen)
		b.until("row(" + quote(subject(5)) + ").hasAttribute('data-unread')")
		count(1)
		if got := b.str("$('#news').textContent"); got != "1 new message in Inbox" {
			t.Errorf("announced: %q", got)
		}
		b.settle()
	})
}

// TestPlaceIsKept: new mail and departures move nothing under the eyes, and
// leave focus, selection and the open message alone.
func TestPlaceIsKept(t *testing.T) {
	t.Parallel()
	s, _, b := liveSite(t, desktop, 70)
	b.scrollTo(40)
	where := "Math.round(row(" + quote(subject(40)) + ").getBoundingClientRect().top)"
	b.click("link(row(" + quote(subject(40)) + "))")
	b.reading(40)
	b.settle()
	b.eval("link(row(" + quote(subject(39)) + ")).focus()")
	b.eval("window.body = $('#reading').firstElementChild")
	before := b.num(where)
	still := func(what string) {
		t.Helper()
		b.settle()
		if now := b.num(where); now < before-1 || now > before+1 {
			t.Errorf("%s: the row went from %v to %v", what, before, now)
		}
		if !b.is("window.body === $('#reading').firstElementChild") {
			t.Errorf("%s: the open message was drawn again", what)
		}
		b.on(39)
	}
	s.deliverAll("INBOX", []string{letter("Newer 1", "x"), letter("Newer 2", "x"), letter("Newer 3", "x")}, time.Now())
	b.until("$$('[data-view=list] li[data-msg]').some(r => r.textContent.includes('Newer 3'))")
	still("new mail")
	s.move("INBOX", subject(60), "Archive")
	b.until("!row(" + quote(subject(60)) + ")")
	still("a departure above")
	s.store("INBOX", subject(40), imap.StoreFlagsAdd, imap.FlagFlagged)
	b.until("row(" + quote(subject(40)) + ").hasAttribute('data-flagged') && $('#reader .star').ariaPressed === 'true'")
	still("a star")

	// The row with the focus goes: the next one has it.
	s.move("INBOX", subject(39), "Archive")
	b.until("!row(" + quote(subject(39)) + ")")
	b.on(38)
	b.settle()
	if now := b.num(where); now < before-1 || now > before+1 {
		t.Errorf("the row went from %v to %v", before, now)
	}

	// The open one goes: it stays, with a sentence.
	s.move("INBOX", subject(40), "Archive")
	b.until("!row(" + quote(subject(40)) + ") && toast().includes('moved or deleted elsewhere') && message() === " + quote(subject(40)))
	b.eval("button('Dismiss', $('#toasts')).click()")
	s.deliver("INBOX", letter("Newer 4", "x"), time.Now())
	b.until("$$('[data-view=list] li[data-msg]').some(r => r.textContent.includes('Newer 4'))")
	b.settle()
	if got := b.str("toast()"); got != "" {
		t.Errorf("it was said twice: %s", got)
	}
}

// TestHandsAreNotMoved: while something is selected, open or pressed the list
// stays as it is, and changes afterwards.
func TestHandsAreNotMoved(t *testing.T) {
	t.Parallel()
	s, _, b := liveSite(t, desktop, 6)
	for i, c := range []struct{ name, hold, free string }{
		{"selection", "$('input', rows()[2]).click()", "$('.bulk [type=reset]').click()"},
		{"menu", "$('#filter').showPopover()", "$('#filter').hidePopover()"},
		{"dialog", "$('#dialog').showModal()", "$('#dialog').close()"},
	} {
		b.eval(c.hold)
		now := "Held " + c.name
		s.deliver("INBOX", letter(now, "x"), time.Now())
		b.until(fmt.Sprintf("$('nav a[data-folder=INBOX]').dataset.unread === '%d'", 7+i)) // which shows all the same
		if b.is("row(" + quote(now) + ")") {
			t.Errorf("%s: the list changed", c.name)
		}
		b.eval(c.free)
		b.until("row(" + quote(now) + ")")
		b.settle()
	}
}

// TestOneStream: however many tabs there are, the browser holds one stream, and
// another tab takes over when the one that has it is closed.
func TestOneStream(t *testing.T) {
	t.Parallel()
	s, told, first := liveSite(t, desktop, 3)
	first.open("about:blank")
	var tabs []*tab
	for range 8 {
		b := first.sibling()
		b.open("/m/INBOX")
		tabs = append(tabs, b)
	}
	told.only(first)
	if _, all := told.count(); all != 2 {
		t.Errorf("there were %d streams", all)
	}
	arrived := func(tabs []*tab, subject string) {
		t.Helper()
		s.deliver("INBOX", letter(subject, "x"), time.Now())
		for _, b := range tabs {
			b.until("document.title.startsWith('(')")
			b.until("row(" + quote(subject) + ")")
		}
	}
	arrived(tabs, "To all tabs")
	tabs[0].end()
	// At once, so that it falls between two streams or right after.
	arrived(tabs[1:], "While nobody held it")
	told.only(tabs[1])
	arrived(tabs[2:], "And after")
	if now, _ := told.count(); now != 1 {
		t.Errorf("%d streams are open", now)
	}
}

// TestLineIsCut: a broken line is mended without a word, and nothing is lost.
func TestLineIsCut(t *testing.T) {
	t.Parallel()
	s, told, b := liveSite(t, desktop, 3)
	b.expect("net::ERR|Failed to load")
	told.cut(false)
	s.deliver("INBOX", letter("During the cut", "x"), time.Now())
	b.until("row('During the cut')")
	if b.is("shown($('#net p:not([hidden])'))") {
		t.Error("a cut of a moment is not worth a word")
	}
	told.only(b)
}

// TestProgramIsAway: when Oriel does not answer the page says so without moving
// anything, and catches up by itself.
func TestProgramIsAway(t *testing.T) {
	t.Parallel()
	s, told, b := liveSite(t, desktop, 60)
	b.expect("net::ERR|Failed to load")
	b.scrollTo(40)
	b.click("link(row(" + quote(subject(40)) + "))")
	b.reading(40)
	b.settle()
	top, head := b.num("$('#rows').scrollTop"), b.num("$('#subject').getBoundingClientRect().top")
	told.cut(true)
	b.until("shown($('#net [data-when=away]')) && shown(button('Try now'))")
	if b.num("$('#rows').scrollTop") != top || b.num("$('#subject').getBoundingClientRect().top") != head {
		t.Error("the bar moved what is read")
	}
	s.deliver("INBOX", letter("While away", "x"), time.Now())
	b.click("button('Try now')")
	b.until("shown($('#net [data-when=away]'))")
	told.cut(false)
	b.until("!shown($('#net p')) && $$('[data-view=list] li[data-msg]').some(r => r.textContent.includes('While away'))")
	b.reading(40)
	b.settle()
	if !b.is("rows().some(r => r.getBoundingClientRect().top > 100)") {
		t.Error("the list is gone")
	}
}

// TestMailServerIsAway: the other cause has other words, and heals as well.
func TestMailServerIsAway(t *testing.T) {
	t.Parallel()
	s, d := dovecotSite(t)
	s.deliverAll("INBOX", letters(5), time.Now())
	told := s.watchStreams()
	b := s.signIn(s.tab(t, desktop))
	told.only(b)
	b.expect("status of 50[234]")
	d.Kill()
	b.until("shown($('#net [data-when=lost]')) && !shown($('#net [data-when=away]'))")
	d.Restart()
	s.deliver("INBOX", letter("Back again", "x"), time.Now())
	b.until("!shown($('#net p')) && row('Back again')")
}

// TestSignedOutElsewhere: a tab whose session has ended says so, keeps what it
// shows, and leads to the sign-in page and back.
func TestSignedOutElsewhere(t *testing.T) {
	t.Parallel()
	s, told, b := liveSite(t, desktop, 3)
	b.expect("status of 401")
	run[int](b, "fetch('/logout', {method: 'POST'}).then(r => r.status)")
	b.until("shown($('#net [data-when=expired]')) && rows().length === 3")
	b.untilThat("the stream has ended", func() bool { now, _ := told.count(); return now == 0 })
	b.click("named('a', 'Sign in')")
	b.until("at() === '/login?next=%2Fm%2FINBOX&why=' && $('#username') && document.readyState === 'complete'")
	b.fill("$('#username')", s.user)
	b.fill("$('#password')", s.password)
	b.click("button('Sign in')")
	b.until("at() === '/m/INBOX' && rows().length === 3")
	told.only(b)
}
