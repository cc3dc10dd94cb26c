package imapsession

import (
	"context"
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

const (
	patience   = 12 // messages that may break a connection before a page is read with care
	maxRepeats = 20 // attempts at one page
)

// List returns one page of a folder.
func (s *Session) List(ctx context.Context, q mail.ListQuery) (mail.List, error) {
	const op = "list"
	folder, err := folderName(op, q.Folder)
	if err != nil {
		return mail.List{}, err
	}
	if q.Filter != mail.All && q.Filter != mail.Unread && q.Filter != mail.Flagged {
		return mail.List{}, problem(mail.Invalid, op, "there is no such filter", nil)
	}
	s.look(folder)
	s.awaitMarks(ctx, folder)
	page := &pageJob{rowJob: s.newRowJob(op, folder), filter: q.Filter}
	if l, ok := s.knownPage(folder, q); ok {
		return l, s.describe(ctx, &l.Folder)
	}
	for try := 0; ; try++ {
		page.list = mail.List{Folder: mail.Folder{Name: folder}, Filter: q.Filter, Page: max(1, q.Page)}
		page.cautious = try >= patience
		err := s.do(ctx, op, folder, page.read)
		if err == nil {
			break
		}
		if !errors.Is(err, errUnreadable) || try == maxRepeats || len(page.uids) > 0 && !page.lacking(page.uids) {
			return mail.List{}, err
		}
		if err := s.quarantine(ctx, op, page.rowJob, page.uids); err != nil {
			return mail.List{}, err
		}
	}
	if page.partial {
		s.prepare(folder, page.validity)
	}
	if err := s.describe(ctx, &page.list.Folder); err != nil {
		return mail.List{}, err
	}
	s.cache.recount(page.list.Folder)
	return page.list, nil
}

// describe adds to a counted folder what it is for. It is asked after the page,
// because the list of all folders may take as long: whoever shows both asks for
// both at once, and then the answer is there.
func (s *Session) describe(ctx context.Context, counted *mail.Folder) error {
	f, err := s.Folder(ctx, counted.Name)
	if f.Validity != counted.Validity {
		f.UIDNext = 0 // of the folder that had this name before
	}
	f.Counted, f.Validity, f.Total, f.Unread = true, counted.Validity, counted.Total, counted.Unread
	f.UIDNext = max(f.UIDNext, counted.UIDNext)
	*counted = f
	return err
}

// pageJob reads one page.
type pageJob struct {
	*rowJob
	filter  mail.Filter
	list    mail.List
	uids    []imap.UID // of the page, newest first
	partial bool       // made without the folder's index
}

// read makes the page on one connection: SELECT where needed, a look at what has
// changed unless the watch vouches for it, the rows and flags that are not known,
// with the number of unread messages, and the previews that are missing.
func (p *pageJob) read(c *conn) error {
	selected, err := c.selectBox(p.op, p.folder)
	if err != nil {
		return err
	}
	if p.validity != c.box.validity {
		p.rows, p.roots = map[imap.UID]*mail.Summary{}, map[imap.UID]row{}
	}
	order, m, err := p.order(c, selected)
	if err != nil {
		return err
	}
	choose(&p.list)
	p.uids = cut(&p.list, order)
	unread := m.unread
	var also func() func() error
	if unread < 0 {
		also = func() func() error { return c.countUnread(p.op, &unread) }
	}
	if err := p.run(c, p.uids, also); err != nil {
		return err
	}
	if err := p.previews(c); err != nil {
		return err
	}
	if !m.live && !c.behind() { // else the count may be of another moment than the flags
		p.s.cache.counted(p.folder, m.version, unread)
	}
	f := &p.list.Folder
	f.Counted, f.Validity, f.Total, f.Unread = true, c.box.validity, c.exists(), uint32(unread)
	if m.order != nil && (m.live || c.hidesDeleted()) {
		f.Total = uint32(len(m.order.uids))
		c.box.uidNext = max(c.box.uidNext, m.order.uidNext)
	}
	f.Unread = min(f.Unread, f.Total) // they were counted one after the other
	for _, uid := range p.uids {
		c.box.uidNext = max(c.box.uidNext, uid+1)
	}
	f.UIDNext = uint32(c.box.uidNext)
	p.list.Rows = p.list.Rows[:0]
	for _, uid := range p.uids {
		if row := p.rows[uid]; row != nil {
			p.list.Rows = append(p.list.Rows, *row)
		}
	}
	return nil
}

// order gives the UIDs of the filtered folder, oldest arrival first, and the
// mirror that they are of.
func (p *pageJob) order(c *conn, selected bool) ([]imap.UID, mirror, error) {
	cache := &c.session.cache
	p.partial = false
	m := cache.view(p.folder, c.box.validity)
	if m.order == nil && p.filter == mail.All && c.exists() > windowFrom && p.list.Page == 1 && !c.hidesDeleted() {
		p.partial, p.list.Matches = true, int(c.exists())
		uids, err := c.window(p.op)
		return uids, cache.view(p.folder, c.box.validity), err
	}
	if !m.live {
		if p.filter != mail.All && m.order == nil {
			// A filtered page does not wait for the order of all.
			uids, err := c.find(p.op, p.filter)
			p.list.Matches = len(uids)
			return uids, m, err
		}
		if err := c.sync(p.op, selected); err != nil {
			return nil, m, err
		}
		m = cache.view(p.folder, c.box.validity)
	}
	uids, known := m.list(p.filter)
	if !known {
		var err error
		if uids, err = c.find(p.op, p.filter); err != nil {
			return nil, m, err
		}
		cache.setFiltered(p.folder, m.version, p.filter, uids)
	}
	p.list.Matches = len(uids)
	return uids, m, nil
}

// list is the order of a filter's messages, if it is known.
func (m *mirror) list(filter mail.Filter) (uids []imap.UID, known bool) {
	if m.order == nil {
		return nil, false
	}
	if filter == mail.All {
		return m.order.uids, true
	}
	f, ok := m.filtered[filter]
	return f.uids, ok && f.version == m.version
}

// knownPage makes a page without asking the server anything: while the watch
// says that nothing has changed, what is remembered is true.
func (s *Session) knownPage(folder string, q mail.ListQuery) (mail.List, bool) {
	m, ok := s.cache.peek(folder)
	if !ok || !m.live || m.unread < 0 {
		return mail.List{}, false
	}
	order, ok := m.list(q.Filter)
	if !ok {
		return mail.List{}, false
	}
	l := mail.List{Filter: q.Filter, Page: max(1, q.Page), Matches: len(order), Folder: mail.Folder{Name: folder, Counted: true,
		Validity: m.validity, UIDNext: uint32(m.order.uidNext), Total: uint32(len(m.order.uids)), Unread: uint32(m.unread)}}
	choose(&l)
	uids := cut(&l, order)
	flags := s.cache.marksOf(folder, m.validity, uids)
	for _, uid := range uids {
		k := rowKey{folder, m.validity, uid}
		r, ok := s.cache.row(k)
		f, marked := flags[uid]
		if !ok || !marked || !r.preview || s.cache.level(k) != whole {
			return mail.List{}, false
		}
		r.summary.Flags = f
		l.Rows = append(l.Rows, r.summary)
	}
	return l, true
}

// choose finds the page that is shown, by the number of matches.
func choose(l *mail.List) {
	l.Pages = max(1, (l.Matches+mail.PageSize-1)/mail.PageSize)
	l.Page = min(l.Page, l.Pages)
}

// cut takes the page out of the order, newest first.
func cut(l *mail.List, order []imap.UID) []imap.UID {
	end := max(0, len(order)-(l.Page-1)*mail.PageSize)
	uids := slices.Clone(order[max(0, end-mail.PageSize):end])
	slices.Reverse(uids)
	return uids
}

// countUnread sends the search for the number of unread messages.
func (c *conn) countUnread(op string, n *int) (wait func() error) {
	var options *imap.SearchOptions
	if c.caps.esearch {
		options = &imap.SearchOptions{ReturnCount: true}
	}
	cmd := c.client.UIDSearch(c.criteria(mail.Unread), options)
	return func() error {
		data, err := cmd.Wait()
		if err != nil {
			return c.fault(op, err)
		}
		if *n = int(data.Count); options == nil {
			*n = len(expand(data.All, maxMessages))
		}
		return nil
	}
}
