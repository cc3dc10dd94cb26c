package wire

import (
	"math"
	"strconv"
	"strings"
)

const (
	emptyEnvelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
	// unknownPart stands for a child that is missing or cannot be read, so that
	// its siblings keep their part numbers.
	unknownPart = `("application" "octet-stream" NIL NIL NIL "7bit" 0)`
)

var nilValue = value{kind: atom, text: []byte("NIL")}

// appendEnvelope writes an ENVELOPE (RFC 3501 section 7.4.2). With any other
// number than ten fields nobody knows which is which: not ok.
func appendEnvelope(dst []byte, v value) ([]byte, bool) {
	if v.kind != list || len(v.kids) != 10 {
		return dst, false
	}
	dst = append(dst, '(')
	for i, k := range v.kids {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if i >= 2 && i <= 7 {
			dst = appendAddresses(dst, k)
		} else {
			dst = appendNString(dst, k)
		}
	}
	return append(dst, ')'), true
}

// appendAddresses writes an address list; members that are no addresses vanish.
func appendAddresses(dst []byte, v value) []byte {
	dst = append(dst, '(')
	start := len(dst)
	for _, a := range v.kids {
		if a.kind != list || len(a.kids) != 4 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = append(dst, '(')
		for i, k := range a.kids {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = appendNString(dst, k)
		}
		dst = append(dst, ')')
	}
	return closeOrNil(dst, start)
}

// closeOrNil ends the list whose content begins at start. An empty one is NIL.
func closeOrNil(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst[:start-1], "NIL"...)
	}
	return append(dst, ')')
}

// appendBody writes a BODY or BODYSTRUCTURE (RFC 3501 section 7.4.2) in which
// every field has the type the client expects. ok is false for what is no
// structure at all.
func appendBody(dst []byte, v value) ([]byte, bool) {
	if v.kind != list || len(v.kids) == 0 {
		return dst, false
	}
	k := v.kids
	n := 0 // leading children; a server's NIL among them is one that it cannot describe
	for n < len(k) && (k[n].kind == list || k[n].isNil() && childFollows(k[n:min(n+8, len(k))], n > 0)) {
		n++
	}
	switch {
	case n > 0:
		return appendMultipart(dst, k[:n], k[n:]), true
	case len(k) == 1: // Gmail: ("ALTERNATIVE"), a multipart of which nothing is told
		return dst, false
	}
	return appendSinglePart(dst, k), true
}

// childFollows reports whether the leading NILs stand before another child or,
// after a first child, before the subtype.
func childFollows(k []value, child bool) bool {
	for _, v := range k {
		if !v.isNil() {
			return v.kind == list || child && v.kind == str
		}
	}
	return false
}

func appendMultipart(dst []byte, children, rest []value) []byte {
	dst = append(dst, '(')
	for i, c := range children {
		if i > 0 {
			dst = append(dst, ' ')
		}
		var ok bool
		if dst, ok = appendBody(dst, c); !ok {
			dst = append(dst, unknownPart...)
		}
	}
	dst = append(dst, ' ')
	if dst = appendText(dst, at(rest, 0), "mixed"); len(rest) > 1 {
		dst = appendParams(append(dst, ' '), at(rest, 1))
		dst = appendExtension(dst, rest, 2)
	}
	return append(dst, ')')
}

// appendSinglePart writes a leaf. Missing fields are NIL or 0.
func appendSinglePart(dst []byte, k []value) []byte {
	typ, sub := strings.ToLower(string(at(k, 0).text)), strings.ToLower(string(at(k, 1).text))
	message := typ == "message" && (sub == "rfc822" || sub == "global")
	whole := message && at(k, 7).kind == list && at(k, 8).kind == list
	params := at(k, 2)
	if message && !whole {
		params = withFilename(params, k)
	}
	dst = appendText(append(dst, '('), at(k, 0), "application")
	dst = appendText(append(dst, ' '), at(k, 1), "octet-stream")
	dst = appendParams(append(dst, ' '), params)
	for i := 3; i <= 5; i++ {
		dst = appendNString(append(dst, ' '), at(k, i))
	}
	if size := at(k, 6); size.isNil() || strings.HasPrefix(string(size.text), "-") {
		dst = append(dst, " 1"...) // not known (Exchange 2007 says -1), where 0 would mean that the part is empty
	} else {
		dst = appendCount(dst, size, math.MaxUint32)
	}
	ext := 7
	switch {
	case whole:
		dst = appendEnclosed(append(dst, ' '), k[7], k[8])
		dst = appendCount(dst, at(k, 9), math.MaxInt64)
		ext = 10
	case message:
		// IMAP4rev1 servers describe message/global like any leaf. The client then
		// insists on an envelope, unless the structure ends here.
		return append(dst, ')')
	case typ == "text":
		lines := nilValue
		if _, ok := parseNumber(at(k, 7).text, math.MaxUint64); ok {
			lines, ext = k[7], 8
		}
		dst = appendCount(dst, lines, math.MaxInt64)
	}
	if len(k) > ext {
		dst = appendNString(append(dst, ' '), k[ext]) // MD5
		dst = appendExtension(dst, k, ext+1)
	}
	return append(dst, ')')
}

// appendEnclosed writes envelope and body of a message/rfc822 part.
func appendEnclosed(dst []byte, envelope, body value) []byte {
	dst, ok := appendEnvelope(dst, envelope)
	if !ok {
		dst = append(dst, emptyEnvelope...)
	}
	if dst, ok = appendBody(append(dst, ' '), body); !ok {
		dst = append(dst, unknownPart...)
	}
	return dst
}

// withFilename adds the disposition's file name to the parameters of the type,
// as "name", because the disposition itself is cut off.
func withFilename(params value, k []value) value {
	d := at(k, 8)
	if d.kind != list {
		return params
	}
	kids := append([]value(nil), params.kids[:len(params.kids)&^1]...)
	from := at(d.kids, 1).kids
	for i := 0; i+1 < len(from); i += 2 {
		name := from[i]
		if hasPrefixFold(name.text, "filename") {
			name.text = name.text[len("file"):]
			kids = append(kids, name, from[i+1])
		}
	}
	return value{kind: list, kids: kids}
}

// appendExtension writes disposition, language and location, which begin at i.
func appendExtension(dst []byte, k []value, i int) []byte {
	if len(k) <= i {
		return dst
	}
	dst = append(dst, ' ')
	switch d := k[i]; {
	case d.kind == list && at(d.kids, 0).kind == str:
		dst = appendString(append(dst, '('), d.kids[0].text)
		dst = append(appendParams(append(dst, ' '), at(d.kids, 1)), ')')
	case d.kind == str: // Exchange: a bare "attachment"
		dst = append(appendString(append(dst, '('), d.text), " NIL)"...)
	default:
		dst = append(dst, "NIL"...)
	}
	dst = append(dst, " ("...)
	start := len(dst)
	for _, l := range append(at(k, i+1).kids, at(k, i+1)) {
		if l.kind == str {
			if len(dst) > start {
				dst = append(dst, ' ')
			}
			dst = appendString(dst, l.text)
		}
	}
	return appendNString(append(closeOrNil(dst, start), ' '), at(k, i+2))
}

// appendParams writes a parameter list. A pair without a name goes: the client
// would take its value for the next name.
func appendParams(dst []byte, v value) []byte {
	dst = append(dst, '(')
	start := len(dst)
	for i := 0; i+1 < len(v.kids); i += 2 {
		name, val := v.kids[i], v.kids[i+1]
		if name.kind != str || len(name.text) == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = appendText(append(appendString(dst, name.text), ' '), val, "")
	}
	return closeOrNil(dst, start)
}

// appendText writes a string where NIL is not allowed.
func appendText(dst []byte, v value, missing string) []byte {
	if v.kind == list || v.isNil() {
		return appendString(dst, []byte(missing))
	}
	return appendString(dst, v.text)
}

// appendCount writes a space and a number: 0 when it is unknown.
func appendCount(dst []byte, v value, max uint64) []byte {
	n, _ := v.number(math.MaxUint64)
	return strconv.AppendUint(append(dst, ' '), min(n, max), 10)
}

func at(k []value, i int) value {
	if i < len(k) {
		return k[i]
	}
	return nilValue
}
