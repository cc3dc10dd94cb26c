package demo

import (
	"embed"
	"fmt"
	"net/mail"
	"slices"
	"sort"
	"strings"
	"time"
)

//go:embed mailbox
var files embed.FS

// sampleFolders is what Mara's account has beside the folders with roles.
var sampleFolders = []folder{
	{name: "Clients/Harbour Street"},
	{name: "Clients/Old Vicarage"},
	{name: "Clients/Tamsin & Joe"},
	{name: "Family"},
	{name: "Guild"},
	{name: "Receipts"},
	{name: "Travel"},
	{name: "Reisen/Österreich"},
	{name: "日本語"},
	{name: "Café & Crème"},
}

// fill writes the sample mailbox into the accounts.
func fill(all accounts, now time.Time) error {
	for login, a := range all {
		folders := slices.Clone(roleFolders)
		if login == User {
			folders = append(folders, sampleFolders...)
		}
		if err := a.createFolders(folders); err != nil {
			return err
		}
	}
	entries, err := readEntries(now)
	if err != nil {
		return err
	}
	made := map[string]*composed{}
	for _, e := range entries {
		if err := e.reply(made); err != nil {
			return err
		}
		raw, err := compose(e, made)
		if err != nil {
			return fmt.Errorf("%s: %w", e.where, err)
		}
		made[e.id] = &composed{entry: e, raw: raw}
		account, name := all[User], e.folder
		if rest, ok := strings.CutPrefix(name, Colleague+":"); ok {
			account, name = all[Colleague], rest
		}
		if err := account.add(name, raw, e.at, e.flags); err != nil {
			return fmt.Errorf("%s: %w", e.where, err)
		}
	}
	return nil
}

// composed is a message that later ones may answer or forward.
type composed struct {
	*entry
	raw []byte
}

// readEntries reads every file of the mailbox, oldest message first, so that
// UIDs follow the order of arrival and a parent comes before its answers.
func readEntries(now time.Time) ([]*entry, error) {
	names, err := files.ReadDir("mailbox")
	if err != nil {
		return nil, err
	}
	var all []*entry
	for _, f := range names {
		if f.IsDir() {
			continue
		}
		src, err := files.ReadFile("mailbox/" + f.Name())
		if err != nil {
			return nil, err
		}
		entries, err := parseFile(f.Name(), string(src), now)
		if err != nil {
			return nil, err
		}
		for i, e := range entries {
			if e.id == "" {
				e.id = fmt.Sprintf("%s.%d", strings.TrimSuffix(f.Name(), ".txt"), i)
			}
		}
		all = append(all, entries...)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].at.Before(all[j].at) })
	return all, nil
}

// reply takes from the parent what an answer repeats: the subject, the chain of
// References (RFC 5322 section 3.6.4) and the quoted text.
func (e *entry) reply(made map[string]*composed) error {
	if e.re == "" {
		return nil
	}
	parent := made[e.re]
	if parent == nil {
		return fmt.Errorf("%s: answers %q, which does not come before it", e.where, e.re)
	}
	e.references = append(slices.Clone(parent.references), parent.messageID())
	if !e.hasSubject {
		e.subject = "Re: " + strings.TrimPrefix(parent.subject, "Re: ")
	}
	if e.outgoing() && e.to == "" {
		e.to = parent.from
	}
	for name, text := range e.sections {
		e.sections[name] = strings.Replace(text, "{quote}", quote(parent.entry), 1)
	}
	return nil
}

func quote(parent *entry) string {
	text := strings.TrimRight(parent.sections[""], "\n")
	if i := strings.Index(text, "\n-- \n"); i >= 0 {
		text = strings.TrimRight(text[:i], "\n")
	}
	text = strings.TrimRight(strings.Replace(text, "{sig}", "", 1), "\n")
	var b strings.Builder
	fmt.Fprintf(&b, "On %s, %s wrote:\n", parent.at.Format("Mon, 2 Jan 2006 at 15:04"), displayName(parent.from))
	for _, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '>' {
			b.WriteString(">" + line + "\n")
			continue
		}
		b.WriteString("> " + line + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func displayName(address string) string {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Name == "" {
		return address
	}
	return a.Name
}

// messageID is the Message-ID without its brackets, in the sender's domain.
func (e *entry) messageID() string {
	if strings.Contains(e.id, "@") {
		return e.id
	}
	return fmt.Sprintf("%s.%08x@%s", e.at.Format("20060102"), hash(e.id), e.senderDomain())
}

func (e *entry) senderDomain() string {
	a, err := mail.ParseAddress(e.from)
	if err != nil {
		return Domain
	}
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}
