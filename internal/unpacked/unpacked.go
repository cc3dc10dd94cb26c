// Package unpacked runs servers for tests whose Debian packages cannot be
// installed beside the others: scripts/install-test-deps unpacks them, with the
// libraries they need, into a folder of the user's cache. Nothing of the system
// is changed, and no program of theirs runs outside a test.
//
// A small library is loaded into their processes (testdata/preload.c, compiled with
// the C compiler that the race detector needs too), for what no configuration
// reaches; it needs no rights that an ordinary user or a container lacks.
//
// It is test support. Nothing in the program imports it.
package unpacked

import (
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Host is where the servers listen.
const Host = "127.0.0.1"

// Server is what every such server has: its programs, a folder and a process.
type Server struct {
	Port  int
	Dir   string // state, which goes when the test ends
	Owner Owner

	tb     testing.TB
	name   string
	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// Owner is the system user that mail belongs to: nobody under root, because
// mail servers refuse to serve root's, and else whoever runs the test.
type Owner struct {
	UID, GID int
	Name     string
}

// New finds the unpacked packages of a server and gives it a copy of its
// programs and libraries in a new folder. Without them the test is skipped,
// except where the whole suite is meant to run (CI=true or ORIEL_TESTS=all):
// there it fails.
func New(tb testing.TB, name string, programs ...string) *Server {
	tb.Helper()
	root, err := cached(name)
	if err != nil {
		how := fmt.Sprintf("%s is not unpacked (%v)", name, err)
		if os.Getenv("ORIEL_TESTS") == "all" || os.Getenv("CI") == "true" {
			tb.Fatal(how + "; this run must test on it: scripts/install-test-deps unpacks it on Debian and Ubuntu")
		}
		tb.Skip(how + "; `make deps` does it on Debian and Ubuntu")
	}
	// Not tb.TempDir: its long names would not fit into the address of a
	// Unix socket (108 bytes).
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Dir: dir, Owner: owner(), tb: tb, name: name}
	s.Check(os.Chmod(dir, 0o755))
	// A copy, because the server gives up root's rights and then could not read
	// a program below root's home.
	for _, d := range []string{"bin", "lib"} {
		s.Check(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	for _, p := range programs {
		s.Check(link(filepath.Join(root, p), s.Program(filepath.Base(p))))
	}
	s.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), "lib") || !strings.Contains(d.Name(), ".so.") {
			return err
		}
		return link(path, filepath.Join(dir, "lib", d.Name()))
	}))
	s.compile()
	return s
}

//go:embed testdata/preload.c
var preload string

// compile makes the library that is loaded into the server's processes.
func (s *Server) compile() {
	s.tb.Helper()
	b, err := exec.Command("gcc", "-shared", "-fPIC", "-O", "-o", s.preload(), s.Write("preload.c", preload), "-ldl").CombinedOutput()
	if err != nil {
		s.tb.Fatalf("%s needs a C compiler for its tests (Debian: apt install gcc libc6-dev): %v\n%s", s.name, err, b)
	}
}

func (s *Server) preload() string { return filepath.Join(s.Dir, "lib", "preload.so") }

// cached is the folder that scripts/install-test-deps has filled, to the end:
// the last thing it writes there is a file called complete.
func cached(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	root := filepath.Join(cache, "oriel-tests", name+"-root")
	_, err = os.Stat(filepath.Join(root, "complete"))
	return root, err
}

// link makes a second name for a file, or a copy on another file system.
func link(from, to string) error {
	from, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func owner() Owner {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 65534, 65534
	}
	o := Owner{UID: uid, GID: gid, Name: "nobody"}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		o.Name = u.Username
		o.GID, _ = strconv.Atoi(u.Gid)
	}
	return o
}

// Program is the path of one of the server's programs.
func (s *Server) Program(name string) string { return filepath.Join(s.Dir, "bin", name) }

// Mkdir makes a folder that belongs to the owner of the mail.
func (s *Server) Mkdir(path ...string) string {
	s.tb.Helper()
	dir := filepath.Join(append([]string{s.Dir}, path...)...)
	s.Check(os.MkdirAll(dir, 0o755))
	s.Check(os.Chown(dir, s.Owner.UID, s.Owner.GID))
	return dir
}

// Write writes a file below Dir and returns its path.
func (s *Server) Write(name, text string) string {
	s.tb.Helper()
	path := filepath.Join(s.Dir, name)
	s.Check(os.WriteFile(path, []byte(text), 0o644))
	return path
}

// Check ends the test on an error.
func (s *Server) Check(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

// Run starts the server on a free port until the test ends. command makes the
// command for a port. The port is free when it is chosen, but another process
// may take it before the server listens: then another one is tried.
func (s *Server) Run(command func(port int) *exec.Cmd) {
	s.tb.Helper()
	s.tb.Cleanup(s.Kill) // its folder goes too, so that no good order is needed
	for try := 0; ; try++ {
		s.Port = s.freePort()
		err := s.run(command(s.Port))
		if err == nil {
			return
		}
		s.Kill()
		if try == 4 {
			s.tb.Fatal(err)
		}
	}
}

// Address is where it listens.
func (s *Server) Address() string { return net.JoinHostPort(Host, strconv.Itoa(s.Port)) }

func (s *Server) freePort() int {
	s.tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(Host, "0"))
	s.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	s.Check(err)
	n, err := strconv.Atoi(port)
	s.Check(err)
	return n
}

func (s *Server) run(cmd *exec.Cmd) error {
	cmd.Dir = s.Dir
	cmd.Env = append(cmd.Environ(), "LD_LIBRARY_PATH="+filepath.Join(s.Dir, "lib"), "LD_PRELOAD="+s.preload())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Kill reaches its children too
	// A file, not a pipe: its children would keep a pipe open after its end.
	out, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
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
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.DialTimeout("tcp", s.Address(), time.Second)
		if err == nil {
			c.Close()
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("%s ended at start:\n%s", s.name, s.log())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not listen after 20 s: %w\n%s", s.name, err, s.log())
		}
	}
}

func (s *Server) log() string {
	b, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return string(b)
}

// Kill ends all its processes at once. Calling it again does nothing.
func (s *Server) Kill() {
	s.mu.Lock()
	cmd, exited := s.cmd, s.exited
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-exited
	// The children share the listening socket, which closes with the last of them.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", s.Address(), time.Second)
		if err != nil {
			return
		}
		c.Close()
	}
}
