package imapsession

import (
	"context"
	"time"
)

// Pace is how often the watch looks, for tests that cannot wait as long. A zero
// field stays what it is.
type Pace struct {
	Calm, Linger, ReIdle, Wary, Recounted, Done time.Duration
	Backoff                                     []time.Duration
}

// SetPace must be called before the first Watch.
func (p *Pool) SetPace(x Pace) {
	for _, f := range []struct {
		to   *time.Duration
		from time.Duration
	}{
		{&p.pace.calm, x.Calm}, {&p.pace.linger, x.Linger}, {&p.pace.reIdle, x.ReIdle},
		{&p.pace.wary, x.Wary}, {&p.pace.recounted, x.Recounted}, {&p.pace.done, x.Done},
	} {
		if f.from > 0 {
			*f.to = f.from
		}
	}
	if x.Backoff != nil {
		p.pace.backoff = x.Backoff
	}
}

// Live reports whether the watch vouches for what is known of a folder.
func (s *Session) Live(folder string) bool {
	m, ok := s.cache.peek(folder)
	return ok && m.live
}

// Watching reports whether the goroutine of the watch is there.
func (s *Session) Watching() bool {
	s.news.mu.Lock()
	defer s.news.mu.Unlock()
	return s.news.running
}

// FallAsleep does what the janitor does to a Session that nobody has used for long.
func (s *Session) FallAsleep() { s.sleep() }

// HangUp ends the idle connections and forgets nothing else.
func (s *Session) HangUp() { s.evict(time.Now().Add(time.Hour)) }

// Connected lends a connection with the folder selected; look makes the server
// announce what is new in it.
func (s *Session) Connected(ctx context.Context, folder string, f func(look func() error) error) error {
	return s.do(ctx, "test", folder, func(c *conn) error {
		if _, err := c.selectBox("test", folder); err != nil {
			return err
		}
		return f(func() error { return c.noop("test") })
	})
}
