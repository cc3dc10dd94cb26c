package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// pileSite has seventy letters, so that the list scrolls and has two pages.
func pileSite(t *testing.T, l look) (*site, *tab) {
	t.Helper()
	s := emptySite(t)
	s.deliverAll("INBOX", letters(70), time.Now())
	b := s.signIn(s.tab(t, l))
	b.until("rows().length === 50")
	return s, b
}

// scrollTo brings a letter into view and returns where the list then is.
func (b *tab) scrollTo(n int) float64 {
	b.Helper()
	b.eval("row(" + quote(subject(n)) + ").scrollIntoView({block: 'center', behavior: 'instant'})")
	b.until("$('#rows').scrollTop > 500")
	return b.num("$('#rows').scrollTop")
}

// near waits until the list is scrolled as it was. A row that became read may be
// a pixel higher than before.
func (b *tab) near(top float64) {
	b.Helper()
	b.until(fmt.Sprintf("Math.abs($('#rows').scrollTop - %f) < 20", top))
}

func TestBackRestoresTheList(t *testing.T) {
	for _, l := range []look{desktop, phone} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			_, b := pileSite(t, l)
			top := b.scrollTo(30)
			b.click("link(row(" + quote(subject(30)) + "))")
			b.reading(30)
			b.back()
			b.until("!message() && at() === '/m/INBOX'")
			b.near(top)
			b.on(30)
			b.settle()
			if b.is("row(" + quote(subject(30)) + ").hasAttribute('data-unread')") {
				t.Error("the letter that was read is bold again")
			}

			// Forward and back again, and the same after a reload.
			b.eval("history.forward()")
			b.reading(30)
			b.reload()
			b.until("message() === " + quote(subject(30)))
			b.back()
			b.until("!message() && at() === '/m/INBOX' && rows().length === 50")
			b.near(top)

			// Other folder and back.
			b.click("link(row(" + quote(subject(30)) + "))")
			b.reading(30)
			b.eval("$('nav a[data-folder=Archive]').click()")
			b.until("at() === '/m/Archive' && $('#list').dataset.url === at()")
			b.back()
			b.until("message() === " + quote(subject(30)))
			b.settle()
		})
	}
}

// TestBackFromAnotherSite: pieces and pages share addresses, and no cache may
// take one for the other (T1 and T2 of the web design).
func TestBackFromAnotherSite(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>")
	}))
	defer other.Close()
	_, b := pileSite(t, desktop)
	whole := "$('header.top') && $('nav#folders') && getComputedStyle($('.app')).display === 'grid' && document.title.includes('Oriel')"
	for _, step := range []struct{ element, then string }{
		{"link(row(" + quote(subject(70)) + "))", "message() === " + quote(subject(70))},
		{"$('nav a[data-folder=Archive]')", "at() === '/m/Archive' && $('#list').dataset.url === at()"},
	} {
		b.click(step.element)
		b.until(step.then)
		b.settle()
		b.open(other.URL)
		b.until("document.title === 'Elsewhere'")
		b.back()
		b.until(step.then + " && " + whole)
		b.reload()
		b.until(step.then + " && " + whole)
	}
}

func TestBackAfterSignOut(t *testing.T) {
	for _, l := range []look{desktop, desktop.plain()} {
		t.Run(map[bool]string{false: "script", true: "no script"}[l.noScript], func(t *testing.T) {
			t.Parallel()
			_, b := pileSite(t, l)
			b.click("link(row(" + quote(subject(70)) + "))")
			b.until("message() === " + quote(subject(70)) + " && document.readyState === 'complete'")
			b.click("$('button[popovertarget=account]')")
			b.click("button('Sign out')")
			b.until("at() === '/login' && $('#username')")
			b.back()
			b.until("at().startsWith('/login') && $('#username')")
			if b.is("document.body.innerText.includes('of the pile')") {
				t.Error("mail is shown after signing out")
			}
		})
	}
}

// TestSlowAnswerNeverWins: a click on a slow message and then on a quick one
// shows the quick one, and it stays (T5).
func TestSlowAnswerNeverWins(t *testing.T) {
	t.Parallel()
	s, b := pileSite(t, desktop)
	slow := b.linkTo(subject(69))
	release := make(chan struct{})
	came := make(chan struct{}, 9)
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == slow {
			came <- struct{}{}
			<-release
		}
		return false
	})
	b.click("link(row(" + quote(subject(69)) + "))")
	<-came
	b.click("link(row(" + quote(subject(66)) + "))")
	b.reading(66)
	close(release)
	b.settle()
	if got := b.str("message()"); got != subject(66) {
		t.Errorf("the slow answer won: %s", got)
	}
	if got := b.str("at()"); got == slow {
		t.Errorf("the address is the slow one's: %s", got)
	}
	b.whole()
}

// TestReload: the page after a reload is the page before it.
func TestReload(t *testing.T) {
	t.Parallel()
	_, b := pileSite(t, desktop)
	b.click("$('a[rel=next]')")
	b.until("at() === '/m/INBOX?page=2' && rows().length === 20")
	b.click("link(row(" + quote(subject(10)) + "))")
	b.reading(10)
	b.settle()
	before := b.str("at() + message() + rows().map(r => r.dataset.msg)")
	b.reload()
	b.until("message()")
	if after := b.str("at() + message() + rows().map(r => r.dataset.msg)"); after != before {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
	if !strings.Contains(before, "page=2") {
		t.Errorf("the message forgot its list: %s", before)
	}
}
