package mailtest

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

func (s *suite) create(names ...string) {
	s.Helper()
	c := s.a.Client(s.T)
	defer c.Close()
	for _, n := range names {
		if err := c.Create(s.name(n), nil).Wait(); err != nil {
			s.Fatalf("create %q: %v", n, err)
		}
	}
}

func (s *suite) folders() []mail.Folder {
	s.Helper()
	l, err := s.s.Folders(s.ctx, true)
	if err != nil {
		s.Fatal(err)
	}
	return l
}

func (s *suite) find(l []mail.Folder, name string) (mail.Folder, bool) {
	i := slices.IndexFunc(l, func(f mail.Folder) bool { return f.Name == s.name(name) })
	if i < 0 {
		return mail.Folder{}, false
	}
	return l[i], true
}

// testFolders: nesting, order, counts, parents that cannot be opened.
func testFolders(s *suite) {
	s.create("Work/Plans/2026", "zebra", "Apple", "Trash")
	s.deliver("zebra", Plain(1), Plain(2, imap.FlagSeen), Plain(3))
	l := s.folders()
	var names []string
	for _, f := range l {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, ","), strings.Join(s.names("INBOX", "Trash", "Apple", "Work", "Work/Plans", "Work/Plans/2026", "zebra"), ","); got != want {
		s.Errorf("folders are %s, want %s", got, want)
	}
	z, _ := s.find(l, "zebra")
	if !z.Counted || z.Total != 3 || z.Unread != 2 || z.Validity == 0 || z.UIDNext < 4 {
		s.Errorf("zebra is %+v", z)
	}
	deep, _ := s.find(l, "Work/Plans/2026")
	if deep.Leaf() != "2026" || len(deep.Path()) != 3 || deep.NoSelect {
		s.Errorf("nested folder is %+v", deep)
	}
	cached, err := s.s.Folders(s.ctx, false)
	if err != nil || len(cached) != len(l) {
		s.Errorf("cached folders: %d, %v", len(cached), err)
	}
}

// testFolderNames: every name that the server accepts comes back as it was and
// can be opened, listed from and moved to. Asking for one that it refuses does no harm.
func testFolderNames(s *suite) {
	names := []string{"Été & 日本", "a&b", `we"ird`, `we"ird\name`, "100%25", "star", "star*", "back'tick`", "a~b", "Entwürfe (alt)", "x y  z", "Путь/Дети", "R&D", "emoji 🎉"}
	for _, n := range s.a.Refuses {
		names = slices.DeleteFunc(names, func(name string) bool { return name == n })
		s.refused(n)
	}
	s.create(names...)
	l := s.folders()
	for _, n := range names {
		if _, ok := s.find(l, n); !ok {
			s.Errorf("%q is not listed", n)
			continue
		}
		s.deliver("INBOX", Plain(1))
		inbox := s.list("INBOX", mail.All, 1)
		res, err := s.s.Move(s.ctx, refs(inbox)[:1], s.name(n))
		if err != nil || len(res.Done) != 1 {
			s.Errorf("move to %q: %+v %v", n, res, err)
			continue
		}
		moved := s.whereabouts(res, n, 1)
		if l := s.list(n, mail.All, 1); len(l.Rows) != 1 || l.Rows[0].Ref != moved[0] || l.Folder.Name != s.name(n) {
			s.Errorf("list of %q: %+v", n, l)
		}
	}
}

// refused checks that the server does not allow the name, that Oriel says so, and
// that nothing is lost on the way to such a folder.
func (s *suite) refused(name string) {
	s.Helper()
	if err := s.a.Client(s.T).Create(s.name(name), nil).Wait(); err == nil {
		s.Errorf("the server allows %q", name)
	}
	_, err := s.s.List(s.ctx, mail.ListQuery{Folder: s.name(name)})
	s.wantKind(err, mail.NoFolder)
	s.deliver("INBOX", Plain(1))
	inbox := refs(s.list("INBOX", mail.All, 1))
	if res, err := s.s.Move(s.ctx, inbox, s.name(name)); err == nil || len(res.Done) != 0 {
		s.Errorf("move to %q: %+v, %v", name, res, err)
	}
	if l := s.list("INBOX", mail.All, 1); len(l.Rows) != len(inbox) {
		s.Errorf("after a refused move to %q there are %d of %d messages", name, len(l.Rows), len(inbox))
	}
	if _, err := s.s.CreateRole(s.ctx, mail.Junk, name); err == nil {
		s.Errorf("a folder for a role is made with the name %q", name)
	}
	if _, err := s.s.Delete(s.ctx, inbox); err != nil {
		s.Error(err)
	}
}

// testRoles: by attribute or by name, and none where there is no such folder.
func testRoles(s *suite) {
	if _, err := s.s.Role(s.ctx, mail.Trash); mail.KindOf(err) != mail.NoRole {
		s.Errorf("a missing role gives %v", err)
	}
	s.create("Papierkorb", "Gesendet", "Entwürfe", "Spam", "Archiv", "Other")
	l := s.folders()
	for name, role := range map[string]mail.Role{"INBOX": mail.Inbox, "Papierkorb": mail.Trash, "Gesendet": mail.Sent,
		"Entwürfe": mail.Drafts, "Spam": mail.Junk, "Archiv": mail.Archive, "Other": ""} {
		if f, _ := s.find(l, name); f.Role != role {
			s.Errorf("%s has role %q, want %q", name, f.Role, role)
		}
	}
	for i, r := range []mail.Role{mail.Inbox, mail.Drafts, mail.Sent, mail.Archive, mail.Junk, mail.Trash} {
		if l[i].Role != r {
			s.Errorf("folder %d has role %q, want %q", i, l[i].Role, r)
		}
	}
	if f, err := s.s.Role(s.ctx, mail.Trash); err != nil || f.Name != s.name("Papierkorb") {
		s.Errorf("Trash is %+v, %v", f, err)
	}
}

// testCreateRole: made once, found afterwards, usable as a destination.
func testCreateRole(s *suite) {
	f, err := s.s.CreateRole(s.ctx, mail.Archive, "")
	if err != nil || f.Role != mail.Archive || f.Name != s.name("Archive") {
		s.Fatalf("CreateRole: %+v, %v", f, err)
	}
	if again, err := s.s.CreateRole(s.ctx, mail.Archive, "Another"); err != nil || again.Name != f.Name {
		s.Errorf("a second CreateRole: %+v, %v", again, err)
	}
	odd, err := s.s.CreateRole(s.ctx, mail.Junk, "Mülleimer")
	if err != nil || odd.Role != mail.Junk || odd.Name != s.name("Mülleimer") {
		s.Errorf("CreateRole with a name of its own: %+v, %v", odd, err)
	}
	s.deliver("INBOX", Plain(1))
	if res, err := s.s.Move(s.ctx, refs(s.list("INBOX", mail.All, 1)), f.Name); err != nil || len(res.Done) != 1 {
		s.Errorf("move into it: %+v, %v", res, err)
	}
	if _, err := s.s.CreateRole(s.ctx, mail.Inbox, "x"); mail.KindOf(err) != mail.Invalid {
		s.Errorf("a second INBOX: %v", err)
	}
}

// testNoFolder: a folder that is not there, or no longer.
func testNoFolder(s *suite) {
	ref := mail.Ref{Folder: s.name("nowhere"), Validity: 1, UID: 1}
	_, err := s.s.List(s.ctx, mail.ListQuery{Folder: s.name("nowhere")})
	s.wantKind(err, mail.NoFolder)
	_, err = s.s.Message(s.ctx, ref)
	s.wantKind(err, mail.NoFolder)
	_, err = s.s.Validity(s.ctx, s.name("nowhere"))
	s.wantKind(err, mail.NoFolder)
	_, err = s.s.SetFlags(s.ctx, []mail.Ref{ref}, []string{`\Seen`}, nil)
	s.wantKind(err, mail.NoFolder)

	s.deliver("INBOX", Plain(1))
	inbox := s.list("INBOX", mail.All, 1)
	for name, change := range map[string]func() (mail.Result, error){
		"move": func() (mail.Result, error) { return s.s.Move(s.ctx, refs(inbox), s.name("nowhere")) },
		"copy": func() (mail.Result, error) { return s.s.Copy(s.ctx, refs(inbox), s.name("nowhere")) },
	} {
		if res, err := change(); mail.KindOf(err) != mail.NoFolder || len(res.Done) != 0 {
			s.Errorf("%s to a missing folder: %+v, %v", name, res, err)
		}
	}
	s.wantSubjects("INBOX", mail.All, "1")
}

// testInvalid: what makes no sense is refused before it reaches the server.
func testInvalid(s *suite) {
	ctx := s.ctx
	for _, name := range []string{"", "a\r\nb", "a\x00b", "\xff", strings.Repeat("x", 256)} {
		_, err := s.s.List(ctx, mail.ListQuery{Folder: name})
		s.wantKind(err, mail.Invalid)
	}
	_, err := s.s.List(ctx, mail.ListQuery{Folder: "INBOX", Filter: "nonsense"})
	s.wantKind(err, mail.Invalid)
	ref := []mail.Ref{{Folder: "INBOX", Validity: 1, UID: 1}}
	for _, flag := range []string{"", "a b", `\Recent`, "x)", "\\*", "é", "a\r\nb"} {
		_, err := s.s.SetFlags(ctx, ref, []string{flag}, nil)
		s.wantKind(err, mail.Invalid)
	}
	_, err = s.s.Move(ctx, []mail.Ref{{Folder: "INBOX", Validity: 1}}, s.name("Trash"))
	s.wantKind(err, mail.Invalid)
	for _, path := range []string{"", "0", "1.", ".1", "01", "1.x", "-1", "99999999999"} {
		_, err := s.s.Part(ctx, ref[0], path)
		s.wantKind(err, mail.Invalid)
	}
	if l := s.list("inbox", mail.All, 0); l.Folder.Name != "INBOX" || l.Page != 1 || l.Pages != 1 || len(l.Rows) != 0 {
		s.Errorf("empty INBOX is %+v", l)
	}
	if res, err := s.s.Delete(ctx, nil); err != nil || len(res.Done) != 0 {
		s.Errorf("deleting nothing: %+v, %v", res, err)
	}
}
