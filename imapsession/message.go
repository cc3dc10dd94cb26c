package imapsession

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"oriel/decode"
	"oriel/mail"
)

const (
	maxPlain  = 1 << 20 // octets of a text part that the page prints
	maxMarkup = 2 << 20 // of an HTML part
	maxTexts  = 20      // text parts of one message
	maxPage   = 6 << 20 // octets of all of them
)

// messageFields are all that a page shows beyond ENVELOPE. Constants: see T15.
var messageFields = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"DATE", "LIST-ID"}, Peek: true}

// Message returns one message with its texts. It never sets \Seen.
//
// After a list this is one flight: structure and part numbers are in the cache.
func (s *Session) Message(ctx context.Context, r mail.Ref) (mail.Message, error) {
	const op = "open message"
	folder, err := folderName(op, r.Folder)
	if err != nil {
		return mail.Message{}, err
	}
	r.Folder = folder
	var m mail.Message
	for try := 0; try < 4; try++ {
		broken := false
		err = s.do(ctx, op, folder, func(c *conn) error {
			if err := c.enter(op, folder, r.Validity); err != nil {
				return err
			}
			if broken = s.cache.level(keyOf(r)) > whole; broken {
				m, err = c.brokenMessage(op, r)
				return err
			}
			m, err = c.message(op, r)
			return err
		})
		if !errors.Is(err, errUnreadable) || broken {
			break
		}
		s.cache.setLevel(keyOf(r), headOnly)
	}
	return m, err
}

func keyOf(r mail.Ref) rowKey { return rowKey{r.Folder, r.Validity, imap.UID(r.UID)} }

// message reads a message whose structure the server can tell.
func (c *conn) message(op string, r mail.Ref) (mail.Message, error) {
	cache := &c.session.cache
	cached, known := cache.row(keyOf(r))
	options := &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true, BodySection: []*imap.FetchItemBodySection{messageFields}}
	var body mail.Body
	var sections []*imap.FetchItemBodySection
	if known && cached.hasRoot {
		body = mail.Choose(cached.root)
		sections = textSections(body)
		options.BodySection = append([]*imap.FetchItemBodySection{messageFields}, sections...)
	} else {
		options.BodyStructure = &imap.FetchItemBodyStructure{Extended: true}
		options.BodySection = append([]*imap.FetchItemBodySection{messageFields}, likely...)
	}
	all := func(f *fetched) bool {
		return f.hasFlags && f.envelope != nil && (options.BodyStructure == nil || f.structure != nil)
	}
	f, err := c.one(op, r, options, "ENVELOPE", all)
	if err == nil && isHollow(f) {
		f, err = c.one(op, r, options, "ENVELOPE", all)
	}
	if err != nil {
		return mail.Message{}, err
	}
	if f.envelope == nil || options.BodyStructure != nil && f.structure == nil {
		cache.setLevel(keyOf(r), headOnly)
		return c.brokenMessage(op, r)
	}
	root := cached.root
	if options.BodyStructure != nil {
		root = partTree(f.structure)
		body = mail.Choose(root)
		if sections = textSections(body); !guessed(body, f.parts) {
			texts, err := c.one(op, r, &imap.FetchOptions{UID: true, BodySection: sections}, "BODY[", func(f *fetched) bool { return len(f.parts) > 0 })
			if err != nil {
				return mail.Message{}, err
			}
			f.parts = texts.parts
		}
	}
	m := messageOf(r, f, root, body)
	m.Preview = cached.summary.Preview
	if !known {
		sum := m.Summary
		cache.setRow(keyOf(r), row{summary: sum, root: root, hasRoot: true})
	}
	return m, nil
}

// likely are the parts that hold the text of most messages. Asked for together
// with the structure, they save a second flight.
var likely = []*imap.FetchItemBodySection{
	{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Size: likelySize}},
	{Part: []int{2}, Peek: true, Partial: &imap.SectionPartial{Size: likelySize}},
}

const likelySize = 64 << 10

// guessed reports whether the likely parts are all that is shown, and whole.
func guessed(body mail.Body, parts map[string][]byte) bool {
	for _, p := range body.Shown {
		if raw, came := parts[p.Path]; !came || len(raw) >= likelySize || int64(len(raw)) < min(p.Size, likelySize) {
			return p.Size == 0 && len(body.Shown) == 1
		}
	}
	return true
}

// one fetches items of one message. Its absence is an error.
func (c *conn) one(op string, r mail.Ref, options *imap.FetchOptions, item string, ok func(*fetched) bool) (*fetched, error) {
	var f *fetched
	b := c.rows()
	b.NeedItem = item
	err := c.within(b, func() error {
		got, err := c.complete(op, []imap.UID{imap.UID(r.UID)}, options, ok)
		f = got[imap.UID(r.UID)]
		return err
	})
	if err == nil && f == nil {
		err = problem(mail.NoMessage, op, "", nil)
	}
	return f, err
}

func messageOf(r mail.Ref, f *fetched, root mail.Part, body mail.Body) mail.Message {
	m := mail.Message{Summary: summaryOf(r, f), Root: root, Body: body}
	m.Flags = flagsFrom(f.flags)
	m.Attachment = len(body.Attachments) > 0
	e := f.envelope
	m.ToOnly, m.Cc, m.Bcc = addresses(e.To), addresses(e.Cc), addresses(e.Bcc)
	// Servers repeat From where these fields are missing (RFC 3501 section 7.4.2).
	m.Sender = unlessSame(addresses(e.Sender), m.From)
	m.ReplyTo = unlessSame(addresses(e.ReplyTo), m.From)
	m.ListID = decode.Header(field(f.header, "List-Id"))
	m.Texts = textsOf(body, f.parts)
	return m
}

func unlessSame(list, from []mail.Address) []mail.Address {
	same := slices.EqualFunc(list, from, func(a, b mail.Address) bool { return strings.EqualFold(a.Addr, b.Addr) })
	if same {
		return nil
	}
	return list
}

// textSections are the beginnings of the shown text parts, within the limits.
func textSections(body mail.Body) []*imap.FetchItemBodySection {
	var sections []*imap.FetchItemBodySection
	budget := int64(maxPage)
	for _, p := range body.Shown {
		path, ok := parsePath(p.Path)
		n := min(fetchSize(p), max(p.Size, 1))
		if !ok || len(sections) == maxTexts || n > budget {
			continue
		}
		budget -= n
		sections = append(sections, &imap.FetchItemBodySection{Part: path, Peek: true, Partial: &imap.SectionPartial{Size: fetchSize(p)}})
	}
	return sections
}

func displayLimit(p mail.Part) int64 {
	if p.Type == "text/html" {
		return maxMarkup
	}
	return maxPlain
}

// fetchSize is how many encoded octets give as much text as is displayed.
func fetchSize(p mail.Part) int64 {
	n := displayLimit(p)
	if p.Encoding == "base64" {
		return n/3*4 + n/27 // line ends
	}
	return n
}

// textsOf decodes the fetched parts in the order of Body.Shown. A part that was
// not fetched is there too, empty and truncated.
func textsOf(body mail.Body, parts map[string][]byte) []mail.Text {
	var texts []mail.Text
	for _, p := range body.Shown {
		raw, ok := parts[p.Path]
		if !ok {
			texts = append(texts, mail.Text{Part: p, Truncated: p.Size > 0})
			continue
		}
		texts = append(texts, textOf(p, bytes.NewReader(raw), int64(len(raw)) < p.Size, displayLimit(p)))
	}
	return texts
}

// textOf decodes one text part, at most limit octets of it.
func textOf(p mail.Part, encoded io.Reader, cut bool, limit int64) mail.Text {
	raw, err := io.ReadAll(io.LimitReader(decode.Reader(encoded, p.Encoding), limit+1))
	if cut = cut || err != nil || int64(len(raw)) > limit; cut {
		raw = raw[:min(int64(len(raw)), limit)]
		// A character cut in half would make the whole text look wrongly
		// labelled, so that it ends with a whole line, or at least a word.
		tail := max(0, len(raw)-4096)
		if i := bytes.LastIndexAny(raw[tail:], "\n"); i >= 0 {
			raw = raw[:tail+i+1]
		} else if i := bytes.LastIndexAny(raw[tail:], " >"); i >= 0 {
			raw = raw[:tail+i+1]
		}
	}
	return mail.Text{Part: p, Content: decode.Lines(decode.Text(raw, p.Charset)), Truncated: cut}
}

// Text returns one text part decoded, at most limit octets of it.
func (s *Session) Text(ctx context.Context, r mail.Ref, path string, limit int64) (mail.Text, error) {
	const op = "read text"
	part, err := s.Part(ctx, r, path)
	if err != nil {
		return mail.Text{}, err
	}
	defer part.Close()
	if !strings.HasPrefix(part.Info.Type, "text/") {
		return mail.Text{}, problem(mail.Invalid, op, "that part is no text", nil)
	}
	// The stream is decoded already; only the limit and the charset are left.
	failing := &errorKeeper{r: part}
	plain := part.Info
	plain.Encoding = ""
	text := textOf(plain, failing, false, limit)
	text.Part = part.Info
	return text, failing.err
}

// errorKeeper remembers the error that a reader ended with.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && err != io.EOF {
		k.err = err
	}
	return n, err
}
