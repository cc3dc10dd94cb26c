// Package courier starts a private Courier-IMAP for tests: own configuration,
// own mail, a loopback port that nobody else uses, users made on demand.
//
// The Debian packages conflict with Dovecot's, so that they are never installed:
// scripts/install-test-deps unpacks them (see package unpacked). What runs is
// Courier's own chain: couriertcpd accepts, imaplogin has the dialogue up to
// LOGIN, imapd serves the mailbox. Its start script and configuration files,
// whose paths are compiled in, are not needed: the programs take everything from
// arguments and the environment, with one exception.
//
// The exception is the socket at which imaplogin has passwords checked. A chroot
// or a mount namespace could move it, but asks for rights that neither an
// ordinary user nor every container has. In their place a small library
// (see package unpacked) turns that one connection to a socket of ours, where this
// package answers as Courier's authdaemond does. So it works as root, where mail
// belongs to nobody, and as an ordinary user, and LOGIN is real.
//
// The dialogue is plain IMAP. It is test support. Nothing in the program imports it.
package courier

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oriel/internal/unpacked"
)

// Server is a running Courier-IMAP. Its personal namespace has the prefix
// "INBOX." and the delimiter is a dot; it has neither MOVE nor SPECIAL-USE nor
// CONDSTORE nor ESEARCH nor the extended LIST.
type Server struct {
	*unpacked.Server

	tb        testing.TB
	mu        sync.Mutex
	passwords map[string]string
}

// capabilities are those of the configuration file that Debian ships.
const capabilities = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"

// Start runs a Courier-IMAP until the test ends. environment is added to the
// settings, "NAME=value". Without the unpacked packages the test is skipped, or
// fails where the whole suite is meant to run.
func Start(tb testing.TB, environment ...string) *Server {
	tb.Helper()
	u := unpacked.New(tb, "courier", "usr/sbin/couriertcpd", "usr/lib/courier/courier/imaplogin", "usr/bin/imapd")
	s := &Server{Server: u, tb: tb, passwords: map[string]string{}}
	s.answerPasswords()
	s.Mkdir("home")
	s.Run(func(port int) *exec.Cmd {
		cmd := exec.Command(s.Program("couriertcpd"), "-address="+unpacked.Host, "-maxprocs=300", "-maxperip=300",
			"-nodnslookup", "-noidentlookup", strconv.Itoa(port), s.Program("imaplogin"), s.Program("imapd"), "Maildir")
		cmd.Env = append([]string{
			"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "AUTHDAEMON_SOCKET=" + s.socket(),
			"IMAP_CAPABILITY=" + capabilities, "IMAP_KEYWORDS=1", "IMAP_ACL=1", "IMAP_IDLE_TIMEOUT=60",
			"IMAP_MAILBOX_SANITY_CHECK=1", "IMAP_CHECK_ALL_FOLDERS=0", "IMAP_OBSOLETE_CLIENT=0", "IMAP_UMASK=022",
			"IMAP_USELOCKS=1", "IMAP_ENHANCEDIDLE=0", "IMAP_TRASHFOLDERNAME=Trash", "IMAP_MOVE_EXPUNGE_TO_TRASH=0",
		}, environment...)
		return cmd
	})
	return s
}

// AddUser makes a user with an empty INBOX, or gives an existing one another password.
func (s *Server) AddUser(name, password string) {
	s.tb.Helper()
	s.mu.Lock()
	s.passwords[name] = password
	s.mu.Unlock()
	for _, d := range []string{"", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"} {
		s.Mkdir("home", name, d)
	}
}

// SetQuota limits what a user's folders may hold together, in octets.
func (s *Server) SetQuota(name string, octets int) {
	s.tb.Helper()
	path := s.Write(filepath.Join("home", name, "Maildir", "maildirsize"), fmt.Sprintf("%dS\n%12d %12d\n", octets, octets, 1))
	s.Check(os.Chown(path, s.Owner.UID, s.Owner.GID))
}

func (s *Server) socket() string { return filepath.Join(s.Dir, "auth", "socket") }

func (s *Server) answerPasswords() {
	s.tb.Helper()
	s.Mkdir("auth")
	l, err := net.Listen("unix", s.socket())
	s.Check(err)
	s.tb.Cleanup(func() { l.Close() })
	s.Check(os.Chmod(s.socket(), 0o666))
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

// answerPassword is what authdaemond does: after lines about the client come
// "AUTH" and the size of what follows, then service, kind, name and password on a
// line each. The answer is the account or FAIL.
func (s *Server) answerPassword(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(io.LimitReader(c, 64<<10))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		count, ok := strings.CutPrefix(strings.TrimSpace(line), "AUTH ")
		if !ok {
			continue
		}
		size, err := strconv.ParseUint(count, 10, 15)
		if err != nil {
			return
		}
		request := make([]byte, size)
		if _, err := io.ReadFull(r, request); err != nil {
			return
		}
		io.WriteString(c, s.account(strings.Split(string(request), "\n")))
		return
	}
}

func (s *Server) account(request []string) string {
	const refused = "FAIL\n"
	if len(request) < 4 || request[1] != "login" {
		return refused
	}
	name := request[2]
	s.mu.Lock()
	want, ok := s.passwords[name]
	s.mu.Unlock()
	if !ok || request[3] != want {
		return refused
	}
	return fmt.Sprintf("UID=%d\nGID=%d\nHOME=%s\nADDRESS=%s\n.\n", s.Owner.UID, s.Owner.GID, filepath.Join(s.Dir, "home", name), name)
}
