package decode

import (
	"io"
	"slices"
	"strings"
)

// Reader undoes a Content-Transfer-Encoding while it is read, with a few KiB of
// memory. Damage never stops it: base64 ignores foreign bytes, starts anew after
// "=" and accepts a missing tail; quoted-printable keeps what is no escape as it
// stands. An encoding that nobody knows is none. Errors are those of r alone.
func Reader(r io.Reader, encoding string) io.Reader {
	switch transferEncoding(encoding) {
	case "base64":
		return &filter{r: r, c: &base64Codec{}}
	case "quoted-printable":
		return &filter{r: r, c: &qpCodec{}}
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return &filter{r: r, c: &uuCodec{}}
	}
	return r
}

// transferEncoding reduces the field's value: lower case, without quotes, a
// comment or a stray parameter.
func transferEncoding(s string) string {
	s = strings.Trim(strings.ToLower(s), " \t\r\n\"'")
	if i := strings.IndexAny(s, " \t;(\"'"); i >= 0 {
		s = s[:i]
	}
	return s
}

// codec is a decoder that is fed its input in pieces.
type codec interface {
	feed(dst, src []byte) []byte // appends what src completes to dst
	end(dst []byte) []byte       // appends what the end of input completes
}

// filter drives a codec from a reader.
type filter struct {
	r   io.Reader
	c   codec
	in  [4096]byte
	out []byte // decoded, not yet read
	buf []byte // backing store of out
	err error
}

func (f *filter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(f.out) == 0 {
		if f.err != nil {
			return 0, f.err
		}
		n, err := f.r.Read(f.in[:])
		f.buf = f.c.feed(f.buf[:0], f.in[:n])
		if err != nil {
			f.err = err
			f.buf = f.c.end(f.buf)
		}
		f.out = f.buf
		if n == 0 && err == nil {
			return 0, nil // the caller decides how patient to be
		}
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

// sextets maps the base64 alphabet to its values, all else to -1.
var sextets = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	return t
}()

// base64Codec reads RFC 2045 section 6.8.
type base64Codec struct {
	acc uint32
	n   int // sextets in acc, 0 to 3
}

func (c *base64Codec) feed(dst, src []byte) []byte {
	dst = slices.Grow(dst, len(src)/4*3+3)
	for len(src) > 0 {
		if c.n == 0 {
			var read int
			dst, read = quads(dst, src)
			if src = src[read:]; len(src) == 0 {
				break
			}
		}
		b := src[0]
		src = src[1:]
		v := sextets[b]
		if v < 0 {
			if b == '=' {
				dst = c.end(dst)
			}
			continue
		}
		c.acc = c.acc<<6 | uint32(v)
		if c.n++; c.n == 4 {
			dst = append(dst, byte(c.acc>>16), byte(c.acc>>8), byte(c.acc))
			c.acc, c.n = 0, 0
		}
	}
	return dst
}

// quads decodes whole groups of four characters up to the first that has a
// foreign one, such as the end of a line: nearly all of an attachment.
func quads(dst, src []byte) (out []byte, read int) {
	at := len(dst)
	out = slices.Grow(dst, len(src)/4*3)[:at+len(src)/4*3]
	for ; len(src)-read >= 4; read += 4 {
		q := src[read : read+4 : read+4]
		v := int32(sextets[q[0]])<<18 | int32(sextets[q[1]])<<12 | int32(sextets[q[2]])<<6 | int32(sextets[q[3]])
		if v < 0 { // one of them is: the sign fills all the bits above its own
			break
		}
		o := out[at : at+3 : at+3]
		o[0], o[1], o[2] = byte(v>>16), byte(v>>8), byte(v)
		at += 3
	}
	return out[:at], read
}

func (c *base64Codec) end(dst []byte) []byte {
	switch c.n {
	case 2:
		dst = append(dst, byte(c.acc>>4))
	case 3:
		dst = append(dst, byte(c.acc>>10), byte(c.acc>>2))
	}
	c.acc, c.n = 0, 0
	return dst
}

// qpCodec reads RFC 2045 section 6.7. held is what cannot be judged yet: blanks
// that vanish at a line's end, or the beginning of an escape.
type qpCodec struct {
	held []byte
}

// qpHeld bounds held. Lines are 76 characters long; more blanks than this are
// passed on as they are.
const qpHeld = 1024

func (c *qpCodec) feed(dst, src []byte) []byte {
	for _, b := range src {
		dst = c.step(dst, b)
	}
	return dst
}

func (c *qpCodec) step(dst []byte, b byte) []byte {
	escape := len(c.held) > 0 && c.held[0] == '='
	switch {
	case b == '\n':
		// Both a soft break ("=" and blanks) and trailing blanks end here. A CR
		// that was held belongs to the line end.
		soft := escape && len(c.held) > 0 && strings.Trim(string(c.held[1:]), " \t\r") == ""
		if !soft {
			keep := strings.TrimRight(string(c.held), " \t\r")
			dst = append(dst, keep...)
			if len(c.held) > 0 && c.held[len(c.held)-1] == '\r' {
				dst = append(dst, '\r')
			}
			dst = append(dst, '\n')
		}
		c.held = c.held[:0]
		return dst
	case escape && len(c.held) == 2 && isHex(c.held[1]):
		if isHex(b) {
			dst = append(dst, unhex(c.held[1])<<4|unhex(b))
			c.held = c.held[:0]
			return dst
		}
	case escape && len(c.held) == 1 && isHex(b):
		c.held = append(c.held, b)
		return dst
	case (b == ' ' || b == '\t' || b == '\r') && len(c.held) < qpHeld:
		c.held = append(c.held, b)
		return dst
	}
	dst = c.flush(dst)
	if b == '=' || b == ' ' || b == '\t' || b == '\r' {
		c.held = append(c.held, b)
		return dst
	}
	return append(dst, b)
}

func (c *qpCodec) flush(dst []byte) []byte {
	dst = append(dst, c.held...)
	c.held = c.held[:0]
	return dst
}

// end drops trailing blanks and a soft break at the very end, and keeps an
// escape that the end cut in two.
func (c *qpCodec) end(dst []byte) []byte {
	keep := strings.TrimRight(string(c.held), " \t\r")
	c.held = c.held[:0]
	if keep == "=" {
		return dst
	}
	return append(dst, keep...)
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'F' || b >= 'a' && b <= 'f'
}

func unhex(b byte) byte {
	switch {
	case b <= '9':
		return b - '0'
	case b <= 'F':
		return b - 'A' + 10
	}
	return b - 'a' + 10
}
