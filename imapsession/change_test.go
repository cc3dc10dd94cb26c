package imapsession_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// TestT1MoveWithoutMOVE: a refused COPY deletes nothing, a refused STORE expunges
// nothing, and without UIDPLUS there is no EXPUNGE at all.
func TestT1MoveWithoutMOVE(t *testing.T) {
	refuse := func(name string) func(c *imapscript.Conn, cmd imapscript.Command) bool {
		return func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == name {
				c.No(cmd, "[OVERQUOTA] Mailbox is full")
				return true
			}
			return false
		}
	}
	tests := map[string]struct {
		caps, refuse, dst string
		kind              mail.Kind
		done              int
		left              string // in INBOX as a list shows it
		store, expunge    int
	}{
		"moves":                {"IMAP4rev1 UIDPLUS", "", "Trash", mail.Internal, 2, "1", 1, 1},
		"without UIDPLUS":      {"IMAP4rev1", "", "Trash", mail.Internal, 2, "1", 1, 0},
		"missing destination":  {"IMAP4rev1 UIDPLUS", "", "nowhere", mail.NoFolder, 0, "3 2 1", 0, 0},
		"missing, no UIDPLUS":  {"IMAP4rev1", "", "nowhere", mail.NoFolder, 0, "3 2 1", 0, 0},
		"COPY refused":         {"IMAP4rev1 UIDPLUS", "UID COPY", "Trash", mail.OverQuota, 0, "3 2 1", 0, 0},
		"STORE refused":        {"IMAP4rev1 UIDPLUS", "UID STORE", "Trash", mail.OverQuota, 0, "3 2 1", 1, 0},
		"MOVE refused":         {modern, "UID MOVE", "Trash", mail.OverQuota, 0, "3 2 1", 0, 0},
		"MOVE, but no UIDPLUS": {"IMAP4rev1 MOVE", "", "Trash", mail.Internal, 2, "1", 0, 0},
		"MOVE, nowhere":        {modern, "", "nowhere", mail.NoFolder, 0, "3 2 1", 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := inbox(test.caps, 3)
			m.Hook = refuse(test.refuse)
			s, srv := signIn(t, m, imapsession.Options{})
			res, err := s.Move(t.Context(), []mail.Ref{ref(2), ref(3)}, test.dst)
			if mail.KindOf(err) != test.kind || test.kind == mail.Internal && err != nil || len(res.Done) != test.done {
				t.Errorf("move: %+v, %v", res, err)
			}
			if got := rowUIDs(list(t, s)); got != test.left {
				t.Errorf("left are %q, want %q", got, test.left)
			}
			if srv.Sent("UID STORE") != test.store || srv.Sent("UID EXPUNGE") != test.expunge || srv.Sent("EXPUNGE") != 0 {
				t.Errorf("commands: %q", srv.Commands())
			}
			if !strings.Contains(test.caps, "UIDPLUS") && len(res.Moved) != 0 {
				t.Errorf("moved to %v although the server did not say", res.Moved)
			}
		})
	}
}

// TestDeleteWithoutUIDPLUS marks and hides.
func TestDeleteWithoutUIDPLUS(t *testing.T) {
	s, srv := signIn(t, inbox("IMAP4rev1", 3), imapsession.Options{})
	list(t, s)
	res, err := s.Delete(t.Context(), []mail.Ref{ref(2), ref(9)})
	if err != nil || uids(res.Done) != "2" || uids(res.Gone) != "9" {
		t.Errorf("delete: %+v, %v", res, err)
	}
	if l := list(t, s); rowUIDs(l) != "3 1" || l.Matches != 2 {
		t.Errorf("list shows %s of %d", rowUIDs(l), l.Matches)
	}
	if srv.Sent("UID EXPUNGE")+srv.Sent("EXPUNGE") != 0 {
		t.Errorf("commands: %q", srv.Commands())
	}
}

// TestFlagNotKept: an OK for a keyword that the server then does not have.
func TestFlagNotKept(t *testing.T) {
	m := inbox(modern, 2)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID STORE" {
			c.OK(cmd, "whatever")
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	res, err := s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{"$Junk"}, nil)
	wantKind(t, err, mail.Unsupported)
	if len(res.Done)+len(res.Gone) != 0 {
		t.Errorf("result is %+v", res)
	}
}

// TestT20Nothing: MOVE says OK and has moved nothing, or not everything.
func TestT20Nothing(t *testing.T) {
	m := inbox(modern, 3)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID MOVE" {
			c.Send("* OK [COPYUID 1 2 1] moved\r\n")
			c.OK(cmd, "done")
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	res, err := s.Move(t.Context(), []mail.Ref{ref(1), ref(2), ref(9)}, "Trash")
	if mail.KindOf(err) != mail.Refused || uids(res.Done) != "2" || uids(res.Gone) != "9" || uids(res.Moved) != "1" {
		t.Errorf("move: %+v, %v", res, err)
	}
}

// TestDroppedChange: the connection breaks after a change was sent. The Result
// is the truth, or the kind is Unknown; never a second move or copy on luck.
func TestDroppedChange(t *testing.T) {
	run := func(caps, command string, applied bool) (*imapsession.Session, *imapscript.Server) {
		m := inbox(caps, 3)
		drop := onlyOnce(command, func(c *imapscript.Conn, cmd imapscript.Command) bool {
			// Applied: the answer is lost, the work is done.
			c.Conn.Close()
			return !applied
		})
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if c.Number > 1 && cmd.Name == "LOGIN" {
				time.Sleep(100 * time.Millisecond) // until the first connection's work is done
			}
			return drop(c, cmd)
		}
		return signIn(t, m, imapsession.Options{})
	}
	two := []mail.Ref{ref(1), ref(2)}
	for _, applied := range []bool{false, true} {
		s, _ := run(modern, "UID STORE", applied)
		if res, err := s.SetFlags(t.Context(), two, []string{`\Seen`}, nil); err != nil || len(res.Done) != 2 {
			t.Errorf("flags, applied %v: %+v, %v", applied, res, err)
		}
		s, srv := run(modern, "UID MOVE", applied)
		res, err := s.Move(t.Context(), two, "Trash")
		if applied && (err != nil || len(res.Done) != 2 || len(res.Moved) != 0) || !applied && (mail.KindOf(err) != mail.Dropped || len(res.Done) != 0) {
			t.Errorf("move, applied %v: %+v, %v", applied, res, err)
		}
		if n := srv.Sent("UID MOVE"); n != 1 {
			t.Errorf("move, applied %v: %d MOVE", applied, n)
		}
		s, srv = run("IMAP4rev1 UIDPLUS", "UID COPY", applied)
		res, err = s.Move(t.Context(), two, "Trash")
		if mail.KindOf(err) != mail.Unknown || len(res.Done) != 0 || srv.Sent("UID COPY") != 1 || srv.Sent("UID STORE") != 0 {
			t.Errorf("move by copy, applied %v: %+v, %v", applied, res, err)
		}
		s, srv = run(modern, "UID COPY", applied)
		if res, err = s.Copy(t.Context(), two, "Trash"); mail.KindOf(err) != mail.Unknown || srv.Sent("UID COPY") != 1 {
			t.Errorf("copy, applied %v: %+v, %v", applied, res, err)
		}
		s, _ = run(modern, "UID EXPUNGE", applied)
		if res, err = s.Delete(t.Context(), two); err != nil || len(res.Done) != 2 {
			t.Errorf("delete, applied %v: %+v, %v", applied, res, err)
		}
	}
	m := inbox(modern, 3)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID STORE" || c.Number > 1 {
			c.Drop()
			return true
		}
		return false
	}
	s, _ := signIn(t, m, imapsession.Options{})
	_, err := s.SetFlags(t.Context(), two, []string{`\Seen`}, nil)
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a server that is gone: %v", err)
	}
	wantKind(t, err, mail.Unknown)
}

// TestStaleSendsNothing: after UIDVALIDITY has changed, no command with an old
// UID reaches the server.
func TestStaleSendsNothing(t *testing.T) {
	m := inbox(modern, 3)
	m.Validity = 7
	s, srv := signIn(t, m, imapsession.Options{})
	old := []mail.Ref{ref(1)} // validity 1
	_, err := s.Message(t.Context(), old[0])
	wantKind(t, err, mail.Stale)
	_, err = s.SetFlags(t.Context(), old, []string{`\Deleted`}, nil)
	wantKind(t, err, mail.Stale)
	_, err = s.Move(t.Context(), old, "Trash")
	wantKind(t, err, mail.Stale)
	_, err = s.Delete(t.Context(), old)
	wantKind(t, err, mail.Stale)
	_, err = s.Source(t.Context(), old[0])
	wantKind(t, err, mail.Stale)
	for _, c := range srv.Commands() {
		if strings.HasPrefix(c, "UID") {
			t.Errorf("sent %s", c)
		}
	}
}
