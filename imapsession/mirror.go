package imapsession

import (
	"maps"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

const (
	maxMirrors = 8    // folders whose order is remembered (4 bytes a message)
	maxMarks   = 5000 // messages of one folder whose flags are remembered
)

// mirror is what a Session knows of one folder, as of the last time somebody
// looked: its order, the flags of listed messages, its counts. It changes by
// single facts ("these are gone", "this is read now"), so that connections that
// see the folder at different moments can all add to it. Guarded by cache.mu.
type mirror struct {
	validity uint32
	modSeq   uint64 // what the server had changed up to then is known (RFC 7162); 0: it does not say
	order    *index // nil: not known
	window   *index // the newest messages of a large folder, while its order is being made
	filtered map[mail.Filter]filtered
	marks    map[imap.UID]marks
	epoch    uint32            // marks of another epoch may be old
	removed  map[imap.UID]bool // by our own commands: another connection may still count them
	unread   int               // -1: not known
	version  uint64            // counts what has changed, in numbers that no other mirror has
	live     bool              // the watch keeps it true: no need to ask
	arrived  int               // messages found since the watch last told
	used     time.Time

	plain     bool // a delta ended the connection: flags are asked for instead
	undated   bool // dates end the connection when they are asked for: listed in UID order
	preparing bool // its order is being made in the background
}

// marks are the flags of one message.
type marks struct {
	mail.Flags
	modSeq uint64 // 0: the server does not say
	epoch  uint32
}

// filtered is the order of the messages that a filter lets through.
type filtered struct {
	version uint64 // of the mirror that it belongs to
	uids    []imap.UID
}

// mirror returns what is known of a folder. One of another validity is of
// another folder, and everything about that is forgotten. It needs c.mu.
func (c *cache) mirror(folder string, validity uint32) *mirror {
	m := c.mirrors[folder]
	if m == nil || m.validity != validity {
		if m != nil {
			c.forget(folder)
		}
		c.mirrored++
		m = &mirror{version: c.mirrored << 32, validity: validity, unread: -1, marks: map[imap.UID]marks{}, removed: map[imap.UID]bool{}, filtered: map[mail.Filter]filtered{}}
		c.mirrors[folder] = m
		c.trim(folder)
		c.weigh()
	}
	m.used = time.Now()
	return m
}

// trim drops the mirrors that were not used for longest. It needs c.mu.
func (c *cache) trim(keep string) {
	for len(c.mirrors) > maxMirrors {
		oldest := ""
		for name, m := range c.mirrors {
			if name != keep && !m.live && (oldest == "" || m.used.Before(c.mirrors[oldest].used)) {
				oldest = name
			}
		}
		if oldest == "" {
			return
		}
		delete(c.mirrors, oldest)
	}
}

// view is a copy of a mirror's facts for use without the lock. What it points to
// is not changed any more, except marks, which are left out.
func (c *cache) view(folder string, validity uint32) mirror {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := *c.mirror(folder, validity)
	v.marks, v.filtered = nil, maps.Clone(v.filtered)
	v.removed = maps.Clone(v.removed)
	return v
}

// peek is view for whoever has no connection to tell the validity: ok is false
// when nothing is known of the folder.
func (c *cache) peek(folder string) (m mirror, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.mirrors[folder]; known != nil {
		m, ok = *known, true
		m.marks, m.filtered, m.removed = nil, maps.Clone(m.filtered), nil
	}
	return m, ok
}

// touch notes that the mirror is not what it was.
func (m *mirror) touch() { m.version++ }

// observe notes the flags of a message as a command has just shown them.
// changed means that the message is known to have changed, even if its flags
// before were not. An observation older than what is known is dropped.
func (m *mirror) observe(uid imap.UID, f mail.Flags, modSeq uint64, changed bool) {
	old, known := m.marks[uid]
	if known && old.modSeq > modSeq && modSeq != 0 {
		return // of another epoch too: it is older all the same
	}
	known = known && old.epoch == m.epoch
	switch {
	case m.removed[uid]:
		return
	case known && m.unread >= 0 && old.Seen && !f.Seen:
		m.unread++
	case known && m.unread >= 0 && !old.Seen && f.Seen:
		m.unread--
	case !known && changed:
		m.unread = -1
	}
	if changed && !known || known && !equalFlags(old.Flags, f) {
		m.touch()
	}
	if !known && len(m.marks) >= maxMarks {
		clear(m.marks) // they are asked for again with the next page
	}
	m.marks[uid] = marks{f, modSeq, m.epoch}
}

func equalFlags(a, b mail.Flags) bool {
	same := slices.Equal(a.Keywords, b.Keywords)
	a.Keywords, b.Keywords = nil, nil
	return same && a.Seen == b.Seen && a.Flagged == b.Flagged && a.Answered == b.Answered && a.Forwarded == b.Forwarded && a.Draft == b.Draft && a.Deleted == b.Deleted
}

// remove notes that messages are gone. ours are those that a command of our own
// has removed: other connections still count them for a moment.
func (m *mirror) remove(uids []imap.UID, ours bool) {
	gone := make(map[imap.UID]bool, len(uids))
	for _, uid := range uids {
		if ours && !m.removed[uid] && len(m.removed) < maxMarks {
			m.removed[uid] = true
		}
		gone[uid] = true
	}
	if m.order == nil {
		m.unread = -1
		m.touch()
		return
	}
	kept := slices.DeleteFunc(slices.Clone(m.order.uids), func(uid imap.UID) bool { return gone[uid] })
	if len(kept) == len(m.order.uids) {
		return
	}
	for _, uid := range uids {
		if old, known := m.marks[uid]; !known || old.epoch != m.epoch {
			m.unread = -1
		} else if !old.Seen && m.unread > 0 {
			m.unread--
		}
		delete(m.marks, uid)
	}
	next := *m.order
	next.uids = kept
	m.order = &next
	m.touch()
}

// replace puts a new order in the place of the old one.
func (m *mirror) replace(ix *index) {
	if len(m.removed) > 0 {
		ix.uids = slices.DeleteFunc(ix.uids, func(uid imap.UID) bool { return m.removed[uid] })
	}
	if m.order != nil {
		// What came after the one who made this order had looked stays in it.
		for _, uid := range m.order.uids {
			if uid >= ix.uidNext {
				ix.uids = append(ix.uids, uid)
			}
		}
		for _, uid := range ix.uids {
			if uid >= m.order.uidNext {
				m.arrived++
			}
		}
		ix.uidNext = max(ix.uidNext, m.order.uidNext)
	}
	if m.order == nil || !slices.Equal(m.order.uids, ix.uids) {
		m.unread = -1
		m.touch()
	}
	m.order, m.window = ix, nil
}

// observed notes flags that a command on the folder has shown.
func (c *cache) observed(folder string, validity uint32, got map[imap.UID]*fetched, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mirrors[folder]
	if m == nil || m.validity != validity {
		return
	}
	before := m.unread
	for uid, f := range got {
		if f.hasFlags {
			m.observe(uid, flagsFrom(f.flags), f.modSeq, changed)
		}
	}
	if before >= 0 && m.unread != before {
		c.shift(folder, m.unread)
	}
	c.weigh()
}

// removedByUs notes what commands of our own have taken out of a folder.
func (c *cache) removedByUs(folder string, validity uint32, uids []imap.UID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mirrors[folder]; m != nil && m.validity == validity && len(uids) > 0 {
		m.remove(uids, true)
		c.weigh()
	}
}

// shift carries a number of unread messages, if it is known, into the list of
// folders. It needs c.mu.
func (c *cache) shift(folder string, unread int) {
	if unread < 0 {
		return
	}
	for i := range c.folders {
		if f := &c.folders[i]; f.Name == folder && f.Counted {
			f.Unread = uint32(unread)
		}
	}
}

// counted notes the number of unread messages, unless the mirror has changed
// since it was asked for.
func (c *cache) counted(folder string, version uint64, unread int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mirrors[folder]; m != nil && m.version == version {
		m.unread = unread
		c.shift(folder, unread)
	}
}

// setFiltered remembers a filtered order, likewise.
func (c *cache) setFiltered(folder string, version uint64, filter mail.Filter, uids []imap.UID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mirrors[folder]; m != nil && m.version == version {
		m.filtered[filter] = filtered{version, uids}
		c.weigh()
	}
}

// marksOf returns the flags of those messages whose flags are known to be true.
func (c *cache) marksOf(folder string, validity uint32, uids []imap.UID) map[imap.UID]mail.Flags {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := map[imap.UID]mail.Flags{}
	if m := c.mirrors[folder]; m != nil && m.validity == validity {
		for _, uid := range uids {
			if f, ok := m.marks[uid]; ok && f.epoch == m.epoch {
				known[uid] = f.Flags
			}
		}
	}
	return known
}

// doubt makes all remembered flags of a folder worth asking for again: something
// may have changed, and the server does not say what.
func (c *cache) doubt(folder string, validity uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mirror(folder, validity)
	m.epoch++
	m.unread = -1
	m.filtered = map[mail.Filter]filtered{}
	m.touch()
}

// rewind takes back what is known of a folder whose modification sequence is
// lower than it was.
func (c *cache) rewind(folder string, validity uint32, modSeq uint64) uint64 {
	c.doubt(folder, validity)
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mirror(folder, validity)
	m.modSeq = modSeq
	clear(m.marks) // their numbers are of the time before
	return modSeq
}

// setPlain notes that the server cannot say what has changed in a folder in a way
// that anybody can read.
func (c *cache) setPlain(folder string, validity uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mirror(folder, validity).plain = true
}

// setLive says whether the watch vouches for the mirror from now on.
func (c *cache) setLive(folder string, live bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mirrors[folder]; m != nil {
		m.live = live
	}
}
