package decode

import (
	"strings"
)

// previewRunes is the length of a preview in characters.
const previewRunes = 200

// previewBytes is how much kept text is enough to fill a preview, whatever its
// script, with some lines to spare that may turn out to introduce a quote.
const previewBytes = 4096

// previewInput is how much of a text is read. What a person has to say below 64
// KiB of quotes is not worth the time in a list.
const previewInput = 64 << 10

// Preview gives the first words of a plain text as one line of at most 200
// characters: without quoted lines, the attribution above them, rules made of
// punctuation, and the signature. A text of nothing else shows what it has.
func Preview(plain string) string {
	plain = cut(plain, previewInput)
	s := previewLine(ownText(plain))
	if s == "" {
		s = previewLine(anyText(plain))
	}
	// A copy, so that a preview that is remembered does not keep the text in memory.
	return strings.Clone(s)
}

// ownText returns the lines that the sender wrote.
func ownText(plain string) []string {
	var kept []string
	size := 0
	for line := range lines(plain) {
		if line == "-- " || line == "--" {
			break
		}
		line = Clean(line)
		switch {
		case strings.HasPrefix(line, ">"):
			kept = dropAttribution(kept)
			continue
		case isQuoteRule(line) && len(kept) > 0:
			return kept
		case isRule(line), line == "" && len(kept) > 0 && kept[len(kept)-1] == "":
			continue
		}
		kept = append(kept, line)
		if size += len(line); size > previewBytes {
			break
		}
	}
	return kept
}

// anyText returns the lines without quote marks and rules.
func anyText(plain string) []string {
	var kept []string
	size := 0
	for line := range lines(plain) {
		line = strings.TrimLeft(Clean(line), "> ")
		if line == "" || isRule(line) {
			continue
		}
		kept = append(kept, line)
		if size += len(line); size > previewBytes {
			break
		}
	}
	return kept
}

// lines yields the lines of s, each cut to the length that can matter.
func lines(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			i := strings.IndexAny(s, "\r\n")
			line := s
			if i < 0 {
				s = ""
			} else {
				line, s = s[:i], strings.TrimPrefix(s[i:], "\r")
				s = strings.TrimPrefix(s, "\n")
			}
			if !yield(cut(line, previewBytes)) {
				return
			}
		}
	}
}

// dropAttribution removes "On Monday, Ann <ann@example.org> wrote:" when it
// stands directly above a quote: up to three lines, of which the last ends in a
// colon, back to one that holds a date or an address. Blank lines between it and
// the quote do not matter.
func dropAttribution(kept []string) []string {
	end := len(kept)
	for end > 0 && kept[end-1] == "" {
		end--
	}
	if end == 0 || !strings.HasSuffix(kept[end-1], ":") && !strings.HasSuffix(kept[end-1], "：") {
		return kept
	}
	for start := end - 1; start >= 0 && start >= end-3 && kept[start] != ""; start-- {
		if strings.ContainsAny(kept[start], "@0123456789") {
			return kept[:start]
		}
	}
	return kept[:end-1]
}

// isRule reports a line of punctuation only, which separates and says nothing.
func isRule(line string) bool {
	return len(line) >= 2 && strings.Trim(line, "-_=*#~+. ") == ""
}

// isQuoteRule reports the line above the message that some programs append to a
// reply: "-----Original Message-----" in whatever language.
func isQuoteRule(line string) bool {
	inner := strings.Trim(line, "-_ ")
	return strings.HasPrefix(line, "-----") && strings.HasSuffix(line, "-----") &&
		inner != "" && len(inner) < 80
}

// previewLine joins lines to one and cuts it.
func previewLine(kept []string) string {
	s := Clean(strings.Join(kept, " "))
	n := 0
	for i := range s {
		if n++; n > previewRunes {
			return strings.TrimRight(s[:i], " ")
		}
	}
	return s
}
