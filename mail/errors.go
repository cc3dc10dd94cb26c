package mail

import "errors"

// Kind classes what went wrong by what the user can do about it. The web layer
// has one table from Kind to status and sentence.
type Kind int

// The kinds. Internal is the zero value: an error nobody foresaw.
const (
	Internal    Kind = iota
	Denied           // the server refused user name or password
	Throttled        // too many failed sign-ins; try later
	Unreachable      // the mail server cannot be reached
	Timeout          // the mail server did not answer in time
	Dropped          // the connection broke in the middle
	BadTLS           // certificate or TLS handshake refused
	PlainPort        // TLS was spoken to a port that does not speak it, or the reverse
	WrongServer      // an SMTP or POP3 server answered in place of IMAP
	NoStartTLS       // STARTTLS is required and the server does not offer it
	NoFolder         // the folder is not there (any more)
	NoMessage        // the message is not there (any more)
	Stale            // UIDVALIDITY changed: the reference means nothing now
	NoRole           // no folder has the role that the action needs
	Refused          // the server said NO; Reason holds its words
	OverQuota        // the mailbox is full
	Unsupported      // the server cannot do that
	Invalid          // the request makes no sense: bad name, bad number
	TooLarge         // over a limit of Oriel's
	Unknown          // the outcome of a change is not known: the connection broke after it was sent
	Busy             // all connections of this user are in use
)

// Error is an error with a Kind. Op names the operation for the log. Reason is
// text that may be shown to the user: the server's own words, cleaned, or a
// name; never a password or an address of another host.
type Error struct {
	Kind   Kind
	Op     string
	Reason string
	Role   Role // for NoRole
	Err    error
}

func (e *Error) Error() string {
	s := e.Op
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the Kind of the first *Error in the chain, else Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
