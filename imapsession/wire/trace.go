package wire

import "bytes"

// traceLine hands a line to Options.Trace without what a log must not hold: the
// strings (subjects, addresses, folder names, credentials) and the literals.
func (c *Conn) traceLine(dir byte, line []byte) {
	if c.trace == nil {
		return
	}
	line = bytes.TrimRight(line, "\r\n")
	if eol := bytes.IndexByte(line, '\n'); eol >= 0 {
		line = line[:eol]
	}
	var out []byte
	for i := 0; i < len(line) && len(out) < 1000; i++ {
		out = append(out, line[i])
		if line[i] != '"' {
			continue
		}
		for i++; i < len(line) && line[i] != '"'; i++ {
			if line[i] == '\\' {
				i++
			}
		}
		out = append(out, `..."`...)
	}
	c.trace(dir, out)
}
