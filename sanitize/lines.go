package sanitize

import (
	"strings"
	"unicode"
)

// maxQuotes is how many levels of quotes are drawn. Thousands of nested
// elements make browsers crash; deeper text stands at the last level.
const maxQuotes = 16

// line is one line of text, or one joined paragraph of flowed text.
type line struct {
	depth int    // levels of quotation around it, at most maxQuotes
	text  string // without quote marks
	sig   bool   // the line that starts a signature: "-- ", or "--" near the end
}

func (l line) blank() bool { return strings.TrimSpace(l.text) == "" }

// readLines splits a text into lines, joins flowed ones, and marks signatures.
func readLines(content string, o TextOptions) []line {
	content = strings.ToValidUTF8(content, "\ufffd")
	content = strings.ReplaceAll(content, "\r\n", "\n")
	content = strings.ReplaceAll(content, "\r", "\n")
	var lines []line
	if o.Flowed {
		lines = readFlowed(content, o.DelSp)
	} else {
		for s := range strings.SplitSeq(content, "\n") {
			depth, text := cutQuotes(s)
			lines = append(lines, line{depth: depth, text: visible(strings.TrimRight(text, " \t")), sig: s == "-- "})
		}
	}
	// Programs that strip trailing spaces leave "--". In the middle of a text
	// that is a rule or a list; near the end it is a signature.
	for i := max(0, len(lines)-sigZone); i < len(lines); i++ {
		if l := &lines[i]; l.depth == 0 && l.text == "--" {
			l.sig = true
		}
	}
	return lines
}

// cutQuotes counts and removes the quote marks at the start of a line: ">",
// each perhaps followed by a space.
func cutQuotes(s string) (int, string) {
	depth := 0
	for strings.HasPrefix(s, ">") {
		depth++
		s = strings.TrimPrefix(s[1:], " ")
	}
	return min(depth, maxQuotes), s
}

// readFlowed joins the lines of format=flowed text (RFC 3676 section 4): a line
// that ends in a space goes on in the next line of the same quote depth.
func readFlowed(content string, delSp bool) []line {
	var lines []line
	var open strings.Builder // the paragraph being joined
	openDepth := -1          // -1: none
	end := func() {
		if openDepth >= 0 {
			lines = append(lines, line{depth: openDepth, text: visible(strings.TrimRight(open.String(), " "))})
			open.Reset()
			openDepth = -1
		}
	}
	for s := range strings.SplitSeq(content, "\n") {
		depth, text := cutFlowedQuotes(s)
		// A blank line parts paragraphs, even behind a careless trailing space.
		if openDepth != depth || text == "-- " || text == "" {
			end()
		}
		if text == "-- " {
			lines = append(lines, line{depth: depth, text: "--", sig: depth == 0})
			continue
		}
		soft := strings.HasSuffix(text, " ")
		if soft && delSp {
			text = text[:len(text)-1]
		}
		open.WriteString(text)
		openDepth = depth
		if !soft {
			end()
		}
	}
	end()
	return lines
}

// cutFlowedQuotes removes quote marks and the stuffed space behind them. In a
// quote it goes on after the space as cutQuotes does, since programs that know
// nothing of flowed text quote it with "> > ".
func cutFlowedQuotes(s string) (int, string) {
	if !strings.HasPrefix(s, ">") {
		return 0, strings.TrimPrefix(s, " ")
	}
	return cutQuotes(s)
}

// visible drops control characters. Tabs stay; direction marks stay as well,
// since honest right-to-left text holds them.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
