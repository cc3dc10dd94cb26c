package demo

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"mime"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/charset"
)

func TestEncodeWords(t *testing.T) {
	decoder := mime.WordDecoder{CharsetReader: charset.Reader}
	long := strings.Repeat("窓と障子の展示について", 12)
	for _, tt := range []struct{ text, charset string }{
		{"plain", ""}, {"Crème brûlée", ""}, {"Crème brûlée", "iso-8859-1"},
		{long, "iso-2022-jp"}, {long, "utf-8"}, {long, "gb18030"}, {strings.Repeat("🪟✨", 30), ""},
	} {
		got, err := encodeWords(tt.text, tt.charset)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(got) {
			if len(word) > 75 {
				t.Errorf("%q: a word of %d octets (RFC 2047 section 2)", tt.text, len(word))
			}
		}
		if back, err := decoder.DecodeHeader(got); err != nil || back != tt.text {
			t.Errorf("%q in %s came back as %q, %v", tt.text, tt.charset, back, err)
		}
	}
	if _, err := encodeWords("窓", "iso-8859-1"); err == nil {
		t.Error("a character outside of its charset was taken")
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"today 0%":    "2026-03-02T00:00:00Z",
		"today 50%":   "2026-03-02T05:00:00Z",
		"today 100%":  "2026-03-02T10:00:00Z",
		"-1d 23:59":   "2026-03-01T23:59:07Z",
		"-2d 00:00":   "2026-02-28T00:00:14Z",
		"-365d 12:30": "2025-03-02T12:30:35Z",
	} {
		if got, err := parseWhen(in, now, time.UTC); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "today", "today 101%", "today NaN%", "0d 10:00", "3d 10:00", "-1d", "-1d 25:00"} {
		if got, err := parseWhen(in, now, time.UTC); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestExpandDates(t *testing.T) {
	at := time.Date(2026, 12, 30, 9, 0, 0, 0, time.UTC)
	in := "{day} {day+1} {date+2} {short-30} {iso} {ics+3} {month+5} {year+2} {other} {sig}"
	want := "Wednesday Thursday 1 January 30 Nov 2026-12-30 20270102 January 2027 {other} {sig}"
	if got := expandDates(in, at); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBadSource(t *testing.T) {
	now := time.Now()
	for _, src := range []string{
		"=====\nwhen: yesterday\n\nx", "=====\nsubject: no date\n\nx", "=====\nwhen: -1d 10:00\nnonsense: 1\n\nx",
		"=====\nwhen: -1d 10:00\nno colon\n\nx", "=====\nwhen: -1d 10:00\nflags: blue\n\nx", "=====\nwhen: -1d 10:00\nzone: CET\n\nx",
	} {
		if e, err := parseFile("test", src, now); err == nil || !strings.Contains(err.Error(), "test:1") {
			t.Errorf("%q: %v, %v", src, e, err)
		}
	}
}

// TestPDF follows the cross-reference table to every object.
func TestPDF(t *testing.T) {
	pdf := makePDF("Title (with) brackets\n\n42° “quoted” \\ 窓\n" + strings.Repeat("line\n", 120))
	start := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(pdf)
	if start == nil {
		t.Fatal("no startxref at the end")
	}
	var offset int
	fmt.Sscan(string(start[1]), &offset)
	if !bytes.HasPrefix(pdf[offset:], []byte("xref\n0 ")) {
		t.Fatal("startxref points elsewhere")
	}
	entries := regexp.MustCompile(`(\d{10}) 00000 n \n`).FindAllSubmatch(pdf[offset:], -1)
	for i, e := range entries {
		fmt.Sscan(strings.TrimLeft(string(e[1]), "0"), &offset)
		if want := fmt.Sprintf("%d 0 obj\n", i+1); !bytes.HasPrefix(pdf[offset:], []byte(want)) {
			t.Errorf("object %d is not at %d", i+1, offset)
		}
	}
	for _, m := range regexp.MustCompile(`(?s)/Length (\d+) >>\nstream\n(.*?)\nendstream`).FindAllSubmatch(pdf, -1) {
		if fmt.Sprint(len(m[2])) != string(m[1]) {
			t.Errorf("a stream of %d octets says %s", len(m[2]), m[1])
		}
	}
	if n := bytes.Count(pdf, []byte("/Type /Page ")); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}

func TestAttachments(t *testing.T) {
	for _, name := range []string{"a.jpg", "sash.jpeg", "logo.png", "ticket.PNG"} {
		made, err := attachment(name, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := image.Decode(bytes.NewReader(made)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	made, err := attachment("x.zip", "Read me\n## one.txt\nfirst\n\n## two.jpg\n")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(made), int64(len(made)))
	if err != nil || len(z.File) != 3 || z.File[2].Name != "two.jpg" {
		t.Errorf("%v, %v", z, err)
	}
	if _, err := attachment("x.exe", ""); err == nil {
		t.Error("made a program")
	}
}
