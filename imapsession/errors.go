package imapsession

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/emersion/go-imap/v2"

	"oriel/decode"
	"oriel/imapsession/wire"
	"oriel/mail"
)

// This file is the only place where IMAP response codes and network failures
// become kinds of mail.Error.

// errUnreadable marks the end of a connection for an answer that the client
// cannot parse or that is over a limit: asking again gives the same, so that it
// is no reason to retry but to leave the offending message out.
var errUnreadable = errors.New("imapsession: the server's answer cannot be read")

func problem(kind mail.Kind, op, reason string, err error) *mail.Error {
	return &mail.Error{Kind: kind, Op: op, Reason: reason, Err: err}
}

// fault translates what a command returned, and marks the connection as lost
// when it is.
func (c *conn) fault(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *mail.Error
	if errors.As(err, &known) {
		return err
	}
	var answer *imap.Error
	if errors.As(err, &answer) {
		if disconnected(answer) {
			c.lost = true
			c.sock.cut()
		}
		return refusal(op, answer)
	}
	byClient := c.sock.endedHere()
	c.lost = true
	c.sock.cut()
	switch ended := c.nc.Err(); {
	case errors.Is(ended, wire.ErrTimeout):
		return problem(mail.Timeout, op, "", err)
	case errors.Is(ended, wire.ErrLimit):
		return problem(mail.Dropped, op, "", errUnreadable)
	case ended == nil && byClient:
		// Nobody but the client itself has closed it: it met bytes that it does
		// not understand. The text of such an error may quote mail, so it is
		// not kept.
		return problem(mail.Dropped, op, "", errUnreadable)
	}
	return problem(mail.Dropped, op, c.bye(), err)
}

// refusal translates NO and BAD (RFC 3501 section 7.1, RFC 5530).
func refusal(op string, e *imap.Error) *mail.Error {
	kind := mail.Refused
	switch e.Code {
	case imap.ResponseCodeTryCreate, imap.ResponseCodeNonExistent:
		kind = mail.NoFolder
	case imap.ResponseCodeOverQuota:
		kind = mail.OverQuota
	case imap.ResponseCodeTooBig:
		kind = mail.TooLarge
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse:
		kind = mail.Unreachable
	case imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed, imap.ResponseCodeExpired:
		kind = mail.Denied
	case "", imap.ResponseCodeAlert:
		// Cyrus imapd and Courier say it in words.
		if strings.Contains(strings.ToLower(e.Text), "quota") {
			kind = mail.OverQuota
		}
	}
	if away(e) {
		kind = mail.Unreachable
	}
	return problem(kind, op, words(e.Text), e)
}

// away reports whether a refusal speaks of the server and not of what was asked.
// Exchange, Gmail and Yahoo slow users down who ask much, and say so without a
// code of RFC 5530, or with one that means something else.
func away(e *imap.Error) bool {
	text := strings.ToLower(e.Text)
	for _, phrase := range []string{"server unavailable", "temporarily unavailable", "temporary failure", "system error", "command or bandwidth limits"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return disconnected(e)
}

// disconnected reports whether the server has taken a sign-in and has no mailbox
// behind it (Exchange). Nothing works on such a connection, ever.
func disconnected(e *imap.Error) bool {
	return strings.Contains(strings.ToLower(e.Text), "authenticated but not connected")
}

// selectFault is fault for SELECT and STATUS: a NO without a telling code means
// that there is no such mailbox.
func (c *conn) selectFault(op string, err error) error {
	var answer *imap.Error
	if errors.As(err, &answer) && answer.Type == imap.StatusResponseTypeNo && !away(answer) {
		switch answer.Code {
		case "", imap.ResponseCodeCannot, imap.ResponseCodeTryCreate:
			return problem(mail.NoFolder, op, words(answer.Text), answer)
		}
	}
	return c.fault(op, err)
}

// loginFault translates the failure of LOGIN. Most servers give no code with a
// wrong password, so that a bare NO means Denied; the codes that speak of the
// server's own state mean that the password was not looked at.
func (c *conn) loginFault(op string, err error) error {
	var answer *imap.Error
	if !errors.As(err, &answer) {
		return c.fault(op, err)
	}
	kind := mail.Denied
	switch answer.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeServerBug:
		kind = mail.Unreachable
	case imap.ResponseCodeLimit, imap.ResponseCodeContactAdmin, imap.ResponseCodePrivacyRequired,
		imap.ResponseCodeAlert, imap.ResponseCodeNoPerm, imap.ResponseCodeCannot, imap.ResponseCodeClientBug:
		kind = mail.Refused
	}
	if answer.Type != imap.StatusResponseTypeNo {
		kind = mail.Refused
	}
	if away(answer) {
		kind = mail.Unreachable
	}
	return problem(kind, op, words(answer.Text), answer)
}

// words are the server's own, fit to be shown: one line, no control characters,
// not longer than a sentence or two.
func words(s string) string {
	s = strings.TrimSpace(decode.Clean(decode.Text([]byte(s), "utf-8")))
	const limit = 300
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}

// contextFault says why a request ended before the server's answer.
func contextFault(op string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return problem(mail.Timeout, op, "", err)
	}
	return problem(mail.Dropped, op, "", err)
}

// asError makes sure that only *mail.Error leaves the package.
func asError(op string, err error) error {
	var known *mail.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return contextFault(op, err)
	}
	return problem(mail.Internal, op, "", err)
}

// dialFault translates a failed TCP connect.
func dialFault(ctx context.Context, err error) error {
	const op = "connect"
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return problem(mail.Unreachable, op, "no server of that name is known", err)
	case errors.As(err, &dns):
		return problem(mail.Unreachable, op, "the name of the server cannot be looked up", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return problem(mail.Unreachable, op, "nothing answers at that port", err)
	case isTimeout(err):
		return problem(mail.Timeout, op, "", err)
	case ctx.Err() != nil:
		return contextFault(op, ctx.Err())
	}
	return problem(mail.Unreachable, op, "", err)
}

// handshakeFault translates a failed TLS handshake: wrong protocol, wrong
// certificate, or a server that hung up.
func handshakeFault(ctx context.Context, err error) error {
	const op = "TLS"
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return foreign(op, string(record.RecordHeader[:]), err)
	}
	if reason := certificateReason(err); reason != "" {
		return problem(mail.BadTLS, op, reason, err)
	}
	switch {
	case isTimeout(err):
		return problem(mail.Timeout, op, "", err)
	case ctx.Err() != nil:
		return contextFault(op, ctx.Err())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return problem(mail.PlainPort, op, "the server hung up when TLS was offered", err)
	}
	return problem(mail.BadTLS, op, "the server and Oriel agree on no TLS version or cipher", err)
}

func certificateReason(err error) string {
	var (
		unknown *x509.UnknownAuthorityError
		byValue x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &byValue):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &host):
		return "the certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "the certificate is not valid for this server"
	}
	return ""
}

// foreign classes the first bytes of something that is no IMAP server, or not
// one that speaks the way it was spoken to.
func foreign(op, start string, err error) error {
	switch {
	case strings.HasPrefix(start, "* "):
		return problem(mail.PlainPort, op, "the server does not speak TLS at this port", err)
	case strings.HasPrefix(start, "220"), strings.HasPrefix(start, "554"):
		return problem(mail.WrongServer, op, "a server for sending mail (SMTP) answers there", err)
	case strings.HasPrefix(start, "+OK"):
		return problem(mail.WrongServer, op, "a POP3 server answers there", err)
	case strings.HasPrefix(start, "HTTP"):
		return problem(mail.WrongServer, op, "a web server answers there", err)
	case strings.HasPrefix(start, "SSH-"):
		return problem(mail.WrongServer, op, "an SSH server answers there", err)
	case len(start) > 0 && (start[0] == 0x15 || start[0] == 0x16):
		return problem(mail.PlainPort, op, "the server speaks TLS from the first byte at this port", err)
	}
	return problem(mail.PlainPort, op, "the server does not answer as an IMAP server", err)
}

// greetingFault translates a failed read of the greeting.
func greetingFault(ctx context.Context, op string, err error) error {
	switch {
	case isTimeout(err):
		return problem(mail.Timeout, op, "", err)
	case ctx.Err() != nil:
		return contextFault(op, ctx.Err())
	}
	return problem(mail.Dropped, op, "", err)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &t) && t.Timeout()
}
