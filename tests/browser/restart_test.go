package browser

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// told is one thing that somebody did on a page, and what the page said of it.
type told struct {
	N      int    // the letter; 0 for a page that did not come
	Do     string // the value of the button, or open, or visit
	Status int    // of the answer; 0 when there was none
	Said   string
	Shown  bool // the page says so too
	Kept   bool // the row is as it was before
}

func (d told) done() bool { return d.Status == 200 }

// unknown says that nobody knows: the one answer after which both may be true.
func (d told) unknown() bool { return strings.Contains(d.Said, "before the mail server confirmed") }

// state is where a letter is and how it is marked.
type state struct {
	folder       string
	starred, old bool // old: read
}

// after is the state once a deed was done.
func (s state) after(do string) state {
	switch do {
	case "flag", "unflag":
		s.starred = do == "flag"
	case "read", "unread":
		s.old = do == "read"
	case "archive":
		s.folder = "Archive"
	case "undo", "move":
		s.folder = "INBOX"
	}
	return s
}

// actor is somebody who works on every third letter of the pile, in one tab.
type actor struct {
	*tab
	name string
	mine int

	mu    sync.Mutex
	deeds []told
	err   error
}

// did counts what was done and what was not.
func (a *actor) did() (done, refused int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.deeds {
		if d.done() {
			done++
		} else {
			refused++
		}
	}
	return done, refused
}

func (a *actor) note(deeds ...told) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deeds = append(a.deeds, deeds...)
}

// failure is why the actor has given up.
func (a *actor) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// work acts until it is told to stop.
func (a *actor) work(stop <-chan struct{}) {
	step := a.byScript
	if a.look.noScript {
		step = a.byForms
	}
	for round := 0; ; round++ {
		select {
		case <-stop:
			return
		default:
		}
		if err := step(round); err != nil {
			a.mu.Lock()
			a.err = err
			a.mu.Unlock()
			return
		}
	}
}

// hands act on a page that has the script, and keep what the server answers to
// each change. The clicks are the browser's own, on the buttons a person has.
const hands = `
const pause = ms => new Promise(r => setTimeout(r, ms));
const till = async (is, ms = 40000) => { for (const end = Date.now() + ms; Date.now() < end; await pause(20)) { const v = is(); if (v) return v } };
window.posts ||= (() => { const list = [], real = window.fetch;
	window.fetch = async (...a) => { const r = await real(...a);
		if (a[1]?.method === 'POST' && !a[1].headers?.['Oriel-Opened']) {
			const said = new DOMParser().parseFromString(await r.clone().text(), 'text/html');
			list.push({status: r.status, said: said.querySelector('[data-toast] span:not(.vh)')?.textContent.trim() || ''});
		}
		return r };
	return list })();
const name = n => 'Letter ' + n + ' of the pile';
const looks = r => r ? r.hasAttribute('data-flagged') + ' ' + r.hasAttribute('data-unread') : 'away';
const errors = () => $$('#toasts .bad');
const quick = (r, v) => { r.dispatchEvent(new PointerEvent('pointerover', {bubbles: true, pointerType: 'mouse'})); return $('.quick [value=' + v + ']', r) };
const clear = () => $$('#toasts [data-dismiss]').forEach(e => e.click());
const ask = async (n, act, start) => {
	const was = looks(row(name(n))), from = posts.length;
	if (act !== 'undo') clear();
	start();
	const answer = await till(() => posts[from]) || {status: 0, said: 'no answer'};
	const shown = !answer.said || !!await till(() => toast().includes(answer.said), 5000);
	const kept = answer.status === 200 || !!await till(() => looks(row(name(n))) === was, 5000);
	return {N: n, Do: act, Status: answer.status, Said: answer.said, Shown: shown, Kept: kept};
};
const go = async (link, is) => { if (!link) return false; clear(); link.click(); await till(() => is() || errors().length); await pause(100); return is() }; // nobody clicks faster
const folder = key => go($('nav a[data-folder=' + key + ']'), () => at() === '/m/' + key && $('#list')?.dataset.url === at());
const work = async (round, mine) => {
	if (at() !== '/m/INBOX' && !await folder('INBOX')) return [{N: 0, Do: 'visit', Status: 503, Said: toast(), Shown: errors().length > 0, Kept: true}];
	const own = rows().filter(r => +r.textContent.match(/Letter (\d+) of/)?.[1] % 3 === mine);
	const r = own[Math.floor(Math.random() * own.length)];
	const n = r && +r.textContent.match(/Letter (\d+) of/)[1];
	const done = [];
	switch (r ? round % 6 : 5) {
	case 0: case 3: {
		const b = $('.star', r);
		return [await ask(n, b.value, () => b.click())];
	}
	case 1: {
		const b = quick(r, r.hasAttribute('data-unread') ? 'read' : 'unread');
		return b ? [await ask(n, b.value, () => b.click())] : [];
	}
	case 2: {
		const b = quick(r, 'archive');
		if (!b) return [];
		done.push(await ask(n, 'archive', () => b.click()));
		const undo = done[0].Status === 200 && button('Undo');
		if (undo) done.push(await ask(n, 'undo', () => undo.click()));
		return done;
	}
	case 4: { // opening, and the page after
		if (await go(link(r), () => message() === name(n))) {
			done.push({N: n, Do: 'open', Status: 200, Said: '', Shown: true, Kept: true});
			await go($('#back'), () => !message());
		}
		if (await go($('#rows [rel=next]'), () => at().includes('page=2'))) await go($('#rows [rel=prev]'), () => at() === '/m/INBOX');
		return done;
	}
	case 5: { // to the archive, and one letter back from there by the folder dialog
		const out = r && quick(r, 'archive');
		if (out) done.push(await ask(n, 'archive', () => out.click()));
		if (!await folder('Archive')) return done;
		const kept = rows().find(r => +r.textContent.match(/Letter (\d+) of/)?.[1] % 3 === mine);
		if (!kept) return done;
		const back = +kept.textContent.match(/Letter (\d+) of/)[1], from = posts.length;
		clear(); $('input[name=msg]', kept).click(); act('move', $('.bulk')).click();
		await till(() => $('#dialog').open || posts[from]?.status >= 400);
		const inbox = $$('#dialog .opts label').find(l => label(l) === 'Inbox');
		if (!inbox) { $('.bulk [type=reset]')?.click(); return done }
		inbox.click();
		done.push(await ask(back, 'move', () => $('#dialog footer button:not([data-cancel])').click()));
		$('.bulk [type=reset]')?.click();
		return done;
	}
	}
};
`

// byScript is one thing done on a page with the script. The page must never be
// left meanwhile, or the evaluation fails.
func (a *actor) byScript(round int) error {
	deeds, err := chromedp.Run(a.ctx, chromedp.Evaluate[[]told](fmt.Sprintf("(async () => {%s %s return work(%d, %d)})()", words, hands, round, a.mine), chromedp.EvalAwaitPromise))
	a.note(deeds...)
	if err != nil {
		for _, r := range a.network() {
			if r.kind == network.ResourceTypeDocument {
				err = fmt.Errorf("%w; %s %s %d", err, r.method, r.path(), r.status)
			}
		}
	}
	return err
}

// follow clicks on something that leads to another page, and waits for that.
func (a *actor) follow(element string) error {
	if _, err := try[any](a.tab, "(window.old = true, ("+element+").click())"); err != nil {
		return err
	}
	return a.arrive()
}

// arrive waits for the next page, whatever it says.
func (a *actor) arrive() error {
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok, err := try[bool](a.tab, "!window.old && document.readyState === 'complete'"); ok && err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: no page came", a.name)
}

// byForms is one thing done on a page without the script.
func (a *actor) byForms(round int) error {
	if err := chromedp.Do(a.ctx, chromedp.Navigate(a.base+"/m/INBOX")); err != nil {
		return err
	}
	n, err := try[int](a.tab, fmt.Sprintf("(rows().map(r => +link(r).textContent.match(/\\d+/)[0]).filter(n => n %% 3 === %d)[%d] || 0)", a.mine, rand.IntN(8)))
	if err != nil || n == 0 {
		said, _ := try[string](a.tab, "document.body.innerText")
		a.note(told{Do: "visit", Status: 503, Said: said, Shown: said != "", Kept: true})
		return nil // an error page; the next round looks again
	}
	row := "row(" + quote(subject(n)) + ")"
	button := "$('.star', " + row + ")"
	if round%3 == 2 {
		if err := a.follow("link(" + row + ")"); err != nil {
			return err
		}
		if ok, _ := try[bool](a.tab, "message() === "+quote(subject(n))); !ok {
			return nil
		}
		a.note(told{N: n, Do: "open", Status: 200, Shown: true, Kept: true})
		button = "act('archive', $('#reader'))"
	}
	do, err := try[string](a.tab, "("+button+").value")
	if err != nil {
		return err
	}
	a.forget()
	if err := a.follow(button); err != nil {
		return err
	}
	d, err := a.posted(n, do)
	a.note(d)
	if err == nil && d.done() && do == "archive" {
		a.forget()
		if err = a.follow("button('Undo')"); err == nil {
			d, err = a.posted(n, "undo")
			a.note(d)
		}
	}
	return err
}

// posted is what became of the form that was just sent. A change that was done is
// answered with another page; when that one does not come, the next page says it.
func (a *actor) posted(n int, do string) (told, error) {
	d := told{N: n, Do: do, Kept: true}
	for _, r := range a.network() {
		if r.method == "POST" {
			d.Status = int(r.status)
		}
	}
	if d.Status != 303 {
		d.Said, _ = try[string](a.tab, "document.body.innerText.replace(/\\s+/g, ' ')")
		d.Shown = d.Said != ""
		return d, nil
	}
	d.Status = 200
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); {
		if d.Said, _ = try[string](a.tab, "toast()"); d.Said != "" {
			d.Shown = true
			return d, nil
		}
		if err := chromedp.Do(a.ctx, chromedp.Navigate(a.base+"/m/INBOX")); err != nil {
			return d, err
		}
	}
	return d, nil
}

// mailbox is every message of every folder by its Message-ID, with its state.
func (s *site) mailbox() (ids []string, letters map[int]state) {
	s.Helper()
	letters = map[int]state{}
	s.client(func(c *imapclient.Client) error {
		folders, err := c.List("", "*", nil).Collect()
		if err != nil {
			return err
		}
		for _, f := range folders {
			if _, err := c.Select(f.Mailbox, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
				return err
			}
			all, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Envelope: true, Flags: true}).Collect()
			if err != nil && len(all) > 0 {
				return err
			}
			for _, m := range all {
				ids = append(ids, m.Envelope.MessageID)
				n := 0
				fmt.Sscanf(m.Envelope.Subject, "Letter %d of the pile", &n)
				letters[n] = state{f.Mailbox, slices.Contains(m.Flags, imap.FlagFlagged), slices.Contains(m.Flags, imap.FlagSeen)}
			}
		}
		return nil
	})
	slices.Sort(ids)
	return ids, letters
}

// TestDovecotIsKilled: three people with the same mailbox work in four tabs, one
// of them without the script, while the mail server is killed and comes back
// several times. What a page said was done is done, once; what it said was not is
// not; no message is lost or doubled; and every page is right again by itself.
func TestDovecotIsKilled(t *testing.T) {
	s, d := dovecotSite(t)
	const pile = 60
	s.deliverAll("INBOX", letters(pile), time.Now())
	ids, start := s.mailbox()
	first := s.signIn(s.tab(t, desktop))
	watcher := first.sibling()
	watcher.open("/m/INBOX")
	actors := []*actor{
		{tab: first, name: "script", mine: 0},
		{tab: s.signIn(s.tab(t, tablet)), name: "script elsewhere", mine: 1},
		{tab: s.signIn(s.tab(t, desktop.plain())), name: "no script", mine: 2},
	}
	scripted := []*tab{first, watcher, actors[1].tab}
	for _, b := range append(scripted, actors[2].tab) {
		b.expect("status of (404|409|50[234])|net::ERR_ABORTED")
		b.eval("window.same = true")
	}

	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, a := range actors {
		all.Go(func() { a.work(stop) })
	}
	// further waits until every actor has done, or was refused, so many things more.
	further := func(what string, done, refused int) {
		t.Helper()
		var was [3][2]int
		for i, a := range actors {
			was[i][0], was[i][1] = a.did()
		}
		for i, a := range actors {
			end := time.Now().Add(2 * time.Minute)
			for d, r := a.did(); d < was[i][0]+done || r < was[i][1]+refused; d, r = a.did() {
				if err := a.failure(); err != nil || time.Now().After(end) {
					t.Fatalf("%s: %s: never happened: %v\n%s", a.name, what, err, a.scene())
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
	total := func() (done, refused int) {
		for _, a := range actors {
			d, r := a.did()
			done, refused = done+d, refused+r
		}
		return done, refused
	}
	for range 4 {
		further("work", 2, 0)
		d.Kill()
		further("are refused", 0, 1)
		watcher.until("shown($('#net [data-when=lost]'))")
		d.Restart()
	}
	further("work after the last restart", 2, 0)
	close(stop)
	all.Wait()

	s.judge(t, ids, start, actors)
	for _, b := range scripted {
		s.healed(t, b)
	}
	done, refused := total()
	t.Logf("%d changes done, %d not", done, refused)
}

// judge compares what is on the server with what the pages said.
func (s *site) judge(t *testing.T, ids []string, may map[int]state, actors []*actor) {
	t.Helper()
	possible := map[int]map[state]bool{}
	for n, at := range may {
		possible[n] = map[state]bool{at: true}
	}
	unknown := 0
	for _, a := range actors {
		if a.err != nil {
			t.Errorf("%s: %v", a.name, a.err)
		}
		for _, d := range a.deeds {
			if d.Do == "visit" {
				continue
			}
			if !d.Shown || d.Said == "" && d.Do != "open" || d.Status == 0 {
				t.Errorf("%s: nothing was said: %+v", a.name, d)
			}
			if !d.Kept && !d.unknown() && d.Status != 404 {
				t.Errorf("%s: what was refused is shown as done: %+v", a.name, d)
			}
			next := map[state]bool{}
			for at := range possible[d.N] {
				switch {
				case d.Do == "open": // marked read afterwards, if the server is there
					next[at], next[at.after("read")] = true, true
				case d.done():
					next[at.after(d.Do)] = true
				case d.unknown():
					unknown++
					next[at], next[at.after(d.Do)] = true, true
				default:
					next[at] = true
				}
			}
			possible[d.N] = next
		}
	}
	t.Logf("%d times nobody knew", unknown)
	now, is := s.mailbox()
	if !slices.Equal(now, ids) {
		t.Errorf("the mailbox has other messages than before: %d, then %d", len(ids), len(now))
	}
	for n, at := range is {
		// Where an open letter was archived, the one below it was opened.
		below := at.old && possible[n][at.after("unread")] && wentAbove(actors, n)
		if !possible[n][at] && !below {
			text, _ := json.Marshal(slices.Collect(history(actors, n)))
			t.Errorf("letter %d is %+v on the server; what was said leads to %v\n%s", n, at, possible[n], text)
		}
	}
}

// wentAbove reports whether one of the letters right above was archived.
func wentAbove(actors []*actor, n int) bool {
	for above := n + 1; above < n+4; above++ {
		for d := range history(actors, above) {
			if d.Do == "archive" && d.done() {
				return true
			}
		}
	}
	return false
}

// history is what was done to a letter.
func history(actors []*actor, n int) func(func(told) bool) {
	return func(yield func(told) bool) {
		for _, a := range actors {
			for _, d := range a.deeds {
				if d.N == n && !yield(d) {
					return
				}
			}
		}
	}
}

// healed waits until a page is as the server has it, without a reload.
func (s *site) healed(t *testing.T, b *tab) {
	t.Helper()
	b.until("!shown($('#net p'))")
	if !b.is("window.same") {
		t.Error("the page was loaded anew")
	}
	b.eval("$('nav a[data-folder=INBOX]').click()")
	b.until("at() === '/m/INBOX' && $('#list').dataset.url === at()")
	_, is := s.mailbox()
	var want []string
	for n := len(is); n > 0 && len(want) < 50; n-- {
		if at := is[n]; at.folder == "INBOX" {
			want = append(want, fmt.Sprintf("%d %v %v", n, at.starred, at.old))
		}
	}
	list := "rows().map(r => link(r).textContent.match(/\\d+/)[0] + ' ' + r.hasAttribute('data-flagged') + ' ' + !r.hasAttribute('data-unread')).join()"
	b.until(list + " === " + quote(strings.Join(want, ",")))
}
