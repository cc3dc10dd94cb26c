package imapsession

import (
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession/wire"
	"oriel/mail"
)

// conn is one signed-in connection. It belongs to one goroutine at a time: the
// one that has borrowed it. Only events and sock are touched by others.
type conn struct {
	session *Session
	sock    *socket
	nc      *wire.Conn
	client  *imapclient.Client
	caps    caps
	box     *box   // the selected mailbox; nil: none
	place   *place // among the connections of all users

	events   atomic.Uint64 // announced arrivals and expunges
	expunges atomic.Uint64 // announced expunges, those of our own commands too
	remarks  atomic.Uint64 // announced changes of flags
	told     told          // what the server has said on its own

	used     time.Time // when it was last given back
	streamed bool      // was last used for a stream: evicted earlier
	fresh    bool      // was dialled for this borrower: an early end is no stale connection
	changing bool      // a command that changes mail has been sent in this lease
	lost     bool      // never to be used again
	idled    bool      // an IDLE has just made the server look
}

// box is what SELECT told.
type box struct {
	name     string
	validity uint32
	uidNext  imap.UID
	since    time.Time // of SELECT
	exists   uint32    // at SELECT; the client counts on from there
	modSeq   uint64    // HIGHESTMODSEQ at SELECT; 0: the server has none
	events   uint64    // conn.events when the index was last known to be right
	expunges uint64    // conn.expunges at that time
	remarks  uint64    // conn.remarks likewise
	looked   bool      // all of these are of a look at what had changed
	version  uint64    // index.version at that time; 0: never
}

// limits for the commands of one flight.
func (c *conn) small() wire.Budget {
	l := c.session.pool.limits
	return wire.Budget{First: l.First, Progress: l.Progress}
}

// rows also allows body literals, which the caller has bounded by partial fetches.
func (c *conn) rows() wire.Budget {
	b := c.small()
	b.BodyLiterals, b.MaxBytes = true, maxFlight
	return b
}

func (c *conn) search() wire.Budget {
	l := c.session.pool.limits
	return wire.Budget{First: l.Sort, Progress: l.Sort}
}

func (c *conn) stream() wire.Budget {
	l := c.session.pool.limits
	return wire.Budget{First: l.Stream, Progress: l.Stream, BodyLiterals: true}
}

// maxFlight bounds the answer of any one flight that is held in memory.
const maxFlight = 48 << 20

// within runs f, which sends commands and waits for all of them, under a budget.
func (c *conn) within(b wire.Budget, f func() error) error {
	c.nc.Begin(b)
	defer c.nc.End()
	return f()
}

// selectBox makes folder the selected mailbox. did is false when it was already.
func (c *conn) selectBox(op, folder string) (did bool, err error) {
	if c.box != nil && c.box.name == folder && c.session.cache.sameFolder(folder, c.box.validity, c.box.since) {
		return false, nil
	}
	c.box = nil // a failed SELECT leaves none selected (RFC 3501 section 6.3.1)
	before := c.client.Mailbox()
	err = c.within(c.small(), func() error {
		data, err := c.client.Select(folder, &imap.SelectOptions{CondStore: c.caps.condstore}).Wait()
		if err != nil {
			return c.selectFault(op, err)
		}
		c.awaitMailbox(before)
		c.box = &box{name: folder, since: time.Now(), validity: max(1, data.UIDValidity), uidNext: data.UIDNext, exists: data.NumMessages,
			modSeq: data.HighestModSeq, events: c.events.Load(), expunges: c.expunges.Load()}
		return nil
	})
	return true, err
}

// awaitMailbox returns when the client counts the messages of the mailbox that it
// has just selected. It reports a SELECT as done a moment before, and until then
// it counts those of the mailbox before.
func (c *conn) awaitMailbox(before *imapclient.SelectedMailbox) {
	for range 1000 {
		if m := c.client.Mailbox(); m != before && m != nil || c.dead() {
			return
		}
		time.Sleep(20 * time.Microsecond)
	}
}

// noop lets the server announce what has changed in the selected mailbox.
func (c *conn) noop(op string) error {
	return c.within(c.small(), func() error { return c.fault(op, c.client.Noop().Wait()) })
}

// exists is the number of messages as announced so far.
func (c *conn) exists() uint32 {
	if m := c.client.Mailbox(); m != nil {
		return m.NumMessages
	}
	return 0
}

// enter selects a folder for work on messages with a known UIDVALIDITY and
// compares it: a UID of another validity names another message, or none.
func (c *conn) enter(op, folder string, validity uint32) error {
	if _, err := c.selectBox(op, folder); err != nil {
		return err
	}
	if c.box.validity != validity {
		return problem(mail.Stale, op, "", nil)
	}
	return nil
}

// enterToChange is enter for commands that must not be repeated blindly: a
// connection that was idle for a while is asked first whether it still lives,
// and one that has had the folder open for long opens it again. A folder that
// was deleted and made anew meanwhile may go on under its old UIDVALIDITY on a
// connection that has it open (Dovecot, Courier), with new messages under old UIDs.
func (c *conn) enterToChange(op, folder string, validity uint32) error {
	const trusted, sure = 10 * time.Second, time.Minute
	if c.box != nil && c.box.name == folder && time.Since(c.box.since) > sure {
		c.box = nil
	}
	if !c.fresh && c.box != nil && c.box.name == folder && time.Since(c.used) > trusted {
		if err := c.noop(op); err != nil {
			return err
		}
	}
	return c.enter(op, folder, validity)
}

// dead reports whether the connection is known to have ended.
func (c *conn) dead() bool {
	return c.lost || c.ended()
}

// ended reports whether the connection has been closed by either side. Unlike
// dead it may be asked by anybody.
func (c *conn) ended() bool {
	select {
	case <-c.client.Closed():
		return true
	default:
		return false
	}
}

// kill ends the connection at once. The socket goes first: Client.Close waits for
// the reader, which may be inside a literal that nobody reads (T5).
func (c *conn) kill() {
	c.lost = true
	c.sock.cut()
	c.client.Close()
	c.place.leave()
}

// part ends the connection politely.
func (c *conn) part() {
	c.nc.Begin(wire.Budget{First: time.Second, Progress: time.Second})
	c.client.Logout().Wait()
	c.kill()
}
