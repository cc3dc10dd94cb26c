package mail

import (
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// Key spells a folder name so that it can stand in one path segment of a URL:
// ASCII letters, digits, "-" and "_" stay, every other byte of the UTF-8 form is
// "~" and two upper-case hex digits. "a/b" is "a~2Fb". The router never decodes
// it, so slashes, percent signs and quotes in names are safe.
func Key(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	for i := 0; i < len(name); i++ {
		if c := name[i]; plainInKey(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('~')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

// ParseKey is the reverse of Key. It accepts other spellings of the same name
// (lower-case digits, needlessly escaped letters); the caller compares
// Key(name) with what it got and redirects. ok is false for what is no spelling
// of a folder name at all: a broken escape, invalid UTF-8, control characters.
func ParseKey(key string) (name string, ok bool) {
	var b strings.Builder
	b.Grow(len(key))
	for i := 0; i < len(key); i++ {
		if key[i] != '~' {
			b.WriteByte(key[i])
			continue
		}
		if i+2 >= len(key) {
			return "", false
		}
		hi, ok1 := unhex(key[i+1])
		lo, ok2 := unhex(key[i+2])
		if !ok1 || !ok2 {
			return "", false
		}
		b.WriteByte(hi<<4 | lo)
		i += 2
	}
	return b.String(), ValidName(b.String())
}

// ValidName reports whether a folder name can be sent to a server: valid UTF-8,
// 1 to 255 bytes, no control characters. go-imap would re-encode anything else
// into another name.
func ValidName(name string) bool {
	if name == "" || len(name) > 255 || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return false
		}
	}
	return true
}

func plainInKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
