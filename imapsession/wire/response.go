package wire

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

func isStatus(word []byte) bool {
	switch strings.ToUpper(string(word)) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// respond writes the complete response in buf as the client can take it, or
// drops it.
func (r *reader) respond(b Budget) {
	line := bytes.TrimRight(r.buf, "\r\n")
	r.conn.traceLine('S', r.buf)
	if r.open {
		r.fetch(b)
		return
	}
	s := &scanner{b: line, depth: r.limits.Depth}
	first := string(s.word())
	s.spaces()
	switch {
	case first == "*":
		r.untagged(s, b)
	case strings.HasPrefix(first, "+"):
		if r.conn.wr.continued() {
			r.emit("+ " + plain(bytes.TrimLeft(line[1:], " ")))
		}
	case r.conn.wr.finished(first):
		typ := strings.ToUpper(string(s.word()))
		if typ != "OK" && typ != "NO" {
			typ = "BAD"
		}
		r.status(first+" "+typ, s)
	}
}

func (r *reader) emit(line string) {
	r.conn.out = append(append(r.conn.out, line...), "\r\n"...)
}

// plain is text without control characters.
func plain(b []byte) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, string(b))
}

func (r *reader) untagged(s *scanner, b Budget) {
	word := s.word()
	if n, ok := parseNumber(word, math.MaxUint32); ok {
		s.spaces()
		switch typ := strings.ToUpper(string(s.word())); typ {
		case "EXISTS", "RECENT", "EXPUNGE":
			r.emit("* " + strconv.FormatUint(n, 10) + " " + typ)
		case "FETCH":
			r.fetch(b)
		}
		return
	}
	typ := strings.ToUpper(string(word))
	s.spaces()
	switch typ {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		r.status("* "+typ, s)
	case "CAPABILITY", "ENABLED":
		r.emit("* " + typ + capabilities(s.b[s.at:]))
	case "FLAGS":
		if v, ok := s.value(); ok {
			if flags, ok := appendFlags(nil, v); ok {
				r.emit("* FLAGS " + string(flags))
			}
		}
	case "LIST":
		r.list(s)
	case "STATUS":
		r.statusData(s)
	case "NAMESPACE":
		r.emit("* NAMESPACE " + namespace(s) + " " + namespace(s) + " " + namespace(s))
	case "SEARCH", "SORT":
		r.numbers(typ, s)
	case "ESEARCH":
		r.esearch(s)
	}
}

// status writes a status response (RFC 3501 section 7.1): type, code, text.
func (r *reader) status(head string, s *scanner) {
	s.spaces()
	text := s.b[min(s.at, len(s.b)):]
	code := ""
	if rest, ok := bytes.CutPrefix(text, []byte("[")); ok {
		text = rest
		end := bytes.IndexByte(rest, ']')
		if i := bytes.Index(rest, []byte(")]")); i >= 0 && isResponse(rest, "PERMANENTFLAGS ") {
			end = i + 1 // a flag with "]" in it does not end the code
		}
		if end >= 0 {
			code, text = responseCode(rest[:end]), rest[end+1:]
		}
	}
	if code != "" {
		head += " [" + code + "]"
	}
	// The client takes any "[" at the front of the text for a code.
	r.emit(strings.TrimRight(head+" "+strings.TrimLeft(plain(text), " ["), " "))
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

// list writes a LIST response without its extended data.
func (r *reader) list(s *scanner) {
	attrs, ok1 := s.value()
	s.spaces()
	delim, ok2 := s.value()
	s.spaces()
	name, ok3 := s.value()
	flags, ok4 := appendFlags([]byte("* LIST "), attrs)
	if !ok1 || !ok2 || !ok3 || !ok4 || name.kind == list {
		return
	}
	if legal, ok := r.conn.names.incoming(name.text); ok {
		r.emit(string(appendString(append(append(flags, ' '), delimiter(delim)+" "...), []byte(legal))))
	}
}

// delimiter writes a hierarchy delimiter: one character or NIL.
func delimiter(v value) string {
	if c, size := utf8.DecodeRune(v.text); v.kind == str && size == len(v.text) && c >= ' ' && c != utf8.RuneError {
		return string(appendString(nil, v.text))
	}
	return "NIL"
}

// statusData writes a STATUS response with the numbers that the client knows.
func (r *reader) statusData(s *scanner) {
	name, ok1 := s.value()
	s.spaces()
	items, ok2 := s.value()
	if !ok1 || !ok2 || name.kind == list {
		return
	}
	legal, ok := r.conn.names.incoming(name.text)
	if !ok {
		return
	}
	var out []string
	for i := 0; i+1 < len(items.kids); i += 2 {
		max := uint64(math.MaxUint32)
		item := strings.ToUpper(string(items.kids[i].text))
		switch item {
		case "SIZE":
			max = math.MaxInt64
		case "HIGHESTMODSEQ":
			max = math.MaxUint64
		case "MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN":
		default:
			continue
		}
		if pair := joined(item, number(items.kids[i+1].text, max)); pair != "" {
			out = append(out, pair)
		}
	}
	r.emit("* STATUS " + string(appendString(nil, []byte(legal))) + " (" + strings.Join(out, " ") + ")")
}

// namespace writes one of the three namespaces of RFC 2342, without extensions.
func namespace(s *scanner) string {
	s.spaces()
	v, _ := s.value()
	out := []byte{'('}
	for _, n := range v.kids {
		if at(n.kids, 0).kind == str {
			out = appendString(append(out, '('), n.kids[0].text)
			out = append(out, " "+delimiter(at(n.kids, 1))+")"...)
		}
	}
	return string(closeOrNil(out, 1))
}

// numbers writes a SEARCH or SORT response: numbers, and for SEARCH the MODSEQ
// of RFC 7162 section 3.1.5.
func (r *reader) numbers(typ string, s *scanner) {
	out := append(r.conn.out, "* "+typ...)
	for s.spaces(); s.at < len(s.b); s.spaces() {
		if s.peek() == '(' {
			v, ok := s.value()
			if n := number(at(v.kids, 1).text, math.MaxUint64); ok && n != "" && typ == "SEARCH" &&
				strings.EqualFold(string(at(v.kids, 0).text), "MODSEQ") {
				out = append(out, " (MODSEQ "+n+")"...)
			}
			break
		}
		w := s.word()
		if n, ok := parseNumber(w, math.MaxUint32); ok {
			out = strconv.AppendUint(append(out, ' '), n, 10)
		} else if len(w) == 0 {
			break
		}
	}
	r.conn.out = append(out, "\r\n"...)
}

// esearch writes an ESEARCH response (RFC 4731) with the results that the client
// knows. Without a correlator the client wants two spaces.
func (r *reader) esearch(s *scanner) {
	out := []byte("* ESEARCH")
	if s.peek() == '(' {
		v, ok := s.value()
		if !ok || len(v.kids) != 2 || v.kids[1].kind == list {
			return
		}
		out = append(appendString(append(out, " (TAG "...), v.kids[1].text), ')')
	} else {
		out = append(out, ' ')
	}
	bare := len(out)
	next := func() string {
		s.spaces()
		return strings.ToUpper(string(s.word()))
	}
	name := next()
	if name == "UID" {
		out = append(out, " UID"...)
		name = next()
	}
	for ; name != ""; name = next() {
		s.spaces()
		v, ok := s.value()
		if !ok {
			break
		}
		pair := ""
		switch name {
		case "MIN", "MAX", "COUNT":
			pair = joined(name, number(v.text, math.MaxUint32))
		case "MODSEQ":
			pair = joined(name, number(v.text, math.MaxUint64))
		case "ALL":
			pair = joined(name, numberSet(v.text))
		}
		if pair != "" {
			out = append(append(out, ' '), pair...)
		}
	}
	if len(out) > bare || out[bare-1] == ')' {
		r.emit(string(out))
	}
}
