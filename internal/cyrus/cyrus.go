// Package cyrus starts a private Cyrus imapd for tests: own configuration, own
// state, a loopback port that nobody else uses, users made on demand.
//
// The Debian packages cyrus-imapd and cyrus-common conflict with Dovecot's, so
// that they are never installed: scripts/install-test-deps unpacks them (see
// package unpacked). Nothing of what is compiled into them matters, because the
// configuration names every path. They run as root, where the server becomes
// nobody, and as an ordinary user.
//
// Passwords are really checked: Cyrus asks the daemon of the SASL library for
// each LOGIN, over a Unix socket, and this package is that daemon. The dialogue
// is plain IMAP.
//
// It is test support. Nothing in the program imports it.
package cyrus

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oriel/internal/unpacked"
)

// Server is a running Cyrus imapd.
type Server struct {
	*unpacked.Server

	tb        testing.TB
	mu        sync.Mutex
	passwords map[string]string
	below     bool
}

// admin is the user who may make other people's mailboxes.
const admin, adminPassword = "cyrusadmin", "of all"

// Start runs a Cyrus imapd until the test ends. The names of its folders have no
// prefix and slashes between the levels, as its authors configure it. Without the
// unpacked packages the test is skipped, or fails where the whole suite is meant
// to run.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, false)
}

// StartBelow is Start with all folders below INBOX and dots between the levels,
// as Debian configures it.
func StartBelow(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, true)
}

func start(tb testing.TB, below bool) *Server {
	tb.Helper()
	const bin = "usr/lib/cyrus/bin/"
	u := unpacked.New(tb, "cyrus", bin+"master", bin+"imapd", bin+"idled", bin+"ctl_cyrusdb")
	s := &Server{Server: u, tb: tb, passwords: map[string]string{admin: adminPassword}, below: below}
	for _, d := range []string{"conf", "conf/db", "conf/socket", "conf/proc", "conf/lock", "conf/log", "conf/msg", "conf/ptclient", "mail"} {
		s.Mkdir(d)
	}
	s.answerPasswords()
	s.Write("imapd.conf", fmt.Sprintf(`configdirectory: %[1]s/conf
defaultpartition: default
partition-default: %[1]s/mail
proc_path: %[1]s/conf/proc
mboxname_lockpath: %[1]s/conf/lock
cyrus_user: %[2]s
admins: %[3]s
allowplaintext: yes
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: %[1]s/auth/mux
sasl_mech_list: PLAIN
altnamespace: %[4]t
unixhierarchysep: %[4]t
virtdomains: off
failedloginpause: 0
`, s.Dir, s.Owner.Name, admin, !below))
	s.Run(func(port int) *exec.Cmd {
		s.Write("cyrus.conf", fmt.Sprintf(`START {
  recover cmd="%[1]s/bin/ctl_cyrusdb -C %[1]s/imapd.conf -r"
}
SERVICES {
  imap cmd="%[1]s/bin/imapd -C %[1]s/imapd.conf" listen="%[2]s:%[3]d" prefork=1 maxchild=300
}
DAEMON {
  idled cmd="%[1]s/bin/idled -C %[1]s/imapd.conf"
}
EVENTS {
}
`, s.Dir, unpacked.Host, port))
		return exec.Command(s.Program("master"), "-C", filepath.Join(s.Dir, "imapd.conf"), "-M", filepath.Join(s.Dir, "cyrus.conf"),
			"-p", filepath.Join(s.Dir, "conf", "pid"))
	})
	return s
}

// AddUser makes a user with an empty INBOX, or gives an existing one another password.
func (s *Server) AddUser(name, password string) {
	s.tb.Helper()
	s.mu.Lock()
	_, existed := s.passwords[name]
	s.passwords[name] = password
	s.mu.Unlock()
	if !existed {
		s.command("CREATE " + s.inbox(name))
	}
}

// SetQuota limits what a user's folders may hold together, in units of 1024 octets.
func (s *Server) SetQuota(name string, kilobytes int) {
	s.tb.Helper()
	s.command(fmt.Sprintf("SETQUOTA %s (STORAGE %d)", s.inbox(name), kilobytes))
}

// inbox is what the administrator calls the INBOX of a user.
func (s *Server) inbox(user string) string {
	if s.below {
		return "user." + user
	}
	return "user/" + user
}

// command gives the server one command as its administrator.
func (s *Server) command(line string) {
	s.tb.Helper()
	c, err := net.DialTimeout("tcp", s.Address(), 5*time.Second)
	s.Check(err)
	defer c.Close()
	s.Check(c.SetDeadline(time.Now().Add(30 * time.Second)))
	fmt.Fprintf(c, "a LOGIN %q %q\r\nb %s\r\n", admin, adminPassword, line)
	var last string
	for r := bufio.NewScanner(c); r.Scan(); {
		if last = r.Text(); strings.HasPrefix(last, "b OK") {
			return
		} else if strings.HasPrefix(last, "a NO") || strings.HasPrefix(last, "b ") {
			break
		}
	}
	s.tb.Fatalf("cyrus answers %q to %s", last, line)
}

// answerPasswords is what saslauthd does: it reads user, password, service and
// realm, each after its length in two octets, and answers OK or NO likewise.
func (s *Server) answerPasswords() {
	s.tb.Helper()
	socket := filepath.Join(s.Mkdir("auth"), "mux")
	l, err := net.Listen("unix", socket)
	s.Check(err)
	s.tb.Cleanup(func() { l.Close() })
	s.Check(os.Chmod(socket, 0o666))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.answerPassword(c)
		}
	}()
}

func (s *Server) answerPassword(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	var fields [4]string
	for i := range fields {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		text := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(c, text); err != nil {
			return
		}
		fields[i] = string(text)
	}
	s.mu.Lock()
	want, ok := s.passwords[fields[0]]
	s.mu.Unlock()
	answer := "NO"
	if ok && fields[1] == want {
		answer = "OK"
	}
	c.Write(append([]byte{0, byte(len(answer))}, answer...))
}
