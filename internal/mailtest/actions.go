package mailtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"oriel/imapsession"
	"oriel/mail"
)

// testKeywords: marks of other programs are kept, and the undo of a mark takes
// back only what was new.
func testKeywords(s *suite) {
	s.create("Trash")
	s.deliver("INBOX", Plain(1, imap.FlagFlagged), Plain(2))
	l := s.wantSubjects("INBOX", mail.All, "2 1")
	c := s.a.Client(s.T)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		s.Fatal(err)
	}
	// In lower case, because flags are the same in any (RFC 9051 section 2.3.2).
	oak := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{"$oak"}}
	if err := c.Store(imap.UIDSetNum(imap.UID(l.Rows[1].UID)), oak, nil).Close(); err != nil {
		s.Fatal(err)
	}
	res, err := s.s.SetFlags(s.ctx, refs(l), []string{`\Flagged`, "$elm"}, nil)
	if err != nil || len(res.Done) != 2 || len(res.Changed) != 2 {
		s.Fatalf("marks: %+v, %v", res, err)
	}
	if res, err = s.s.SetFlags(s.ctx, refs(l), []string{`\Flagged`}, nil); err != nil || len(res.Done) != 2 || len(res.Changed) != 0 {
		s.Errorf("marks that are there: %+v, %v", res, err)
	}
	if res, err = s.s.SetFlags(s.ctx, refs(l), nil, []string{"$oak"}); err != nil || len(res.Done) != 2 || len(res.Changed) != 1 || res.Changed[0] != l.Rows[1].Ref {
		s.Errorf("taking one away: %+v, %v", res, err)
	}
	if res, err = s.s.SetFlags(s.ctx, res.Changed, []string{"$oak"}, nil); err != nil || len(res.Done) != 1 {
		s.Errorf("undo: %+v, %v", res, err)
	}
	res, err = s.s.Move(s.ctx, refs(l), s.name("Trash"))
	if err != nil || len(res.Done) != 2 {
		s.Fatalf("move: %+v, %v", res, err)
	}
	l = s.list("Trash", mail.All, 1)
	for _, r := range l.Rows {
		want := []string{"$elm"}
		if r.Subject == "Message 1" {
			want = []string{"$elm", "$oak"}
		}
		if slices.Sort(r.Keywords); !r.Flagged || !slices.Equal(r.Keywords, want) {
			s.Errorf("%s arrives with %+v, want %v", r.Subject, r.Flags, want)
		}
	}
}

// testOverQuota: a copy that does not fit changes nothing, and the reason is told.
func testOverQuota(s *suite) {
	if s.a.Fill == nil {
		s.Skip("this account has no quota that a test can set")
	}
	s.create("Work")
	big := Plain(1)
	big.Raw += strings.Repeat("Many words that fill the mailbox.\r\n", 100)
	s.deliver("INBOX", big)
	l := s.wantSubjects("INBOX", mail.All, "1")
	s.a.Fill(s.T)
	res, err := s.s.Copy(s.ctx, refs(l), s.name("Work"))
	s.wantKind(err, mail.OverQuota)
	if len(res.Done) != 0 {
		s.Errorf("copy: %+v", res)
	}
	s.wantSubjects("Work", mail.All, "")
	s.wantSubjects("INBOX", mail.All, "1")
	// A move needs no more room where the server can move; elsewhere it is a copy
	// first. Either way the message is in one of the two folders.
	if res, err = s.s.Move(s.ctx, refs(l), s.name("Work")); err == nil && len(res.Done) == 1 {
		s.wantSubjects("INBOX", mail.All, "")
		s.wantSubjects("Work", mail.All, "1")
		return
	}
	s.wantKind(err, mail.OverQuota)
	s.wantSubjects("Work", mail.All, "")
	s.wantSubjects("INBOX", mail.All, "1")
	// The connection and the messages are as good as before.
	if res, err := s.s.SetFlags(s.ctx, refs(l), []string{`\Seen`}, nil); err != nil || len(res.Done) != 1 {
		s.Errorf("flag: %+v, %v", res, err)
	}
}

// testRefusedMove: where the copy is refused nothing is marked and nothing is
// removed, and Oriel does not ask twice.
func testRefusedMove(s *suite) {
	s.deliver("INBOX", Plains(1, 4)...)
	l := s.wantSubjects("INBOX", mail.All, "3 2 1")
	if s.a.Wire != nil {
		s.a.Wire.Mark()
	}
	res, err := s.s.Move(s.ctx, refs(l)[:2], s.name("nowhere"))
	s.wantKind(err, mail.NoFolder)
	if len(res.Done)+len(res.Gone)+len(res.Moved) != 0 {
		s.Errorf("move: %+v", res)
	}
	if w := s.a.Wire; w != nil {
		if n := len(w.Refused()); n != 1 {
			s.Errorf("%d commands were refused, want one: %q", n, w.Refused())
		}
		for _, command := range w.Asked() {
			if strings.Contains(command, "STORE") || strings.Contains(command, "EXPUNGE") {
				s.Errorf("after a refusal Oriel says %s", command)
			}
		}
	}
	if l = s.wantSubjects("INBOX", mail.All, "3 2 1"); l.Rows[0].Deleted || l.Folder.Total != 3 {
		s.Errorf("after it: %+v", l)
	}
}

// testSignIn: a wrong password is refused after one attempt, the right one works.
func testSignIn(s *suite) {
	p := imapsession.NewPool(s.a.Server, imapsession.Options{})
	defer p.Close(s.ctx)
	_, err := p.SignIn(s.ctx, "other", s.a.User, s.a.Password+"x")
	s.wantKind(err, mail.Denied)
	if w := s.a.Wire; w != nil && len(w.Refused()) != 1 {
		s.Errorf("refused were %q, want one LOGIN", w.Refused())
	}
	if _, err := p.SignIn(s.ctx, "other", s.a.User, s.a.Password); err != nil {
		s.Error(err)
	}
}

// testLongRun does two hundred reasonable things, each of which a server must
// be able to do: it is told nothing twice that it has refused, and nothing that
// it refuses. A server that counts such things (Courier hangs up at ten) is at
// ease, and in the end every message is where the model says.
func testLongRun(s *suite) {
	const messages = 24
	s.create("Trash", "Work", "Work/Plans")
	s.deliver("INBOX", Plains(1, messages+1)...)
	s.folders()
	if s.a.Wire != nil {
		s.a.Wire.Mark()
	}
	m := &model{suite: s, rand: rand.New(rand.NewPCG(1, 2)), in: map[string]string{}}
	for n := range messages {
		m.in[fmt.Sprintf("Message %d", n+1)] = "INBOX"
	}
	for n := range 200 {
		if m.act(n); s.Failed() {
			break
		}
	}
	for _, folder := range modelFolders {
		m.compare(folder)
	}
	if s.a.Wire != nil {
		if refused := s.a.Wire.Refused(); len(refused) != 0 {
			s.Errorf("the server refused %q", refused)
		}
	}
}

// model is where each message of the long run should be.
type model struct {
	*suite
	rand *rand.Rand
	in   map[string]string // subject: folder; no entry: deleted
}

var modelFolders = []string{"INBOX", "Trash", "Work", "Work/Plans"}

func (m *model) folder() string { return modelFolders[m.rand.IntN(len(modelFolders))] }

func (m *model) compare(folder string) mail.List {
	m.Helper()
	l := m.list(folder, mail.All, 1)
	want := 0
	for _, f := range m.in {
		if f == folder {
			want++
		}
	}
	for _, r := range l.Rows {
		if m.in[r.Subject] != folder {
			m.Errorf("%q is in %s, want it in %q", r.Subject, folder, m.in[r.Subject])
		}
	}
	if len(l.Rows) != want || l.Matches != want {
		m.Errorf("%s lists %d messages and counts %d, want %d", folder, len(l.Rows), l.Matches, want)
	}
	return l
}

// act does one thing to one or two messages of a folder.
func (m *model) act(n int) {
	m.Helper()
	folder := m.folder()
	l := m.compare(folder)
	if len(l.Rows) == 0 {
		return
	}
	i := m.rand.IntN(len(l.Rows))
	rows := l.Rows[i:min(len(l.Rows), i+1+m.rand.IntN(2))]
	some := refs(mail.List{Rows: rows})
	var err error
	var res mail.Result
	switch kind := m.rand.IntN(10); kind {
	case 0, 1:
		res, err = m.s.SetFlags(m.ctx, some, []string{[]string{`\Seen`, `\Flagged`, "$Oak"}[n%3]}, nil)
	case 2:
		res, err = m.s.SetFlags(m.ctx, some, nil, []string{`\Seen`, "$Oak"})
	case 3, 4:
		res, err = m.moveTo(some, rows, m.folder())
	case 5:
		res, err = m.moveAndBack(some, rows)
	case 6:
		var text mail.Message
		if text, err = m.s.Message(m.ctx, some[0]); err == nil && text.Subject != rows[0].Subject {
			m.Errorf("%q opens as %q", rows[0].Subject, text.Subject)
		}
		res.Done = some
	case 7:
		m.list(folder, []mail.Filter{mail.Unread, mail.Flagged}[n%2], 1)
		_, err = m.s.Place(m.ctx, mail.ListQuery{Folder: m.name(folder)}, some[0])
		res.Done = some
	case 8:
		_, err = m.s.Folders(m.ctx, n%2 == 0)
		res.Done = some
	case 9:
		if n%4 == 0 {
			if res, err = m.s.Delete(m.ctx, some); err == nil {
				for _, r := range rows {
					delete(m.in, r.Subject)
				}
			}
			break
		}
		_, err = m.s.Validity(m.ctx, m.name(folder))
		res.Done = some
	}
	if err != nil || len(res.Done) != len(some) {
		m.Errorf("action %d on %d messages of %s: %+v, %v", n, len(some), folder, res, err)
	}
}

func (m *model) moveTo(some []mail.Ref, rows []mail.Summary, to string) (mail.Result, error) {
	res, err := m.s.Move(m.ctx, some, m.name(to))
	if err == nil {
		for _, r := range rows {
			m.in[r.Subject] = to
		}
	}
	return res, err
}

// moveAndBack is a move and its undo.
func (m *model) moveAndBack(some []mail.Ref, rows []mail.Summary) (mail.Result, error) {
	away, err := m.s.Move(m.ctx, some, m.name("Trash"))
	if err != nil {
		return away, err
	}
	if some[0].Folder == m.name("Trash") {
		return away, nil // nothing has moved
	}
	var numbers []int
	for _, r := range rows {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.Subject, "Message "))
		numbers = append(numbers, n)
	}
	return m.s.Move(m.ctx, m.whereabouts(away, "Trash", numbers...), some[0].Folder)
}
