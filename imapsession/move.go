package imapsession

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// Move moves messages to dst. What is there already stays as it is and counts as done.
func (s *Session) Move(ctx context.Context, refs []mail.Ref, dst string) (mail.Result, error) {
	const op = "move"
	dst, err := folderName(op, dst)
	if err != nil {
		return mail.Result{}, err
	}
	return s.change(ctx, op, refs, func(c *conn, b batch, o *outcome) error {
		if b.folder == dst {
			return stay(c, op, b, o)
		}
		o.left = true
		uids, err := c.movable(op, b.uids, o)
		if err != nil {
			return err
		}
		left := uids
		for try := 0; try < 2 && len(left) > 0 && err == nil; try++ {
			if err = c.moveAll(op, left, dst, o); err == nil {
				// What is still here arrived after this connection's last look: by looking
				// the server has announced it, and now it can be moved.
				left, err = c.leftBehind(op, uids, o)
			}
		}
		if c.lost && uncertain(err) && ctx.Err() == nil {
			return s.afterBreak(ctx, op, b, uids, o, err)
		}
		if err == nil && len(left) > 0 {
			o.fault = problem(mail.Refused, op, "the server did not move the message", nil)
		}
		return err
	})
}

// moveAll moves by the means that the server has.
func (c *conn) moveAll(op string, uids []imap.UID, dst string, o *outcome) error {
	c.reorder()
	for _, set := range uidSets(uids) {
		move := c.copyAndRemove
		if c.caps.move {
			move = c.moveSet
		}
		if err := move(op, set, dst, o); err != nil {
			return err
		}
	}
	return nil
}

// movable returns the messages to move. COPYUID tells which of them were there;
// where the server does not say it, it is asked before, because afterwards a
// message that was gone cannot be told from one that was moved.
func (c *conn) movable(op string, uids []imap.UID, o *outcome) ([]imap.UID, error) {
	if c.caps.uidplus {
		return uids, nil
	}
	there, err := c.present(op, uids)
	var left []imap.UID
	for _, uid := range uids {
		if there[uid] {
			left = append(left, uid)
		} else if err == nil {
			o.gone[uid] = true
		}
	}
	return left, err
}

// stay reports messages that are where they should go.
func stay(c *conn, op string, b batch, o *outcome) error {
	there, err := c.present(op, b.uids)
	for _, uid := range b.uids {
		if there[uid] {
			o.done[uid] = b.ref(uid)
		} else if err == nil {
			o.gone[uid] = true
		}
	}
	return err
}

// moveSet is MOVE (RFC 6851). go-imap's Client.Move is used only where the
// server has the command: its substitute expunges without waiting whether the
// copy was made (T1).
func (c *conn) moveSet(op string, set imap.UIDSet, dst string, o *outcome) error {
	c.sent()
	return c.within(c.search(), func() error {
		data, err := c.client.Move(set, dst).Wait()
		if err != nil {
			return c.fault(op, err)
		}
		o.located(dst, data.UIDValidity, data.SourceUIDs, data.DestUIDs)
		return nil
	})
}

// located notes what COPYUID says (RFC 4315 section 3).
func (o *outcome) located(dst string, validity uint32, source, dest imap.NumSet) []imap.UID {
	const limit = 1 << 20
	from, to := expand(source, limit), expand(dest, limit)
	for i, uid := range from {
		var ref mail.Ref
		if len(from) == len(to) && validity != 0 {
			ref = mail.Ref{Folder: dst, Validity: validity, UID: uint32(to[i])}
		}
		o.done[uid] = ref
	}
	return from
}

// copyAndRemove is a move for servers without MOVE, one step after the other:
// only what was copied is marked, and only what was marked is expunged.
func (c *conn) copyAndRemove(op string, set imap.UIDSet, dst string, o *outcome) error {
	copied := newOutcome()
	uids, err := c.copySet(op, set, dst, &copied)
	if err != nil {
		return err
	}
	for _, part := range uidSets(uids) {
		if err := c.store(op, part, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
			return err
		}
		if c.caps.uidplus {
			err := c.within(c.small(), func() error { return c.fault(op, c.client.UIDExpunge(part).Close()) })
			if err != nil {
				return err
			}
		}
	}
	for uid, ref := range copied.done {
		o.done[uid] = ref
	}
	return nil
}

// copySet copies messages and returns those that were copied: what COPYUID
// lists, or all that are there where the server has no UIDPLUS.
func (c *conn) copySet(op string, set imap.UIDSet, dst string, o *outcome) ([]imap.UID, error) {
	c.sent()
	var copied []imap.UID
	err := c.within(c.search(), func() error {
		looked := c.look()
		data, err := c.client.Copy(set, dst).Wait()
		if lerr := looked(); err == nil {
			err = lerr
		}
		if err != nil {
			return c.fault(op, err)
		}
		copied = o.located(dst, data.UIDValidity, data.SourceUIDs, data.DestUIDs)
		return nil
	})
	if err != nil || c.caps.uidplus {
		return copied, err
	}
	there, err := c.present(op, expand(set, 1<<20))
	for uid := range there {
		o.done[uid] = mail.Ref{}
		copied = append(copied, uid)
	}
	return copied, err
}

// leftBehind settles the messages that no COPYUID has named: absent ones have
// gone with the move where the server tells no UIDs, or before it where it does.
// It returns those that are still there.
func (c *conn) leftBehind(op string, uids []imap.UID, o *outcome) (left []imap.UID, err error) {
	var open []imap.UID
	for _, uid := range uids {
		if _, ok := o.done[uid]; !ok {
			open = append(open, uid)
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	there, err := c.present(op, open)
	if err != nil {
		return nil, err
	}
	for _, uid := range open {
		switch {
		case there[uid]:
			left = append(left, uid)
		case c.caps.uidplus:
			o.gone[uid] = true
		default:
			o.done[uid] = mail.Ref{}
		}
	}
	return left, nil
}

// afterBreak finds out what a move has done whose connection broke. With MOVE a
// message that has left its folder is at the destination; where it was copied
// first, one that is still here may have a copy there, and that is not known.
func (s *Session) afterBreak(ctx context.Context, op string, b batch, uids []imap.UID, o *outcome, cause error) error {
	left := 0
	err := s.onFresh(ctx, op, b, func(c *conn) error {
		there, err := c.present(op, uids)
		if err != nil {
			return err
		}
		for _, uid := range uids {
			if there[uid] {
				left++
				delete(o.done, uid)
			} else if _, ok := o.done[uid]; !ok {
				o.done[uid] = mail.Ref{}
			}
		}
		if left > 0 && !c.caps.move {
			return problem(mail.Unknown, op, "", cause)
		}
		return nil
	})
	switch {
	case err != nil && mail.KindOf(err) == mail.Stale:
		return err
	case err != nil:
		return problem(mail.Unknown, op, "", err)
	case left > 0:
		return cause // still where they were: nothing has happened to them
	}
	return nil
}

// Copy copies messages to dst.
func (s *Session) Copy(ctx context.Context, refs []mail.Ref, dst string) (mail.Result, error) {
	const op = "copy"
	dst, err := folderName(op, dst)
	if err != nil {
		return mail.Result{}, err
	}
	return s.change(ctx, op, refs, func(c *conn, b batch, o *outcome) error {
		for _, set := range uidSets(b.uids) {
			if _, err := c.copySet(op, set, dst, o); err != nil {
				if c.lost && uncertain(err) {
					// A second attempt could make second copies.
					return problem(mail.Unknown, op, "", err)
				}
				return err
			}
		}
		for _, uid := range b.uids {
			if _, ok := o.done[uid]; !ok {
				o.gone[uid] = true
			}
		}
		s.cache.forgetFolders() // dst has more now
		return nil
	})
}
