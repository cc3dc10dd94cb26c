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
		if err := c.Create(n, nil).Wait(); err != nil {
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

func find(l []mail.Folder, name string) (mail.Folder, bool) {
	i := slices.IndexFunc(l, func(f mail.Folder) bool { return f.Name == name })
	if i < 0 {
		return mail.Folder{}, false
	}
	return l[i], true
}

// testFolders: nesting, order, counts, parents that cannot be opened.
func testFolders(s *suite) {
	s.create("Work/Plans/2026", "zebra", "Apple", "Trash")
	s.a.Deliver(s.T, "zebra", Plain(1), Plain(2, imap.FlagSeen), Plain(3))
	l := s.folders()
	var names []string
	for _, f := range l {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, ","), "INBOX,Trash,Apple,Work,Work/Plans,Work/Plans/2026,zebra"; got != want {
		s.Errorf("folders are %s, want %s", got, want)
	}
	z, _ := find(l, "zebra")
	if !z.Counted || z.Total != 3 || z.Unread != 2 || z.Validity == 0 || z.UIDNext < 4 {
		s.Errorf("zebra is %+v", z)
	}
	deep, _ := find(l, "Work/Plans/2026")
	if deep.Leaf() != "2026" || len(deep.Path()) != 3 || deep.NoSelect {
		s.Errorf("nested folder is %+v", deep)
	}
	cached, err := s.s.Folders(s.ctx, false)
	if err != nil || len(cached) != len(l) {
		s.Errorf("cached folders: %d, %v", len(cached), err)
	}
}

// testFolderNames: every name that the server accepts comes back as it was and
// can be opened, listed from and moved to.
func testFolderNames(s *suite) {
	names := []string{"Été & 日本", "a&b", `we"ird`, "100%25", "star", "back'tick`", "a~b", "Entwürfe (alt)", "x y  z", "Путь/Дети", "R&D", "emoji 🎉"}
	s.create(names...)
	l := s.folders()
	for _, n := range names {
		if _, ok := find(l, n); !ok {
			s.Errorf("%q is not listed", n)
			continue
		}
		s.a.Deliver(s.T, "INBOX", Plain(1))
		inbox := s.list("INBOX", mail.All, 1)
		res, err := s.s.Move(s.ctx, refs(inbox)[:1], n)
		if err != nil || len(res.Done) != 1 || len(res.Moved) != 1 || res.Moved[0].Folder != n {
			s.Errorf("move to %q: %+v %v", n, res, err)
			continue
		}
		if l := s.list(n, mail.All, 1); len(l.Rows) != 1 || l.Rows[0].Ref != res.Moved[0] || l.Folder.Name != n {
			s.Errorf("list of %q: %+v", n, l)
		}
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
		if f, _ := find(l, name); f.Role != role {
			s.Errorf("%s has role %q, want %q", name, f.Role, role)
		}
	}
	for i, r := range []mail.Role{mail.Inbox, mail.Drafts, mail.Sent, mail.Archive, mail.Junk, mail.Trash} {
		if l[i].Role != r {
			s.Errorf("folder %d has role %q, want %q", i, l[i].Role, r)
		}
	}
	if f, err := s.s.Role(s.ctx, mail.Trash); err != nil || f.Name != "Papierkorb" {
		s.Errorf("Trash is %+v, %v", f, err)
	}
}

// testCreateRole: made once, found afterwards, usable as a destination.
func testCreateRole(s *suite) {
	f, err := s.s.CreateRole(s.ctx, mail.Archive, "")
	if err != nil || f.Role != mail.Archive || f.Name != "Archive" {
		s.Fatalf("CreateRole: %+v, %v", f, err)
	}
	if again, err := s.s.CreateRole(s.ctx, mail.Archive, "Another"); err != nil || again.Name != f.Name {
		s.Errorf("a second CreateRole: %+v, %v", again, err)
	}
	odd, err := s.s.CreateRole(s.ctx, mail.Junk, "Mülleimer")
	if err != nil || odd.Role != mail.Junk || odd.Name != "Mülleimer" {
		s.Errorf("CreateRole with a name of its own: %+v, %v", odd, err)
	}
	s.a.Deliver(s.T, "INBOX", Plain(1))
	if res, err := s.s.Move(s.ctx, refs(s.list("INBOX", mail.All, 1)), f.Name); err != nil || len(res.Done) != 1 {
		s.Errorf("move into it: %+v, %v", res, err)
	}
	if _, err := s.s.CreateRole(s.ctx, mail.Inbox, "x"); mail.KindOf(err) != mail.Invalid {
		s.Errorf("a second INBOX: %v", err)
	}
}

// testNoFolder: a folder that is not there, or no longer.
func testNoFolder(s *suite) {
	ref := mail.Ref{Folder: "nowhere", Validity: 1, UID: 1}
	_, err := s.s.List(s.ctx, mail.ListQuery{Folder: "nowhere"})
	s.wantKind(err, mail.NoFolder)
	_, err = s.s.Message(s.ctx, ref)
	s.wantKind(err, mail.NoFolder)
	_, err = s.s.Validity(s.ctx, "nowhere")
	s.wantKind(err, mail.NoFolder)
	_, err = s.s.SetFlags(s.ctx, []mail.Ref{ref}, []string{`\Seen`}, nil)
	s.wantKind(err, mail.NoFolder)

	s.a.Deliver(s.T, "INBOX", Plain(1))
	inbox := s.list("INBOX", mail.All, 1)
	for name, change := range map[string]func() (mail.Result, error){
		"move": func() (mail.Result, error) { return s.s.Move(s.ctx, refs(inbox), "nowhere") },
		"copy": func() (mail.Result, error) { return s.s.Copy(s.ctx, refs(inbox), "nowhere") },
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
	_, err = s.s.Move(ctx, []mail.Ref{{Folder: "INBOX", Validity: 1}}, "Trash")
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
