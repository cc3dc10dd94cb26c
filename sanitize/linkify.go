package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// maxLinks is how many links of one text are made; the rest stays text.
const maxLinks = 2000

// text writes a line with its links. The scanner goes forward only: what was
// looked at as a link and is none is never looked at again.
func (w *textWriter) text(s string) {
	done := 0 // written up to here
	for i := 0; i < len(s) && w.links < maxLinks; {
		if !linkStart(s, i) {
			i++
			continue
		}
		end := linkEnd(s, i)
		if href, ok := textLink(s[i:end]); ok {
			w.out.WriteString(html.EscapeString(s[done:i]))
			w.link(href, s[i:end])
			done = end
		}
		i = end
	}
	w.out.WriteString(html.EscapeString(s[done:]))
}

func (w *textWriter) link(href, text string) {
	w.links++
	own := false
	if w.mailto != nil && strings.HasPrefix(href, "mailto:") {
		href, own = w.mailto(href), true
	}
	w.out.WriteString(`<a href="` + html.EscapeString(href) + `"`)
	if !own {
		w.out.WriteString(` rel="` + linkRel + `" target="` + linkTarget + `"`)
	}
	w.out.WriteString(">" + html.EscapeString(text) + "</a>")
}

// linkPrefixes start a link. "www." alone is a habit of people; the browser
// moves on to https by itself.
var linkPrefixes = []string{"http://", "https://", "mailto:", "www."}

// linkStart reports whether a link starts at i, at the start of a word.
func linkStart(s string, i int) bool {
	switch s[i] {
	case 'h', 'H', 'm', 'M', 'w', 'W':
	default:
		return false
	}
	if i > 0 {
		r, _ := utf8.DecodeLastRuneInString(s[:i])
		if r < utf8.RuneSelf && isWordByte(r) || r == '@' || r == '.' {
			return false
		}
	}
	for _, p := range linkPrefixes {
		if len(s) > i+len(p) && strings.EqualFold(s[i:i+len(p)], p) {
			return true
		}
	}
	return false
}

// linkEnd returns where the link that starts at i ends: before white space,
// quotes, angle brackets, full-width punctuation or invisible characters, less
// the punctuation of the sentence around it. A closing bracket belongs to the
// link when the link has opened it.
func linkEnd(s string, i int) int {
	end := len(s)
	var open [3]int // (), [], {}
	for j, r := range s[i:] {
		if stopsLink(r) {
			end = i + j
			break
		}
		if k := strings.IndexRune("([{", r); k >= 0 {
			open[k]++
		} else if k := strings.IndexRune(")]}", r); k >= 0 {
			open[k]--
		}
	}
	for end > i {
		c := s[end-1]
		if k := strings.IndexByte(")]}", c); k >= 0 {
			if open[k] >= 0 {
				break
			}
			open[k]++
		} else if strings.IndexByte(".,;:!?'*_([{", c) < 0 {
			break
		} else if k := strings.IndexByte("([{", c); k >= 0 {
			open[k]--
		}
		end--
	}
	// Never an empty range, so that the scanner moves on.
	return max(end, i+1)
}

func stopsLink(r rune) bool {
	switch r {
	case '<', '>', '"', '`', '|', '\\', '^', '“', '”', '«', '»', '…', utf8.RuneError:
		return true
	}
	return r <= ' ' || unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && unicode.IsPunct(r)
}

// textLink returns the URL of a link written in a text.
func textLink(s string) (string, bool) {
	if len(s) > 4 && strings.EqualFold(s[:4], "www.") {
		s = "http://" + s
	}
	return link(s)
}
