package imapsession_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// TestWatchFolderGone: the folder that is watched is deleted, renamed, or made anew
// under the same name. Pages hear of it, no row of the old one is shown, and what
// was meant for the old one does not reach the new one.
func TestWatchFolderGone(t *testing.T) {
	begin := func(t *testing.T) (*imapscript.Mailbox, *imapsession.Session, <-chan mail.Event, *imapscript.Server) {
		m := inbox(pushing, 3)
		m.Folders["Work"] = letters(4)
		pace := hasty
		pace.Recounted = 200 * time.Millisecond
		s, w, srv := watchedScript(t, m, pace)
		if _, err := s.List(t.Context(), mail.ListQuery{Folder: "Work"}); err != nil {
			t.Fatal(err)
		}
		await(t, "IDLE on Work", func() bool { return m.Idling("Work") == 1 && s.Live("Work") })
		await(t, "all folders counted", func() bool { return srv.Sent("LIST") > 0 })
		return m, s, stream(t, w), srv
	}
	t.Run("made anew", func(t *testing.T) {
		m, s, events, srv := begin(t)
		fresh := letters(3)
		for _, msg := range fresh {
			msg.Header = "Subject: of the new folder\r\n\r\n"
			msg.Items = map[string]string{"ENVELOPE": `(NIL "new" NIL NIL NIL NIL NIL NIL NIL NIL)`}
		}
		m.Recreate("Work", fresh...)
		receive(t, events, "a change", func(e mail.Event) bool {
			return e.Kind == mail.Changed && e.Folder.Name == "Work" && e.Folder.Validity == 2 && e.Folder.Total == 3
		})
		l, err := s.List(t.Context(), mail.ListQuery{Folder: "Work"})
		if err != nil || len(l.Rows) != 3 || l.Folder.Validity != 2 {
			t.Fatalf("%d rows, %v", len(l.Rows), err)
		}
		for _, r := range l.Rows {
			if r.Subject != "new" || r.Validity != 2 {
				t.Errorf("a row of the old folder: %+v", r)
			}
		}
		old := mail.Ref{Folder: "Work", Validity: 1, UID: 1}
		before := srv.Sent("UID STORE") + srv.Sent("UID MOVE")
		_, err = s.SetFlags(t.Context(), []mail.Ref{old}, []string{`\Seen`}, nil)
		wantKind(t, err, mail.Stale)
		_, err = s.Move(t.Context(), []mail.Ref{old}, "Trash")
		wantKind(t, err, mail.Stale)
		if n := srv.Sent("UID STORE") + srv.Sent("UID MOVE"); n != before {
			t.Error("a command for the old folder reached the new one")
		}
	})
	for name, act := range map[string]func(m *imapscript.Mailbox){
		"deleted": func(m *imapscript.Mailbox) { m.Remove("Work") },
		"renamed": func(m *imapscript.Mailbox) { m.Rename("Work", "Play") },
	} {
		t.Run(name, func(t *testing.T) {
			m, s, events, _ := begin(t)
			act(m)
			receive(t, events, "listed", ofKind(mail.Listed))
			_, err := s.List(t.Context(), mail.ListQuery{Folder: "Work"})
			wantKind(t, err, mail.NoFolder)
			// The watch goes on with the inbox.
			list(t, s)
			await(t, "IDLE on INBOX", func() bool { return m.Idling("INBOX") == 1 })
			m.Deliver("INBOX", &imapscript.Message{Text: "new"})
			receive(t, events, "mail", inboxHas(4, 4))
			if name == "renamed" {
				if l, err := s.List(t.Context(), mail.ListQuery{Folder: "Play"}); err != nil || len(l.Rows) != 4 {
					t.Errorf("under the new name: %d rows, %v", len(l.Rows), err)
				}
			}
		})
	}
}

// TestHostileDeltas: answers about changes that are wrong in every way cost no more
// than another question, and leave the truth on the page.
func TestHostileDeltas(t *testing.T) {
	for name, lie := range map[string]string{
		"unknown messages":    "* 1 FETCH (UID 77 FLAGS (\\Seen) INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (900))\r\n",
		"beyond the end":      "* 9 FETCH (UID 900 FLAGS () INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (900))\r\n",
		"the last number":     "* 9 FETCH (UID 4294967295 FLAGS () INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (900))\r\n",
		"no flags":            "* 2 FETCH (UID 2 INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (900))\r\n",
		"no date":             "* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (900))\r\n",
		"no UID":              "* 2 FETCH (FLAGS (\\Seen) INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (900))\r\n",
		"a date that is none": "* 2 FETCH (UID 2 FLAGS (\\Seen) INTERNALDATE \"99-Foo-2026\" MODSEQ (900))\r\n",
		"modseq of zero":      "* 2 FETCH (UID 2 FLAGS (\\Seen) INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (0))\r\n",
		"modseq huge":         "* 2 FETCH (UID 2 FLAGS (\\Seen) INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (18446744073709551615))\r\n",
		"all are gone":        "* VANISHED (EARLIER) 1:4294967295\r\n",
		"all are gone, now":   "* VANISHED 1:4294967295\r\n",
		"the same twice":      strings.Repeat("* 4 FETCH (UID 4 FLAGS () INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (20))\r\n", 2),
		"old messages as new": "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" MODSEQ (20))\r\n* 9 EXISTS\r\n",
		"more than there are": "* 4294967295 EXISTS\r\n",
		"expunges of nothing": strings.Repeat("* 1 EXPUNGE\r\n", 50),
		"a literal of 300 MB": "* 2 FETCH (UID 2 ENVELOPE ({300000000}\r\n",
		"parentheses":         "* 2 FETCH (UID 2 BODYSTRUCTURE " + strings.Repeat("(", 3000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			m := inbox(pushing, 3)
			var lies atomic.Int64
			lies.Store(1)
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if strings.Contains(cmd.Args, "CHANGEDSINCE") && lies.Add(-1) >= 0 {
					c.Send("%s", lie)
					if strings.Contains(lie, "{300") {
						c.Hang()
						return true
					}
				}
				return false
			}
			pace := hasty
			pace.Recounted = 100 * time.Millisecond
			s, w, srv := watchedScript(t, m, pace)
			events := stream(t, w)
			m.Mark("INBOX", `+FLAGS (\Flagged)`, 2)
			m.Deliver("INBOX", &imapscript.Message{Text: "new"})
			receive(t, events, "mail", func(e mail.Event) bool { return inboxChanged(e) })
			// The next look that tells the truth must mend what the lie has done, at the
			// latest when the connection is made anew.
			await(t, "a look", func() bool { return lies.Load() < 1 })
			srv.DropAll()
			await(t, "the truth on the page", func() bool {
				l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
				if err != nil || rowUIDs(l) != "4 3 2 1" || l.Matches != 4 || l.Folder.Total != 4 {
					return false
				}
				return l.Rows[2].Flagged && (l.Folder.Unread == 4)
			})
			if n := srv.Sent("LOGIN"); n > 15 {
				t.Errorf("%d LOGIN", n)
			}
		})
	}
}

// TestVanishedEverything: the widest set there is costs no memory and no time.
func TestVanishedEverything(t *testing.T) {
	m := inbox(pushing, 50)
	m.Quiet = true
	s, w, srv := watchedScript(t, m, hasty)
	events := stream(t, w)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range 5 {
		m.Push("* VANISHED 1:4294967295\r\n* VANISHED 4294967295:1,7\r\n")
		await(t, "IDLE", func() bool { return m.Idling("INBOX") == 1 })
	}
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 50 || time.Since(start) > 10*time.Second {
		t.Errorf("%d MB were allocated in %v", grown, time.Since(start))
	}
	srv.DropAll() // a new connection tells how many there really are
	await(t, "all messages again", func() bool { return list(t, s).Matches == 50 })
	_ = events
}

// TestModSeqBackwards: the server was restored from a backup; its numbers begin
// again below what is known. No later change is missed.
func TestModSeqBackwards(t *testing.T) {
	m := inbox(pushing, 5)
	s, _ := signIn(t, m, imapsession.Options{})
	for i := range 20 {
		m.Mark("INBOX", []string{`+FLAGS (\Flagged)`, `-FLAGS (\Flagged)`}[i%2], 1)
	}
	list(t, s)
	m.Rewind("INBOX")
	m.Mark("INBOX", `+FLAGS (\Seen)`, 3)
	s.HangUp()
	l := list(t, s)
	if !l.Rows[2].Seen || l.Folder.Unread != 4 {
		t.Errorf("the change is missed: %+v, %d unread", l.Rows[2].Flags, l.Folder.Unread)
	}
	m.Mark("INBOX", `+FLAGS (\Seen)`, 4)
	if l = list(t, s); !l.Rows[1].Seen || l.Folder.Unread != 3 {
		t.Errorf("the next change is missed: %+v, %d unread", l.Rows[1].Flags, l.Folder.Unread)
	}
}

// TestNoModSeq: a server that has CONDSTORE, but not in this folder.
func TestNoModSeq(t *testing.T) {
	m := inbox(pushing, 5)
	m.NoModSeq = true
	s, w, srv := watchedScript(t, m, hasty)
	events := stream(t, w)
	m.Mark("INBOX", `+FLAGS (\Seen)`, 5)
	receive(t, events, "flags", inboxHas(5, 4))
	if l := list(t, s); !l.Rows[0].Seen {
		t.Errorf("flags are %+v", l.Rows[0].Flags)
	}
	m.Deliver("INBOX", &imapscript.Message{Text: "new"})
	receive(t, events, "mail", inboxHas(6, 5))
	for _, c := range srv.Commands() {
		if strings.Contains(c, "CHANGEDSINCE") || strings.Contains(c, "MODSEQ") {
			t.Errorf("sent %s", c)
		}
	}
}

// TestWatchQuiet: a server that announces nothing in IDLE (T18). After two looks
// that find what was not announced it is asked by the minute, lists ask for
// themselves, and it is believed again as soon as it announces.
func TestWatchQuiet(t *testing.T) {
	m := inbox(pushing, 3)
	m.Quiet = true
	pace := hasty
	pace.ReIdle, pace.Wary = 400*time.Millisecond, 100*time.Millisecond
	s, w, srv := watchedScript(t, m, pace)
	events := stream(t, w)
	for i := range 2 {
		if !s.Live("INBOX") {
			t.Fatalf("not believed after %d looks", i)
		}
		m.Deliver("INBOX", &imapscript.Message{Text: "not announced"})
		receive(t, events, "mail", inboxHas(uint32(4+i), uint32(4+i)))
	}
	await(t, "doubt", func() bool { return !s.Live("INBOX") })
	for i := range 3 {
		m.Deliver("INBOX", &imapscript.Message{Text: "not announced"})
		if l := list(t, s); l.Matches != 6+i {
			t.Errorf("a list has %d messages, want %d", l.Matches, 6+i)
		}
	}
	before, start := srv.Sent("IDLE"), time.Now()
	await(t, "IDLE by the minute", func() bool { return srv.Sent("IDLE") > before+3 })
	if d := time.Since(start); d > 10*pace.ReIdle {
		t.Errorf("four IDLEs took %v", d)
	}
	m.Loud()
	m.Deliver("INBOX", &imapscript.Message{Text: "announced"})
	await(t, "belief", func() bool { return s.Live("INBOX") })
}

// TestWatchOffender: a message that ends the connection when it is looked at comes
// in while the folder is watched. It is listed, the others too, and neither the
// watch nor the pages make connections for ever.
func TestWatchOffender(t *testing.T) {
	for name, poison := range map[string]func(items string) bool{
		"row":        func(items string) bool { return strings.Contains(items, "BODYSTRUCTURE") },
		"delta":      func(items string) bool { return strings.Contains(items, "CHANGEDSINCE") },
		"everything": func(items string) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			m := inbox(pushing, 20)
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				set, items, _ := strings.Cut(cmd.Args, " ")
				if cmd.Name != "UID FETCH" || !poison(items) || !inSet(strings.ReplaceAll(set, "*", "4000000000"), 21) || len(m.UIDs("INBOX")) < 21 {
					return false
				}
				c.Send("* 21 FETCH (UID 21 ENVELOPE ({300000000}\r\n")
				c.Hang()
				return true
			}
			s, _, srv := watchedScript(t, m, hasty)
			m.Deliver("INBOX", &imapscript.Message{Text: "poison"})
			m.Deliver("INBOX", &imapscript.Message{Text: "after it"})
			await(t, "a list of all", func() bool {
				l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
				return err == nil && len(l.Rows) == 22
			})
			l := list(t, s)
			for _, r := range l.Rows {
				if r.Broken != (r.UID == 21 && name != "delta") {
					t.Errorf("row %d: broken is %v", r.UID, r.Broken)
				}
			}
			await(t, "IDLE", func() bool { return m.Idling("INBOX") == 1 })
			time.Sleep(300 * time.Millisecond)
			n := srv.Sent("LOGIN")
			if list(t, s); n > 12 {
				t.Errorf("%d LOGIN", n)
			}
			time.Sleep(time.Second)
			if more := srv.Sent("LOGIN") - n; more > 1 {
				t.Errorf("%d more LOGIN in a second", more)
			}
			if msg, err := s.Message(t.Context(), ref(21)); name == "row" && (err != nil || len(msg.Texts) != 1 || msg.Texts[0].Content != "poison") {
				t.Errorf("opened: %+v, %v", msg.Texts, err)
			}
		})
	}
}

// TestQuarantineSteps: finding one offender takes at most six reads, and each is
// paid for once.
func TestQuarantineSteps(t *testing.T) {
	for _, bad := range [][]uint32{{1}, {25}, {50}, {13, 38}, {2, 3, 4, 49}} {
		m := inbox(pushing, 50)
		var reads atomic.Int64
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			set, items, _ := strings.Cut(cmd.Args, " ")
			if cmd.Name != "UID FETCH" || !strings.Contains(items, "BODYSTRUCTURE") {
				return false
			}
			reads.Add(1)
			for _, uid := range bad {
				if inSet(set, uid) {
					c.Send("* 1 FETCH (UID 1 ENVELOPE ({300000000}\r\n")
					c.Hang()
					return true
				}
			}
			return false
		}
		s, srv := signIn(t, m, imapsession.Options{})
		l := list(t, s)
		broken := 0
		for _, r := range l.Rows {
			if r.Broken {
				broken++
			}
		}
		if len(l.Rows) != 50 || broken != len(bad) {
			t.Errorf("%v: %d rows, %d broken", bad, len(l.Rows), broken)
		}
		if n := int(reads.Load()); n > 1+7*len(bad) {
			t.Errorf("%v: %d reads", bad, n)
		}
		before, logins := reads.Load(), srv.Sent("LOGIN")
		for range 3 {
			list(t, s)
		}
		if reads.Load() != before || srv.Sent("LOGIN") != logins {
			t.Errorf("%v: the offenders are not remembered", bad)
		}
	}
}
