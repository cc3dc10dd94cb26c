package imapsession

import (
	"context"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// batch is the messages of one folder that a change is about.
type batch struct {
	folder   string
	validity uint32
	uids     []imap.UID
}

func (b batch) ref(uid imap.UID) mail.Ref {
	return mail.Ref{Folder: b.folder, Validity: b.validity, UID: uint32(uid)}
}

// batches groups refs by folder. Each message is taken once.
func batches(op string, refs []mail.Ref) ([]batch, error) {
	var list []batch
	seen := map[mail.Ref]bool{}
	for _, r := range refs {
		folder, err := folderName(op, r.Folder)
		if err != nil {
			return nil, err
		}
		if r.Folder = folder; seen[r] {
			continue
		}
		seen[r] = true
		if r.UID == 0 || r.Validity == 0 {
			return nil, problem(mail.Invalid, op, "that names no message", nil)
		}
		i := slices.IndexFunc(list, func(b batch) bool { return b.folder == folder && b.validity == r.Validity })
		if i < 0 {
			i = len(list)
			list = append(list, batch{folder: folder, validity: r.Validity})
		}
		list[i].uids = append(list[i].uids, imap.UID(r.UID))
	}
	return list, nil
}

// outcome is what became of the messages of one batch.
type outcome struct {
	done  map[imap.UID]mail.Ref // where it is now; a zero Ref when the server did not say
	gone  map[imap.UID]bool
	fresh map[imap.UID]bool // flags that were not so before; see mail.Result.Changed
	left  bool              // done means that they have left the folder
	fault error             // messages that are neither are still there, for this reason
}

func newOutcome() outcome {
	return outcome{done: map[imap.UID]mail.Ref{}, gone: map[imap.UID]bool{}, fresh: map[imap.UID]bool{}}
}

// change runs f over the batches of refs and joins the outcomes in the order of
// refs. Work on a batch that failed does not undo the others: the Result tells
// what was done even when there is an error.
func (s *Session) change(ctx context.Context, op string, refs []mail.Ref, f func(c *conn, b batch, o *outcome) error) (mail.Result, error) {
	list, err := batches(op, refs)
	if err != nil || len(list) == 0 {
		return mail.Result{}, err
	}
	outcomes := map[mail.Ref]outcome{}
	var fault error
	for _, b := range list {
		o := newOutcome()
		err := s.do(ctx, op, b.folder, func(c *conn) error {
			if err := c.enterToChange(op, b.folder, b.validity); err != nil {
				return err
			}
			return f(c, b, &o)
		})
		s.note(b, &o)
		if mail.KindOf(err) == mail.NoFolder {
			s.cache.dropFolders()
		}
		if err == nil {
			err = o.fault
		}
		if fault == nil {
			fault = err
		}
		outcomes[mail.Ref{Folder: b.folder, Validity: b.validity}] = o
	}
	var res mail.Result
	located := true
	seen := map[mail.Ref]bool{}
	for _, r := range refs {
		r.Folder, _ = folderName(op, r.Folder)
		if seen[r] {
			continue
		}
		seen[r] = true
		o := outcomes[mail.Ref{Folder: r.Folder, Validity: r.Validity}]
		if to, ok := o.done[imap.UID(r.UID)]; ok {
			res.Done = append(res.Done, r)
			res.Moved = append(res.Moved, to)
			located = located && to.UID != 0
			if o.fresh[imap.UID(r.UID)] {
				res.Changed = append(res.Changed, r)
			}
		} else if o.gone[imap.UID(r.UID)] {
			res.Gone = append(res.Gone, r)
		}
	}
	if !located {
		res.Moved = nil
	}
	return res, fault
}

// note writes what a change has done into the caches, and tells the pages.
func (s *Session) note(b batch, o *outcome) {
	var away []imap.UID
	for uid, gone := range o.gone {
		if gone {
			away = append(away, uid)
		}
	}
	for uid := range o.done {
		if o.left {
			away = append(away, uid)
		}
	}
	s.cache.removedByUs(b.folder, b.validity, away)
	// Counts of a folder whose messages have only changed their flags are known.
	if m, ok := s.cache.peek(b.folder); o.left || len(away) > 0 || !ok || m.validity != b.validity || m.unread < 0 {
		s.cache.forgetFolders()
	} else {
		s.cache.outdate()
	}
	s.news.nudge()
}

// sent marks that a change is on its way: from here on a broken connection does
// not mean that nothing has happened.
func (c *conn) sent() { c.changing = true }

// reorder makes the next list of the folder look at its order again: what our own
// command removes is not announced as news.
func (c *conn) reorder() { c.events.Add(1) }

// uncertain reports whether err leaves open what a change has done.
func uncertain(err error) bool {
	k := mail.KindOf(err)
	return k == mail.Dropped || k == mail.Timeout
}

// present finds which of uids are in the selected mailbox. Some servers (Courier)
// announce what other programs have put there only when they are asked by NOOP.
func (c *conn) present(op string, uids []imap.UID) (map[imap.UID]bool, error) {
	there := map[imap.UID]bool{}
	missing := uids
	for try := 0; try < 2 && len(missing) > 0; try++ {
		if try > 0 {
			if err := c.noop(op); err != nil {
				return there, err
			}
		}
		got, err := c.flagsOf(op, missing)
		if err != nil {
			return there, err
		}
		c.session.cache.observed(c.box.name, c.box.validity, got, false)
		var left []imap.UID
		for _, uid := range missing {
			f := got[uid]
			switch {
			case f != nil && c.hidesDeleted() && hasFlag(f.flags, imap.FlagDeleted): // as good as removed
			case f != nil:
				there[uid] = true
			default:
				left = append(left, uid)
			}
		}
		missing = left
	}
	return there, nil
}

// SetFlags adds and removes flags by IMAP name.
func (s *Session) SetFlags(ctx context.Context, refs []mail.Ref, add, remove []string) (mail.Result, error) {
	const op = "set flags"
	plus, err := flagNames(op, add)
	if err != nil {
		return mail.Result{}, err
	}
	minus, err := flagNames(op, remove)
	if err != nil || len(plus)+len(minus) == 0 {
		return mail.Result{}, err
	}
	res, err := s.change(ctx, op, refs, func(c *conn, b batch, o *outcome) error {
		err := c.storeFlags(op, b, plus, minus, o)
		if c.lost && uncertain(err) && ctx.Err() == nil {
			// Setting fixed flags of fixed messages twice is the same as once.
			err = s.onFresh(ctx, op, b, func(c *conn) error { return c.storeFlags(op, b, plus, minus, o) })
			if uncertain(err) {
				err = problem(mail.Unknown, op, "", err)
			}
		}
		return err
	})
	res.Moved = nil
	return res, err
}

// onFresh runs f on another connection while the caller still holds one that is
// lost: it dials outside the pool, because the caller's place there may be the last.
func (s *Session) onFresh(ctx context.Context, op string, b batch, f func(c *conn) error) error {
	if err := s.refused(); err != nil {
		return err
	}
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, c.sock.cut)
	defer func() { stop(); c.kill() }()
	if err := c.enter(op, b.folder, b.validity); err != nil {
		return err
	}
	return f(c)
}

// storeFlags stores and then asks for the truth. An OK proves nothing: servers
// say it for messages that are gone (T20), and echo neither these nor flags that
// were so before (T9).
func (c *conn) storeFlags(op string, b batch, plus, minus []imap.Flag, o *outcome) error {
	left := b.uids
	for try := 0; try < 2 && len(left) > 0; try++ {
		if try > 0 {
			// Some servers (Courier) announce what other programs have done, which
			// may explain it, only when they are asked like this.
			if err := c.noop(op); err != nil {
				return err
			}
		}
		for _, set := range uidSets(left) {
			fresh, err := c.storeSet(op, set, plus, minus)
			for _, uid := range fresh {
				o.fresh[uid] = true
			}
			if err != nil {
				return err
			}
		}
		got, err := c.flagsOf(op, left)
		if err != nil {
			return err
		}
		c.session.cache.observed(b.folder, b.validity, got, true)
		// What is missing or otherwise still arrived or went after this connection's
		// last look: the next one, when the server has announced it, tells.
		var again []imap.UID
		for _, uid := range left {
			switch f := got[uid]; {
			case f == nil:
				o.gone[uid] = true
				again = append(again, uid)
			case !f.hasFlags || !hasAll(f.flags, plus) || hasAny(f.flags, minus):
				delete(o.gone, uid)
				again = append(again, uid)
			default:
				delete(o.gone, uid)
				o.done[uid] = mail.Ref{}
			}
		}
		left = again
	}
	if slices.ContainsFunc(left, func(uid imap.UID) bool { return !o.gone[uid] }) {
		o.fault = problem(mail.Unsupported, op, "the server does not keep that mark", nil)
	}
	return nil
}

// look makes old servers look at the folder before the next command, in the same
// flight. Those that lack MOVE may work on what they knew at their last look
// (Courier does), and a STORE or COPY then loses what another program has marked
// meanwhile.
func (c *conn) look() (wait func() error) {
	if c.caps.move {
		return func() error { return nil }
	}
	return c.client.Noop().Wait
}

// storeSet changes the flags of one set, and finds out for which messages that
// is a change. The search goes out in the same flight, in front of the STORE.
func (c *conn) storeSet(op string, set imap.UIDSet, plus, minus []imap.Flag) (fresh []imap.UID, err error) {
	c.sent()
	err = c.within(c.small(), func() error {
		looked := c.look()
		search := c.client.UIDSearch(otherwise(set, plus, minus), nil)
		var refused error
		for _, st := range []*imap.StoreFlags{
			{Op: imap.StoreFlagsAdd, Silent: true, Flags: plus},
			{Op: imap.StoreFlagsDel, Silent: true, Flags: minus},
		} {
			if len(st.Flags) > 0 && refused == nil {
				refused = c.fault(op, c.client.Store(set, st, nil).Close())
			}
		}
		if err := c.fault(op, looked()); refused == nil {
			refused = err
		}
		found, err := search.Wait()
		if err == nil {
			fresh = expand(found.All, maxMessages)
		}
		// Without the search the flags are set all the same; only Undo does less.
		return refused
	})
	return fresh, err
}

// otherwise searches a set for messages that lack one of plus or have one of minus.
func otherwise(set imap.UIDSet, plus, minus []imap.Flag) *imap.SearchCriteria {
	var any []imap.SearchCriteria
	for _, f := range plus {
		any = append(any, imap.SearchCriteria{NotFlag: []imap.Flag{f}})
	}
	for _, f := range minus {
		any = append(any, imap.SearchCriteria{Flag: []imap.Flag{f}})
	}
	one := any[0]
	for _, other := range any[1:] {
		one = imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{one, other}}}
	}
	one.UID = []imap.UIDSet{set}
	return &one
}

func (c *conn) store(op string, set imap.UIDSet, st *imap.StoreFlags) error {
	c.sent()
	return c.within(c.small(), func() error { return c.fault(op, c.client.Store(set, st, nil).Close()) })
}

func hasFlag(list []imap.Flag, want imap.Flag) bool {
	return slices.ContainsFunc(list, func(f imap.Flag) bool { return strings.EqualFold(string(f), string(want)) })
}

func hasAll(list, want []imap.Flag) bool {
	return !slices.ContainsFunc(want, func(f imap.Flag) bool { return !hasFlag(list, f) })
}

func hasAny(list, unwanted []imap.Flag) bool {
	return slices.ContainsFunc(unwanted, func(f imap.Flag) bool { return hasFlag(list, f) })
}

// flagNames checks names that go to the wire as they are. One that is no atom
// would make the client close the connection (T7).
func flagNames(op string, names []string) ([]imap.Flag, error) {
	var flags []imap.Flag
	for _, name := range names {
		switch strings.ToLower(name) {
		case `\seen`, `\flagged`, `\answered`, `\draft`, `\deleted`:
			flags = append(flags, imap.Flag(`\`+strings.ToUpper(name[1:2])+strings.ToLower(name[2:])))
			continue
		}
		ok := name != "" && len(name) <= 64
		for i := 0; i < len(name) && ok; i++ {
			c := name[i]
			ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("$_-.", c) >= 0
		}
		if !ok {
			return nil, problem(mail.Invalid, op, "that is no name of a flag", nil)
		}
		flags = append(flags, imap.Flag(name))
	}
	return flags, nil
}

// Delete removes messages for good. Without UIDPLUS they are marked as deleted
// and no longer listed: a plain EXPUNGE would also remove what others have marked.
func (s *Session) Delete(ctx context.Context, refs []mail.Ref) (mail.Result, error) {
	const op = "delete"
	res, err := s.change(ctx, op, refs, func(c *conn, b batch, o *outcome) error {
		there, err := c.present(op, b.uids)
		if err != nil {
			return err
		}
		o.left = true
		for _, uid := range b.uids {
			o.gone[uid] = !there[uid]
		}
		err = c.remove(op, b.uids, o)
		if c.lost && uncertain(err) && ctx.Err() == nil {
			// Expunging the same UIDs again can only remove what was meant.
			err = s.onFresh(ctx, op, b, func(c *conn) error { return c.remove(op, b.uids, o) })
			if uncertain(err) {
				err = problem(mail.Unknown, op, "", err)
			}
		}
		return err
	})
	res.Moved = nil
	return res, err
}

// remove marks and expunges messages, then looks what is left. o.gone holds
// those that were not there before.
func (c *conn) remove(op string, uids []imap.UID, o *outcome) error {
	c.reorder()
	for _, set := range uidSets(uids) {
		if err := c.store(op, set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
			return err
		}
		if !c.caps.uidplus {
			continue
		}
		err := c.within(c.small(), func() error { return c.fault(op, c.client.UIDExpunge(set).Close()) })
		if err != nil {
			return err
		}
	}
	got, err := c.flagsOf(op, uids)
	if err != nil {
		return err
	}
	for _, uid := range uids {
		f := got[uid]
		switch {
		case o.gone[uid]:
		case f == nil, !c.caps.uidplus && hasFlag(f.flags, imap.FlagDeleted):
			o.done[uid] = mail.Ref{}
		default:
			o.fault = problem(mail.Refused, op, "the server did not remove the message", nil)
		}
	}
	return nil
}
