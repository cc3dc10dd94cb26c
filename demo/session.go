package demo

import (
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	// SEARCH and ENVELOPE decode headers and bodies in the character sets that
	// the sample mailbox uses.
	_ "github.com/emersion/go-message/charset"
)

// session is one IMAP connection. It stands in front of imapmemserver and mends
// what a client of real servers would trip over: roles and parents in LIST, the
// flags that SELECT promises, EXAMINE being read only, children of a renamed
// folder, and MOVE, which there reports each message gone twice and the last one
// under number 0.
type session struct {
	accounts accounts
	account  *account // nil before LOGIN

	*imapmemserver.UserSession
	selected bool
	readOnly bool
}

var (
	_ imapserver.SessionIMAP4rev2 = (*session)(nil)

	errReadOnly = &imap.Error{Type: imap.StatusResponseTypeNo, Text: "The mailbox was opened read only"}
)

// Login checks the password.
func (s *session) Login(username, password string) error {
	a := s.accounts[username]
	if a == nil {
		a = s.accounts.byAddress(username)
	}
	if a == nil {
		return imapserver.ErrAuthFailed
	}
	if err := a.store.Login(a.login, password); err != nil {
		return err
	}
	s.account = a
	s.UserSession = imapmemserver.NewUserSession(a.store)
	return nil
}

// Close ends the session; it may never have signed in.
func (s *session) Close() error {
	if s.UserSession == nil || !s.selected {
		return nil
	}
	s.selected = false
	return s.UserSession.Close()
}

// Select opens a folder.
func (s *session) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	data, err := s.UserSession.Select(name, o)
	if err != nil {
		return nil, err
	}
	s.selected = true
	s.readOnly = o != nil && o.ReadOnly
	data.UIDValidity += s.account.epoch
	data.Flags = standardFlags(data.Flags)
	data.PermanentFlags = append(slices.Clone(data.Flags), imap.FlagWildcard)
	if s.readOnly {
		data.PermanentFlags = []imap.Flag{}
	}
	return data, nil
}

// standardFlags adds the system flags (RFC 3501 section 2.3.2) to the keywords
// in use: imapmemserver names only flags that some message has already, and all
// in lower case.
func standardFlags(used []imap.Flag) []imap.Flag {
	system := []imap.Flag{imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagSeen, imap.FlagDraft}
	flags := slices.Clone(system)
	for _, f := range used {
		if f[0] != '\\' {
			flags = append(flags, f)
		}
	}
	return flags
}

// Unselect closes the folder without expunging.
func (s *session) Unselect() error {
	s.selected, s.readOnly = false, false
	return s.UserSession.Unselect()
}

// Create makes a folder, with its role when the client names one.
func (s *session) Create(name string, o *imap.CreateOptions) error { return s.account.create(name, o) }

// Delete removes a folder.
func (s *session) Delete(name string) error { return s.account.delete(name) }

// Rename renames a folder and its children.
func (s *session) Rename(from, to string, _ *imap.RenameOptions) error {
	return s.account.rename(from, to)
}

// Subscribe shows the folder in LSUB.
func (s *session) Subscribe(name string) error { return s.account.subscribe(name, true) }

// Unsubscribe takes the folder out of LSUB.
func (s *session) Unsubscribe(name string) error { return s.account.subscribe(name, false) }

// List answers LIST and LSUB.
func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	return s.account.list(w, ref, patterns, o)
}

// Status answers STATUS.
func (s *session) Status(name string, o *imap.StatusOptions) (*imap.StatusData, error) {
	return s.account.status(name, o)
}

// Append stores a message.
func (s *session) Append(name string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	data, err := s.UserSession.Append(name, r, o)
	if err == nil {
		data.UIDValidity += s.account.epoch
	}
	return data, err
}

// Fetch reads messages; after EXAMINE it sets no \Seen (RFC 3501 section 6.3.2).
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	if s.readOnly {
		quiet := *o
		quiet.BodySection = make([]*imap.FetchItemBodySection, len(o.BodySection))
		for i, section := range o.BodySection {
			peek := *section
			peek.Peek = true
			quiet.BodySection[i] = &peek
		}
		o = &quiet
	}
	return s.UserSession.Fetch(w, set, o)
}

// Store changes flags.
func (s *session) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, o *imap.StoreOptions) error {
	if s.readOnly {
		return errReadOnly
	}
	return s.UserSession.Store(w, set, flags, o)
}

// Expunge removes what is marked \Deleted. CLOSE calls it as well, and after
// EXAMINE that has to do nothing and succeed.
func (s *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.readOnly {
		return nil
	}
	return s.UserSession.Expunge(w, uids)
}

// Copy copies messages.
func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.account.transfer.Lock()
	defer s.account.transfer.Unlock()
	data, err := s.UserSession.Copy(set, dest)
	if err != nil || len(data.SourceUIDs) == 0 {
		return nil, err // nothing matched: OK without COPYUID
	}
	data.UIDValidity += s.account.epoch
	return data, nil
}

// Move copies, then removes exactly what was copied. The expunges reach the
// client through the same queue as everybody else's, hence once and in order.
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	if s.readOnly {
		return errReadOnly
	}
	data, err := s.Copy(set, dest)
	if err != nil || data == nil {
		return err
	}
	if err := w.WriteCopyData(data); err != nil {
		return err
	}
	gone := data.SourceUIDs
	mark := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}
	if err := s.UserSession.Store(nil, gone, mark, &imap.StoreOptions{}); err != nil {
		return err
	}
	return s.UserSession.Expunge(nil, &gone)
}

// idlePoll is how often a waiting connection looks for news.
const idlePoll = 50 * time.Millisecond

// Idle tells the client what changes until it says DONE. The library's own wait
// misses whatever happens between its "idling" and its first look, and says
// nothing until the next change; looking often costs the demo nothing.
func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	ticker := time.NewTicker(idlePoll)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ticker.C:
			if err := s.UserSession.Poll(w, true); err != nil {
				return err
			}
		}
	}
}
