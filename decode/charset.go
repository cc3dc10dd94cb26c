package decode

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// Text decodes b by the charset label that its sender gave it. A label that is
// missing, unknown or us-ascii says nothing about bytes above 127, and a wrong
// "utf-8" is common: then valid UTF-8 is taken as such, and everything else as
// windows-1252, which is the superset of ISO 8859-1 that senders mean.
func Text(b []byte, charset string) string {
	label := charsetLabel(charset)
	if fn, ok := ownCharsets[label]; ok {
		return tidy(fn(b))
	}
	enc := lookup(label)
	if enc == nil {
		return tidy(guess(b))
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		// The decoders of x/text replace what they cannot read; an error is not
		// expected from any of them.
		return tidy(guess(b))
	}
	return tidy(string(out))
}

// ownCharsets are decoded here: those that x/text lacks or reads as one
// replacement character (the WHATWG rule for charsets unsafe in a browser).
var ownCharsets = map[string]func([]byte) string{
	"":                  guess,
	"us-ascii":          guess,
	"utf-8":             guess,
	"utf-7":             decodeUTF7,
	"unicode-1-1-utf-7": decodeUTF7,
	"utf-16":            decodeUTF16,
	"iso-2022-kr":       decodeISO2022KR,
	"csiso2022kr":       decodeISO2022KR,
}

// charsetAliases are labels of real mail that no index knows.
var charsetAliases = map[string]string{
	"ascii":          "us-ascii",
	"ansi_x3.4-1968": "us-ascii",
	"iso646-us":      "us-ascii",
	"7bit":           "us-ascii",
	"8bit":           "us-ascii",
	"utf8":           "utf-8",
	"uft-8":          "utf-8",
	"utf_8":          "utf-8",
	"utf-8-sig":      "utf-8",
	"utf7":           "utf-7",
	"utf16":          "utf-16",
	"cp932":          "shift_jis",
	"ms932":          "shift_jis",
	"ks_c_5601-1987": "euc-kr",
	"ksc5601":        "euc-kr",
	"cp949":          "euc-kr",
	"cp936":          "gbk",
	"ms936":          "gbk",
	"cp950":          "big5",
	"gb-18030":       "gb18030",
}

// charsetLabel reduces a label as found in mail to the name to look up: without
// quotes, a leading "charset=", the language of RFC 2231 section 5, and case.
func charsetLabel(s string) string {
	s = strings.ToLower(s)
	if i := strings.LastIndex(s, "charset="); i >= 0 {
		s = s[i+len("charset="):]
	}
	s, _, _ = strings.Cut(s, "*")
	s, _, _ = strings.Cut(s, ";")
	s = strings.Trim(s, " \t\r\n\"'<>")
	if len(s) > 64 {
		return "unknown"
	}
	if a, ok := charsetAliases[s]; ok {
		return a
	}
	return s
}

// lookup finds the encoding of a reduced label, or nil. The WHATWG index comes
// first: by it iso-8859-1 means windows-1252 and gb2312 means GBK, which is what
// mail contains. The IANA index knows the old code pages besides.
func lookup(label string) encoding.Encoding {
	switch label {
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312
	case "x-user-defined":
		return nil
	}
	if e, err := htmlindex.Get(label); err == nil {
		if e == encoding.Replacement {
			return nil
		}
		return e
	}
	for _, prefix := range []string{"cp-", "cp", "win-", "win", "windows"} {
		if n, ok := strings.CutPrefix(label, prefix); ok && digits(n) {
			if e, err := htmlindex.Get("windows-" + n); err == nil {
				return e
			}
			label = "ibm" + n
			break
		}
	}
	if e, err := ianaindex.IANA.Encoding(label); err == nil {
		return e
	}
	return nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// guess reads bytes whose charset nobody told. Text cut in the middle of a
// character, or with single broken bytes between many sound characters, is still
// UTF-8: reading the whole as windows-1252 would spoil every letter of it.
func guess(b []byte) string {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if utf8.Valid(b) {
		return string(b)
	}
	good, bad := 0, 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			good++
		case !utf8.FullRune(b[i:]):
			// The tail of a cut text counts for neither.
			return guessTail(b, i, good, bad)
		default:
			bad++
		}
		i += n
	}
	return pick(b, good, bad)
}

// guessTail decides on a text that ends in the first bytes of a UTF-8 sequence
// at i. With nothing else to go by, it is taken for a cut only when it is alone.
func guessTail(b []byte, i, good, bad int) string {
	if good > bad {
		return strings.ToValidUTF8(string(b[:i]), "\uFFFD")
	}
	return pick(b, good, bad+1)
}

func pick(b []byte, good, bad int) string {
	if good > bad {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

// decodeUTF16 obeys a byte order mark and takes little endian without one: RFC 2781
// says big endian, but the programs that leave the mark out are on Windows.
func decodeUTF16(b []byte) string {
	dec := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	out, err := dec.Bytes(b)
	if err != nil {
		return guess(b)
	}
	return string(out)
}

// decodeISO2022KR reads RFC 1557: the designator ESC $ ) C, then SO and SI switch
// between ASCII and KS X 1001, whose bytes are those of EUC-KR without the high
// bit.
func decodeISO2022KR(b []byte) string {
	b = bytes.ReplaceAll(b, []byte("\x1b$)C"), nil)
	out := make([]byte, 0, len(b))
	shifted := false
	for _, c := range b {
		switch {
		case c == 0x0e:
			shifted = true
		case c == 0x0f:
			shifted = false
		case shifted && c > 0x20 && c < 0x7f:
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	dec, err := korean.EUCKR.NewDecoder().Bytes(out)
	if err != nil {
		return guess(b)
	}
	return string(dec)
}

// tidy makes the promise of the package true for any string.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// Lines folds the line ends CRLF and CR to LF.
func Lines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return lineEnds.Replace(s)
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
