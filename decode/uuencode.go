package decode

import "bytes"

// uuHead is how many bytes of a uuencoded part may stand before its "begin"
// line. A part without one is no uuencode and passes through unchanged.
const uuHead = 4096

// uuLine bounds a line; those of the format have 61 characters.
const uuLine = 1024

// uuCodec reads the uuencode format of POSIX: "begin mode name", lines that start
// with their length, "end".
type uuCodec struct {
	state uuState
	head  []byte // seen before "begin"
	line  []byte
}

type uuState int

const (
	uuBefore uuState = iota
	uuInside
	uuAfter
	uuNone // no "begin" near the top: identity
)

func (c *uuCodec) feed(dst, src []byte) []byte {
	for i, b := range src {
		if c.state == uuNone {
			return append(dst, src[i:]...)
		}
		if c.state == uuBefore {
			c.head = append(c.head, b)
		}
		if b != '\n' {
			if len(c.line) < uuLine {
				c.line = append(c.line, b)
			}
		} else {
			dst = c.endLine(dst)
		}
		if c.state == uuBefore && len(c.head) >= uuHead {
			dst = c.giveUp(dst)
		}
	}
	return dst
}

func (c *uuCodec) endLine(dst []byte) []byte {
	line := bytes.TrimRight(c.line, "\r")
	c.line = c.line[:0]
	switch c.state {
	case uuBefore:
		if isUUBegin(line) {
			c.state, c.head = uuInside, nil
		}
	case uuInside:
		if string(bytes.TrimRight(line, " \t")) == "end" {
			c.state = uuAfter
			return dst
		}
		return appendUULine(dst, line)
	}
	return dst
}

func (c *uuCodec) end(dst []byte) []byte {
	if len(c.line) > 0 && c.state != uuNone {
		dst = c.endLine(dst)
	}
	if c.state == uuBefore {
		dst = c.giveUp(dst)
	}
	return dst
}

func (c *uuCodec) giveUp(dst []byte) []byte {
	dst = append(dst, c.head...)
	c.state, c.head, c.line = uuNone, nil, nil
	return dst
}

// isUUBegin reports "begin", an octal mode and a name.
func isUUBegin(line []byte) bool {
	f := bytes.Fields(line)
	return len(f) >= 2 && string(f[0]) == "begin" && len(bytes.Trim(f[1], "01234567")) == 0
}

// appendUULine decodes one line. Trailing blanks, which stand for zeros, may have
// been lost on the way, so what is missing counts as zero.
func appendUULine(dst, line []byte) []byte {
	if len(line) == 0 {
		return dst
	}
	n := int(line[0]-' ') & 63
	line = line[1:]
	if need := (n + 2) / 3 * 4; n == 0 || len(line) < need/2 {
		// Neither data nor something that lost a few blanks.
		return dst
	}
	at := func(i int) byte {
		if i >= len(line) {
			return 0
		}
		return (line[i] - ' ') & 63
	}
	for i := 0; n > 0; i, n = i+4, n-3 {
		a, b, c, d := at(i), at(i+1), at(i+2), at(i+3)
		three := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | d}
		dst = append(dst, three[:min(n, 3)]...)
	}
	return dst
}
