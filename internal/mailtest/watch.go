package mailtest

import (
	"context"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// testWatch: what another program does in the folder on the page is told, and
// the next list has it.
func testWatch(s *suite) {
	s.deliver("INBOX", Plains(1, 4)...)
	l := s.wantSubjects("INBOX", mail.All, "3 2 1")
	w := s.s.Watch()
	defer w.Close()
	c := s.a.Client(s.T)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		s.Fatal(err)
	}
	second := imap.UIDSetNum(imap.UID(l.Rows[1].UID))
	for _, step := range []struct {
		name string
		do   func() error
		done func(l mail.List) bool
	}{
		{"a flag", func() error {
			return c.Store(second, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close()
		}, func(l mail.List) bool { return len(l.Rows) == 3 && l.Rows[1].Flagged }},
		{"an arrival", func() error { s.deliver("INBOX", Plain(4)); return nil },
			func(l mail.List) bool { return subjects(l) == "4 3 2 1" && l.Folder.Total == 4 }},
		{"a removal", func() error {
			if err := c.Store(second, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
				return err
			}
			return c.UIDExpunge(second).Close()
		}, func(l mail.List) bool { return subjects(l) == "4 3 1" && l.Folder.Total == 3 }},
	} {
		if err := step.do(); err != nil {
			s.Fatalf("%s: %v", step.name, err)
		}
		ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
		for told := false; !told || !step.done(s.list("INBOX", mail.All, 1)); {
			e, err := w.Next(ctx)
			if err != nil {
				s.Fatalf("%s is not told: %v; the list is %s", step.name, err, subjects(s.list("INBOX", mail.All, 1)))
			}
			told = e.Kind == mail.Changed && e.Folder.Name == "INBOX"
		}
		cancel()
	}
}
