package imapsession_test

import (
	"context"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// TestSignInRefused: what a server may say in place of welcome. Each is one
// connection and at most one LOGIN.
func TestSignInRefused(t *testing.T) {
	login := func(answer string) func(c *imapscript.Conn) {
		return func(c *imapscript.Conn) {
			c.Send("* OK [CAPABILITY IMAP4rev1] ready\r\n")
			if cmd, ok := c.ReadUntil("LOGIN"); ok {
				c.Send(answer, cmd.Tag)
				c.Hang()
			}
		}
	}
	greet := func(line string) func(c *imapscript.Conn) {
		return func(c *imapscript.Conn) { c.Send("%s", line); c.Hang() }
	}
	tests := map[string]struct {
		script func(c *imapscript.Conn)
		kind   mail.Kind
		words  string
		logins int
	}{
		"wrong password":      {login("%s NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"), mail.Denied, "", 1},
		"no without a code":   {login("%s NO Login failed\r\n"), mail.Denied, "", 1},
		"unavailable":         {login("%s NO [UNAVAILABLE] Backend is\x1b down\r\n"), mail.Unreachable, "Backend is down", 1},
		"limit":               {login("%s NO [LIMIT] Too many connections\r\n"), mail.Refused, "Too many connections", 1},
		"bad":                 {login("%s BAD what\r\n"), mail.Refused, "what", 1},
		"silent at login":     {func(c *imapscript.Conn) { c.Send("* OK [CAPABILITY IMAP4rev1] ready\r\n"); c.Hang() }, mail.Timeout, "", -1},
		"drops at login":      {func(c *imapscript.Conn) { c.Send("* OK [CAPABILITY IMAP4rev1] ready\r\n"); c.Read() }, mail.Dropped, "", 1},
		"silent":              {func(c *imapscript.Conn) { c.Hang() }, mail.Timeout, "", -1},
		"SMTP":                {greet("220 mx.example.org ESMTP\r\n"), mail.WrongServer, "SMTP", 0},
		"POP3":                {greet("+OK Dovecot ready.\r\n"), mail.WrongServer, "POP3", 0},
		"web server":          {greet("HTTP/1.1 400 Bad Request\r\n\r\n"), mail.WrongServer, "web server", 0},
		"TLS alert":           {greet("\x15\x03\x01\x00\x02\x02\x0a"), mail.PlainPort, "TLS", 0},
		"TLS port hangs up":   {func(c *imapscript.Conn) { c.Line() }, mail.PlainPort, "TLS", -1},
		"garbage":             {greet(strings.Repeat("x", 20000)), mail.PlainPort, "", 0},
		"bye":                 {greet("* BYE Too busy\r\n"), mail.Unreachable, "Too busy", 0},
		"PREAUTH":             {greet("* PREAUTH welcome\r\n"), mail.Unsupported, "PREAUTH", 0},
		"alert, then PREAUTH": {greet("* OK [ALERT] Filesystem notification failure\r\n* PREAUTH ready\r\n"), mail.Unsupported, "PREAUTH", -1},
		"no LOGIN offered":    {greet("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready\r\n"), mail.Unsupported, "", 0},
		"endless capability": {func(c *imapscript.Conn) {
			c.Send("* OK ready\r\n")
			c.Read()
			c.Flood("* CAPABILITY IMAP4rev1\r\n", 1<<20)
		}, mail.WrongServer, "", 0},
		"closed at once": {func(c *imapscript.Conn) { time.Sleep(10 * time.Millisecond) }, mail.Dropped, "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := imapscript.Start(t, test.script)
			p := imapsession.NewPool(imapsession.Server{Host: "127.0.0.1", Port: srv.Port, Mode: imapsession.Plain}, imapsession.Options{Limits: impatient})
			defer p.Close(context.Background())
			_, err := p.SignIn(t.Context(), "owner", "user", "secret")
			wantKind(t, err, test.kind)
			if !strings.Contains(err.Error(), test.words) || strings.ContainsAny(err.Error(), "\x1b") || strings.Contains(err.Error(), "secret") {
				t.Errorf("error is %q", err)
			}
			if n := srv.Sent("LOGIN"); srv.Accepted() != 1 || test.logins >= 0 && n != test.logins {
				t.Errorf("%d connections, %d LOGIN", srv.Accepted(), n)
			}
		})
	}
}

// TestAlertBeforeGreeting is T16: an alert is no greeting.
func TestAlertBeforeGreeting(t *testing.T) {
	m := inbox(modern, 2)
	m.Greeting = "* OK [ALERT] Filesystem notification failure\r\n* OK ready"
	s, _ := signIn(t, m, imapsession.Options{})
	if l := list(t, s); len(l.Rows) != 2 {
		t.Errorf("%d rows", len(l.Rows))
	}
}

// TestCapabilitiesAfterLogin is T19: what the greeting offers is not what a
// signed-in connection has.
func TestCapabilitiesAfterLogin(t *testing.T) {
	for name, caps := range map[string][2]string{"told": {"[CAPABILITY IMAP4rev1 UIDPLUS MOVE LOGINDISABLED] ", ""}, "asked": {"", "* CAPABILITY IMAP4rev1 UIDPLUS MOVE\r\n"}} {
		t.Run(name, func(t *testing.T) {
			m := inbox("IMAP4rev1", 2)
			m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				switch cmd.Name {
				case "LOGIN":
					c.OK(cmd, caps[0]+"welcome")
					return true
				case "CAPABILITY":
					c.Send("%s", caps[1])
					c.OK(cmd, "done")
					return true
				}
				return false
			}
			s, srv := signIn(t, m, imapsession.Options{})
			if _, err := s.Move(t.Context(), []mail.Ref{ref(1)}, "Trash"); err != nil {
				t.Fatal(err)
			}
			if srv.Sent("UID MOVE") != 1 || srv.Sent("UID COPY") != 0 {
				t.Errorf("commands: %q", srv.Commands())
			}
		})
	}
}

// TestTLS covers certificates and ports on a real server.
func TestTLS(t *testing.T) {
	d := dovecot.Start(t)
	d.AddUser("ann", "secret")
	server := func(port int, mode imapsession.Mode, roots *x509.CertPool, name string) imapsession.Server {
		return imapsession.Server{Host: d.Host, Port: port, Mode: mode, Roots: roots, Name: name}
	}
	tests := map[string]struct {
		server imapsession.Server
		kind   mail.Kind // Internal: it works
		words  string
	}{
		"TLS, private CA":          {server(d.IMAPSPort, imapsession.TLS, d.Roots, ""), mail.Internal, ""},
		"TLS, by name":             {server(d.IMAPSPort, imapsession.TLS, d.Roots, "localhost"), mail.Internal, ""},
		"STARTTLS":                 {server(d.IMAPPort, imapsession.STARTTLS, d.Roots, ""), mail.Internal, ""},
		"plain":                    {server(d.IMAPPort, imapsession.Plain, nil, ""), mail.Internal, ""},
		"TLS, unknown CA":          {server(d.IMAPSPort, imapsession.TLS, nil, ""), mail.BadTLS, "unknown authority"},
		"STARTTLS, unknown CA":     {server(d.IMAPPort, imapsession.STARTTLS, nil, ""), mail.BadTLS, "unknown authority"},
		"TLS, other name":          {server(d.IMAPSPort, imapsession.TLS, d.Roots, "mail.example.org"), mail.BadTLS, "another name"},
		"TLS to the plain port":    {server(d.IMAPPort, imapsession.TLS, d.Roots, ""), mail.PlainPort, ""},
		"plain to the TLS port":    {server(d.IMAPSPort, imapsession.Plain, nil, ""), mail.PlainPort, ""},
		"STARTTLS to the TLS port": {server(d.IMAPSPort, imapsession.STARTTLS, d.Roots, ""), mail.PlainPort, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := impatient
			limits.Greeting, limits.SignIn, limits.Login, limits.First = 3*time.Second, 8*time.Second, 5*time.Second, 5*time.Second
			p := imapsession.NewPool(test.server, imapsession.Options{Limits: limits})
			defer p.Close(context.Background())
			s, err := p.SignIn(t.Context(), "owner", "ann", "secret")
			if perr := p.Ping(t.Context()); mail.KindOf(perr) != mail.KindOf(err) {
				t.Errorf("Ping says %v, SignIn %v", perr, err)
			}
			if test.kind != mail.Internal {
				wantKind(t, err, test.kind)
				if !strings.Contains(err.Error(), test.words) {
					t.Errorf("error is %q", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"}); err != nil || len(l.Rows) != 0 {
				t.Errorf("list: %+v, %v", l, err)
			}
			_, err = p.SignIn(t.Context(), "other", "ann", "wrong")
			wantKind(t, err, mail.Denied)
		})
	}
}

// TestForeignServersOverTLS: an SMTP or POP3 server where TLS is expected.
func TestForeignServersOverTLS(t *testing.T) {
	for greeting, kind := range map[string]mail.Kind{"220 mx ESMTP\r\n": mail.WrongServer, "+OK pop\r\n": mail.WrongServer, "* OK imap\r\n": mail.PlainPort, "HTTP/1.0 400\r\n": mail.WrongServer} {
		srv := imapscript.Start(t, func(c *imapscript.Conn) { c.Send("%s", greeting); c.Hang() })
		p := imapsession.NewPool(imapsession.Server{Host: "127.0.0.1", Port: srv.Port}, imapsession.Options{Limits: impatient})
		defer p.Close(context.Background())
		_, err := p.SignIn(t.Context(), "owner", "user", "secret")
		wantKind(t, err, kind)
	}
}

// TestStartTLS: no TLS, no password.
func TestStartTLS(t *testing.T) {
	tests := map[string]struct {
		caps, answer string
		kind         mail.Kind
	}{
		"not offered":           {"IMAP4rev1", "", mail.NoStartTLS},
		"refused":               {"IMAP4rev1 STARTTLS", "%s NO not now\r\n", mail.NoStartTLS},
		"data before handshake": {"IMAP4rev1 STARTTLS", "%s OK go\r\n* OK injected\r\n", mail.BadTLS},
		"PREAUTH slipped in":    {"IMAP4rev1 STARTTLS", "* PREAUTH hello\r\n%s OK go\r\n", mail.Unsupported},
		"no handshake":          {"IMAP4rev1 STARTTLS", "%s OK go\r\n", mail.Timeout},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := imapscript.Start(t, func(c *imapscript.Conn) {
				c.Send("* OK [CAPABILITY %s] ready\r\n", test.caps)
				if cmd, ok := c.Read(); ok && cmd.Name == "STARTTLS" {
					c.Send(test.answer, cmd.Tag)
					c.Hang()
				}
			})
			p := imapsession.NewPool(imapsession.Server{Host: "127.0.0.1", Port: srv.Port, Mode: imapsession.STARTTLS}, imapsession.Options{Limits: impatient})
			defer p.Close(context.Background())
			_, err := p.SignIn(t.Context(), "owner", "user", "secret")
			wantKind(t, err, test.kind)
			if srv.Sent("LOGIN") != 0 {
				t.Error("the password was sent")
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	for _, host := range []string{"127.0.0.1", "no-such-host.invalid"} {
		p := imapsession.NewPool(imapsession.Server{Host: host, Port: port, Mode: imapsession.Plain}, imapsession.Options{})
		defer p.Close(context.Background())
		_, err := p.SignIn(t.Context(), "owner", "user", "secret")
		wantKind(t, err, mail.Unreachable)
		wantKind(t, p.Ping(t.Context()), mail.Unreachable)
	}
	p := imapsession.NewPool(imapsession.Server{Host: "127.0.0.1", Port: port}, imapsession.Options{})
	defer p.Close(context.Background())
	for _, bad := range [][2]string{{"", "x"}, {"a\r\nb LOGOUT", "x"}, {"a", "x\x00"}} {
		_, err := p.SignIn(t.Context(), "owner", bad[0], bad[1])
		wantKind(t, err, mail.Denied)
	}
}

// TestPasswordChanged: after the server has refused the password once, it is not
// offered again, so that no account is locked by a webmail that keeps trying.
func TestPasswordChanged(t *testing.T) {
	m := inbox(modern, 1)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if c.Number > 1 && cmd.Name == "LOGIN" {
			c.No(cmd, "[AUTHENTICATIONFAILED] no more")
			return true
		}
		if c.Number == 1 && cmd.Name == "UID FETCH" {
			c.Drop()
			return true
		}
		return false
	}
	s, srv := signIn(t, m, imapsession.Options{})
	for range 3 {
		_, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
		wantKind(t, err, mail.Denied)
	}
	if n := srv.Sent("LOGIN"); n != 2 {
		t.Errorf("%d LOGIN, want 2", n)
	}
}
