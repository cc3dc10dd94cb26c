package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// maxNodes bounds the memory of one parsed item: 100 000 values are more than
// any message has, and about 6 MB.
const maxNodes = 100_000

type kind byte

const (
	atom kind = iota
	str       // quoted string or literal, unescaped
	list
)

// value is one IMAP value (RFC 3501 section 4). text points into the response.
type value struct {
	kind kind
	text []byte
	kids []value
}

func (v value) isNil() bool { return v.kind == atom && strings.EqualFold(string(v.text), "NIL") }

// number reads a decimal number up to max. Servers also send -1 and NIL for
// "unknown", which is 0 here.
func (v value) number(max uint64) (uint64, bool) {
	if v.kind == list {
		return 0, false
	}
	if v.isNil() || string(v.text) == "-1" {
		return 0, true
	}
	return parseNumber(v.text, max)
}

func parseNumber(b []byte, max uint64) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 || b[0] < '0' || b[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	return n, err == nil && n <= max
}

// scanner reads values from one complete response, or from the first part of one
// that ends before the data of a literal.
type scanner struct {
	b     []byte
	at    int
	nodes int
	depth int // parentheses that may still be opened
}

func (s *scanner) peek() byte {
	if s.at < len(s.b) {
		return s.b[s.at]
	}
	return 0
}

// spaces skips any number of spaces: some servers send two, or none before "(".
func (s *scanner) spaces() {
	for s.peek() == ' ' {
		s.at++
	}
}

func (s *scanner) accept(c byte) bool {
	if s.at < len(s.b) && s.b[s.at] == c {
		s.at++
		return true
	}
	return false
}

// word reads up to the next space, parenthesis or line end.
func (s *scanner) word() []byte {
	start := s.at
	for s.at < len(s.b) && !isDelimiter(s.b[s.at]) {
		s.at++
	}
	return s.b[start:s.at]
}

func isDelimiter(c byte) bool {
	return c == ' ' || c == '(' || c == ')' || c == '\r' || c == '\n'
}

// value reads one value. ok is false when there is none, when it is broken, or
// when it is nested or divided beyond the limits.
func (s *scanner) value() (v value, ok bool) {
	if s.nodes++; s.nodes > maxNodes {
		return v, false
	}
	switch c := s.peek(); {
	case c == '"':
		return s.quoted()
	case c == '(':
		return s.list()
	case c == '{' || c == '~' && s.at+1 < len(s.b) && s.b[s.at+1] == '{':
		data, ok := s.literal()
		return value{kind: str, text: data}, ok
	}
	w := s.word()
	return value{kind: atom, text: w}, len(w) > 0
}

func (s *scanner) list() (v value, ok bool) {
	if s.depth--; s.depth < 0 {
		return v, false
	}
	s.at++
	v.kind = list
	for s.spaces(); !s.accept(')'); s.spaces() {
		kid, ok := s.value()
		if !ok {
			return v, false
		}
		v.kids = append(v.kids, kid)
	}
	s.depth++
	return v, true
}

// quoted reads a quoted string. A quote in the middle that the server forgot to
// escape is followed by neither space nor parenthesis, so it does not end it.
func (s *scanner) quoted() (v value, ok bool) {
	start := s.at + 1
	var text []byte // set when the content differs from its spelling
	for i := start; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '\r' || c == '\n':
			return v, false
		case c == '"' && (i+1 == len(s.b) || isDelimiter(s.b[i+1])):
			if s.at = i + 1; text == nil {
				text = s.b[start:i:i]
			}
			return value{kind: str, text: text}, true
		case c == '\\' && i+1 < len(s.b):
			if text == nil {
				text = append(make([]byte, 0, i-start+16), s.b[start:i]...)
			}
			i++
			text = append(text, s.b[i])
		case text != nil:
			text = append(text, c)
		}
	}
	return v, false
}

// literal reads {n} CRLF and n bytes. Without the bytes it is not ok, and at
// stands where it stood.
func (s *scanner) literal() (data []byte, ok bool) {
	rest := s.b[s.at:]
	eol := bytes.IndexByte(rest, '\n')
	if eol < 0 {
		return nil, false
	}
	n, ok := literalSize(rest[:eol+1])
	if start := int64(s.at + eol + 1); ok && n <= int64(len(s.b))-start {
		s.at = int(start + n)
		return s.b[start:s.at:s.at], true
	}
	return nil, false
}

// literalSize recognises a line, with its line end, that announces a literal
// (RFC 3501 section 4.3): it ends in {n}. "+" is the client's side of LITERAL+.
func literalSize(line []byte) (n int64, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	line, ok = bytes.CutSuffix(line, []byte("}"))
	at := bytes.LastIndexByte(line, '{')
	if !ok || at < 0 || at < len(line)-20 {
		return 0, false
	}
	u, ok := parseNumber(bytes.TrimSuffix(line[at+1:], []byte("+")), 1<<60)
	return int64(u), ok
}

// appendString writes a string as go-imap reads it back.
func appendString(dst, s []byte) []byte {
	if bytes.ContainsAny(s, "\r\n\x00") {
		dst = append(strconv.AppendInt(append(dst, '{'), int64(len(s)), 10), "}\r\n"...)
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for _, c := range s {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// appendNString writes a string or NIL. Whatever case NIL came in, and strings
// that came as bare atoms, are put right; a list is no string and becomes NIL.
func appendNString(dst []byte, v value) []byte {
	if v.kind == list || v.isNil() {
		return append(dst, "NIL"...)
	}
	return appendString(dst, v.text)
}

// appendFlags writes a flag list without the members that are no flags, such as
// "" and those with "]" or raw 8-bit. ok is false when v is no list.
func appendFlags(dst []byte, v value) ([]byte, bool) {
	if v.kind != list && !v.isNil() {
		return dst, false
	}
	dst = append(dst, '(')
	for _, k := range v.kids {
		name := bytes.TrimPrefix(k.text, []byte(`\`))
		if k.kind == list || !isAtom(name) && string(k.text) != `\*` {
			continue
		}
		if dst[len(dst)-1] != '(' {
			dst = append(dst, ' ')
		}
		dst = append(dst, k.text...)
	}
	return append(dst, ')'), true
}

// isAtom reports whether go-imap reads b as one atom.
func isAtom(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return len(b) > 0
}
