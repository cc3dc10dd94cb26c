package imapsession_test

import (
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/internal/mailtest"
	"oriel/mail"
)

// hurried makes the looks of a watch as frequent as a test needs them, where no
// server says that there is news.
func hurried(start func(testing.TB) mailtest.Account) func(testing.TB) mailtest.Account {
	return func(t testing.TB) mailtest.Account {
		a := start(t)
		a.Tune = func(p *imapsession.Pool) {
			p.SetPace(imapsession.Pace{Wary: 300 * time.Millisecond, Recounted: 600 * time.Millisecond})
		}
		return a
	}
}

// TestConformanceWithoutAll: the whole suite on a server that has nothing beyond
// RFC 3501.
func TestConformanceWithoutAll(t *testing.T) {
	t.Parallel()
	mailtest.Run(t, hurried(mailtest.Poor(mailtest.PlainDovecot(t), mailtest.Extensions()...)))
}

// TestConformanceWithoutOne: what an extension is for works without it, while the
// server has all the others.
func TestConformanceWithoutOne(t *testing.T) {
	t.Parallel()
	dovecot := mailtest.PlainDovecot(t)
	lists := []string{"ListPages", "ListFilters", "ListChanges", "Place"}
	moves := []string{"Move", "MoveFlag", "MoveNew", "Copy", "Delete", "SeveralFolders", "RefusedMove", "Keywords"}
	folders := []string{"Folders", "FolderNames", "Roles", "CreateRole", "NoFolder"}
	for name, only := range map[string][]string{
		"IDLE":        {"Watch"},
		"UIDPLUS":     moves,
		"MOVE":        moves,
		"CONDSTORE":   append([]string{"Watch", "Flags", "LongRun"}, lists...),
		"SPECIAL-USE": folders,
		"NAMESPACE":   folders,
		"ESEARCH":     append([]string{"Watch"}, lists...),
		"SORT":        append([]string{"Watch", "ListOrder"}, lists...),
		"LIST":        folders,
		"STATUS":      folders,
		"ENABLE":      {"Watch", "ListChanges"},
		"NOTIFY":      {"Watch"},
		"PREVIEW":     {"Previews", "ListRows", "ListChanges"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mailtest.Run(t, hurried(mailtest.Poor(dovecot, name)), only...)
		})
	}
}

// TestConformanceCombined: what is lacking together on servers that there are.
func TestConformanceCombined(t *testing.T) {
	t.Parallel()
	dovecot := mailtest.PlainDovecot(t)
	for name, server := range map[string]struct {
		without []string
		only    []string
	}{
		// Exchange: no CONDSTORE, no SORT, no SPECIAL-USE, no extended LIST.
		"Exchange": {[]string{"CONDSTORE", "ENABLE", "ESEARCH", "SORT", "LIST", "SPECIAL-USE", "NOTIFY", "PREVIEW"},
			[]string{"LongRun", "Watch", "Roles", "Place", "Previews", "MoveNew"}},
		// Gmail: CONDSTORE without QRESYNC, no SORT, no NOTIFY.
		"Gmail": {[]string{"SORT", "NOTIFY", "PREVIEW"}, []string{"LongRun", "Watch", "ListOrder", "Place"}},
		// A move by copy whose copies are found without COPYUID.
		"UIDPLUS and MOVE":   {[]string{"UIDPLUS", "MOVE"}, []string{"LongRun", "Move", "MoveOldDate", "MoveFlag", "MoveNew", "Copy", "Delete", "RefusedMove", "SeveralFolders"}},
		"MOVE and CONDSTORE": {[]string{"MOVE", "CONDSTORE"}, []string{"LongRun", "Move", "Flags"}},
		"IDLE and CONDSTORE": {[]string{"IDLE", "CONDSTORE", "NOTIFY"}, []string{"Watch", "ListChanges"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mailtest.Run(t, hurried(mailtest.Poor(dovecot, server.without...)), server.only...)
		})
	}
}

// TestConformanceWithoutNamespace: all folders below INBOX, and nobody says so; on
// Courier-IMAP without anything beyond RFC 3501.
func TestConformanceWithoutNamespace(t *testing.T) {
	t.Parallel()
	mailtest.Run(t, hurried(mailtest.Poor(mailtest.Courier(t), mailtest.Extensions()...)),
		"Roles", "CreateRole", "NoFolder", "Move", "Delete", "Watch")
}

// TestFlatServer: folders without levels. A slash is a letter of a name there, and
// a role folder that is refused is not tried below INBOX, where nothing can be.
func TestFlatServer(t *testing.T) {
	m := inbox("IMAP4rev1", 2)
	m.Folders["a/b"] = letters(1)
	m.List = []string{`* LIST () NIL INBOX`, `* LIST () NIL "Trash"`, `* LIST () NIL "a/b"`}
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		switch {
		case cmd.Name == "CREATE":
			c.No(cmd, "Permission denied")
		case cmd.Name == "LIST" && strings.Contains(cmd.Args, "Archive"):
			c.OK(cmd, "done")
		default:
			return false
		}
		return true
	}
	s, srv := signIn(t, m, imapsession.Options{Limits: impatient})
	folders, err := s.Folders(t.Context(), true)
	if err != nil || len(folders) != 3 || folders[1].Role != mail.Trash || folders[2].Name != "a/b" || folders[2].Total != 1 || len(folders[2].Path()) != 1 {
		t.Errorf("folders are %+v, %v", folders, err)
	}
	list(t, s)
	if res, err := s.Move(t.Context(), []mail.Ref{ref(2)}, "a/b"); err != nil || len(res.Done) != 1 {
		t.Errorf("move: %+v, %v", res, err)
	}
	_, err = s.CreateRole(t.Context(), mail.Archive, "")
	wantKind(t, err, mail.Refused)
	if n := srv.Sent("CREATE"); n != 1 {
		t.Errorf("%d CREATE", n)
	}
}
