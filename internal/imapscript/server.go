// Package imapscript is a scripted IMAP server for tests: it says exactly what
// a test wants, however wrong, and records every command it was sent.
package imapscript

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server listens on a loopback port until the test ends.
type Server struct {
	Addr string // host:port
	Port int

	listener net.Listener
	done     sync.WaitGroup
	mu       sync.Mutex
	commands []string
	conns    map[net.Conn]bool
	accepted int
	closed   bool
}

// Start runs script for each connection, in its own goroutine, and closes the
// connection when the script returns.
func Start(t testing.TB, script func(c *Conn)) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String(), Port: l.Addr().(*net.TCPAddr).Port, listener: l, conns: map[net.Conn]bool{}}
	s.done.Add(1)
	go s.accept(script)
	t.Cleanup(s.close)
	return s
}

func (s *Server) accept(script func(c *Conn)) {
	defer s.done.Done()
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			nc.Close()
			return
		}
		s.conns[nc] = true
		s.accepted++
		c := &Conn{Conn: nc, Number: s.accepted, r: bufio.NewReader(nc), server: s}
		s.done.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.done.Done()
			defer c.Drop()
			script(c)
		}()
	}
}

func (s *Server) close() {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Commands returns all commands of all connections in order of arrival, without
// their tags and with literals in place: `LOGIN "a" "b"`, `UID FETCH 1 (UID)`.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

// Sent counts the recorded commands that begin with prefix.
func (s *Server) Sent(prefix string) int {
	n := 0
	for _, c := range s.Commands() {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// Accepted counts the connections so far, and Open those still open.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open counts the connections that neither script nor client has closed.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Dial connects to the server; the connection closes with the test.
func (s *Server) Dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Conn is the server's end of one connection.
type Conn struct {
	net.Conn
	Number int // 1 for the first connection of the server
	r      *bufio.Reader
	server *Server

	mu   sync.Mutex // of what is sent
	room int        // bytes that Send may still send; see CutAfter
	cut  bool
}

// CutAfter drops the connection in the middle of what is sent, n bytes from now.
func (c *Conn) CutAfter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.room, c.cut = n, true
}

// Command is one command of the client.
type Command struct {
	Tag  string
	Name string // upper case, with its UID: "UID FETCH"
	Args string // what follows the name, literals in place as {n}\r\n and bytes
}

// Send writes s as it stands; line ends are the caller's. It reports whether the
// client still listens.
func (c *Conn) Send(format string, args ...any) bool {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut && c.room < len(format) {
		io.WriteString(c.Conn, format[:c.room])
		c.room = 0
		c.Drop()
		return false
	}
	c.room -= len(format)
	_, err := io.WriteString(c.Conn, format)
	return err == nil
}

// OK ends a command well. text may begin with a response code.
func (c *Conn) OK(cmd Command, text string) { c.Send("%s OK %s\r\n", cmd.Tag, text) }

// No refuses a command.
func (c *Conn) No(cmd Command, text string) { c.Send("%s NO %s\r\n", cmd.Tag, text) }

// Bad rejects a command.
func (c *Conn) Bad(cmd Command, text string) { c.Send("%s BAD %s\r\n", cmd.Tag, text) }

// Read waits for the next command, asks for its literals, and records it. ok is
// false once the connection has ended.
func (c *Conn) Read() (cmd Command, ok bool) {
	line, err := c.line()
	for err == nil {
		n, sync, isLiteral := literal(line)
		if !isLiteral {
			break
		}
		if sync && !c.Send("+ go on\r\n") {
			return Command{}, false
		}
		data := make([]byte, n)
		if _, err = io.ReadFull(c.r, data); err != nil {
			break
		}
		var rest string
		rest, err = c.line()
		line += "\r\n" + string(data) + rest
	}
	if err != nil {
		return Command{}, false
	}
	cmd.Tag, line, _ = strings.Cut(line, " ")
	c.server.mu.Lock()
	c.server.commands = append(c.server.commands, line)
	c.server.mu.Unlock()
	cmd.Name, cmd.Args, _ = strings.Cut(line, " ")
	if strings.EqualFold(cmd.Name, "UID") {
		var verb string
		verb, cmd.Args, _ = strings.Cut(cmd.Args, " ")
		cmd.Name += " " + verb
	}
	cmd.Name = strings.ToUpper(cmd.Name)
	return cmd, true
}

// ReadUntil answers every command with OK until one of the given name arrives,
// and returns that one.
func (c *Conn) ReadUntil(name string) (Command, bool) {
	for {
		cmd, ok := c.Read()
		if !ok || cmd.Name == name {
			return cmd, ok
		}
		c.OK(cmd, "done")
	}
}

// Line reads one bare line, such as DONE or an answer to AUTHENTICATE.
func (c *Conn) Line() (string, bool) {
	s, err := c.line()
	return s, err == nil
}

func (c *Conn) line() (string, error) {
	s, err := c.r.ReadString('\n')
	return strings.TrimRight(s, "\r\n"), err
}

// DropAll breaks every connection that is open now.
func (s *Server) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Drop closes the connection now.
func (c *Conn) Drop() {
	c.server.mu.Lock()
	delete(c.server.conns, c.Conn)
	c.server.mu.Unlock()
	c.Close()
}

// Hang says nothing more, reads everything and returns when the client closes.
func (c *Conn) Hang() { io.Copy(io.Discard, c.r) }

// Flood sends s again and again, n times or until the client closes. It returns
// the bytes sent.
func (c *Conn) Flood(s string, n int) (sent int64) {
	w := bufio.NewWriterSize(c.Conn, 64<<10)
	for range n {
		m, err := w.WriteString(s)
		sent += int64(m)
		if err != nil {
			return sent
		}
	}
	w.Flush()
	return sent
}

// literal recognises a line that ends in {n} or {n+}.
func literal(line string) (n int, sync, ok bool) {
	at := strings.LastIndexByte(line, '{')
	if at < 0 || !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	digits := line[at+1 : len(line)-1]
	sync = !strings.HasSuffix(digits, "+")
	n, err := strconv.Atoi(strings.TrimSuffix(digits, "+"))
	return n, sync, err == nil && n >= 0 && n <= 64<<20
}
