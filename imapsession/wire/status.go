package wire

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// isStatus reports whether a word begins a status response, which ends in text.
func isStatus(word []byte) bool {
	switch strings.ToUpper(string(word)) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// status writes a status response (RFC 3501 section 7.1): type, code, text.
// done is the command that it ends, if it is a tagged one.
func (r *reader) status(tag, typ string, s *scanner, done *command) {
	s.spaces()
	text := s.b[min(s.at, len(s.b)):]
	head, code := tag+" "+typ, ""
	var asSent []byte
	if rest, ok := bytes.CutPrefix(text, []byte("[")); ok {
		text = rest
		end := bytes.IndexByte(rest, ']')
		if i := bytes.Index(rest, []byte(")]")); i >= 0 && hasPrefixFold(rest, "PERMANENTFLAGS ") {
			end = i + 1 // a flag with "]" in it does not end the code
		}
		if end >= 0 {
			asSent = rest[:end]
			code, text = responseCode(asSent), rest[end+1:]
		}
	}
	if code != "" {
		head += " [" + code + "]"
	}
	// The client takes any "[" at the front of the text for a code.
	words := strings.Trim(plain(text), " ")
	r.emit(strings.TrimRight(head+" "+strings.TrimLeft(words, " ["), " "))
	r.tell(typ, asSent, words, done)
}

// responseCode writes a code as the client can take it: without arguments when
// it does not know them, "" when they are wrong.
func responseCode(b []byte) string {
	s := &scanner{b: b, depth: 2}
	word := s.word()
	name := strings.ToUpper(string(word))
	if !isAtom(word) {
		return ""
	}
	s.spaces()
	switch name {
	case "CAPABILITY":
		return name + capabilities(b[s.at:])
	case "PERMANENTFLAGS":
		v, _ := s.value()
		flags, ok := appendFlags(append([]byte(name), ' '), v)
		if !ok {
			return ""
		}
		return string(flags)
	case "UIDNEXT", "UIDVALIDITY":
		return joined(name, number(s.word(), math.MaxUint32))
	case "HIGHESTMODSEQ":
		return joined(name, number(s.word(), math.MaxUint64))
	case "APPENDUID", "COPYUID":
		f := append(bytes.Fields(b[s.at:]), nil, nil, nil)
		if name == "APPENDUID" {
			return joined(name, number(f[0], math.MaxUint32), number(f[1], math.MaxUint32))
		}
		return joined(name, number(f[0], math.MaxUint32), numberSet(f[1]), numberSet(f[2]))
	}
	return name
}

// joined is the words with spaces between, or "" when one is missing.
func joined(words ...string) string {
	for _, w := range words {
		if w == "" {
			return ""
		}
	}
	return strings.Join(words, " ")
}

func number(b []byte, max uint64) string {
	n, ok := parseNumber(b, max)
	if !ok {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// numberSet checks a set of UIDs, or is "". "*" has no place in an answer: the
// client ends the connection over it.
func numberSet(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	for part := range bytes.SplitSeq(b, []byte(",")) {
		lo, hi, isRange := bytes.Cut(part, []byte(":"))
		if !isRange {
			hi = lo
		}
		for _, n := range [][]byte{lo, hi} {
			if _, ok := parseNumber(n, math.MaxUint32); !ok || n[0] == '0' {
				return ""
			}
		}
	}
	return string(b)
}

// capabilities writes capability names, each with a space before it. IMAP4rev2
// goes: the client would change to raw UTF-8 names without being told to.
func capabilities(b []byte) string {
	var out strings.Builder
	for c := range bytes.FieldsSeq(b) {
		if isAtom(c) && !bytes.EqualFold(c, []byte("IMAP4rev2")) {
			out.WriteByte(' ')
			out.Write(c)
		}
	}
	return out.String()
}
