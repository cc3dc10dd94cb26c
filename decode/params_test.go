package decode

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFilename(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		name      string
		disp, typ m
		want      string
	}{
		{"D5 none", nil, nil, ""},
		{"D5 simple", m{"filename": "a.txt"}, nil, "a.txt"},
		{"D5 keys in any case", m{"FileName": "a.txt"}, nil, "a.txt"},
		{"D5 type's name", m{}, m{"name": "a.txt"}, "a.txt"},
		{"D5 disposition first", m{"filename": "a.txt"}, m{"name": "b.txt"}, "a.txt"},
		{"D5 empty gives way", m{"filename": " "}, m{"name": "b.txt"}, "b.txt"},
		{"D5 extended first", m{"filename": "a.txt", "filename*": "utf-8'de'%C3%BC.txt"}, nil, "ü.txt"},
		{"D5 extended, other charset", m{"filename*": "iso-8859-1''%FC.txt"}, nil, "ü.txt"},
		{"D5 extended, no charset", m{"filename*": "''%C3%BC.txt"}, nil, "ü.txt"},
		{"D5 extended without quotes", m{"filename*": "%C3%BC.txt"}, nil, "ü.txt"},
		{"D5 extended with a word", m{"filename*": "=?utf-8?q?=C3=BC?=.txt"}, nil, "ü.txt"},
		{"D5 apostrophes are text", m{"filename*": "it's Ann's.txt"}, nil, "it's Ann's.txt"},
		{"D5 broken percent", m{"filename*": "utf-8''100%.txt"}, nil, "100%.txt"},
		{"D5 continued, encoded", m{"filename*0*": "utf-8''%C3", "filename*1*": "%BC", "filename*2": ".txt"}, nil, "ü.txt"},
		{"D5 continued, plain", m{"filename*0": "long ", "filename*1": "name.txt"}, nil, "long name.txt"},
		{"D5 continued, from 1", m{"filename*1*": "utf-8''%C3%BC", "filename*2": ".txt"}, nil, "ü.txt"},
		{"D5 continued, ten pieces", m{"name*0": "0", "name*1": "1", "name*2": "2", "name*3": "3", "name*4": "4", "name*5": "5", "name*6": "6", "name*7": "7", "name*8": "8", "name*9": "9", "name*10": ".txt"}, nil, ""},
		{"D5 continued, of the type", nil, m{"name*0": "0", "name*1": "1", "name*2": "2", "name*3": "3", "name*4": "4", "name*5": "5", "name*6": "6", "name*7": "7", "name*8": "8", "name*9": "9", "name*10": ".txt"}, "0123456789.txt"},
		{"D5 word in quotes", m{"filename": "=?utf-8?B?w7wudHh0?="}, nil, "ü.txt"},
		{"D5 words in a row", m{"filename": "=?koi8-r?B?8NLJ18XU?= =?koi8-r?Q?.txt?="}, nil, "Привет.txt"},
		{"D5 raw latin-1", m{"filename": "\xfc.txt"}, nil, "ü.txt"},
		{"D5 raw utf-8", m{"filename": "\xc3\xbc.txt"}, nil, "ü.txt"},
		{"D5 extended form under the plain name", m{"filename": "UTF-8''%C3%BC.txt"}, nil, "ü.txt"},
		{"D5 path", m{"filename": "../../etc/passwd"}, nil, "passwd"},
		{"D5 DOS path", m{"filename": `C:\Temp\a.exe`}, nil, "a.exe"},
		{"D5 bidi", m{"filename": "invoice\u202efdp.exe"}, nil, "invoicefdp.exe"},
		{"D5 only a path", m{"filename": "../.."}, m{"name": "b.txt"}, "b.txt"},
	} {
		if got := Filename(c.disp, c.typ); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSafeName(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a.txt", "a.txt"},
		{"", ""},
		{".", ""},
		{"...", ""},
		{".bashrc", "bashrc"},
		{"a/b/", "b"},
		{"/", ""},
		{`a\b.txt`, "b.txt"},
		{"C:x.txt", "x.txt"},
		{`a<b>c:"d|e?f*.txt`, "a_b_c__d_e_f_.txt"},
		{"a\x00\x1b\n.txt", "a .txt"},
		{"a.exe. ", "a.exe"},
		{"CON", "_CON"},
		{"com1.txt", "_com1.txt"},
		{"common.txt", "common.txt"},
		{"x/.hidden", "hidden"},
	} {
		if got := SafeName(c.in); got != c.want {
			t.Errorf("D5: SafeName(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestSafeNameLength(t *testing.T) {
	for _, unit := range []string{"a", "ü", "日", "😀", "."} {
		got := SafeName(strings.Repeat(unit, 1000) + "x.tar.pdf")
		if len(got) > nameMax || !utf8.ValidString(got) || !strings.HasSuffix(got, ".pdf") {
			t.Errorf("D5: %d bytes: %q", len(got), got)
		}
	}
	if got := SafeName("a." + strings.Repeat("x", 1000)); len(got) > nameMax {
		t.Errorf("D5: an endless extension gives %d bytes", len(got))
	}
}

func TestDefaultName(t *testing.T) {
	for _, c := range []struct{ typ, subject, want string }{
		{"application/pdf", "", "attachment-2.pdf"},
		{"IMAGE/PNG", "", "attachment-2.png"},
		{"application/x-nobody-knows", "", "attachment-2.bin"},
		{"message/rfc822", "Lunch on Friday?", "Lunch on Friday_.eml"},
		{"message/rfc822", "Re: 1/2", "Re_ 1_2.eml"},
		{"message/rfc822", "", "message-2.eml"},
		{"message/rfc822", strings.Repeat("long ", 100) + ".x", strings.TrimSpace(strings.Repeat("long ", 28)) + " long.x.eml"},
	} {
		got := DefaultName(c.typ, c.subject, 2)
		if strings.HasPrefix(c.subject, "long") {
			if len(got) > nameMax || !strings.HasSuffix(got, ".eml") {
				t.Errorf("D5: %q", got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("D5: DefaultName(%q, %q) = %q, want %q", c.typ, c.subject, got, c.want)
		}
	}
}
