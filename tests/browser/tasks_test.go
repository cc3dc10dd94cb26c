package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/emersion/go-imap/v2"
)

// TestTasks does ten everyday tasks with the mouse or a finger. The script is the
// same with and without JavaScript: it only clicks what is there and waits for
// what a person would see. Each outcome is looked up on the mail server.
func TestTasks(t *testing.T) {
	for name, l := range map[string]look{
		"script": desktop, "no script": desktop.plain(), "script, phone": phone, "no script, phone": phone.plain(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := demoSite(t)
			d := &day{tab: s.tab(t, l), site: s}
			s.signIn(d.tab)
			d.readAndReturn()
			d.starAndMarkUnread()
			d.archiveAndUndo()
			d.moveToNestedFolder()
			d.deleteSeveral()
			d.deleteForGood()
			d.download()
			d.filterAndPage()
			d.signOut()
		})
	}
}

// day is one run of the tasks.
type day struct {
	*tab
	site *site
}

// folder opens a folder from the navigation, which is a drawer on small screens.
func (d *day) folder(key string) {
	d.Helper()
	if d.is("message() && shown($('#back'))") {
		d.list()
	}
	link := "$('nav a[data-folder=\"" + key + "\"]')"
	d.openDrawer(link)
	d.click(link)
	d.until("at() === '/m/" + key + "' && $('[data-view=list]').dataset.url === at() && !$('nav:popover-open') && document.readyState === 'complete'")
}

// openDrawer makes a folder link visible.
func (b *tab) openDrawer(link string) {
	b.Helper()
	if !b.is("shown(" + link + ")") {
		b.click("button('Folders')")
		b.until("shown(" + link + ")")
	}
}

// read opens the message whose subject holds the text.
func (b *tab) read(subject string) {
	b.Helper()
	b.until("row(" + quote(subject) + ")")
	b.click("link(row(" + quote(subject) + "))")
	b.until("message().includes(" + quote(subject) + ") && document.readyState === 'complete'")
	b.whole()
}

// list goes back from a message to its list.
func (d *day) list() {
	d.Helper()
	if d.is("shown($('#back'))") {
		d.click("$('#back')")
		d.until("!message() && rows().length && document.readyState === 'complete'")
		d.whole()
		return
	}
	d.folder("INBOX")
}

func (d *day) readAndReturn() {
	d.Helper()
	newest := d.str("link(rows()[0]).textContent.trim()")
	d.click("link(rows()[0])")
	d.until("message() === " + quote(newest))
	d.list()
	d.read("Your sign-in code")
	d.untilThat("the opened message is read on the server", func() bool { return d.site.flagged("INBOX", "Your sign-in code", imap.FlagSeen) })
}

func (d *day) starAndMarkUnread() {
	d.Helper()
	d.click("$('#reader .star')")
	d.until("$('#reader .star').getAttribute('aria-pressed') === 'true' && toast() === 'Starred.'")
	d.until("document.readyState === 'complete'")
	if !d.site.flagged("INBOX", "Your sign-in code", imap.FlagFlagged) {
		d.Error("the server does not know of the star")
	}
	d.click("act('unread', $('#reader'))")
	d.until("!message() && toast() === 'Marked unread.' && row('Your sign-in code').hasAttribute('data-unread')")
	if d.site.flagged("INBOX", "Your sign-in code", imap.FlagSeen) {
		d.Error("the server has the message marked read")
	}
}

func (d *day) archiveAndUndo() {
	d.Helper()
	const subject = "Order 20418 is on its way"
	d.read(subject)
	d.click("act('archive', $('#reader'))")
	d.until("toast() === 'Archived.' && message() && !message().includes('Order 20418') && document.readyState === 'complete'")
	d.settle()
	if !d.site.there("Archive", subject) || d.site.there("INBOX", subject) {
		d.Error("the message is not in the Archive alone")
	}
	d.click("button('Undo')")
	d.until("toast() === 'Moved back.'")
	if d.site.there("Archive", subject) || !d.site.there("INBOX", subject) {
		d.Error("the message did not come back")
	}
	d.until("document.readyState === 'complete'")
	d.list()
	d.until("row(" + quote(subject) + ")")
}

func (d *day) moveToNestedFolder() {
	d.Helper()
	subject := "Site visit, " + time.Now().AddDate(0, 0, 2).Format("Monday") + " 09:30" // three days after the day it was sent, which was yesterday
	d.read(subject)
	d.click("act('move', $('#reader'))")
	d.click("$$('.opts label').find(l => label(l) === 'Reisen / Österreich')")
	d.until("$$('.opts label').find(l => label(l) === 'Reisen / Österreich').control.checked")
	d.click("$('.ask footer button')")
	d.until("toast() === 'Moved to Österreich.' && message() && document.readyState === 'complete'")
	d.settle()
	if !d.site.there("Reisen/Österreich", subject) || d.site.there("INBOX", subject) {
		d.Error("the message is not in the folder alone")
	}
	d.folder("Reisen~2F~C3~96sterreich")
	d.until("row(" + quote(subject) + ")")
	d.folder("INBOX")
}

// pick selects a row: the sender's monogram is the checkbox.
func (b *tab) pick(subject string) {
	b.Helper()
	box := "$('input[name=msg]', row(" + quote(subject) + "))"
	b.click("$('.pick', row(" + quote(subject) + "))")
	b.until(box + ".checked")
}

func (d *day) deleteSeveral() {
	d.Helper()
	d.pick("Nightly backup finished, 3 warnings")
	d.pick("Nightly backup finished, no warnings")
	d.click("act('trash', $('.bulk'))")
	d.until("toast() === '2 messages moved to Trash.' && rows().length && !row('Nightly backup finished, 3')")
	for _, subject := range []string{"Nightly backup finished, 3 warnings", "Nightly backup finished, no warnings"} {
		if !d.site.there("Trash", subject) || d.site.there("INBOX", subject) {
			d.Errorf("%q is not in the Trash alone", subject)
		}
	}
}

func (d *day) deleteForGood() {
	d.Helper()
	d.until("document.readyState === 'complete'")
	d.folder("Trash")
	d.pick("Nightly backup finished, 3 warnings")
	d.pick("Nightly backup finished, no warnings")
	d.click("act('delete', $('.bulk'))")
	d.until("$('#ask-title') && shown($('#ask-title')) && label($('#ask-title')) === 'Delete 2 messages for good?'")
	if !d.site.there("Trash", "Nightly backup finished, 3 warnings") {
		d.Error("the message was deleted before the answer")
	}
	d.click("$('.ask footer button')")
	d.until("toast() === '2 messages deleted for good.' && !row('Nightly backup finished')")
	if d.site.there("Trash", "Nightly backup finished, 3 warnings") || d.site.there("Trash", "Nightly backup finished, no warnings") {
		d.Error("the messages are still there")
	}
	d.until("document.readyState === 'complete'")
	d.folder("INBOX")
}

func (d *day) download() {
	d.Helper()
	dir := d.saveTo()
	d.read("26/01883/LBC: application validated")
	name := d.str("$('a[data-part]').dataset.name")
	d.click("$('.file a[download]')")
	file := filepath.Join(dir, name)
	// Chromium makes the file empty and puts the content in its place at the end.
	d.untilThat("the file "+name+" is saved", func() bool { i, err := os.Stat(file); return err == nil && i.Size() > 0 })
	b, err := os.ReadFile(file)
	d.check(err)
	if !bytes.HasPrefix(b, []byte("%PDF-")) || !bytes.Contains(b[max(0, len(b)-32):], []byte("%%EOF")) {
		d.Errorf("%s is no whole PDF: %d bytes", name, len(b))
	}
	d.list()
}

// saveTo lets the tab save files into a new directory.
func (b *tab) saveTo() string {
	b.Helper()
	dir := b.TempDir()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	})
	b.check(err)
	return dir
}

func (d *day) filterAndPage() {
	d.Helper()
	d.click("button('Filter')")
	d.click("named('#filter a', 'Unread')")
	d.until("at() === '/m/INBOX?filter=unread' && $('[data-view=list]').dataset.url === at() && rows().length && rows().every(r => r.hasAttribute('data-unread'))")
	d.until("document.readyState === 'complete'")
	d.click("button('Filter')")
	d.click("named('#filter a', 'All mail')")
	d.until("at() === '/m/INBOX' && rows().length === 50 && document.readyState === 'complete'")
	first := d.str("rows()[0].dataset.msg")
	d.click("$('a[rel=next]')")
	d.until("at() === '/m/INBOX?page=2' && rows().length && rows()[0].dataset.msg !== " + quote(first))
}

func (d *day) signOut() {
	d.Helper()
	d.until("document.readyState === 'complete'")
	d.click("$('button[popovertarget=account]')")
	d.click("button('Sign out')")
	d.until("at() === '/login' && $('#username')")
	d.open("/m/INBOX")
	if got := d.str("at()"); !strings.HasPrefix(got, "/login?next=") {
		d.Errorf("signed out, the inbox leads to %s", got)
	}
}
