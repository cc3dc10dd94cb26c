package imapsession

import (
	"context"
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/mail"
)

const (
	maxMessages = 5_000_000 // in one folder; beyond it a server's answer is taken for nonsense
	windowFrom  = 5000      // messages above which a first page does not wait for the index
	windowSize  = 200       // newest messages by number that such a first page is chosen from
	datedMax    = 2000      // messages up to which a server without SORT is asked for their dates
	patchMax    = 200       // new messages that are sorted into an index; more: sort again
)

// index is the order of a folder's messages, oldest arrival first. It is never
// changed, only replaced, so that it can be read without a lock.
type index struct {
	validity uint32
	uidNext  imap.UID
	exists   uint32
	version  uint64 // counts the indexes of a Session
	uids     []imap.UID
}

// knownOrder is the order of a folder as far as it is known; nil: not at all.
func (c *cache) knownOrder(folder string) *index {
	m, _ := c.peek(folder)
	return m.order
}

// setUndated tells folders whose dates ended the connection when they were asked
// for: they are listed in UID order.
func (c *cache) setUndated(folder string, validity uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mirror(folder, validity).undated = true
}

// setWindow keeps the newest end of a large folder's order while it is made.
func (c *cache) setWindow(folder string, ix *index) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mirror(folder, ix.validity).window = ix
	c.weigh()
}

// setOrder keeps an order as a connection has just seen it. modSeq is what its
// SELECT told.
func (c *cache) setOrder(folder string, ix *index, modSeq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mirror(folder, ix.validity)
	c.versions++
	ix.version = c.versions
	m.replace(ix)
	c.weigh()
	if m.modSeq == 0 {
		m.modSeq = modSeq
	}
}

// hidesDeleted reports whether messages with \Deleted are left out of lists:
// where UIDPLUS is missing a deletion has to stop there (see change.go).
func (c *conn) hidesDeleted() bool { return !c.caps.uidplus }

// inStep reports whether ix describes the selected mailbox as this connection
// knows it.
func (c *conn) inStep(ix *index) bool {
	b := c.box
	switch {
	case ix == nil || ix.validity != b.validity || c.hidesDeleted():
		return false
	case b.events != c.events.Load():
		return false
	case b.version == ix.version:
		return true
	}
	if b.version == 0 && ix.exists == c.exists() && b.uidNext != 0 && ix.uidNext == b.uidNext {
		b.version = ix.version
		return true
	}
	return false
}

// order returns the selected mailbox's messages, oldest arrival first, with as
// little traffic as possible.
func (c *conn) order(op string) (*index, error) {
	old := c.session.cache.view(c.box.name, c.box.validity).order
	if c.inStep(old) {
		return old, nil
	}
	return c.renew(op, old)
}

// renew makes the order anew: from the old one and the set of UIDs where that is
// enough, else by asking for all of it, as for a nil one.
func (c *conn) renew(op string, old *index) (*index, error) {
	events, expunges := c.events.Load(), c.expunges.Load() // what is announced during the command counts as news
	ix, err := c.patched(op, old)
	if ix == nil && err == nil {
		ix, err = c.sorted(op)
	}
	if err != nil {
		return nil, err
	}
	ix.validity, ix.exists, ix.uidNext = c.box.validity, c.exists(), max(ix.uidNext, c.box.uidNext)
	c.session.cache.setOrder(c.box.name, ix, c.box.modSeq)
	c.box.uidNext = ix.uidNext
	c.box.events, c.box.expunges, c.box.version = events, expunges, ix.version
	return ix, nil
}

// sorted asks for the whole order.
func (c *conn) sorted(op string) (*index, error) {
	uids, err := c.find(op, mail.All)
	if err != nil {
		return nil, err
	}
	ix := &index{uids: uids}
	for _, uid := range uids {
		ix.uidNext = max(ix.uidNext, uid+1)
	}
	return ix, nil
}

// patched brings an index up to date by the set of UIDs, which costs a few
// bytes where sorting costs half a megabyte. nil: it has to be sorted anew.
func (c *conn) patched(op string, old *index) (*index, error) {
	if old == nil || old.validity != c.box.validity || !c.caps.esearch || c.hidesDeleted() {
		return nil, nil
	}
	var set imap.UIDSet
	err := c.within(c.search(), func() error {
		data, err := c.client.UIDSearch(&imap.SearchCriteria{}, &imap.SearchOptions{ReturnAll: true}).Wait()
		if err != nil {
			return c.fault(op, err)
		}
		set, _ = data.All.(imap.UIDSet)
		return nil
	})
	if err != nil {
		return nil, err
	}
	ix := &index{uidNext: old.uidNext, uids: make([]imap.UID, 0, len(old.uids))}
	for _, uid := range old.uids {
		if set.Contains(uid) {
			ix.uids = append(ix.uids, uid)
		}
	}
	total, fresh := 0, []imap.UID(nil)
	for uid := range c.session.cache.view(c.box.name, c.box.validity).removed {
		if set.Contains(uid) {
			total-- // we have removed it, and this connection has not heard of it yet
		}
	}
	for _, r := range set {
		if total += int(r.Stop-r.Start) + 1; total > maxMessages {
			return nil, nil
		}
		for uid := max(r.Start, old.uidNext); uid <= r.Stop && uid >= old.uidNext; uid++ {
			if fresh = append(fresh, uid); len(fresh) > patchMax {
				return nil, nil
			}
		}
	}
	if len(ix.uids)+len(fresh) != total {
		return nil, nil
	}
	return ix, c.append(op, ix, fresh)
}

// append adds new messages at the newer end. When one of them is dated before
// that end (moved or copied mail keeps its date), the uids are cleared instead.
func (c *conn) append(op string, ix *index, fresh []imap.UID) error {
	if len(fresh) == 0 {
		return nil
	}
	ix.uidNext = fresh[len(fresh)-1] + 1
	undated := c.session.cache.view(c.box.name, c.box.validity).undated
	if !c.caps.sort && (undated || len(ix.uids)+len(fresh) > datedMax) {
		ix.uids = append(ix.uids, fresh...)
		return nil
	}
	if undated {
		again, err := c.sorted(op)
		if err == nil {
			*ix = *again
		}
		return err
	}
	ask := fresh
	if n := len(ix.uids); n > 0 {
		ask = append([]imap.UID{ix.uids[n-1]}, fresh...)
	}
	dates, err := c.dates(op, ask)
	if errors.Is(err, errUnreadable) {
		c.session.cache.setUndated(c.box.name, c.box.validity)
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(fresh, func(a, b imap.UID) int { return dates[a].arrived.Compare(dates[b].arrived) })
	if n := len(ix.uids); n > 0 && dates[fresh[0]].arrived.Before(dates[ix.uids[n-1]].arrived) {
		again, err := c.sorted(op)
		if err == nil {
			*ix = *again
		}
		return err
	}
	ix.uids = append(ix.uids, fresh...)
	return nil
}

// dates fetches INTERNALDATE. A message that is gone gets the zero time.
func (c *conn) dates(op string, uids []imap.UID) (map[imap.UID]fetched, error) {
	dates := make(map[imap.UID]fetched, len(uids))
	if len(uids) == 0 {
		return dates, nil
	}
	b := c.small()
	b.NeedItem = "INTERNALDATE"
	err := c.within(b, func() error {
		got, err := c.complete(op, uids, &imap.FetchOptions{UID: true, InternalDate: true}, func(f *fetched) bool { return !f.arrived.IsZero() })
		for uid, f := range got {
			dates[uid] = *f
		}
		return err
	})
	return dates, err
}

// find asks for the messages that a filter lets through, oldest arrival first:
// by SORT (RFC 5256) where it is offered, else by the dates of a small folder,
// and in UID order in a large one.
func (c *conn) find(op string, filter mail.Filter) ([]imap.UID, error) {
	uids, err := c.found(op, filter)
	if err != nil || c.caps.sort || len(uids) > datedMax || c.session.cache.view(c.box.name, c.box.validity).undated {
		return uids, err
	}
	dates, err := c.dates(op, uids)
	if errors.Is(err, errUnreadable) {
		c.session.cache.setUndated(c.box.name, c.box.validity)
	}
	slices.SortStableFunc(uids, func(a, b imap.UID) int { return dates[a].arrived.Compare(dates[b].arrived) })
	return uids, err
}

// found is find without the order that needs another question.
func (c *conn) found(op string, filter mail.Filter) ([]imap.UID, error) {
	criteria := c.criteria(filter)
	var uids []imap.UID
	err := c.within(c.search(), func() error {
		if c.caps.sort {
			nums, err := c.client.UIDSort(&imapclient.SortOptions{SearchCriteria: criteria,
				SortCriteria: []imapclient.SortCriterion{{Key: imapclient.SortKeyArrival}}}).Wait()
			if err != nil {
				return c.fault(op, err)
			}
			uids = make([]imap.UID, len(nums))
			for i, n := range nums {
				uids[i] = imap.UID(n)
			}
			return nil
		}
		var options *imap.SearchOptions
		if c.caps.esearch {
			options = &imap.SearchOptions{ReturnAll: true}
		}
		data, err := c.client.UIDSearch(criteria, options).Wait()
		if err != nil {
			return c.fault(op, err)
		}
		uids = expand(data.All, maxMessages)
		return nil
	})
	return uids, err
}

func (c *conn) criteria(filter mail.Filter) *imap.SearchCriteria {
	criteria := &imap.SearchCriteria{}
	switch filter {
	case mail.Unread:
		criteria.NotFlag = []imap.Flag{imap.FlagSeen}
	case mail.Flagged:
		criteria.Flag = []imap.Flag{imap.FlagFlagged}
	}
	if c.hidesDeleted() {
		criteria.NotFlag = append(criteria.NotFlag, imap.FlagDeleted)
	}
	return criteria
}

// window chooses the newest messages of a large folder without its index: the
// last ones by number, ordered by arrival. Nearly always these are the first
// rows of the true order; the index replaces it a moment later.
func (c *conn) window(op string) ([]imap.UID, error) {
	n := c.exists()
	var set imap.SeqSet
	set.AddRange(n-min(n, windowSize)+1, n)
	var all []*fetched
	err := c.within(c.small(), func() (err error) {
		all, err = c.fetch(op, query{set, &imap.FetchOptions{UID: true, InternalDate: true}})
		return err
	})
	slices.SortFunc(all, func(a, b *fetched) int {
		if n := a.arrived.Compare(b.arrived); n != 0 {
			return n
		}
		return int(int64(a.uid) - int64(b.uid))
	})
	uids := make([]imap.UID, 0, len(all))
	for _, f := range all {
		if f.uid != 0 {
			uids = append(uids, f.uid)
		}
	}
	if err == nil {
		c.session.cache.setWindow(c.box.name, &index{validity: c.box.validity, exists: n, uids: uids})
	}
	return uids, err
}

// elsewhere is the name of no folder: it asks for a connection that is new or
// has nothing selected, as long as there may be more of them.
const elsewhere = "\x00"

// prepare builds the index of a large folder while its first page is read, on a
// connection of its own.
func (s *Session) prepare(folder string, validity uint32) {
	if !s.cache.setPreparing(folder, validity, true) {
		return
	}
	s.background(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 2*s.pool.limits.Sort)
		defer cancel()
		const op = "index folder"
		// Not on the connection that has the folder selected: the user's next click
		// wants that one.
		err := s.do(ctx, op, elsewhere, func(c *conn) error {
			if _, err := c.selectBox(op, folder); err != nil {
				return err
			}
			_, err := c.order(op)
			return err
		})
		if err != nil {
			// The next page of the folder asks for itself and shows the error.
			s.pool.log.Debug("index folder", "kind", int(mail.KindOf(err)))
		}
		s.cache.setPreparing(folder, validity, false)
	})
}

// setPreparing reports whether it has changed anything: only one may begin.
func (c *cache) setPreparing(folder string, validity uint32, on bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mirrors[folder]
	if m == nil || m.validity != validity || m.preparing == on {
		return false
	}
	m.preparing = on
	return true
}
