package imapsession

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oriel/mail"
)

// Mode says how a connection to the mail server is protected.
type Mode int

// The modes. The zero value is the safe one.
const (
	TLS      Mode = iota // TLS from the first byte (RFC 8314)
	STARTTLS             // plain greeting, then STARTTLS, which is then mandatory
	Plain                // no protection: loopback, or an operator who asked for it
)

// Server is the one mail server that a Pool talks to.
type Server struct {
	Host  string
	Port  int
	Mode  Mode
	Roots *x509.CertPool // nil: the system's; a private CA is added to the system's by the caller
	Name  string         // name in the certificate; "" means Host
}

// Timeouts are the time limits of one connection. A zero field means its default.
type Timeouts struct {
	Dial     time.Duration // TCP connect; 10 s
	Greeting time.Duration // TLS handshake, and greeting; 10 s each
	Login    time.Duration // answer to LOGIN; 15 s
	SignIn   time.Duration // all of the above together; 15 s
	First    time.Duration // first byte of the answer to a small command; 20 s
	Progress time.Duration // between two bytes of it; 15 s
	Sort     time.Duration // SORT and SEARCH; 60 s
	Stream   time.Duration // between two bytes of a body; 60 s
	Finish   time.Duration // how long a small command may go on after its request was cancelled; 2 s
}

func (t Timeouts) withDefaults() Timeouts {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Dial, 10 * time.Second}, {&t.Greeting, 10 * time.Second}, {&t.Login, 15 * time.Second},
		{&t.SignIn, 15 * time.Second}, {&t.First, 20 * time.Second}, {&t.Progress, 15 * time.Second},
		{&t.Sort, 60 * time.Second}, {&t.Stream, 60 * time.Second}, {&t.Finish, 2 * time.Second},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return t
}

// Options tune a Pool. A field that is zero means what stands behind it.
type Options struct {
	MaxConns    int          // connections per user; 4
	Connections int          // connections of all users; 4000
	LoginRate   int          // sign-ins a second, and as many at once; no limit
	CacheBytes  int64        // octets of mail that are remembered for all users; 256 MB
	Limits      Timeouts     // tests shorten them
	Log         *slog.Logger // nil: slog.Default()

	// Trace, when set, gets every line of every connection without what a log must
	// not hold; see wire.Options.Trace.
	Trace func(dir byte, redacted []byte)
}

// How long things are kept without use.
const (
	idleWork    = 3 * time.Minute  // a connection that served pages
	idleStream  = 30 * time.Second // one that served a download
	idleSession = 15 * time.Minute // caches and connections of a user
	idleForget  = 24 * time.Hour   // the user: signing in again is then needed here, not in the browser
)

// Pool holds the Sessions of all signed-in users of one mail server.
type Pool struct {
	server Server
	limits Timeouts
	pace   pace
	conns  int
	log    *slog.Logger
	trace  func(dir byte, redacted []byte)
	key    []byte // of this process, for credential digests

	places  places
	logins  logins
	circuit circuit
	queued  time.Duration // how long a request waits for a place or a turn

	bytes  atomic.Int64 // of what all Sessions remember
	budget int64
	full   chan struct{} // holds one element when they have become too many

	mu       sync.Mutex
	sessions map[digest]*Session
	owners   map[string]*Session
	closed   bool

	life    context.Context // ends with the Pool
	stop    context.CancelFunc
	janitor sync.WaitGroup
}

// digest stands for server, user and password without telling any of them.
type digest [sha256.Size]byte

// NewPool returns a Pool. It does not connect.
func NewPool(s Server, o Options) *Pool {
	if s.Name == "" {
		s.Name = s.Host
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 4
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Connections <= 0 {
		o.Connections = connections
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = budget
	}
	p := &Pool{server: s, limits: o.Limits.withDefaults(), pace: usualPace, conns: o.MaxConns, log: o.Log, trace: o.Trace, key: make([]byte, 32),
		places: places{limit: o.Connections}, logins: newLogins(o.LoginRate), queued: queued, budget: o.CacheBytes, full: make(chan struct{}, 1),
		sessions: map[digest]*Session{}, owners: map[string]*Session{}}
	p.life, p.stop = context.WithCancel(context.WithValue(context.Background(), behind{}, true))
	rand.Read(p.key) // never fails
	p.janitor.Add(1)
	go p.sweep()
	return p
}

func (p *Pool) digest(user, password string) (d digest) {
	m := hmac.New(sha256.New, p.key)
	for _, s := range []string{user, password} {
		m.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	m.Sum(d[:0])
	return d
}

// SignIn makes exactly one LOGIN on a fresh connection, with no second attempt,
// and returns the user's Session. owner is the id of the login session that will use it.
func (p *Pool) SignIn(ctx context.Context, owner, user, password string) (*Session, error) {
	const op = "sign in"
	if user == "" || strings.ContainsAny(user+password, "\r\n\x00") {
		return nil, problem(mail.Denied, op, "", nil)
	}
	fresh := newSession(p, user, password)
	c, err := fresh.dial(ctx)
	if err != nil {
		fresh.cancel()
		return nil, err
	}
	d := p.digest(user, password)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go c.kill()
		return nil, problem(mail.Dropped, op, "", nil)
	}
	s, shared := p.sessions[d]
	if shared {
		fresh.cancel()
	} else {
		s = fresh
		p.sessions[d] = s
	}
	p.own(owner, s)
	s.adopt(c)
	return s, nil
}

// Open returns the Session that owner already uses, or that another owner with
// the same user and password uses; else it is SignIn.
func (p *Pool) Open(ctx context.Context, owner, user, password string) (*Session, error) {
	d := p.digest(user, password)
	p.mu.Lock()
	s := p.sessions[d]
	if s != nil && !p.closed {
		p.own(owner, s)
		s.touch()
		p.mu.Unlock()
		return s, nil
	}
	p.mu.Unlock()
	return p.SignIn(ctx, owner, user, password)
}

// own makes owner a holder of s and nothing else. It needs p.mu.
func (p *Pool) own(owner string, s *Session) {
	if old := p.owners[owner]; old != nil && old != s {
		p.disown(owner, old)
	}
	p.owners[owner] = s
	s.owners[owner] = true
}

// disown needs p.mu.
func (p *Pool) disown(owner string, s *Session) {
	delete(p.owners, owner)
	delete(s.owners, owner)
	if len(s.owners) == 0 {
		p.drop(s)
	}
}

// drop forgets a Session and ends its connections. It needs p.mu.
func (p *Pool) drop(s *Session) {
	for owner := range s.owners {
		delete(p.owners, owner)
	}
	delete(p.sessions, p.digest(s.user, s.password))
	s.end()
}

// Release is sign-out: the Session's connections are closed when no other owner holds it.
func (p *Pool) Release(owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.owners[owner]; s != nil {
		p.disown(owner, s)
	}
}

// Ping connects, checks TLS and greeting, and hangs up without a login: for /readyz.
func (p *Pool) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.limits.SignIn)
	defer cancel()
	o, err := p.connect(ctx)
	if err != nil {
		return err
	}
	// A word of good-bye, so that the server's log holds no broken connection.
	o.conn.SetDeadline(time.Now().Add(time.Second))
	o.conn.Write([]byte("o4 LOGOUT\r\n"))
	o.conn.Close()
	return nil
}

// Close closes every connection within two seconds.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.stop()
	all := make([]*Session, 0, len(p.sessions))
	for _, s := range p.sessions {
		all = append(all, s)
	}
	for _, s := range all {
		p.drop(s)
	}
	p.mu.Unlock()
	p.janitor.Wait()

	ctx, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
	defer cancel()
	for _, s := range all {
		s.wait(ctx)
	}
	return nil
}

// sweep is the janitor: it ends what nobody has used for a while, and what takes
// too much memory.
func (p *Pool) sweep() {
	defer p.janitor.Done()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	full := p.full
	for {
		select {
		case <-p.life.Done():
			return
		case <-full:
		case now := <-tick.C:
			p.evict(now)
		}
		if full = p.full; !p.relieve() {
			full = nil // all that is left is in use: look again with the next tick
		}
	}
}

func (p *Pool) evict(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sessions {
		switch idle := s.idleFor(now); {
		case idle > idleForget:
			p.drop(s)
		case idle > idleSession:
			s.sleep()
		default:
			s.evict(now)
			if s.news.idleFor(now) > idleSession {
				s.cache.shed() // a tab that is open, and nobody looks at it
			}
		}
	}
}
