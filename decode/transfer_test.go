package decode

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReader(t *testing.T) {
	const uu = "#86)C\n" // abc
	for _, c := range []struct{ name, encoding, in, want string }{
		{"D2 7bit", "7bit", "a=41", "a=41"},
		{"D2 7-bit is unknown: identity", "7-bit", "a=41", "a=41"},
		{"D2 unknown", "base9000", "YWJj", "YWJj"},
		{"D2 empty", "", "YWJj", "YWJj"},
		{"D2 base64", "BASE64", "YWJjZA==", "abcd"},
		{"D2 quoted label", ` "base64" `, "YWJj", "abc"},
		{"D2 label with semicolon", "base64;", "YWJj", "abc"},
		{"D2 label with comment", "base64 (ok)", "YWJj", "abc"},
		{"D2 base64 junk", "base64", "Y!W\r\n J.j\x00", "abc"},
		{"D2 base64 starts anew", "base64", "YQ==YmM=ZGVm", "abcdef"},
		{"D2 base64 no padding", "base64", "YWJjZA", "abcd"},
		{"D2 base64 lost tail", "base64", "YWJjZ", "abc"},
		{"D2 base64 only padding", "base64", "====", ""},
		{"D2 qp", "quoted-printable", "Gr=C3=BC=c3=9fe", "Grüße"},
		{"D2 qp soft break", "quoted-printable", "a=\r\nb=\nc= \t\r\nd", "abcd"},
		{"D2 qp trailing blanks", "quoted-printable", "a \t \r\nb  \nc  ", "a\r\nb\nc"},
		{"D2 qp blanks inside", "quoted-printable", "a  b \t c", "a  b \t c"},
		{"D2 qp encoded blank stays", "quoted-printable", "a=20\r\nb", "a \r\nb"},
		{"D2 qp broken escapes", "quoted-printable", "=XY =4 =4G ==41 = x", "=XY =4 =4G =A = x"},
		{"D2 qp cut escape", "quoted-printable", "a=4", "a=4"},
		{"D2 qp cut soft break", "quoted-printable", "a=", "a"},
		{"D2 qp lone CR", "quoted-printable", "a\rb=\rc", "a\rb=\rc"},
		{"D2 uuencode", "x-uuencode", "begin 644 cat.txt\n" + uu + "`\nend\n", "abc"},
		{"D2 uuencode with text around", "uuencode", "Hello\r\n\r\nbegin 644 cat.txt\r\n" + uu + "\r\nend\r\nBye\r\n", "abc"},
		{"D2 uuencode cut", "x-uue", "begin 644 cat.txt\n#86)C", "abc"},
		{"D2 uuencode lost blanks", "uuencode", "begin 644 z\n$    \nend\n", "\x00\x00\x00\x00"},
		{"D2 uuencode that is none", "uuencode", "just text\n", "just text\n"},
	} {
		for _, slow := range []bool{false, true} {
			var src io.Reader = strings.NewReader(c.in)
			if slow {
				src = iotest.OneByteReader(src)
			}
			got, err := io.ReadAll(Reader(src, c.encoding))
			if err != nil || string(got) != c.want {
				t.Errorf("%s (byte by byte %v): %q = %q, %v; want %q", c.name, slow, c.in, got, err, c.want)
			}
		}
	}
}

// What was read before an error arrives, and then the error itself: the caller
// must be able to tell a broken connection from the end of a part.
func TestReaderPassesErrors(t *testing.T) {
	broken := errors.New("connection lost")
	for _, enc := range []string{"7bit", "base64", "quoted-printable", "x-uuencode"} {
		src := io.MultiReader(strings.NewReader("begin 644 x\n#86)C\n"), iotest.ErrReader(broken))
		got, err := io.ReadAll(Reader(src, enc))
		if !errors.Is(err, broken) || len(got) == 0 {
			t.Errorf("D2 %s: got %q, %v", enc, got, err)
		}
	}
}

// A part without line ends must not be collected in memory: whatever comes, a
// codec keeps less than a few KiB back.
func TestCodecsHoldLittle(t *testing.T) {
	for _, c := range []struct {
		name string
		held func(src []byte) int
	}{
		{"qp", func(src []byte) int { c := &qpCodec{}; c.feed(nil, src); return cap(c.held) }},
		{"uu before", func(src []byte) int { c := &uuCodec{}; c.feed(nil, src); return cap(c.head) + cap(c.line) }},
		{"uu inside", func(src []byte) int {
			c := &uuCodec{state: uuInside}
			c.feed(nil, src)
			return cap(c.head) + cap(c.line)
		}},
	} {
		for _, fill := range []string{" ", "=", "\r", "x", "\n"} {
			if n := c.held(bytes.Repeat([]byte(fill), 1<<20)); n > 16<<10 {
				t.Errorf("D2 %s keeps %d bytes of a run of %q", c.name, n, fill)
			}
		}
	}
}
