package wire

import (
	"bytes"
	"strconv"
	"strings"
)

const (
	// bufferedBody is the size up to which a body literal is held until its row
	// is complete, so that a UID behind it can be moved before it. Larger ones
	// are passed on as they come.
	bufferedBody = 256 << 10
	// smallBody is the size up to which it is held even when the UID came first.
	smallBody = 16 << 10
	// searchPiece is the length at which a long SEARCH or SORT line is cut into
	// several; the client adds them up.
	searchPiece = 64 << 10
)

// reader cuts the server's stream into responses. A response is one line, or
// several when literals are in it, and is held in buf until it is complete. What
// comes out does not depend on how the stream was cut into packets.
type reader struct {
	conn   *Conn
	limits Limits
	buf    []byte
	line   int    // where the current line begins in buf, after a literal
	text   int    // bytes of the response outside its literals
	lit    int64  // bytes of a literal still to come into buf
	pass   int64  // bytes of a literal still to be passed on
	open   bool   // the beginning of a FETCH response has been passed on
	exists uint32 // messages in the open mailbox, as far as the server has told
}

// inside reports whether the stream stands within a response.
func (r *reader) inside() bool { return len(r.buf) > 0 || r.pass > 0 || r.open }

// feed takes the next bytes of the server.
func (r *reader) feed(p []byte, b Budget) error {
	for len(p) > 0 {
		var n int
		var err error
		switch {
		case r.pass > 0:
			n = int(min(r.pass, int64(len(p))))
			r.conn.out = append(r.conn.out, p[:n]...)
			r.pass -= int64(n)
		case r.lit > 0:
			n = int(min(r.lit, int64(len(p))))
			r.buf = append(r.buf, p[:n]...)
			if r.lit -= int64(n); r.lit == 0 {
				r.line = len(r.buf)
			}
		default:
			n, err = r.feedLine(p, b)
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// feedLine takes bytes up to a line end, or up to where a long line is cut.
func (r *reader) feedLine(p []byte, b Budget) (n int, err error) {
	n = bytes.IndexByte(p, '\n') + 1
	ended := n > 0
	if !ended {
		n = len(p)
	}
	if room := searchPiece - len(r.buf); n > room && room > 0 && isSearch(r.buf) {
		n, ended = room, ended && n == room
	}
	r.buf = append(r.buf, p[:n]...)
	r.text += n
	if r.text > r.limits.Line && (r.text > r.limits.Search || !isSearch(r.buf) && !hasPrefixFold(r.buf, "* ESEARCH ")) {
		return n, ErrLimit
	}
	if ended {
		return n, r.endLine(b)
	}
	if len(r.buf) >= searchPiece && isSearch(r.buf) {
		r.cutSearch()
	}
	return n, nil
}

func isSearch(b []byte) bool { return hasPrefixFold(b, "* SEARCH ") || hasPrefixFold(b, "* SORT ") }

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], []byte(prefix))
}

// cutSearch answers with the numbers so far and goes on as if a new line began.
func (r *reader) cutSearch() {
	s := &scanner{b: r.buf, at: 2, depth: 1}
	typ := strings.ToUpper(string(s.word()))
	start := s.at + 1
	end := bytes.LastIndexByte(r.buf, ' ')
	if at := bytes.IndexByte(r.buf, '('); at >= 0 {
		end = at // MODSEQ and its number stay together
	}
	end = max(end, start)
	rest := append([]byte(nil), r.buf[end:]...)
	if len(rest) > 64 {
		rest = nil // no number is that long
	}
	s.b = r.buf[:end]
	r.numbers(typ, s)
	r.buf = append(append(r.buf[:start-1], ' '), rest...)
}

// endLine decides at a line end whether a literal follows or the response is
// complete.
func (r *reader) endLine(b Budget) error {
	n, ok := literalSize(r.buf[r.line:])
	if !ok || !r.hasLiterals() {
		r.respond(b)
		if cap(r.buf) > 2*searchPiece {
			r.buf = nil // one long response does not stay in memory
		}
		r.buf, r.line, r.text, r.open = r.buf[:0], 0, 0, false
		return nil
	}
	held := int64(len(r.buf)-r.text) + n
	body := r.endsInBody()
	if n > r.limits.Literal && !(body && b.BodyLiterals) {
		return ErrLimit
	}
	if body && (held > bufferedBody || held > smallBody && r.named()) {
		return r.passBody(n, b)
	}
	if held > 4*r.limits.Literal {
		return ErrLimit
	}
	if r.lit = n; n == 0 {
		r.line = len(r.buf)
	}
	return nil
}

// hasLiterals reports whether the response is one whose lines may end in a
// literal. Status responses, tagged ones and continuations end in free text.
func (r *reader) hasLiterals() bool {
	if r.open {
		return true
	}
	rest, ok := bytes.CutPrefix(r.buf, []byte("* "))
	if !ok {
		return false
	}
	word, _, _ := bytes.Cut(rest, []byte(" "))
	return !isStatus(word)
}

// named reports whether the FETCH response in buf begins with its UID, so that
// the client will know whose a literal is.
func (r *reader) named() bool {
	at := bytes.IndexByte(r.buf, '(')
	return !r.open && at > 0 && hasPrefixFold(r.buf[at+1:], "UID ")
}

// endsInBody reports whether the literal announced at the end of buf is the
// value of BODY[...] or BINARY[...].
func (r *reader) endsInBody() bool {
	line := r.buf[r.line:]
	line = bytes.TrimRight(line[:bytes.LastIndexByte(line, '{')], " ~")
	if at := bytes.LastIndexByte(line, '<'); at > 0 && bytes.HasSuffix(line, []byte(">")) {
		line = line[:at]
	}
	at := bytes.LastIndexByte(line, '[')
	if at < 0 || !bytes.HasSuffix(line, []byte("]")) {
		return false
	}
	name := line[bytes.LastIndexAny(line[:at], " (")+1 : at]
	return bytes.EqualFold(name, []byte("BODY")) || bytes.EqualFold(name, []byte("BINARY"))
}

// passBody sends the row up to its large literal to the client and lets the
// literal through. The rest of the row begins an empty buf.
func (r *reader) passBody(n int64, b Budget) error {
	w, ok := r.row(b)
	if !ok || w.pending == "" || !r.open && !r.conn.wr.waiting("FETCH", "STORE") {
		return ErrLimit // a literal of that size that belongs to nothing
	}
	r.conn.traceServer(r.buf, r.open)
	items := w.uid + w.items
	r.conn.out = append(r.conn.out, w.head+items...)
	if w.head != "" && items != "" || w.head == "" {
		r.conn.out = append(r.conn.out, ' ')
	}
	r.conn.out = append(r.conn.out, w.pending+" {"+strconv.FormatInt(n, 10)+"}\r\n"...)
	r.buf, r.line, r.open, r.pass = r.buf[:0], 0, true, n
	return nil
}
