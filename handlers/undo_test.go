package handlers

import (
	"net/url"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/internal/imapscript"
	"oriel/mail"
)

// TestPartlyDone: an order for messages of two folders, one of which is gone. What
// was done is reported with its Undo, and so is that it was not done to all.
func TestPartlyDone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		for do, folder := range map[string]string{"flag": "", "archive": "Archive", "junk": "Junk", "delete": "Trash"} {
			s.deliver("INBOX", letter("Half of "+do, "x"), time.Now())
			msg := find(t, s, "/m/INBOX", "Half of "+do)
			if r := s.act("INBOX", do, nil, msg, "Vanished/1.1"); r.status != 303 {
				t.Fatalf("%s: %d %s", do, r.status, r.text())
			}
			if folder != "" && !s.there(folder, "Half of "+do) {
				t.Errorf("%s: the message that is there did not move", do)
			}
			list := s.page("/m/INBOX")
			list.says(t, "Not all of them")
			if r := s.post("/undo", url.Values{"id": {undoID(t, list)}}); r.status != 303 {
				t.Errorf("undo of %s: %d %s", do, r.status, r.text())
			}
			if !s.there("INBOX", "Half of "+do) || has(s.flags("INBOX", "Half of "+do), `\Flagged`) {
				t.Errorf("undo of %s did not restore the message", do)
			}
		}
		hx := []string{"HX-Request", "true"}
		s.deliver("INBOX", letter("Live half", "x"), time.Now())
		r := s.post("/m/INBOX", url.Values{"do": {"archive"}, "msg": {find(t, s, "/m/INBOX", "Live half"), "Vanished/1.1"}}, hx...)
		if r.status != 200 || r.header.Get("Oriel-Refresh") != "list" {
			t.Errorf("htmx is not told to look again: %d %v", r.status, r.header)
		}
	})
}

// TestDeleteInTwoFoldersSaysBoth: Undo beside "deleted for good" alone would be a
// promise that cannot be kept.
func TestDeleteInTwoFoldersSaysBoth(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", letter("Goes to Trash", "x"), time.Now())
		s.deliver("Junk", letter("Goes for good", "x"), time.Now())
		r := s.act("INBOX", "delete", url.Values{"confirm": {"1"}}, find(t, s, "/m/INBOX", "Goes to Trash"), find(t, s, "/m/Junk", "Goes for good"))
		if r.status != 303 {
			t.Fatalf("%d %s", r.status, r.text())
		}
		list := s.page("/m/INBOX")
		list.says(t, "Moved to Trash. Deleted for good.")
		undoID(t, list)
	})
}

// TestUndoThatFailsCanBeTriedAgain: the folder that a message came from is away
// for a while. Nothing is lost: what could go back is back, the rest waits.
func TestUndoThatFailsCanBeTriedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.client(func(c *imapclient.Client) error { return c.Create("Tools", nil).Wait() })
		s.deliver("INBOX", letter("Chisel", "x"), time.Now())
		s.deliver("Tools", letter("Mallet", "x"), time.Now())
		chisel, mallet := find(t, s, "/m/INBOX", "Chisel"), find(t, s, "/m/Tools", "Mallet")
		s.act("INBOX", "archive", nil, mallet, chisel)
		if !s.there("Archive", "Chisel") || !s.there("Archive", "Mallet") {
			t.Fatal("not archived")
		}
		s.client(func(c *imapclient.Client) error { return c.Delete("Tools").Wait() })
		s.post("/undo", url.Values{})
		if !s.there("INBOX", "Chisel") || !s.there("Archive", "Mallet") {
			t.Fatal("the undo did not do what it could")
		}
		half := s.page("/m/INBOX")
		half.says(t, "Not all of them")

		again := s.post("/undo", url.Values{"id": {undoID(t, half)}})
		if again.status != 404 {
			t.Errorf("undo without the folder: %d %s", again.status, again.text())
		}
		again.says(t, "Nothing was taken back yet.")
		live := s.post("/undo", url.Values{"id": {undoID(t, again)}}, "HX-Request", "true")
		if live.status != 404 || undoID(t, live) != undoID(t, again) {
			t.Errorf("undo without the folder, by script: %d %s", live.status, live.text())
		}
		s.client(func(c *imapclient.Client) error { return c.Create("Tools", nil).Wait() })
		if r := s.post("/undo", url.Values{"id": {undoID(t, again)}}); r.status != 303 {
			t.Errorf("undo with the folder: %d %s", r.status, r.text())
		}
		if !s.there("Tools", "Mallet") {
			t.Error("the rest was not taken back")
		}
		if r := s.post("/undo", url.Values{}); r.status != 409 {
			t.Errorf("something is left to undo: %d", r.status)
		}
	})
}

// TestRefusedJunkLeavesNoKeyword: a message that the server did not move to Junk
// must not teach its filter.
func TestRefusedJunkLeavesNoKeyword(t *testing.T) {
	m := &imapscript.Mailbox{Folders: map[string][]*imapscript.Message{"INBOX": {{UID: 1, Text: "one"}}, "Junk": {}}}
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID COPY" && cmd.Name != "UID MOVE" {
			return false
		}
		c.No(cmd, "[OVERQUOTA] Quota exceeded")
		return true
	}
	s, f := scriptSite(t, m)
	if r := s.act("INBOX", "junk", nil, "INBOX/1.1"); r.status != 409 {
		t.Errorf("%d %s", r.status, r.text())
	}
	l, err := s.pool.Open(t.Context(), "test", s.user, s.password)
	s.check(err)
	list, err := l.List(t.Context(), mail.ListQuery{Folder: "INBOX", Page: 1})
	s.check(err)
	if len(list.Rows) != 1 || len(list.Rows[0].Keywords) > 0 {
		t.Errorf("rows after the refusal: %+v\n%v", list.Rows, f.Commands())
	}
}

func TestAlreadyThereLooksAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("Archive", letter("Filed", "x"), time.Now())
		r := s.post("/m/Archive", url.Values{"do": {"archive"}, "msg": {find(t, s, "/m/Archive", "Filed")}}, "HX-Request", "true")
		if r.status != 200 || r.header.Get("Oriel-Refresh") != "list" {
			t.Errorf("%d %v %s", r.status, r.header, r.text())
		}
	})
}

// TestJournalIsBounded: a session keeps its last actions, of which together it
// keeps no more than so many messages, and forgets them in time.
func TestJournalIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	j := newJournal(func() time.Time { return now })
	act := func(n int) string { return j.add("a", entry{back: []change{{refs: make([]mail.Ref, n), to: "x"}}}) }
	kept := func() (entries, refs int) {
		for _, e := range j.users["a"].entries {
			refs += len(e.back[0].refs)
		}
		return len(j.users["a"].entries), refs
	}
	for range 2 * journalSize {
		act(1)
	}
	if n, _ := kept(); n != journalSize {
		t.Errorf("%d entries of one message", n)
	}
	for range 10 {
		act(journalRefs / 4)
	}
	if n, refs := kept(); n != 4 || refs != journalRefs {
		t.Errorf("%d entries of %d messages", n, refs)
	}
	large := act(2 * journalRefs)
	if n, _ := kept(); n != 1 {
		t.Errorf("%d entries beside a large one", n)
	}
	if _, ok := j.take("b", large); ok {
		t.Error("another session took it")
	}
	if e, ok := j.take("a", large); !ok || len(e.back[0].refs) != 2*journalRefs {
		t.Error("the last action cannot be undone")
	}
	act(1)
	now = now.Add(journalTime)
	if _, ok := j.take("a", ""); ok {
		t.Error("an old action can be undone")
	}
	act(1)
	now = now.Add(journalTime)
	if j.expire(); len(j.users) != 0 {
		t.Error("old sessions are remembered")
	}
}
