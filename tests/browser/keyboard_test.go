package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/emersion/go-imap/v2"
)

// keysSite has forty letters in the inbox, the newest is Letter 40.
func keysSite(t *testing.T) (*site, *tab) {
	t.Helper()
	s := emptySite(t)
	s.deliverAll("INBOX", letters(40), time.Now())
	b := s.signIn(s.tab(t, desktop))
	b.until("rows().length === 40")
	return s, b
}

func subject(n int) string { return fmt.Sprintf("Letter %d of the pile", n) }

// on waits until the focus is on the row of a letter.
func (b *tab) on(n int) { b.Helper(); b.until("active() === " + quote("row "+subject(n))) }

// reading waits until a letter is open, its heading has the focus and the window
// is named after it.
func (b *tab) reading(n int) {
	b.Helper()
	b.until("message() === " + quote(subject(n)) + " && active() === 'h1#subject' && document.title.includes(message())")
}

// somewhere fails when the focus was lost.
func (b *tab) somewhere(after string) {
	b.Helper()
	if b.is("active() === 'body'") {
		b.Errorf("after %s the focus is nowhere", after)
	}
}

func TestKeysMove(t *testing.T) {
	t.Parallel()
	_, b := keysSite(t)
	b.press("j")
	b.on(40)
	b.press("jj")
	b.on(38)
	b.press("k")
	b.on(39)
	b.press("o")
	b.reading(39)
	b.press("j")
	b.reading(38)
	b.press("k")
	b.reading(39)
	b.press("u")
	b.until("!message()")
	b.on(39)
	b.press("j\r")
	b.reading(38)
	b.press("u")
	b.on(38)
	b.whole()
}

func TestKeysAct(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	b.press("j")
	b.on(40)
	b.press("s")
	b.until("toast() === 'Starred.' && row(" + quote(subject(40)) + ").hasAttribute('data-flagged')")
	b.somewhere("s")
	b.press("s")
	b.until("toast() === 'Star removed.' && !row(" + quote(subject(40)) + ").hasAttribute('data-flagged')")
	b.press("I", chromedp.ModifierShift)
	b.until("toast() === 'Marked read.' && !row(" + quote(subject(40)) + ").hasAttribute('data-unread')")
	b.press("U", chromedp.ModifierShift)
	b.until("toast() === 'Marked unread.' && row(" + quote(subject(40)) + ").hasAttribute('data-unread')")
	b.press("e")
	b.on(39)
	b.until("toast() === 'Archived.' && !row(" + quote(subject(40)) + ")")
	b.settle()
	b.on(39)
	b.press("z")
	b.until("toast() === 'Moved back.' && row(" + quote(subject(40)) + ")")
	b.settle()
	b.somewhere("z")
	if !s.there("INBOX", subject(40)) {
		t.Error("the server did not get it back")
	}
	b.eval("link(row(" + quote(subject(38)) + ")).focus()")
	b.press("#")
	b.on(37)
	b.until("toast() === 'Moved to Trash.'")
	b.press("!")
	b.on(36)
	b.until("toast() === 'Moved to Junk.'")
	b.settle()
	b.on(36)
	b.untilThat("the server has moved both", func() bool { return s.there("Trash", subject(38)) && s.there("Junk", subject(37)) })
	b.press("v")
	b.until("$('#dialog').open && $('#dialog').contains(document.activeElement)")
	b.press("arch\r")
	b.until("toast() === 'Moved to Archive.' && !$('#dialog').open && !row(" + quote(subject(36)) + ")")
	b.settle()
	b.somewhere("the move")
	b.whole()
}

func TestKeysInMessage(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	b.press("jo")
	b.reading(40)
	b.press("s")
	b.until("toast() === 'Starred.' && $('#reader .star').ariaPressed === 'true'")
	b.somewhere("s")
	b.press("e")
	b.reading(39)
	b.until("toast() === 'Archived.'")
	b.press("#")
	b.reading(38)
	b.until("toast() === 'Moved to Trash.'")
	b.settle()
	b.reading(38)
	b.press("z")
	b.until("toast() === 'Moved back.'")
	b.settle()
	b.somewhere("z")
	b.press("U", chromedp.ModifierShift)
	b.until("!message() && toast() === 'Marked unread.'")
	b.somewhere("marking unread")
	if s.flagged("INBOX", subject(38), imap.FlagSeen) {
		t.Error("it is still read on the server")
	}
	b.whole()
}

func TestKeysSelect(t *testing.T) {
	t.Parallel()
	s, b := keysSite(t)
	picked := "rows().filter(r => $('input[name=msg]', r).checked).length"
	b.press("jx")
	b.until(picked + " === 1 && shown($('.bulk')) && $('#picked').value === '1'")
	b.press("J", chromedp.ModifierShift)
	b.press("J", chromedp.ModifierShift)
	b.until(picked + " === 3")
	b.on(38)
	b.press("K", chromedp.ModifierShift)
	b.until(picked + " === 3")
	b.on(39)
	b.press(kbEscape)
	b.until(picked + " === 0 && !shown($('.bulk'))")
	b.somewhere("Escape")
	b.press("*a")
	b.until(picked + " === 40")
	b.press("*n")
	b.until(picked + " === 0")
	b.press("*u")
	b.until(picked + " === 40")
	b.press(kbEscape)
	b.until(picked + " === 0")
	b.press("x")
	b.press("J", chromedp.ModifierShift)
	b.until(picked + " === 2")
	b.press("e")
	b.until("toast() === '2 messages archived.' && rows().length === 38")
	b.settle()
	b.on(37)
	if !s.there("Archive", subject(39)) || !s.there("Archive", subject(38)) {
		t.Error("the server has not archived both")
	}
	b.whole()
}

const kbEscape = "\x1b"

func TestKeysGo(t *testing.T) {
	t.Parallel()
	_, b := keysSite(t)
	for keys, where := range map[string]string{"gd": "/m/Drafts", "gt": "/m/Sent", "ga": "/m/Archive", "gs": "/m/INBOX?filter=flagged", "gi": "/m/INBOX"} {
		b.press(keys)
		b.until("at() === " + quote(where) + " && $('#list').dataset.url === at() && active() !== 'body'")
	}
	b.press("?")
	b.until("$('#dialog').open && $('#dialog').contains(document.activeElement)")
	b.press("j")
	b.press(kbEscape)
	b.until("!$('#dialog').open")
	b.press("/")
	b.until("$('#dialog').open && document.activeElement.matches('[data-filter] input')")
	b.press("trash\r")
	b.until("at() === '/m/Trash' && !$('#dialog').open && active() !== 'body'")
	b.whole()
}

// TestKeysRest: letters are only letters in fields, and with modifiers they
// belong to the browser.
func TestKeysRest(t *testing.T) {
	t.Parallel()
	_, b := keysSite(t)
	b.press("j")
	b.on(40)
	for _, m := range []chromedp.Modifier{chromedp.ModifierCtrl, chromedp.ModifierAlt, chromedp.ModifierMeta} {
		for _, key := range "jesx#" {
			b.press(string(key), m)
		}
	}
	b.on(40)
	if b.is("toast() || rows().length !== 40 || $$('input[name=msg]:checked').length") {
		t.Error("a key with a modifier did something: " + b.scene())
	}
	b.press("v")
	b.until("$('#dialog').open && document.activeElement.matches('[data-filter] input')")
	b.press("jesx#!z?")
	if got := b.str("document.activeElement.value"); got != "jesx#!z?" {
		t.Errorf("the field got %q", got)
	}
	b.press(kbEscape)
	b.press(kbEscape)
	b.until("!$('#dialog').open")
	b.somewhere("closing the dialog")
	if b.is("rows().length !== 40 || $$('input[name=msg]:checked').length") {
		t.Error("a key in a field did something: " + b.scene())
	}
	b.open("/settings")
	b.press("e")
	b.press("gi")
	b.until("at() === '/m/INBOX'")
}
