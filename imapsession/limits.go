package imapsession

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"oriel/mail"
)

const (
	connections = 4000             // of all users together
	queued      = 10 * time.Second // for a place among them, and for a turn to sign in
	slowInARow  = 5                // attempts to connect, after which more of them only make users wait
	probing     = 5 * time.Second  // between two attempts while that is so
)

// behind marks the contexts of work that no request waits for.
type behind struct{}

// admit waits until another connection may be made: for a turn, because a server
// that has just started is not to be stormed, and for a place, because it has
// only so many. Both are first come, first served.
func (s *Session) admit(ctx context.Context) (*place, error) {
	const op = "connect"
	p := s.pool
	if err := p.circuit.check(time.Now(), false); err != nil {
		return nil, err // no place is emptied for an attempt that is not made
	}
	waiting, cancel := context.WithTimeout(ctx, p.queued)
	defer cancel()
	turn := waiting
	if ctx.Value(behind{}) != nil {
		turn = ctx // nobody looks at the clock
	}
	if err := p.logins.wait(turn); err != nil {
		return nil, s.notAdmitted(err)
	}
	if turn == ctx {
		waiting, cancel = context.WithTimeout(ctx, p.queued)
		defer cancel()
	}
	call := p.places.take()
	if call != nil {
		p.makeRoom()
		select {
		case <-call:
		case <-waiting.Done():
			p.places.withdraw(call)
			return nil, s.notAdmitted(waiting.Err())
		}
	}
	if ctx.Err() != nil {
		p.places.leave(false)
		return nil, contextFault(op, ctx.Err())
	}
	return &place{all: &p.places}, nil
}

func (s *Session) notAdmitted(err error) error {
	if s.life.Err() != nil {
		return problem(mail.Dropped, "connect", "", errors.New("the session has ended"))
	}
	return problem(mail.Busy, "connect", "", err)
}

// logins spaces sign-ins out. Background work stands in a lane of its own, of
// which only the first waits for a turn, so that a user who signs in stands
// behind one of a thousand watches and not behind all.
type logins struct {
	rate *rate.Limiter // nil: no limit
	lane chan struct{}
}

func newLogins(perSecond int) logins {
	l := logins{lane: make(chan struct{}, 1)}
	if perSecond > 0 {
		l.rate = rate.NewLimiter(rate.Limit(perSecond), perSecond)
	}
	return l
}

// wait returns at once with an error when the turn would come too late.
func (l *logins) wait(ctx context.Context) error {
	if l.rate == nil {
		return nil
	}
	if ctx.Value(behind{}) != nil {
		select {
		case l.lane <- struct{}{}:
			defer func() { <-l.lane }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return l.rate.Wait(ctx)
}

// places are the connections that all users together may have.
type places struct {
	mu       sync.Mutex
	limit    int
	used     int
	waiting  []chan struct{} // first come, first served; closed when the place is theirs
	coming   int             // connections that are being ended for them
	watching int             // connections that watch
}

// place is one connection's; it is left once.
type place struct {
	all    *places
	called atomic.Bool // it is being ended for somebody who waits
	once   sync.Once
}

func (l *place) leave() {
	if l != nil {
		l.once.Do(func() { l.all.leave(l.called.Load()) })
	}
}

// take takes a place, or returns what will be closed when there is one.
func (l *places) take() (call chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used < l.limit {
		l.used++
		return nil
	}
	call = make(chan struct{})
	l.waiting = append(l.waiting, call)
	return call
}

// leave hands a place to the first who waits. called means that it was emptied
// for one of them.
func (l *places) leave(called bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if called {
		l.coming--
	}
	if len(l.waiting) == 0 {
		l.used--
		return
	}
	close(l.waiting[0])
	l.waiting = l.waiting[1:]
}

// withdraw leaves the queue, and the place if it has just come.
func (l *places) withdraw(call chan struct{}) {
	l.mu.Lock()
	i := slices.Index(l.waiting, call)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 {
		l.leave(false)
	}
}

// call reports whether a connection that nobody needs should be ended for
// somebody who waits, and counts it as on its way.
func (l *places) call() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) <= l.coming {
		return false
	}
	l.coming++
	return true
}

// recall takes back a call that found no connection.
func (l *places) recall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coming--
}

func (l *places) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used >= l.limit
}

// watch counts a connection that is held as long as a page is open. A quarter of
// the places stays for the pages themselves: a watch that gets none looks now
// and then on a shared connection.
func (l *places) watch() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watching >= l.limit-l.limit/4 {
		return false
	}
	l.watching++
	return true
}

func (l *places) unwatch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watching--
}

// makeRoom ends the idle connections that were not used for longest, of whichever
// user, one for each request that waits for a place.
func (p *Pool) makeRoom() {
	for p.places.call() {
		if !p.endOldest() {
			p.places.recall()
			return // giveBack ends the next that nobody needs
		}
	}
}

func (p *Pool) endOldest() bool {
	for {
		var oldest *Session
		var since time.Time
		p.mu.Lock()
		for _, s := range p.sessions {
			if used, ok := s.idleSince(); ok && (oldest == nil || used.Before(since)) {
				oldest, since = s, used
			}
		}
		p.mu.Unlock()
		if oldest == nil {
			return false
		}
		if oldest.endIdle() {
			return true
		}
	}
}

// idleSince is when the Session's oldest idle connection was last used.
func (s *Session) idleSince() (used time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return used, false
	}
	return s.idle[0].used, true
}

// endIdle ends that connection, unless it has found work meanwhile.
func (s *Session) endIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return false
	}
	c := s.idle[0]
	s.idle = slices.Delete(s.idle, 0, 1)
	s.yield(c)
	return true
}

// yield ends a connection for somebody who waits for its place and is counted
// already. It needs s.mu.
func (s *Session) yield(c *conn) {
	c.place.called.Store(true)
	s.retire(c, true)
}

// circuit spares users the wait for a server that does not answer: after a few
// slow failures in a row, attempts fail at once with what the last of them said,
// but for one now and then. A quick refusal says that the machine is there: the
// server may be up again the next moment, and asking costs nothing.
type circuit struct {
	mu    sync.Mutex
	slow  int         // failures in a row
	last  *mail.Error // the last of them
	probe time.Time   // when the next attempt is let through
}

// check returns why no attempt should be made. attempt means that the caller
// makes one otherwise.
func (k *circuit) check(now time.Time, attempt bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.slow < slowInARow {
		return nil
	}
	if now.Before(k.probe) {
		return problem(k.last.Kind, k.last.Op, k.last.Reason, errAway)
	}
	if attempt {
		k.probe = now.Add(probing)
	}
	return nil
}

// errAway is the cause of a failure without an attempt, for the log.
var errAway = errors.New("imapsession: the server did not answer several times, and was not asked again")

// note learns from an attempt. One that was given up by whoever had asked for it
// says nothing, unless it had waited for long.
func (k *circuit) note(now time.Time, err error, slow, givenUp bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var why *mail.Error
	switch {
	case err == nil, !slow && !givenUp:
		k.slow, k.last = 0, nil
	case slow && errors.As(err, &why):
		if k.slow++; k.slow == slowInARow {
			k.probe = now.Add(probing)
		}
		if k.last = why; givenUp {
			k.last = problem(mail.Timeout, why.Op, "", err)
		}
	}
}
