package imapsession

import (
	"context"
	"math/rand/v2"
	"time"

	"oriel/imapsession/wire"
	"oriel/mail"
)

// keepWatching works for the Watches: it holds one connection with the folder
// that the user looks at, keeps that folder's mirror true, and publishes what
// changes. It ends when nobody has watched for a while.
func (s *Session) keepWatching(ctx context.Context) {
	w := &watcher{s: s}
	tries, breaks := 0, 0 // attempts that failed in a row; connections that did not last
	for !s.stopWatching(ctx) {
		began := time.Now()
		err := w.watch(ctx, func() { tries = 0; s.setLost(nil) })
		if time.Since(began) > s.pool.pace.wary {
			breaks = 0
		}
		switch mail.KindOf(err) {
		case mail.Denied:
			s.news.mu.Lock()
			s.news.emit(mail.Event{Kind: mail.Expired})
			s.news.running = false
			s.news.mu.Unlock()
			return
		case mail.Busy: // no connection to spare: look now and then on a shared one
			tries = 0
			w.pause(ctx, s.pool.pace.wary)
			continue
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if tries > 0 { // a connection that only had to be made anew is no news
			s.setLost(reasonOf(err))
		}
		tries++
		// A server that takes every sign-in and then hangs up is not asked without a
		// pause either: each attempt is a sign-in.
		breaks++
		if n := max(tries, breaks); n > 1 {
			steps := s.pool.pace.backoff
			d := steps[min(n-2, len(steps)-1)]
			w.pause(ctx, d*9/10+rand.N(d/5))
		}
	}
	s.setLost(nil)
}

// reasonOf is what may be said of a failure.
func reasonOf(err error) *string {
	reason := ""
	if e, ok := err.(*mail.Error); ok {
		reason = e.Reason
	}
	return &reason
}

// stopWatching reports whether the goroutine may end, and if so notes that it has.
func (s *Session) stopWatching(ctx context.Context) bool {
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if ctx.Err() == nil && (len(n.watches) > 0 || time.Since(n.quiet) < s.pool.pace.linger) {
		return false
	}
	n.running, n.told = false, nil
	return true
}

// watcher is the state of keepWatching.
type watcher struct {
	s       *Session
	c       *conn
	folder  string    // that c has selected and vouches for; "" for none
	told    time.Time // when something was last published
	counted time.Time // when all folders were last counted
	missed  int       // looks in a row that found what the server had not announced
	silent  bool      // the last IDLE has ended without an announcement
}

// pause waits, until something calls for attention.
func (w *watcher) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.s.news.nudged:
	case <-ctx.Done():
	}
}

// watch holds a connection until it breaks, or nobody watches any more.
func (w *watcher) watch(ctx context.Context, well func()) error {
	const op = "watch"
	s := w.s
	if !s.spare() {
		return w.share(ctx, op, well)
	}
	defer s.unspare()
	c, err := s.borrow(ctx, op, elsewhere, false)
	if err != nil {
		return err
	}
	if s.soleConn() { // the server has refused another one, and the pages need this
		s.giveBack(c)
		return w.share(ctx, op, well)
	}
	w.c = c
	drain(s.news.nudged) // by our own attempt
	stop, clean := context.AfterFunc(ctx, c.sock.cut), false
	defer func() {
		stop()
		w.leave()
		if !clean {
			c.lost = true // it may be inside an IDLE, and it has its own settings
		}
		s.giveBack(c)
	}()
	if err := c.enableVanished(op); err != nil {
		return err
	}
	if err := c.notify(op); err != nil {
		return err
	}
	for !s.stopWatching(ctx) {
		if err := w.round(op, well); err != nil {
			return err
		}
		if err := s.refused(); err != nil {
			return err
		}
		if s.soleConn() {
			clean = true // the server takes no other one before this has ended
			return problem(mail.Busy, op, "", nil)
		}
		if err := w.wait(ctx, op); err != nil {
			return err
		}
	}
	return nil
}

// share looks once, on a connection of the pages.
func (w *watcher) share(ctx context.Context, op string, well func()) error {
	if err := w.s.do(ctx, op, "", w.glance); err != nil {
		return err
	}
	well()
	return problem(mail.Busy, op, "", nil)
}

// spare takes a connection's place among the streams: together with them the
// watch leaves one connection to the pages. false: there is none to spare.
func (s *Session) spare() bool {
	if s.pool.conns < 2 || s.isCrowded() {
		return false
	}
	if !s.pool.places.watch() {
		return false
	}
	select {
	case s.streams <- struct{}{}:
		return true
	default:
		s.pool.places.unwatch()
		return false
	}
}

func (s *Session) unspare() {
	<-s.streams
	s.pool.places.unwatch()
}

// leave ends the promise that the watched folder's mirror is true.
func (w *watcher) leave() {
	if w.folder != "" {
		w.s.cache.setLive(w.folder, false)
		w.folder = ""
	}
}

// round looks at what has changed and publishes it; well hears when the look
// has succeeded.
func (w *watcher) round(op string, well func()) error {
	s, c := w.s, w.c
	folder := s.news.looking()
	if w.folder != folder {
		w.leave()
	}
	selected, err := c.selectBox(op, folder)
	if mail.KindOf(err) == mail.NoFolder && folder != "INBOX" {
		s.lookAway(folder) // somebody has deleted it
		return nil
	}
	before := uint64(0)
	if err == nil {
		before = s.cache.view(folder, c.box.validity).version
		err = c.sync(op, selected)
		c.idled = false
	}
	if err == nil {
		err = c.countIfNeeded(op)
	}
	if err != nil {
		return err
	}
	if drain(c.told.news); c.behind() {
		c.wake() // that was announced after the look: there has to be another
	}
	well()
	if w.silent && w.folder == folder && s.cache.view(folder, c.box.validity).version != before {
		w.missed++ // the server should have announced it in the IDLE before
	}
	w.silent = false
	w.folder = folder
	s.cache.setLive(folder, c.caps.idle && w.missed < 2)
	s.tell(folder)
	w.told = time.Now()
	return w.count(op)
}

// count looks at all folders when it is time to.
func (w *watcher) count(op string) error {
	if w.countIn() > 0 {
		return nil
	}
	w.s.news.mu.Lock()
	w.s.news.recount = false
	w.s.news.mu.Unlock()
	w.counted = time.Now()
	return w.s.recount(w.c, op)
}

// glance is a round on a connection that is shared with the pages.
func (w *watcher) glance(c *conn) error {
	const op = "glance"
	folder := w.s.news.looking()
	selected, err := c.selectBox(op, folder)
	if err == nil {
		err = c.sync(op, selected)
	}
	if err != nil {
		return err
	}
	w.s.tell(folder)
	return w.s.recount(c, op)
}

// wait returns when there is something to look at on the server.
func (w *watcher) wait(ctx context.Context, op string) error {
	limit := w.s.pool.pace.reIdle
	if w.missed >= 2 || !w.c.caps.idle {
		limit = w.s.pool.pace.wary
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	counting := time.NewTimer(w.countIn())
	defer counting.Stop()
	closing := time.NewTimer(w.s.news.lingering(w.s.pool.pace.linger))
	defer closing.Stop()
	return w.c.idling(op, func() {
		for {
			select {
			case <-w.c.told.news:
				w.c.idled, w.missed = true, 0
				w.restrain(ctx)
				return
			case <-w.s.news.nudged:
				w.s.tell(w.folder) // a change of our own
				if w.s.news.looking() != w.folder || w.s.soleConn() || w.s.refused() != nil {
					return
				}
				counting.Reset(w.countIn())
				closing.Reset(w.s.news.lingering(w.s.pool.pace.linger))
			case <-closing.C:
				return
			case <-t.C:
				w.silent = w.c.caps.idle
				return
			case <-counting.C:
				w.silent = w.c.caps.idle
				return
			case <-w.c.client.Closed():
				return
			case <-ctx.Done():
				return
			}
		}
	})
}

// restrain lets time pass between two looks, so that a storm of announcements
// becomes one look.
func (w *watcher) restrain(ctx context.Context) {
	left := w.s.pool.pace.calm - time.Since(w.told)
	if left <= 0 {
		return
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-w.c.client.Closed():
	}
}

// countIn is the time until all folders should be counted again: soon when one
// has changed, but not again and again while they go on changing.
func (w *watcher) countIn() time.Duration {
	pace := w.s.pool.pace
	due := pace.recounted
	w.s.news.mu.Lock()
	if w.s.news.recount {
		due = 4 * pace.calm
	}
	w.s.news.mu.Unlock()
	return max(0, due-time.Since(w.counted))
}

// idling runs wait inside an IDLE (RFC 2177), or without one where the server
// has none.
func (c *conn) idling(op string, wait func()) error {
	if !c.caps.idle {
		wait()
		return nil
	}
	limit := wire.Budget{First: c.session.pool.pace.done, Progress: c.session.pool.pace.done}
	c.nc.Begin(limit)
	cmd, err := c.client.Idle()
	c.nc.End()
	if err != nil {
		if err = c.fault(op, err); !c.lost {
			c.caps.idle = false // refused: it is asked now and then instead
			return nil
		}
		return err
	}
	wait()
	return c.within(limit, func() error {
		if err := cmd.Close(); err != nil {
			return c.fault(op, err)
		}
		return c.fault(op, cmd.Wait())
	})
}

// enableVanished makes the server say which messages are gone (RFC 7162 section
// 3.2.3). It must come before any mailbox is selected (RFC 5161 section 3.1).
func (c *conn) enableVanished(op string) error {
	if !c.caps.qresync || c.box != nil || c.hidesDeleted() {
		return nil
	}
	return c.within(c.small(), func() error {
		c.nc.Replace("ENABLE QRESYNC")
		err := c.fault(op, c.client.Noop().Wait())
		if err != nil && !c.lost {
			return nil // it does without
		}
		return err
	})
}

// notify asks the server to say at once when a folder changes that is not
// selected (RFC 5465). Without it they are counted once a minute.
func (c *conn) notify(op string) error {
	if !c.caps.notify {
		return nil
	}
	return c.within(c.search(), func() error {
		c.nc.Replace("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))" +
			" (personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))")
		err := c.fault(op, c.client.Noop().Wait())
		if err != nil && !c.lost {
			return nil // it does without
		}
		return err
	})
}

// countIfNeeded counts unread messages where the flags of all that has changed
// do not tell.
func (c *conn) countIfNeeded(op string) error {
	m := c.session.cache.view(c.box.name, c.box.validity)
	if m.unread >= 0 {
		return nil
	}
	unread := 0
	err := c.within(c.search(), func() error { return c.countUnread(op, &unread)() })
	if err == nil && !c.behind() { // else it counts what the look did not see, and the next one would count it again
		c.session.cache.counted(c.box.name, m.version, unread)
	}
	return err
}

// recount looks at all folders and publishes what has changed.
func (s *Session) recount(c *conn, op string) error {
	s.cache.mu.Lock()
	changes := s.cache.changes
	s.cache.mu.Unlock()
	list, err := c.folders(op)
	if err != nil {
		return err
	}
	s.cache.setFolders(list, changes)
	s.tellFolders(list)
	return nil
}

// lookAway turns from a folder that is gone to the inbox.
func (s *Session) lookAway(folder string) {
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.folder == folder {
		n.folder = ""
	}
	n.emit(mail.Event{Kind: mail.Listed})
	n.nudge()
}

func drain(ch chan struct{}) {
	select {
	case <-ch:
	default:
	}
}
