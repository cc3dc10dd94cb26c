package config

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// key is a signing key that is good enough for the check of randomness.
func key(first byte) string {
	b := make([]byte, keyBytes)
	for i := range b {
		b[i] = first + byte(i)
	}
	return base64.StdEncoding.EncodeToString(b)
}

const imap = "ORIEL_IMAP=imaps://mail.example.org"

func TestDefaults(t *testing.T) {
	c, err := Load(nil, []string{imap, "HOME=/root", "ORIEL_SMTP="})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":8080" || c.Data != "./data" || c.TZ.String() != "UTC" || c.SMTP.IsSet() || c.Keys != nil || c.Roots != nil ||
		c.InsecureCookies || c.AllowInsecure || c.LogFormat != "text" || c.LogLevel != 0 || c.IMAPConnections != 4000 || c.IMAPLoginRate != 50 || c.PublicURL != nil || len(c.Warnings()) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestFlagsOverEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key(2)+"\n"+key(3)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{imap, "ORIEL_LISTEN=:1", "ORIEL_KEY=" + key(1), "ORIEL_ALLOW_INSECURE=0", "ORIEL_DOMAIN=@Example.ORG"}
	c, err := Load([]string{"-listen", ":2", "-key-file=" + file, "-allow-insecure", "--tz", "Europe/Berlin"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":2" || len(c.Keys) != 2 || c.Keys[0][0] != 2 || !c.AllowInsecure || c.TZ.String() != "Europe/Berlin" || c.Domain != "example.org" {
		t.Errorf("%+v", c)
	}
}

func TestServerURLs(t *testing.T) {
	for _, x := range []struct {
		in   string
		want Server
		bad  string // part of the problem
	}{
		{in: "imaps://mail.example.org", want: Server{"mail.example.org", 993, TLS}},
		{in: "imaps://mail.example.org/", want: Server{"mail.example.org", 993, TLS}},
		{in: "IMAPS://Mail.Example.ORG.:1993", want: Server{"mail.example.org", 1993, TLS}},
		{in: "imap://mail.example.org", want: Server{"mail.example.org", 143, StartTLS}},
		{in: "imap://dovecot_1:1143", want: Server{"dovecot_1", 1143, StartTLS}},
		{in: "imap+insecure://127.0.0.1", want: Server{"127.0.0.1", 143, Plain}},
		{in: "imap+insecure://127.8.9.10:4711", want: Server{"127.8.9.10", 4711, Plain}},
		{in: "imap+insecure://localhost:4711", want: Server{"localhost", 4711, Plain}},
		{in: "imap+insecure://[::1]:4711", want: Server{"::1", 4711, Plain}},
		{in: "imaps://[2001:db8::7]", want: Server{"2001:db8::7", 993, TLS}},
		{in: "imaps://xn--bcher-kva.example", want: Server{"xn--bcher-kva.example", 993, TLS}},
		{in: "imap+insecure://mail.example.org", bad: "ORIEL_ALLOW_INSECURE=1"},
		{in: "imap+insecure://10.0.0.1", bad: "ORIEL_ALLOW_INSECURE=1"},
		{in: "imap+insecure://localhost.example.org", bad: "ORIEL_ALLOW_INSECURE=1"},
		{in: "imap+insecure://127.0.0.1.example.org", bad: "ORIEL_ALLOW_INSECURE=1"},
		{in: "mail.example.org:993", bad: "imaps://mail.example.org"},
		{in: "smtps://mail.example.org", bad: "must begin with imaps://"},
		{in: "https://mail.example.org", bad: "must begin with imaps://"},
		{in: "imaps+insecure://127.0.0.1", bad: "must begin with imaps://"},
		{in: "imaps://", bad: "names no host"},
		{in: "imaps://:993", bad: "names no host"},
		{in: "imaps://mail.example.org:", bad: "no port after it"},
		{in: "imaps://mail.example.org:0", bad: "1 to 65535"},
		{in: "imaps://mail.example.org:65536", bad: "1 to 65535"},
		{in: "imaps://mail.example.org:imap", bad: "no URL"},
		{in: "imaps://anna:s3cret@mail.example.org", bad: "user name or password"},
		{in: "imaps://mail.example.org/INBOX", bad: "after host and port"},
		{in: "imaps://mail.example.org?tls=0", bad: "after host and port"},
		{in: "imaps://mail.example.org#", bad: "after host and port"},
		{in: "imaps://bücher.example", bad: "xn--"},
		{in: "imaps://mail..example", bad: "cannot be right"},
		{in: "imaps://-mail.example", bad: "cannot be right"},
	} {
		c, err := Load([]string{"-imap", x.in}, nil)
		switch {
		case x.bad == "" && (err != nil || c.IMAP != x.want):
			t.Errorf("%s: %+v, %v", x.in, c.IMAP, err)
		case x.bad != "" && (err == nil || !strings.Contains(err.Error(), x.bad)):
			t.Errorf("%s: %v, want something with %q", x.in, err, x.bad)
		case err != nil && strings.Contains(err.Error(), "s3cret"):
			t.Errorf("%s: the problem repeats the password", x.in)
		}
		if err != nil && len(err.(Problems)) != 1 {
			t.Errorf("%s: %d problems for one mistake: %v", x.in, len(err.(Problems)), err)
		}
	}
}

func TestSMTP(t *testing.T) {
	for in, want := range map[string]Server{
		"smtps://mail.example.org":       {"mail.example.org", 465, TLS},
		"smtp://mail.example.org":        {"mail.example.org", 587, StartTLS},
		"smtp+insecure://localhost":      {"localhost", 25, Plain},
		"smtp+insecure://127.0.0.1:2525": {"127.0.0.1", 2525, Plain},
	} {
		c, err := Load(nil, []string{imap, "ORIEL_SMTP=" + in})
		if err != nil || c.SMTP != want {
			t.Errorf("%s: %+v, %v", in, c.SMTP, err)
		}
		if w := strings.Join(c.Warnings(), "\n"); !strings.Contains(w, "reads only") {
			t.Errorf("%s: warnings %q", in, w)
		}
	}
}

func TestAllowInsecure(t *testing.T) {
	c, err := Load(nil, []string{"ORIEL_IMAP=imap+insecure://mail", "ORIEL_SMTP=smtp+insecure://mail", "ORIEL_ALLOW_INSECURE=1"})
	if err != nil || c.IMAP.Security != Plain {
		t.Fatal(err)
	}
	if w := strings.Join(c.Warnings(), "\n"); !strings.Contains(w, "ORIEL_IMAP is unencrypted") || !strings.Contains(w, "ORIEL_SMTP is unencrypted") {
		t.Errorf("warnings %q", w)
	}
}

// Every problem of a configuration is told at once, in one stable order.
func TestAllProblemsAtOnce(t *testing.T) {
	env := []string{
		"ORIEL_IMPA=imaps://mail.example.org", "ORIEL_COLOUR=red", "ORIEL_LISTEN=8080", "ORIEL_KEY=abc", "ORIEL_TZ=Mars/Olympus",
		"ORIEL_REDIS=redis://:s3cret@redis", "ORIEL_INSECURE_COOKIES=maybe", "ORIEL_TRUSTED_PROXIES=10.0.0.0/8,proxy",
		"ORIEL_PUBLIC_URL=https://example.org/mail", "ORIEL_CA_FILE=/nonexistent/ca.pem", "ORIEL_LOG_LEVEL=loud",
	}
	_, err := Load([]string{"-tzz=UTC"}, env)
	var p Problems
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	want := []string{
		"ORIEL_COLOUR is not a setting of Oriel.",
		"ORIEL_IMPA is not a setting of Oriel: did you mean ORIEL_IMAP?",
		"-tzz is not a flag of Oriel: did you mean -tz?",
		"ORIEL_LISTEN: must be host:port",
		"ORIEL_IMAP is not set. ",
		"ORIEL_CA_FILE: the file cannot be read",
		"ORIEL_KEY: key 1 ",
		"ORIEL_PUBLIC_URL: must end after the host",
		`ORIEL_TRUSTED_PROXIES: "proxy" is neither`,
		"ORIEL_INSECURE_COOKIES: must be 1 or 0",
		"ORIEL_TZ: is not a time zone",
		"ORIEL_LOG_LEVEL: must be debug",
		"ORIEL_REDIS: this version keeps sessions on one node",
	}
	if len(p) != len(want) {
		t.Errorf("%d problems, want %d", len(p), len(want))
	}
	for i := range min(len(p), len(want)) {
		if !strings.HasPrefix(p[i], want[i]) {
			t.Errorf("problem %d: %q, want %q", i, p[i], want[i])
		}
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Error("a problem repeats a password")
	}
}

func TestSuggestions(t *testing.T) {
	for in, want := range map[string]string{
		"ORIEL_IMPA": "ORIEL_IMAP", "ORIEL_LISTENS": "ORIEL_LISTEN", "ORIEL_TRUSTED_PROXY": "", "ORIEL_TRUSTED_PROXYS": "",
		"ORIEL_CAFILE": "ORIEL_CA_FILE", "ORIEL_KEYFILE": "ORIEL_KEY_FILE", "ORIEL_SMPT": "ORIEL_SMTP", "ORIEL_PASSWORD": "", "ORIEL_": "",
		"ORIEL_" + strings.Repeat("A", 1000): "",
	} {
		_, err := Load(nil, []string{imap, in + "=x"})
		if err == nil || !strings.HasPrefix(err.Error(), in+" is not a setting") {
			t.Errorf("%.20s: %v", in, err)
			continue
		}
		if want != "" && !strings.HasSuffix(err.Error(), ": did you mean "+want+"?") || want == "" && strings.Contains(err.Error(), ": did you mean ORIEL_LISTEN") {
			t.Errorf("%.20s: %v, want %q", in, err, want)
		}
	}
}

// Kubernetes sets variables of this form for a service that is called oriel.
func TestKubernetesServiceVariables(t *testing.T) {
	injected := []string{imap, "ORIEL_SERVICE_HOST=10.0.0.7", "ORIEL_SERVICE_PORT=8080", "ORIEL_SERVICE_PORT_HTTP=8080", "ORIEL_PORT=tcp://10.0.0.7:8080",
		"ORIEL_PORT_8080_TCP=tcp://10.0.0.7:8080", "ORIEL_PORT_8080_TCP_PROTO=tcp", "ORIEL_PORT_8080_TCP_PORT=8080", "ORIEL_PORT_8080_TCP_ADDR=10.0.0.7"}
	if _, err := Load(nil, append(injected, "KUBERNETES_SERVICE_HOST=10.0.0.1")); err != nil {
		t.Error(err)
	}
	if _, err := Load(nil, injected); err == nil {
		t.Error("accepted outside Kubernetes")
	}
	if _, err := Load(nil, append(injected, "KUBERNETES_SERVICE_HOST=10.0.0.1", "ORIEL_SERVICES=x")); err == nil {
		t.Error("a misspelt setting was accepted in Kubernetes")
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good, empty := write("good", key(1)+"\r\n"), write("empty", "\n")
	for _, x := range []struct {
		name string
		args []string
		env  []string
		bad  string
		keys int
	}{
		{name: "file", env: []string{"ORIEL_KEY_FILE=" + good}, keys: 1},
		{name: "flag over environment's file", args: []string{"-key", key(4) + "\n" + key(5)}, env: []string{"ORIEL_KEY_FILE=" + good}, keys: 2},
		{name: "both", env: []string{"ORIEL_KEY_FILE=" + good, "ORIEL_KEY=" + key(1)}, bad: "given twice"},
		{name: "empty file", env: []string{"ORIEL_KEY_FILE=" + empty}, bad: "is empty"},
		{name: "no file", env: []string{"ORIEL_KEY_FILE=/nonexistent"}, bad: "cannot be read"},
		{name: "folder", env: []string{"ORIEL_KEY_FILE=" + dir}, bad: "cannot be read"},
		{name: "endless file", env: []string{"ORIEL_KEY_FILE=/dev/zero"}, bad: "larger than"},
		{name: "url alphabet, no padding", env: []string{"ORIEL_KEY=" + strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(key(200)), "=")}, keys: 1},
		{name: "short", env: []string{"ORIEL_KEY=" + base64.StdEncoding.EncodeToString([]byte("short"))}, bad: "has 5 bytes, not 32"},
		{name: "made up", env: []string{"ORIEL_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}, bad: "not random"},
		{name: "second is bad", env: []string{"ORIEL_KEY=" + key(1) + " %%%"}, bad: "key 2 is not base64"},
		{name: "no file for what is no secret", env: []string{"ORIEL_IMAP_FILE=" + good}, bad: "ORIEL_IMAP_FILE is not a setting"},
	} {
		c, err := Load(x.args, append([]string{imap}, x.env...))
		switch {
		case x.bad == "" && (err != nil || len(c.Keys) != x.keys):
			t.Errorf("%s: %d keys, %v", x.name, len(c.Keys), err)
		case x.bad != "" && (err == nil || !strings.Contains(err.Error(), x.bad)):
			t.Errorf("%s: %v, want something with %q", x.name, err, x.bad)
		}
	}
}

func TestRoots(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{"-ca-file", file}, []string{imap})
	if err != nil || c.Roots == nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("-----BEGIN PRIVATE KEY-----"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load([]string{"-ca-file", file}, []string{imap}); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("no certificate in it: %v", err)
	}
}

func TestValues(t *testing.T) {
	for _, x := range []struct {
		in   string // NAME=value
		good bool
	}{
		{"ORIEL_LISTEN=127.0.0.1:0", true}, {"ORIEL_LISTEN=[::1]:8080", true}, {"ORIEL_LISTEN=:http", false}, {"ORIEL_LISTEN=a b:1", false},
		{"ORIEL_PUBLIC_URL=https://mail.example.org/", true}, {"ORIEL_PUBLIC_URL=mail.example.org", false}, {"ORIEL_PUBLIC_URL=ftp://mail.example.org", false},
		{"ORIEL_PUBLIC_URL=https://u:p@mail.example.org", false}, {"ORIEL_PUBLIC_URL=https://mail.example.org:99999", false},
		{"ORIEL_TRUSTED_PROXIES=10.1.2.3, 192.168.0.0/16 2001:db8::/32", true}, {"ORIEL_TRUSTED_PROXIES=10.1.2.3/33", false}, {"ORIEL_TRUSTED_PROXIES=fe80::1%eth0", false},
		{"ORIEL_INSECURE_COOKIES=true", true}, {"ORIEL_INSECURE_COOKIES=2", false},
		{"ORIEL_DOMAIN=exa mple", false}, {"ORIEL_TZ=Local", false}, {"ORIEL_TZ=America/New_York", true}, {"ORIEL_TZ=../etc/passwd", false},
		{"ORIEL_AUTHSERV_ID=mx.example.org", true}, {"ORIEL_AUTHSERV_ID=a;b", false},
		{"ORIEL_ADMIN_LISTEN=127.0.0.1:6060", true}, {"ORIEL_ADMIN_LISTEN=:8080", false},
		{"ORIEL_IMAP_CONNECTIONS=10", true}, {"ORIEL_IMAP_CONNECTIONS=9", false}, {"ORIEL_IMAP_CONNECTIONS=many", false}, {"ORIEL_IMAP_CONNECTIONS=1000001", false},
		{"ORIEL_IMAP_LOGIN_RATE=0", true}, {"ORIEL_IMAP_LOGIN_RATE=-1", false}, {"ORIEL_IMAP_LOGIN_RATE=0.5", false},
		{"ORIEL_LOG_FORMAT=JSON", true}, {"ORIEL_LOG_FORMAT=xml", false}, {"ORIEL_LOG_LEVEL=Debug", true},
	} {
		if _, err := Load(nil, []string{imap, x.in}); (err == nil) != x.good {
			t.Errorf("%s: %v", x.in, err)
		}
	}
	c, err := Load(nil, []string{imap, "ORIEL_TRUSTED_PROXIES=10.1.2.3, ::ffff:10.9.9.9,192.168.7.7/16"})
	if err != nil || len(c.TrustedProxies) != 3 || c.TrustedProxies[0].Bits() != 32 || c.TrustedProxies[1].Bits() != 32 || c.TrustedProxies[2].Addr().String() != "192.168.0.0" {
		t.Errorf("%v, %v", c.TrustedProxies, err)
	}
}

func TestWarnings(t *testing.T) {
	for in, want := range map[string]string{
		"ORIEL_INSECURE_COOKIES=1":               "anyone on the network path",
		"ORIEL_PUBLIC_URL=http://mail.example":   "nobody can sign in",
		"ORIEL_PUBLIC_URL=http://localhost:8080": "",
		"ORIEL_TRUSTED_PROXIES=0.0.0.0/0":        "trusts every address",
		"ORIEL_ADMIN_LISTEN=:6060":               "reachable from other machines",
		"ORIEL_ADMIN_LISTEN=localhost:6060":      "",
	} {
		c, err := Load(nil, []string{imap, in})
		if w := strings.Join(c.Warnings(), "\n"); err != nil || (want == "") != (w == "") || !strings.Contains(w, want) {
			t.Errorf("%s: %q, %v", in, w, err)
		}
	}
}

func TestArguments(t *testing.T) {
	if _, err := Load([]string{"-h"}, nil); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
	for _, args := range [][]string{{"extra"}, {"-imap"}, {"-insecure-cookies", "serve"}} {
		if _, err := Load(args, []string{imap}); err == nil {
			t.Errorf("%v accepted", args)
		}
	}
}

// Every field must be named, explained and parsed.
func TestSettingsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range settings() {
		if !strings.HasPrefix(s.env, prefix) || seen[s.env] || !strings.HasSuffix(s.doc, ".") {
			t.Errorf("%s: bad or double name, or no sentence", s.env)
		}
		seen[s.env] = true
		var c Config
		if err := c.set(s.env, "x"); err != nil && err.Error() == "has no parser" {
			t.Errorf("%s has no parser", s.env)
		}
	}
	if n := reflect.TypeFor[Config]().NumField(); len(seen) != n {
		t.Errorf("%d settings, %d fields", len(seen), n)
	}
	// The names that operators were promised.
	for _, name := range strings.Fields("LISTEN IMAP SMTP CA_FILE KEY DATA REDIS PUBLIC_URL TRUSTED_PROXIES INSECURE_COOKIES ALLOW_INSECURE DOMAIN TZ AUTHSERV_ID ADMIN_LISTEN") {
		if !seen[prefix+name] {
			t.Errorf("%s%s is missing", prefix, name)
		}
	}
}

func FuzzServer(f *testing.F) {
	f.Add("imaps://mail.example.org:993")
	f.Add("imap+insecure://[::1]:1#")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := parseServer(in, "imap", 993, 143, 143)
		if err == nil && (!validHost(s.Host) || s.Port < 1 || s.Port > 65535 || s.Security == 0) {
			t.Errorf("%q: %+v", in, s)
		}
	})
}

// TestPublicURLIsAnOrigin: it is compared with the header Origin, which browsers
// write in lower case and without the usual port.
func TestPublicURLIsAnOrigin(t *testing.T) {
	for given, want := range map[string]string{
		"https://Mail.Example.org:443/": "https://mail.example.org", "http://localhost:80": "http://localhost",
		"https://mail.example.org:8443": "https://mail.example.org:8443", "http://[::1]:443": "http://[::1]:443",
	} {
		c, err := Load(nil, []string{"ORIEL_IMAP=imaps://imap.example.org", "ORIEL_PUBLIC_URL=" + given})
		if err != nil {
			t.Fatal(err)
		}
		if c.PublicURL.String() != want {
			t.Errorf("%s became %s, want %s", given, c.PublicURL, want)
		}
	}
}
