package decode

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// BenchmarkTraps feeds each decoder what would make a careless one quadratic, in
// two sizes. The MB/s of both sizes must be about the same.
func BenchmarkTraps(b *testing.B) {
	header := func(s string) { Header(s) }
	for _, c := range []struct {
		name, unit string
		run        func(string)
	}{
		{"header/starts", "=?", header},
		{"header/no-end", "=?utf-8?q?", header},
		{"header/escaped-ends", "=?utf-8?q?a?=20", header},
		{"header/one-start", "?=20", func(s string) { Header("=?u?q?" + s) }},
		{"header/words", "=?utf-8?q?a?= ", header},
		{"header/blanks", " \t", func(s string) { Header("=?u?q?a?=" + s + "=?u?q?a?=") }},
		{"clean/joiners", "日\u200d\u200d", func(s string) { Clean(s) }},
		{"text/utf-7", "+A", func(s string) { Text([]byte(s), "utf-7") }},
		{"text/guess", "\xc3", func(s string) { Text([]byte(s), "") }},
		{"name/percent", "%", func(s string) { Filename(map[string]string{"filename*": "u''" + s}, nil) }},
		{"name/dots", ". ", func(s string) { SafeName(s) }},
		{"date/comments", "(", func(s string) { Date(s) }},
		{"preview/quotes", ">\n", func(s string) { Preview(s) }},
		{"preview/attributions", "a:\n>\n", func(s string) { Preview(s) }},
		{"preview/blanks", "\n", func(s string) { Preview(s + ">") }},
		{"html/tags", "<p>", func(s string) { HTMLText(s) }},
		{"html/open-tags", "<a ", func(s string) { HTMLText(s) }},
		{"html/attributes", " a=b", func(s string) { HTMLText("<p" + s) }},
		{"html/comments", "<!--", func(s string) { HTMLText(s) }},
		{"html/ends", "</", func(s string) { HTMLText(s) }},
		{"html/style", "</styl", func(s string) { HTMLText("<style>" + s) }},
		{"html/entities", "&am", func(s string) { HTMLText(s) }},
		{"html/quotes", "<blockquote>a", func(s string) { HTMLText(s) }},
		{"enriched/commands", "<", func(s string) { Enriched(s) }},
		{"base64/padding", "=", copyOut("base64")},
		{"qp/blanks", " ", copyOut("quoted-printable")},
		{"qp/equals", "=", copyOut("quoted-printable")},
		{"uu/begin", "begin 644 a\n", copyOut("uuencode")},
	} {
		for _, size := range []int{64 << 10, 1 << 20} {
			s := strings.Repeat(c.unit, size/len(c.unit))
			b.Run(fmt.Sprintf("%s/%dK", c.name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					c.run(s)
				}
			})
		}
	}
}

func copyOut(encoding string) func(string) {
	return func(s string) {
		if _, err := io.Copy(io.Discard, Reader(strings.NewReader(s), encoding)); err != nil {
			panic(err)
		}
	}
}
