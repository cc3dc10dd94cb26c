// Package dovecot starts a private Dovecot for tests: own configuration, own
// state, loopback ports that nobody else uses, users made on demand, TLS with a
// certificate authority made at start.
//
// It is test support. Nothing in the program imports it.
package dovecot

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a running Dovecot.
type Server struct {
	Host      string // 127.0.0.1
	Name      string // localhost: the certificate holds both
	IMAPPort  int    // plain and STARTTLS
	IMAPSPort int    // TLS from the first byte
	CAFile    string // PEM of the authority that signed the certificate
	Roots     *x509.CertPool

	tb    testing.TB
	dir   string
	extra string
	owner owner

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	serial int
}

// Start runs a Dovecot until the test ends. extra is appended to its
// configuration, so that a test can, say, give the namespace a prefix.
//
// Without Dovecot on the machine the test is skipped, except where the whole
// suite is meant to run (CI=true or ORIEL_TESTS=all): there it fails.
func Start(tb testing.TB, extra ...string) *Server {
	tb.Helper()
	if _, err := exec.LookPath("dovecot"); err != nil {
		const how = "Dovecot is not installed (Debian: apt install dovecot-imapd)"
		if os.Getenv("ORIEL_TESTS") == "all" || os.Getenv("CI") == "true" {
			tb.Fatal(how + "; this run must test on it")
		}
		tb.Skip(how + "; `make test` installs it")
	}
	// Not tb.TempDir: its long names would not fit into the address of a
	// Unix socket (108 bytes).
	dir, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Host: "127.0.0.1", Name: "localhost", tb: tb, dir: dir, extra: strings.Join(extra, "\n"), owner: mailOwner()}
	s.check(os.Chmod(dir, 0o755))
	for _, d := range []string{"home", "users", "run", "state"} {
		s.check(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	s.check(os.Chown(filepath.Join(dir, "home"), s.owner.uid, s.owner.gid))
	s.makeCertificate()
	// The ports are free now, but another process may take one before Dovecot
	// listens: then other ports are tried.
	for try := 0; ; try++ {
		s.IMAPPort, s.IMAPSPort = freePort(tb), freePort(tb)
		if err = s.run(); err == nil {
			break
		}
		if try == 4 {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(s.Kill) // its directory goes too, so that no good order is needed
	return s
}

// Stop ends Dovecot in good order. Calling it again does nothing.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends all its processes at once, as a crash of the machine would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Restart starts it again on the same ports with the same mail.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	s.check(s.run())
}

// Command returns a prepared "doveadm" command on this server.
func (s *Server) Command(args ...string) *exec.Cmd {
	return exec.Command("doveadm", append([]string{"-c", s.conf()}, args...)...)
}

func (s *Server) conf() string { return filepath.Join(s.dir, "dovecot.conf") }

func (s *Server) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b)
}

func (s *Server) run() error {
	if err := os.WriteFile(s.conf(), []byte(s.config()), 0o644); err != nil {
		return err
	}
	cmd := exec.Command("dovecot", "-F", "-c", s.conf())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Kill reaches its children too
	// A file, not a pipe: its children would keep a pipe open after its end.
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	s.mu.Lock()
	s.cmd, s.exited = cmd, exited
	s.mu.Unlock()
	deadline := time.Now().Add(20 * time.Second)
	for _, port := range []int{s.IMAPPort, s.IMAPSPort} {
		for {
			c, err := net.DialTimeout("tcp", s.address(port), time.Second)
			if err == nil {
				c.Close()
				break
			}
			select {
			case <-exited:
				return fmt.Errorf("dovecot ended at start:\n%s", s.log())
			case <-time.After(10 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				s.Kill()
				return fmt.Errorf("dovecot does not listen after 20 s: %w\n%s", err, s.log())
			}
		}
	}
	return nil
}

func (s *Server) end(sig syscall.Signal) {
	s.mu.Lock()
	cmd, exited := s.cmd, s.exited
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	target := cmd.Process.Pid
	if sig == syscall.SIGKILL {
		target = -target
	}
	syscall.Kill(target, sig)
	select {
	case <-exited:
	case <-time.After(1500 * time.Millisecond):
	}
	// Whatever is left of the group goes too: connections that a graceful end
	// would serve to the last.
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-exited
	// The children share the listening sockets, which close with the last of them.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", s.address(s.IMAPPort), time.Second)
		if err != nil {
			return
		}
		c.Close()
	}
}

func (s *Server) address(port int) string { return net.JoinHostPort(s.Host, strconv.Itoa(port)) }

func (s *Server) check(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		tb.Fatal(errors.New("no TCP address"))
	}
	return addr.Port
}
