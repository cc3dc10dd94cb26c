package imapsession

import (
	"encoding/binary"
	"time"

	"oriel/mail"
)

// packed is a row as the cache keeps it: one string in the place of a dozen small
// ones. A thousand open pages are fifty thousand rows, which take half the memory
// this way, and which the garbage collector need not walk through. What is
// unpacked points into that string.
type packed struct {
	key     rowKey
	data    string
	hasRoot bool
	preview bool
}

// rowCost is what a row takes beside its data: its places in map and list.
const rowCost = 250

func (p *packed) cost() int { return rowCost + len(p.data) }

func pack(k rowKey, r *row) *packed {
	var space [1 << 10]byte
	w, s := packer(space[:0]), &r.summary
	w.addresses(s.From)
	w.addresses(s.To)
	w.text(s.Subject)
	w.time(s.Date)
	w.time(s.Arrived)
	w.number(s.Size)
	w.truth(s.Attachment)
	w.text(s.Preview)
	w.text(s.MessageID)
	w.truth(s.Broken)
	w.part(&r.root)
	return &packed{key: k, data: string(w), hasRoot: r.hasRoot, preview: r.preview}
}

func (p *packed) row() row {
	r, u := row{hasRoot: p.hasRoot, preview: p.preview}, unpacker(p.data)
	s := &r.summary
	s.Ref = mail.Ref{Folder: p.key.folder, Validity: p.key.validity, UID: uint32(p.key.uid)}
	s.From = u.addresses()
	s.To = u.addresses()
	s.Subject = u.text()
	s.Date = u.time()
	s.Arrived = u.time()
	s.Size = u.number()
	s.Attachment = u.truth()
	s.Preview = u.text()
	s.MessageID = u.text()
	s.Broken = u.truth()
	u.part(&r.root)
	return r
}

// packer writes values one after another; unpacker reads them in the same order.
type (
	packer   []byte
	unpacker string
)

func (w *packer) number(n int64) { *w = binary.AppendVarint(*w, n) }

func (u *unpacker) number() int64 {
	var n uint64
	for i := 0; ; i++ {
		b := (*u)[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			*u = (*u)[i+1:]
			return int64(n>>1) ^ -int64(n&1)
		}
	}
}

func (w *packer) truth(b bool) {
	n := byte(0)
	if b {
		n = 1
	}
	*w = append(*w, n)
}

func (u *unpacker) truth() bool {
	b := (*u)[0] == 1
	*u = (*u)[1:]
	return b
}

func (w *packer) text(s string) {
	w.number(int64(len(s)))
	*w = append(*w, s...)
}

func (u *unpacker) text() string {
	n := u.number()
	s := string((*u)[:n])
	*u = (*u)[n:]
	return s
}

// time keeps a moment and the distance of its zone, whose name nobody asks for.
func (w *packer) time(t time.Time) {
	_, offset := t.Zone()
	w.number(t.Unix())
	w.number(int64(t.Nanosecond()))
	w.number(int64(offset))
}

func (u *unpacker) time() time.Time {
	t := time.Unix(u.number(), u.number()).UTC()
	if offset := u.number(); offset != 0 {
		t = t.In(time.FixedZone("", int(offset)))
	}
	return t
}

func (w *packer) addresses(list []mail.Address) {
	w.number(int64(len(list)))
	for _, a := range list {
		w.text(a.Name)
		w.text(a.Addr)
	}
}

func (u *unpacker) addresses() []mail.Address {
	n := u.number()
	if n == 0 {
		return nil
	}
	list := make([]mail.Address, n)
	for i := range list {
		list[i] = mail.Address{Name: u.text(), Addr: u.text()}
	}
	return list
}

// part packs a MIME tree, whose depth and size the wire has limited.
func (w *packer) part(p *mail.Part) {
	for _, s := range []string{p.Path, p.Type, p.Charset, p.Encoding, p.Disposition, p.Name, p.ContentID, p.Location, p.Subject} {
		w.text(s)
	}
	w.truth(p.Flowed)
	w.truth(p.DelSp)
	w.number(p.Size)
	w.number(p.Lines)
	w.number(int64(len(p.Children)))
	for i := range p.Children {
		w.part(&p.Children[i])
	}
}

func (u *unpacker) part(p *mail.Part) {
	for _, s := range []*string{&p.Path, &p.Type, &p.Charset, &p.Encoding, &p.Disposition, &p.Name, &p.ContentID, &p.Location, &p.Subject} {
		*s = u.text()
	}
	p.Flowed = u.truth()
	p.DelSp = u.truth()
	p.Size = u.number()
	p.Lines = u.number()
	if n := u.number(); n > 0 {
		p.Children = make([]mail.Part, n)
	}
	for i := range p.Children {
		u.part(&p.Children[i])
	}
}
