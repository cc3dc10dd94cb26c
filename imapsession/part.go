package imapsession

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/decode"
	"oriel/mail"
)

const (
	inMemory  = 256 << 10 // parts up to this size leave their connection at once
	oneLength = 8 << 20   // up to this size a part is one command
	slice     = 1 << 20   // above it, it is read in slices of this size
)

// Part is the decoded content of one MIME part, or a raw message. The caller
// must Close it. Reading returns an error, never io.EOF, when the content is cut short.
type Part struct {
	Info mail.Part
	Size int64 // octets of the raw message; -1 when that is not certain, and for a decoded part
	io.ReadCloser
}

// Part streams one part.
func (s *Session) Part(ctx context.Context, r mail.Ref, path string) (*Part, error) {
	const op = "read part"
	folder, err := folderName(op, r.Folder)
	if err != nil {
		return nil, err
	}
	r.Folder = folder
	number, ok := parsePath(path)
	if !ok {
		return nil, problem(mail.Invalid, op, "that is no number of a part", nil)
	}
	root, early, raw, err := s.structure(ctx, op, r, number)
	if err != nil {
		return nil, err
	}
	info, ok := root.Find(path)
	if !ok {
		return nil, problem(mail.NoMessage, op, "the message has no such part", nil)
	}
	if raw != nil {
		content, _ := raw.content(path)
		return &Part{info, -1, io.NopCloser(decode.Reader(bytes.NewReader(content), info.Encoding))}, nil
	}
	if early != nil && int64(len(early)) >= info.Size {
		return &Part{info, -1, io.NopCloser(decode.Reader(bytes.NewReader(early), info.Encoding))}, nil
	}
	body, _, err := s.section(ctx, op, r, number, info.Size)
	if err != nil {
		return nil, err
	}
	return &Part{info, -1, struct {
		io.Reader
		io.Closer
	}{decode.Reader(body, info.Encoding), body}}, nil
}

// Source streams the raw message. The Size of a large one is not known: what the
// server says of it may be an estimate (Exchange).
func (s *Session) Source(ctx context.Context, r mail.Ref) (*Part, error) {
	const op = "read source"
	folder, err := folderName(op, r.Folder)
	if err != nil {
		return nil, err
	}
	r.Folder = folder
	var size int64
	var subject string
	err = s.do(ctx, op, folder, func(c *conn) error {
		if err := c.enter(op, folder, r.Validity); err != nil {
			return err
		}
		// The subject names the file; a broken message may not have one to tell.
		sound := s.cache.level(keyOf(r)) == whole
		f, err := c.one(op, r, &imap.FetchOptions{UID: true, RFC822Size: true, Envelope: sound}, "RFC822.SIZE", func(f *fetched) bool { return f.size >= 0 })
		if f != nil {
			size = f.size
			if f.envelope != nil {
				subject = decode.Header(f.envelope.Subject)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	body, size, err := s.section(ctx, op, r, nil, size)
	if err != nil {
		return nil, err
	}
	return &Part{mail.Part{Type: "message/rfc822", Subject: subject, Size: size}, size, body}, nil
}

// structure returns the MIME tree: from the cache, from the server, or, for a
// message whose structure the server cannot tell, from its source. When the
// server has to be asked, the part is asked for in the same flight: early is its
// content if that is all of it.
func (s *Session) structure(ctx context.Context, op string, r mail.Ref, number []int) (root mail.Part, early []byte, raw *source, err error) {
	if cached, ok := s.cache.row(keyOf(r)); ok && cached.hasRoot {
		return cached.root, nil, nil, nil
	}
	read := func(c *conn) error {
		if err := c.enter(op, r.Folder, r.Validity); err != nil {
			return err
		}
		if s.cache.level(keyOf(r)) == whole {
			options := &imap.FetchOptions{UID: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
				BodySection: []*imap.FetchItemBodySection{{Part: number, Peek: true, Partial: &imap.SectionPartial{Size: inMemory}}}}
			f, err := c.one(op, r, options, "BODYSTRUCTURE", func(f *fetched) bool { return f.structure != nil })
			if err != nil {
				return err
			}
			if f.structure != nil {
				root = partTree(f.structure)
				if content := f.parts[pathOf(number)]; len(content) < inMemory {
					early = content
				}
				return nil
			}
		}
		var err error
		if raw, err = c.source(op, r); err == nil {
			root = raw.root
		}
		return err
	}
	if err = s.do(ctx, op, r.Folder, read); errors.Is(err, errUnreadable) && s.cache.level(keyOf(r)) == whole {
		s.cache.setLevel(keyOf(r), headOnly)
		err = s.do(ctx, op, r.Folder, read)
	}
	return root, early, raw, err
}

// section opens BODY[number], the whole message for nil. size decides how it is
// read and need not be right; the true one is returned, or -1 where only the end
// of the content will tell.
func (s *Session) section(ctx context.Context, op string, r mail.Ref, number []int, size int64) (io.ReadCloser, int64, error) {
	if size <= inMemory {
		content, err := s.smallSection(ctx, op, r, number)
		if err != nil || content != nil {
			return io.NopCloser(bytes.NewReader(content)), int64(len(content)), err
		}
	}
	select {
	case s.streams <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, problem(mail.Busy, op, "", ctx.Err())
	}
	for again := false; ; again = true {
		st, err := s.openStream(ctx, op, r, number, size, again)
		switch {
		case err == nil && st.sliced:
			return st, -1, nil
		case err == nil:
			return st, st.size, nil
		}
		if again || ctx.Err() != nil || !broken(err) {
			<-s.streams
			return nil, 0, err
		}
	}
}

// smallSection reads a section into memory. nil without an error: it turned out
// to be larger than was said.
func (s *Session) smallSection(ctx context.Context, op string, r mail.Ref, number []int) ([]byte, error) {
	var content []byte
	err := s.do(ctx, op, r.Folder, func(c *conn) error {
		if err := c.enter(op, r.Folder, r.Validity); err != nil {
			return err
		}
		section := &imap.FetchItemBodySection{Part: number, Peek: true, Partial: &imap.SectionPartial{Size: 2 * inMemory}}
		f, err := c.one(op, r, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}, "BODY[",
			func(f *fetched) bool { return len(f.parts) > 0 })
		if err != nil {
			return err
		}
		var ok bool
		if content, ok = f.parts[pathOf(number)]; !ok {
			return problem(mail.NoMessage, op, "", nil)
		}
		return nil
	})
	if err == nil && content == nil {
		content = []byte{}
	}
	if len(content) >= 2*inMemory {
		return nil, nil
	}
	return content, err
}

// stream reads a section from its own connection, which is given back at the end
// or closed when reading ends early.
type stream struct {
	s      *Session
	c      *conn
	op     string
	ref    mail.Ref
	number []int
	sliced bool
	size   int64 // in all; of a sliced one what the server says, which may be wrong

	stop func() bool // ends the watch on the context
	ctx  context.Context

	cmd     *imapclient.FetchCommand
	literal imap.LiteralReader
	left    int64 // of the literal
	came    int64 // octets of the running slice
	offset  int64 // octets read in all
	err     error
	once    sync.Once
}

func (s *Session) openStream(ctx context.Context, op string, r mail.Ref, number []int, size int64, fresh bool) (*stream, error) {
	c, err := s.borrow(ctx, op, r.Folder, fresh)
	if err != nil {
		return nil, err
	}
	c.streamed = true
	st := &stream{s: s, c: c, op: op, ref: r, number: number, sliced: size > oneLength, size: size, ctx: ctx}
	st.stop = context.AfterFunc(ctx, c.sock.cut)
	if err = c.enter(op, r.Folder, r.Validity); err == nil {
		err = st.request()
	}
	if err == nil && st.literal == nil {
		err = problem(mail.NoMessage, op, "", nil)
	}
	if err != nil {
		st.leave()
		if ctx.Err() != nil {
			err = contextFault(op, ctx.Err())
		}
		return nil, err
	}
	if !st.sliced {
		st.size = st.left
	}
	return st, nil
}

// request sends the command for the whole section, or its next slice, and goes to
// the beginning of its content. No literal: there is none.
func (st *stream) request() error {
	st.left, st.came = 0, 0
	section := &imap.FetchItemBodySection{Part: st.number, Peek: true}
	if st.sliced {
		section.Partial = &imap.SectionPartial{Offset: st.offset, Size: slice}
	}
	b := st.c.stream()
	b.NeedItem = "BODY["
	st.c.nc.Begin(b)
	st.cmd = st.c.client.Fetch(imap.UIDSetNum(imap.UID(st.ref.UID)), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	for msg := st.cmd.Next(); msg != nil; msg = st.cmd.Next() {
		for item := msg.Next(); item != nil; item = msg.Next() {
			if body, ok := item.(imapclient.FetchItemDataBodySection); ok && body.Literal != nil {
				st.literal, st.left = body.Literal, body.Literal.Size()
				st.came = st.left
				return nil
			}
		}
	}
	return st.finish()
}

// finish ends the running command in good order.
func (st *stream) finish() error {
	cmd := st.cmd
	st.cmd, st.literal = nil, nil
	err := st.c.fault(st.op, cmd.Close())
	st.c.nc.End()
	return err
}

// Read returns content. It passes over to the next slice by itself.
func (st *stream) Read(p []byte) (int, error) {
	for st.err == nil {
		if st.left == 0 {
			if err := st.advance(); err != nil {
				st.err = err
			}
			continue
		}
		n, err := st.literal.Read(p[:min(int64(len(p)), st.left)])
		st.left -= int64(n)
		st.offset += int64(n)
		if err != nil && st.left > 0 {
			// The client calls the end of a broken connection the end of the
			// literal: only counting tells (T4).
			st.c.sock.cut()
			st.err = st.broken(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, st.err
}

func (st *stream) broken(err error) error {
	if st.ctx.Err() != nil {
		return contextFault(st.op, st.ctx.Err())
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return st.c.fault(st.op, err)
}

// advance ends the command whose content is read and, when slices are missing,
// starts the next. io.EOF: everything has been read.
func (st *stream) advance() error {
	if st.literal == nil {
		return io.EOF
	}
	var one [1]byte
	if n, err := st.literal.Read(one[:]); n != 0 || err == nil { // lets the client read on
		st.c.sock.cut()
		return problem(mail.Dropped, st.op, "", io.ErrNoProgress)
	}
	if err := st.finish(); err != nil {
		return err
	}
	// Sizes are wrong on some servers (Exchange), in either direction. A slice that is
	// not full is the last one where that agrees with the size, else an empty one is.
	if full := st.came == slice; st.sliced && st.came > 0 && (full || st.offset < st.size) {
		if err := st.request(); err != nil {
			return err
		}
		if st.left > slice {
			st.c.sock.cut()
			return problem(mail.Dropped, st.op, "", io.ErrUnexpectedEOF)
		}
		if st.literal != nil {
			return nil
		}
	}
	st.release() // the caller may take long to close
	return io.EOF
}

// Close gives the connection back, or ends it when content is outstanding.
func (st *stream) Close() error {
	st.release()
	return nil
}

// release ends the use of the connection and of the place among the streams.
func (st *stream) release() {
	st.once.Do(func() {
		st.leave()
		<-st.s.streams
	})
}

// leave gives the connection back. With a command outstanding it is closed: the
// socket first, then the command, whose reader would wait otherwise (T5).
func (st *stream) leave() {
	st.stop()
	if st.cmd != nil {
		st.c.lost = true
		st.c.sock.cut()
		st.cmd.Close()
		st.cmd = nil
	}
	if st.err == nil {
		st.err = problem(mail.Dropped, st.op, "", io.ErrClosedPipe)
	}
	st.s.giveBack(st.c)
}
