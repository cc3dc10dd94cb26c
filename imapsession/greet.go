package imapsession

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"oriel/mail"
)

// opener is the dialogue before go-imap takes over: greeting, capabilities and
// STARTTLS, read by hand. go-imap would accept PREAUTH, take an alert for the
// greeting, and keep data that came before the TLS handshake.
type opener struct {
	ctx   context.Context
	conn  net.Conn
	br    *bufio.Reader
	limit time.Duration
	caps  map[string]bool // upper case; nil: not known yet
}

// maxLine is far above any greeting or capability list.
const maxLine = 8 << 10

func newOpener(ctx context.Context, conn net.Conn, limit time.Duration) *opener {
	return &opener{ctx: ctx, conn: conn, br: bufio.NewReaderSize(conn, maxLine), limit: limit}
}

// greeting reads the greeting. A server that stays silent because it waits for
// TLS is told apart from a dead one by saying something harmless to it: it
// answers with a TLS alert or hangs up.
func (o *opener) greeting(probe bool) error {
	const op = "greeting"
	wait := o.limit
	if probe {
		wait = o.limit / 3
	}
	o.conn.SetReadDeadline(time.Now().Add(wait))
	_, err := o.br.Peek(1)
	probed := false
	if err != nil && probe && isTimeout(err) && o.ctx.Err() == nil {
		probed = true
		o.br.Reset(o.conn)
		o.conn.SetDeadline(time.Now().Add(o.limit - wait))
		if _, err = o.conn.Write([]byte("o0 NOOP\r\n")); err == nil {
			_, err = o.br.Peek(1)
		}
	}
	if err != nil {
		if probed && !isTimeout(err) {
			return foreign(op, "\x15", err)
		}
		return greetingFault(o.ctx, op, err)
	}
	line, err := o.line()
	switch {
	case err == nil:
	case errors.Is(err, bufio.ErrBufferFull), line != "" && !strings.HasPrefix(line, "* "):
		return foreign(op, line, err)
	default:
		return greetingFault(o.ctx, op, err)
	}
	upper := strings.ToUpper(line)
	switch {
	case strings.HasPrefix(upper, "* OK"):
	case strings.HasPrefix(upper, "* PREAUTH"):
		return preauth(op)
	case strings.HasPrefix(upper, "* BYE"):
		return problem(mail.Unreachable, op, words(strings.TrimSpace(line[5:])), nil)
	case strings.HasPrefix(upper, "* "):
		return problem(mail.WrongServer, op, "the server's greeting is not one of IMAP", nil)
	default:
		return foreign(op, line, nil)
	}
	o.caps = capabilityCode(line)
	return nil
}

// preauth refuses a server that calls the connection signed in before anybody
// has signed in: every password would do, and STARTTLS is no longer possible.
func preauth(op string) error {
	return problem(mail.Unsupported, op, "the server takes everybody as signed in (PREAUTH)", nil)
}

// line reads one line without its end. On an error it returns what there was.
func (o *opener) line() (string, error) {
	b, err := o.br.ReadSlice('\n')
	line := strings.TrimRight(string(b), "\r\n")
	if err == nil && line == "" {
		err = errors.New("empty line")
	}
	return line, err
}

// command sends a command and reads up to its tagged answer. Untagged lines are
// given to each.
func (o *opener) command(op, tag, cmd string, each func(line string)) (answer string, err error) {
	o.conn.SetDeadline(time.Now().Add(o.limit))
	if _, err := o.conn.Write([]byte(tag + " " + cmd + "\r\n")); err != nil {
		return "", greetingFault(o.ctx, op, err)
	}
	for range 100 {
		line, err := o.line()
		if err != nil {
			return "", greetingFault(o.ctx, op, err)
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return rest, nil
		}
		switch upper := strings.ToUpper(line); {
		case strings.HasPrefix(upper, "* PREAUTH"):
			return "", preauth(op)
		case strings.HasPrefix(upper, "* BYE"):
			return "", problem(mail.Unreachable, op, words(strings.TrimSpace(line[5:])), nil)
		}
		each(line)
	}
	return "", problem(mail.WrongServer, op, "the server's answers are not those of IMAP", nil)
}

// capabilities asks when the greeting did not say.
func (o *opener) capabilities(tag string) error {
	if o.caps != nil {
		return nil
	}
	caps := map[string]bool{}
	_, err := o.command("capabilities", tag, "CAPABILITY", func(line string) {
		if rest, ok := strings.CutPrefix(strings.ToUpper(line), "* CAPABILITY "); ok {
			for _, c := range strings.Fields(rest) {
				caps[c] = true
			}
		}
	})
	o.caps = caps
	return err
}

// startTLS makes the server ready for a handshake (RFC 3501 section 6.2.1).
func (o *opener) startTLS() error {
	const op = "STARTTLS"
	if err := o.capabilities("o1"); err != nil {
		return err
	}
	if !o.caps["STARTTLS"] {
		return problem(mail.NoStartTLS, op, "", nil)
	}
	answer, err := o.command(op, "o2", "STARTTLS", func(string) {})
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.ToUpper(answer), "OK") {
		return problem(mail.NoStartTLS, op, words(answer), nil)
	}
	// What is here already was sent before the handshake: by the server, or by
	// somebody between who wants it taken for the server's (CVE-2011-0411).
	if o.br.Buffered() > 0 {
		return problem(mail.BadTLS, op, "data came before the TLS handshake", nil)
	}
	return nil
}

// capabilityCode reads "[CAPABILITY …]" out of a greeting.
func capabilityCode(line string) map[string]bool {
	_, rest, ok := strings.Cut(strings.ToUpper(line), "[CAPABILITY ")
	if !ok {
		return nil
	}
	list, _, ok := strings.Cut(rest, "]")
	if !ok {
		return nil
	}
	caps := map[string]bool{}
	for _, c := range strings.Fields(list) {
		caps[c] = true
	}
	return caps
}
