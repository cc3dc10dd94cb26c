package wire

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// respond writes the complete response in buf as the client can take it, or
// drops it.
func (r *reader) respond(b Budget) {
	line := bytes.TrimRight(r.buf, "\r\n")
	r.conn.traceServer(r.buf, r.open)
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
	default:
		done := r.conn.wr.finished(first)
		if done == nil {
			return
		}
		typ := strings.ToUpper(string(s.word()))
		if typ != "OK" && typ != "NO" {
			typ = "BAD"
		}
		r.conn.wr.ended(done, typ)
		r.status(first, typ, s, done)
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
			r.count(typ, uint32(n))
		case "FETCH":
			r.fetch(b)
		}
		return
	}
	typ := strings.ToUpper(string(word))
	s.spaces()
	switch typ {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		r.status("*", typ, s, nil)
	case "CAPABILITY":
		r.emit("* CAPABILITY" + capabilities(s.b[s.at:]))
	case "ENABLED":
		// Not for the client: it would write names in raw UTF-8 after an
		// UTF8=ACCEPT that nobody has asked for.
		r.conn.wr.enabled(s.b[s.at:])
	case "VANISHED":
		r.vanished(s)
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

// count writes a message count or an expunge.
func (r *reader) count(typ string, n uint32) {
	switch {
	case typ == "EXISTS":
		r.exists = n
	case typ == "EXPUNGE" && n == 0:
		return // the client takes 0 for the end of the expunges, and then waits for ever
	case typ == "EXPUNGE" && r.exists > 0:
		r.exists--
	}
	r.emit("* " + strconv.FormatUint(uint64(n), 10) + " " + typ)
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
	if len(name.text) > maxName {
		return
	}
	legal, ok := r.conn.names.recall(name.text)
	if !ok || !r.conn.wr.waiting("STATUS", "LIST") {
		r.note(Note{Kind: StatusChanged, Folder: shownName(name.text)})
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
