package decode

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, charset, want string }{
		{"D3 utf-8", "Gr\xc3\xbc\xc3\x9fe", "utf-8", "Grüße"},
		{"D3 byte order mark", "\xef\xbb\xbfab", "UTF-8", "ab"},
		{"D3 iso-8859-1 means windows-1252", "\x93hi\x94 \x80", "iso-8859-1", "“hi” €"},
		{"D3 us-ascii with 8-bit", "caf\xe9", "us-ascii", "café"},
		{"D3 us-ascii that is utf-8", "caf\xc3\xa9", "us-ascii", "café"},
		{"D3 no label", "caf\xe9", "", "café"},
		{"D3 utf-8 that is not", "caf\xe9", "utf-8", "café"},
		{"D3 unknown label", "caf\xe9", "bad-charset", "café"},
		{"D3 unknown label, utf-8", "caf\xc3\xa9", "x-ias-german", "café"},
		{"D3 gb2312 means gbk", "\x80\xc4\xe3", "gb2312", "€你"},
		{"D3 gb-18030", "\xc4\xe3", "gb-18030", "你"},
		{"D3 cp932", "\x93\xfa\x96\x7b", "cp932", "日本"},
		{"D3 ms932", "\x93\xfa\x96\x7b", "MS932", "日本"},
		{"D3 ks_c_5601-1987", "\xc7\xd1", "ks_c_5601-1987", "한"},
		{"D3 cp949", "\xc7\xd1", "cp949", "한"},
		{"D3 cp936", "\xc4\xe3", "cp936", "你"},
		{"D3 cp950", "\xa7\x41", "cp950", "你"},
		{"D3 cp1251", "\xcf\xf0", "cp1251", "Пр"},
		{"D3 cp-850", "\x81", "cp-850", "ü"},
		{"D3 win-1251", "\xcf\xf0", "win-1251", "Пр"},
		{"D3 koi8-r", "\xf0\xd2", "KOI8-R", "Пр"},
		{"D3 quotes", "\xe8", `"iso-8859-2"`, "č"},
		{"D3 language", "\xe8", "iso-8859-2*sl", "č"},
		{"D3 charset= inside", "\xe8", "charset=iso-8859-2", "č"},
		{"D3 iso-2022-jp", "\x1b$B%F%9%H\x1b(B", "iso-2022-jp", "テスト"},
		{"D3 iso-2022-kr", "\x1b$)C\x0eGQ\x0f ok", "iso-2022-kr", "한 ok"},
		{"D3 hz", "~{Dc~} ok", "hz-gb-2312", "你 ok"},
		{"D3 utf-16 with mark", "\xfe\xff\x00a\x00b", "utf-16", "ab"},
		{"D3 utf-16 without", "a\x00b\x00", "utf-16", "ab"},
		{"D3 utf-16be", "\x00a\x00b", "utf-16be", "ab"},
		{"D3 utf-7", "Hi Mom -+Jjo--!", "utf-7", "Hi Mom -☺-!"},
		{"D3 utf-7 plus", "1 +- 1 + 2", "unicode-1-1-utf-7", "1 + 1 + 2"},
		{"D3 utf-7 surrogates", "+2D3eAA-", "UTF-7", "😀"},
		{"D3 utf-7 open end", "+AP", "utf-7", ""},
		{"D3 utf-7 raw 8-bit", "a\xffb", "utf-7", "a\uFFFDb"},
		{"D3 NUL", "a\x00b", "utf-8", "ab"},
		{"D3 invalid in a charset", "a\xff\xffb", "shift_jis", "a\uFFFD\uFFFDb"},
		{"D3 cut in a character", "日本\xe8\xaa", "utf-8", "日本"},
		{"D3 one bad byte in much utf-8", "日\xff本語", "utf-8", "日\uFFFD本語"},
		{"D3 user-defined is unknown", "\xe9", "x-user-defined", "é"},
		{"D3 absurd label", "\xe9", strings.Repeat("x", 1000), "é"},
	} {
		if got := Text([]byte(c.in), c.charset); got != c.want {
			t.Errorf("%s: Text(%q, %q) = %q, want %q", c.name, c.in, c.charset, got, c.want)
		}
	}
}

func TestLines(t *testing.T) {
	if got := Lines("a\r\nb\rc\nd\r\r\n"); got != "a\nb\nc\nd\n\n" {
		t.Errorf("Lines = %q", got)
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{" a \t\r\n b ", "a b"},
		{"a\u00a0\u3000b", "a b"},
		{"a\x00\x01\x7f\u0085\u009bb", "ab"},
		{"a\u202e\u202a\u2066\u2069\u200e\u200f\u061cb", "ab"},
		{"a\u200b\u200c\u200d\ufeff\u2060\u00adb", "ab"},
		{"a\u2028b", "a b"},
		{"👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},
		{"می\u200cخواهم", "می\u200cخواهم"},
		{"می\u200c\u200c\u200cخ", "می\u200cخ"},
		{"\u200dא", "א"},
		{"a\xffb", "a\uFFFDb"},
		{"a\U000E0041b", "ab"},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("D6: Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}
