package imapsession

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"oriel/imapsession/wire"
	"oriel/mail"
)

// socket is the connection under everything. It knows who ended it, which tells
// a network failure from a client that met what it cannot parse.
type socket struct {
	net.Conn
	br   *bufio.Reader // what was read ahead during the greeting; nil when nothing was
	here atomic.Bool   // Close was called before the peer or the network ended it
	peer atomic.Bool   // the peer, the network or a cancelled request ended it
}

func (s *socket) Read(p []byte) (n int, err error) {
	if s.br != nil {
		if ahead := s.br.Buffered(); ahead > 0 {
			return s.br.Read(p[:min(len(p), ahead)])
		}
		s.br = nil // connections wait for hours, and need no second buffer for that
	}
	n, err = s.Conn.Read(p)
	if err != nil && !isTimeout(err) && !s.here.Load() {
		s.peer.Store(true)
	}
	return n, err
}

func (s *socket) Write(p []byte) (n int, err error) {
	n, err = s.Conn.Write(p)
	if err != nil && !isTimeout(err) && !s.here.Load() {
		s.peer.Store(true)
	}
	return n, err
}

func (s *socket) Close() error {
	s.here.Store(true)
	return s.Conn.Close()
}

// cut ends the connection for a reason of ours, not of the client's.
func (s *socket) cut() {
	s.peer.Store(true)
	s.Close()
}

func (s *socket) endedHere() bool { return s.here.Load() && !s.peer.Load() }

// keepAlive finds out within a minute that the machine at the other end, or the
// way to it, is gone without a word.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// connect dials and goes through TLS and greeting; the result waits for a login.
func (p *Pool) connect(ctx context.Context) (*opener, error) {
	start := time.Now()
	if err := p.circuit.check(start, true); err != nil {
		return nil, err
	}
	o, err := p.reach(ctx)
	slow := time.Since(start) > min(p.limits.Dial, p.limits.Greeting)/2
	p.circuit.note(time.Now(), err, slow, ctx.Err() != nil)
	return o, err
}

func (p *Pool) reach(ctx context.Context) (*opener, error) {
	dialer := net.Dialer{Timeout: p.limits.Dial, KeepAliveConfig: keepAlive}
	nc, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(p.server.Host, strconv.Itoa(p.server.Port)))
	if err != nil {
		return nil, dialFault(ctx, err)
	}
	nc = wire.Prompt(nc)
	// The dialogue below reads without a context: its end closes the connection.
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	o, err := p.open(ctx, nc)
	if !stop() && err == nil {
		err = contextFault("connect", ctx.Err())
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return o, nil
}

// open speaks with a fresh connection until it is ready for LOGIN.
func (p *Pool) open(ctx context.Context, nc net.Conn) (*opener, error) {
	if p.server.Mode == TLS {
		tc, err := p.handshake(ctx, nc)
		if err != nil {
			return nil, err
		}
		o := newOpener(ctx, tc, p.limits.Greeting)
		if err := o.greeting(false); err != nil {
			return nil, err
		}
		return o, o.capabilities("o3")
	}
	o := newOpener(ctx, nc, p.limits.Greeting)
	if err := o.greeting(true); err != nil {
		return nil, err
	}
	if p.server.Mode == STARTTLS {
		if err := o.startTLS(); err != nil {
			return nil, err
		}
		tc, err := p.handshake(ctx, nc)
		if err != nil {
			return nil, err
		}
		// Capabilities from before the handshake are forgotten (RFC 3501 section 6.2.1).
		o = newOpener(ctx, tc, p.limits.Greeting)
	}
	return o, o.capabilities("o3")
}

func (p *Pool) handshake(ctx context.Context, nc net.Conn) (*tls.Conn, error) {
	tc := tls.Client(nc, &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    p.server.Roots,
		ServerName: p.server.Name,
		NextProtos: []string{"imap"}, // RFC 8446 leaves it to us; ALPACA-style mix-ups need it
	})
	nc.SetDeadline(time.Now().Add(p.limits.Greeting))
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, handshakeFault(ctx, err)
	}
	nc.SetDeadline(time.Time{})
	return tc, nil
}

// dial makes one connection and one LOGIN on it, when its turn has come.
func (s *Session) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	at, err := s.admit(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.dialAt(ctx, at)
	if err != nil {
		at.leave()
	}
	return c, err
}

func (s *Session) dialAt(ctx context.Context, at *place) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.pool.limits.SignIn)
	defer cancel()
	o, err := s.pool.connect(ctx)
	if err != nil {
		return nil, err
	}
	const op = "sign in"
	// LOGINDISABLED means that LOGIN would be refused, and the password would
	// have been sent for nothing (RFC 3501 section 6.2.3).
	plain := o.caps["LOGINDISABLED"]
	if plain && !o.caps["AUTH=PLAIN"] {
		o.conn.Close()
		return nil, problem(mail.Unsupported, op, "the server offers no way to sign in with a password on this connection", nil)
	}
	o.conn.SetDeadline(time.Time{})
	c := newConn(s, &socket{Conn: o.conn, br: o.br})
	c.place = at
	stop := context.AfterFunc(ctx, func() { c.sock.cut() })
	err = c.login(op, plain)
	if !stop() {
		err = contextFault(op, ctx.Err())
	}
	if err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

// untold is a capability that no server has. While the client has it, the server
// has not told its own.
const untold = "X-ORIEL-UNTOLD"

func newConn(s *Session, sock *socket) *conn {
	c := &conn{session: s, sock: sock, used: time.Now(), fresh: true, told: told{news: make(chan struct{}, 1)}}
	c.nc = wire.New(sock, wire.Options{
		// The real greeting is read already. This one says so little that
		// go-imap asks nothing on its own before the login.
		Greeting: []byte("* OK [CAPABILITY IMAP4rev1 " + untold + "] ready\r\n"),
		Names:    s.names,
		Note:     c.note,
		Trace:    s.pool.trace,
	})
	c.client = imapclient.New(c.nc, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Expunge: func(uint32) {
			c.expunges.Add(1)
			c.event()
		},
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				c.event()
			}
		},
	}})
	return c
}

// login signs in and takes the capabilities, which servers tell in full only
// afterwards (T19).
func (c *conn) login(op string, plain bool) error {
	limits := c.session.pool.limits
	c.nc.Begin(wire.Budget{First: limits.Login, Progress: limits.Login})
	defer c.nc.End()
	if err := c.client.WaitGreeting(); err != nil {
		return c.fault(op, err)
	}
	user, password := c.session.user, c.session.password
	var err error
	if plain {
		err = c.client.Authenticate(sasl.NewPlainClient("", user, password))
	} else {
		err = c.client.Login(user, password).Wait()
	}
	if err != nil {
		return c.loginFault(op, err)
	}
	// go-imap forgets what was told before the login only after it has reported the
	// login, so that its answer may still be the old one.
	set := c.client.Caps()
	if set.Has(untold) {
		if set, err = c.client.Capability().Wait(); err != nil {
			return c.fault(op, err)
		}
	}
	if set == nil {
		return c.fault(op, net.ErrClosed)
	}
	c.caps = capsOf(set)
	return nil
}

// caps are the extensions that Oriel uses, as one connection offers them.
type caps struct {
	sort, esearch, move, uidplus, namespace             bool
	listExtended, listStatus, specialUse, createSpecial bool
	condstore, qresync, preview, idle, notify           bool
}

func capsOf(set imap.CapSet) caps {
	has := func(want imap.Cap) bool {
		for c := range set {
			if strings.EqualFold(string(c), string(want)) {
				return true
			}
		}
		return false
	}
	return caps{
		sort: has(imap.CapSort), esearch: has(imap.CapESearch), move: has(imap.CapMove), uidplus: has(imap.CapUIDPlus),
		namespace: has(imap.CapNamespace), listExtended: has(imap.CapListExtended), listStatus: has(imap.CapListStatus),
		specialUse: has(imap.CapSpecialUse), createSpecial: has(imap.CapCreateSpecialUse),
		condstore: has(imap.CapCondStore) || has(imap.CapQResync), qresync: has(imap.CapQResync), preview: has("PREVIEW"),
		idle: has(imap.CapIdle), notify: has("NOTIFY"),
	}
}
