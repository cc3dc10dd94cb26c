package handlers

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/decode"
	"oriel/demo"
)

// parcel is a message with the given parts: name, type, content.
func parcel(subject string, parts ...[3]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: a@vey.example\nTo: b@vey.example\nSubject: %s\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=frontier\n\n--frontier\nContent-Type: text/plain\n\nsee below\n", subject)
	for _, p := range parts {
		fmt.Fprintf(&b, "--frontier\nContent-Type: %s\nContent-Disposition: attachment; filename=%q\nContent-Transfer-Encoding: base64\n\n", p[1], p[0])
		code := base64.StdEncoding.EncodeToString([]byte(p[2]))
		for len(code) > 76 {
			b.WriteString(code[:76] + "\n")
			code = code[76:]
		}
		b.WriteString(code + "\n")
	}
	return b.String() + "--frontier--\n"
}

func TestWhatAPartIsServedAs(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 600)
	s := newSite(t, demo.StartEmpty).signIn()
	cases := []struct {
		name, typ, content string
		want, disposition  string
	}{
		{"real.png", "image/png", png, "image/png", "inline"},
		{"fake.png", "image/png", "<script>alert(1)</script>", "application/octet-stream", "attachment"},
		{"x.svg", "image/svg+xml", "<svg onload=alert(1)>", "application/octet-stream", "attachment"},
		{"page.html", "text/html", "<script>alert(1)</script>", "application/octet-stream", "attachment"},
		{"x.xhtml", "application/xhtml+xml", "<html/>", "application/octet-stream", "attachment"},
		{"x.pdf", "application/pdf", "%PDF-1.4", "application/octet-stream", "attachment"},
		{"x.js", "text/javascript", "alert(1)", "application/octet-stream", "attachment"},
		{"notes.txt", "text/plain; charset=iso-8859-1", "caf\xe9 <b>", "text/plain; charset=utf-8", "inline"},
		{"odd", "", "x", "application/octet-stream", "attachment"},
	}
	for _, c := range cases {
		typ := c.typ
		if typ == "" {
			typ = "x-unknown/thing"
		}
		s.deliver("INBOX", parcel("Parcel "+c.name, [3]string{c.name, typ, c.content}), time.Now())
		path := "/m/" + find(t, s, "/m/INBOX", "Parcel "+c.name) + "/part/2"
		r := s.page(path)
		if r.header.Get("Content-Type") != c.want || !strings.HasPrefix(r.header.Get("Content-Disposition"), c.disposition+";") {
			t.Errorf("%s: %q, %q", c.name, r.header.Get("Content-Type"), r.header.Get("Content-Disposition"))
		}
		if r.header.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'; sandbox" || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: CSP %q", c.name, r.header.Get("Content-Security-Policy"))
		}
		want := c.content
		if strings.HasPrefix(c.typ, "text/plain") {
			want = "café <b>"
		}
		if r.body != want {
			t.Errorf("%s: content %q", c.name, r.body)
		}
		d := s.page(path + "?download=1")
		if d.header.Get("Content-Type") != "application/octet-stream" || d.body != c.content {
			t.Errorf("%s: downloaded as %q, %q", c.name, d.header.Get("Content-Type"), d.body)
		}
		if again := s.get(path, "If-None-Match", r.header.Get("ETag")); again.status != 304 {
			t.Errorf("%s: a second request: %d, want 304", c.name, again.status)
		}
	}
	s.seen()
	r := s.page("/m/" + find(t, s, "/m/INBOX", "Parcel real.png") + "/part/2")
	s.seen()
	s.get("/m/"+find(t, s, "/m/INBOX", "Parcel real.png")+"/part/2", "If-None-Match", r.header.Get("ETag"))
	for _, c := range s.seen() {
		if c == "UID FETCH BODY[" {
			t.Errorf("a part that the browser has was fetched again")
		}
	}
}

func TestZipHoldsAllAttachments(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		big := make([]byte, 3<<20)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range big {
			big[i] = byte(r.Uint32())
		}
		s.deliver("INBOX", parcel("Parts", [3]string{"plan.pdf", "application/pdf", "one"}, [3]string{"PLAN.pdf", "application/pdf", "two"},
			[3]string{"../../etc/passwd", "text/plain", "three"}, [3]string{"big.bin", "application/octet-stream", string(big)}), time.Now())
		got := s.page("/m/" + find(t, s, "/m/INBOX", "Parts") + "/attachments.zip")
		if got.err != nil {
			t.Fatal(got.err)
		}
		z, err := zip.NewReader(strings.NewReader(got.body), int64(len(got.body)))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"plan.pdf": "one", "PLAN (2).pdf": "two", "passwd": "three", "big.bin": string(big)}
		for _, f := range z.File {
			rc, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(rc)
			if err != nil {
				t.Fatal(err)
			}
			if w, ok := want[f.Name]; !ok || !bytes.Equal([]byte(w), b) {
				t.Errorf("%q with %d bytes is not what was sent", f.Name, len(b))
			}
			delete(want, f.Name)
		}
		for name := range want {
			t.Errorf("%q is missing", name)
		}
	})
}

func TestSourceIsTheMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		raw := strings.ReplaceAll(letter(`Source "q" ü`, "body\n.\n\tlast"), "\n", "\r\n")
		s.deliver("INBOX", raw, time.Now())
		r := s.page("/m/" + s.rows("/m/INBOX")[0] + "/source")
		if r.body != raw {
			t.Errorf("the source differs:\n%q\n%q", r.body, raw)
		}
		if r.header.Get("Content-Type") != "message/rfc822" || !strings.HasPrefix(r.header.Get("Content-Disposition"), `attachment; filename="Source`) || r.header.Get("Content-Length") != fmt.Sprint(len(raw)) {
			t.Errorf("headers %v", r.header)
		}
	})
}

func TestFileNamesInHeaders(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt":    `x; filename="a.txt"; filename*=UTF-8''a.txt`,
		`a"b\c%.e`: `x; filename="a_b_c_.e"; filename*=UTF-8''a%22b%5Cc%25.e`,
		"日 本":      `x; filename="_ _"; filename*=UTF-8''%E6%97%A5%20%E6%9C%AC`,
	} {
		c := echo.New().NewContext(nil, httptest.NewRecorder())
		setFile(c, "t", "x", name)
		if got := c.Response().Header().Get("Content-Disposition"); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	if got := decode.SafeName("..\\..\\x/\u202ecod.exe"); strings.ContainsAny(got, "/\\\u202e") {
		t.Errorf("SafeName: %q", got)
	}
}
