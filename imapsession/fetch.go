package imapsession

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/decode"
	"oriel/imapsession/wire"
	"oriel/mail"
)

// fetched is one FETCH response. It knows which items came, because a missing
// FLAGS and an empty one are different things (T10).
type fetched struct {
	seq       uint32
	uid       imap.UID
	hasFlags  bool
	flags     []imap.Flag
	modSeq    uint64 // when the flags changed; 0: not told
	envelope  *imap.Envelope
	arrived   time.Time
	size      int64 // -1: not told
	structure imap.BodyStructure
	header    []byte // of a BODY[HEADER...] item
	hasHeader bool
	preview   *string           // of a PREVIEW item; nil: the server has none
	parts     map[string][]byte // content of BODY[1.2] items, by path; "" is the whole message
}

func (f *fetched) item(item imapclient.FetchItemData) error {
	switch item := item.(type) {
	case imapclient.FetchItemDataUID:
		f.uid = item.UID
	case imapclient.FetchItemDataFlags:
		f.flags, f.hasFlags = item.Flags, true
	case imapclient.FetchItemDataModSeq:
		f.modSeq = item.ModSeq
	case imapclient.FetchItemDataEnvelope:
		f.envelope = item.Envelope
	case imapclient.FetchItemDataInternalDate:
		f.arrived = item.Time
	case imapclient.FetchItemDataRFC822Size:
		f.size = item.Size
	case imapclient.FetchItemDataBodyStructure:
		f.structure = item.BodyStructure
	case imapclient.FetchItemDataBodySection:
		var content []byte
		if item.Literal != nil { // NIL for a part that is not there (T16)
			var err error
			if content, err = readLiteral(item.Literal); err != nil {
				return err
			}
			if int64(len(content)) != item.Literal.Size() {
				return io.ErrUnexpectedEOF // T4
			}
		}
		switch {
		case item.Section.Specifier == imap.PartSpecifierHeader:
			f.header, f.hasHeader = content, true
		case item.Literal == nil:
		case item.Section.Specifier == wire.Preview:
			text := decode.Preview(decode.Text(content, "utf-8"))
			f.preview = &text
		default:
			f.parts[pathOf(item.Section.Part)] = content
		}
	}
	return nil
}

// readLiteral reads a literal to its end. Room is made for what the server says
// it is, but not for more than it may well be.
func readLiteral(l imap.LiteralReader) ([]byte, error) {
	const likely = 512 << 10
	b := bytes.NewBuffer(make([]byte, 0, min(max(0, l.Size()), likely)+bytes.MinRead))
	_, err := b.ReadFrom(l)
	return b.Bytes(), err
}

// query is one FETCH command of a flight.
type query struct {
	set     imap.NumSet
	options *imap.FetchOptions
}

// fetch sends the queries in one flight and returns what came, in no order. The
// message sets of the queries must be disjoint: go-imap gives an answer to the
// first command that asked for the message (T9).
//
// What is missing is missing: the caller compares with what it wanted.
func (c *conn) fetch(op string, queries ...query) ([]*fetched, error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		all  []*fetched
		errs = make([]error, len(queries))
	)
	for i, q := range queries {
		cmd := c.client.Fetch(q.set, q.options)
		// Each command has its own reader, because a server may answer a later
		// one first and the client reads on only when somebody takes the data.
		wg.Go(func() {
			errs[i] = c.collect(cmd, func(f *fetched) {
				mu.Lock()
				all = append(all, f)
				mu.Unlock()
			})
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return all, c.fetchFault(op, err)
		}
	}
	return all, nil
}

// fetchFault is fault for FETCH: a message that the server cannot read makes some
// servers refuse the whole command (Gmail, Yahoo). It is found and left out like
// one whose answer cannot be read.
func (c *conn) fetchFault(op string, err error) error {
	var answer *imap.Error
	if errors.As(err, &answer) && answer.Type == imap.StatusResponseTypeNo {
		text := strings.ToLower(answer.Text)
		if strings.Contains(text, "could not be fetched") || strings.Contains(text, "error while fetching") {
			return problem(mail.Refused, op, words(answer.Text), errUnreadable)
		}
	}
	return c.fault(op, err)
}

// collect reads one command to its end. On a broken literal it closes the
// connection before it drains the command, which would otherwise wait (T5).
func (c *conn) collect(cmd *imapclient.FetchCommand, each func(*fetched)) error {
	var bad error
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		f := &fetched{seq: msg.SeqNum, size: -1, parts: map[string][]byte{}}
		for item := msg.Next(); item != nil && bad == nil; item = msg.Next() {
			if bad = f.item(item); bad != nil {
				c.sock.cut()
			}
		}
		if bad == nil {
			each(f)
		}
	}
	err := cmd.Close()
	if bad != nil {
		return bad
	}
	return err
}

// byUID keys responses by UID. Of several for one message the parts are joined:
// an unsolicited FLAGS may come as a response of its own.
func byUID(all []*fetched) map[imap.UID]*fetched {
	m := make(map[imap.UID]*fetched, len(all))
	for _, f := range all {
		if f.uid != 0 {
			m[f.uid] = f
		}
	}
	return m
}

// complete fetches options for uids and asks once more for those whose answer is
// missing or lacks something: an unsolicited FETCH may have taken the place of
// the real one (T9). What is missing after that is gone.
func (c *conn) complete(op string, uids []imap.UID, options *imap.FetchOptions, ok func(*fetched) bool) (map[imap.UID]*fetched, error) {
	got := map[imap.UID]*fetched{}
	want := uids
	for try := range 2 {
		for _, set := range uidSets(want) {
			looked := func() error { return nil }
			if try > 0 {
				looked = c.look()
			}
			all, err := c.fetch(op, query{set, options})
			if lerr := c.fault(op, looked()); err == nil {
				err = lerr
			}
			for uid, f := range byUID(all) {
				if old := got[uid]; old == nil || ok(f) || !ok(old) {
					got[uid] = f
				}
			}
			if err != nil {
				return got, err
			}
		}
		var again []imap.UID
		for _, uid := range want {
			if f := got[uid]; f == nil || !ok(f) {
				again = append(again, uid)
			}
		}
		if want = again; len(want) == 0 {
			break
		}
	}
	return got, nil
}

// flagsOf fetches the flags of messages: the truth after a change. Absent ones
// are gone.
func (c *conn) flagsOf(op string, uids []imap.UID) (map[imap.UID]*fetched, error) {
	var got map[imap.UID]*fetched
	b := c.small()
	b.NeedItem = "FLAGS"
	err := c.within(b, func() (err error) {
		got, err = c.complete(op, uids, c.asked(flagsRow), func(f *fetched) bool { return f.hasFlags })
		return err
	})
	return got, err
}

// uidSets packs UIDs into sets that fit into a command: at most 1000 ranges and
// well below 8 kB, because servers limit an argument (T17).
func uidSets(uids []imap.UID) []imap.UIDSet {
	const maxRanges = 340 // of up to 22 bytes each
	var (
		sets []imap.UIDSet
		set  imap.UIDSet
	)
	for _, uid := range uids {
		if uid == 0 {
			continue
		}
		if len(set) >= maxRanges && !set.Contains(uid) {
			sets = append(sets, set)
			set = nil
		}
		set.AddNum(uid)
	}
	if len(set) > 0 {
		sets = append(sets, set)
	}
	return sets
}

// expand lists the UIDs of a set that a server sent; nil when it is senselessly
// large, such as 1:4294967295.
func expand(set imap.NumSet, limit int) []imap.UID {
	uids, ok := set.(imap.UIDSet)
	if !ok || uids.Dynamic() {
		return nil
	}
	n := uint64(0)
	for _, r := range uids {
		n += uint64(r.Stop) - uint64(r.Start) + 1
	}
	if n > uint64(limit) {
		return nil
	}
	list, _ := uids.Nums()
	return list
}

// pathOf is the IMAP part number: 1.2.
func pathOf(part []int) string {
	var b strings.Builder
	for i, n := range part {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// parsePath reads a part number. ok is false for what is none.
func parsePath(path string) (part []int, ok bool) {
	if path == "" || len(path) > 200 {
		return nil, false
	}
	for s := range strings.SplitSeq(path, ".") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1<<20 || strconv.Itoa(n) != s {
			return nil, false
		}
		part = append(part, n)
	}
	return part, true
}

// flagsFrom sorts a message's flags into what Oriel shows.
func flagsFrom(list []imap.Flag) (f mail.Flags) {
	for _, flag := range list {
		switch strings.ToLower(string(flag)) {
		case `\seen`:
			f.Seen = true
		case `\flagged`:
			f.Flagged = true
		case `\answered`:
			f.Answered = true
		case `\draft`:
			f.Draft = true
		case `\deleted`:
			f.Deleted = true
		case "$forwarded":
			f.Forwarded = true
		case `\recent`:
		default:
			f.Keywords = append(f.Keywords, string(flag))
		}
	}
	return f
}
