package imapsession

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"oriel/decode"
	"oriel/imapsession/wire"
	"oriel/mail"
)

// How much of a message the server can tell without ending the connection. The
// next level is tried when the one before has failed for that message alone.
const (
	whole      = iota // envelope and structure
	headOnly          // flags, date, size and the raw header
	headerText        // nothing but the raw header
	nameOnly          // not even that
)

const (
	maxHeader     = 64 << 10 // of a broken message's header
	previewPlain  = 768      // octets of a text part that make a preview
	previewMarkup = 8 << 10  // HTML begins with style sheets
)

// Constants on purpose: header field names go to the wire as they are (T15).
var (
	dateField   = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"DATE"}, Peek: true}
	headerStart = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true, Partial: &imap.SectionPartial{Size: maxHeader}}
	fullRow     = &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{dateField}}
	flagsRow = &imap.FetchOptions{UID: true, Flags: true}
	headRow  = &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{headerStart}}
	textRow  = &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{headerStart}}
)

func isWhole(f *fetched) bool {
	return f != nil && f.hasFlags && f.envelope != nil && f.structure != nil && f.size >= 0 && !f.arrived.IsZero()
}

// isHollow reports whether a row is what Dovecot says of a message that another
// connection has removed, before it announces that: nothing at all. Asked once
// more it says no such thing.
func isHollow(f *fetched) bool {
	e := f.envelope
	return f.size == 0 && e != nil && e.Subject == "" && e.MessageID == "" && len(e.From) == 0 && len(e.To) == 0 && len(e.InReplyTo) == 0
}

// rowJob reads the rows of one page. It outlives a connection, so that what has
// come before a break is kept.
type rowJob struct {
	s        *Session
	op       string
	folder   string
	validity uint32
	cautious bool // too many messages broke connections: take headers only

	rows  map[imap.UID]*mail.Summary
	roots map[imap.UID]row
}

func (s *Session) newRowJob(op, folder string) *rowJob {
	return &rowJob{s: s, op: op, folder: folder, rows: map[imap.UID]*mail.Summary{}, roots: map[imap.UID]row{}}
}

func (j *rowJob) key(uid imap.UID) rowKey { return rowKey{j.folder, j.validity, uid} }

func (j *rowJob) ref(uid imap.UID) mail.Ref {
	return mail.Ref{Folder: j.folder, Validity: j.validity, UID: uint32(uid)}
}

// run reads the rows of uids on a connection that has the folder selected. also,
// when there is one, is sent in the same flight. Without anything to ask there
// is no flight.
func (j *rowJob) run(c *conn, uids []imap.UID, also func() (wait func() error)) error {
	j.validity = c.box.validity
	byLevel := map[int][]imap.UID{}
	const known = -1 // rows in the cache: only the flags are asked for
	flags := j.s.cache.marksOf(j.folder, j.validity, uids)
	for _, uid := range uids {
		level := j.s.cache.level(j.key(uid))
		if j.cautious {
			level = max(level, headOnly)
		}
		if r, ok := j.s.cache.row(j.key(uid)); ok && level == whole {
			level, j.roots[uid] = known, r
			if f, ok := flags[uid]; ok {
				sum := r.summary
				sum.Flags = f
				j.rows[uid] = &sum
				continue
			}
		}
		byLevel[level] = append(byLevel[level], uid)
	}
	options := map[int]*imap.FetchOptions{known: c.asked(flagsRow), whole: c.fullRow(), headOnly: headRow, headerText: textRow}
	var queries []query
	for level, o := range options {
		for _, set := range uidSets(byLevel[level]) {
			queries = append(queries, query{set, o})
		}
	}
	for _, uid := range byLevel[nameOnly] {
		j.rows[uid] = &mail.Summary{Ref: j.ref(uid), Broken: true}
	}
	if len(queries) == 0 && also == nil {
		return nil
	}
	var all []*fetched
	b := c.rows()
	switch {
	case len(queries) == 1 && len(byLevel[whole]) > 0:
		b.NeedItem = "ENVELOPE"
	case len(queries) == 1 && len(byLevel[known]) > 0:
		b.NeedItem = "FLAGS"
	}
	err := c.within(b, func() (err error) {
		looked := c.look()
		wait := func() error { return nil }
		if also != nil {
			wait = also()
		}
		all, err = c.fetch(j.op, queries...)
		return errors.Join(err, wait(), c.fault(j.op, looked()))
	})
	got := byUID(all)
	j.s.cache.observed(j.folder, j.validity, got, false)
	for _, uid := range byLevel[known] {
		j.keepKnown(uid, got[uid])
	}
	for _, uid := range byLevel[whole] {
		if f := got[uid]; isWhole(f) && !isHollow(f) {
			j.keepWhole(uid, f)
		}
	}
	if err != nil {
		return firstFault(err)
	}
	for _, uid := range slices.Concat(byLevel[headOnly], byLevel[headerText]) {
		j.keepHeader(uid, got[uid])
	}
	return j.rest(c, byLevel[known], byLevel[whole], got)
}

// asked is o with what this mailbox can tell beyond it: when the flags changed.
func (c *conn) asked(o *imap.FetchOptions) *imap.FetchOptions {
	more := *o
	more.ModSeq = c.box.modSeq != 0
	return &more
}

// fullRow asks for all of a row, with the preview where the server makes it
// (RFC 8970): it remembers what it has made, and reads no body a second time.
func (c *conn) fullRow() *imap.FetchOptions {
	o := c.asked(fullRow)
	if c.caps.preview {
		o.BodySection = []*imap.FetchItemBodySection{dateField, {Specifier: wire.Preview, Peek: true}}
	}
	return o
}

// firstFault unpacks errors.Join: the callers look at one kind.
func firstFault(err error) error {
	var known *mail.Error
	if errors.As(err, &known) {
		return known
	}
	return err
}

// rest asks again for rows that did not come whole. Those whose structure does
// not come then either are known by their header only.
func (j *rowJob) rest(c *conn, known, wanted []imap.UID, got map[imap.UID]*fetched) error {
	lacks := func(uid imap.UID) bool { return j.rows[uid] == nil }
	if again := slices.DeleteFunc(slices.Clone(known), func(uid imap.UID) bool { return !lacks(uid) }); len(again) > 0 {
		flags, err := c.flagsOf(j.op, again)
		if err != nil {
			return err
		}
		j.s.cache.observed(j.folder, j.validity, flags, false)
		for _, uid := range again {
			j.keepKnown(uid, flags[uid])
		}
	}
	again := slices.DeleteFunc(slices.Clone(wanted), func(uid imap.UID) bool { return !lacks(uid) })
	if len(again) == 0 {
		return nil
	}
	b := c.rows()
	b.NeedItem = "ENVELOPE"
	var second map[imap.UID]*fetched
	err := c.within(b, func() (err error) {
		second, err = c.complete(j.op, again, c.fullRow(), isWhole)
		return err
	})
	j.s.cache.observed(j.folder, j.validity, second, false)
	var broken []imap.UID
	for _, uid := range again {
		if f := second[uid]; isWhole(f) {
			j.keepWhole(uid, f)
		} else if f != nil || got[uid] != nil && err == nil {
			broken = append(broken, uid)
		}
	}
	if err != nil || len(broken) == 0 {
		return err
	}
	var heads map[imap.UID]*fetched
	err = c.within(c.rows(), func() (err error) {
		heads, err = c.complete(j.op, broken, headRow, func(f *fetched) bool { return f.hasHeader && f.hasFlags })
		return err
	})
	for _, uid := range broken {
		if f := heads[uid]; f != nil && f.hasHeader {
			j.s.cache.setLevel(j.key(uid), headOnly)
			j.keepHeader(uid, f)
		}
	}
	return err
}

func (j *rowJob) keepWhole(uid imap.UID, f *fetched) {
	sum := summaryOf(j.ref(uid), f)
	root := partTree(f.structure)
	sum.Attachment = len(mail.Choose(root).Attachments) > 0
	r := row{root: root, hasRoot: true}
	if f.preview != nil {
		sum.Preview, r.preview = *f.preview, true
	}
	r.summary = sum
	j.s.cache.setRow(j.key(uid), r)
	j.roots[uid] = r
	sum.Flags = flagsFrom(f.flags)
	j.rows[uid] = &sum
}

func (j *rowJob) keepKnown(uid imap.UID, f *fetched) {
	if f == nil || !f.hasFlags {
		return
	}
	sum := j.roots[uid].summary // not the cache's, which may have forgotten it meanwhile
	sum.Flags = flagsFrom(f.flags)
	j.rows[uid] = &sum
}

func (j *rowJob) keepHeader(uid imap.UID, f *fetched) {
	if f == nil || !f.hasHeader {
		return
	}
	sum := headerSummary(j.ref(uid), f.header, f)
	sum.Flags = flagsFrom(f.flags)
	j.rows[uid] = &sum
}

// previews reads the beginning of the text of rows that have no preview yet, in
// one flight: one command for each part number, their messages disjoint.
func (j *rowJob) previews(c *conn) error {
	type kind struct {
		path string
		size int64
	}
	groups := map[kind][]imap.UID{}
	parts := map[imap.UID]mail.Part{}
	for uid, r := range j.roots {
		if r.preview || j.rows[uid] == nil {
			continue
		}
		p, ok := mail.PreviewPart(r.root)
		if _, sound := parsePath(p.Path); !ok || !sound || p.Size == 0 {
			j.keepPreview(uid, "")
			continue
		}
		k := kind{p.Path, previewPlain}
		if p.Type == "text/html" {
			k.size = previewMarkup
		}
		parts[uid] = p
		groups[k] = append(groups[k], uid)
	}
	var queries []query
	for k, uids := range groups {
		path, _ := parsePath(k.path)
		options := &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{
			{Part: path, Peek: true, Partial: &imap.SectionPartial{Size: k.size}}}}
		slices.Sort(uids)
		for _, set := range uidSets(uids) {
			queries = append(queries, query{set, options})
		}
	}
	if len(queries) == 0 {
		return nil
	}
	b := c.rows()
	b.NeedItem = "BODY["
	return c.within(b, func() error {
		all, err := c.fetch(j.op, queries...)
		for uid, f := range byUID(all) {
			p, ok := parts[uid]
			if content, came := f.parts[p.Path]; ok && came {
				j.keepPreview(uid, previewOf(p, content))
			}
		}
		return err
	})
}

func previewOf(p mail.Part, content []byte) string {
	raw, _ := io.ReadAll(decode.Reader(strings.NewReader(string(content)), p.Encoding)) // a reader of memory
	text := decode.Text(raw, p.Charset)
	if p.Type == "text/html" {
		text = decode.HTMLText(text)
	}
	return decode.Preview(text)
}

func (j *rowJob) keepPreview(uid imap.UID, preview string) {
	r := j.roots[uid]
	r.preview, r.summary.Preview = true, preview
	j.s.cache.setRow(j.key(uid), r)
	if sum := j.rows[uid]; sum != nil {
		sum.Preview = preview
	}
}

// lacking reports whether a row is missing.
func (j *rowJob) lacking(uids []imap.UID) bool {
	return slices.ContainsFunc(uids, func(uid imap.UID) bool { return j.rows[uid] == nil })
}

// quarantine finds a message among uids that ends the connection when its row is
// read, and notes that it has to be asked for less. The messages that the server
// sent before the break are in the cache already, so that the first of the rest
// is the likely one. When none came, or it is not that one, the rest is halved: for
// a page of fifty these are six reads.
func (s *Session) quarantine(ctx context.Context, op string, j *rowJob, uids []imap.UID) error {
	suspects := slices.DeleteFunc(slices.Clone(uids), func(uid imap.UID) bool { return j.rows[uid] != nil })
	slices.Sort(suspects)
	convict := func(uid imap.UID) {
		k := j.key(uid)
		s.cache.setLevel(k, s.cache.level(k)+1)
	}
	half := 1
	if len(suspects) == len(uids) {
		half = (len(suspects) + 1) / 2
	}
	for guilty := false; len(suspects) > 0; half = (len(suspects) + 1) / 2 {
		if guilty && len(suspects) == 1 { // one of those that were read together, and the others are not it
			convict(suspects[0])
			return nil
		}
		test := suspects[:half]
		err := s.do(ctx, op, j.folder, func(c *conn) error {
			if err := c.enter(op, j.folder, j.validity); err != nil {
				return err
			}
			return j.run(c, test, nil)
		})
		switch {
		case err == nil:
			suspects = suspects[half:]
		case !errors.Is(err, errUnreadable):
			return err
		case half == 1:
			convict(test[0])
			return nil
		default:
			suspects, guilty = test, true
		}
	}
	return nil
}
