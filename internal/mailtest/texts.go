package mailtest

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"oriel/mail"
)

// testLongTexts: what a page prints is cut, says so, and is not spoilt by the
// cut; a huge body costs no more than the limit.
func testLongTexts(s *suite) {
	const line = "Äußerst lange Zeile über nichts, 日本語, und so weiter.\r\n"
	long := strings.Repeat(line, 5<<20/len(line))
	wrapped := func(text string) string {
		enc := base64.StdEncoding.EncodeToString([]byte(text))
		var b strings.Builder
		for ; len(enc) > 76; enc = enc[76:] {
			b.WriteString(enc[:76] + "\r\n")
		}
		return b.String() + enc + "\r\n"
	}
	for name, test := range map[string]struct {
		kind, encoding, body string
		limit                int
	}{
		"8bit":        {"text/plain; charset=utf-8", "8bit", long, 1 << 20},
		"base64":      {"text/plain; charset=utf-8", "base64", wrapped(long), 1 << 20},
		"base64 html": {"text/html; charset=utf-8", "base64", wrapped("<p>" + long), 2 << 20},
		"one line":    {"text/plain; charset=utf-8", "8bit", strings.Repeat("日本語 ", 1<<19) + "\r\n", 1 << 20},
		"no blanks":   {"text/plain; charset=utf-8", "8bit", strings.Repeat("x", 3<<20) + "\r\n", 1 << 20},
	} {
		s.deliver("INBOX", Message{Date: day(1), Raw: "Subject: long\r\nMIME-Version: 1.0\r\nContent-Type: " + test.kind + "\r\nContent-Transfer-Encoding: " + test.encoding + "\r\n\r\n" + test.body})
		ref := s.list("INBOX", mail.All, 1).Rows[0].Ref
		m, err := s.s.Message(s.ctx, ref)
		if err != nil || len(m.Texts) != 1 {
			s.Fatalf("%s: %d texts, %v", name, len(m.Texts), err)
		}
		text := m.Texts[0]
		if !text.Truncated || len(text.Content) > test.limit || len(text.Content) < test.limit*9/10 || !utf8.ValidString(text.Content) || strings.ContainsRune(text.Content, '\uFFFD') || strings.Contains(text.Content, "Ã") {
			s.Errorf("%s: %d octets, truncated %v, begins %.40q", name, len(text.Content), text.Truncated, text.Content)
		}
		if full, err := s.s.Text(s.ctx, ref, "1", 16<<20); err != nil || full.Truncated || len(full.Content) < 2<<20 {
			s.Errorf("%s: the whole text has %d octets, %v", name, len(full.Content), err)
		}
		if _, err := s.s.Delete(s.ctx, []mail.Ref{ref}); err != nil {
			s.Fatal(err)
		}
	}
}
