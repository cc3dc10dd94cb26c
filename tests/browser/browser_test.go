package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is the one browser process of the package. Tests get contexts of it
// that share nothing: no cookies, no cache.
var chromium struct {
	once sync.Once
	ctx  context.Context
	end  context.CancelFunc
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.end != nil {
		chromium.end()
		os.RemoveAll(chromium.dir)
	}
	os.Exit(code)
}

// everything reports whether this run may leave nothing out.
func everything() bool { return os.Getenv("ORIEL_TESTS") == "all" || os.Getenv("CI") == "true" }

// chromiumPath finds the browser.
func chromiumPath() string {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// plainHost is a name of this machine that the browser takes for a stranger's:
// over http it gives pages there none of what it gives to loopback addresses.
const plainHost = "mail.plain.example"

// startChromium starts the browser once. Its profile is new, and everything that
// would make it talk to its vendor is off.
func startChromium(t testing.TB) context.Context {
	t.Helper()
	path := chromiumPath()
	if path == "" {
		const how = "Chromium is not installed (Debian: apt install chromium; or name one in CHROMIUM)"
		if everything() {
			t.Fatal(how + "; this run must test in it")
		}
		t.Skip(how + "; `make test` installs it")
	}
	chromium.once.Do(func() {
		if chromium.dir, chromium.err = os.MkdirTemp("", "oriel-chromium-"); chromium.err != nil {
			return
		}
		options := slices.Clone(chromedp.DefaultExecAllocatorOptions[:])
		options = append(options,
			chromedp.ExecPath(path), chromedp.UserDataDir(chromium.dir),
			chromedp.Flag("headless", "new"), chromedp.DisableGPU, chromedp.WindowSize(1440, 900),
			chromedp.Flag("hide-scrollbars", false),
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-field-trial-config", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("host-resolver-rules", "MAP "+plainHost+" 127.0.0.1"),
			chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter,AutofillServerCommunication,WebUIOmniboxPopup,WebUIOmniboxFullPopup,WebUIOmniboxAimPopup"),
		)
		if os.Geteuid() == 0 {
			options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with it
		}
		allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, endBrowser := chromedp.NewContext(allocator)
		chromium.ctx, chromium.end = ctx, func() { endBrowser(); endAllocator() }
		chromium.err = chromedp.Do(ctx)
	})
	if chromium.err != nil {
		t.Fatal("Chromium does not start: ", chromium.err)
	}
	return chromium.ctx
}

// look is the device that a tab imitates.
type look struct {
	name          string
	width, height int64
	touch         bool
	scheme        string // prefers-color-scheme
	noScript      bool
}

var (
	desktop = look{name: "desktop", width: 1440, height: 900, scheme: "light"}
	tablet  = look{name: "tablet", width: 820, height: 1180, touch: true, scheme: "light"}
	phone   = look{name: "phone", width: 390, height: 844, touch: true, scheme: "light"}
)

func (l look) dark() look     { l.scheme = "dark"; return l }
func (l look) plain() look    { l.noScript = true; return l }
func (l look) String() string { return l.name + " " + l.scheme }

// request is one line of a tab's network log.
type request struct {
	id       network.RequestID
	method   string
	url      string
	kind     network.ResourceType
	status   int64
	bytes    float64 // on the wire, headers included
	finished bool
	ahead    bool // nobody has asked for it
	failed   string
	header   map[string]string
}

// path is the URL without scheme and host.
func (r request) path() string {
	u, err := url.Parse(r.url)
	if err != nil {
		return r.url
	}
	return u.RequestURI()
}

// tab is a browser window of its own, with its own cookies and cache. A test
// fails when the page in it reported an error that the test did not expect.
type tab struct {
	testing.TB
	ctx  context.Context
	end  context.CancelFunc
	look look
	base string // scheme and host that paths are opened on

	mu       sync.Mutex
	requests []request
	problems []string
	expected []*regexp.Regexp
}

// newTab opens a window. base is where paths without a host lead.
func newTab(t testing.TB, base string, l look) *tab {
	t.Helper()
	return (&tab{TB: t, look: l, base: base}).start(startChromium(t), chromedp.WithNewBrowserContext())
}

// sibling opens another tab of the same browser, with the same cookies.
func (b *tab) sibling() *tab {
	b.Helper()
	return (&tab{TB: b.TB, look: b.look, base: b.base}).start(b.ctx)
}

func (b *tab) start(parent context.Context, options ...chromedp.ContextOption) *tab {
	b.Helper()
	b.ctx, b.end = chromedp.NewContext(parent, append(options, chromedp.WithListener(b.hear))...)
	b.Cleanup(func() {
		if !b.Failed() && b.ctx.Err() == nil {
			b.whole()
		}
		b.end()
		b.report()
	})
	b.check(chromedp.Do(b.ctx))
	b.imitate(b.look)
	return b
}

// imitate gives the window the size, input and settings of a device.
func (b *tab) imitate(l look) {
	b.Helper()
	b.look = l
	var options []chromedp.EmulateViewportOption
	if l.touch {
		options = append(options, chromedp.EmulateTouch, chromedp.EmulateMobile)
	}
	b.check(chromedp.Do(b.ctx, chromedp.EmulateViewport(l.width, l.height, options...)))
	features := []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: l.scheme},
		// Transitions would only make the tests wait.
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript})
	// Without it a window behind others has no focus, and keys go nowhere.
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
}

// call runs a protocol command on the tab.
func call[P, R any](b *tab, cmd cdp.Command[P, R], p P) R {
	b.Helper()
	r, err := chromedp.Call(b.ctx, cmd, p)
	b.check(err)
	return r
}

func (b *tab) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// hear keeps what happens in the tab: requests, errors, violations.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.RedirectResponse != nil {
			b.update(e.RequestID, func(r *request) {
				r.status, r.finished, r.bytes = e.RedirectResponse.Status, true, e.RedirectResponse.EncodedDataLength
			})
		}
		b.requests = append(b.requests, request{id: e.RequestID, method: e.Request.Method, url: e.Request.URL, kind: e.Type, ahead: e.Request.Headers["Oriel-Prefetch"] != nil || e.Request.Headers["Oriel-Live"] != nil})
	case *network.EventResponseReceived:
		b.update(e.RequestID, func(r *request) {
			r.status, r.header = e.Response.Status, map[string]string{}
			for k, v := range e.Response.Headers {
				r.header[strings.ToLower(k)] = fmt.Sprint(v)
			}
		})
	case *network.EventLoadingFinished:
		b.update(e.RequestID, func(r *request) { r.bytes, r.finished = e.EncodedDataLength, true })
	case *network.EventLoadingFailed:
		b.update(e.RequestID, func(r *request) { r.failed, r.finished = e.ErrorText+" "+string(e.BlockedReason), true })
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		b.problems = append(b.problems, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, a := range e.Args {
				words = append(words, a.Description+strings.Trim(string(a.Value), `"`))
			}
			b.problems = append(b.problems, "console: "+strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			b.problems = append(b.problems, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

// update changes the newest request with an id: redirects share one.
func (b *tab) update(id network.RequestID, change func(*request)) {
	for i := len(b.requests) - 1; i >= 0; i-- {
		if b.requests[i].id == id {
			change(&b.requests[i])
			return
		}
	}
}

// expect says that errors matching a pattern belong to the test.
func (b *tab) expect(pattern string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, regexp.MustCompile(pattern))
}

// unexpected are the reported errors that no pattern matches.
func (b *tab) unexpected() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, p := range b.problems {
		if !slices.ContainsFunc(b.expected, func(r *regexp.Regexp) bool { return r.MatchString(p) }) {
			out = append(out, p)
		}
	}
	return out
}

func (b *tab) report() {
	b.Helper()
	for _, p := range b.unexpected() {
		b.Errorf("the page reported: %s", p)
	}
}

// network returns the requests since the last forget.
func (b *tab) network() []request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// forget empties the network log.
func (b *tab) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = nil
}
