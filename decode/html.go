package decode

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// HTMLText gives the words of an HTML text for previews: roughly, in one pass,
// also when the text is cut anywhere. Block elements become lines, quotes get
// the ">" that Preview knows, style sheets and scripts vanish, and so do the
// invisible characters with which newsletters pad their first line.
func HTMLText(src string) string {
	var t textWriter
	z := html.NewTokenizer(strings.NewReader(trimOpenTag(src)))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return tidy(strings.TrimSuffix(t.out.String(), "\n"))
		case html.TextToken:
			if t.skip == 0 {
				t.text(string(z.Text()))
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			t.start(atom.Lookup(name))
		case html.SelfClosingTagToken:
			name, _ := z.TagName()
			if a := atom.Lookup(name); blocks[a] || a == atom.Br {
				t.line()
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			t.end(atom.Lookup(name))
		}
	}
}

// trimOpenTag removes the beginning of a tag at the end of a text that was cut.
func trimOpenTag(s string) string {
	i := strings.LastIndexByte(s, '<')
	if i < 0 || strings.IndexByte(s[i:], '>') >= 0 {
		return s
	}
	if rest := s[i+1:]; rest == "" || rest[0] == '/' || rest[0] == '!' || isLetter(rest[0]) {
		return s[:i]
	}
	return s
}

// blocks are the elements that start and end on a line of their own.
var blocks = map[atom.Atom]bool{
	atom.Address: true, atom.Article: true, atom.Aside: true, atom.Blockquote: true, atom.Body: true,
	atom.Center: true, atom.Dd: true, atom.Div: true, atom.Dl: true, atom.Dt: true, atom.Fieldset: true,
	atom.Figure: true, atom.Footer: true, atom.Form: true, atom.H1: true, atom.H2: true, atom.H3: true,
	atom.H4: true, atom.H5: true, atom.H6: true, atom.Header: true, atom.Hr: true, atom.Li: true,
	atom.Main: true, atom.Nav: true, atom.Ol: true, atom.P: true, atom.Pre: true, atom.Section: true,
	atom.Table: true, atom.Tr: true, atom.Ul: true,
}

// textWriter writes text with white space folded as a browser does.
type textWriter struct {
	out   strings.Builder
	quote int  // open blockquotes
	skip  int  // 1 inside an element that is not shown
	space bool // a space is due before the next word
	mid   bool // the current line has words
}

func (t *textWriter) start(a atom.Atom) {
	switch {
	case a == atom.Script || a == atom.Style || a == atom.Title:
		t.skip = 1
	case a == atom.Br || blocks[a]:
		t.line()
		if a == atom.Blockquote {
			t.quote++
		}
	case a == atom.Td || a == atom.Th:
		t.space = true
	}
}

func (t *textWriter) end(a atom.Atom) {
	switch {
	case a == atom.Script || a == atom.Style || a == atom.Title:
		t.skip = 0
	case blocks[a]:
		t.line()
		if a == atom.Blockquote && t.quote > 0 {
			t.quote--
		}
	}
}

func (t *textWriter) line() {
	if t.mid {
		t.out.WriteByte('\n')
	}
	t.mid, t.space = false, false
}

func (t *textWriter) text(s string) {
	clean := Clean(s)
	if clean == "" || startsBlank(s) {
		t.space = true
	}
	if clean == "" {
		return
	}
	switch {
	case !t.mid && t.quote > 0:
		t.out.WriteString("> ")
	case t.mid && t.space:
		t.out.WriteByte(' ')
	}
	t.out.WriteString(clean)
	t.mid, t.space = true, endsBlank(s)
}

func startsBlank(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}

func endsBlank(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsSpace(r)
}
