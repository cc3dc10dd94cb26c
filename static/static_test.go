package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// The budgets of the first load, compressed.
const (
	scriptBudget = 20_000
	styleBudget  = 10_000
)

func TestBudgets(t *testing.T) {
	for name, limit := range map[string]int{"oriel.js": scriptBudget, "oriel.css": styleBudget} {
		a := byURL[URL(name)]
		packed := len(a.brotli())
		t.Logf("%s: %d bytes, gzip %d, brotli %d", name, len(a.plain), len(a.gzip), packed)
		if packed == 0 || packed > limit {
			t.Errorf("%s is larger than %d bytes compressed", name, limit)
		}
	}
}

// TestVendor recomputes size and digest of what VENDOR.md says about each file.
func TestVendor(t *testing.T) {
	doc, err := os.ReadFile("vendor/VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z.]+)` \\|.*\\| `([A-Za-z0-9+/=]{64})` \\| ([0-9]+) \\|").FindAllStringSubmatch(string(doc), -1)
	files, err := filepath.Glob("vendor/*.[js]*")
	if err != nil || len(rows) == 0 || len(rows) != len(files) {
		t.Fatalf("VENDOR.md has %d rows with a digest for %d files: %v", len(rows), len(files), err)
	}
	for _, row := range rows {
		content, err := os.ReadFile("vendor/" + row[1])
		if err != nil {
			t.Fatal(err)
		}
		sum := sha512.Sum384(content)
		if got := base64.StdEncoding.EncodeToString(sum[:]); got != row[2] {
			t.Errorf("%s: SHA-384 is %s, VENDOR.md says %s", row[1], got, row[2])
		}
		if got := strconv.Itoa(len(content)); got != row[3] {
			t.Errorf("%s: %s bytes, VENDOR.md says %s", row[1], got, row[3])
		}
	}
}

func TestServe(t *testing.T) {
	plain := byURL[URL("oriel.css")].plain
	for _, c := range []struct {
		accept, encoding string
		decode           func(io.Reader) (io.Reader, error)
	}{
		{"", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
		{"zstd", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
		{"gzip, deflate", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"gzip, deflate, br, zstd", "br", func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
		{"br;q=0, gzip;q=0.5", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	} {
		r := httptest.NewRequest("GET", URL("oriel.css"), nil)
		r.Header.Set("Accept-Encoding", c.accept)
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		if w.Code != 200 || w.Header().Get("Content-Encoding") != c.encoding {
			t.Errorf("%q: status %d, encoding %q", c.accept, w.Code, w.Header().Get("Content-Encoding"))
			continue
		}
		body, err := c.decode(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(body); !bytes.Equal(got, plain) {
			t.Errorf("%q: not the file", c.accept)
		}
		for name, want := range map[string]string{
			"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding",
			"Content-Type": "text/css; charset=utf-8", "X-Content-Type-Options": "nosniff",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

func TestServeRefuses(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/static/oriel.css", 404}, // without a hash nothing may be kept for ever
		{"GET", "/static/oriel.00000000.css", 404},
		{"GET", "/static/../static.go", 404},
		{"GET", "/static/", 404},
		{"POST", URL("oriel.js"), 405},
		{"HEAD", URL("oriel.js"), 200},
	} {
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if c.status == 404 && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a missing file may be cached", c.path)
		}
		if c.method == http.MethodHead && w.Body.Len() > 0 {
			t.Errorf("HEAD %s has a body", c.path)
		}
	}
}

// TestSqueezed checks that dropping comments broke neither file, and that
// nothing in them needs what the content security policy forbids.
func TestSqueezed(t *testing.T) {
	css := string(byURL[URL("oriel.css")].plain)
	if strings.Contains(css, "/*") || strings.Count(css, "{") != strings.Count(css, "}") {
		t.Error("the stylesheet has comments left, or unbalanced braces")
	}
	if strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Error("the stylesheet fetches something")
	}
	own := strings.TrimPrefix(string(script()), string(read("vendor/htmx.min.js")))
	for _, banned := range []string{"eval(", "new Function", "setAttribute(\"style\"", "localStorage", "sessionStorage", "//cdn"} {
		if strings.Contains(own, banned) {
			t.Errorf("the script uses %s", banned)
		}
	}
}

// TestScriptIsItsSources: what is served is htmx as it came and then the files
// of js/, all of them, in their order, made smaller and not otherwise changed.
func TestScriptIsItsSources(t *testing.T) {
	served := string(byURL[URL("oriel.js")].plain)
	own, ok := strings.CutPrefix(served, string(read("vendor/htmx.min.js"))+"\n")
	if !ok {
		t.Fatal("htmx is not served as it was published")
	}
	names, err := filepath.Glob("js/*.js")
	if err != nil || len(names) == 0 {
		t.Fatal("no sources", err)
	}
	size, at := 0, 0
	word := regexp.MustCompile(`"[\w:-]{4,}"`) // with a blank in it, it could be what stands between two strings
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		size += len(source)
		start := -1
		for line := range strings.Lines(string(source)) {
			if strings.HasPrefix(strings.TrimSpace(line), "//") {
				continue
			}
			for _, s := range word.FindAllString(line, -1) {
				i := strings.Index(own[at:], strings.Trim(s, `"`))
				if i < 0 {
					t.Errorf("%s: %s is not served after the files before it", name, s)
				} else if start < 0 {
					start = at + i
				}
			}
		}
		at = max(at, start)
	}
	if len(own) > size*7/10 {
		t.Errorf("%d bytes of %d are left: the script is not minified", len(own), size)
	}
	if strings.Contains(own, "\n//") {
		t.Error("the script has comment lines left")
	}
}

func TestManifestNamesHashedIcons(t *testing.T) {
	m := string(byURL[URL("app.webmanifest")].plain)
	for _, name := range []string{"icon.svg", "icon-512.png", "icon-maskable-512.png"} {
		if !strings.Contains(m, `"`+URL(name)+`"`) {
			t.Errorf("the manifest does not name %s", URL(name))
		}
	}
}
