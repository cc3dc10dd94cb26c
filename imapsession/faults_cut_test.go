package imapsession_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// TestCutAnywhere: the connection breaks at any byte of what the server sends from
// SELECT on. The list is made on another connection, and is the same.
func TestCutAnywhere(t *testing.T) {
	for n := 0; n < 3000; n += 61 {
		m := inbox(pushing, 3)
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if c.Number == 1 && cmd.Name == "SELECT" {
				c.CutAfter(n)
			}
			return false
		}
		s, srv := signIn(t, m, imapsession.Options{Limits: impatient})
		for range 2 {
			l := list(t, s)
			if rowUIDs(l) != "3 2 1" || l.Rows[0].Subject != "message 3" || l.Rows[2].Preview != "words of 1" || l.Folder.Unread != 3 {
				t.Fatalf("cut after %d octets: %+v", n, l)
			}
		}
		if srv.Accepted() > 3 {
			t.Errorf("cut after %d octets: %d connections", n, srv.Accepted())
		}
	}
}

// TestWatchCutAnywhere: the same while the folder is watched and changes.
func TestWatchCutAnywhere(t *testing.T) {
	for n := 1; n < 700; n += 41 {
		m := inbox(pushing, 3)
		var armed atomic.Bool
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "IDLE" && armed.CompareAndSwap(true, false) {
				c.CutAfter(n)
			}
			return false
		}
		armed.Store(true)
		s, w, srv := beginWatch(t, m, hasty)
		events := stream(t, w)
		await(t, "IDLE", func() bool { return m.Idling("INBOX") == 1 })
		m.Mark("INBOX", `+FLAGS (\Seen)`, 2)
		m.Deliver("INBOX", &imapscript.Message{Text: "new"})
		m.Expunge("INBOX", 1)
		receive(t, events, fmt.Sprint("the changes, cut after ", n), inboxHas(3, 2))
		if l := list(t, s); rowUIDs(l) != "4 3 2" || !l.Rows[2].Seen || l.Folder.Unread != 2 {
			t.Fatalf("cut after %d octets: %s, %+v", n, rowUIDs(l), l.Folder)
		}
		if srv.Sent("LOGIN") > 4 {
			t.Errorf("cut after %d octets: %d LOGIN", n, srv.Sent("LOGIN"))
		}
	}
}

// TestWatchOwnChangesLate: what Oriel itself changes is listed at once, on a server
// that tells the watch about it only later, and what is refused is not listed.
func TestWatchOwnChangesLate(t *testing.T) {
	for _, caps := range []string{pushing, plainPush} {
		m := inbox(caps, 6)
		m.Quiet = true
		var refuse atomic.Bool
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if refuse.Load() && (cmd.Name == "UID STORE" || cmd.Name == "UID MOVE" || cmd.Name == "UID EXPUNGE") {
				c.No(cmd, "[NOPERM] not yours")
				return true
			}
			return false
		}
		s, w, _ := watchedScript(t, m, hasty)
		defer w.Close()
		expectPage := func(what, rows string, unread uint32, seen bool) {
			t.Helper()
			l := list(t, s)
			if rowUIDs(l) != rows || l.Folder.Unread != unread || l.Rows[0].Seen != seen || int(l.Folder.Total) != len(l.Rows) {
				t.Errorf("%s: rows %s, %+v, seen %v", what, rowUIDs(l), l.Folder, l.Rows[0].Seen)
			}
		}
		list(t, s)
		if res, err := s.SetFlags(t.Context(), []mail.Ref{ref(6)}, []string{`\Seen`}, nil); err != nil || len(res.Done) != 1 {
			t.Fatal(res, err)
		}
		expectPage("flagged", "6 5 4 3 2 1", 5, true)
		if res, err := s.Move(t.Context(), []mail.Ref{ref(5), ref(1)}, "Trash"); err != nil || len(res.Done) != 2 {
			t.Fatal(res, err)
		}
		expectPage("moved", "6 4 3 2", 3, true)
		if res, err := s.Delete(t.Context(), []mail.Ref{ref(4)}); err != nil || len(res.Done) != 1 {
			t.Fatal(res, err)
		}
		expectPage("deleted", "6 3 2", 2, true)
		refuse.Store(true)
		_, err := s.SetFlags(t.Context(), []mail.Ref{ref(6)}, nil, []string{`\Seen`})
		wantKind(t, err, mail.Refused)
		_, err = s.Move(t.Context(), []mail.Ref{ref(3)}, "Trash")
		wantKind(t, err, mail.Refused)
		_, err = s.Delete(t.Context(), []mail.Ref{ref(2)})
		wantKind(t, err, mail.Refused)
		expectPage("refused", "6 3 2", 2, true)
	}
}

// TestWatchUnknownOutcome: the answer to a change is lost while the folder is
// watched. What the Result says is what the next page and the server show.
func TestWatchUnknownOutcome(t *testing.T) {
	for _, command := range []string{"UID STORE", "UID MOVE", "UID EXPUNGE"} {
		for _, applied := range []bool{false, true} {
			m := inbox(pushing, 4)
			drop := onlyOnce(command, func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if applied {
					c.CutAfter(0) // the work is done, the answer is lost
					return false
				}
				c.Drop()
				return true
			})
			m.Hook = drop
			s, w, srv := watchedScript(t, m, hasty)
			defer w.Close()
			var res mail.Result
			var err error
			switch command {
			case "UID STORE":
				res, err = s.SetFlags(t.Context(), []mail.Ref{ref(2)}, []string{`\Seen`}, nil)
			case "UID MOVE":
				res, err = s.Move(t.Context(), []mail.Ref{ref(2)}, "Trash")
			default:
				res, err = s.Delete(t.Context(), []mail.Ref{ref(2)})
			}
			l := list(t, s)
			what := fmt.Sprintf("%s, applied %v: %+v, %v, then %s", command, applied, res, err, rowUIDs(l))
			done := len(res.Done) == 1
			switch {
			case command == "UID STORE":
				if !done || err != nil || !l.Rows[2].Seen || l.Folder.Unread != 3 {
					t.Error(what)
				}
			case done != (rowUIDs(l) == "4 3 1") || done != (len(m.UIDs("INBOX")) == 3) || done == (err != nil):
				t.Error(what)
			case command == "UID MOVE" && (done != applied || srv.Sent("UID MOVE") != 1 || (len(m.UIDs("Trash")) == 1) != done):
				t.Error(what)
			}
		}
	}
}

// TestWatchAlert: what the server wants the user to read arrives in IDLE, once.
func TestWatchAlert(t *testing.T) {
	m := inbox(pushing, 3)
	_, w, _ := watchedScript(t, m, hasty)
	events := stream(t, w)
	for range 3 {
		m.Push("* OK [ALERT] The system goes down at \x07noon\r\n")
	}
	seen := receive(t, events, "alert", ofKind(mail.Alert))
	if words := seen[len(seen)-1].Reason; words != "The system goes down at noon" {
		t.Errorf("the words are %q", words)
	}
	never(t, events, mail.Alert)
}
