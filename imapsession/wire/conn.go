package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// The reasons for which a Conn ends itself; see Conn.Err.
var (
	ErrTimeout      = errors.New("wire: the server did not answer in time")
	ErrLimit        = errors.New("wire: the server sent more than a limit allows")
	ErrShortLiteral = errors.New("wire: the connection ended inside a response")
)

// Conn is the filtered connection. Reading, writing and everything else may
// happen at the same time, each from one goroutine.
type Conn struct {
	conn  net.Conn
	rd    reader
	wr    writer
	names *Names
	note  func(Note)
	trace func(dir byte, redacted []byte)
	out   []byte // filtered bytes that the client has not read yet
	outAt int
	small [512]byte // what is read into while no answer is due
	rerr  error     // what Read returns once out is empty

	mu       sync.Mutex // guards everything below
	limits   Limits
	budget   Budget
	armed    bool
	answered bool
	deadline time.Time
	used     int64
	in, sent int64
	dropped  int64
	closed   bool
	err      error
}

// idleBuffer is the largest buffer that a connection keeps while it waits for
// nothing. A thousand open pages are a thousand such connections.
const idleBuffer = 1 << 10

// chunks are what connections read into while answers flow.
var chunks = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// New wraps c. It does no I/O.
func New(c net.Conn, o Options) *Conn {
	names := o.Names
	if names == nil {
		names = NewNames()
	}
	w := &Conn{conn: c, names: names, note: o.Note, trace: o.Trace, limits: o.Limits.withDefaults()}
	w.rd = reader{conn: w, limits: w.limits}
	w.wr = writer{conn: w}
	if len(o.Greeting) > 0 {
		w.digest(o.Greeting)
	}
	return w
}

// Begin arms the limits for the commands about to be sent, until End or the
// next Begin.
func (c *Conn) Begin(b Budget) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget, c.armed, c.answered, c.used = b, true, false, 0
	c.setDeadline(b.First)
}

// End disarms: nothing is outstanding, or IDLE is running. Reading may wait for
// ever then; the size limits stay.
func (c *Conn) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget, c.armed, c.used = Budget{}, false, 0
	c.setDeadline(0)
}

// Err tells why the Conn ended itself: ErrTimeout, ErrLimit, ErrShortLiteral,
// or nil when it did not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Bytes counts what the server sent and what was sent to it.
func (c *Conn) Bytes() (in, out int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.in, c.sent
}

// Dropped counts the FETCH responses that answer no command, or that
// Budget.NeedItem removed: a sign that flags have changed which the client was
// not told of. Each was a FlagsChanged note too.
func (c *Conn) Dropped() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped
}

// Read returns filtered responses.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for c.outAt == len(c.out) {
		if c.rerr != nil {
			return 0, c.rerr
		}
		c.fill()
	}
	n := copy(p, c.out[c.outAt:])
	if c.outAt += n; c.outAt == len(c.out) {
		if c.outAt = 0; cap(c.out) > 64<<10 {
			c.out = nil // a long SEARCH answer does not stay in memory
		} else {
			c.out = c.out[:0]
		}
	}
	return n, nil
}

// fill reads once from the network. The deadline is set anew each time, so that
// a client slow to read is not blamed on the server.
func (c *Conn) fill() {
	c.mu.Lock()
	if c.armed && c.answered {
		c.setDeadline(c.budget.Progress)
	}
	c.mu.Unlock()
	into := c.small[:]
	if c.wr.busy() {
		chunk := chunks.Get().(*[16 << 10]byte)
		defer chunks.Put(chunk)
		into = chunk[:]
	} else {
		c.rest()
	}
	n, err := c.conn.Read(into)
	if n > 0 {
		c.digest(into[:n])
	}
	switch {
	case err == nil || c.rerr != nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.mu.Lock()
		due := c.armed && !c.deadline.IsZero() && !time.Now().Before(c.deadline)
		c.mu.Unlock()
		if due {
			c.fail(ErrTimeout, ErrTimeout)
		} // else Begin or End has moved the deadline meanwhile
	case c.rd.inside():
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		c.fail(ErrShortLiteral, err)
	default:
		c.rerr = err
	}
}

// rest gives back what is not needed until the next command, before a wait that
// may last for hours.
func (c *Conn) rest() {
	if cap(c.out) > idleBuffer { // all of it has been read
		c.out, c.outAt = nil, 0
	}
	if len(c.rd.buf) == 0 && cap(c.rd.buf) > idleBuffer {
		c.rd.buf = nil
	}
}

// digest counts bytes of the server and passes them through the filter.
func (c *Conn) digest(p []byte) {
	c.mu.Lock()
	c.answered = true
	c.in += int64(len(p))
	c.used += int64(len(p))
	budget := c.budget
	limit := budget.MaxBytes
	if limit == 0 && !budget.BodyLiterals {
		limit = c.limits.Response
	}
	over := limit > 0 && c.used > limit
	c.mu.Unlock()
	if over {
		c.fail(ErrLimit, ErrLimit)
		return
	}
	if err := c.rd.feed(p, budget); err != nil {
		c.fail(err, err)
	}
}

// fail ends the connection. why is for Err, err for the reader.
func (c *Conn) fail(why, err error) {
	c.rerr = err
	c.blame(why)
	c.conn.Close()
}

// blame records the first reason, unless the connection was closed on purpose.
func (c *Conn) blame(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && !c.closed {
		c.err = why
	}
}

// setDeadline needs c.mu.
func (c *Conn) setDeadline(d time.Duration) {
	c.deadline = time.Time{}
	if d > 0 {
		c.deadline = time.Now().Add(d)
	}
	c.conn.SetReadDeadline(c.deadline) // fails only on a closed connection, as Read will
}

// Write sends commands, with repaired folder names in the server's own spelling.
func (c *Conn) Write(p []byte) (int, error) {
	b, err := c.wr.feed(p)
	if err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return len(p), nil // a line that is not complete yet
	}
	c.mu.Lock()
	limit := c.budget.Progress
	if !c.armed || limit <= 0 {
		limit = 30 * time.Second
	}
	c.mu.Unlock()
	c.conn.SetWriteDeadline(time.Now().Add(limit))
	n, err := c.conn.Write(b)
	c.conn.SetWriteDeadline(time.Time{}) // TLS may have to write while we read
	c.mu.Lock()
	c.sent += int64(n)
	if c.armed && !c.answered {
		c.setDeadline(c.budget.First)
	}
	c.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.blame(ErrTimeout)
		err = ErrTimeout
		c.conn.Close()
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close closes the connection below.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return c.conn.Close()
}

// LocalAddr is the address of the connection below.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr is the address of the connection below.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// SetDeadline does nothing: the client's own deadlines are wrong for us, because
// its limit for a literal is five minutes however well it flows. Begin rules.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing; see SetDeadline.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing; see SetDeadline.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
