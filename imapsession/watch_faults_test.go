package imapsession_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// pushing is a server that tells what happens, as Dovecot and Cyrus do; plainPush
// tells it without numbers.
const (
	pushing   = modern + " IDLE ENABLE CONDSTORE QRESYNC"
	plainPush = modern + " IDLE"
)

// hasty is a watch that waits for nothing long.
var hasty = imapsession.Pace{Calm: 20 * time.Millisecond, Done: 500 * time.Millisecond,
	Backoff: []time.Duration{50 * time.Millisecond, 200 * time.Millisecond}}

// watchedScript signs in to a scripted server, lists the inbox and watches it. It
// returns when the server has it in IDLE.
func watchedScript(t *testing.T, m *imapscript.Mailbox, pace imapsession.Pace) (*imapsession.Session, *imapsession.Watch, *imapscript.Server) {
	t.Helper()
	s, w, srv := beginWatch(t, m, pace)
	await(t, "IDLE", func() bool { return m.Idling("INBOX") == 1 && s.Live("INBOX") })
	return s, w, srv
}

// beginWatch is watchedScript for servers that never come to an IDLE.
func beginWatch(t *testing.T, m *imapscript.Mailbox, pace imapsession.Pace) (*imapsession.Session, *imapsession.Watch, *imapscript.Server) {
	t.Helper()
	srv := imapscript.Start(t, m.Serve)
	p := pool(t, srv, imapsession.Options{Limits: impatient})
	p.SetPace(pace)
	s, err := p.SignIn(t.Context(), "owner", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	list(t, s)
	w := s.Watch()
	t.Cleanup(w.Close)
	return s, w, srv
}

// await waits for a condition with more patience than any machine needs.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for range 2000 {
		if met() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// never reports an event of the given kind that is there, or comes within a moment.
func never(t *testing.T, events <-chan mail.Event, kind mail.EventKind) {
	t.Helper()
	timer := time.NewTimer(200 * time.Millisecond)
	defer timer.Stop()
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				t.Errorf("event %+v", e)
			}
		case <-timer.C:
			return
		}
	}
}

// stream gives a Watch's events as a channel.
func stream(t *testing.T, w *imapsession.Watch) <-chan mail.Event {
	events, ctx := make(chan mail.Event, 1000), t.Context()
	go func() {
		for {
			e, err := w.Next(ctx)
			if err != nil {
				return
			}
			events <- e
		}
	}()
	return events
}

// receive takes events until one fits.
func receive(t *testing.T, events <-chan mail.Event, what string, fits func(mail.Event) bool) (seen []mail.Event) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-events:
			if seen = append(seen, e); fits(e) {
				return seen
			}
		case <-deadline:
			t.Fatalf("no event: %s; there were %+v", what, seen)
		}
	}
}

func ofKind(kind mail.EventKind) func(mail.Event) bool {
	return func(e mail.Event) bool { return e.Kind == kind }
}

// inboxHas fits the event that tells so many messages and unread ones.
func inboxHas(total, unread uint32) func(mail.Event) bool {
	return func(e mail.Event) bool {
		return inboxChanged(e) && e.Folder.Total == total && e.Folder.Counted && e.Folder.Unread == unread
	}
}

// TestWatchScripted: the scripted server is watched as a real one is, with and
// without numbers; lists in between ask the server nothing.
func TestWatchScripted(t *testing.T) {
	for _, caps := range []string{pushing, plainPush, modern + " IDLE CONDSTORE"} {
		m := inbox(caps, 6)
		s, w, srv := watchedScript(t, m, hasty)
		events := stream(t, w)
		m.Mark("INBOX", `+FLAGS (\Seen)`, 6, 5)
		receive(t, events, "flags", inboxHas(6, 4))
		m.Deliver("INBOX", &imapscript.Message{Text: "new"}, &imapscript.Message{Text: "newer"})
		receive(t, events, "mail", inboxHas(8, 6))
		m.Expunge("INBOX", 1, 3)
		receive(t, events, "expunge", inboxHas(6, 4))
		await(t, "IDLE again", func() bool { return m.Idling("INBOX") == 1 })
		var l mail.List
		await(t, "a list that asks nothing", func() bool { // the flags and previews are asked for once
			before := len(srv.Commands())
			l = list(t, s)
			return len(srv.Commands()) == before
		})
		if rowUIDs(l) != "8 7 6 5 4 2" || !l.Rows[2].Seen || l.Rows[0].Seen || l.Folder.Unread != 4 || l.Matches != 6 {
			t.Errorf("%s: rows %s, %+v", caps, rowUIDs(l), l.Folder)
		}
	}
}

// TestWatchAtOnce: an arrival and an expunge in one announcement.
func TestWatchAtOnce(t *testing.T) {
	for _, caps := range []string{pushing, plainPush} {
		m := inbox(caps, 5)
		m.Quiet = true // told by hand
		s, w, _ := watchedScript(t, m, hasty)
		events := stream(t, w)
		m.Expunge("INBOX", 2)
		m.Deliver("INBOX", &imapscript.Message{Text: "new"})
		m.Push("* OK still here\r\n")
		// The number of messages is the same as before.
		if caps == pushing {
			m.Push("* VANISHED 2\r\n* 5 EXISTS\r\n")
		} else {
			m.Push("* 2 EXPUNGE\r\n* 5 EXISTS\r\n")
		}
		receive(t, events, "both", func(e mail.Event) bool { return inboxChanged(e) && e.Arrived == 1 })
		if l := list(t, s); rowUIDs(l) != "6 5 4 3 1" || l.Matches != 5 {
			t.Errorf("rows are %s of %d", rowUIDs(l), l.Matches)
		}
	}
}

// TestWatchLateNews: a change that is announced at the very end of the look at
// the changes before is not taken for told.
func TestWatchLateNews(t *testing.T) {
	for _, caps := range []string{pushing, plainPush} {
		for _, command := range []string{"UID FETCH", "UID SEARCH", "NOOP"} {
			m := inbox(caps, 5)
			late := make(chan bool, 1)
			m.Late = func(cmd imapscript.Command) {
				if cmd.Name == command {
					select {
					case <-late:
						m.Mark("INBOX", `+FLAGS (\Flagged \Seen)`, 4)
						m.Deliver("INBOX", &imapscript.Message{Text: "late"})
					default:
					}
				}
			}
			s, w, _ := watchedScript(t, m, hasty)
			events := stream(t, w)
			late <- true
			m.Mark("INBOX", `+FLAGS (\Flagged)`, 1)
			if command == "NOOP" || caps == plainPush && command == "UID FETCH" {
				m.Expunge("INBOX", 2) // makes a look that has such a command
				m.Deliver("INBOX", &imapscript.Message{Text: "one"})
			}
			await(t, "the late change, after "+command+" on "+caps, func() bool {
				l := list(t, s)
				if len(late) > 0 { // the look had no such command
					return true
				}
				i := slices.IndexFunc(l.Rows, func(r mail.Summary) bool { return r.UID == 4 })
				return i >= 0 && l.Rows[i].Flagged && l.Rows[i].Seen && int(l.Folder.Total) == len(m.UIDs("INBOX"))
			})
			_ = events
		}
	}
}

// TestWatchDropped: the connection of the watch breaks, for whatever reason. It is
// made again at once, without a word to the pages, and what came meanwhile is told.
func TestWatchDropped(t *testing.T) {
	for name, end := range map[string]func(m *imapscript.Mailbox, srv *imapscript.Server){
		"drop": func(m *imapscript.Mailbox, srv *imapscript.Server) { srv.DropAll() },
		"bye":  func(m *imapscript.Mailbox, srv *imapscript.Server) { m.Bye("Server shutting down.") },
		"half": func(m *imapscript.Mailbox, srv *imapscript.Server) { m.Push("* 7 EXI"); srv.DropAll() },
		"junk": func(m *imapscript.Mailbox, srv *imapscript.Server) { m.Push(strings.Repeat("(", 2<<20) + "\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			m := inbox(pushing, 3)
			m.Quiet = true
			s, w, srv := watchedScript(t, m, hasty)
			events := stream(t, w)
			m.Deliver("INBOX", &imapscript.Message{Text: "meanwhile"})
			end(m, srv)
			for _, e := range receive(t, events, "mail", inboxHas(4, 4)) {
				if e.Kind == mail.Lost || e.Kind == mail.Back {
					t.Errorf("told: %+v", e)
				}
			}
			never(t, events, mail.Lost)
			if l := list(t, s); rowUIDs(l) != "4 3 2 1" {
				t.Errorf("rows are %s", rowUIDs(l))
			}
			if n := srv.Sent("LOGIN"); n > 4 {
				t.Errorf("%d LOGIN", n)
			}
		})
	}
}

// TestWatchLost: when the second attempt fails too the pages hear of it, once, with
// the server's words, and again when it is back; the attempts slow down.
func TestWatchLost(t *testing.T) {
	m := inbox(pushing, 3)
	down := make(chan bool, 1)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "LOGIN" || len(down) == 0 {
			return false
		}
		c.No(cmd, "[UNAVAILABLE] The mail store is being moved")
		return true
	}
	s, w, srv := watchedScript(t, m, imapsession.Pace{Calm: 20 * time.Millisecond, Backoff: []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, time.Hour}})
	events := stream(t, w)
	down <- true
	srv.DropAll()
	lost := receive(t, events, "lost", ofKind(mail.Lost))
	if reason := lost[len(lost)-1].Reason; reason != "The mail store is being moved" {
		t.Errorf("the reason is %q", reason)
	}
	_, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
	wantKind(t, err, mail.Unreachable)
	late := s.Watch() // a page that is opened now hears of it too
	defer late.Close()
	receive(t, stream(t, late), "lost, for the new page", ofKind(mail.Lost))
	await(t, "three attempts", func() bool { return srv.Sent("LOGIN") >= 6 })
	n := srv.Sent("LOGIN")
	time.Sleep(700 * time.Millisecond)
	if more := srv.Sent("LOGIN") - n; more > 2 {
		t.Errorf("%d attempts in 0.7 s after %d", more, n)
	}
	never(t, events, mail.Lost)
	m.Deliver("INBOX", &imapscript.Message{Text: "meanwhile"})
	<-down
	// The next attempt is an hour away: a page that gets through calls for one now.
	if l := list(t, s); l.Matches != 4 {
		t.Errorf("%d messages", l.Matches)
	}
	receive(t, events, "back", ofKind(mail.Back))
	await(t, "live again", func() bool { return s.Live("INBOX") })
}

// TestWatchBlackHole: the server no longer answers DONE. The watch gives it up after
// its limit, and pages are not held up by that.
func TestWatchBlackHole(t *testing.T) {
	m := inbox(pushing, 3)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "IDLE" || c.Number > 2 {
			return false
		}
		c.Send("+ idling\r\n* 1 FETCH (FLAGS (\\Seen))\r\n")
		c.Hang()
		return true
	}
	s, w, srv := beginWatch(t, m, hasty)
	events := stream(t, w)
	await(t, "another connection", func() bool { return m.Idling("INBOX") == 1 })
	start := time.Now()
	list(t, s)
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("a list took %v", d)
	}
	never(t, events, mail.Lost)
	if n := srv.Accepted(); n > 4 {
		t.Errorf("%d connections", n)
	}
}

// TestWatchHammered: a server that ends every IDLE at once is not asked again and
// again without a pause.
func TestWatchHammered(t *testing.T) {
	for name, end := range map[string]func(c *imapscript.Conn, cmd imapscript.Command){
		"drop": func(c *imapscript.Conn, cmd imapscript.Command) { c.Drop() },
		"late": func(c *imapscript.Conn, cmd imapscript.Command) { c.Send("+ idling\r\n"); c.Drop() },
		"NO":   func(c *imapscript.Conn, cmd imapscript.Command) { c.No(cmd, "not now") },
		"BAD":  func(c *imapscript.Conn, cmd imapscript.Command) { c.Bad(cmd, "what?") },
		"ends": func(c *imapscript.Conn, cmd imapscript.Command) { c.Send("+ idling\r\n"); c.OK(cmd, "enough") },
	} {
		t.Run(name, func(t *testing.T) {
			m := inbox(pushing, 3)
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name != "IDLE" {
					return false
				}
				end(c, cmd)
				return true
			}
			s, _, srv := beginWatch(t, m, imapsession.Pace{Calm: 20 * time.Millisecond, Recounted: 300 * time.Millisecond,
				Backoff: []time.Duration{100 * time.Millisecond, time.Second}})
			await(t, "IDLE", func() bool { return srv.Sent("IDLE") > 0 })
			time.Sleep(time.Second)
			if n := srv.Sent("LOGIN"); n > 8 {
				t.Errorf("%d LOGIN in a second", n)
			}
			if n := srv.Sent("IDLE"); n > 8 {
				t.Errorf("%d IDLE in a second", n)
			}
			// Whatever the watch does, the pages show what is true.
			m.Deliver("INBOX", &imapscript.Message{Text: "new"})
			await(t, "the new message", func() bool { return list(t, s).Matches == 4 })
		})
	}
}

// TestWatchPasswordChanged: the server takes the password no longer. It is offered
// once, whoever asks, and the pages hear that they have to sign in.
func TestWatchPasswordChanged(t *testing.T) {
	m := inbox(pushing, 3)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "LOGIN" {
			time.Sleep(100 * time.Millisecond) // as servers do with a wrong one
		}
		return false
	}
	s, w, srv := watchedScript(t, m, hasty)
	events := stream(t, w)
	logins := srv.Sent("LOGIN")
	m.SetPassword(`"another"`)
	asked := make(chan error, 8)
	srv.DropAll()
	await(t, "a sign-in", func() bool { return srv.Sent("LOGIN") > logins })
	for range cap(asked) {
		go func() {
			_, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX", Filter: mail.Flagged})
			asked <- err
		}()
	}
	receive(t, events, "expired", ofKind(mail.Expired))
	for range cap(asked) {
		wantKind(t, <-asked, mail.Denied)
	}
	late := s.Watch()
	defer late.Close()
	receive(t, stream(t, late), "expired, for a new page", ofKind(mail.Expired))
	_, err := s.Folders(t.Context(), true)
	wantKind(t, err, mail.Denied)
	time.Sleep(300 * time.Millisecond)
	if n := srv.Sent("LOGIN") - logins; n != 1 {
		t.Errorf("%d LOGIN with the old password", n)
	}
}

// TestWatchDeniedElsewhere: the password is refused on a new connection while that
// of the watch lives on.
func TestWatchDeniedElsewhere(t *testing.T) {
	m := inbox(pushing, 3)
	m.Folders["Work"] = letters(2)
	s, w, srv := watchedScript(t, m, hasty)
	events := stream(t, w)
	m.SetPassword(`"another"`)
	logins := srv.Sent("LOGIN")
	var err error
	for range 3 {
		hold := make(chan bool)
		part, perr := s.Source(t.Context(), ref(1)) // holds a connection
		go func() { _, err = s.List(t.Context(), mail.ListQuery{Folder: "Work"}); close(hold) }()
		<-hold
		if perr == nil {
			part.Close()
		}
	}
	wantKind(t, err, mail.Denied)
	receive(t, events, "expired", ofKind(mail.Expired))
	if n := srv.Sent("LOGIN") - logins; n != 1 {
		t.Errorf("%d LOGIN", n)
	}
}

// TestWatchEnds: the last page goes, and after a while so does the connection; the
// Session sleeps, and wakes.
func TestWatchEnds(t *testing.T) {
	m := inbox(pushing, 3)
	pace := hasty
	pace.Linger, pace.Recounted = 100*time.Millisecond, 50*time.Millisecond
	s, w, _ := watchedScript(t, m, pace)
	two := s.Watch()
	w.Close()
	time.Sleep(300 * time.Millisecond)
	if !s.Watching() {
		t.Error("the watch ends while a page is open")
	}
	two.Close()
	two.Close()
	await(t, "the end of the watch", func() bool { return !s.Watching() && m.Idling("") == 0 })
	if s.Live("INBOX") {
		t.Error("nobody watches, and the list is taken for true")
	}
	m.Deliver("INBOX", &imapscript.Message{Text: "unseen"})
	s.FallAsleep()
	m.Deliver("INBOX", &imapscript.Message{Text: "asleep"})
	if l := list(t, s); rowUIDs(l) != "5 4 3 2 1" {
		t.Errorf("after the sleep: %s", rowUIDs(l))
	}
	three := s.Watch()
	defer three.Close()
	await(t, "a new watch", func() bool { return m.Idling("INBOX") == 1 })
	events := stream(t, three)
	m.Deliver("INBOX", &imapscript.Message{Text: "awake"})
	receive(t, events, "mail", inboxHas(6, 6))
}

// TestWatchCrowded: a server that takes one connection only. The pages have it, and
// the watch looks now and then.
func TestWatchCrowded(t *testing.T) {
	for _, first := range []bool{false, true} { // the watch comes to the only connection first
		m := inbox(pushing, 3)
		m.Folders["Work"] = letters(2)
		var srv *imapscript.Server
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "LOGIN" && srv.Open() > 1 {
				c.No(cmd, "[LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)")
				return true
			}
			return false
		}
		srv = imapscript.Start(t, m.Serve)
		p := pool(t, srv, imapsession.Options{Limits: impatient})
		p.SetPace(imapsession.Pace{Calm: 20 * time.Millisecond, Wary: 200 * time.Millisecond})
		s, err := p.SignIn(t.Context(), "owner", "user", "secret")
		if err != nil {
			t.Fatal(err)
		}
		if first {
			s.FallAsleep()
			await(t, "sleep", func() bool { return srv.Open() == 0 })
		}
		w := s.Watch()
		events := stream(t, w)
		if first {
			await(t, "IDLE", func() bool { return m.Idling("") == 1 })
		}
		for i := range 20 {
			folder := []string{"INBOX", "Work"}[i%2]
			start := time.Now()
			l, err := s.List(t.Context(), mail.ListQuery{Folder: folder})
			if err != nil || len(l.Rows) != 3-i%2 || time.Since(start) > 3*time.Second {
				t.Fatalf("list %d after %v: %d rows, %v", i, time.Since(start), len(l.Rows), err)
			}
		}
		list(t, s)
		m.Deliver("INBOX", &imapscript.Message{Text: "new"})
		receive(t, events, "a look now and then", inboxHas(4, 4))
		if n := srv.Sent("LOGIN"); n > 6 {
			t.Errorf("%d LOGIN", n)
		}
		w.Close()
	}
}

// TestWatchStorm: ten thousand changes make few looks, and none is missed.
func TestWatchStorm(t *testing.T) {
	const n = 1000
	m := inbox(pushing, n)
	pace := hasty
	pace.Calm = 100 * time.Millisecond
	s, w, srv := watchedScript(t, m, pace)
	events := stream(t, w)
	looks := func() (count int) {
		for _, c := range srv.Commands() {
			if strings.Contains(c, "CHANGEDSINCE") {
				count++
			}
		}
		return count
	}
	before, start := looks(), time.Now()
	for i := range 10 * n {
		what := `+FLAGS (\Seen)`
		if i/n%2 == 1 {
			what = `-FLAGS (\Seen)`
		}
		m.Mark("INBOX", what, uint32(i%n+1))
	}
	m.Mark("INBOX", `+FLAGS (\Flagged \Seen)`, n)
	took := time.Since(start)
	receive(t, events, "the end of the storm", inboxHas(n, n-1))
	if d, most := looks()-before, int(took/pace.Calm)+4; d > most {
		t.Errorf("%d looks in %v, want %d at most", d, took, most)
	}
	if l := list(t, s); !l.Rows[0].Flagged || !l.Rows[0].Seen || l.Rows[1].Seen || l.Folder.Unread != n-1 {
		t.Errorf("after the storm: %+v, %d unread", l.Rows[0].Flags, l.Folder.Unread)
	}
	if msg := fmt.Sprint(len(events)); len(events) > 20 {
		t.Errorf("%s events wait for the page", msg)
	}
}
