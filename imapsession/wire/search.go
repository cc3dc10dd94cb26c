package wire

import (
	"math"
	"strconv"
	"strings"
)

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
