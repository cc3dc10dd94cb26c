package imapsession

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"
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
	Greeting time.Duration // TLS handshake and greeting; 10 s
	Login    time.Duration // answer to LOGIN; 15 s
	SignIn   time.Duration // all of the above together; 15 s
	First    time.Duration // first byte of the answer to a small command; 20 s
	Progress time.Duration // between two bytes of it; 15 s
	Sort     time.Duration // SORT and SEARCH; 60 s
	Stream   time.Duration // between two bytes of a body; 60 s
	Finish   time.Duration // how long a small command may go on after its request was cancelled; 2 s
}

// Options tune a Pool. The zero value is right for production.
type Options struct {
	MaxConns int          // connections per user; 4
	Limits   Timeouts     // tests shorten them
	Log      *slog.Logger // nil: slog.Default()
}

// Pool holds the Sessions of all signed-in users of one mail server.
type Pool struct{}

// NewPool returns a Pool. It does not connect.
func NewPool(s Server, o Options) *Pool { return nil }

// SignIn makes exactly one LOGIN on a fresh connection, with no second attempt,
// and returns the user's Session. owner is the id of the login session that will use it.
func (p *Pool) SignIn(ctx context.Context, owner, user, password string) (*Session, error) {
	return nil, nil
}

// Open returns the Session that owner already uses, or that another owner with
// the same user and password uses; else it is SignIn.
func (p *Pool) Open(ctx context.Context, owner, user, password string) (*Session, error) {
	return nil, nil
}

// Release is sign-out: the Session's connections are closed when no other owner holds it.
func (p *Pool) Release(owner string) {}

// Ping connects, checks TLS and greeting, and hangs up without a login: for /readyz.
func (p *Pool) Ping(ctx context.Context) error { return nil }

// Close closes every connection within two seconds.
func (p *Pool) Close(ctx context.Context) error { return nil }
