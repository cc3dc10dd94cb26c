package demo

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"
)

// The two logins, and the addresses they write from. A demo that is open to
// loopback alone has no secret to keep, so the password is a constant.
const (
	User             = "demo"
	Colleague        = "colleague"
	Password         = "demo"
	UserAddress      = "mara@lindqvist.example"
	ColleagueAddress = "jonas@lindqvist.example"
	Domain           = "lindqvist.example"
)

// maxMessage is how large a message the SMTP server takes. It is the size that
// large providers allow, so that the demo meets the same refusals.
const maxMessage = 35 << 20

// Options say how the servers start. The zero value is right for a person who
// wants to look around.
type Options struct {
	// IMAPAddr and SMTPAddr are where to listen; empty means a free port on
	// 127.0.0.1.
	IMAPAddr, SMTPAddr string

	// Now is the moment that the mailbox is dated from, in the time zone its
	// owner lives in. Zero means the present.
	Now time.Time

	// Record, when set, is told the name of every IMAP command as it arrives,
	// such as "SELECT" or "UID FETCH", never an argument. A FETCH that would set
	// \Seen is reported as "FETCH BODY[" or "UID FETCH BODY[", so that a test
	// can tell it from one that only looks. It is called from several
	// goroutines at once.
	Record func(command string)

	// Log receives what goes wrong in the servers; nil discards it.
	Log *slog.Logger
}

// Server is a running pair of servers.
type Server struct {
	IMAPAddr string // host:port, without TLS
	SMTPAddr string // host:port, without TLS

	imap      *imapserver.Server
	smtp      *smtp.Server
	listeners []net.Listener
}

// Start runs both servers with the sample mailbox in the account of User. The
// account of Colleague has only a few messages.
func Start(o Options) (*Server, error) {
	o = o.withDefaults()
	accounts := newAccounts(o.Now)
	if err := fill(accounts, o.Now); err != nil {
		return nil, fmt.Errorf("demo mailbox: %w", err)
	}
	return serve(accounts, o)
}

// StartEmpty runs both servers with nothing but an empty INBOX and the usual
// folders with roles, for tests that bring their own mail.
func StartEmpty(o Options) (*Server, error) {
	o = o.withDefaults()
	accounts := newAccounts(o.Now)
	for _, a := range accounts {
		if err := a.createFolders(roleFolders); err != nil {
			return nil, fmt.Errorf("demo mailbox: %w", err)
		}
	}
	return serve(accounts, o)
}

// StartBare is StartEmpty without any folder but INBOX, for tests of what
// happens where a role has no folder yet.
func StartBare(o Options) (*Server, error) {
	o = o.withDefaults()
	accounts := newAccounts(o.Now)
	for _, a := range accounts {
		if err := a.createFolders([]folder{{name: "INBOX"}}); err != nil {
			return nil, fmt.Errorf("demo mailbox: %w", err)
		}
	}
	return serve(accounts, o)
}

func (o Options) withDefaults() Options {
	if o.IMAPAddr == "" {
		o.IMAPAddr = "127.0.0.1:0"
	}
	if o.SMTPAddr == "" {
		o.SMTPAddr = "127.0.0.1:0"
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func serve(accounts accounts, o Options) (*Server, error) {
	il, err := net.Listen("tcp", o.IMAPAddr)
	if err != nil {
		return nil, fmt.Errorf("demo IMAP server: %w", err)
	}
	sl, err := net.Listen("tcp", o.SMTPAddr)
	if err != nil {
		_ = il.Close()
		return nil, fmt.Errorf("demo SMTP server: %w", err)
	}
	s := &Server{
		IMAPAddr:  il.Addr().String(),
		SMTPAddr:  sl.Addr().String(),
		imap:      newIMAP(accounts, o.Log),
		smtp:      newSMTP(accounts, o.Log),
		listeners: []net.Listener{il, sl},
	}
	il = &queuedListener{il}
	if o.Record != nil {
		il = &recordingListener{Listener: il, record: o.Record}
	}
	go run(o.Log, "imap", func() error { return s.imap.Serve(il) })
	go run(o.Log, "smtp", func() error { return s.smtp.Serve(sl) })
	return s, nil
}

// run serves until Close; whatever ends a server before that is worth a line.
func run(log *slog.Logger, name string, serve func() error) {
	if err := serve(); err != nil {
		log.Debug("demo server ended", "server", name, "error", err)
	}
}

// Close ends both servers and every connection. The mail is gone with them.
func (s *Server) Close() error {
	err := errors.Join(s.imap.Close(), s.smtp.Close())
	// A server that was closed before it began to serve leaves its listener
	// open; for all others this is a second, harmless close.
	for _, l := range s.listeners {
		_ = l.Close()
	}
	return err
}

func newIMAP(a accounts, log *slog.Logger) *imapserver.Server {
	return imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &session{accounts: a}, nil, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1:        {},
			imap.CapNamespace:        {},
			imap.CapUIDPlus:          {},
			imap.CapESearch:          {},
			imap.CapListExtended:     {},
			imap.CapListStatus:       {},
			imap.CapMove:             {},
			imap.CapStatusSize:       {},
			imap.CapChildren:         {},
			imap.CapSpecialUse:       {},
			imap.CapCreateSpecialUse: {},
		},
		InsecureAuth: true,
		Logger:       printer{log},
	})
}

// printer passes the lines of the libraries on to slog. They may quote what a
// client sent, so only their presence is worth keeping, at the lowest level.
type printer struct{ log *slog.Logger }

func (p printer) Printf(format string, _ ...any) { p.log.Debug("demo server", "message", format) }
func (p printer) Println(...any)                 { p.log.Debug("demo server") }
