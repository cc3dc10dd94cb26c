package browser

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the real Oriel, built and run as its own process.
type program struct {
	*site
	binary, address string
	running         *exec.Cmd
}

// startProgram builds Oriel for a site's mail server.
func startProgram(t *testing.T, s *site) *program {
	t.Helper()
	p := &program{site: s, binary: filepath.Join(t.TempDir(), "oriel")}
	build := exec.Command("go", "build", "-o", p.binary, ".")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	// The port is free now, and nothing else on this machine is likely to take it
	// while the program is away.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	p.address = l.Addr().String()
	s.check(l.Close())
	p.data = t.TempDir()
	p.run()
	t.Cleanup(func() { p.end(syscall.SIGTERM) })
	return p
}

func (p *program) run() {
	p.Helper()
	p.running = exec.Command(p.binary, "serve")
	// A setting that it does not know would end it, such as the tests' own.
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ORIEL_") })
	p.running.Env = append(own, "ORIEL_LISTEN="+p.address, "ORIEL_IMAP=imap+insecure://"+p.imap, "ORIEL_DATA="+p.data)
	p.running.Stderr = p.log
	p.check(p.running.Start())
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get("http://" + p.address + "/healthz")
		if err == nil {
			r.Body.Close()
			return
		}
		if time.Now().After(end) {
			p.Fatalf("Oriel does not answer: %v\n%s", err, p.log)
		}
	}
}

func (p *program) end(how os.Signal) {
	if p.running == nil {
		return
	}
	_ = p.running.Process.Signal(how) // it may have ended by itself, which Wait tells
	_ = p.running.Wait()
	p.running = nil
}

// TestOrielIsKilled: the program ends under an open page, with and without time to
// say goodbye, and comes back: so does the stream, the session is still there,
// and the list shows what came meanwhile.
func TestOrielIsKilled(t *testing.T) {
	t.Parallel()
	s, _ := dovecotSite(t)
	s.deliverAll("INBOX", letters(5), time.Now())
	p := startProgram(t, s)
	b := s.signIn(newTab(t, "http://"+p.address, desktop))
	b.expect("net::ERR|Failed to (load|fetch)|status of 50")
	other := b.sibling()
	other.expect("net::ERR|Failed to (load|fetch)|status of 50")
	other.open("/m/INBOX")
	other.click("link(row(" + quote(subject(2)) + "))")
	other.until("message() === " + quote(subject(2)))
	both := []*tab{b, other}
	for _, x := range both {
		x.eval("window.same = true")
	}
	for i, how := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		p.end(how)
		for _, x := range both {
			x.until("shown($('#net [data-when=away]'))")
		}
		name := "While it was away " + string(rune('A'+i))
		s.deliver("INBOX", letter(name, "x"), time.Now())
		b.eval("link(row(" + quote(subject(5-i)) + ")).focus()")
		b.press("s")
		b.until("toast().includes(\"Oriel didn't answer\") && !row(" + quote(subject(5-i)) + ").hasAttribute('data-flagged')")
		p.run()
		for _, x := range both {
			x.until("!shown($('#net p')) && row(" + quote(name) + ") && window.same")
		}
		other.until("message() === " + quote(subject(2)))
		b.eval("$$('#toasts [data-dismiss]').forEach(e => e.click())")
		b.press("s")
		b.until("toast() === 'Starred.'")
		other.until("row(" + quote(subject(5-i)) + ").hasAttribute('data-flagged')")
	}
}

// TestTypingGoesOn: the line at the foot comes and goes while somebody types, and
// takes neither the words nor the focus.
func TestTypingGoesOn(t *testing.T) {
	t.Parallel()
	s, d := dovecotSite(t)
	s.deliverAll("INBOX", letters(5), time.Now())
	told := s.watchStreams()
	b := s.signIn(s.tab(t, desktop))
	told.only(b)
	b.expect("status of 50[234]")
	b.press("/")
	field := "$('#dialog [data-filter] input')"
	typed := func(want string) {
		t.Helper()
		b.until("$('#dialog').open && document.activeElement === " + field + " && " + field + ".value === " + quote(want))
	}
	typed("")
	b.press("ar")
	d.Kill()
	b.until("shown($('#net [data-when=lost]'))")
	typed("ar")
	b.press("ch")
	typed("arch")
	s.intercept(nil)
	d.Restart()
	s.deliver("INBOX", letter("Came back", "x"), time.Now())
	b.until("!shown($('#net p'))")
	typed("arch")
	b.press("i\r")
	b.until("at() === '/m/Archive' && $('#list').dataset.url === at()")
}
