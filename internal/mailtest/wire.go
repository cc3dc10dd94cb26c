package mailtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oriel/imapsession/wire"
)

// Wire is a record of a conversation in the middle between Oriel and a server.
type Wire struct {
	address string

	mu      sync.Mutex
	start   time.Time
	serial  int
	log     []string            // every line, for the message of a test that fails
	asked   map[string]string   // connection and tag: the command
	all     []string            // the commands since Mark
	refused map[string][]string // connection: its commands that were answered NO or BAD, in order
	bad     []string            // commands that were answered BAD
	closed  []string            // what the server said when it hung up
}

// record listens in front of a server until the test ends.
func record(t testing.TB, server string) *Wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{address: l.Addr().String(), start: time.Now(), asked: map[string]string{}, refused: map[string][]string{}}
	var open sync.WaitGroup
	t.Cleanup(func() { l.Close(); open.Wait() })
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { w.serve(client, server) })
		}
	})
	return w
}

func (w *Wire) serve(client net.Conn, server string) {
	defer client.Close()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer up.Close()
	answers := wire.Prompt(up)
	w.mu.Lock()
	w.serial++
	name := strconv.Itoa(w.serial)
	w.mu.Unlock()
	var ended sync.WaitGroup
	ended.Go(func() {
		relay(up, client, func(line string) { w.said(name, line) })
		up.(*net.TCPConn).CloseWrite()
	})
	relay(client, answers, func(line string) { w.answered(name, line) })
	client.Close()
	ended.Wait()
}

var literal = regexp.MustCompile(`\{(\d+)\+?\}\r\n$`)

// relay copies a stream and hands out its lines without what literals contain.
func relay(to io.Writer, from io.Reader, each func(line string)) {
	r := bufio.NewReaderSize(from, 64<<10)
	logical := ""
	for {
		line, err := r.ReadString('\n')
		// The record first: whoever sees the effect of a line also finds it there.
		m := literal.FindStringSubmatch(line)
		if logical += line; m == nil && err == nil {
			each(strings.TrimRight(logical, "\r\n"))
			logical = ""
		}
		if _, werr := io.WriteString(to, line); werr != nil || err != nil {
			return
		}
		if m != nil {
			size, _ := strconv.ParseInt(m[1], 10, 64)
			if n, err := io.CopyN(to, r, size); err != nil || n != size {
				return
			}
		}
	}
}

func (w *Wire) note(name, arrow, line string) {
	w.log = append(w.log, fmt.Sprintf("%7.3f %s %s %.300s", time.Since(w.start).Seconds(), name, arrow, line))
}

// said notes a command.
func (w *Wire) said(name, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	tag, command, _ := strings.Cut(line, " ")
	if strings.HasPrefix(strings.ToUpper(command), "LOGIN") {
		command = "LOGIN …"
	}
	w.note(name, ">", tag+" "+command)
	w.asked[name+" "+tag] = command
	w.all = append(w.all, command)
}

// answered notes a response.
func (w *Wire) answered(name, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(name, "<", line)
	tag, rest, _ := strings.Cut(line, " ")
	status, _, _ := strings.Cut(strings.ToUpper(rest), " ")
	command, ok := w.asked[name+" "+tag]
	switch {
	case tag == "*" && status == "BYE":
		w.closed = append(w.closed, rest)
	case !ok:
	case status == "BAD":
		w.bad = append(w.bad, command+" -> "+rest)
		fallthrough
	case status == "NO":
		w.refused[name] = append(w.refused[name], command)
	}
}

// Mark forgets what was said so far, so that a test can look at what follows.
func (w *Wire) Mark() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused, w.all = map[string][]string{}, nil
}

// Refused lists the commands that the server refused since the last Mark.
func (w *Wire) Refused() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, list := range w.refused {
		all = append(all, list...)
	}
	return all
}

// Asked lists what Oriel has said since the last Mark.
func (w *Wire) Asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.all)
}

// Log is the end of the conversation up to now.
func (w *Wire) Log() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.log[max(0, len(w.log)-150):], "\n")
}

// checkWire looks at the whole conversation of a test: whatever was asked of
// Oriel, it has sent nothing that the server did not understand.
func (s *suite) checkWire() {
	w := s.a.Wire
	if w == nil {
		return
	}
	w.mu.Lock()
	commands, bad, closed := w.all, w.bad, w.closed
	w.mu.Unlock()
	for _, command := range commands {
		// Either would also remove what others have marked (RFC 4315 section 2.1).
		if upper := strings.ToUpper(command); upper == "EXPUNGE" || upper == "CLOSE" {
			s.Errorf("Oriel says %s", command)
		}
		if len(command) > 8<<10 {
			s.Errorf("Oriel says %d octets in one command: %.100s", len(command), command)
		}
	}
	for _, command := range bad {
		s.Errorf("the server did not understand %s", command)
	}
	for _, why := range closed {
		if strings.Contains(strings.ToLower(why), "violation") || strings.Contains(strings.ToLower(why), "too many") {
			s.Errorf("the server hung up: %s", why)
		}
	}
	if s.Failed() {
		s.Logf("the end of the conversation:\n%s", s.a.Wire.Log())
	}
}
