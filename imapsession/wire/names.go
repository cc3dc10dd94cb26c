package wire

import (
	"bytes"
	"encoding/base64"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// maxNames bounds the table: an account has fewer folders whose names need it.
const maxNames = 10_000

// maxName is the longest folder name passed on, in the server's spelling.
const maxName = 4096

// Names remembers the folders whose names are not legal modified UTF-7
// (RFC 3501 section 5.1.3), and how the server spells them. It is safe for
// concurrent use.
//
// When a folder really has the name that another one was repaired to, the name
// belongs to the real one: the other is not listed any more. Only a LIST that
// brings the illegal name first shows the name twice, and both rows mean the real
// folder then.
type Names struct {
	mu    sync.Mutex
	raw   map[string]string // repaired name -> the server's spelling
	legal map[string]bool   // names that a repaired one could be taken for
}

// NewNames returns an empty table.
func NewNames() *Names { return &Names{raw: map[string]string{}, legal: map[string]bool{}} }

// incoming turns a name sent by the server into a legal one. ok is false when
// the folder cannot be told from another or could not be addressed: the real
// owner of the repaired name must never be changed in its place.
func (n *Names) incoming(raw []byte) (name string, ok bool) {
	if len(raw) > maxName {
		return "", false
	}
	name = RepairName(string(raw))
	n.mu.Lock()
	defer n.mu.Unlock()
	if name == string(raw) {
		if bytes.IndexByte(raw, '&') >= 0 && len(n.legal) < maxNames {
			n.legal[name] = true
			delete(n.raw, name)
		}
		return name, true
	}
	if old, seen := n.raw[name]; seen {
		return name, old == string(raw)
	}
	if n.legal[name] || bytes.ContainsAny(raw, "\r\n\x00") || len(n.raw) >= maxNames || len(n.legal) >= maxNames {
		return "", false
	}
	n.raw[name] = string(raw)
	return name, true
}

// recall is incoming without learning, for STATUS responses: with NOTIFY, Dovecot
// tells names undecoded there that it spells well in LIST, and a folder must not
// be opened by such a name. ok is false when the name is that of another folder.
func (n *Names) recall(raw []byte) (name string, ok bool) {
	name = RepairName(string(raw))
	n.mu.Lock()
	defer n.mu.Unlock()
	old, seen := n.raw[name]
	return name, name == string(raw) || seen && old == string(raw) || !seen && !n.legal[name]
}

// outgoing is the server's spelling of a name that was repaired.
func (n *Names) outgoing(name string) (raw string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	raw, ok = n.raw[name]
	return raw, ok
}

// RepairName returns raw when it is legal modified UTF-7 in its one proper
// spelling, else the legal name that shows the same: a stray "&" stands for
// itself, raw UTF-8 is encoded, other bytes are read as ISO 8859-1. Control
// characters become U+FFFD.
func RepairName(raw string) string { return encodeName(decodeName(raw)) }

// decodeName reads modified UTF-7 as far as it is that.
func decodeName(s string) []rune {
	var out []rune
	for i := 0; i < len(s); {
		if s[i] == '&' {
			shifted, size := decodeShift(s[i:])
			out = append(out, shifted...)
			i += size
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = rune(s[i])
		}
		out = append(out, visible(r))
		i += size
	}
	return out
}

// decodeShift reads one "&...-" at the start of s, or just the "&".
func decodeShift(s string) (out []rune, size int) {
	end := 1
	for end < len(s) && isBase64(s[end]) {
		end++
	}
	if end == len(s) || s[end] != '-' {
		return []rune{'&'}, 1
	}
	if end == 1 {
		return []rune{'&'}, 2
	}
	b, err := shiftEncoding.DecodeString(s[1:end])
	if err != nil || len(b)%2 != 0 {
		return []rune{'&'}, 1
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	for _, r := range utf16.Decode(units) {
		if r >= 0x20 && r < 0x7f { // must not be encoded; decoding it could give the name of another folder
			return []rune{'&'}, 1
		}
		out = append(out, visible(r))
	}
	return out, end + 1
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == ','
}

// shiftEncoding is base64 with "," for "/" and without padding. It is lenient on
// trailing bits; encoding anew puts them right.
var shiftEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding)

func visible(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 {
		return utf8.RuneError
	}
	return r
}

// encodeName writes modified UTF-7.
func encodeName(name []rune) string {
	var out []byte
	for i := 0; i < len(name); {
		if r := name[i]; r < 0x7f {
			if out = append(out, byte(r)); r == '&' {
				out = append(out, '-')
			}
			i++
			continue
		}
		start := i
		for i < len(name) && name[i] >= 0x7f {
			i++
		}
		var b []byte
		for _, u := range utf16.Encode(name[start:i]) {
			b = append(b, byte(u>>8), byte(u))
		}
		out = append(shiftEncoding.AppendEncode(append(out, '&'), b), '-')
	}
	return string(out)
}
