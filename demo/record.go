package demo

import (
	"bytes"
	"net"
	"strconv"
	"strings"
)

// recordingListener hands out connections whose incoming commands are reported.
type recordingListener struct {
	net.Listener
	record func(string)
}

func (l *recordingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordingConn{Conn: c, commands: commandReader{record: l.record}}, nil
}

type recordingConn struct {
	net.Conn
	commands commandReader
}

func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.commands.write(p[:n])
	return n, err
}

// commandReader finds the command names in what a client sends (RFC 3501
// section 2.2.1): it skips literals and the lines of AUTHENTICATE, and keeps of
// a line no more than it needs.
type commandReader struct {
	record  func(string)
	line    []byte
	literal int64 // octets of a literal that are still to come
	goesOn  bool  // this line continues a command after a literal
	secret  bool  // this line answers an AUTHENTICATE challenge
}

// maxLine bounds what is kept of one line. Names stand at its start; the size of
// a literal stands at its end and is lost on longer lines, which no client of
// the demo sends.
const maxLine = 64 << 10

func (r *commandReader) write(p []byte) {
	for len(p) > 0 {
		if r.literal > 0 {
			n := min(r.literal, int64(len(p)))
			r.literal -= n
			p = p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			r.keep(p)
			return
		}
		r.keep(p[:end])
		p = p[end+1:]
		r.endLine(strings.TrimSuffix(string(r.line), "\r"))
		r.line = r.line[:0]
	}
}

func (r *commandReader) keep(p []byte) {
	if room := maxLine - len(r.line); len(p) > room {
		p = p[:room]
	}
	r.line = append(r.line, p...)
}

func (r *commandReader) endLine(line string) {
	switch {
	case r.goesOn:
	case r.secret:
		r.secret = false
	default:
		r.command(line)
	}
	r.literal, r.goesOn = literalSize(line)
}

// literalSize reads {123} or {123+} at the end of a line.
func literalSize(line string) (int64, bool) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(line[open+1:len(line)-1], "+"), 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	return n, true
}

func (r *commandReader) command(line string) {
	_, rest, ok := strings.Cut(line, " ")
	if !ok {
		return // DONE, which ends IDLE, has no tag
	}
	name, args, _ := strings.Cut(rest, " ")
	name = strings.ToUpper(name)
	if name == "UID" {
		var verb string
		verb, args, _ = strings.Cut(args, " ")
		name += " " + strings.ToUpper(verb)
	}
	if strings.HasSuffix(name, "FETCH") && setsSeen(strings.ToUpper(args)) {
		name += " BODY["
	}
	if name == "AUTHENTICATE" && !strings.Contains(args, " ") {
		r.secret = true
	}
	r.record(name)
}

// setsSeen tells the items that set \Seen (RFC 3501 section 6.4.5).
func setsSeen(args string) bool {
	return strings.Contains(args, " BODY[") || strings.Contains(args, "(BODY[") ||
		strings.Contains(args, "RFC822.TEXT") ||
		strings.HasSuffix(args, " RFC822") || strings.Contains(args, "RFC822)") || strings.Contains(args, "RFC822 ") ||
		strings.Contains(args, " BINARY[") || strings.Contains(args, "(BINARY[")
}
