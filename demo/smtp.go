package demo

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

func newSMTP(a accounts, log *slog.Logger) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &submission{accounts: a}, nil
	}))
	s.Domain = "mx." + Domain
	s.MaxMessageBytes = maxMessage
	s.MaxRecipients = 100
	s.AllowInsecureAuth = true
	s.EnableSMTPUTF8 = true
	s.ReadTimeout = 5 * time.Minute
	s.WriteTimeout = 5 * time.Minute
	s.ErrorLog = printer{log}
	return s
}

// submission is one SMTP connection (RFC 6409). Mail to the two users arrives in
// their INBOX before DATA is answered; for everybody else the sender gets a
// delivery report, as nothing leaves the demo.
type submission struct {
	accounts accounts
	account  *account // nil before AUTH

	from string
	to   []string
}

// AuthMechanisms names what clients may use.
func (s *submission) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

// Auth starts an exchange.
func (s *submission) Auth(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error {
			return s.signIn(username, password)
		}), nil
	case sasl.Login:
		return &loginServer{check: s.signIn}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *submission) signIn(username, password string) error {
	a := s.accounts[username]
	if a == nil {
		a = s.accounts.byAddress(username)
	}
	if a == nil || a.store.Login(a.login, password) != nil {
		return smtp.ErrAuthFailed
	}
	s.account = a
	return nil
}

// loginServer is the LOGIN mechanism, which go-sasl has for clients only. It is
// obsolete, but some mail programs know nothing else.
type loginServer struct {
	check func(username, password string) error
	step  int
	user  string
}

// Next answers one response of the client.
func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	if l.step == 0 && response == nil {
		l.step = 1
		return []byte("Username:"), false, nil
	}
	if l.step <= 1 {
		l.user, l.step = string(response), 2
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// Mail begins a message.
func (s *submission) Mail(from string, _ *smtp.MailOptions) error {
	if s.account == nil {
		return smtp.ErrAuthRequired
	}
	s.Reset()
	s.from = from
	return nil
}

// Rcpt takes any recipient whose address has a domain.
func (s *submission) Rcpt(to string, _ *smtp.RcptOptions) error {
	if at := strings.LastIndexByte(to, '@'); at < 1 || at == len(to)-1 {
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 1, 3}, Message: "This address has no domain"}
	}
	s.to = append(s.to, to)
	return nil
}

// Data delivers.
func (s *submission) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var reached []*account
	var lost []string
	for _, to := range s.to {
		switch a := s.accounts.byAddress(to); {
		case a == nil:
			lost = append(lost, to)
		case !slices.Contains(reached, a):
			reached = append(reached, a)
		}
	}
	now := time.Now()
	for _, a := range reached {
		if err := a.deliver(append(trace(s.from, now), raw...)); err != nil {
			return err
		}
	}
	if len(lost) == 0 || s.from == "" {
		return nil // no report about a report (RFC 5321 section 4.5.5)
	}
	report, err := deliveryReport(s.account.address(), lost, raw, now)
	if err != nil {
		return err
	}
	return s.account.deliver(report)
}

// trace is what the last server writes above a message (RFC 5321 section 4.4).
func trace(from string, at time.Time) []byte {
	return fmt.Appendf(nil, "Return-Path: <%s>\r\nReceived: from localhost by mx.%s with ESMTPSA;\r\n\t%s\r\n",
		from, Domain, at.Format(time.RFC1123Z))
}

// Reset forgets the message.
func (s *submission) Reset() { s.from, s.to = "", nil }

// Logout ends the connection.
func (s *submission) Logout() error { return nil }

// deliveryReport tells the sender that nothing leaves the demo (RFC 3464).
func deliveryReport(to string, lost []string, original []byte, at time.Time) ([]byte, error) {
	var text, status strings.Builder
	text.WriteString("This is the mail server of the demo.\n\nYour message did not reach\n\n")
	fmt.Fprintf(&status, "Reporting-MTA: dns; mx.%s\nArrival-Date: %s\n", Domain, at.Format(time.RFC1123Z))
	for _, address := range lost {
		fmt.Fprintf(&text, "    %s\n", address)
		fmt.Fprintf(&status, "\nFinal-Recipient: rfc822; %s\nAction: failed\nStatus: 5.7.1\n"+
			"Diagnostic-Code: smtp; 550 5.7.1 The demo delivers to its own two mailboxes only\n", address)
	}
	fmt.Fprintf(&text, "\nbecause the demo delivers nothing to the outside world. Write to\n%s or %s instead: that arrives at once.\n",
		UserAddress, ColleagueAddress)
	e := entry{
		from: "Mail Delivery System <mailer-daemon@mx." + Domain + ">", to: to,
		subject: "Undelivered mail returned to sender", at: at, kind: "dsn",
		extra:    [][2]string{{"Auto-Submitted", "auto-replied"}},
		id:       fmt.Sprintf("report.%d@mx.%s", at.UnixNano(), Domain),
		sections: map[string]string{"": text.String(), "status": status.String(), "headers": string(headerOf(original))},
	}
	return compose(&e, nil)
}

// headerOf is the header of a message, as far as a report may quote it.
func headerOf(raw []byte) []byte {
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		raw = raw[:i+2]
	}
	return bytes.ReplaceAll(raw[:min(len(raw), 64<<10)], []byte("\r\n"), []byte("\n"))
}
