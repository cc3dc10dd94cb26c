package imapsession

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"oriel/mail"
)

const (
	folderAge   = 30 * time.Second // how old an answer to Folders may be
	maxFolders  = 5000
	maxStatus   = 300 // folders that are counted one by one when LIST-STATUS is not offered
	statusBatch = 20  // STATUS commands in one flight
)

// Folders lists the mailboxes: roles first, then by name. fresh=false may answer
// from a cache of at most 30 s.
func (s *Session) Folders(ctx context.Context, fresh bool) ([]mail.Folder, error) {
	const op = "list folders"
	if !fresh {
		age := folderAge
		if s.news.watching() {
			age = 2 * s.pool.pace.recounted // the watch counts them anew before that
		}
		if l, ok := s.cache.folderList(age); ok {
			return l, nil
		}
	}
	var folders []mail.Folder
	err := s.share(ctx, op, &folders, func(ctx context.Context, changes int) ([]mail.Folder, error) {
		var list []mail.Folder
		err := s.do(ctx, op, "", func(c *conn) (err error) {
			list, err = c.folders(op)
			return err
		})
		if err == nil {
			s.cache.setFolders(list, changes)
			s.tellFolders(list)
		}
		return list, err
	})
	return folders, err
}

// Folder describes one mailbox, from the last list when there is one: its counts
// may be old. One that is not listed has nothing but its name.
func (s *Session) Folder(ctx context.Context, name string) (mail.Folder, error) {
	list := s.cache.folderNames()
	if list == nil {
		var err error
		if list, err = s.Folders(ctx, false); err != nil {
			return mail.Folder{}, err
		}
	}
	for _, f := range list {
		if f.Name == name {
			return f, nil
		}
	}
	return mail.Folder{Name: name}, nil
}

// Role returns the folder with the role, or an error of kind mail.NoRole.
func (s *Session) Role(ctx context.Context, r mail.Role) (mail.Folder, error) {
	const op = "find role"
	// Counts may be old here; a folder that is gone meanwhile is said so by the
	// command that needs it, and then the next list is a fresh one.
	list := s.cache.folderNames()
	for fresh := false; ; fresh = true {
		for _, f := range list {
			if f.Role == r && r != "" {
				return f, nil
			}
		}
		if fresh {
			break
		}
		var err error
		if list, err = s.Folders(ctx, false); err != nil {
			return mail.Folder{}, err
		}
	}
	return mail.Folder{}, &mail.Error{Kind: mail.NoRole, Op: op, Role: r}
}

// Validity returns the folder's UIDVALIDITY.
func (s *Session) Validity(ctx context.Context, folder string) (uint32, error) {
	const op = "validity"
	folder, err := folderName(op, folder)
	if err != nil {
		return 0, err
	}
	var validity uint32
	err = s.do(ctx, op, folder, func(c *conn) error {
		if c.box != nil && c.box.name == folder {
			validity = c.box.validity
			return c.noop(op) // the folder may have been deleted meanwhile
		}
		return c.within(c.small(), func() error {
			data, err := c.client.Status(folder, &imap.StatusOptions{UIDValidity: true}).Wait()
			if err != nil {
				return c.selectFault(op, err)
			}
			validity = max(1, data.UIDValidity)
			return nil
		})
	})
	return validity, err
}

// folderName checks a name that goes to the server and writes INBOX, which is
// the same in any case (RFC 3501 section 5.1), in one way.
func folderName(op, name string) (string, error) {
	if !mail.ValidName(name) {
		return "", problem(mail.Invalid, op, "that is no name of a folder", nil)
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX", nil
	}
	return name, nil
}

// folders asks for all mailboxes and their counts: one flight on a good server.
func (c *conn) folders(op string) ([]mail.Folder, error) {
	spaces, err := c.namespaces(op)
	if err != nil {
		return nil, err
	}
	options := &imap.ListOptions{}
	if c.caps.listStatus && c.caps.listExtended {
		options.ReturnStatus = counts
	}
	options.ReturnSpecialUse = c.caps.specialUse && c.caps.listExtended
	if !options.ReturnSpecialUse && options.ReturnStatus == nil {
		options = nil
	}
	data, err := c.list(op, "*", options)
	if err != nil {
		return nil, err
	}
	// Not every server includes foreign namespaces in "*".
	for _, sp := range spaces.foreign {
		if sp.Prefix != "" && !slices.ContainsFunc(data, func(d *imap.ListData) bool { return strings.HasPrefix(d.Mailbox, sp.Prefix) }) {
			more, err := c.list(op, sp.Prefix+"*", options)
			if err != nil {
				return nil, err
			}
			data = append(data, more...)
		}
	}
	folders := tree(data, spaces)
	assignRoles(folders, c.session.cache.chosenRoles())
	sortFolders(folders)
	if err := c.count(op, folders); err != nil {
		return nil, err
	}
	list := make([]mail.Folder, len(folders))
	for i, f := range folders {
		list[i] = f.Folder
	}
	return list, nil
}

var counts = &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true}

func (c *conn) list(op, pattern string, options *imap.ListOptions) ([]*imap.ListData, error) {
	var data []*imap.ListData
	err := c.within(c.search(), func() (err error) { // many folders take a server long to count
		data, err = c.client.List("", pattern, options).Collect()
		return c.fault(op, err)
	})
	if len(data) > maxFolders {
		data = data[:maxFolders]
	}
	return data, err
}

// spaces are the namespaces of the account (RFC 2342).
type spaces struct {
	personal []imap.NamespaceDescriptor
	foreign  []imap.NamespaceDescriptor
}

func (c *conn) namespaces(op string) (spaces, error) {
	if sp, ok := c.session.cache.namespaces(); ok {
		return sp, nil
	}
	var sp spaces
	if c.caps.namespace {
		err := c.within(c.small(), func() error {
			data, err := c.client.Namespace().Wait()
			if err != nil {
				return c.fault(op, err)
			}
			sp = spaces{data.Personal, append(data.Other, data.Shared...)}
			return nil
		})
		if err != nil && mail.KindOf(err) != mail.Refused {
			return sp, err
		}
	}
	c.session.cache.setNamespaces(sp)
	return sp, nil
}

// prefix finds the namespace that a name stands in.
func (sp spaces) prefix(name string) (prefix string, personal bool) {
	personal = true
	for i, list := range [][]imap.NamespaceDescriptor{sp.personal, sp.foreign} {
		for _, d := range list {
			if len(d.Prefix) > len(prefix) && strings.HasPrefix(name, d.Prefix) {
				prefix, personal = d.Prefix, i == 0
			}
		}
	}
	return prefix, personal
}

// tree turns LIST responses into folders and adds the parents that the server
// did not mention, so that every folder has a place.
func tree(data []*imap.ListData, sp spaces) []listed {
	var folders []listed
	seen := map[string]bool{}
	add := func(d *imap.ListData, name string) {
		if seen[name] || !mail.ValidName(name) {
			return
		}
		seen[name] = true
		l := listed{attrs: d.Attrs}
		l.Name = name
		if d.Delim != 0 {
			l.Delimiter = string(d.Delim)
		}
		l.Prefix, l.personal = sp.prefix(name)
		l.NoSelect = l.has(imap.MailboxAttrNoSelect) || l.has(imap.MailboxAttrNonExistent)
		if st := d.Status; st != nil && !l.NoSelect && st.NumMessages != nil {
			setCounts(&l.Folder, st)
		}
		folders = append(folders, l)
	}
	for _, d := range data {
		name := d.Mailbox
		if strings.EqualFold(name, "INBOX") {
			name = "INBOX"
		}
		add(d, strings.TrimSuffix(name, delimiterOf(d)))
	}
	for _, d := range data {
		for name := d.Mailbox; d.Delim != 0; {
			i := strings.LastIndex(name, string(d.Delim))
			if i <= 0 {
				break
			}
			name = name[:i]
			if prefix, _ := sp.prefix(d.Mailbox); len(name) < len(prefix) {
				break
			}
			add(&imap.ListData{Delim: d.Delim, Attrs: []imap.MailboxAttr{imap.MailboxAttrNonExistent}}, name)
		}
	}
	if !seen["INBOX"] { // RFC 3501 promises that it exists
		add(&imap.ListData{}, "INBOX")
	}
	return folders
}

func delimiterOf(d *imap.ListData) string {
	if d.Delim == 0 {
		return ""
	}
	return string(d.Delim)
}

func setCounts(f *mail.Folder, st *imap.StatusData) {
	f.Counted = true
	f.UIDNext, f.Validity = uint32(st.UIDNext), max(1, st.UIDValidity)
	if st.NumMessages != nil {
		f.Total = *st.NumMessages
	}
	if st.NumUnseen != nil {
		f.Unread = *st.NumUnseen
	}
}

// sortFolders puts roles first, then the rest as a tree by name, parents before
// children.
func sortFolders(folders []listed) {
	col := collate.New(language.Und, collate.IgnoreCase, collate.Numeric)
	slices.SortStableFunc(folders, func(a, b listed) int {
		ra, rb := slices.Index(roleOrder, a.Role), slices.Index(roleOrder, b.Role)
		switch {
		case ra >= 0 && rb >= 0:
			return ra - rb
		case ra >= 0:
			return -1
		case rb >= 0:
			return 1
		case a.personal != b.personal:
			if a.personal {
				return -1
			}
			return 1
		}
		pa, pb := a.Path(), b.Path()
		for i := range min(len(pa), len(pb)) {
			if n := col.CompareString(pa[i], pb[i]); n != 0 {
				return n
			}
			if n := strings.Compare(pa[i], pb[i]); n != 0 {
				return n
			}
		}
		return len(pa) - len(pb)
	})
}

// count asks for the counts that LIST did not bring, folders with roles first.
func (c *conn) count(op string, folders []listed) error {
	var missing []*mail.Folder
	for i := range folders {
		if f := &folders[i].Folder; !f.Counted && !f.NoSelect && len(missing) < maxStatus {
			missing = append(missing, f)
		}
	}
	for batch := range slices.Chunk(missing, statusBatch) {
		err := c.within(c.search(), func() error {
			cmds := make([]*imapclient.StatusCommand, len(batch))
			for i, f := range batch {
				cmds[i] = c.client.Status(f.Name, counts)
			}
			var broken error
			for i, cmd := range cmds {
				data, err := cmd.Wait()
				// A folder that cannot be counted is shown without counts.
				if err = c.fault(op, err); err == nil {
					setCounts(batch[i], data)
				} else if c.lost {
					broken = err
				}
			}
			return broken
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// CreateRole makes a folder for a role under the personal prefix and subscribes
// to it. name "" means the default English one. When a folder has the role
// already, that one is returned.
func (s *Session) CreateRole(ctx context.Context, r mail.Role, name string) (mail.Folder, error) {
	const op = "create folder"
	if defaultName[r] == "" {
		return mail.Folder{}, problem(mail.Invalid, op, "there is no such role", nil)
	}
	if _, err := s.Folders(ctx, true); err != nil {
		return mail.Folder{}, err
	}
	if f, err := s.Role(ctx, r); err == nil {
		return f, nil
	}
	if name == "" {
		name = defaultName[r]
	}
	inbox, err := s.Folder(ctx, "INBOX")
	if err != nil {
		return mail.Folder{}, err
	}
	err = s.do(ctx, op, "", func(c *conn) error {
		sp, err := c.namespaces(op)
		if err != nil {
			return err
		}
		if len(sp.personal) > 0 && !strings.HasPrefix(name, sp.personal[0].Prefix) {
			name = sp.personal[0].Prefix + name
		}
		if name, err = folderName(op, name); err != nil {
			return err
		}
		err = c.create(op, r, name)
		if below := belowInbox(inbox, name); mail.KindOf(err) == mail.Refused && len(sp.personal) == 0 && below != "" {
			// Where no NAMESPACE tells it, only a refusal shows that all folders have to
			// stand below INBOX.
			name = below
			err = c.create(op, r, name)
		}
		return err
	})
	if err != nil {
		return mail.Folder{}, err
	}
	s.cache.chooseRole(r, name)
	s.cache.forgetFolders()
	return s.Role(ctx, r)
}

// belowInbox is a name below INBOX; "" when INBOX has no room for folders, or the
// name stands there already.
func belowInbox(inbox mail.Folder, name string) string {
	prefix := inbox.Name + inbox.Delimiter
	if inbox.Delimiter == "" || strings.HasPrefix(name, prefix) {
		return ""
	}
	return prefix + name
}

// create makes a folder; that it exists already is what was wanted.
func (c *conn) create(op string, r mail.Role, name string) error {
	return c.within(c.small(), func() error {
		c.changing = true
		var options *imap.CreateOptions
		if c.caps.createSpecial {
			options = &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{attribute[r]}}
		}
		err := c.client.Create(name, options).Wait()
		if err != nil && options != nil && !c.dead() {
			// [USEATTR]: the server does not want the attribute there (RFC 6154 section 3).
			err = c.client.Create(name, nil).Wait()
		}
		if err != nil {
			fault := c.fault(op, err)
			if c.lost {
				return problem(mail.Unknown, op, "", fault)
			}
			if data, lerr := c.client.List("", name, nil).Collect(); lerr != nil || len(data) == 0 {
				return fault
			}
		}
		// Without a subscription other programs may not show it. A refusal is no harm.
		c.client.Subscribe(name).Wait()
		return nil
	})
}
