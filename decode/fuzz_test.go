package decode

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
	"unicode/utf8"
)

// promise fails the test when s breaks the promise of the package, or is longer
// than decoding size bytes can make it.
func promise(t *testing.T, s string, size int) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("invalid UTF-8: %q", s)
	}
	if strings.IndexByte(s, 0) >= 0 {
		t.Fatalf("NUL: %q", s)
	}
	if len(s) > 4*size+1024 {
		t.Fatalf("%d bytes became %d", size, len(s))
	}
}

// oneLine fails the test when s could break out of the line it is shown in.
func oneLine(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("%U in %q", r, s)
		}
	}
	if strings.Contains(s, "  ") || strings.TrimSpace(s) != s {
		t.Fatalf("loose blanks in %q", s)
	}
}

// seeds adds the header values of the collection of real mail, where it is, and
// some of our own.
func seeds(f *testing.F, add func(string), own ...string) {
	for _, s := range own {
		add(s)
	}
	files, err := filepath.Glob(filepath.Join(corpusDir, "eml", "*.eml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, field := range []string{"Subject", "From", "Date", "Content-Type"} {
			if v, ok := headerField(b, field); ok && len(v) < 1000 {
				add(v)
			}
		}
	}
}

func FuzzHeader(f *testing.F) {
	seeds(f, func(s string) { f.Add(s) }, "=?utf-8?q?a?= =?utf-8?B?w7z?= x", "=?=?=?utf-7?q?+AOQ-?=", "a\u200db\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		out := Header(s)
		promise(t, out, len(s))
		oneLine(t, out)
		if Clean(out) != out {
			t.Fatalf("not clean: %q", out)
		}
		ascii := strings.Map(func(r rune) rune {
			if r > '~' || r == '=' {
				return -1
			}
			return r
		}, out)
		if ascii = Clean(ascii); Header(ascii) != ascii {
			t.Fatalf("clean ASCII changed: %q became %q", ascii, Header(ascii))
		}
	})
}

func FuzzText(f *testing.F) {
	for _, c := range []string{"", "utf-8", "us-ascii", "utf-7", "utf-16", "utf-16be", "iso-2022-jp", "iso-2022-kr", "hz-gb-2312", "gb18030", "big5", "euc-kr", "shift_jis", "windows-1252", "x-user-defined", "cp850", "nonsense"} {
		f.Add([]byte("a+AOQ-\xc3\xbc\x00\xff\x1b$B%F\x0e~{Dc~}"), c)
	}
	f.Fuzz(func(t *testing.T, b []byte, charset string) {
		promise(t, Text(b, charset), len(b))
		if s := string(b); utf8.Valid(b) && !strings.ContainsAny(s, "\x00\ufeff") && Text(b, "utf-8") != s {
			t.Fatalf("valid UTF-8 changed: %q", b)
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, enc := range []string{"base64", "quoted-printable", "x-uuencode", "8bit"} {
		f.Add([]byte("YWJj=3D =\r\nbegin 644 a\n#86)C\n`\nend\n"), enc)
	}
	f.Fuzz(func(t *testing.T, b []byte, encoding string) {
		whole, err := io.ReadAll(Reader(strings.NewReader(string(b)), encoding))
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) > len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(whole))
		}
		pieces, err := io.ReadAll(Reader(iotest.OneByteReader(strings.NewReader(string(b))), encoding))
		if err != nil || string(pieces) != string(whole) {
			t.Fatalf("in pieces %q, whole %q", pieces, whole)
		}
	})
}

func FuzzFilename(f *testing.F) {
	seeds(f, func(s string) { f.Add("filename", s, "name*0*", s) },
		"utf-8''%C3%BC.txt", "../../a", `C:\con.txt`, "=?utf-8?q?..=2Fa?=", strings.Repeat("日", 80)+".pdf")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		name := Filename(map[string]string{k1: v1}, map[string]string{k2: v2})
		promise(t, name, len(v1)+len(v2))
		oneLine(t, name)
		if len(name) > nameMax || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\<>:"|?*`) {
			t.Fatalf("unsafe: %q", name)
		}
		if SafeName(name) != name {
			t.Fatalf("%q is not safe for good: %q", name, SafeName(name))
		}
		nested := DefaultName("message/rfc822", v1, 1)
		if oneLine(t, nested); SafeName(nested) != nested || !strings.HasSuffix(nested, ".eml") {
			t.Fatalf("default name %q", nested)
		}
	})
}

func FuzzDate(f *testing.F) {
	seeds(f, func(s string) { f.Add(s) }, "Tue Feb  4 10:11:12 2003", "2003-02-04T10:11:12.5+01:00", "4 Feb 2003 (EST)")
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := Date(s)
		if !ok {
			if !d.IsZero() {
				t.Fatalf("%q: a time without ok", s)
			}
			return
		}
		if y := d.UTC().Year(); y < 1899 || y > 10000 {
			t.Fatalf("%q: year %d", s, y)
		}
		again, ok := Date(d.Format(time.RFC1123Z))
		if !ok || !again.Equal(d.Truncate(time.Second)) {
			t.Fatalf("%q: %v written out reads as %v, %v", s, d, again, ok)
		}
	})
}

func FuzzPreview(f *testing.F) {
	f.Add("Yes.\n\nOn Mon, Ann wrote:\n> a?\n-- \nAnn")
	f.Add("> only\r\n> quotes\r")
	f.Fuzz(func(t *testing.T, s string) {
		out := Preview(s)
		promise(t, out, len(s))
		oneLine(t, out)
		if utf8.RuneCountInString(out) > 200 {
			t.Fatalf("%d characters", utf8.RuneCountInString(out))
		}
	})
}

func FuzzHTMLText(f *testing.F) {
	f.Add("<p>Hello <b>Ann</b><blockquote>x<style>y</style>&zwnj;&nbsp;")
	f.Add("<!--<title>&#0;&#x110000;&amp<td")
	f.Fuzz(func(t *testing.T, s string) {
		out := HTMLText(s)
		promise(t, out, len(s))
		for line := range strings.SplitSeq(out, "\n") {
			oneLine(t, strings.TrimPrefix(line, "> "))
		}
	})
}
