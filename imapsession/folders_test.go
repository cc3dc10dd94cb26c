package imapsession_test

import (
	"slices"
	"strings"
	"testing"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// names writes folders as "name:role", with a mark for those that cannot be opened.
func names(l []mail.Folder) string {
	var b []string
	for _, f := range l {
		s := f.Name
		if f.Role != "" {
			s += ":" + string(f.Role)
		}
		if f.NoSelect {
			s += "!"
		}
		b = append(b, s)
	}
	return strings.Join(b, ", ")
}

// TestFolderTree: servers with few extensions and odd hierarchies.
func TestFolderTree(t *testing.T) {
	const ns = "IMAP4rev1 NAMESPACE"
	tests := map[string]struct {
		caps, namespace string
		list            []string
		want            string
		prefix          map[string]string
		create          string // Archive, when absent
	}{
		"bare": {"IMAP4rev1", "", []string{`* LIST () "/" "inbox"`, `* LIST () "/" "Gesendet"`, `* LIST (\Noselect) "/" "Work"`, `* LIST () "/" "Work/a"`},
			"INBOX:inbox, Gesendet:sent, Work!, Work/a", nil, "Archive"},
		"INBOX. prefix": {ns, `(("INBOX." ".")) NIL NIL`, []string{`* LIST () "." "INBOX"`, `* LIST () "." "INBOX.Trash"`, `* LIST () "." "INBOX.Work.Plans"`, `* LIST () "." "INBOX.a/b"`},
			"INBOX:inbox, INBOX.Trash:trash, INBOX.a/b, INBOX.Work!, INBOX.Work.Plans", map[string]string{"INBOX.Work.Plans": "Work Plans", "INBOX.a/b": "a/b"}, "INBOX.Archive"},
		"no delimiter": {"IMAP4rev1", "", []string{`* LIST () NIL "INBOX"`, `* LIST () NIL "a/b.c"`}, "INBOX:inbox, a/b.c", map[string]string{"a/b.c": "a/b.c"}, "Archive"},
		"missing parents": {"IMAP4rev1", "", []string{`* LIST () "/" "a/b/c"`, `* LIST (\NonExistent \HasChildren) "/" "x"`, `* LIST () "/" "x/y"`},
			"INBOX:inbox, a!, a/b!, a/b/c, x!, x/y", nil, "Archive"},
		"attributes win": {ns + " SPECIAL-USE LIST-EXTENDED", `(("" "/")) NIL NIL`, []string{`* LIST () "/" INBOX`, `* LIST (\TRASH) "/" Corbeille2`, `* LIST () "/" Trash`, `* LIST (\sent) "/" "Mes envois"`, `* LIST (\drafts) "/" "D"`, `* LIST (\All) "/" "Tout"`},
			"INBOX:inbox, D:drafts, Mes envois:sent, Tout:archive, Corbeille2:trash, Trash", nil, ""},
		"shared": {ns, `(("" "/")) (("user/" "/")) (("Shared/" "/"))`, []string{`* LIST () "/" INBOX`, `* LIST () "/" "user/bob/Trash"`, `* LIST () "/" "Shared/News"`, `* LIST () "/" Zoo`},
			"INBOX:inbox, Zoo, user/bob!, user/bob/Trash, Shared/News", map[string]string{"user/bob/Trash": "bob Trash"}, "Archive"},
		"under INBOX": {"IMAP4rev1", "", []string{`* LIST () "/" INBOX`, `* LIST () "/" "INBOX/Sent Items"`, `* LIST () "/" "INBOX/Ärger"`, `* LIST () "/" "INBOX/Zug"`},
			"INBOX:inbox, INBOX/Sent Items:sent, INBOX/\u00c4rger, INBOX/Zug", nil, "Archive"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := inbox(test.caps, 1)
			m.List = test.list
			for i, l := range m.List { // names go to the wire in modified UTF-7
				m.List[i] = strings.ReplaceAll(l, "Ä", "&AMQ-")
			}
			created := ""
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				switch cmd.Name {
				case "NAMESPACE":
					c.Send("* NAMESPACE %s\r\n", test.namespace)
				case "CREATE":
					created = strings.Trim(cmd.Args, `"`)
				case "STATUS":
					c.No(cmd, "[NOPERM] not yours")
					return true
				default:
					return false
				}
				c.OK(cmd, "done")
				return true
			}
			s, srv := signIn(t, m, imapsession.Options{})
			l, err := s.Folders(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(l); got != test.want {
				t.Errorf("folders are\n%s, want\n%s", got, test.want)
			}
			for name, path := range test.prefix {
				i := slices.IndexFunc(l, func(f mail.Folder) bool { return f.Name == name })
				if got := strings.Join(l[i].Path(), " "); got != path {
					t.Errorf("path of %s is %q, want %q", name, got, path)
				}
			}
			if n := srv.Sent("NAMESPACE"); n > 0 && !strings.Contains(test.caps, "NAMESPACE") {
				t.Error("NAMESPACE was sent without being offered")
			}
			for _, c := range srv.Commands() {
				if strings.Contains(c, "RETURN") && !strings.Contains(test.caps, "LIST-EXTENDED") {
					t.Errorf("sent %s", c)
				}
			}
			if test.create != "" {
				s.CreateRole(t.Context(), mail.Archive, "")
				if created != test.create {
					t.Errorf("created %q, want %q", created, test.create)
				}
			}
		})
	}
}

// TestCountsWithoutListStatus: STATUS one by one, at most 20 at a time.
func TestCountsWithoutListStatus(t *testing.T) {
	m := inbox("IMAP4rev1", 5)
	m.Folders["INBOX"][0].Flags = []string{`\Seen`}
	for i := range 70 {
		m.Folders["f"+strings.Repeat("x", i)] = letters(i % 3)
	}
	s, srv := signIn(t, m, imapsession.Options{})
	l, err := s.Folders(t.Context(), true)
	if err != nil || len(l) != 72 {
		t.Fatalf("%d folders, %v", len(l), err)
	}
	for _, f := range l {
		if !f.Counted {
			t.Errorf("%s is not counted", f.Name)
		}
	}
	if l[0].Total != 5 || l[0].Unread != 4 {
		t.Errorf("INBOX is %+v", l[0])
	}
	if n := srv.Sent("STATUS"); n != 72 {
		t.Errorf("%d STATUS", n)
	}
}

// TestIllegalName: a folder whose name is no legal modified UTF-7 hides no other
// and can be opened (T11).
func TestIllegalName(t *testing.T) {
	m := inbox(modern, 2)
	m.Folders["R&D"] = letters(3)
	s, _ := signIn(t, m, imapsession.Options{})
	l, err := s.Folders(t.Context(), true)
	if err != nil || len(l) != 3 {
		t.Fatalf("folders: %s, %v", names(l), err)
	}
	i := slices.IndexFunc(l, func(f mail.Folder) bool { return strings.HasPrefix(f.Name, "R") })
	if i < 0 {
		t.Fatalf("folders: %s", names(l))
	}
	if page, err := s.List(t.Context(), mail.ListQuery{Folder: l[i].Name}); err != nil || len(page.Rows) != 3 {
		t.Errorf("list of %q: %d rows, %v", l[i].Name, len(page.Rows), err)
	}
}

// TestPoorServer: every page on a server with no extension at all, without one
// rejected command.
func TestPoorServer(t *testing.T) {
	m := inbox("IMAP4rev1", 60)
	m.Folders["INBOX"][59].Flags = []string{`\Seen`}
	rejected := ""
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if strings.Contains(cmd.Args, "RETURN") || slices.Contains([]string{"NAMESPACE", "UID MOVE", "UID EXPUNGE", "EXPUNGE", "UID SORT", "ENABLE", "UNSELECT"}, cmd.Name) {
			rejected += cmd.Name + " " + cmd.Args + "; "
			c.Bad(cmd, "unknown")
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	ctx := t.Context()
	for page, want := range map[int]int{1: 50, 2: 10} {
		if l, err := s.List(ctx, mail.ListQuery{Folder: "INBOX", Page: page}); err != nil || len(l.Rows) != want || l.Folder.Unread != 59 {
			t.Errorf("page %d: %d rows, %+v, %v", page, len(l.Rows), l.Folder, err)
		}
	}
	if l, err := s.List(ctx, mail.ListQuery{Folder: "INBOX", Filter: mail.Unread}); err != nil || l.Matches != 59 || l.Rows[0].UID != 59 {
		t.Errorf("unread: %d, %v", l.Matches, err)
	}
	if p, err := s.Place(ctx, mail.ListQuery{Folder: "INBOX"}, ref(59)); err != nil || p.Position != 2 || p.Newer != ref(60) {
		t.Errorf("place: %+v, %v", p, err)
	}
	if msg, err := s.Message(ctx, ref(3)); err != nil || msg.Texts[0].Content != "words of 3\n" {
		t.Errorf("message: %+v, %v", msg.Texts, err)
	}
	if res, err := s.Copy(ctx, []mail.Ref{ref(3)}, "Trash"); err != nil || len(res.Done) != 1 || res.Moved != nil {
		t.Errorf("copy: %+v, %v", res, err)
	}
	if res, err := s.Move(ctx, []mail.Ref{ref(3), ref(4)}, "Trash"); err != nil || len(res.Done) != 2 {
		t.Errorf("move: %+v, %v", res, err)
	}
	if l := list(t, s); l.Matches != 58 {
		t.Errorf("%d are left", l.Matches)
	}
	if rejected != "" {
		t.Errorf("rejected: %s", rejected)
	}
}
