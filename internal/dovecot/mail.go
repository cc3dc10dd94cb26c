package dovecot

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// AddUser makes a user with an empty INBOX, or gives an existing one another password.
func (s *Server) AddUser(name, password string) {
	s.tb.Helper()
	file := filepath.Join(s.dir, "users", name)
	_, err := os.Stat(file)
	existed := err == nil
	s.check(os.WriteFile(file, []byte(s.userLine(name, password)), 0o644))
	s.mkdir(s.home(name))
	s.mkdir(filepath.Join(s.home(name), "Maildir"))
	for _, d := range []string{"cur", "new", "tmp"} {
		s.mkdir(filepath.Join(s.home(name), "Maildir", d))
	}
	if !existed {
		return
	}
	// Dovecot looks at a passwd-file at most once a second.
	for range 100 {
		if s.login(name, password) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.tb.Fatal("dovecot does not accept the changed password")
}

// Message is one message to deliver.
type Message struct {
	Raw   []byte
	Flags string    // letters of a Maildir name, sorted: D draft, F flagged, R answered, S seen, T deleted
	Date  time.Time // becomes INTERNALDATE; zero means now
}

// Deliver writes messages into a folder by making files in its Maildir, which is
// much faster than APPEND: 100,000 small ones take seconds. The folder ("INBOX",
// "Work/Plans") is made when it is not there. UIDs follow the order of delivery.
func (s *Server) Deliver(user, folder string, messages ...Message) {
	s.tb.Helper()
	s.Fill(user, folder, len(messages), func(i int) Message { return messages[i] })
}

// Fill delivers n messages that make makes one at a time.
func (s *Server) Fill(user, folder string, n int, make func(i int) Message) {
	s.tb.Helper()
	dir := s.maildir(user, folder)
	base := time.Now().UnixMicro()
	for i := range n {
		m := make(i)
		s.mu.Lock()
		s.serial++
		serial := s.serial
		s.mu.Unlock()
		// Dovecot gives UIDs to new files in the order of their names.
		name := fmt.Sprintf("%d.M%08d.test,S=%d:2,%s", base, serial, len(m.Raw), m.Flags)
		path := filepath.Join(dir, "cur", name)
		s.check(os.WriteFile(path, m.Raw, 0o644))
		if os.Geteuid() == 0 {
			s.check(os.Chown(path, s.owner.uid, s.owner.gid))
		}
		if !m.Date.IsZero() {
			s.check(os.Chtimes(path, m.Date, m.Date))
		}
	}
}

// maildir returns the directory of a folder in Maildir++ layout and makes it.
func (s *Server) maildir(user, folder string) string {
	s.tb.Helper()
	dir := filepath.Join(s.home(user), "Maildir")
	if !strings.EqualFold(folder, "INBOX") {
		dir = filepath.Join(dir, "."+strings.ReplaceAll(folder, "/", "."))
		s.mkdir(dir)
		s.check(os.WriteFile(filepath.Join(dir, "maildirfolder"), nil, 0o644))
	}
	for _, d := range []string{"cur", "new", "tmp"} {
		s.mkdir(filepath.Join(dir, d))
	}
	return dir
}

func (s *Server) home(user string) string { return filepath.Join(s.dir, "home", user) }

func (s *Server) mkdir(dir string) {
	s.tb.Helper()
	s.check(os.MkdirAll(dir, 0o755))
	s.check(os.Chown(dir, s.owner.uid, s.owner.gid))
}

func (s *Server) login(name, password string) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.IMAPPort)), 5*time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "a LOGIN %q %q\r\n", name, password)
	for r := bufio.NewScanner(c); r.Scan(); {
		if line := r.Text(); strings.HasPrefix(line, "a ") {
			return strings.HasPrefix(line, "a OK")
		}
	}
	return false
}
