package dovecot

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func signIn(t *testing.T, s *Server, user, password string) *imapclient.Client {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort(s.Host, fmt.Sprint(s.IMAPSPort)), &tls.Config{RootCAs: s.Roots})
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	t.Cleanup(func() { c.Close() })
	if err := c.Login(user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServer(t *testing.T) {
	s := Start(t)
	s.AddUser("ann", "secret")
	when := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	raw := []byte("Subject: one\r\n\r\nbody\r\n")
	s.Deliver("ann", "INBOX", Message{Raw: raw, Flags: "FS", Date: when}, Message{Raw: bytes.Replace(raw, []byte("one"), []byte("two"), 1)})
	s.Deliver("ann", "Été/日本", Message{Raw: raw})

	c := signIn(t, s, "ann", "secret")
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil || box.NumMessages != 2 {
		t.Fatalf("INBOX has %+v, %v", box, err)
	}
	got, err := c.Fetch(imap.UIDSetNum(1, 2), &imap.FetchOptions{Envelope: true, InternalDate: true, Flags: true}).Collect()
	if err != nil || len(got) != 2 || got[0].Envelope.Subject != "one" || !got[0].InternalDate.Equal(when) || !slices.Contains(got[0].Flags, imap.FlagFlagged) {
		t.Fatalf("messages are %+v, %v", got, err)
	}
	if box, err = c.Select("Été/日本", nil).Wait(); err != nil || box.NumMessages != 1 {
		t.Fatalf("nested folder: %+v, %v", box, err)
	}

	s.AddUser("ann", "other")
	s.Restart()
	c = signIn(t, s, "ann", "other")
	if box, err = c.Select("INBOX", nil).Wait(); err != nil || box.NumMessages != 2 {
		t.Fatalf("after a restart INBOX has %+v, %v", box, err)
	}
	s.Kill()
	if err := c.Noop().Wait(); err == nil {
		t.Fatal("a killed server answers")
	}
	if conn, err := net.Dial("tcp", net.JoinHostPort(s.Host, fmt.Sprint(s.IMAPPort))); err == nil {
		conn.Close()
		t.Fatal("a killed server accepts")
	}
}

func TestExtraConfiguration(t *testing.T) {
	s := Start(t, "namespace inbox {\n  prefix = INBOX.\n  separator = .\n}")
	s.AddUser("ann", "secret")
	ns, err := signIn(t, s, "ann", "secret").Namespace().Wait()
	if err != nil || len(ns.Personal) != 1 || !strings.HasPrefix(ns.Personal[0].Prefix, "INBOX.") {
		t.Fatalf("namespace is %+v, %v", ns, err)
	}
}
