package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"oriel/config"
)

// TestMain lets the tests start this test binary as the program itself: it is
// built anyway, and a process of its own is the only place for signals and exit
// statuses.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_MAIN") == "1" {
		os.Unsetenv("TEST_MAIN")
		main()
	}
	os.Exit(m.Run())
}

// program is a running oriel.
type program struct {
	*exec.Cmd
	lines chan string // standard output, then standard error
	done  chan error
}

// start runs the program with exactly the given environment.
func start(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append([]string{"TEST_MAIN=1", "TMPDIR=" + os.TempDir()}, env...)
	c.Dir = t.TempDir()
	return launch(t, c)
}

// launch starts a command, and ends it with the test at the latest.
func launch(t *testing.T, c *exec.Cmd) *program {
	t.Helper()
	p := &program{Cmd: c, lines: make(chan string, 1000), done: make(chan error, 1)}
	read, write := io.Pipe()
	p.Stdout, p.Stderr = write, write
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(read); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	go func() {
		p.done <- p.Wait()
		write.Close()
	}()
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

// await reads lines until one matches and returns its first group.
func (p *program) await(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var all []string
	for {
		select {
		case line, ok := <-p.lines:
			if m := re.FindStringSubmatch(line); m != nil {
				return m[len(m)-1]
			}
			if !ok {
				t.Fatalf("ended without %s:\n%s", pattern, strings.Join(all, "\n"))
			}
			all = append(all, line)
		case <-time.After(30 * time.Second):
			t.Fatalf("no %s in:\n%s", pattern, strings.Join(all, "\n"))
		}
	}
}

// stop sends the signal and returns the exit status.
func (p *program) stop(t *testing.T, sig os.Signal) int {
	t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
		return p.ProcessState.ExitCode()
	case <-time.After(12 * time.Second):
		t.Fatal("did not stop")
		return -1
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

func TestCommands(t *testing.T) {
	for _, x := range []struct {
		args   []string
		env    []string
		status int
		out    string // part of standard output
		err    string // part of standard error
	}{
		{args: []string{"version"}, out: "oriel "},
		{args: []string{"help"}, out: "-imap"},
		{args: []string{"-h"}, out: "ORIEL_IMAP"},
		{args: []string{"serve", "-h"}, out: "ORIEL_IMAP"},
		{args: []string{"check"}, status: exitUsage, err: `no command "check"`},
		{args: nil, status: exitUsage, err: "ORIEL_IMAP is not set"},
		{args: []string{"-listen", "x"}, env: []string{"ORIEL_IMPA=y"}, status: exitUsage, err: "did you mean ORIEL_IMAP?"},
		{args: []string{"serve", "demo"}, status: exitUsage, err: `"demo"`},
		{args: []string{"demo", "now"}, status: exitUsage, err: `"now"`},
		{args: []string{"demo", "-lisen=x"}, status: exitUsage, err: "lisen"},
		{args: []string{"demo", "-listen", "256.0.0.1:0"}, status: exitFailed, err: "-listen"},
		{args: []string{"-data", "/dev/null/x"}, env: []string{"ORIEL_IMAP=imaps://mail.example.org"}, status: exitUsage, err: "ORIEL_DATA: "},
		{args: []string{"healthcheck", "-x"}, status: exitUsage, err: "-x"},
		{args: []string{"healthcheck"}, env: []string{"ORIEL_LISTEN=127.0.0.1:1"}, status: exitFailed, err: "healthcheck"},
	} {
		var out, err bytes.Buffer
		status := run(x.args, x.env, &out, &err)
		if status != x.status || !strings.Contains(out.String(), x.out) || !strings.Contains(err.String(), x.err) {
			t.Errorf("%v: status %d\n%s%s", x.args, status, out.String(), err.String())
		}
	}
}

func TestHealthcheck(t *testing.T) {
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(status)
	}))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, listen := range []string{":" + port, "0.0.0.0:" + port, "127.0.0.1:" + port, "[::]:" + port} {
		env := []string{"ORIEL_LISTEN=" + listen, "HTTP_PROXY=http://127.0.0.1:1"}
		var err bytes.Buffer
		if n := run([]string{"healthcheck"}, env, io.Discard, &err); n != exitOK {
			t.Errorf("%s: %d %s", listen, n, err.String())
		}
		if n := run([]string{"healthcheck", "-listen", listen}, nil, io.Discard, &err); n != exitOK {
			t.Errorf("-listen %s: %d %s", listen, n, err.String())
		}
	}
	status = http.StatusServiceUnavailable
	if n := run([]string{"healthcheck", "-listen", ":" + port}, nil, io.Discard, io.Discard); n != exitFailed {
		t.Errorf("unwell server: %d", n)
	}
}

// The demo needs nothing, says where it is, and leaves nothing behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	p := start(t, []string{"TMPDIR=" + tmp, "ORIEL_NONSENSE=1"}, "demo", "-listen", "127.0.0.1:0")
	url := p.await(t, `URL +(http://127\.0\.0\.1:\d+/)$`)
	p.await(t, `user +demo$`)
	p.await(t, `password +demo$`)
	imap := p.await(t, `IMAP +imap\+insecure://(127\.0\.0\.1:\d+)$`)
	smtp := p.await(t, `SMTP +smtp\+insecure://(127\.0\.0\.1:\d+)$`)
	for addr, want := range map[string]string{imap: "* OK", smtp: "220 "} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
			t.Errorf("%s greets with %q, %v", addr, b, err)
		}
		c.Close()
	}
	if status, body := get(t, url+"healthz"); status != http.StatusOK || body == "" {
		t.Errorf("healthz: %d", status)
	}
	if entries, _ := os.ReadDir(tmp); len(entries) != 1 {
		t.Errorf("%d temporary folders while it runs", len(entries))
	}
	if n := p.stop(t, syscall.SIGINT); n != exitOK {
		t.Errorf("status %d", n)
	}
	if entries, _ := os.ReadDir(tmp); len(entries) != 0 {
		t.Errorf("left %s in the temporary folder", entries[0].Name())
	}
	if entries, _ := os.ReadDir(p.Dir); len(entries) != 0 {
		t.Errorf("left %s in the working folder", entries[0].Name())
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	env := []string{"ORIEL_IMAP=imaps://localhost:1", "ORIEL_SMTP=smtps://localhost:1", "ORIEL_LISTEN=127.0.0.1:0", "ORIEL_DATA=" + data,
		"ORIEL_ADMIN_LISTEN=127.0.0.1:0", "ORIEL_LOG_FORMAT=json"}
	p := start(t, env)
	p.await(t, `"msg":"ORIEL_SMTP is set, but this version reads only`)
	addr := p.await(t, `"msg":"oriel is ready","listen":"([^"]+)"`)
	admin := p.await(t, `"msg":"the profiler is ready","listen":"([^"]+)"`)
	if status, _ := get(t, "http://"+admin+"/debug/pprof/goroutine?debug=1"); status != http.StatusOK {
		t.Errorf("profiler: %d", status)
	}
	if status, _ := get(t, "http://"+addr+"/debug/pprof/goroutine?debug=1"); status == http.StatusOK {
		t.Error("the profiler is public")
	}
	if n := run([]string{"healthcheck", "-listen", addr}, nil, io.Discard, io.Discard); n != exitOK {
		t.Errorf("healthcheck: %d", n)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		// A request that is never finished must not keep the program alive.
		defer c.Close()
		io.WriteString(c, "GET /login HTTP/1.1\r\nHost: x\r\n")
	}
	if n := p.stop(t, syscall.SIGTERM); n != exitOK {
		t.Errorf("status %d", n)
	}
	key, err := os.ReadFile(filepath.Join(data, "key"))
	if _, bad := config.ParseKeys(string(key)); err != nil || bad != nil {
		t.Errorf("key: %v, %v", err, bad)
	}

	q := start(t, env)
	q.await(t, "oriel is ready")
	if again, _ := os.ReadFile(filepath.Join(data, "key")); !bytes.Equal(key, again) {
		t.Error("the second start made another key")
	}
	if n := q.stop(t, syscall.SIGINT); n != exitOK {
		t.Errorf("status %d", n)
	}
}

// The server has limits against slow clients, and stops when it is told to.
func TestStop(t *testing.T) {
	c, err := config.Load([]string{"-imap", "imaps://localhost:1", "-data", t.TempDir()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSite(c, "", newLog(c, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	web := s.server(nil)
	if web.ReadHeaderTimeout == 0 || web.IdleTimeout == 0 || web.MaxHeaderBytes == 0 || web.WriteTimeout != 0 {
		t.Error("limits of the server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, l) }()
	if status, _ := get(t, "http://"+l.Addr().String()+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still listening")
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var stderr bytes.Buffer
	n := run([]string{"-imap", "imaps://localhost:1", "-data", t.TempDir(), "-listen", l.Addr().String()}, nil, io.Discard, &stderr)
	if n != exitFailed || !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("status %d, %s", n, stderr.String())
	}
}
