package imapsession

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"oriel/imapsession/wire"
	"oriel/mail"
)

// Session is one user's mailbox. It is safe for concurrent use; every method
// honours its context; errors are *mail.Error.
type Session struct {
	pool     *Pool
	user     string
	password string
	names    *wire.Names
	owners   map[string]bool // guarded by Pool.mu
	streams  chan struct{}   // holds one element for each running stream, and one for the watch

	life    context.Context // ends with the Session
	cancel  context.CancelFunc
	working sync.WaitGroup // goroutines of the Session

	mu           sync.Mutex
	idle         []*conn        // least recently used first
	leased       map[*conn]bool // in somebody's hands
	dialing      int
	crowd        int          // connections that the server puts up with, until crowdedUntil
	waiting      []chan *conn // first come, first served; nil means: dial your own
	ended        bool
	crowdedUntil time.Time
	shaken       bool        // a connection has ended, and none was made since
	denied       *mail.Error // the server no longer takes the password: never try again
	active       time.Time

	cache cache
	news  news
	reads reads
}

func newSession(p *Pool, user, password string) *Session {
	s := &Session{pool: p, user: user, password: password, names: wire.NewNames(), owners: map[string]bool{},
		streams: make(chan struct{}, max(1, p.conns-1)), leased: map[*conn]bool{}, active: time.Now()}
	s.cache.total, s.cache.grown = &p.bytes, p.grown
	s.life, s.cancel = context.WithCancel(p.life)
	s.cache.reset()
	s.news = newNews()
	return s
}

// borrow gets a connection for work on folder ("" for none in particular): one
// that has it selected, else one with nothing selected, else a new one below the
// cap, else the least recently used one, else the next that becomes free.
func (s *Session) borrow(ctx context.Context, op, folder string, fresh bool) (*conn, error) {
	for {
		c, turn, err := s.attempt(ctx, op, folder, fresh)
		if c != nil || err != nil {
			return c, err
		}
		if turn != nil {
			select {
			case c = <-turn:
			case <-ctx.Done():
				s.withdraw(turn)
				return nil, problem(mail.Busy, op, "", ctx.Err())
			}
			if c != nil {
				return c, nil
			}
		}
		c, again, err := s.dialFor(ctx)
		if !again {
			return c, err
		}
	}
}

// attempt takes an idle connection, or a place in the queue. Neither: the caller
// may dial, and s.dialing counts that already.
func (s *Session) attempt(ctx context.Context, op, folder string, fresh bool) (*conn, chan *conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = time.Now()
	switch {
	case s.ended:
		return nil, nil, problem(mail.Dropped, op, "", errors.New("the session has ended"))
	case s.denied != nil:
		return nil, nil, s.denied
	case ctx.Err() != nil:
		return nil, nil, contextFault(op, ctx.Err())
	}
	if c := s.pick(folder, fresh); c != nil {
		s.leased[c] = true
		return c, nil, nil
	}
	if s.room() {
		s.dialing++
		return nil, nil, nil
	}
	turn := make(chan *conn, 1)
	s.waiting = append(s.waiting, turn)
	return nil, turn, nil
}

// room reports whether another connection may be made. It needs s.mu.
func (s *Session) room() bool {
	limit := s.pool.conns
	if time.Now().Before(s.crowdedUntil) {
		limit = min(limit, s.crowd)
	}
	return len(s.idle)+len(s.leased)+s.dialing < limit && (s.dialing == 0 || !s.shaken && s.proven())
}

// proven reports whether a connection lives, and with it the password. Without one
// a single sign-in at a time finds out: a password that was changed elsewhere is
// not offered by all requests of a page at once, which could lock the account. It
// needs s.mu.
func (s *Session) proven() bool {
	lives := func(c *conn) bool {
		select {
		case <-c.client.Closed():
			return false
		default:
			return true
		}
	}
	if slices.ContainsFunc(s.idle, lives) {
		return true
	}
	for c := range s.leased {
		if lives(c) {
			return true
		}
	}
	return false
}

// crowded reports whether a sign-in failed for a reason that more connections
// than the server wants to serve would give.
func crowded(err error) bool {
	k := mail.KindOf(err)
	return k == mail.Refused || k == mail.Unreachable || k == mail.Dropped
}

// pick takes an idle connection out of the list. It needs s.mu. A fresh one is
// wanted after another turned out dead: its idle siblings are likely dead too.
func (s *Session) pick(folder string, fresh bool) *conn {
	s.idle = slices.DeleteFunc(s.idle, func(c *conn) bool {
		if c.dead() || fresh {
			s.shaken = true
			s.retire(c, false)
			return true
		}
		return false
	})
	if len(s.idle) == 0 {
		return nil
	}
	best := -1
	for i, c := range s.idle {
		if folder != "" && c.box != nil && c.box.name == folder {
			best = i
			break
		}
		if c.box == nil && best < 0 {
			best = i
		}
	}
	if best < 0 {
		if folder != "" && s.room() && !s.pool.places.full() {
			return nil
		}
		best = 0
	}
	c := s.idle[best]
	s.idle = slices.Delete(s.idle, best, best+1)
	c.fresh = false
	return c
}

// dialFor makes a connection for a caller who holds one of s.dialing. When the
// server takes fewer connections than we do, those that are there have to do for
// a while: again tells the caller to ask for one of them.
func (s *Session) dialFor(ctx context.Context) (c *conn, again bool, err error) {
	if err = s.life.Err(); err == nil {
		if err = s.refused(); err == nil {
			c, err = s.dial(ctx)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialing--
	if err != nil {
		var why *mail.Error
		if errors.As(err, &why) && why.Kind == mail.Denied {
			s.denied = why
			s.news.nudge() // the watch may have a connection that lives on
		}
		if here := s.alive(); here > 0 && crowded(err) && ctx.Err() == nil {
			s.crowd, s.crowdedUntil = here, time.Now().Add(time.Minute)
			again = true
			s.news.nudge() // the watch may have the only one
		}
		s.next()
		return nil, again, asError("connect", err)
	}
	if s.ended {
		s.retire(c, false)
		return nil, false, problem(mail.Dropped, "connect", "", nil)
	}
	s.leased[c], s.shaken = true, false
	s.news.nudge()                       // if the watch waits to try again, it need not
	for len(s.waiting) > 0 && s.room() { // those who waited whether the password is still right
		s.next()
	}
	return c, false, nil
}

// alive counts the connections that have not ended, so that a server that has
// dropped them all and takes no sign-in is not thought to be content with those.
// It needs s.mu.
func (s *Session) alive() (n int) {
	for _, c := range s.idle {
		if !c.ended() {
			n++
		}
	}
	for c := range s.leased {
		if !c.ended() {
			n++
		}
	}
	return n
}

// soleConn reports whether the server has refused a second connection lately: the
// only one is for the pages then.
func (s *Session) soleConn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crowd < 2 && time.Now().Before(s.crowdedUntil)
}

// refused is why the server no longer takes the password; nil: it does.
func (s *Session) refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.denied == nil {
		return nil
	}
	return s.denied
}

// isCrowded reports whether the server has refused a further connection lately.
func (s *Session) isCrowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.crowdedUntil)
}

// giveBack ends a lease.
func (s *Session) giveBack(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leased, c)
	c.used, c.changing = time.Now(), false
	s.active = c.used
	if c.dead() || s.ended {
		s.shaken = true
		s.retire(c, false)
		s.next()
		return
	}
	if len(s.waiting) > 0 {
		c.fresh = false
		s.leased[c] = true
		s.waiting[0] <- c
		s.waiting = s.waiting[1:]
		return
	}
	if s.pool.places.call() { // another user waits for it
		s.yield(c)
		return
	}
	s.idle = append(s.idle, c)
}

// next lets the first in the queue dial. It needs s.mu.
func (s *Session) next() {
	if len(s.waiting) > 0 && s.room() {
		s.dialing++
		s.waiting[0] <- nil
		s.waiting = s.waiting[1:]
	}
}

// withdraw leaves the queue; what was handed over meanwhile goes to the next.
func (s *Session) withdraw(turn chan *conn) {
	s.mu.Lock()
	if i := slices.Index(s.waiting, turn); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.mu.Unlock()
		return
	}
	c := <-turn
	if c == nil {
		s.dialing--
		s.next()
	}
	s.mu.Unlock()
	if c != nil {
		s.giveBack(c)
	}
}

// retire ends a connection in the background. It needs s.mu.
func (s *Session) retire(c *conn, politely bool) {
	if s.ended {
		go c.kill() // given back late: wait may be waiting already
		return
	}
	s.working.Add(1)
	go func() {
		defer s.working.Done()
		if politely && !c.dead() {
			c.part()
		} else {
			c.kill()
		}
	}()
}

// adopt takes over the connection of a sign-in.
func (s *Session) adopt(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.session = s
	s.denied, s.shaken = nil, false
	s.active = time.Now()
	if s.ended || !s.room() {
		s.retire(c, true)
		return
	}
	s.idle = append(s.idle, c)
}

func (s *Session) touch() {
	s.mu.Lock()
	s.active = time.Now()
	s.mu.Unlock()
}

func (s *Session) idleFor(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.leased) > 0 {
		return 0
	}
	return now.Sub(s.active)
}

// evict ends connections that were idle for long.
func (s *Session) evict(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = slices.DeleteFunc(s.idle, func(c *conn) bool {
		limit := idleWork
		if c.streamed {
			limit = idleStream
		}
		if now.Sub(c.used) < limit && !c.dead() {
			return false
		}
		s.retire(c, true)
		return true
	})
}

// sleep keeps only what is needed to connect again.
func (s *Session) sleep() {
	s.mu.Lock()
	for _, c := range s.idle {
		s.retire(c, true)
	}
	s.idle = nil
	s.mu.Unlock()
	s.cache.reset()
}

// end closes everything: idle connections politely, others at once.
func (s *Session) end() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		s.retire(c, true)
	}
	s.idle = nil
	s.ended = true
	for c := range s.leased {
		c.sock.cut() // its borrower sees an error and gives it back
	}
	for _, turn := range s.waiting {
		s.dialing++
		turn <- nil
	}
	s.waiting = nil
}

// background runs f in a goroutine that Close waits for. Its context ends with
// the Session. started is false when that has ended already.
func (s *Session) background(f func(ctx context.Context)) (started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.working.Add(1)
	go func() {
		defer s.working.Done()
		f(s.life)
	}()
	return true
}

// wait returns when the goroutines of the Session have ended, or ctx has. What
// is still speaking then is cut off.
func (s *Session) wait(ctx context.Context) {
	done := make(chan struct{})
	go func() { s.working.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
