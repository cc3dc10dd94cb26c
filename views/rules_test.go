package views

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"oriel/mail"
	"oriel/static"
)

// everyPage draws each page and piece with hostile data wherever mail, a server
// or a visitor can put some.
func everyPage(t *testing.T) map[string]string {
	t.Helper()
	f := sampleFrame()
	f.Title, f.User = hostile, hostile
	f.Folders = append(f.Folders, mail.Folder{Name: hostile, Unread: 1})
	f.Toast = &Toast{Text: hostile, Undo: hostile, Back: hostile}
	l := sampleList()
	l.Folder.Name = hostile
	l.Rows[0].From, l.Rows[0].Subject, l.Rows[0].Preview = []mail.Address{{Name: hostile, Addr: hostile}}, hostile, hostile
	m := sampleMessage()
	lv := ListView{Context: f.Context, List: l, Open: m.Message.Ref}
	e := ErrorView{Title: hostile, Sentence: hostile, Request: hostile, Actions: []Action{{Label: hostile, URL: "/m/INBOX"}}}
	refs := []mail.Ref{m.Message.Ref}
	out := map[string]string{}
	for name, c := range map[string]templ.Component{
		"list": Page(f, Mail(f, lv, nil)), "message": Page(f, Mail(f, lv, &m)), "settings": Page(f, Settings(SettingsView{Back: hostile})),
		"shortcuts": Page(f, Shortcuts()), "error": Page(f, Error(e)), "signed-out error": SignedOutError(f.Context, e),
		"login":   Login(LoginView{Username: hostile, Next: hostile, Problem: hostile, Notice: hostile}),
		"choose":  Page(f, Choose(ChooseView{Do: "copy", Refs: refs, Folders: f.Folders, From: hostile, Back: "/m/INBOX"})),
		"confirm": Page(f, Confirm(ConfirmView{Title: hostile, Sentence: hostile, Do: "trash", Refs: refs, From: hostile, Back: "/m/INBOX", Field: "create", Label: hostile})),
		"toast":   Toasts(*f.Toast), "error toast": ErrorToast(e), "list piece": ListPartial(f, lv), "list refresh": ListRefresh(f, lv), "message piece": ReaderPartial(f, m),
	} {
		out[name] = draw(t, c)
	}
	return out
}

// TestNothingForbidden: no page has inline script or style, an event handler, an
// htmx attribute that evaluates code, a frame with more rights, or an element
// that hostile text made.
func TestNothingForbidden(t *testing.T) {
	allowedHX := regexp.MustCompile(`^hx-(boost|target|swap|sync)(:inherited)?$|^hx-(swap-oob|push-url|preserve)$`)
	for name, page := range everyPage(t) {
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		for d := range root.Descendants() {
			if d.Type != html.ElementNode {
				continue
			}
			n := tree{d}
			switch d.Data {
			case "style", "object", "embed", "base", "img":
				t.Errorf("%s: <%s>", name, d.Data)
			case "script":
				if !strings.HasPrefix(n.get("src"), static.Prefix) || d.FirstChild != nil {
					t.Errorf("%s: inline or foreign script", name)
				}
			case "iframe":
				if strings.Contains(n.get("sandbox"), "scripts") || n.get("sandbox") == "" || strings.Contains(n.get("sandbox"), "top-navigation") {
					t.Errorf("%s: frame with sandbox %q", name, n.get("sandbox"))
				}
			}
			for _, a := range d.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
					t.Errorf("%s: attribute %s on <%s>", name, a.Key, d.Data)
				}
				if strings.HasPrefix(a.Key, "hx-") && !allowedHX.MatchString(a.Key) || strings.HasPrefix(a.Key, "data-hx-") {
					t.Errorf("%s: htmx attribute %s", name, a.Key)
				}
				if a.Key == "href" && d.Data != "use" && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
					t.Errorf("%s: link to %q", name, a.Val)
				}
			}
		}
	}
}

// TestNames: every control has a name, every id is there once, and every label,
// popover button and form attribute points at something.
func TestNames(t *testing.T) {
	for name, page := range everyPage(t) {
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		n, whole, ids := tree{root}, strings.Contains(page, "<head>"), map[string]bool{}
		for _, e := range n.all("", "id", "*") {
			if ids[e.get("id")] {
				t.Errorf("%s: id %q twice", name, e.get("id"))
			}
			ids[e.get("id")] = true
		}
		for _, tag := range []string{"a", "button"} {
			for _, e := range n.all(tag) {
				if e.text() == "" && e.get("aria-label") == "" {
					t.Errorf("%s: <%s %v> has no name", name, tag, e.Attr)
				}
			}
		}
		for _, attr := range []string{"popovertarget", "form", "for", "aria-labelledby"} {
			for _, e := range n.all("", attr, "*") {
				// The dialog's heading comes with its content.
				if v := e.get(attr); whole && !ids[v] && v != "ask-title" {
					t.Errorf("%s: %s=%q points nowhere", name, attr, v)
				}
			}
		}
	}
}

// TestIcons: the sprite has every symbol that the pages draw, and no other.
func TestIcons(t *testing.T) {
	sprite, err := os.ReadFile("../static/vendor/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	sources := ""
	for _, f := range sourceFiles(t) {
		sources += f
	}
	for _, m := range regexp.MustCompile(`id="i-([a-z0-9-]+)"`).FindAllStringSubmatch(string(sprite), -1) {
		if !strings.Contains(sources, `"`+m[1]+`"`) && !strings.Contains(sources, "#i-"+m[1]) {
			t.Errorf("icon %s is never drawn", m[1])
		}
	}
	for name, page := range everyPage(t) {
		for _, m := range regexp.MustCompile(`#(i-[a-z0-9-]+)"`).FindAllStringSubmatch(page, -1) {
			if !strings.Contains(string(sprite), `id="`+m[1]+`"`) {
				t.Errorf("%s draws %s, which is not in the sprite", name, m[1])
			}
		}
	}
}

// TestRawInOnePlace: unescaped output has one door. internal/layout watches the
// function that the name speaks of; these are the ways around it.
func TestRawInOnePlace(t *testing.T) {
	for name, src := range sourceFiles(t) {
		if name != "raw.go" && (strings.Contains(src, "templ.ComponentFunc") || strings.Contains(src, "SafeURL(")) {
			t.Errorf("%s writes something unescaped", name)
		}
	}
}

// TestShortcutsAreBound: the list of keys and the script agree.
func TestShortcutsAreBound(t *testing.T) {
	src, err := os.ReadFile("../static/js/60-keys.js")
	if err != nil {
		t.Fatal(err)
	}
	js := string(src)
	bound := func(key string) bool {
		return strings.Contains(js, "\n  "+key+": ") || strings.Contains(js, "\n  "+key+",") || strings.Contains(js, "\n  \""+key+"\": ")
	}
	check := func(s string) {
		if !bound(s) && !bound(s+"Key") {
			t.Errorf("key %q is listed, but not bound", s)
		}
	}
	for _, g := range shortcuts {
		for _, k := range g.Keys {
			switch {
			case k.Between == "+":
				check(strings.ToUpper(k.Keys[1]))
			case k.Between == "then":
				if !bound(k.Keys[0]) {
					t.Errorf("prefix %q is not bound", k.Keys[0])
				}
			case k.Keys[0] == "Esc":
				check("Escape")
			case k.Does == "Star":
				if !strings.Contains(js, "\n  s: starKey") {
					t.Error("s is not bound")
				}
			default:
				check(k.Keys[0])
			}
		}
	}
}

// sourceFiles are the package's own sources: components and helpers, without
// what is generated and without tests.
func sourceFiles(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*.go", "*.templ"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") {
				continue
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = string(b)
		}
	}
	return out
}
