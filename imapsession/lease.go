package imapsession

import (
	"context"
	"errors"
	"time"

	"oriel/mail"
)

// do lends a connection to f, which does one piece of work on it, and takes it
// back. When the connection breaks before f has sent a change, f is called once
// more on a fresh one: reading again is harmless. A change is never sent twice
// blindly; f finds out what happened (see change.go).
func (s *Session) do(ctx context.Context, op, folder string, f func(c *conn) error) error {
	for again := false; ; again = true {
		c, err := s.borrow(ctx, op, folder, again)
		if err != nil {
			return err
		}
		changing, err := s.lend(ctx, op, c, f)
		if again || changing || ctx.Err() != nil || !broken(err) {
			return err
		}
	}
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
