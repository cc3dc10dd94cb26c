package handlers

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/demo"
	"oriel/mail"
)

// find returns the data-msg of the row with a subject.
func find(t *testing.T, s *site, path, subject string) string {
	t.Helper()
	p := s.page(path)
	for _, row := range p.All("[data-view=list] li[data-msg]") {
		if strings.Contains(row.Text(), subject) {
			return row.Attr("data-msg")
		}
	}
	t.Fatalf("no row %q in %s: %s", subject, path, p.text())
	return ""
}

// undoID is the id in the toast of a page.
func undoID(t *testing.T, r reply) string {
	t.Helper()
	return r.One(".toast form[action=/undo] [name=id]").Attr("value")
}

func TestFlagsAndTheirUndo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", letter("Plum jam", "six jars"), time.Now())
		s.deliver("INBOX", letter("Pear jam", "four jars"), time.Now(), imap.FlagSeen)
		plum, pear := find(t, s, "/m/INBOX", "Plum jam"), find(t, s, "/m/INBOX", "Pear jam")

		for _, c := range []struct {
			do      string
			flag    imap.Flag
			present bool
		}{{"flag", imap.FlagFlagged, true}, {"unflag", imap.FlagFlagged, false}, {"read", imap.FlagSeen, true}} {
			if r := s.act("INBOX", c.do, nil, plum); r.status != 303 || r.header.Get("Location") != "/m/INBOX" {
				t.Fatalf("%s: %d %s", c.do, r.status, r.text())
			}
			if got := has(s.flags("INBOX", "Plum jam"), c.flag); got != c.present {
				t.Errorf("after %s the server has %s = %v", c.do, c.flag, got)
			}
		}
		s.act("INBOX", "unread", nil, plum)
		s.act("INBOX", "read", nil, plum, pear)
		list := s.page("/m/INBOX")
		list.says(t, "2 messages marked read.")
		if r := s.post("/undo", url.Values{"id": {undoID(t, list)}}); r.status != 303 {
			t.Fatalf("undo: %d %s", r.status, r.text())
		}
		if has(s.flags("INBOX", "Plum jam"), imap.FlagSeen) {
			t.Error("undo left Plum jam read")
		}
		if !has(s.flags("INBOX", "Pear jam"), imap.FlagSeen) {
			t.Error("undo marked unread what had been read before")
		}
		if r := s.post("/undo", url.Values{"id": {undoID(t, list)}}); r.status != 409 {
			t.Errorf("an action was undone twice: %d", r.status)
		}
	})
}

func TestMovesAndTheirUndo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", letter("Hinges", "brass"), time.Now())
		for do, folder := range map[string]string{"archive": "Archive", "junk": "Junk", "trash": "Trash", "delete": "Trash"} {
			msg := find(t, s, "/m/INBOX", "Hinges")
			if r := s.act("INBOX", do, nil, msg); r.status != 303 {
				t.Fatalf("%s: %d %s", do, r.status, r.text())
			}
			if s.there("INBOX", "Hinges") || !s.there(folder, "Hinges") {
				t.Fatalf("after %s the message is not in %s", do, folder)
			}
			if do == "junk" && !has(s.flags("Junk", "Hinges"), "$Junk") {
				t.Error("junk without the keyword $Junk")
			}
			list := s.page("/m/INBOX")
			if r := s.post("/undo", url.Values{"id": {undoID(t, list)}, "back": {"/m/Archive"}}); r.status != 303 || r.header.Get("Location") != "/m/Archive" {
				t.Fatalf("undo of %s: %d %s", do, r.status, r.text())
			}
			if !s.there("INBOX", "Hinges") || s.there(folder, "Hinges") {
				t.Fatalf("undo of %s did not bring the message back", do)
			}
			if has(s.flags("INBOX", "Hinges"), "$Junk") {
				t.Error("undo left the keyword $Junk")
			}
		}
		s.act("INBOX", "junk", nil, find(t, s, "/m/INBOX", "Hinges"))
		s.act("Junk", "notjunk", nil, find(t, s, "/m/Junk", "Hinges"))
		if f := s.flags("INBOX", "Hinges"); f == nil || has(f, "$Junk") {
			t.Errorf("not junk: flags in INBOX %v", f)
		}
	})
}

func TestMoveAndCopyAskWhere(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		const odd = `a&b "c" %2F 日本`
		s.client(func(c *imapclient.Client) error { return c.Create(odd, nil).Wait() })
		s.deliver("INBOX", letter("Sash cord", "waxed"), time.Now())
		msg := find(t, s, "/m/INBOX", "Sash cord")
		for _, do := range []string{"copy", "move"} {
			ask := s.act("INBOX", do, nil, msg)
			if ask.status != 200 {
				t.Fatalf("%s without a target: %d %s", do, ask.status, ask.text())
			}
			if got := ask.One("form input[name=msg]").Attr("value"); got != msg {
				t.Errorf("the question carries %q, want %q", got, msg)
			}
			if !ask.Has(`[name=to][value=` + mail.Key(odd) + `]`) {
				t.Errorf("%s does not offer the folder", do)
			}
			if r := s.act("INBOX", do, url.Values{"to": {mail.Key(odd)}}, msg); r.status != 303 {
				t.Fatalf("%s: %d %s", do, r.status, r.text())
			}
			if !s.there(odd, "Sash cord") || s.there("INBOX", "Sash cord") != (do == "copy") {
				t.Fatalf("%s did not do it", do)
			}
		}
		list := s.page("/m/INBOX")
		if n := len(s.rows("/m/" + mail.Key(odd))); n != 2 {
			t.Errorf("%d messages in the folder, want the copy and the moved one", n)
		}
		s.post("/undo", url.Values{"id": {undoID(t, list)}})
		if !s.there("INBOX", "Sash cord") {
			t.Error("the move was not undone")
		}
		s.post("/undo", url.Values{})
		s.page("/m/INBOX").says(t, "The copy is in Trash.")
		if s.there(odd, "Sash cord") || !s.there("Trash", "Sash cord") {
			t.Error("undo of the copy did not move it to Trash")
		}
	})
}

func TestDeleteDestroysOnlyInTrashAndOnlyAfterYes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("Archive", letter("Old quote", "x"), time.Now())
		s.deliver("Trash", letter("Older quote", "x"), time.Now())
		s.act("Archive", "delete", url.Values{"confirm": {"1"}}, find(t, s, "/m/Archive", "Old quote"))
		if !s.there("Trash", "Old quote") {
			t.Fatal("delete outside Trash did not move to Trash")
		}
		msg := find(t, s, "/m/Trash", "Older quote")
		ask := s.act("Trash", "delete", nil, msg)
		ask.says(t, "Delete this message for good?")
		if !s.there("Trash", "Older quote") {
			t.Fatal("destroyed before the answer")
		}
		if ask.One("form input[name=confirm]").Attr("value") != "1" {
			t.Error("the question carries no answer")
		}
		s.act("Trash", "delete", url.Values{"confirm": {"1"}}, msg)
		if s.there("Trash", "Older quote") || !s.there("Trash", "Old quote") {
			t.Error("delete for good removed the wrong messages")
		}
	})
}

func TestMissingRoleFolderIsOffered(t *testing.T) {
	s := newSite(t, demo.StartBare).signIn()
	s.deliver("INBOX", letter("First one", "x"), time.Now())
	msg := find(t, s, "/m/INBOX", "First one")
	ask := s.act("INBOX", "archive", nil, msg)
	ask.says(t, "There's no Archive folder yet")
	if !s.there("INBOX", "First one") {
		t.Fatal("the message left before the answer")
	}
	if r := s.act("INBOX", "archive", url.Values{"create": {"1"}}, msg); r.status != 303 {
		t.Fatalf("%d %s", r.status, r.text())
	}
	if !s.there("Archive", "First one") {
		t.Error("the folder was not made or the message not moved")
	}
	if !s.page("/m/INBOX").Has("nav [data-folder=Archive]") {
		t.Error("the new folder is not in the navigation")
	}
}

func TestOneButtonActsOnItsRowOnly(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	s.deliver("INBOX", letter("Selected", "x"), time.Now())
	s.deliver("INBOX", letter("Starred", "x"), time.Now())
	selected, starred := find(t, s, "/m/INBOX", "Selected"), find(t, s, "/m/INBOX", "Starred")
	ref, _ := mail.ParseRef(starred)
	s.post("/m/INBOX?one="+ref.ID(), url.Values{"do": {"flag"}, "msg": {selected}})
	if has(s.flags("INBOX", "Selected"), imap.FlagFlagged) || !has(s.flags("INBOX", "Starred"), imap.FlagFlagged) {
		t.Error("the star of one row changed another")
	}
}

func TestMessagesThatAreGone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", letter("Stays", "x"), time.Now())
		s.deliver("INBOX", letter("Goes", "x"), time.Now())
		stays, goes := find(t, s, "/m/INBOX", "Stays"), find(t, s, "/m/INBOX", "Goes")
		s.client(func(c *imapclient.Client) error { // the phone deletes it
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				return err
			}
			ref, _ := mail.ParseRef(goes)
			set := imap.UIDSetNum(imap.UID(ref.UID))
			if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
				return err
			}
			return c.UIDExpunge(set).Close()
		})
		for _, do := range []string{"flag", "archive", "trash"} {
			if r := s.act("INBOX", do, nil, goes); r.status != 404 {
				t.Errorf("%s of a gone message: %d, want 404", do, r.status)
			} else {
				r.says(t, "It was moved or deleted, perhaps on your phone.")
			}
		}
		if r := s.get("/m/" + goes); r.status != 404 {
			t.Errorf("open: %d, want 404", r.status)
		}
		if r := s.act("INBOX", "archive", nil, goes, stays); r.status != 303 {
			t.Fatalf("archive of both: %d %s", r.status, r.text())
		}
		s.page("/m/INBOX").says(t, "Archived. 1 was already gone.")
		if !s.there("Archive", "Stays") {
			t.Error("the message that was still there did not move")
		}
	})
}

func TestStaleReferencesActOnNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", letter("Only one", "x"), time.Now())
		ref, _ := mail.ParseRef(find(t, s, "/m/INBOX", "Only one"))
		ref.Validity++
		for _, do := range []string{"flag", "trash", "archive", "read"} {
			if r := s.act("INBOX", do, nil, ref.String()); r.status != 410 {
				t.Errorf("%s: %d, want 410: %s", do, r.status, r.text())
			}
		}
		for _, path := range []string{"", "/body", "/source", "/part/1", "/attachments.zip"} {
			if r := s.get("/m/" + ref.String() + path); r.status != 410 {
				t.Errorf("GET %s: %d, want 410", path, r.status)
			}
		}
		if f := s.flags("INBOX", "Only one"); f == nil || has(f, imap.FlagFlagged) || has(f, imap.FlagSeen) {
			t.Errorf("another message was touched: %v", f)
		}
	})
}

func TestUnreadableOrders(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	s.deliver("INBOX", letter("Here", "x"), time.Now())
	msg := find(t, s, "/m/INBOX", "Here")
	for name, c := range map[string]struct {
		path   string
		form   url.Values
		status int
	}{
		"no message":     {"/m/INBOX", url.Values{"do": {"flag"}}, 400},
		"no action":      {"/m/INBOX", url.Values{"msg": {msg}}, 400},
		"unknown action": {"/m/INBOX", url.Values{"do": {"explode"}, "msg": {msg}}, 400},
		"bad reference":  {"/m/INBOX", url.Values{"do": {"flag"}, "msg": {"INBOX/x.y"}}, 400},
		"bad target":     {"/m/INBOX", url.Values{"do": {"move"}, "to": {"~zz"}, "msg": {msg}}, 404},
		"no such target": {"/m/INBOX", url.Values{"do": {"move"}, "to": {"Nowhere"}, "msg": {msg}}, 404},
		"other folder":   {"/m/INBOX", url.Values{"do": {"flag"}, "msg": {"Nowhere/1.1"}}, 404},
		"bad key":        {"/m/~0", url.Values{"do": {"flag"}, "msg": {msg}}, 404},
		"too large":      {"/m/INBOX", url.Values{"do": {"flag"}, "msg": {strings.Repeat("x", maxForm+1)}}, 413},
	} {
		if r := s.post(c.path, c.form); r.status != c.status {
			t.Errorf("%s: %d, want %d: %s", name, r.status, c.status, r.text())
		}
	}
	if r := s.act("INBOX", "flag", url.Values{"back": {"//evil.example/"}}, msg); r.header.Get("Location") != "/m/INBOX" {
		t.Errorf("back to %q", r.header.Get("Location"))
	}
}

func TestHTMXAnswers(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	s.deliver("INBOX", letter("Live", "x"), time.Now())
	msg := find(t, s, "/m/INBOX", "Live")
	hx := []string{"HX-Request", "true", "HX-Target", "form#list"}
	r := s.post("/m/INBOX", url.Values{"do": {"archive"}, "msg": {msg}}, hx...)
	if r.status != 200 || !r.Has(".toast form[action=/undo]") || r.Has("main") {
		t.Errorf("archive: %d %s", r.status, r.body)
	}
	r = s.post("/m/INBOX", url.Values{"do": {"archive"}, "msg": {msg}}, hx...)
	if r.status != 404 || r.header.Get("HX-Retarget") != "#toasts" || r.header.Get("Oriel-Refresh") != "list" || !r.Has(".toast") {
		t.Errorf("archive of a gone message: %d %v %s", r.status, r.header, r.body)
	}
	if again := s.page("/m/INBOX"); again.Has(".toast") {
		t.Error("the toast that htmx was given came a second time")
	}
}
