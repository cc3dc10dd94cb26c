package demo

import (
	"net"
	"sync"
	"time"
)

// queuedListener hands out connections that take what is written to them at
// once and send it as fast as the client reads.
//
// imapmemserver writes the answer to FETCH while it holds the folder, so that
// one client that stops reading in the middle of an attachment would stop every
// other client of the account, and the delivery of mail with it.
type queuedListener struct{ net.Listener }

func (l *queuedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	q := &queuedConn{Conn: c}
	q.changed = sync.NewCond(&q.mu)
	go q.send()
	return q, nil
}

const (
	// maxQueued is where writing waits after all. It is more than one message.
	maxQueued = 2 * maxMessage
	// lastWords is how long a closed connection may take to hand over the rest,
	// such as the BYE that answers LOGOUT.
	lastWords = 2 * time.Second
)

type queuedConn struct {
	net.Conn

	mu      sync.Mutex
	changed *sync.Cond
	queue   []byte
	err     error // why nothing can be sent any more
	closed  bool
}

// Write queues p.
func (c *queuedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) > maxQueued && c.err == nil && !c.closed {
		c.changed.Wait()
	}
	if c.err != nil {
		return 0, c.err
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	c.queue = append(c.queue, p...)
	c.changed.Broadcast()
	return len(p), nil
}

// SetWriteDeadline does nothing: writing does not wait for the client.
func (c *queuedConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline bounds reading alone, for the same reason.
func (c *queuedConn) SetDeadline(t time.Time) error { return c.Conn.SetReadDeadline(t) }

// Close stops reading at once and closes when the queue is empty or lastWords
// have passed.
func (c *queuedConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.changed.Broadcast()
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	return c.Conn.SetWriteDeadline(time.Now().Add(lastWords))
}

// send writes the queue until the connection is closed or breaks.
func (c *queuedConn) send() {
	defer c.Conn.Close()
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.closed {
			c.changed.Wait()
		}
		out := c.queue
		c.queue = nil
		c.mu.Unlock()
		if len(out) == 0 {
			return
		}
		_, err := c.Conn.Write(out)
		c.mu.Lock()
		c.err = err
		c.changed.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}
