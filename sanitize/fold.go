package sanitize

import (
	"strings"
	"unicode"
)

type blockKind int

const (
	plainBlock blockKind = iota
	quoteBlock
	sigBlock
)

// block is a run of lines that is shown as one: plain text, quoted text with
// its attribution, or a signature.
type block struct {
	kind  blockKind
	lines []line
	fold  bool
}

// divide splits a text into blocks and decides which of them fold.
func divide(lines []line) []block {
	var blocks []block
	for i := 0; i < len(lines); {
		j := i
		if lines[i].depth > 0 {
			j = endOfQuote(lines, i)
			blocks = append(blocks, block{kind: quoteBlock, lines: lines[i:j]})
			i = j
			continue
		}
		for j < len(lines) && lines[j].depth == 0 {
			j++
		}
		attribution := j
		if j < len(lines) {
			attribution = startOfAttribution(lines[i:j]) + i
		}
		blocks = appendPlain(blocks, lines[i:attribution])
		if i = attribution; attribution < j {
			end := endOfQuote(lines, j)
			blocks = append(blocks, block{kind: quoteBlock, lines: lines[attribution:end]})
			i = end
		}
	}
	decide(blocks)
	return blocks
}

// endOfQuote returns where the quoted run that starts at i ends. Blank lines
// between two quoted lines belong to it.
func endOfQuote(lines []line, i int) int {
	end := i
	for ; i < len(lines) && (lines[i].depth > 0 || lines[i].blank()); i++ {
		if lines[i].depth > 0 {
			end = i + 1
		}
	}
	return end
}

// appendPlain appends unquoted text, split at the first line that starts a
// signature.
func appendPlain(blocks []block, lines []line) []block {
	for i, l := range lines {
		if l.sig {
			blocks = appendText(blocks, plainBlock, lines[:i])
			return appendText(blocks, sigBlock, lines[i+1:])
		}
	}
	return appendText(blocks, plainBlock, lines)
}

func appendText(blocks []block, kind blockKind, lines []line) []block {
	if countText(lines) == 0 {
		return blocks
	}
	return append(blocks, block{kind: kind, lines: lines})
}

func countText(lines []line) int {
	n := 0
	for _, l := range lines {
		if !l.blank() {
			n++
		}
	}
	return n
}

// decide marks the blocks that fold. A quote folds when it is long and no new
// text follows it, so that an answer between quotes never loses what it answers
// to; and only when text remains in view.
func decide(blocks []block) {
	text, lastText := 0, -1
	for i, b := range blocks {
		if b.kind == plainBlock && !isFooter(b.lines) {
			text++
			lastText = i
		}
	}
	for i := range blocks {
		b := &blocks[i]
		switch b.kind {
		case quoteBlock:
			b.fold = text > 0 && i > lastText && quotedLines(b.lines) > foldQuote
		case sigBlock:
			b.fold = text > 0 && countText(b.lines) > foldSig
		}
	}
}

// isFooter reports whether unquoted lines are what mailing lists put below every
// message: a rule of underscores and some links. It is nobody's answer.
func isFooter(lines []line) bool {
	for _, l := range lines {
		if !l.blank() {
			return len(l.text) >= 40 && strings.Trim(l.text, "_") == ""
		}
	}
	return true
}

func quotedLines(lines []line) int {
	n := 0
	for _, l := range lines {
		if l.depth > 0 {
			n++
		}
	}
	return n
}

// maxAttribution is how many lines "On …, … wrote:" may take.
const maxAttribution = 3

// startOfAttribution returns where the attribution at the end of unquoted lines
// starts, or len(lines) when there is none. An attribution ends in a colon and
// names a date or an address; those marks are the same in every language. It
// takes a further line only for what the lines below do not name yet, and only
// in a paragraph of its own: new text must not disappear in a fold.
func startOfAttribution(lines []line) int {
	last := len(lines) - 1
	for last >= 0 && lines[last].blank() {
		last--
	}
	if last < 0 || !endsInColon(lines[last].text) {
		return len(lines)
	}
	top := last
	for top > 0 && top > last-maxAttribution && !lines[top-1].blank() && !lines[top-1].sig {
		top--
	}
	if top <= last-maxAttribution {
		top = last
	}
	start, haveDate, haveAddress := len(lines), false, false
	for i := last; i >= top; i-- {
		if i < last && endsSentence(lines[i].text) {
			break
		}
		date, address := namesDate(lines[i].text), namesAddress(lines[i].text)
		if date && !haveDate || address && !haveAddress {
			start = i
		}
		haveDate, haveAddress = haveDate || date, haveAddress || address
	}
	return start
}

func endsInColon(s string) bool {
	s = strings.TrimRight(s, " \t*_\u00a0\u200e\u200f\u202c")
	return strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：")
}

func endsSentence(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") || endsInColon(s)
}

// namesAddress looks for "@" inside of a word.
func namesAddress(s string) bool {
	i := strings.IndexByte(s, '@')
	return i > 0 && i+1 < len(s) && s[i-1] > ' ' && s[i+1] > ' '
}

// namesDate looks for a time such as 7:07, a date such as 01/03/11 or 24.2.2012,
// or a year.
func namesDate(s string) bool {
	for i := 1; i+1 < len(s); i++ {
		if strings.IndexByte(":/.-", s[i]) >= 0 && isDigit(s[i-1]) && isDigit(s[i+1]) {
			return true
		}
	}
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsDigit(r) }) {
		if len(word) == 4 && (strings.HasPrefix(word, "19") || strings.HasPrefix(word, "20")) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
