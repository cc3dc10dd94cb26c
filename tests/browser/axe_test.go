package browser

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// axeSource is axe-core, which scripts/install-test-deps puts into the cache.
func axeSource(t testing.TB) string {
	t.Helper()
	path := os.Getenv("ORIEL_AXE")
	if path == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(dir, "oriel-tests", "axe.min.js")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		const how = "axe-core is not installed (scripts/install-test-deps, or name its axe.min.js in ORIEL_AXE)"
		if everything() {
			t.Fatal(how + "; this run must test with it")
		}
		t.Skip(how)
	}
	return string(b)
}

// screen is a state of the program that must be accessible.
type screen struct {
	name string
	show func(b *tab)
}

// screens are all pages, and what opens on them.
func screens() []screen {
	at := func(path string) func(*tab) { return func(b *tab) { b.open(path) } }
	message := func(subject string) func(*tab) {
		return func(b *tab) { b.open("/m/INBOX"); b.open(b.linkTo(subject)) }
	}
	menu := func(show func(*tab), id string) func(*tab) {
		return func(b *tab) {
			show(b)
			b.click("$$('[popovertarget=" + id + "]').find(shown)")
			b.until("$('#" + id + "').matches(':popover-open')")
		}
	}
	list := at("/m/INBOX")
	selected := func(b *tab) {
		list(b)
		b.click("$('.pick', rows()[1])")
		b.click("$('.pick', rows()[2])")
		b.until("shown($('.bulk'))")
	}
	return []screen{
		{"list", list},
		{"list, unread", at("/m/INBOX?filter=unread")},
		{"list, last page", at("/m/Pile?page=2")},
		{"list of sent mail", at("/m/Sent")},
		{"junk", at("/m/Junk")},
		{"empty folder", at("/m/Nothing~20here")},
		{"selection", selected},
		{"filter menu", menu(list, "filter")},
		{"account menu", menu(list, "account")},
		{"selection menu", menu(selected, "bulk-more")},
		{"folders", func(b *tab) {
			list(b)
			b.openDrawer("$('nav a[data-folder=Archive]')")
		}},
		{"text message", message("Your sign-in code")},
		{"html message", message("Issue 48: why old windows rattle")},
		{"right-to-left message", message("سؤال عن نوافذ المشربية")},
		{"message with attachments", message("26/01883/LBC")},
		{"message menu", menu(message("Re: Harbour Street stair"), "msg-more")},
		{"addresses", menu(message("Re: Harbour Street stair"), "addresses")},
		{"choice of a folder, dialog", func(b *tab) {
			selected(b)
			b.click("act('move', $('.bulk'))")
			b.until("$('#dialog').open && shown($('#dialog .opts'))")
		}},
		{"choice of a folder, page", func(b *tab) { b.submit("/m/INBOX", "move", "Saturday, and the ladder") }},
		{"question, dialog", func(b *tab) {
			b.open("/m/Junk")
			b.click("$('.pick', rows()[0])")
			b.click("act('delete', $('.bulk'))")
			b.until("$('#dialog').open && shown($('#dialog .danger'))")
		}},
		{"question, page", func(b *tab) { b.submit("/m/Junk", "delete", "") }},
		{"toast with undo", func(b *tab) {
			list(b)
			b.click("$('.pick', rows()[0])")
			b.click("act('trash', $('.bulk'))")
			b.until("toast() && button('Undo')")
			b.eval("button('Undo').focus()") // which keeps it
		}},
		{"error toast", func(b *tab) {
			list(b)
			b.eval("$('.bulk [value=archive]').value = 'nonsense'")
			b.click("$('.pick', rows()[0])")
			b.click("$('.bulk [value=nonsense]')")
			b.until("$('#toasts .bad')")
		}},
		{"settings", at("/settings")},
		{"shortcuts", at("/shortcuts")},
		{"shortcuts, dialog", func(b *tab) {
			list(b)
			b.press("?")
			b.until("$('#dialog').open")
		}},
		{"no such page", at("/nowhere")},
		{"no such folder", at("/m/nowhere")},
	}
}

// linkTo is the address of a message of the list that is open.
func (b *tab) linkTo(subject string) string {
	b.Helper()
	return b.str("link(row(" + quote(subject) + ")).getAttribute('href')")
}

// submit posts a form of the list as a browser without script does, and waits
// for the page that asks back.
func (b *tab) submit(list, do, subject string) {
	b.Helper()
	b.open(list)
	b.eval("$('input', row(" + quote(subject) + ")).checked = true")
	b.eval("$('#list').insertAdjacentHTML('beforeend', '<input name=do type=hidden value=" + do + ">')")
	b.eval("HTMLFormElement.prototype.submit.call($('#list'))")
	b.until("$('main .ask') && document.readyState === 'complete'")
}

// finding is what axe-core says about one element.
type finding struct{ Rule, Help, Element, Why string }

// audit runs every rule of axe-core that is on by default, best practice
// included, on the page as it is. Only what is inside the mail's frame is left
// out: it is the sender's.
func (b *tab) audit(source string) []finding {
	b.Helper()
	if !b.is("window.axe") {
		run[any](b, source+";0")
	}
	return run[[]finding](b, `axe.run(document, {iframes: false, resultTypes: ['violations']}).then(r => r.violations.flatMap(v => v.nodes.map(n => (
		{rule: v.id, help: v.help, element: n.html.slice(0, 160), why: n.failureSummary.split('\n').slice(1, 2).join('').trim().slice(0, 200)}))))`)
}

// smallSite is the sample mailbox with a short inbox, because axe-core takes its
// time for each row and fifty of them teach no more than fifteen.
func smallSite(t testing.TB) *site {
	t.Helper()
	s := demoSite(t)
	s.client(func(c *imapclient.Client) error {
		if err := c.Create("Nothing here", nil).Wait(); err != nil {
			return err
		}
		if err := c.Create("Pile", nil).Wait(); err != nil {
			return err
		}
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			return err
		}
		found, err := c.UIDSearch(&imap.SearchCriteria{}, nil).Wait()
		if err != nil {
			return err
		}
		all := found.AllUIDs()
		keep := imap.UIDSetNum(all[max(0, len(all)-14):]...)
		var gone imap.UIDSet
		for _, uid := range all {
			if !keep.Contains(uid) {
				gone.AddNum(uid)
			}
		}
		if err := c.Store(gone, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			return err
		}
		return c.Expunge().Close()
	})
	s.deliverAll("Pile", letters(51), time.Now())
	s.deliver("INBOX", letter("=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte("سؤال عن نوافذ المشربية"))+"?=", "السيدة مارا المحترمة، رأيت صور النافذة."), time.Now().Add(-48*time.Hour))
	return s
}

func TestAccessibility(t *testing.T) {
	source := axeSource(t)
	var mu sync.Mutex
	found := map[string][]string{}
	note := func(where string, all []finding) {
		mu.Lock()
		defer mu.Unlock()
		for _, f := range all {
			key := fmt.Sprintf("%s: %s\n\t%s\n\t%s", f.Rule, f.Help, f.Element, f.Why)
			if !slices.Contains(found[key], where) {
				found[key] = append(found[key], where)
			}
		}
	}
	t.Run("looks", func(t *testing.T) {
		for _, l := range []look{desktop, desktop.dark(), tablet, tablet.dark(), phone, phone.dark()} {
			t.Run(l.String(), func(t *testing.T) {
				t.Parallel()
				s := smallSite(t)
				b := s.tab(t, l)
				b.expect("status of 40[014]")
				check := func(name string) {
					b.until("document.getAnimations().every(a => a.playState !== 'running')")
					note(name+" ("+l.String()+")", b.audit(source))
					b.notSideways(name)
					b.whole()
				}
				b.open("/login")
				check("sign-in")
				b.fill("$('#username')", s.user)
				b.fill("$('#password')", "wrong")
				b.click("button('Sign in')")
				b.until("$('[role=alert]')")
				check("sign-in refused")
				s.signIn(b)
				for _, screen := range screens() {
					screen.show(b)
					check(screen.name)
				}
			})
		}
	})
	for what, where := range found {
		if len(where) > 4 {
			where = append(where[:4:4], fmt.Sprintf("and %d more", len(where)-4))
		}
		t.Errorf("%s\n\ton: %s", what, strings.Join(where, "; "))
	}
}

// TestNarrow: at 320 px, which is 1280 px at four times the size (WCAG 1.4.10),
// nothing has to be scrolled sideways.
func TestNarrow(t *testing.T) {
	t.Parallel()
	s := smallSite(t)
	b := s.tab(t, look{name: "narrow", width: 320, height: 640, touch: true, scheme: "light"})
	b.expect("status of 40[014]")
	b.open("/login")
	b.notSideways("sign-in")
	s.signIn(b)
	for _, screen := range screens() {
		screen.show(b)
		b.notSideways(screen.name)
	}
}

// notSideways finds what is wider than the window.
func (b *tab) notSideways(name string) {
	b.Helper()
	wide := b.str(`[document.documentElement, ...$$('.scroll, .bar, .body, main')].filter(e => shown(e) && e.scrollWidth > e.clientWidth + 1)
		.map(e => e.tagName + '.' + e.className + '#' + e.id + ' ' + e.scrollWidth + ' > ' + e.clientWidth).join(', ')`)
	if wide != "" {
		b.Errorf("%s: %s", name, wide)
	}
}
