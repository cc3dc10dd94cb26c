package layout

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rule is what a package may import.
type rule struct {
	ours   []string // packages of Oriel, without "oriel/"
	others []string // module paths, or their beginnings, outside the standard library
	never  []string // packages of the standard library that would cross a border
	client bool     // may speak IMAP
}

const (
	goIMAP     = "github.com/emersion/go-imap/v2"
	imapClient = goIMAP + "/imapclient"
	goMessage  = "github.com/emersion/go-message"
	goSASL     = "github.com/emersion/go-sasl"
	goSMTP     = "github.com/emersion/go-smtp"
	echo       = "github.com/labstack/echo/v4"
	templ      = "github.com/a-h/templ"
	klauspost  = "github.com/klauspost/compress"
	gorilla    = "github.com/gorilla/"
	bluemonday = "github.com/microcosm-cc/bluemonday"
	tdewolff   = "github.com/tdewolff/parse/v2"
	minify     = "github.com/tdewolff/minify/v2"
	brotli     = "github.com/andybalholm/brotli"
	netHTML    = "golang.org/x/net/html"
	xtext      = "golang.org/x/text/"
	xtime      = "golang.org/x/time/rate"
)

// rules name every package outside internal. Data flows one way: handlers ask
// imapsession, get nouns of mail, and hand them to views.
var rules = map[string]rule{
	"": {ours: []string{"config", "demo", "handlers", "imapsession", "login"}},

	"mail":             {never: []string{"net/http", "net"}},
	"config":           {never: []string{"net/http"}},
	"decode":           {others: []string{xtext, netHTML}, never: []string{"net/http", "net"}},
	"sanitize":         {ours: []string{"mail"}, others: []string{netHTML, bluemonday, tdewolff}, never: []string{"net/http", "net"}},
	"imapsession/wire": {never: []string{"net/http"}},
	"imapsession":      {ours: []string{"mail", "decode", "imapsession/wire"}, others: []string{goIMAP, goMessage, goSASL, xtext, xtime}, never: []string{"net/http"}, client: true},
	"login":            {ours: []string{"mail"}, others: []string{gorilla}},
	"static":           {others: []string{minify, brotli}},
	"views":            {ours: []string{"mail", "sanitize", "static"}, others: []string{templ}, never: []string{"net/http", "net"}},
	"demo":             {ours: []string{"mail"}, others: []string{goIMAP, goMessage, goSASL, goSMTP, xtext}, never: []string{"net/http"}},
	"handlers": {
		ours:   []string{"config", "decode", "imapsession", "login", "mail", "sanitize", "static", "views"},
		others: []string{echo, templ, klauspost},
	},
}

// modules are the direct dependencies. A new one has to save more than it costs.
var modules = []string{
	"github.com/a-h/templ",
	"github.com/andybalholm/brotli",
	"github.com/emersion/go-imap/v2",
	"github.com/emersion/go-message",
	"github.com/emersion/go-sasl",
	"github.com/emersion/go-smtp",
	"github.com/gorilla/securecookie",
	"github.com/gorilla/sessions",
	"github.com/klauspost/compress",
	"github.com/labstack/echo/v4",
	"github.com/microcosm-cc/bluemonday",
	"github.com/tdewolff/minify/v2",
	"github.com/tdewolff/parse/v2",
	"golang.org/x/net",
	"golang.org/x/text",
	"golang.org/x/time",
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		name := own(p.ImportPath)
		seen[name] = true
		if strings.HasPrefix(name, "internal/") {
			continue // test support: no part of the program, which the loop below makes sure of
		}
		r, ok := rules[name]
		if !ok {
			t.Errorf("package %s has no row in the table of imports", name)
			continue
		}
		for _, i := range p.Imports {
			if why := r.refuses(i); why != "" {
				t.Errorf("package %q imports %s: %s", name, i, why)
			}
		}
	}
	for name := range rules {
		if !seen[name] {
			t.Errorf("the table of imports names %q, which is no package", name)
		}
	}
}

func own(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, "oriel"), "/") }

func isOurs(path string) bool { return path == "oriel" || strings.HasPrefix(path, "oriel/") }

// refuses says why a package with this rule must not import the path; "" is yes.
func (r rule) refuses(path string) string {
	switch first, _, _ := strings.Cut(path, "/"); {
	case isOurs(path):
		if !slices.Contains(r.ours, own(path)) {
			return "not in its row"
		}
	case strings.Contains(first, "."):
		if !slices.ContainsFunc(r.others, func(m string) bool { return covers(m, path) }) {
			return "not in its row"
		}
		if covers(imapClient, path) && !r.client {
			return "only imapsession speaks IMAP"
		}
	case slices.Contains(r.never, path):
		return "crosses a border of the architecture"
	case path == "unsafe" || path == "C":
		return "is never needed here"
	}
	return ""
}

// covers reports whether the path is the module, or one of its packages.
func covers(module, path string) bool {
	return path == strings.TrimSuffix(module, "/") || strings.HasPrefix(path, strings.TrimSuffix(module, "/")+"/")
}

// The rules themselves refuse what they are for.
func TestRefusals(t *testing.T) {
	for _, x := range []struct{ from, to string }{
		{"views", "net/http"}, {"views", echo}, {"views", "oriel/imapsession"}, {"mail", "oriel/decode"}, {"mail", echo},
		{"handlers", goIMAP}, {"handlers", imapClient}, {"demo", imapClient}, {"login", "oriel/config"}, {"config", "oriel/mail"},
		{"imapsession", "oriel/views"}, {"handlers", "oriel/demo"}, {"handlers", "oriel/internal/dovecot"}, {"", echo},
		{"decode", "golang.org/x/textile"}, {"login", "unsafe"},
	} {
		if rules[x.from].refuses(x.to) == "" {
			t.Errorf("%s may import %s", x.from, x.to)
		}
	}
	for _, x := range []struct{ from, to string }{{"imapsession", imapClient}, {"handlers", "oriel/views"}, {"login", "github.com/gorilla/sessions"}, {"views", "strings"}} {
		if why := rules[x.from].refuses(x.to); why != "" {
			t.Errorf("%s may not import %s: %s", x.from, x.to, why)
		}
	}
}

func TestModules(t *testing.T) {
	b, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(f) < 2 || !strings.HasPrefix(f[1], "v") || strings.Contains(line, "// indirect") {
			continue
		}
		if !slices.Contains(modules, f[0]) {
			t.Errorf("%s is not among the direct dependencies that were agreed on", f[0])
		}
	}
}
