package cyrus

import (
	"net"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func dial(t *testing.T, s *Server) *imapclient.Client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestServer(t *testing.T) {
	s := Start(t)
	s.AddUser("ann", "secret")
	s.AddUser("bob", "other")
	for _, wrong := range [][2]string{{"ann", "other"}, {"ann", ""}, {"nobody", "secret"}} {
		if err := dial(t, s).Login(wrong[0], wrong[1]).Wait(); err == nil {
			t.Fatalf("%q signs in with the password %q", wrong[0], wrong[1])
		}
	}
	c := dial(t, s)
	if err := c.Login("ann", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	if box, err := c.Select("INBOX", nil).Wait(); err != nil || box.NumMessages != 0 {
		t.Fatalf("INBOX is %+v, %v", box, err)
	}
	if err := c.Create("Work/Plans", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	list, err := c.List("", "*", nil).Collect()
	if err != nil || !slices.ContainsFunc(list, func(d *imap.ListData) bool { return d.Mailbox == "Work/Plans" && d.Delim == '/' }) {
		t.Fatalf("folders are %+v, %v", list, err)
	}
	s.AddUser("ann", "changed")
	if err := dial(t, s).Login("ann", "secret").Wait(); err == nil {
		t.Fatal("the old password still works")
	}
	if err := dial(t, s).Login("ann", "changed").Wait(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := c.Noop().Wait(); err == nil {
		t.Fatal("a killed server answers")
	}
	if conn, err := net.Dial("tcp", s.Address()); err == nil {
		conn.Close()
		t.Fatal("a killed server accepts")
	}
}
