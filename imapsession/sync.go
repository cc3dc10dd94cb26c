package imapsession

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// maxDelta is how many changed messages of one look are taken one by one. After
// more than that all remembered flags are asked for again, page by page.
const maxDelta = 20000

// sync brings the mirror of the selected mailbox up to date, at the least cost
// that the server allows, and never by reading all flags or envelopes:
//
//   - just selected, and HIGHESTMODSEQ, EXISTS and UIDNEXT are as they were: nothing
//   - CONDSTORE: NOOP; when that announces something, one FETCH of what has changed
//     since (RFC 7162 section 3.1.4.1), and the set of UIDs when some are gone
//   - otherwise: NOOP, the set of UIDs when something was announced, and no trust
//     in remembered flags
//
// selected says that this mailbox has just been selected.
func (c *conn) sync(op string, selected bool) error {
	m := c.session.cache.view(c.box.name, c.box.validity)
	if selected && c.box.modSeq != 0 && m.modSeq > c.box.modSeq {
		// Either another connection has seen more since this SELECT, which a second
		// one tells, or the numbers went backwards, as after a restored backup: what
		// has changed below the old one would never be told.
		folder := c.box.name
		c.box = nil
		if _, err := c.selectBox(op, folder); err != nil {
			return err
		}
		if c.box.modSeq != 0 && m.modSeq > c.box.modSeq {
			m.modSeq = c.session.cache.rewind(c.box.name, c.box.validity, c.box.modSeq)
		}
		m = c.session.cache.view(c.box.name, c.box.validity)
	}
	switch {
	case m.order == nil:
		return c.syncOrder(op, selected, false)
	case m.plain, !c.caps.condstore || m.modSeq == 0 || c.box.modSeq == 0 || c.hidesDeleted():
		return c.syncOrder(op, selected, true)
	case selected && m.modSeq == c.box.modSeq && c.box.uidNext != 0 && m.order.uidNext == c.box.uidNext &&
		len(m.order.uids) == int(c.exists()) && len(m.removed) == 0:
		c.inStepWith(m.order)
		return nil
	}
	if !selected && !c.idled {
		// Not in one flight with the FETCH: Dovecot looks at the mailbox only after
		// the last command of a flight.
		if err := c.noop(op); err != nil {
			return err
		}
	}
	if !selected && c.box.looked && c.box.events == c.events.Load() && c.box.remarks == c.remarks.Load() {
		return nil // nothing was announced since this connection has looked last
	}
	err := c.syncDelta(op, m, selected)
	if errors.Is(err, errUnreadable) {
		c.session.cache.setPlain(c.box.name, c.box.validity)
	}
	return err
}

// syncOrder asks for the order alone. doubtful says that remembered flags may be
// old: the server has no way to say what has changed.
func (c *conn) syncOrder(op string, selected, doubtful bool) error {
	if !selected {
		if err := c.noop(op); err != nil {
			return err
		}
	}
	remarks := c.remarks.Load()
	if doubtful {
		c.session.cache.doubt(c.box.name, c.box.validity)
	}
	_, err := c.order(op)
	c.box.remarks = remarks
	return err
}

// behind reports whether something was announced after the last look.
func (c *conn) behind() bool {
	return c.box.events != c.events.Load() || c.box.remarks != c.remarks.Load()
}

// change is one message of a delta.
type change struct {
	uid     imap.UID
	flags   mail.Flags
	modSeq  uint64
	arrived time.Time
}

func (c *conn) syncDelta(op string, m mirror, selected bool) error {
	events, remarks := c.events.Load(), c.remarks.Load()
	changes, more, err := c.changedSince(op, m.modSeq)
	if err != nil {
		return err
	}
	gone := c.takeVanished(m.order.uids)
	fresh, modSeq := newcomers(changes, m.order.uidNext), m.modSeq
	for _, ch := range changes {
		modSeq = max(modSeq, ch.modSeq)
	}
	if selected {
		modSeq = max(modSeq, c.box.modSeq)
	}
	if more {
		return c.resync(op, modSeq)
	}
	uids, ok, err := c.arrange(op, m.order, fresh)
	if err != nil {
		return err
	}
	old := m.order
	if !ok {
		old = nil
	}
	if !ok || !c.settle(m, gone, fresh, uids, changes, modSeq) {
		// Dates out of order, or messages are gone and the server does not say which.
		if _, err = c.renew(op, old); err != nil {
			return err
		}
		c.apply(nil, nil, changes, modSeq)
	}
	c.box.events, c.box.remarks, c.box.looked = events, remarks, true
	return nil
}

// resync is for a folder that has changed beyond what is worth following.
func (c *conn) resync(op string, modSeq uint64) error {
	c.session.cache.doubt(c.box.name, c.box.validity)
	_, err := c.renew(op, c.session.cache.knownOrder(c.box.name))
	if err == nil {
		c.apply(nil, nil, nil, modSeq)
	}
	return err
}

// changedSince asks for the flags and dates of what has changed. more: it is too
// much to follow.
func (c *conn) changedSince(op string, modSeq uint64) (changes []change, more bool, err error) {
	b := c.search()
	b.NeedItem = "INTERNALDATE" // what is announced meanwhile lacks it
	err = c.within(b, func() error {
		cmd := c.client.Fetch(imap.UIDSet{{Start: 1, Stop: 0}},
			&imap.FetchOptions{UID: true, Flags: true, InternalDate: true, ModSeq: true, ChangedSince: modSeq})
		return c.fault(op, c.collect(cmd, func(f *fetched) {
			switch {
			case f.uid == 0:
			case !f.hasFlags || f.modSeq == 0 || len(changes) == maxDelta:
				more = true // or no answer to the question
			default:
				changes = append(changes, change{f.uid, flagsFrom(f.flags), f.modSeq, f.arrived})
			}
		}))
	})
	return changes, more, err
}

// newcomers are the messages of a delta that the order does not have yet.
func newcomers(changes []change, uidNext imap.UID) []change {
	var fresh []change
	for _, ch := range changes {
		if ch.uid >= uidNext {
			fresh = append(fresh, ch)
		}
	}
	slices.SortFunc(fresh, func(a, b change) int {
		if n := a.arrived.Compare(b.arrived); n != 0 {
			return n
		}
		return int(int64(a.uid) - int64(b.uid))
	})
	return fresh
}

// arrange finds the order of new messages behind the known ones. ok is false when
// one of them is dated before those: moved and copied mail keeps its date.
func (c *conn) arrange(op string, ix *index, fresh []change) (uids []imap.UID, ok bool, err error) {
	for _, ch := range fresh {
		uids = append(uids, ch.uid)
	}
	if len(fresh) == 0 || len(ix.uids) == 0 {
		return uids, true, nil
	}
	if !c.caps.sort && len(ix.uids)+len(fresh) > datedMax {
		slices.Sort(uids)
		return uids, true, nil
	}
	newest, err := c.dateOf(op, ix.uids[len(ix.uids)-1])
	return uids, err == nil && !fresh[0].arrived.Before(newest), err
}

// dateOf is the arrival of one message, nearly always from its row.
func (c *conn) dateOf(op string, uid imap.UID) (time.Time, error) {
	if r, ok := c.session.cache.row(rowKey{c.box.name, c.box.validity, uid}); ok {
		return r.summary.Arrived, nil
	}
	dates, err := c.dates(op, []imap.UID{uid})
	return dates[uid].arrived, err
}

// settle writes a delta into the mirror, if it explains the number of messages
// that the server says there are. gone is complete only when the server names
// what is gone, and a new message may be missing: not every server counts its
// arrival as a change.
func (c *conn) settle(m mirror, gone []imap.UID, fresh []change, uids []imap.UID, changes []change, modSeq uint64) bool {
	next := m.order.uidNext
	for _, ch := range fresh {
		next = max(next, ch.uid+1)
	}
	expunged := c.expunges.Load() != c.box.expunges
	switch {
	case slices.ContainsFunc(fresh, func(ch change) bool { return ch.uid == math.MaxUint32 }), // no UIDNEXT is behind it
		len(m.order.uids)+len(fresh)-len(gone) != int(c.exists()),
		expunged && !c.nc.QResync(),
		c.box.uidNext > next:
		return false
	}
	c.apply(gone, uids, changes, modSeq)
	if len(m.removed) > 0 {
		c.session.cache.settled(c.box.name, m.removed)
	}
	return true
}

// apply writes facts into the mirror as it is now, which may be ahead of what
// the facts were compared with: each of them is true all the same.
func (c *conn) apply(gone, fresh []imap.UID, changes []change, modSeq uint64) {
	cache := &c.session.cache
	cache.mu.Lock()
	defer cache.mu.Unlock()
	m := cache.mirror(c.box.name, c.box.validity)
	before := m.version
	if len(gone) > 0 {
		m.remove(gone, false)
	}
	isNew := map[imap.UID]bool{}
	if m.order != nil {
		fresh = slices.DeleteFunc(slices.Clone(fresh), func(uid imap.UID) bool { return uid < m.order.uidNext || m.removed[uid] })
		if len(fresh) > 0 {
			next := *m.order
			next.uids = append(slices.Clone(next.uids), fresh...)
			next.uidNext = slices.Max(fresh) + 1
			m.order = &next
			m.arrived += len(fresh)
			m.touch()
		}
		for _, uid := range fresh {
			isNew[uid] = true
		}
	}
	for _, ch := range changes {
		m.observe(ch.uid, ch.flags, ch.modSeq, !isNew[ch.uid])
	}
	if m.version != before {
		// Counted anew: the last count may have held some of these changes already,
		// because a server counts flags that it has not announced.
		m.unread = -1
	}
	m.modSeq = max(m.modSeq, modSeq)
	cache.weigh()
	c.inStepWith(m.order)
}

// inStepWith notes that this connection sees what the order says.
func (c *conn) inStepWith(ix *index) {
	if ix != nil {
		c.box.events, c.box.expunges, c.box.remarks, c.box.version = c.events.Load(), c.expunges.Load(), c.remarks.Load(), ix.version
		c.box.looked = true
	}
}

// settled forgets removals that the server has confirmed on a connection that
// did not make them.
func (c *cache) settled(folder string, removed map[imap.UID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mirrors[folder]; m != nil {
		for uid := range removed {
			delete(m.removed, uid)
		}
	}
}
