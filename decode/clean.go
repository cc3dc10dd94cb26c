package decode

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from a header fit to be shown in one line beside other text:
// no control, bidirectional or invisible characters, which could hide what is
// said or reorder what stands beside it; runs of white space become one space.
func Clean(s string) string {
	s = tidy(s)
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	var prev rune
	for i, r := range s {
		if unicode.IsSpace(r) && r != 0x85 {
			space = b.Len() > 0
			continue
		}
		if unseen(r) && !joins(r, prev, s[i+utf8.RuneLen(r):]) {
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		prev = r
	}
	return b.String()
}

// isClean is the quick answer for the common case: printable ASCII with single
// spaces inside.
func isClean(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// unseen reports characters that have no shape of their own.
func unseen(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0: // C0 and C1 controls
		return true
	case r < 0xad:
		return false
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x180e: // soft hyphen, grapheme joiner, Arabic letter mark, Mongolian separator
		return true
	case r >= 0x200b && r <= 0x200f, // zero width, directional marks
		r >= 0x2028 && r <= 0x202e, // separators, embeddings and overrides
		r >= 0x2060 && r <= 0x206f: // word joiner, invisible operators, isolates
		return true
	case r == 0xfeff, r >= 0xfff9 && r <= 0xfffc: // byte order mark, annotations, place of an object
		return true
	case r >= 0xe0000 && r <= 0xe0fff: // tags and the like
		return true
	}
	return false
}

// joins reports a zero-width joiner or non-joiner that does its work: between
// two letters of a script that needs it, or inside an emoji. Between Latin,
// Greek or Cyrillic letters it only disguises words.
func joins(r, prev rune, rest string) bool {
	if r != 0x200c && r != 0x200d || !joined(prev) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(rest)
	return joined(next)
}

func joined(r rune) bool {
	return r >= 0x600 && !unseen(r) && !unicode.IsSpace(r) && r != utf8.RuneError &&
		(r < 0x2000 || r >= 0x2100)
}

// nameMax is the length of a file name in bytes. File systems allow 255; room is
// left for " (1)" and for the tools of other systems.
const nameMax = 150

// extMax is how much of the end of a name counts as its extension.
const extMax = 16

// SafeName makes a file name from what a sender calls one: no directories, no
// leading dots, no characters that some system reserves, not too long. What it
// cuts is the middle: the extension stays, as it says what opening the file does.
// The result is empty when nothing is left.
func SafeName(name string) string {
	name = Clean(name)
	name = strings.Map(func(r rune) rune {
		if r == '\\' {
			return '/'
		}
		if strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, stripDrive(name))
	name = strings.TrimRight(name, "/ ")
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = trimName(name)
	if isDevice(name) {
		name = "_" + name
	}
	return trimName(shorten(name, nameMax))
}

// stripDrive removes the letter of a DOS path: "C:\x" and "C:x".
func stripDrive(s string) string {
	if len(s) > 2 && s[1] == ':' && (s[0]|0x20) >= 'a' && (s[0]|0x20) <= 'z' {
		return s[2:]
	}
	return s
}

// trimName removes leading dots (hidden files, "..") and the trailing dots and
// blanks that Windows drops silently.
func trimName(s string) string {
	return strings.TrimRight(strings.TrimLeft(s, ". "), ". ")
}

// isDevice reports the names that mean a device to Windows, whatever follows
// their first dot.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) &&
		stem[3] >= '1' && stem[3] <= '9'
}

// shorten cuts a name to limit bytes between two characters, before its
// extension.
func shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	ext := ""
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= extMax {
		name, ext = name[:i], name[i:]
	}
	return strings.TrimRight(cut(name, limit-len(ext)), ". ") + ext
}

// cut returns at most n bytes of s, whole characters only.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
