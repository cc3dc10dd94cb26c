package demo

import (
	"bytes"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

const delimiter = '/'

// folder is one mailbox to create, with its role (RFC 6154) if it has one.
type folder struct {
	name string
	use  imap.MailboxAttr
}

// roleFolders are what nearly every provider creates for a new account.
var roleFolders = []folder{
	{name: "INBOX"},
	{name: "Drafts", use: imap.MailboxAttrDrafts},
	{name: "Sent", use: imap.MailboxAttrSent},
	{name: "Archive", use: imap.MailboxAttrArchive},
	{name: "Junk", use: imap.MailboxAttrJunk},
	{name: "Trash", use: imap.MailboxAttrTrash},
}

// account is one user. It keeps beside imapmemserver's folders what that server
// does not keep: which role a folder was created with, and the list of names, so
// that LIST can answer with roles, children and parents.
type account struct {
	login string
	store *imapmemserver.User

	// epoch is added to every UIDVALIDITY. imapmemserver counts from 1 in each
	// process, but a client that saw the demo before its last start has to learn
	// that these are other messages (RFC 3501 section 2.3.1.1).
	epoch uint32

	mu      sync.Mutex
	folders map[string]*folderState

	// transfer serialises COPY and MOVE: imapmemserver holds the source while it
	// locks the destination, so that two of them in opposite directions would
	// wait for each other for ever.
	transfer sync.Mutex
}

type folderState struct {
	use        imap.MailboxAttr
	subscribed bool
}

// accounts are the users by their login.
type accounts map[string]*account

func newAccounts(now time.Time) accounts {
	all := accounts{}
	for _, login := range []string{User, Colleague} {
		all[login] = &account{
			login:   login,
			epoch:   uint32(now.Unix()), // wraps in 2106, which a demo survives
			store:   imapmemserver.NewUser(login, Password),
			folders: map[string]*folderState{},
		}
	}
	return all
}

// byAddress finds the account that an address belongs to: by its local part,
// or as the person in the sample mailbox.
func (a accounts) byAddress(address string) *account {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	if acc := a[local]; acc != nil {
		return acc
	}
	switch local + "@" + domain {
	case UserAddress:
		return a[User]
	case ColleagueAddress:
		return a[Colleague]
	}
	return nil
}

// address is what the user writes from.
func (a *account) address() string {
	if a.login == Colleague {
		return ColleagueAddress
	}
	return UserAddress
}

func (a *account) createFolders(folders []folder) error {
	for _, f := range folders {
		options := &imap.CreateOptions{}
		if f.use != "" {
			options.SpecialUse = []imap.MailboxAttr{f.use}
		}
		if err := a.create(f.name, options); err != nil {
			return err
		}
		if err := a.subscribe(f.name, true); err != nil {
			return err
		}
	}
	return nil
}

func (a *account) create(name string, options *imap.CreateOptions) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	name = strings.TrimRight(name, string(delimiter))
	var use imap.MailboxAttr
	if options != nil && len(options.SpecialUse) > 0 {
		use = options.SpecialUse[0]
	}
	if use != "" && a.hasUse(use) {
		return &imap.Error{
			Type: imap.StatusResponseTypeNo,
			Code: "USEATTR",
			Text: "Another mailbox has this role already",
		}
	}
	if err := a.store.Create(name, &imap.CreateOptions{}); err != nil {
		return err
	}
	a.folders[name] = &folderState{use: use}
	return nil
}

func (a *account) hasUse(use imap.MailboxAttr) bool {
	for _, f := range a.folders {
		if f.use == use {
			return true
		}
	}
	return false
}

func (a *account) delete(name string) error {
	if name == "INBOX" {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeCannot, Text: "INBOX stays"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.store.Delete(name); err != nil {
		return err
	}
	delete(a.folders, name)
	return nil
}

// rename renames a folder with everything beneath it, as RFC 3501 section 6.3.5
// asks; imapmemserver leaves the children behind.
func (a *account) rename(from, to string) error {
	if from == "INBOX" {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeCannot, Text: "INBOX keeps its name"}
	}
	to = strings.TrimRight(to, string(delimiter))
	a.mu.Lock()
	defer a.mu.Unlock()
	names := []string{from}
	for name := range a.folders {
		if strings.HasPrefix(name, from+string(delimiter)) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		fresh := to + strings.TrimPrefix(name, from)
		if a.folders[name] == nil && len(names) > 1 {
			continue // a parent that exists only by its children
		}
		if err := a.store.Rename(name, fresh, &imap.RenameOptions{}); err != nil {
			return err
		}
		a.folders[fresh] = a.folders[name]
		delete(a.folders, name)
	}
	return nil
}

func (a *account) subscribe(name string, on bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.folders[name]
	if f == nil {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeNonExistent, Text: "No such mailbox"}
	}
	f.subscribed = on
	return nil
}

// deliver puts a message into the INBOX, as an arriving mail.
func (a *account) deliver(raw []byte) error {
	return a.add("INBOX", raw, time.Now(), nil)
}

func (a *account) add(name string, raw []byte, at time.Time, flags []imap.Flag) error {
	_, err := a.store.Append(name, literal{bytes.NewReader(raw)}, &imap.AppendOptions{Time: at, Flags: flags})
	return err
}

// literal is a message in the shape that APPEND hands to imapmemserver.
type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// listing is one line of a LIST answer before it is filtered.
type listing struct {
	name  string
	attrs []imap.MailboxAttr
	state *folderState // nil: a parent that exists only by its children
}

// listings are all folders and the parents they imply, sorted by name.
func (a *account) listings() []listing {
	a.mu.Lock()
	defer a.mu.Unlock()
	parents := map[string]bool{}
	for name := range a.folders {
		for i, r := range name {
			if r == delimiter {
				parents[name[:i]] = true
			}
		}
	}
	var all []listing
	for name, f := range a.folders {
		state := *f
		l := listing{name: name, state: &state, attrs: []imap.MailboxAttr{imap.MailboxAttrHasNoChildren}}
		if parents[name] {
			l.attrs[0] = imap.MailboxAttrHasChildren
		}
		all = append(all, l)
	}
	for name := range parents {
		if a.folders[name] == nil {
			all = append(all, listing{name: name, attrs: []imap.MailboxAttr{
				imap.MailboxAttrNoSelect, imap.MailboxAttrHasChildren,
			}})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

// list answers LIST and LSUB.
func (a *account) list(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	if len(patterns) == 0 {
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: delimiter})
	}
	for _, l := range a.listings() {
		if !matches(l.name, ref, patterns) {
			continue
		}
		data, ok := a.listData(l, o)
		if !ok {
			continue
		}
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func matches(name, ref string, patterns []string) bool {
	for _, p := range patterns {
		if imapserver.MatchList(name, delimiter, ref, p) {
			return true
		}
	}
	return false
}

func (a *account) status(name string, o *imap.StatusOptions) (*imap.StatusData, error) {
	data, err := a.store.Status(name, o)
	if err == nil && o.UIDValidity {
		data.UIDValidity += a.epoch
	}
	return data, err
}

func (a *account) listData(l listing, o *imap.ListOptions) (*imap.ListData, bool) {
	data := &imap.ListData{Mailbox: l.name, Delim: delimiter, Attrs: l.attrs}
	if l.state == nil {
		return data, !o.SelectSubscribed && !o.SelectSpecialUse
	}
	if o.SelectSubscribed && !l.state.subscribed || o.SelectSpecialUse && l.state.use == "" {
		return nil, false
	}
	if l.state.subscribed && (o.ReturnSubscribed || o.SelectSubscribed) {
		data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
	}
	if l.state.use != "" {
		data.Attrs = append(data.Attrs, l.state.use)
	}
	if o.ReturnStatus != nil {
		status, err := a.status(l.name, o.ReturnStatus)
		if err != nil {
			return nil, false // deleted since the names were read
		}
		data.Status = status
	}
	return data, true
}
