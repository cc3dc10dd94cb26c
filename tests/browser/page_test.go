package browser

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a condition may take. It is generous, because it only
// costs time when a test fails.
const patience = 15 * time.Second

// words are what the expressions of the tests may use.
const words = `
const $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)];
const rows = () => $$('[data-view=list] li[data-msg]').filter(r => r.getClientRects().length);
const link = r => r && r.querySelector('a[href]');
const row = s => rows().find(r => link(r).textContent.includes(s));
const shown = e => !!e && e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden';
const label = e => (e.getAttribute('aria-label') || e.textContent || '').replace(/\s+/g, ' ').trim();
const named = (s, n, e = document) => $$(s, e).find(x => shown(x) && label(x) === n);
const button = (n, e = document) => named('button', n, e);
const act = (v, e = document) => $$('button[name=do][value="' + v + '"]', e).find(shown);
const toast = () => $$('#toasts [data-toast]').filter(shown).map(e => e.firstElementChild.matches('svg') ? label(e.children[1]) : label(e.firstElementChild)).join('|');
const message = () => { const m = $('[data-view=message]'); return shown(m) ? $('[data-field=subject]', m).textContent.trim() : '' };
const at = () => location.pathname + location.search;
const active = () => { const a = document.activeElement; if (!a || a === document.body) return 'body';
  const r = a.closest('li[data-msg]'); return r && a === link(r) ? 'row ' + a.textContent.trim() : a.tagName.toLowerCase() + (a.id ? '#' + a.id : '') + (a.name ? '[' + a.name + (a.value ? '=' + a.value : '') + ']' : '') };
`

// try evaluates an expression in the page. JavaScript of the page itself may be
// off; this is the debugger's.
func try[T any](b *tab, expression string) (T, error) {
	return chromedp.Run(b.ctx, chromedp.Evaluate[T]("(() => {"+words+"return ("+expression+")})()"))
}

// eval is try that must work.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := try[T](b, expression)
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// is reports whether an expression is true now.
func (b *tab) is(expression string) bool { b.Helper(); return eval[bool](b, "!!("+expression+")") }

// str is an expression's value as text.
func (b *tab) str(expression string) string {
	b.Helper()
	return eval[string](b, "String("+expression+")")
}

// num is an expression's value as a number.
func (b *tab) num(expression string) float64 {
	b.Helper()
	return eval[float64](b, "Number("+expression+")")
}

// quote writes a string as JavaScript does.
func quote(s string) string {
	q, _ := json.Marshal(s)
	return string(q)
}

// until waits for an expression to become true; also across a change of page.
func (b *tab) until(expression string) {
	b.Helper()
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(15 * time.Millisecond) {
		ok, err := try[bool](b, "!!("+expression+")")
		if ok && err == nil {
			return
		}
		last = err
	}
	b.Fatalf("never became true: %s (%v)\n%s", expression, last, b.scene())
}

// untilThat waits for something outside the page.
func (b *tab) untilThat(what string, is func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(15 * time.Millisecond) {
		if is() {
			return
		}
	}
	b.Fatalf("never happened: %s\n%s", what, b.scene())
}

// scene describes the page for a failure.
func (b *tab) scene() string {
	s, err := try[string](b, "at() + ' | focus: ' + active() + ' | toast: ' + toast() + ' | message: ' + message() + ' | rows: ' + rows().length + ' | ' + document.body.innerText.replace(/\\s+/g, ' ').slice(0, 500)")
	if err != nil {
		return err.Error()
	}
	return s + "\n" + strings.Join(b.unexpected(), "\n")
}

// whole checks what must hold on every page however it came about: swaps must
// not leave a piece behind or double one.
func (b *tab) whole() {
	b.Helper()
	twice, err := try[string](b, "(i => i.filter((x, n) => i.indexOf(x) !== n).join(' '))($$('[id]').map(e => e.id))")
	if err == nil && twice != "" {
		b.Errorf("ids that are there twice: %s\n%s", twice, b.scene())
	}
}

// settle waits until nothing is under way any more, and checks the page then.
func (b *tab) settle() {
	b.Helper()
	quiet, open := 0, ""
	for end := time.Now().Add(patience); time.Now().Before(end) && quiet < 10; time.Sleep(15 * time.Millisecond) {
		quiet++ // the script refreshes its list a moment after an action
		for _, r := range b.network() {
			// Chromium drops the icon, the document of a frame, and what is fetched ahead
			// without a word when the page, or the frame's part of it, changes.
			dropped := strings.Contains(r.url, "favicon") || strings.Contains(r.url, "/body?") || r.ahead || strings.Contains(r.url, "/events") // which never end
			if !r.finished && strings.HasPrefix(r.url, b.base) && !dropped {
				quiet, open = 0, r.method+" "+r.path()
			}
		}
	}
	if quiet < 10 {
		b.Fatalf("never finished: %s\n%s", open, b.scene())
	}
	b.whole()
}

// open goes to an address, and waits for its page to load.
func (b *tab) open(path string) {
	b.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.base + path
	}
	b.check(chromedp.Do(b.ctx, chromedp.Navigate(path)))
	b.ready()
}

// ready waits for the document, and for our script when there is one.
func (b *tab) ready() {
	b.Helper()
	b.until("document.readyState === 'complete'")
}

// reload is the browser's reload button.
func (b *tab) reload() {
	b.Helper()
	b.eval("window.old = true")
	call(b, page.Reload, page.ReloadParams{})
	b.until("!window.old && document.readyState === 'complete'")
}

func (b *tab) eval(expression string) { b.Helper(); eval[any](b, expression) }

// back is the browser's Back button.
func (b *tab) back() {
	b.Helper()
	h := call(b, page.GetNavigationHistory, struct{}{})
	if h.CurrentIndex == 0 {
		b.Fatal("there is no page to go back to")
	}
	call(b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[h.CurrentIndex-1].ID})
}

// spot is where an element can be clicked.
type spot struct {
	X, Y float64
	Why  string // why it cannot
}

// find says where the middle of an element is, after scrolling it into view, or
// why a pointer there would not meet it.
const find = `(e => {
if (!e) return {why: 'there is no such element'};
if (!shown(e)) return {why: 'it is not shown'};
e.scrollIntoView({block: 'nearest', inline: 'nearest', behavior: 'instant'});
const r = [...e.getClientRects()].find(r => r.width && r.height) || e.getBoundingClientRect();
const x = (Math.max(r.left, 0) + Math.min(r.right, innerWidth)) / 2, y = (Math.max(r.top, 0) + Math.min(r.bottom, innerHeight)) / 2;
const h = document.elementFromPoint(x, y), l = h && h.closest('label');
if (h !== e && !e.contains(h) && !(l && (l === e || l.control === e))) return {why: 'it is covered by ' + (h ? h.outerHTML.slice(0, 120) : 'nothing')};
return {x, y, why: ''};
})`

// place waits for an element that a pointer can meet and that stands still.
func (b *tab) place(element string) spot {
	b.Helper()
	var before, now spot
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(15 * time.Millisecond) {
		now, err = try[spot](b, find+"("+element+")")
		if err == nil && now.Why == "" && now == before {
			return now
		}
		before = now
	}
	b.Fatalf("cannot point at %s: %s %v\n%s", element, now.Why, err, b.scene())
	return now
}

// click presses the mouse on an element, or taps it on a device with touch.
func (b *tab) click(element string, options ...chromedp.MouseOption) {
	b.Helper()
	p := b.place(element)
	if b.look.touch {
		b.check(chromedp.Do(b.ctx, chromedp.TapXY(p.X, p.Y)))
		return
	}
	b.check(chromedp.Do(b.ctx, chromedp.MouseEvent(chromedp.MouseMoved, p.X, p.Y), chromedp.MouseClickXY(p.X, p.Y, options...)))
}

// hover moves the mouse onto an element.
func (b *tab) hover(element string) {
	b.Helper()
	p := b.place(element)
	b.check(chromedp.Do(b.ctx, chromedp.MouseEvent(chromedp.MouseMoved, p.X, p.Y)))
}

// press types keys one by one. Each is one event with its text, as from a
// keyboard: where the page takes a key for itself, no letter reaches a field.
func (b *tab) press(keys string, modifiers ...chromedp.Modifier) {
	b.Helper()
	var held int64
	for _, m := range modifiers {
		held |= int64(m)
	}
	for _, r := range keys {
		text := ""
		for _, k := range kb.Encode(r) {
			if k.Type == kb.KeyChar {
				text = k.Text
			}
		}
		for _, k := range kb.Encode(r) {
			if k.Type == kb.KeyChar {
				continue
			}
			k.Modifiers |= held
			if k.Type != kb.KeyUp && held&^int64(chromedp.ModifierShift) == 0 {
				k.Type, k.Text = kb.KeyDown, text
			}
			call(b, input.DispatchKeyEvent, *k)
		}
	}
}

// fill types into a field that it clicks first.
func (b *tab) fill(field, text string) {
	b.Helper()
	b.click(field)
	b.until("document.activeElement === (" + field + ")")
	b.eval("(" + field + ").select()")
	b.press(text)
}

// run evaluates a script in the page as it is, and waits for its promise.
func run[T any](b *tab, script string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%.200s: %v", script, err)
	}
	return v
}
