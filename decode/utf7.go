package decode

import (
	"strings"
	"unicode/utf16"
)

// decodeUTF7 decodes UTF-7 (RFC 2152): "+" starts base64 of UTF-16BE without padding,
// "-" or any byte outside the alphabet ends it, "+-" is a plus sign. What is no
// UTF-7 stays as it is.
func decodeUTF7(b []byte) string {
	var out strings.Builder
	out.Grow(len(b))
	for i := 0; i < len(b); {
		if b[i] != '+' {
			out.WriteByte(b[i])
			i++
			continue
		}
		end := i + 1
		for end < len(b) && sextets[b[end]] >= 0 {
			end++
		}
		if end == i+1 {
			out.WriteByte('+')
			if end < len(b) && b[end] == '-' {
				end++
			}
			i = end
			continue
		}
		writeUTF7Run(&out, b[i+1:end])
		if end < len(b) && b[end] == '-' {
			end++
		}
		i = end
	}
	return out.String()
}

func writeUTF7Run(out *strings.Builder, run []byte) {
	var acc uint32
	bits := 0
	high := rune(-1)
	for _, c := range run {
		acc = acc<<6 | uint32(sextets[c])
		if bits += 6; bits < 16 {
			continue
		}
		bits -= 16
		u := rune(acc>>bits) & 0xffff
		switch {
		case high >= 0:
			out.WriteRune(utf16.DecodeRune(high, u))
			high = -1
		case u >= 0xd800 && u < 0xdc00:
			high = u
		default:
			out.WriteRune(u)
		}
	}
}
