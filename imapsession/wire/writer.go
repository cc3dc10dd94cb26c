package wire

import (
	"bytes"
	"strings"
	"sync"
)

// writer reads along with what the client sends: it keeps account of commands,
// counts the continuations that may come, puts the server's own spelling in the
// place of repaired folder names, and adds what go-imap cannot say. Whole lines
// leave it.
type writer struct {
	conn *Conn
	line []byte // what the client has sent of the current line
	lit  int64  // bytes of a literal still to be sent
	tag  string // of the command that the current line belongs to
	verb string // its name; "" between commands

	mu       sync.Mutex // reader and writer share what follows
	commands []command  // unanswered ones, in the order in which they were sent
	auth     string     // tag of a running AUTHENTICATE
	idle     string     // tag of a running IDLE
	raw      string     // takes the place of the next NOOP
	promised bool       // the server has said ENABLED QRESYNC
	qresync  bool       // and OK
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
		if w.line = w.line[:0]; cap(w.line) > idleBuffer {
			w.line = nil // a long UID set does not stay in memory
		}
	}
	return out, nil
}

// endLine notes what the complete line means and returns it for sending.
func (w *writer) endLine() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.auth != "" {
		return w.line // an answer to a challenge
	}
	if w.idle != "" {
		w.idle = ""
		w.conn.traceClient("", "", w.line)
		return w.line // DONE
	}
	line := w.line
	if w.verb == "" {
		line = w.rewrite(line)
		line = w.begin(line)
	}
	w.conn.traceClient(w.tag, w.verb, line)
	n, ok := literalSize(line)
	if ok {
		if w.lit = n; !bytes.HasSuffix(bytes.TrimRight(line, "\r\n"), []byte("+}")) {
			w.expect()
		}
	}
	if namesFolder(w.verb) {
		line = w.respell(line)
	}
	if !ok {
		w.verb = ""
	}
	return line
}

// begin reads tag and name of a new command, and returns the line as it is to be
// sent. It needs w.mu.
func (w *writer) begin(line []byte) []byte {
	w.tag = ""
	f := bytes.Fields(line[:min(len(line), 200)])
	if len(f) < 2 {
		return line
	}
	w.tag = string(f[0])
	w.verb = strings.ToUpper(string(f[1]))
	c := command{tag: w.tag}
	if w.verb == "UID" && len(f) > 2 {
		w.verb = strings.ToUpper(string(f[2]))
		c.uid = true
	}
	c.verb = w.verb
	switch w.verb {
	case "IDLE":
		w.idle = w.tag
		c.waits++
	case "AUTHENTICATE":
		w.auth = w.tag
	case "FETCH":
		line = w.extend(&c, line)
	case "ENABLE":
		for _, name := range f[2:] {
			c.qresync = c.qresync || bytes.EqualFold(name, []byte("QRESYNC"))
		}
	}
	w.commands = append(w.commands, c)
	return line
}

// expect counts a continuation for the current command. It needs w.mu.
func (w *writer) expect() {
	for i := range w.commands {
		if w.commands[i].tag == w.tag {
			w.commands[i].waits++
		}
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
