package handlers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oriel/internal/dovecot"
)

// BenchmarkOpenSessions counts what a signed-in user with one open tab costs: the
// program itself in a process of its own, a Dovecot beside it, and a thousand
// users who sign in, load a full list page and keep their event stream open. Then
// each gets one message, and each stream has to say so.
//
// ORIEL_BENCH_SESSIONS is another number of users, ORIEL_BENCH_IDLE how long they
// do nothing before it is counted (4m: connections that served pages are given
// back by then). ORIEL_BENCH_PROFILES is a folder for the profiles of the program.
func BenchmarkOpenSessions(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("resident memory is read from /proc, which only Linux has")
	}
	n := 1000
	if text := os.Getenv("ORIEL_BENCH_SESSIONS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	program := buildProgram(b)
	// The system lets one owner of mail watch a limited number of folders for
	// changes (fs.inotify.max_user_instances is often 128). Dovecot looks now and
	// then at those beyond it.
	d := dovecot.Start(b, "default_client_limit = 20000", "default_process_limit = 5000", "mailbox_idle_check_interval = 2 secs",
		"service imap {\n  process_limit = 5000\n}", "service imap-login {\n  client_limit = 10000\n}", "service anvil {\n  client_limit = 20000\n}", "service auth {\n  client_limit = 20000\n}")
	start := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range n {
		d.AddUser(userNo(i), "secret")
		d.Fill(userNo(i), "INBOX", 50, func(j int) dovecot.Message { return boardLetter(j, start) })
	}
	for _, c := range []struct{ name, imap string }{
		{"plain", "imap+insecure://127.0.0.1:" + strconv.Itoa(d.IMAPPort)},
		{"tls", "imaps://127.0.0.1:" + strconv.Itoa(d.IMAPSPort)},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				p := program(b, "ORIEL_IMAP="+c.imap, "ORIEL_CA_FILE="+d.CAFile)
				measureTabs(b, p, d, n)
			}
		})
	}
}

func userNo(i int) string { return fmt.Sprintf("user%04d", i) }

func boardLetter(i int, start time.Time) dovecot.Message {
	raw := letter(fmt.Sprintf("Board %d of the floor", i), strings.Repeat("The grain runs along the hall and not across it. ", 30))
	return dovecot.Message{Raw: []byte(strings.ReplaceAll(raw, "\n", "\r\n")), Date: start.Add(time.Duration(i) * time.Second)}
}

func measureTabs(b *testing.B, p *process, d *dovecot.Server, n int) {
	before, live, threads := p.resident("VmRSS"), p.stat("HeapAlloc"), p.goroutines()
	tabs := make([]*tab, n)
	var opening sync.WaitGroup
	begin := time.Now()
	for w := range 8 {
		opening.Go(func() {
			for i := w; i < n; i += 8 {
				tabs[i] = p.openTab(userNo(i))
			}
		})
	}
	opening.Wait()
	opened := time.Since(begin)
	if b.Failed() {
		b.FailNow()
	}
	idle, _ := time.ParseDuration(os.Getenv("ORIEL_BENCH_IDLE"))
	time.Sleep(idle)
	conns := settled(func() int { return connections(b, d) })
	open := p.resident("VmRSS")
	begin = time.Now()
	for i := range n {
		d.Deliver(userNo(i), "INBOX", boardLetter(100+i, time.Now()))
	}
	deadline := time.After(3 * time.Minute)
	for i, t := range tabs {
		select {
		case <-t.arrived:
		case <-deadline:
			b.Fatalf("the tab of user %d heard nothing of its message; it heard %q", i, t.said())
		}
	}
	told := time.Since(begin)
	most := max(open, p.resident("VmRSS"))
	each := func(v int) float64 { return float64(v) / float64(n) }
	b.ReportMetric(each(most-before), "KB/session")
	b.ReportMetric(each(p.resident("VmHWM")-before), "KB-peak/session")
	b.ReportMetric(each(p.goroutines()-threads), "goroutines/session")
	b.ReportMetric(each(conns), "imap-conns/session")
	b.ReportMetric(float64(opened.Milliseconds())/float64(n), "ms-to-open/session")
	b.ReportMetric(told.Seconds(), "s-until-all-told")
	p.profile(b.Name())
	b.ReportMetric(each((p.stat("HeapAlloc")-live)>>10), "KB-live/session") // after the collection that the profile makes
	b.ReportMetric(each(p.stat("Stack")>>10), "KB-stack/session")
	b.ReportMetric(each(p.resident("VmRSS")-before), "KB-collected/session")
	b.Logf("%d KB before, %d KB with %d tabs, %d IMAP connections", before, most, n, conns)
	for _, t := range tabs {
		t.close()
	}
}

// settled is a number once it has stayed the same for two seconds.
func settled(f func() int) int {
	last, since := f(), time.Now()
	for end := time.Now().Add(time.Minute); time.Since(since) < 2*time.Second && time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		if now := f(); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

// connections is how many signed-in connections Dovecot has.
func connections(tb testing.TB, d *dovecot.Server) int {
	tb.Helper()
	out, err := d.Command("who", "-1").Output()
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.Count(out, []byte(" imap "))
}

// process is the program, running by itself.
type process struct {
	testing.TB
	pid   int
	web   string
	admin string
}

// buildProgram returns a function that starts the program until the test ends.
func buildProgram(tb testing.TB) func(tb testing.TB, environ ...string) *process {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "oriel")
	if out, err := exec.Command("go", "build", "-o", file, "oriel").CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return func(tb testing.TB, environ ...string) *process {
		tb.Helper()
		cmd := exec.Command(file, "serve")
		cmd.Env = append([]string{"ORIEL_LISTEN=127.0.0.1:0", "ORIEL_ADMIN_LISTEN=127.0.0.1:0", "ORIEL_DATA=" + tb.TempDir()}, environ...)
		for _, name := range []string{"GOGC", "GOMEMLIMIT"} { // an operator may set them too
			if v := os.Getenv(name); v != "" {
				cmd.Env = append(cmd.Env, name+"="+v)
			}
		}
		if os.Getenv("ORIEL_BENCH_PROFILES") != "" {
			cmd.Env = append(cmd.Env, "GODEBUG=memprofilerate=4096") // exact enough for single sessions
		}
		log, err := cmd.StderrPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			tb.Fatal(err)
		}
		p := &process{TB: tb, pid: cmd.Process.Pid}
		read := make(chan struct{})
		ready := make(chan struct{})
		go func() {
			defer close(read)
			p.readLog(log, ready)
		}()
		tb.Cleanup(func() {
			cmd.Process.Kill()
			<-read
			cmd.Wait()
		})
		select {
		case <-ready:
		case <-read:
			tb.Fatal("the program ended at its start")
		case <-time.After(20 * time.Second):
			tb.Fatal("the program is not ready after 20 s")
		}
		return p
	}
}

var listens = regexp.MustCompile(`msg="(oriel is ready|the profiler is ready)" listen=(\S+)`)

// readLog finds the addresses in the program's log, and shows its complaints.
func (p *process) readLog(log io.Reader, ready chan<- struct{}) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		switch m := listens.FindStringSubmatch(lines.Text()); {
		case m == nil:
			p.Log(lines.Text())
		case m[1] == "oriel is ready":
			p.web = "http://" + m[2]
		default:
			p.admin = "http://" + m[2]
			close(ready)
		}
	}
}

// resident is a figure of the system on the process's memory, in KB.
func (p *process) resident(name string) int {
	p.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		p.Fatal(err)
	}
	return p.number(string(text), `(?m)^`+name+`:\s+(\d+) kB`)
}

// stat is a figure of Go's runtime on its memory.
func (p *process) stat(name string) int {
	p.Helper()
	return p.number(p.ask("/debug/pprof/heap?debug=1"), `(?m)^# `+name+` = (\d+)`)
}

func (p *process) goroutines() int {
	p.Helper()
	return p.number(p.ask("/debug/pprof/goroutine?debug=1"), `goroutine profile: total (\d+)`)
}

func (p *process) number(text, pattern string) int {
	p.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		p.Fatalf("no %s in %.200q", pattern, text)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// ask reads from the profiler.
func (p *process) ask(path string) string {
	p.Helper()
	r, err := http.Get(p.admin + path)
	if err != nil {
		p.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.Fatal(err)
	}
	return string(text)
}

// profile makes the program collect its garbage, and keeps its profiles if
// somebody wants them.
func (p *process) profile(name string) {
	p.Helper()
	heap := p.ask("/debug/pprof/heap?gc=1")
	dir := os.Getenv("ORIEL_BENCH_PROFILES")
	if dir == "" {
		return
	}
	file := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
	for kind, text := range map[string]string{"heap": heap, "goroutine": p.ask("/debug/pprof/goroutine"), "stacks": p.ask("/debug/pprof/goroutine?debug=1"), "stats": p.ask("/debug/pprof/heap?debug=1")} {
		if err := os.WriteFile(file+"."+kind, []byte(text), 0o644); err != nil {
			p.Error(err)
		}
	}
}

// tab is an open page of one user.
type tab struct {
	events  io.Closer
	arrived chan struct{} // closed when the stream has told of a new message

	mu    sync.Mutex
	heard string
}

// openTab signs a user in, loads the list and leaves it open.
func (p *process) openTab(user string) *tab {
	t := &tab{arrived: make(chan struct{})}
	jar := map[string]string{}
	for _, step := range []struct {
		method, path string
		form         url.Values
		status       int
	}{
		{"GET", "/login", nil, http.StatusOK},
		{"POST", "/login", url.Values{"username": {user}, "password": {"secret"}}, http.StatusSeeOther},
		{"GET", "/m/INBOX", nil, http.StatusOK},
		{"GET", "/events", nil, http.StatusOK},
	} {
		r, err := p.send(jar, step.method, step.path, step.form)
		if err == nil && r.StatusCode != step.status {
			err = errors.New(r.Status)
		}
		if err != nil {
			p.Errorf("%s: %s %s: %v", user, step.method, step.path, err)
			return nil
		}
		if step.path == "/events" {
			t.events = r.Body
			go t.listen(r.Body)
			return t
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return t
}

// send is a browser's request: with the cookies, and with all compressions that
// browsers know.
func (p *process) send(jar map[string]string, method, path string, form url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, p.web+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	for name, value := range jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := streams.RoundTrip(r)
	if err == nil {
		for _, c := range answer.Cookies() {
			jar[c.Name] = c.Value
		}
	}
	return answer, err
}

// streams has room for any number of open tabs.
var streams = &http.Transport{DialContext: (&net.Dialer{}).DialContext, MaxIdleConnsPerHost: 8, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}

// listen reads the stream until it ends.
func (t *tab) listen(stream io.Reader) {
	for lines := bufio.NewScanner(stream); lines.Scan(); {
		t.mu.Lock()
		t.heard += lines.Text() + "\n"
		t.mu.Unlock()
		if strings.Contains(lines.Text(), `"arrived":1`) {
			close(t.arrived)
			io.Copy(io.Discard, stream)
			return
		}
	}
}

func (t *tab) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heard
}

func (t *tab) close() { t.events.Close() }
