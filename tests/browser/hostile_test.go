package browser

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"oriel/demo"
)

// canary is a server that nothing in a message may reach.
type canary struct {
	*httptest.Server
	mu   sync.Mutex
	hits map[string]map[int]string // what was asked for, by number of message, and its Referer
}

func startCanary(t testing.TB) *canary {
	c := &canary{hits: map[string]map[int]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, number, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		number, _, _ = strings.Cut(number, "/")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.hits[kind] == nil {
			c.hits[kind] = map[int]string{}
		}
		c.hits[kind][n] = r.Referer()
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "text/html")
	}))
	t.Cleanup(c.Close)
	return c
}

// take returns the numbers that came in since the last call, and forgets them.
func (c *canary) take(kind string) map[int]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.hits[kind]
	delete(c.hits, kind)
	return out
}

// layers serves the hostile documents with one protection or none.
type layers struct {
	*httptest.Server
	raw     []string // as sent
	clean   []string // as our sanitiser returned them
	policy  string   // the policy that the program sends with a body
	frames  string   // what the policy of the program's page says of frames
	sandbox string   // the frame's attribute in the program's page
	size    int      // frames on one page
}

func (l *layers) serve(t testing.TB) {
	mux := http.NewServeMux()
	doc := func(w http.ResponseWriter, r *http.Request, docs []string) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil || n >= len(docs) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, docs[n])
	}
	mux.HandleFunc("/none/{n}", func(w http.ResponseWriter, r *http.Request) { doc(w, r, l.raw) })
	mux.HandleFunc("/frame/{n}", func(w http.ResponseWriter, r *http.Request) { doc(w, r, l.raw) })
	mux.HandleFunc("/clean/{n}", func(w http.ResponseWriter, r *http.Request) { doc(w, r, l.clean) })
	mux.HandleFunc("/policy/{n}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", l.policy)
		doc(w, r, l.raw)
	})
	mux.HandleFunc("/policy-without-sandbox/{n}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", regexp.MustCompile(`;?\s*sandbox[^;]*`).ReplaceAllString(l.policy, ""))
		doc(w, r, l.raw)
	})
	mux.HandleFunc("/page/{layer}/{from}", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.PathValue("from"))
		layer := r.PathValue("layer")
		attribute := ""
		if layer == "frame" {
			attribute = `sandbox="` + l.sandbox + `"`
		}
		if strings.HasPrefix(layer, "policy") {
			w.Header().Set("Content-Security-Policy", l.frames)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>frames</title><script>window.ran = ''</script>")
		for n := from; n < min(from+l.size, len(l.raw)); n++ {
			fmt.Fprintf(w, "<iframe %s src=/%s/%d width=160 height=60></iframe>", attribute, layer, n)
		}
	})
	l.Server = httptest.NewServer(mux)
	t.Cleanup(l.Close)
}

// harm is what messages achieved.
type harm struct{ ran, leaked []int }

// show opens all documents behind one layer and reports what they achieved.
func (l *layers) show(b *tab, c *canary, layer string) harm {
	b.Helper()
	var h harm
	for from := 0; from < len(l.raw); from += l.size {
		address := fmt.Sprintf("%s/page/%s/%d", l.URL, layer, from)
		b.open(address)
		b.quiet(400 * time.Millisecond)
		h.count(b, c)
		if now := b.str("location.href"); now != address {
			b.Errorf("%s: the main frame went to %s", layer, now)
		}
	}
	return h
}

// count adds what the page and the canary know.
func (h *harm) count(b *tab, c *canary) {
	b.Helper()
	for _, s := range strings.Split(b.str("window.ran"), ",") {
		if n, err := strconv.Atoi(s); err == nil && !slices.Contains(h.ran, n) {
			h.ran = append(h.ran, n)
		}
	}
	for n := range c.take("ran") {
		if !slices.Contains(h.ran, n) {
			h.ran = append(h.ran, n)
		}
	}
	for _, kind := range []string{"leak", "click"} {
		for n := range c.take(kind) {
			h.leaked = append(h.leaked, n)
		}
	}
}

// quiet waits until the tab has not asked the network for anything for so long.
// Nothing else can be waited for where nothing is supposed to happen.
func (b *tab) quiet(d time.Duration) {
	b.Helper()
	last, since := -1, time.Now()
	b.untilThat("the network is silent", func() bool {
		if n := len(b.network()); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > d
	})
}

func (h harm) none(t *testing.T, l *layers, scripts, requests bool) {
	t.Helper()
	for _, n := range h.ran {
		if scripts {
			t.Errorf("message %d ran a script: %.300s", n, l.raw[n])
		}
	}
	for _, n := range h.leaked {
		if requests {
			t.Errorf("message %d reached the canary: %.300s", n, l.raw[n])
		}
	}
}

// TestHostile opens several hundred hostile messages: through the whole program
// with clicks on all they show, and raw behind each layer alone. The layers'
// settings are read from the program's own answers, so that a change of one of
// them is tested too.
func TestHostile(t *testing.T) {
	t.Parallel()
	c := startCanary(t)
	bodies := hostile(c.URL)
	l := &layers{size: 48}
	for _, body := range bodies {
		l.raw = append(l.raw, "<!doctype html><meta charset=utf-8>"+body)
	}
	s := emptySite(t)
	var mails []string
	for i, body := range bodies {
		name := fmt.Sprintf("<img src=x: onerror=\"top.ran=[top.ran]+[,%d]\">", i)
		mail := htmlLetter(word(fmt.Sprintf("Hostile %d %s", i, name)), body)
		mails = append(mails, strings.Replace(mail, "From: Ada Vey", "From: "+word(name), 1))
	}
	s.deliverAll("INBOX", mails, time.Now())

	b := s.signIn(s.tab(t, desktop))
	b.expect("")
	t.Run("whole program", func(t *testing.T) { l.inProgram(t, b, c, len(bodies)) })
	if t.Failed() || l.policy == "" || l.frames == "" || l.sandbox == "" || len(l.clean) != len(bodies) {
		t.Fatalf("policy %q, %q, sandbox %q, %d clean documents", l.policy, l.frames, l.sandbox, len(l.clean))
	}
	l.serve(t)
	b.base = l.URL
	t.Run("no layer", func(t *testing.T) {
		// The set is worth something only when it works on the unprotected.
		h := l.show(b, c, "none")
		t.Logf("of %d messages %d ran scripts and %d reached the canary", len(bodies), len(h.ran), len(h.leaked))
		if len(h.ran) < 60 || len(h.leaked) < 60 {
			t.Errorf("only %d ran and %d leaked", len(h.ran), len(h.leaked))
		}
	})
	for _, layer := range []struct {
		name              string
		scripts, requests bool
	}{
		{"clean", true, true}, {"frame", true, false}, {"policy", true, true}, {"policy-without-sandbox", true, true},
	} {
		t.Run(layer.name, func(t *testing.T) { l.show(b, c, layer.name).none(t, l, layer.scripts, layer.requests) })
	}
}

// word is an encoded word of a header (RFC 2047).
func word(s string) string { return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }

// inProgram shows every message in the program's own frame, with copies of the
// frame that its page has, and clicks on what can be clicked.
func (l *layers) inProgram(t *testing.T, b *tab, c *canary, n int) {
	b.until("rows().length === 50")
	b.click("link(rows()[0])")
	b.until("$('iframe[data-body=html]') && $('iframe[data-body=html]').contentDocument.readyState === 'complete'")
	l.sandbox = b.str("$('iframe[data-body=html]').getAttribute('sandbox')")
	src := b.str("$('iframe[data-body=html]').getAttribute('src')")
	l.policy = run[string](b, "fetch("+quote(src)+").then(r => r.headers.get('Content-Security-Policy'))")
	where := b.str("at()")
	page := run[string](b, "fetch("+quote(where)+").then(r => r.headers.get('Content-Security-Policy'))")
	l.frames = regexp.MustCompile(`frame-src [^;]*`).FindString(page)
	// UIDs of the embedded server count from 1 in the order of delivery.
	address := regexp.MustCompile(`\.\d+/body`)
	var h harm
	const batch = 12
	for from := 0; from < n; from += batch {
		var list []string
		for i := from; i < min(from+batch, n); i++ {
			list = append(list, address.ReplaceAllString(src, fmt.Sprintf(".%d/body", i+1)))
		}
		texts := run[[]string](b, fmt.Sprintf("Promise.all(%s.map(u => fetch(u).then(r => r.ok ? r.text() : 'status ' + r.status)))", quoteAll(list)))
		for i, text := range texts {
			if !strings.Contains(text, fmt.Sprintf("Message %d<", from+i)) {
				t.Fatalf("the body of message %d: %.200s", from+i, text)
			}
		}
		l.clean = append(l.clean, texts...)
		b.eval(`(window.ran ??= '', window.frames1 ??= document.querySelector('iframe[data-body=html]').cloneNode(), $$('.hostile').forEach(f => f.remove()), ` + quoteAll(list) + `.forEach(u => {
			const f = window.frames1.cloneNode(); f.src = u; f.className = 'hostile';
			Object.assign(f.style, {position: 'fixed', left: '0', top: '0', width: '600px', height: '300px', zIndex: 99, background: '#fff', border: '0'}); $('dialog').before(f) }))`)
		b.until("$$('.hostile').every(f => f.contentDocument && f.contentDocument.URL !== 'about:blank' && f.contentDocument.readyState === 'complete')")
		b.quiet(50 * time.Millisecond)
		h.count(b, c)
		for i := range list {
			b.clickAll(fmt.Sprintf("$$('.hostile')[%d]", i))
		}
		b.quiet(50 * time.Millisecond)
		// Links that were clicked may open, in a window that knows nothing of us.
		for m, referer := range c.take("click") {
			if referer != "" {
				t.Errorf("message %d: the link told where it was clicked: %s", m, referer)
			}
		}
		h.count(b, c)
		b.closeOthers()
		if now := b.str("at()"); now != where {
			t.Fatalf("messages from %d: the main frame went to %s", from, now)
		}
	}
	h.none(t, l, true, true)
	if got := b.str("document.querySelector('meta[name=oriel-user]').content"); got != demo.User {
		t.Errorf("signed in as %q", got)
	}
	b.open("/m/INBOX")
	b.until("rows().length === 50")
	if ran := b.str("window.ran"); ran != "undefined" {
		t.Errorf("the list ran %s", ran)
	}
}

func quoteAll(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, quote(s))
	}
	return "[" + strings.Join(out, ",") + "]"
}

// clickAll brings a frame to the front and clicks on each link and control in it,
// and on its first text.
func (b *tab) clickAll(frame string) {
	b.Helper()
	type point struct{ X, Y float64 }
	points := eval[[]point](b, `(f => { if (!f.contentDocument) return []; $$('.hostile').forEach(o => o.style.zIndex = o === f ? 100 : 99);
		return $$('a, area, button, input, summary, label, details, [style*=font-size]', f.contentDocument).slice(0, 3).flatMap(e => [...e.getClientRects()].slice(0, 1))
			.filter(r => r.width && r.top < 280).map(r => ({x: r.left + Math.min(r.width / 2, 20), y: r.top + r.height / 2})).concat([{x: 30, y: 28}]) })(`+frame+`)`)
	for _, p := range points {
		b.check(chromedp.Do(b.ctx, chromedp.MouseEvent(chromedp.MouseMoved, p.X, p.Y), chromedp.MouseClickXY(p.X, p.Y)))
	}
}

// closeOthers closes the windows that links opened.
func (b *tab) closeOthers() {
	b.Helper()
	own := chromedp.FromContext(b.ctx)
	all, err := chromedp.Targets(b.ctx)
	b.check(err)
	for _, info := range all {
		if info.Type == "page" && info.BrowserContextID == own.BrowserContextID && info.TargetID != own.Target.TargetID {
			// It may be gone already.
			_, _ = chromedp.CallBrowser(b.ctx, target.CloseTarget, target.CloseTargetParams{TargetID: info.TargetID})
		}
	}
}
