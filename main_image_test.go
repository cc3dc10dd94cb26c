package main

import (
	"crypto/tls"
	"debug/elf"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oriel/demo"
)

// imageUser is the user of the container image.
const imageUser = 65532

// image is the root of the container image, in a folder.
type image struct {
	root, data string
	mounted    bool // the root can be mounted read-only
}

// TestImage runs the program as the container image would: in a root that holds
// only what the final stage of the Dockerfile copies, as the image's user, with
// nothing to write to but /data. It does not run "docker build".
func TestImage(t *testing.T) {
	if os.Getenv("ORIEL_TESTS") != "all" {
		t.Skip("builds the program: scripts/prove-image and make test run it")
	}
	if os.Geteuid() != 0 {
		t.Skip("not root: the image's root folder was not proven, nor docker build run")
	}
	im := buildImage(t)
	t.Logf("root mounted read-only: %v (else it belongs to root and is closed to others by its modes)", im.mounted)
	t.Run("contents", im.contents)
	t.Run("session", im.session)
	t.Run("roots", im.roots)
	t.Run("untouched", im.untouched)
	t.Log("not run: docker build, and the base image it starts from")
}

func buildImage(t *testing.T) *image {
	t.Helper()
	dir := t.TempDir()
	im := &image{root: filepath.Join(dir, "root"), data: filepath.Join(dir, "root", "data")}
	if err := os.Mkdir(im.root, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("scripts/image-root", im.root).CombinedOutput()
	if err != nil {
		t.Fatalf("image-root: %v\n%s", err, out)
	}
	im.mounted = exec.Command("unshare", "-m", "sh", "-c", readOnly+"true", "sh", im.root).Run() == nil
	if im.mounted {
		return im
	}
	// Docker would have a volume here; /tmp is part of the read-only root.
	if err := os.Chmod(filepath.Join(im.root, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	return im
}

// readOnly mounts the root read-only and /data writable, in a mount namespace
// that ends with the program.
const readOnly = `mount --bind "$1" "$1" && mount --bind "$1/data" "$1/data" && mount -o remount,bind,ro "$1" && `

// command is the program in the image.
func (im *image) command(env []string, args ...string) *exec.Cmd {
	c := exec.Command("/oriel", args...)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: im.root, Credential: &syscall.Credential{Uid: imageUser, Gid: imageUser}}
	c.Dir = "/"
	if im.mounted {
		script := readOnly + `root=$1 && shift && exec chroot --userspec=65532:65532 "$root" /oriel "$@"`
		c = exec.Command("unshare", append([]string{"-m", "sh", "-c", script, "sh", im.root}, args...)...)
	}
	c.Env = append([]string{"ORIEL_DATA=/data", "PATH=" + os.Getenv("PATH")}, env...)
	return c
}

// serve starts the webmail in the image and returns where it listens.
func (im *image) serve(t *testing.T, env ...string) (p *program, addr string) {
	t.Helper()
	p = launch(t, im.command(append([]string{"ORIEL_LISTEN=127.0.0.1:0", "ORIEL_TZ=Europe/Berlin"}, env...)))
	addr = p.await(t, `msg="oriel is ready" listen=(\S+)`)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil || !strings.Contains(string(status), "Uid:\t65532\t65532\t65532\t65532\n") {
		t.Errorf("the program runs as another user: %v", err)
	}
	return p, addr
}

func (im *image) contents(t *testing.T) {
	var files []string
	filepath.WalkDir(im.root, func(name string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(im.root, name); err == nil && !d.IsDir() {
			files = append(files, rel)
		}
		return err
	})
	want := []string{"etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "oriel"}
	if !slices.Equal(files, want) {
		t.Errorf("the image holds %v, want %v", files, want)
	}
	bin, err := elf.Open(filepath.Join(im.root, "oriel"))
	if err != nil {
		t.Fatal(err)
	}
	defer bin.Close()
	for _, p := range bin.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program is not static: it wants a loader")
		}
	}
}

// session signs in, restarts the program and is still signed in.
func (im *image) session(t *testing.T) {
	mail, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	env := "ORIEL_IMAP=imap+insecure://" + mail.IMAPAddr
	p, addr := im.serve(t, env)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := get(t, "http://"+addr+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if out, err := im.command([]string{"ORIEL_LISTEN=" + addr}, "healthcheck").CombinedOutput(); err != nil {
		t.Errorf("healthcheck: %v %s", err, out)
	}
	if out, err := im.command([]string{"ORIEL_LISTEN=127.0.0.1:1"}, "healthcheck").CombinedOutput(); err == nil {
		t.Errorf("healthcheck of nothing succeeds: %s", out)
	}
	cookies := signIn(t, addr)
	if n := p.stop(t, syscall.SIGTERM); n != exitOK {
		t.Errorf("status %d", n)
	}
	p, addr = im.serve(t, env)
	r, _ := http.NewRequest("GET", "http://"+addr+"/m/INBOX", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), `data-view="list"`) {
		t.Errorf("after a restart: %s", res.Status)
	}
	if n := p.stop(t, syscall.SIGTERM); n != exitOK {
		t.Errorf("status %d", n)
	}
}

func signIn(t *testing.T, addr string) []*http.Cookie {
	t.Helper()
	form := url.Values{"username": {demo.User}, "password": {demo.Password}}
	r, _ := http.NewRequest("POST", "http://"+addr+"/login", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) < 2 {
		t.Fatalf("sign-in: %s, %d cookies", res.Status, len(res.Cookies()))
	}
	return res.Cookies()
}

// roots finds out whether the program reads the CA roots of its image: a
// server's certificate is added to them, and the program asked to trust it.
func (im *image) roots(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	cert := server.TLS.Certificates[0]
	server.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go greet(l)
	bundle, err := os.OpenFile(filepath.Join(im.root, "etc/ssl/certs/ca-certificates.crt"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := pem.Encode(bundle, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}); err != nil {
		t.Fatal(err)
	}
	bundle.Close()
	p, addr := im.serve(t, "ORIEL_IMAP=imaps://"+l.Addr().String())
	if status, body := get(t, "http://"+addr+"/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, body)
	}
	p.stop(t, syscall.SIGTERM)
}

// greet is as much of an IMAP server as a look at the greeting needs.
func greet(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			io.WriteString(c, "* OK [CAPABILITY IMAP4rev1] ready\r\n")
			io.Copy(io.Discard, c)
		}()
	}
}

// untouched makes sure that the program wrote to /data and nowhere else.
func (im *image) untouched(t *testing.T) {
	var outside, inside int
	filepath.WalkDir(im.root, func(name string, d fs.DirEntry, err error) error {
		info, e := d.Info()
		if err != nil || e != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(name, im.data+"/") {
			inside++
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", name, info.Mode())
			}
		} else if info.Sys().(*syscall.Stat_t).Uid == imageUser {
			outside++
		}
		return nil
	})
	if outside != 0 || inside < 2 {
		t.Errorf("%d files outside /data, %d in it", outside, inside)
	}
}
