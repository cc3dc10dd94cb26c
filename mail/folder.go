package mail

import "strings"

// Role is what a folder is for, after RFC 6154 (SPECIAL-USE). The empty Role is
// an ordinary folder.
type Role string

// The roles that Oriel acts on. At most one folder of an account has each.
const (
	Inbox   Role = "inbox"
	Drafts  Role = "drafts"
	Sent    Role = "sent"
	Archive Role = "archive"
	Junk    Role = "junk"
	Trash   Role = "trash"
)

// Folder is one mailbox as the server lists it.
type Folder struct {
	Name      string // full decoded name, as UTF-8
	Delimiter string // hierarchy separator, one character; "" when the server has none
	Prefix    string // the namespace the name stands in, such as "INBOX."; "" for most
	Role      Role
	NoSelect  bool // cannot be opened (\Noselect, \NonExistent): only a parent of others
	Counted   bool // Total, Unread, UIDNext and Validity are known

	Total    uint32 // messages in it
	Unread   uint32 // messages without \Seen
	UIDNext  uint32
	Validity uint32 // UIDVALIDITY, RFC 3501 section 2.3.1.1
}

// Path splits the name at the hierarchy delimiter, without the namespace's
// prefix: "INBOX.Work.Plans" in namespace "INBOX." is Work, Plans.
func (f Folder) Path() []string {
	name := f.Name
	if f.Prefix != "" && len(name) > len(f.Prefix) {
		name = strings.TrimPrefix(name, f.Prefix)
	}
	if f.Delimiter == "" {
		return []string{name}
	}
	return strings.Split(name, f.Delimiter)
}

// Leaf is the last element of the path: the name shown in a tree.
func (f Folder) Leaf() string {
	p := f.Path()
	return p[len(p)-1]
}

// Destroys reports whether deleting in this folder removes for good. Everywhere
// else deleting means moving to Trash.
func (r Role) Destroys() bool { return r == Trash || r == Junk }

// Outgoing reports whether messages of the folder were written by the owner of
// the mailbox, so that a list names the recipients instead of the sender.
func (r Role) Outgoing() bool { return r == Sent || r == Drafts }
