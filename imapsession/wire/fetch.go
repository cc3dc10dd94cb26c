package wire

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// row is a FETCH response, or the part of one that is in the buffer.
type row struct {
	head    string // "* 5 FETCH (", or "" in the middle of a response
	uid     string // the UID item: the client looks for it before any literal
	items   string // the other items, each with a space before it unless it is the first of all
	pending string // the body item whose literal comes next
	needed  bool   // it has Budget.NeedItem, if only an unreadable one
}

// row reads the FETCH response in buf. ok is false when it is none.
func (r *reader) row(b Budget) (w row, ok bool) {
	s := &scanner{b: r.buf, depth: r.limits.Depth}
	if !r.open {
		s.at = 2
		s.spaces()
		seq, ok := parseNumber(s.word(), math.MaxUint32)
		s.spaces()
		if !ok || !bytes.EqualFold(s.word(), []byte("FETCH")) {
			return w, false
		}
		s.spaces()
		if !s.accept('(') {
			return w, false
		}
		w.head = "* " + strconv.FormatUint(seq, 10) + " FETCH ("
	}
	w.needed = b.NeedItem == ""
	need := strings.ToUpper(b.NeedItem)
	preview := r.conn.wr.wantsPreview()
	var items []byte
	for w.pending == "" {
		name, ok := s.itemName()
		if !ok {
			break
		}
		w.needed = w.needed || strings.HasPrefix(name, need)
		if name == Preview && preview {
			name = previewSection
			w.needed = w.needed || strings.HasPrefix(name, need)
		} else if name == previewSection {
			name = "" // nobody sends this, and it must not pass for the other
		}
		if items, ok = s.item(&w, items, name); !ok {
			w.needed = true // as far as anybody knows: its row must not get lost
			break           // what follows a broken value cannot be told from it
		}
	}
	w.items = string(items)
	if w.head != "" && w.uid == "" {
		w.items = strings.TrimPrefix(w.items, " ")
	}
	return w, true
}

// item reads the value that follows a name and appends the item, if the client
// can take it.
func (s *scanner) item(w *row, dst []byte, name string) ([]byte, bool) {
	if start := s.at; strings.IndexByte(name, '[') > 0 && sectionItem.MatchString(name) {
		if v, ok := s.value(); ok {
			return appendNString(append(append(append(dst, ' '), name...), ' '), v), true
		}
		if s.at = start; s.peek() == '~' {
			s.at++
		}
		if n, ok := literalSize(s.b[s.at:]); ok && n > 0 {
			w.pending = name
		}
		return dst, w.pending != ""
	}
	v, ok := s.value()
	if !ok {
		return dst, false
	}
	if name == "UID" {
		if n, ok := v.number(math.MaxUint32); ok && n > 0 && w.head != "" {
			w.uid = "UID " + strconv.FormatUint(n, 10)
		}
		return dst, true
	}
	if name == previewSection {
		return appendNString(append(append(append(dst, ' '), name...), ' '), v), true
	}
	start := len(dst)
	dst = append(append(append(dst, ' '), name...), ' ')
	if dst, ok = appendItem(dst, name, v); !ok {
		dst = dst[:start]
	}
	return dst, true
}

const previewSection = "BODY[" + Preview + "]"

// sectionItem matches the body items that the client can read, in upper case.
var sectionItem = regexp.MustCompile(`^(BODY\[(\d{1,9}(\.\d{1,9})*(\.(MIME|` + sectionText + `))?|` + sectionText + `)?\]|` +
	`BINARY\[\d{1,9}(\.\d{1,9})*\])(<\d{1,9}>)?$`)

const sectionText = `HEADER|TEXT|HEADER\.FIELDS(\.NOT)? \("?[A-Z0-9_-]+"?( "?[A-Z0-9_-]+"?)*\)`

var sizeItem = regexp.MustCompile(`^BINARY\.SIZE\[\d{1,9}(\.\d{1,9})*\]$`)

// appendItem writes the value of an item. ok is false for a value that is
// beyond repair, and for items that the client does not know.
func appendItem(dst []byte, name string, v value) ([]byte, bool) {
	switch {
	case name == "FLAGS":
		return appendFlags(dst, v)
	case name == "ENVELOPE":
		return appendEnvelope(dst, v)
	case name == "BODY" || name == "BODYSTRUCTURE":
		return appendBody(dst, v)
	case name == "INTERNALDATE":
		t, err := time.Parse("_2-Jan-2006 15:04:05 -0700", string(v.text))
		return appendString(dst, v.text), err == nil && !t.IsZero() && v.kind == str
	case name == "RFC822.SIZE" || strings.HasPrefix(name, "BINARY.SIZE[") && sizeItem.MatchString(name):
		max := uint64(math.MaxInt64)
		if name != "RFC822.SIZE" {
			max = math.MaxUint32
		}
		n, ok := v.number(max)
		return strconv.AppendUint(dst, n, 10), ok
	case name == "MODSEQ":
		if v.kind == list {
			v = at(v.kids, 0)
		}
		n, ok := v.number(math.MaxUint64)
		return append(strconv.AppendUint(append(dst, '('), n, 10), ')'), ok
	}
	return dst, false
}

// itemName reads the name of the next item in upper case, with its section and
// offset: BODY[HEADER.FIELDS (SUBJECT)]<0>.
func (s *scanner) itemName() (name string, ok bool) {
	s.spaces()
	start := s.at
	for depth := 0; s.at < len(s.b); s.at++ {
		c := s.b[s.at]
		if c == '\r' || c == '\n' || depth == 0 && isDelimiter(c) {
			break
		}
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		}
	}
	if s.at == start || s.at-start > 8<<10 {
		return "", false
	}
	name = strings.ToUpper(string(s.b[start:s.at]))
	s.spaces()
	return name, true
}

// fetch writes the FETCH response that has just been completed.
func (r *reader) fetch(b Budget) {
	w, ok := r.row(b)
	out := &r.conn.out
	switch {
	case r.open:
		*out = append(append(*out, w.items...), ")\r\n"...)
	case !ok || w.pending != "":
	case !w.needed || !r.conn.wr.waiting("FETCH", "STORE"):
		// A FETCH that the client is about to send could otherwise take it for its row.
		r.conn.mu.Lock()
		r.conn.dropped++
		r.conn.mu.Unlock()
		r.note(Note{Kind: FlagsChanged, UIDs: strings.TrimPrefix(w.uid, "UID ")})
	case w.uid != "" || w.items != "":
		*out = append(append(append(append(*out, w.head...), w.uid...), w.items...), ")\r\n"...)
	}
}
