package mailtest

import (
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2"

	"oriel/demo"
	"oriel/imapsession"
	"oriel/internal/courier"
	"oriel/internal/cyrus"
	"oriel/internal/dovecot"
)

// Embedded returns an account on the server that the demo runs on.
func Embedded(t testing.TB) Account {
	t.Helper()
	s, err := demo.StartBare(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return plain(t, s.IMAPAddr, Account{User: demo.User, Password: demo.Password})
}

// Dovecot returns an account on a Dovecot of its own.
func Dovecot(t testing.TB) Account {
	t.Helper()
	s := dovecot.Start(t)
	s.AddUser("ann", "secret")
	return Account{
		Server: imapsession.Server{Host: s.Host, Port: s.IMAPSPort, Mode: imapsession.TLS, Roots: s.Roots, Name: s.Name},
		User:   "ann", Password: "secret",
		Deliver: func(t testing.TB, folder string, messages ...Message) {
			t.Helper()
			s.Fill("ann", folder, len(messages), func(i int) dovecot.Message {
				return dovecot.Message{Raw: []byte(messages[i].Raw), Flags: letters(messages[i].Flags), Date: messages[i].Date}
			})
		},
	}
}

// letters writes flags as the name of a Maildir file has them.
func letters(flags []imap.Flag) string {
	text := ""
	for _, f := range []struct {
		flag   imap.Flag
		letter string
	}{{imap.FlagDraft, "D"}, {imap.FlagFlagged, "F"}, {imap.FlagAnswered, "R"}, {imap.FlagSeen, "S"}, {imap.FlagDeleted, "T"}} {
		for _, have := range flags {
			if have == f.flag {
				text += f.letter
			}
		}
	}
	return text
}

// Cyrus starts one Cyrus imapd and returns how to make an account on it.
func Cyrus(t testing.TB) func(testing.TB) Account {
	t.Helper()
	return onCyrus(cyrus.Start(t), "", "")
}

// CyrusBelow is Cyrus with all folders below INBOX and dots between the levels, as
// Debian configures it.
func CyrusBelow(t testing.TB) func(testing.TB) Account {
	t.Helper()
	return onCyrus(cyrus.StartBelow(t), "INBOX.", ".")
}

func onCyrus(s *cyrus.Server, prefix, delimiter string) func(testing.TB) Account {
	var users atomic.Int64
	return func(t testing.TB) Account {
		t.Helper()
		user := fmt.Sprintf("user%d", users.Add(1))
		s.AddUser(user, "secret")
		return plain(t, s.Address(), Account{User: user, Password: "secret", Prefix: prefix, Delimiter: delimiter,
			Refuses: []string{`we"ird`, `we"ird\name`, "100%25", "back'tick`"},
			Fill:    func(testing.TB) { s.SetQuota(user, 4) }})
	}
}

// Courier starts one Courier-IMAP and returns how to make an account on it.
func Courier(t testing.TB) func(testing.TB) Account {
	t.Helper()
	// As it has no FAM, it looks for news at intervals: of a minute if nothing is said.
	s := courier.Start(t, "IMAP_IDLE_TIMEOUT=1")
	var users atomic.Int64
	return func(t testing.TB) Account {
		t.Helper()
		user := fmt.Sprintf("user%d", users.Add(1))
		s.AddUser(user, "secret")
		return plain(t, s.Address(), Account{User: user, Password: "secret", Prefix: "INBOX.", Delimiter: ".", Refuses: []string{"emoji 🎉"},
			Fill: func(testing.TB) { s.SetQuota(user, 4096) }})
	}
}

// plain completes an account on a server without TLS: Oriel speaks with it
// through a recorder, the deliveries go past it.
func plain(t testing.TB, address string, a Account) Account {
	t.Helper()
	a.direct, a.Wire = address, record(t, address)
	host, port, err := net.SplitHostPort(a.Wire.address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	a.Server = imapsession.Server{Host: host, Port: n, Mode: imapsession.Plain}
	a.Deliver = func(t testing.TB, folder string, messages ...Message) {
		t.Helper()
		c := a.Client(t)
		defer c.Close()
		appendAll(t, c, folder, messages)
	}
	return a
}
