package imapsession

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// Place says where a message stands in a list. q.Page is ignored. The whole
// list is answered from the folder's index; a filtered one is asked for, because
// reading a message changes it.
func (s *Session) Place(ctx context.Context, q mail.ListQuery, r mail.Ref) (mail.Place, error) {
	const op = "place"
	folder, err := folderName(op, r.Folder)
	if err != nil {
		return mail.Place{}, err
	}
	if name, err := folderName(op, q.Folder); err != nil || name != folder {
		return mail.Place{}, err
	}
	uid := imap.UID(r.UID)
	if m, _ := s.cache.peek(folder); m.order != nil && m.validity == r.Validity && slices.Contains(m.order.uids, uid) {
		if list, ok := m.list(q.Filter); ok && (m.live || q.Filter == mail.All) {
			return placeIn(m.order.uids, list, r), nil
		}
	}
	if place, ok := s.placeInWindow(folder, q, r); ok {
		return place, nil
	}
	var place mail.Place
	err = s.do(ctx, op, folder, func(c *conn) error {
		selected, err := c.selectBox(op, folder)
		if err != nil {
			return err
		}
		if c.box.validity != r.Validity {
			return problem(mail.Stale, op, "", nil)
		}
		if err := c.sync(op, selected); err != nil {
			return err
		}
		ix, err := c.order(op)
		if err != nil {
			return err
		}
		list := ix.uids
		if q.Filter != mail.All {
			if list, err = c.find(op, q.Filter); err != nil {
				return err
			}
		}
		place = placeIn(ix.uids, list, r)
		return nil
	})
	return place, err
}

// placeInWindow answers for the newest messages of a large folder whose index is
// still being made, so that opening the first of them waits for nothing. The
// oldest of the window has an older neighbour that the window does not know.
func (s *Session) placeInWindow(folder string, q mail.ListQuery, r mail.Ref) (mail.Place, bool) {
	m, _ := s.cache.peek(folder)
	w := m.window
	if w == nil || q.Filter != mail.All || w.validity != r.Validity || slices.Index(w.uids, imap.UID(r.UID)) <= 0 {
		return mail.Place{}, false
	}
	p := placeIn(w.uids, w.uids, r)
	p.Matches = int(w.exists)
	return p, true
}

// placeIn finds a message in list, which is a part of all in the same order. A
// message that is no longer in the list (read, in a list of unread ones) keeps
// its neighbours there.
func placeIn(all, list []imap.UID, r mail.Ref) mail.Place {
	p := mail.Place{Matches: len(list)}
	ref := func(uid imap.UID) mail.Ref { return mail.Ref{Folder: r.Folder, Validity: r.Validity, UID: uint32(uid)} }
	uid := imap.UID(r.UID)
	if i := slices.Index(list, uid); i >= 0 {
		p.Position = len(list) - i
		if i > 0 {
			p.Older = ref(list[i-1])
		}
		if i+1 < len(list) {
			p.Newer = ref(list[i+1])
		}
		return p
	}
	at := slices.Index(all, uid)
	if at < 0 {
		return p
	}
	in := make(map[imap.UID]bool, len(list))
	for _, u := range list {
		in[u] = true
	}
	for i := at - 1; i >= 0 && p.Older.UID == 0; i-- {
		if in[all[i]] {
			p.Older = ref(all[i])
		}
	}
	for i := at + 1; i < len(all) && p.Newer.UID == 0; i++ {
		if in[all[i]] {
			p.Newer = ref(all[i])
		}
	}
	return p
}
