package imapsession

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-message/textproto"

	"oriel/decode"
	"oriel/mail"
)

// maxSource is the size up to which a message is parsed here because its server
// cannot tell the structure.
const maxSource = 10 << 20

// source is a message parsed by Oriel itself.
type source struct {
	root   mail.Part
	head   []byte
	parts  map[string][]byte // content in transfer encoding, by path
	count  int               // parts so far
	copied int               // octets copied while splitting
}

func (s *source) content(path string) ([]byte, bool) {
	b, ok := s.parts[path]
	return b, ok
}

// source fetches and parses a raw message.
func (c *conn) source(op string, r mail.Ref) (*source, error) {
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: maxSource}}
	f, err := c.one(op, r, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}, "BODY[",
		func(f *fetched) bool { return len(f.parts) > 0 })
	if err != nil {
		return nil, err
	}
	return parseSource(f.parts[""]), nil
}

// brokenMessage shows a message whose structure the server cannot tell.
func (c *conn) brokenMessage(op string, r mail.Ref) (mail.Message, error) {
	raw, err := c.source(op, r)
	if err != nil {
		return mail.Message{}, err
	}
	f := &fetched{size: -1}
	if level := c.session.cache.level(keyOf(r)); level <= headOnly {
		f, err = c.one(op, r, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true}, "FLAGS", func(f *fetched) bool { return f.hasFlags })
		if err != nil {
			return mail.Message{}, err
		}
	}
	m := mail.Message{Summary: headerSummary(r, raw.head, f), Root: raw.root, Body: mail.Choose(raw.root)}
	m.Flags = flagsFrom(f.flags)
	m.Attachment = len(m.Body.Attachments) > 0
	m.ToOnly, m.Cc, m.Bcc = rawAddresses(field(raw.head, "To")), rawAddresses(field(raw.head, "Cc")), rawAddresses(field(raw.head, "Bcc"))
	m.Sender = unlessSame(rawAddresses(field(raw.head, "Sender")), m.From)
	m.ReplyTo = unlessSame(rawAddresses(field(raw.head, "Reply-To")), m.From)
	m.ListID = decode.Header(field(raw.head, "List-Id"))
	m.Texts = textsOf(m.Body, raw.parts)
	return m, nil
}

// parseSource reads a raw message. It always gives something to show: what
// cannot be split is one plain text.
func parseSource(raw []byte) *source {
	s := &source{parts: map[string][]byte{}}
	head, body := splitHeader(raw)
	s.head = head
	s.root = s.part(head, body, "", 1)
	return s
}

// part parses one entity. path is its number; "" at the root.
func (s *source) part(head, body []byte, path string, depth int) mail.Part {
	s.count++
	header := parseHeader(head)
	media, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if media = strings.ToLower(media); err != nil && media == "" {
		media = "text/plain"
		if t, _, ok := strings.Cut(header.Get("Content-Type"), ";"); ok || t != "" {
			if kind, sub, ok := strings.Cut(t, "/"); ok {
				media = token(kind, "application") + "/" + token(sub, "octet-stream")
			}
		}
	}
	if strings.HasPrefix(media, "multipart/") && params["boundary"] != "" && depth < maxDepth {
		p := mail.Part{Path: path, Type: media}
		s.children(&p, body, params["boundary"], depth)
		if len(p.Children) > 0 {
			return p
		}
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") {
		media = "text/plain" // without its boundary there is nothing to split
	}
	if path == "" {
		path = "1"
	}
	kind, sub, _ := strings.Cut(media, "/")
	p := mail.Part{
		Path: path, Type: token(kind, "application") + "/" + token(sub, "octet-stream"), Size: int64(len(body)),
		Encoding:  strings.ToLower(decode.Clean(header.Get("Content-Transfer-Encoding"))),
		ContentID: strings.Trim(decode.Clean(header.Get("Content-Id")), "<> "),
		Location:  decode.Clean(header.Get("Content-Location")),
	}
	textParams(&p, params)
	disposition, dispParams, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	p.Disposition = dispositionOf(disposition)
	p.Name = decode.Filename(dispParams, params)
	if p.Type == "message/rfc822" || p.Type == "message/global" {
		inner, _ := splitHeader(body)
		p.Subject = decode.Header(field(inner, "Subject"))
	}
	s.parts[path] = body
	return p
}

func (s *source) children(p *mail.Part, body []byte, boundary string, depth int) {
	r := textproto.NewMultipartReader(bytes.NewReader(body), boundary)
	for n := 1; s.count < maxParts; n++ {
		child, err := r.NextPart()
		if err != nil {
			return
		}
		// A cut multipart keeps what there is of its last part.
		content, _ := io.ReadAll(child)
		if s.copied += len(content); s.copied > 3*maxSource {
			return // nested so deeply that it is meant to cost memory
		}
		var head bytes.Buffer
		textproto.WriteHeader(&head, child.Header)
		p.Children = append(p.Children, s.part(head.Bytes(), content, childPath(p.Path, n), depth+1))
	}
}

// splitHeader cuts a message at the first empty line. Empty lines and a "From "
// line before the header, as mailboxes of old have them, are skipped.
func splitHeader(raw []byte) (head, body []byte) {
	raw = bytes.TrimLeft(raw, "\r\n")
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	for at := 0; at < len(raw); {
		end := bytes.IndexByte(raw[at:], '\n')
		if end < 0 {
			break
		}
		if len(bytes.TrimRight(raw[at:at+end], "\r")) == 0 {
			return raw[:at], raw[at+end+1:]
		}
		at += end + 1
	}
	return raw, nil
}

// parseHeader reads header fields. Lines that are none are left out, because one
// of them would make the library refuse the whole header (T13).
func parseHeader(head []byte) textproto.Header {
	const limit = 256 << 10
	var clean bytes.Buffer
	started := false
	for line := range bytes.Lines(head[:min(len(head), limit)]) {
		line = bytes.TrimRight(line, "\r\n")
		folded := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		colon := bytes.IndexByte(line, ':')
		if folded && !started || !folded && (colon <= 0 || bytes.ContainsAny(line[:colon], " \t\x00")) {
			continue
		}
		started = true
		clean.Write(line)
		clean.WriteString("\r\n")
	}
	clean.WriteString("\r\n")
	h, err := textproto.ReadHeader(bufio.NewReader(&clean))
	if err != nil {
		return textproto.Header{}
	}
	return h
}
