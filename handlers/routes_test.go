package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"oriel/demo"
	"oriel/mail"
	"oriel/views"
)

// pathOf fills a route's parameters with a message that exists.
func pathOf(r route, ref mail.Ref) string {
	return strings.NewReplacer(":folder", mail.Key(ref.Folder), ":msg", ref.ID(), ":path", "1", ":file", "none").Replace(r.path)
}

// anyMessage is the first row of the site's INBOX.
func anyMessage(t *testing.T, s *site) mail.Ref {
	t.Helper()
	rows := s.rows("/m/INBOX")
	if len(rows) == 0 {
		t.Fatal("INBOX has no rows")
	}
	ref, ok := mail.ParseRef(rows[0])
	if !ok {
		t.Fatalf("row mark %q is no reference", rows[0])
	}
	return ref
}

// appOf is a throw-away App whose table can be walked; it serves nothing.
func appOf(t *testing.T) *App { t.Helper(); return New(Options{}) }

func TestSignedOutVisitorsAreSentToSignIn(t *testing.T) {
	s := newSite(t, demo.StartEmpty)
	ref := mail.Ref{Folder: "INBOX", Validity: 1, UID: 1}
	for _, r := range appOf(t).routes() {
		if r.public {
			continue
		}
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			var form url.Values
			if r.method == "POST" {
				form = url.Values{}
			}
			got := s.do(r.method, pathOf(r, ref), form)
			if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/login?next=%2F") {
				t.Errorf("got %d to %q, want 303 to the sign-in page and back", got.status, got.header.Get("Location"))
			}
			if got := s.do(r.method, pathOf(r, ref), form, "HX-Request", "true"); got.status != 401 || got.header.Get("HX-Redirect") == "" {
				t.Errorf("htmx: got %d, HX-Redirect %q", got.status, got.header.Get("HX-Redirect"))
			}
		})
	}
	if n := s.seen(); len(n) != 0 {
		t.Errorf("the mail server was asked for visitors without a session: %v", n)
	}
}

func TestEveryRouteHasItsHeaders(t *testing.T) {
	s := newSite(t, demo.Start).signIn()
	ref := anyMessage(t, s)
	for _, r := range appOf(t).routes() {
		if r.method != "GET" || r.name == "zip" || r.kind == live { // events never end; they have their own test
			continue
		}
		t.Run(r.path, func(t *testing.T) {
			got := s.get(pathOf(r, ref))
			want := map[string]string{
				"X-Content-Type-Options":       "nosniff",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
			}
			switch r.kind {
			case page:
				want["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
				want["X-Frame-Options"], want["Referrer-Policy"], want["Cache-Control"] = "DENY", "same-origin", "no-store"
			case framed:
				want["Content-Security-Policy"] = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
				want["X-Frame-Options"], want["Referrer-Policy"], want["Cache-Control"] = "SAMEORIGIN", "no-referrer", "no-store"
			case mailed:
				if got.status == 200 {
					want["Referrer-Policy"] = "no-referrer"
				}
			}
			for name, value := range want {
				if got.header.Get(name) != value {
					t.Errorf("%s = %q, want %q (status %d)", name, got.header.Get(name), value, got.status)
				}
			}
			vary := got.header.Values("Vary")
			if r.kind == page && (!slices.Contains(vary, pageVary) || !slices.Contains(vary, "Accept-Encoding") || len(vary) != 2) {
				t.Errorf("Vary = %q", vary)
			}
		})
	}
}

func TestCrossSiteChangesAreRefused(t *testing.T) {
	s := newSite(t, demo.Start).signIn()
	ref := anyMessage(t, s)
	s.seen()
	for _, r := range appOf(t).routes() {
		if r.method != "POST" {
			continue
		}
		for name, headers := range map[string][]string{
			"cross-site":     {"Sec-Fetch-Site", "cross-site"},
			"same-site":      {"Sec-Fetch-Site", "same-site"},
			"foreign origin": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
			"null origin":    {"Sec-Fetch-Site", "", "Origin", "null"},
		} {
			got := s.do("POST", pathOf(r, ref), url.Values{"do": {"trash"}, "msg": {ref.String()}}, headers...)
			if got.status != http.StatusForbidden {
				t.Errorf("%s %s: %d, want 403", name, r.path, got.status)
			}
		}
	}
	if n := s.seen(); len(n) != 0 {
		t.Errorf("a refused request reached the mail server: %v", n)
	}
	if got := s.get("/m/INBOX"); got.status != 200 {
		t.Errorf("the session is gone: %d", got.status)
	}
}

// TestGETChangesNothing walks every GET that a program might make unasked: with
// the prefetch mark, from another site, as HEAD. Only commands that read may
// reach the server.
func TestGETChangesNothing(t *testing.T) {
	s := newSite(t, demo.Start).signIn()
	ref := anyMessage(t, s)
	s.seen()
	for _, r := range appOf(t).routes() {
		if r.method != "GET" {
			continue
		}
		path := pathOf(r, ref)
		s.do("HEAD", path, nil)
		if r.kind == live {
			continue // a GET of it never ends
		}
		s.get(path, "Sec-Purpose", "prefetch")
		s.get(path, "Oriel-Prefetch", "1")
		s.get(path, "Sec-Fetch-Site", "cross-site")
	}
	reading := []string{"CAPABILITY", "LOGIN", "NAMESPACE", "LIST", "STATUS", "SELECT", "EXAMINE", "UID FETCH", "FETCH", "UID SEARCH", "SEARCH", "UID SORT", "NOOP", "UNSELECT", "ID", "IDLE", "LOGOUT"}
	commands := s.seen()
	if len(commands) < 10 {
		t.Fatalf("only %d commands were recorded: %v", len(commands), commands)
	}
	for _, c := range commands {
		if !slices.Contains(reading, c) {
			t.Errorf("a GET sent %q", c)
		}
	}
}

// TestURLFunctions asks the router where each URL of package views leads.
func TestURLFunctions(t *testing.T) {
	ref := mail.Ref{Folder: `Été & 日本/we"ird\%2F`, Validity: 9, UID: 12}
	q := mail.ListQuery{Folder: ref.Folder, Filter: mail.Unread, Page: 3}
	app := appOf(t)
	e := app.mount()
	reached := map[string]bool{}
	for _, c := range []struct{ method, url, name string }{
		{"GET", views.LoginURL("/m/x?y=1"), "login"}, {"POST", views.LoginURL(""), "sign-in"}, {"POST", views.LogoutURL(), "sign-out"},
		{"GET", "/", "home"}, {"GET", views.HomeURL(), "folder"}, {"GET", views.FolderURL(q), "folder"},
		{"POST", views.ActURL(ref.Folder), "act"}, {"POST", views.ActOneURL(ref), "act"},
		{"GET", views.MessageURL(ref, q), "message"}, {"GET", views.BodyURL(ref, "1.2"), "body"},
		{"GET", views.PartURL(ref, "2.1", true), "part"}, {"GET", views.SourceURL(ref), "source"}, {"GET", views.ZipURL(ref), "zip"},
		{"POST", views.UndoURL(), "undo"}, {"GET", views.SettingsURL(), "settings"}, {"POST", views.SettingsURL(), "save-settings"},
		{"GET", views.ShortcutsURL(), "shortcuts"},
		{"GET", "/events?last=x.1", "events"}, {"GET", "/static/x", "static"}, {"GET", "/favicon.ico", "favicon"}, {"GET", "/robots.txt", "robots"}, {"GET", "/healthz", "healthz"}, {"GET", "/readyz", "readyz"},
	} {
		r := httptest.NewRequest(c.method, c.url, nil)
		ctx := e.NewContext(r, httptest.NewRecorder())
		e.Router().Find(c.method, r.URL.EscapedPath(), ctx)
		got := ""
		for _, row := range app.routes() {
			if row.method == c.method && row.path == ctx.Path() {
				got = row.name
			}
		}
		if got != c.name {
			t.Errorf("%s %s leads to %q (%s), want %q", c.method, c.url, got, ctx.Path(), c.name)
		}
		reached[c.name] = true
		if key := ctx.Param("folder"); key != "" && c.url != views.HomeURL() {
			if name, ok := mail.ParseKey(key); !ok || name != ref.Folder {
				t.Errorf("%s: folder came back as %q", c.url, name)
			}
		}
	}
	for _, r := range app.routes() {
		if !reached[r.name] {
			t.Errorf("no URL function leads to %s (%s %s)", r.name, r.method, r.path)
		}
	}
}

// TestSubresourceRequestsAreRefused: a mail's <img src="/m/INBOX"> or another
// site's <iframe> must not be answered with a page.
func TestSubresourceRequestsAreRefused(t *testing.T) {
	s := newSite(t, demo.Start).signIn()
	ref := anyMessage(t, s)
	for _, dest := range []string{"image", "script", "style", "object", "embed", "iframe"} {
		if got := s.get("/m/INBOX", "Sec-Fetch-Dest", dest); got.status != 403 {
			t.Errorf("page as %s: %d, want 403", dest, got.status)
		}
	}
	for _, path := range []string{views.PartURL(ref, "1", false), views.SourceURL(ref), views.BodyURL(ref, "1")} {
		if got := s.get(path, "Sec-Fetch-Site", "cross-site"); got.status != 403 {
			t.Errorf("%s from another site: %d, want 403", path, got.status)
		}
	}
}
