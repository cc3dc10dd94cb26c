package imapsession

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// do lends a connection to f, which does one piece of work on it, and takes it
// back. When the connection breaks before f has sent a change, f is called once
// more on a fresh one: reading again is harmless. So it is when the server
// refused only for the moment. A change is never sent twice blindly; f finds out
// what happened (see change.go).
func (s *Session) do(ctx context.Context, op, folder string, f func(c *conn) error) error {
	renew := false
	for again := false; ; again = true {
		c, err := s.borrow(ctx, op, folder, renew)
		if err != nil {
			return err
		}
		changing, err := s.lend(ctx, op, c, f)
		switch {
		case again || changing || ctx.Err() != nil:
			return err
		case broken(err):
			renew = true
		case passing(err):
			if !pause(ctx, moment) {
				return err
			}
		default:
			return err
		}
	}
}

// moment is what a server gets that was busy with itself.
const moment = 300 * time.Millisecond

// pause waits; false: the context has ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// passing reports whether a refusal speaks of the server's state at that moment:
// UNAVAILABLE and INUSE ask for another attempt (RFC 5530 section 3).
func passing(err error) bool {
	var answer *imap.Error
	return errors.As(err, &answer) && (answer.Code == imap.ResponseCodeUnavailable || answer.Code == imap.ResponseCodeInUse)
}

// broken reports whether err says that the connection has ended for a reason
// that another connection need not meet.
func broken(err error) bool {
	return mail.KindOf(err) == mail.Dropped && !errors.Is(err, errUnreadable)
}

// lend runs f. When the request is cancelled a small command may still finish,
// for a moment; then the connection is closed, which ends every wait on it.
func (s *Session) lend(ctx context.Context, op string, c *conn, f func(c *conn) error) (changing bool, err error) {
	done, watched := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(watched)
		t := time.NewTimer(s.pool.limits.Finish)
		defer t.Stop()
		select {
		case <-done:
		case <-t.C:
			c.sock.cut()
		}
	})
	clean := false
	defer func() {
		close(done)
		if !stop() {
			<-watched
			if err != nil && ctx.Err() != nil && mail.KindOf(err) == mail.Dropped {
				err = contextFault(op, ctx.Err())
			}
		}
		if !clean { // a panic in f: the state of the connection is not known
			c.lost = true
		}
		s.giveBack(c)
	}()
	err = f(c)
	clean = true
	return c.changing, err
}
