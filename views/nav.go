package views

import (
	"slices"
	"strconv"
	"strings"

	"oriel/mail"
)

// node is one line of the folder navigation.
type node struct {
	Folder     mail.Folder
	Name       string
	Selectable bool
	Children   []node
}

// roleOrder is the order in which folders with a role stand on top.
var roleOrder = []mail.Role{mail.Inbox, mail.Drafts, mail.Sent, mail.Archive, mail.Junk, mail.Trash}

// maxNesting bounds the depth of the drawn tree; deeper folders hang on the
// last level. Names are the server's and may nest a hundred deep.
const maxNesting = 8

// folderTree splits the folders into the ones with a role, in their order, and
// the tree of the rest. Subfolders stay under their parent in both.
func folderTree(folders []mail.Folder) (roles, rest []node) {
	root := &branchNode{}
	for _, f := range folders {
		path := f.Path()
		if len(path) > maxNesting {
			path = append(slices.Clip(path[:maxNesting-1]), strings.Join(path[maxNesting-1:], f.Delimiter))
		}
		at := root
		for _, name := range path {
			at = at.child(name)
		}
		at.folder, at.known = f, true
	}
	var all []node
	root.flatten(&all)
	for _, r := range roleOrder {
		for _, n := range all {
			if n.Folder.Role == r {
				roles = append(roles, n)
			}
		}
	}
	for _, n := range all {
		if n.Folder.Role == "" {
			rest = append(rest, n)
		}
	}
	return roles, rest
}

// branchNode is a tree under construction. Children keep the order in which the
// folders came, which is sorted already.
type branchNode struct {
	name     string
	folder   mail.Folder
	known    bool // the server listed it; otherwise it is only part of a name
	children []*branchNode
	byName   map[string]*branchNode
}

func (b *branchNode) child(name string) *branchNode {
	if c, ok := b.byName[name]; ok {
		return c
	}
	if b.byName == nil {
		b.byName = map[string]*branchNode{}
	}
	c := &branchNode{name: name}
	b.byName[name] = c
	b.children = append(b.children, c)
	return c
}

// flatten turns the children into nodes. A folder with a role leaves its parent
// and is added to top, so that "INBOX/Trash" stands among the roles.
func (b *branchNode) flatten(top *[]node) {
	own := b.nodes(top)
	*top = append(*top, own...)
}

func (b *branchNode) nodes(top *[]node) []node {
	var out []node
	for _, c := range b.children {
		n := node{Folder: c.folder, Name: c.name, Selectable: c.known && !c.folder.NoSelect, Children: c.nodes(top)}
		if n.Folder.Role != "" {
			n.Name = folderName(n.Folder)
			*top = append(*top, n)
			continue
		}
		out = append(out, n)
	}
	return out
}

// folderName is how a folder is called on a page: the inbox has one name in
// every protocol and should not be shouted.
func folderName(f mail.Folder) string {
	if f.Role == mail.Inbox || strings.EqualFold(f.Name, "INBOX") {
		return "Inbox"
	}
	return f.Leaf()
}

// folderPath is the whole name, for a place where the tree is not seen.
func folderPath(f mail.Folder) string {
	path := f.Path()
	if strings.EqualFold(path[0], "INBOX") {
		path[0] = "Inbox"
	}
	return strings.Join(path, " / ")
}

func roleIcon(r mail.Role) string {
	switch r {
	case mail.Inbox:
		return "inbox"
	case mail.Drafts:
		return "file-pen-line"
	case mail.Sent:
		return "send"
	case mail.Archive:
		return "archive"
	case mail.Junk:
		return "shield-alert"
	case mail.Trash:
		return "trash-2"
	}
	return "folder"
}

// starred is the list of what is starred in a folder.
func starred(f mail.Folder) mail.ListQuery {
	return mail.ListQuery{Folder: f.Name, Filter: mail.Flagged}
}

// plain writes a number for a program to read.
func plain(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// titleText is the document's title: what is open, then the program's name.
func titleText(title string) string {
	if title == "" {
		return "Oriel"
	}
	return clip(title, maxSubject) + " – Oriel"
}

// ownAddress is the reader as a person, for the account's monogram.
func ownAddress(user string) mail.Address { return mail.Address{Addr: user} }
