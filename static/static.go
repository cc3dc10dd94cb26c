// Package static holds the files that the browser loads beside the pages:
// stylesheet, scripts, icons. They are embedded, named by the hash of their
// content, so that a browser may keep them for ever, and compressed once.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

//go:embed oriel.css js/*.js vendor/htmx.min.js vendor/icons.svg favicon.svg favicon-new.svg icon.svg icon-180.png icon-512.png icon-maskable-512.png app.webmanifest
var files embed.FS

// Prefix is the path under which the files are served.
const Prefix = "/static/"

// asset is one file in the encodings a browser may ask for. An encoding that
// would not make it smaller is nil.
type asset struct {
	kind        string
	plain, gzip []byte
	// brotli takes far longer than gzip and saves a tenth more, on every first
	// visit. It is made for the first browser that asks.
	brotli func() []byte
}

// byName maps the short name to the URL, byURL the URL to the content.
var (
	byName = map[string]string{}
	byURL  = map[string]*asset{}
)

func init() {
	add("oriel.js", "text/javascript; charset=utf-8", script())
	add("oriel.css", "text/css; charset=utf-8", squeezeCSS(read("oriel.css")))
	add("icons.svg", "image/svg+xml", read("vendor/icons.svg"))
	add("favicon.svg", "image/svg+xml", read("favicon.svg"))
	add("favicon-new.svg", "image/svg+xml", read("favicon-new.svg"))
	add("icon.svg", "image/svg+xml", read("icon.svg"))
	for _, name := range []string{"icon-180.png", "icon-512.png", "icon-maskable-512.png"} {
		add(name, "image/png", read(name))
	}
	// Last, because the manifest names other files by their hashed URLs.
	add("app.webmanifest", "application/manifest+json", manifest())
}

// URL is the path of a file, with the hash of its content in the name. It
// panics on a name that is not embedded: a mistake of the program, found by
// the first page that is drawn.
func URL(name string) string {
	u, ok := byName[name]
	if !ok {
		panic("static: no file named " + name)
	}
	return u
}

// Handler serves everything under Prefix.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	a, ok := byURL[r.URL.Path]
	if !ok {
		// An old page asks for an old hash, or somebody guesses. Neither answer
		// may be kept: the next release may have the name.
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This file can only be read.", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	body, encoding := a.choose(r.Header.Get("Accept-Encoding"))
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the reader went away: nobody is left to tell
	}
}

// choose picks the smallest form that the browser accepts.
func (a *asset) choose(accept string) (body []byte, encoding string) {
	if accepts(accept, "br") {
		if b := a.brotli(); b != nil {
			return b, "br"
		}
	}
	if a.gzip != nil && accepts(accept, "gzip") {
		return a.gzip, "gzip"
	}
	return a.plain, ""
}

// accepts reads an Accept-Encoding field (RFC 9110 section 12.5.3). Weights
// only matter here when they are zero.
func accepts(field, coding string) bool {
	for item := range strings.SplitSeq(field, ",") {
		name, params, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !found {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}

// add gives a file its hashed name and its compressed forms.
func add(name, kind string, content []byte) {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	u := Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
	byName[name] = u
	byURL[u] = &asset{
		kind: kind, plain: content, gzip: smaller(content, gzipOf(content)),
		brotli: sync.OnceValue(func() []byte { return smaller(content, brotliOf(content)) }),
	}
}

func smaller(plain, packed []byte) []byte {
	if len(packed) < len(plain) {
		return packed
	}
	return nil
}

// brotliLevel is the highest: it takes a sixth of a second, once, and is two in a
// hundred smaller than the one below.
const brotliLevel = 11

func brotliOf(b []byte) []byte {
	var out bytes.Buffer
	enc := brotli.NewWriterLevel(&out, brotliLevel)
	// As in gzipOf, there is nothing below that could fail.
	_, _ = enc.Write(b)
	_ = enc.Close()
	return out.Bytes()
}

func gzipOf(b []byte) []byte {
	var out bytes.Buffer
	enc, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic("static: " + err.Error())
	}
	// A bytes.Buffer never fails, so neither does the compressor above it.
	_, _ = enc.Write(b)
	_ = enc.Close()
	return out.Bytes()
}

func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic("static: " + err.Error()) // embedded at build time
	}
	return b
}
