package imapsession

import (
	"context"
	"io"

	"oriel/mail"
)

// Session is one user's mailbox. It is safe for concurrent use; every method
// honours its context; errors are *mail.Error.
type Session struct{}

// Folders lists the mailboxes: roles first, then by name. fresh=false may answer
// from a cache of at most 30 s.
func (s *Session) Folders(ctx context.Context, fresh bool) ([]mail.Folder, error) { return nil, nil }

// Role returns the folder with the role, or an error of kind mail.NoRole.
func (s *Session) Role(ctx context.Context, r mail.Role) (mail.Folder, error) {
	return mail.Folder{}, nil
}

// List returns one page of a folder.
func (s *Session) List(ctx context.Context, q mail.ListQuery) (mail.List, error) {
	return mail.List{}, nil
}

// Place says where a message stands in a list. q.Page is ignored.
func (s *Session) Place(ctx context.Context, q mail.ListQuery, r mail.Ref) (mail.Place, error) {
	return mail.Place{}, nil
}

// Validity returns the folder's UIDVALIDITY.
func (s *Session) Validity(ctx context.Context, folder string) (uint32, error) { return 0, nil }

// Message returns one message with its texts. It never sets \Seen.
func (s *Session) Message(ctx context.Context, r mail.Ref) (mail.Message, error) {
	return mail.Message{}, nil
}

// Text returns one text part decoded, at most limit octets of it.
func (s *Session) Text(ctx context.Context, r mail.Ref, path string, limit int64) (mail.Text, error) {
	return mail.Text{}, nil
}

// Part is the decoded content of one MIME part, or a raw message. The caller
// must Close it. Reading returns an error, never io.EOF, when the content is cut short.
type Part struct {
	Info mail.Part
	Size int64 // octets of the raw message; -1 for a decoded part, whose size is not known
	io.ReadCloser
}

// Part streams one part.
func (s *Session) Part(ctx context.Context, r mail.Ref, path string) (*Part, error) { return nil, nil }

// Source streams the raw message; its Size is known.
func (s *Session) Source(ctx context.Context, r mail.Ref) (*Part, error) { return nil, nil }

// SetFlags adds and removes flags by IMAP name.
func (s *Session) SetFlags(ctx context.Context, refs []mail.Ref, add, remove []string) (mail.Result, error) {
	return mail.Result{}, nil
}

// Move moves messages to dst.
func (s *Session) Move(ctx context.Context, refs []mail.Ref, dst string) (mail.Result, error) {
	return mail.Result{}, nil
}

// Copy copies messages to dst.
func (s *Session) Copy(ctx context.Context, refs []mail.Ref, dst string) (mail.Result, error) {
	return mail.Result{}, nil
}

// Delete removes messages for good.
func (s *Session) Delete(ctx context.Context, refs []mail.Ref) (mail.Result, error) {
	return mail.Result{}, nil
}

// CreateRole makes a folder for a role under the personal prefix and subscribes
// to it. name "" means the default English one.
func (s *Session) CreateRole(ctx context.Context, r mail.Role, name string) (mail.Folder, error) {
	return mail.Folder{}, nil
}
