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
	page := &pageJob{rowJob: s.newRowJob(op, folder), filter: q.Filter}
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
		s.prepare(folder)
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
	f, err := s.folder(ctx, counted.Name)
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

// read makes the page on one connection: SELECT or NOOP, the order of messages
// when it is not known, the rows together with the number of unread ones, and
// the previews that are missing.
func (p *pageJob) read(c *conn) error {
	did, err := c.selectBox(p.op, p.folder)
	if err == nil && !did {
		err = c.noop(p.op)
	}
	if err != nil {
		return err
	}
	if p.validity != c.box.validity {
		p.rows, p.roots = map[imap.UID]*mail.Summary{}, map[imap.UID]row{}
	}
	order, err := p.order(c)
	if err != nil {
		return err
	}
	p.choose(order)
	unread := 0
	if err := p.run(c, p.uids, func() func() error { return c.countUnread(p.op, &unread) }); err != nil {
		return err
	}
	if err := p.previews(c); err != nil {
		return err
	}
	if p.filter == mail.Unread {
		unread = p.list.Matches
	}
	f := &p.list.Folder
	f.Counted, f.Validity, f.Total, f.Unread = true, c.box.validity, c.exists(), uint32(unread)
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

// order gives the UIDs of the filtered folder, oldest arrival first.
func (p *pageJob) order(c *conn) ([]imap.UID, error) {
	p.partial = false
	if p.filter != mail.All {
		uids, err := c.find(p.op, p.filter)
		p.list.Matches = len(uids)
		return uids, err
	}
	ix := c.session.cache.index(p.folder)
	if c.exists() > windowFrom && p.list.Page == 1 && !c.hidesDeleted() && (ix == nil || ix.validity != c.box.validity) {
		p.partial, p.list.Matches = true, int(c.exists())
		return c.window(p.op)
	}
	ix, err := c.order(p.op)
	if err != nil {
		return nil, err
	}
	p.list.Matches = len(ix.uids)
	return ix.uids, nil
}

// choose cuts the page out of the order.
func (p *pageJob) choose(order []imap.UID) {
	l := &p.list
	l.Pages = max(1, (l.Matches+mail.PageSize-1)/mail.PageSize)
	l.Page = min(l.Page, l.Pages)
	end := max(0, len(order)-(l.Page-1)*mail.PageSize)
	p.uids = slices.Clone(order[max(0, end-mail.PageSize):end])
	slices.Reverse(p.uids)
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
