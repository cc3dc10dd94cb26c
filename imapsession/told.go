package imapsession

import (
	"sync"

	"github.com/emersion/go-imap/v2"

	"oriel/imapsession/wire"
)

// told is what a server says on its own, beside the answers. It is filled by the
// connection's reader, which must not wait for anything.
type told struct {
	mu       sync.Mutex
	vanished imap.UIDSet // named by VANISHED since the last look
	bye      string      // why the server ended the connection
	news     chan struct{}
}

// note takes what the wire hands up.
func (c *conn) note(n wire.Note) {
	switch n.Kind {
	case wire.Bye:
		c.told.mu.Lock()
		c.told.bye = n.Text
		c.told.mu.Unlock()
	case wire.Alert:
		c.session.alert(n.Text)
	case wire.Vanished, wire.Earlier:
		c.told.mu.Lock()
		for lo, hi := range n.Ranges() {
			c.told.vanished.AddRange(imap.UID(lo), imap.UID(hi))
		}
		c.told.mu.Unlock()
		if n.Kind == wire.Vanished {
			c.wake()
		}
	case wire.FlagsChanged, wire.HighestModSeq:
		c.remarks.Add(1)
		c.wake()
	case wire.StatusChanged, wire.Overflow:
		c.session.recountSoon()
		c.wake()
	}
}

// event counts an announced arrival or expunge.
func (c *conn) event() {
	c.events.Add(1)
	c.wake()
}

// wake tells the one who waits for news that there is some.
func (c *conn) wake() {
	select {
	case c.told.news <- struct{}{}:
	default: // nobody has taken the last one yet
	}
}

// takeVanished returns those of known that VANISHED has named since the last call.
func (c *conn) takeVanished(known []imap.UID) []imap.UID {
	c.told.mu.Lock()
	set := c.told.vanished
	c.told.vanished = nil
	c.told.mu.Unlock()
	if len(set) == 0 {
		return nil
	}
	// A set may be as wide as numbers go, so that only what is known is walked through.
	var gone []imap.UID
	for _, uid := range known {
		if set.Contains(uid) {
			gone = append(gone, uid)
		}
	}
	return gone
}

// bye is what the server said when it ended the connection.
func (c *conn) bye() string {
	c.told.mu.Lock()
	defer c.told.mu.Unlock()
	return words(c.told.bye)
}
