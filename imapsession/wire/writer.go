package wire

import (
	"bytes"
	"strings"
	"sync"
)

// writer reads along with what the client sends: it notes tags, counts the
// continuations that may come, and puts the server's own spelling in the place
// of repaired folder names. Whole lines leave it.
type writer struct {
	conn *Conn
	line []byte // what the client has sent of the current line
	lit  int64  // bytes of a literal still to be sent
	tag  string // of the command that the current line belongs to
	verb string // its name; "" between commands

	mu   sync.Mutex     // reader and writer share what follows
	tags map[string]int // unanswered commands, and the continuations each waits for
	auth string         // tag of a running AUTHENTICATE
	idle string         // tag of a running IDLE
}

// finished reports whether a tagged response ends a command of ours.
func (w *writer) finished(tag string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, known := w.tags[tag]
	delete(w.tags, tag)
	if tag == w.auth {
		w.auth = ""
	}
	if tag == w.idle {
		w.idle = ""
	}
	return known
}

// continued reports whether the client waits for a continuation. The client ends
// the connection over one that it does not expect.
func (w *writer) continued() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.auth != "" {
		return true
	}
	for tag, n := range w.tags {
		if n > 0 {
			w.tags[tag]--
			return true
		}
	}
	return false
}

// feed takes bytes of the client and returns those to be sent now.
func (w *writer) feed(p []byte) (out []byte, err error) {
	for len(p) > 0 {
		if w.lit > 0 {
			n := int(min(w.lit, int64(len(p))))
			out = append(out, p[:n]...)
			w.lit -= int64(n)
			p = p[n:]
			continue
		}
		eol := bytes.IndexByte(p, '\n')
		if eol < 0 {
			if len(w.line)+len(p) > w.conn.limits.Line {
				return nil, ErrLimit
			}
			w.line = append(w.line, p...)
			return out, nil
		}
		w.line = append(w.line, p[:eol+1]...)
		p = p[eol+1:]
		out = append(out, w.endLine()...)
		w.line = w.line[:0]
	}
	return out, nil
}

// endLine notes what the complete line means and returns it for sending.
func (w *writer) endLine() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.auth != "" || w.idle != "" { // an answer to a challenge, or DONE
		w.idle = ""
		return w.line
	}
	if w.verb == "" {
		w.begin()
	}
	if secret := w.verb == "LOGIN" || w.verb == "AUTHENTICATE"; secret {
		w.conn.traceLine('C', []byte(w.tag+" "+w.verb+" ..."))
	} else {
		w.conn.traceLine('C', w.line)
	}
	line := w.line
	if namesFolder(w.verb) {
		line = w.respell(line)
	}
	n, ok := literalSize(w.line)
	if !ok {
		w.verb = ""
		return line
	}
	if w.lit = n; !bytes.HasSuffix(bytes.TrimRight(w.line, "\r\n"), []byte("+}")) {
		w.tags[w.tag]++
	}
	return line
}

// begin reads tag and name of a new command. It needs w.mu.
func (w *writer) begin() {
	f := bytes.Fields(w.line[:min(len(w.line), 200)])
	if len(f) < 2 {
		return
	}
	w.tag = string(f[0])
	w.tags[w.tag] = 0
	w.verb = strings.ToUpper(string(f[1]))
	if w.verb == "UID" && len(f) > 2 {
		w.verb = strings.ToUpper(string(f[2]))
	}
	switch w.verb {
	case "IDLE":
		w.idle = w.tag
		w.tags[w.tag]++
	case "AUTHENTICATE":
		w.auth = w.tag
	}
}

// namesFolder reports whether the quoted strings of a command are folder names.
// LOGIN's are not, whatever they look like.
func namesFolder(verb string) bool {
	switch verb {
	case "SELECT", "EXAMINE", "STATUS", "LIST", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "COPY", "MOVE", "APPEND":
		return true
	}
	return false
}

// respell puts the server's spelling in the place of repaired names. The client
// quotes every folder name.
func (w *writer) respell(line []byte) []byte {
	var out []byte
	for i := 0; i < len(line); {
		if line[i] != '"' {
			out = append(out, line[i])
			i++
			continue
		}
		s := scanner{b: line, at: i}
		v, ok := s.quoted()
		if !ok {
			return append(out, line[i:]...)
		}
		if raw, ok := w.conn.names.outgoing(string(v.text)); ok {
			out = appendString(out, []byte(raw))
		} else {
			out = append(out, line[i:s.at]...)
		}
		i = s.at
	}
	return out
}
