package imapsession

import (
	"context"
	"slices"
	"sync"
	"time"

	"oriel/mail"
)

// Watch is one reader of a Session's events: an open page. Events that nobody
// has taken yet are joined by kind and folder, so that a slow reader costs no
// more than one event for each folder.
type Watch struct {
	session *Session
	mu      sync.Mutex
	pending []mail.Event
	wake    chan struct{} // holds one element when pending is not empty
}

// Watch begins to watch the mailbox. The folder that was listed last is watched
// closely, the others now and then. The caller closes the Watch.
func (s *Session) Watch() *Watch {
	w := &Watch{session: s, wake: make(chan struct{}, 1)}
	n := &s.news
	n.mu.Lock()
	n.watches[w] = true
	lost, start := n.lost, !n.running
	n.running = true
	n.mu.Unlock()
	if start {
		// What the pages show now is no news.
		versions := s.cache.knownVersions()
		n.mu.Lock()
		n.versions = versions
		n.mu.Unlock()
	}
	if lost != nil {
		w.add(*lost)
	}
	if start {
		s.background(s.keepWatching)
	}
	return w
}

// Next waits for the next event. Its error is the context's.
func (w *Watch) Next(ctx context.Context) (mail.Event, error) {
	for {
		w.mu.Lock()
		if len(w.pending) > 0 {
			e := w.pending[0]
			w.pending = w.pending[1:]
			w.mu.Unlock()
			return e, nil
		}
		w.mu.Unlock()
		select {
		case <-w.wake:
		case <-ctx.Done():
			return mail.Event{}, ctx.Err()
		}
	}
}

// Close ends the watch. It may be called twice.
func (w *Watch) Close() {
	n := &w.session.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.watches[w] {
		delete(n.watches, w)
		n.quiet = time.Now()
		n.nudge()
	}
}

func (w *Watch) add(e mail.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.pending, func(old mail.Event) bool {
		return old.Kind == e.Kind && old.Folder.Name == e.Folder.Name && old.Reason == e.Reason
	})
	if i >= 0 {
		e.Arrived += w.pending[i].Arrived
		w.pending = slices.Delete(w.pending, i, i+1)
	}
	w.pending = append(w.pending, e)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// news is what a Session's Watches share with the goroutine that works for them.
type news struct {
	mu       sync.Mutex
	watches  map[*Watch]bool
	running  bool        // the goroutine is there
	quiet    time.Time   // when the last Watch was closed
	lost     *mail.Event // the mail server is away, and the pages know it
	folder   string      // listed last: to be watched closely
	looked   time.Time   // when that was
	recount  bool        // counts of other folders have changed
	told     map[string]mail.Folder
	versions map[string]uint64 // of mirrors, as told
	alerts   []string          // that no page has shown yet
	shown    map[string]time.Time
	nudged   chan struct{} // holds one element when the goroutine should look up
}

func newNews() news {
	return news{watches: map[*Watch]bool{}, versions: map[string]uint64{}, shown: map[string]time.Time{}, nudged: make(chan struct{}, 1)}
}

func (n *news) nudge() {
	select {
	case n.nudged <- struct{}{}:
	default:
	}
}

// emit gives an event to every Watch. It needs n.mu.
func (n *news) emit(e mail.Event) {
	for w := range n.watches {
		w.add(e)
	}
}

// look notes which folder a page shows.
func (s *Session) look(folder string) {
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	n.looked = time.Now()
	if n.folder != folder {
		n.folder = folder
		n.nudge()
	}
}

// looking is the folder to be watched closely.
func (n *news) looking() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.folder == "" {
		return "INBOX"
	}
	return n.folder
}

// lingering is how long the watch has still to go on when nobody watches.
func (n *news) lingering(linger time.Duration) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.watches) > 0 {
		return time.Hour // it ends later, when somebody asks again
	}
	return max(0, linger-time.Since(n.quiet))
}

// idleFor is how long no page has listed anything.
func (n *news) idleFor(now time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return now.Sub(n.looked)
}

// watching reports whether the goroutine keeps the caches true.
func (n *news) watching() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running && n.lost == nil
}

// recountSoon asks for fresh counts of all folders.
func (s *Session) recountSoon() {
	s.news.mu.Lock()
	defer s.news.mu.Unlock()
	s.news.recount = true
	s.news.nudge()
}

// tell publishes that a folder has changed, unless all of that was told before.
func (s *Session) tell(folder string) {
	version, arrived, f, ok := s.cache.report(folder)
	if !ok {
		return
	}
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.versions[folder] == version {
		return
	}
	if n.versions[folder] = version; !f.Counted {
		delete(n.versions, folder) // the count is still to be told
	}
	if n.told != nil {
		n.told[folder] = f
	}
	n.emit(mail.Event{Kind: mail.Changed, Folder: f, Arrived: arrived})
}

// knownVersions are the versions of the mirrors.
func (c *cache) knownVersions() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	versions := map[string]uint64{}
	for name, m := range c.mirrors {
		versions[name] = m.version
		m.arrived = 0
	}
	return versions
}

// report is what is known of a folder, and what has arrived since the last report.
func (c *cache) report(folder string) (version uint64, arrived int, f mail.Folder, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mirrors[folder]
	if m == nil || m.order == nil {
		return 0, 0, f, false
	}
	f = mail.Folder{Name: folder}
	for _, known := range c.folders {
		if known.Name == folder {
			f = known
		}
	}
	f.Total, f.Validity, f.UIDNext = uint32(len(m.order.uids)), m.validity, uint32(m.order.uidNext)
	if f.Counted = m.unread >= 0; f.Counted {
		f.Unread = uint32(m.unread)
	}
	arrived, m.arrived = m.arrived, 0
	return m.version, arrived, f, true
}

// tellFolders publishes what differs between two looks at all folders.
func (s *Session) tellFolders(list []mail.Folder) {
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.running {
		n.told = nil
		return
	}
	now := make(map[string]mail.Folder, len(list))
	listed := n.told != nil && len(n.told) != len(list)
	for _, f := range list {
		now[f.Name] = f
		old, known := n.told[f.Name]
		switch {
		case n.told == nil:
		case !known || old.Role != f.Role:
			listed = true
		case f.Counted && (old.Total != f.Total || old.Unread != f.Unread || old.UIDNext != f.UIDNext || old.Validity != f.Validity):
			arrived := 0
			if old.Validity == f.Validity && f.UIDNext > old.UIDNext && f.Total > old.Total {
				arrived = int(min(f.UIDNext-old.UIDNext, f.Total-old.Total))
			}
			n.emit(mail.Event{Kind: mail.Changed, Folder: f, Arrived: arrived})
		}
	}
	n.told = now
	if listed {
		n.emit(mail.Event{Kind: mail.Listed})
	}
}

// setLost tells the pages that the mail server is away, or there again.
func (s *Session) setLost(reason *string) {
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case reason != nil && n.lost == nil:
		n.lost = &mail.Event{Kind: mail.Lost, Reason: *reason}
		n.emit(*n.lost)
	case reason == nil && n.lost != nil:
		n.lost = nil
		n.emit(mail.Event{Kind: mail.Back})
	}
}

const (
	maxAlerts  = 5
	alertAgain = 12 * time.Hour // the same words are shown once in that time
)

// alert hands the server's words to the pages, or keeps them for the next one.
func (s *Session) alert(text string) {
	if text = words(text); text == "" {
		return
	}
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.shown[text]) < alertAgain {
		return
	}
	if len(n.shown) >= 10*maxAlerts {
		clear(n.shown)
	}
	n.shown[text] = time.Now()
	if len(n.watches) > 0 {
		n.emit(mail.Event{Kind: mail.Alert, Reason: text})
	} else if len(n.alerts) < maxAlerts {
		n.alerts = append(n.alerts, text)
	}
}

// Alerts returns what the server wants the user to read and no page has shown
// yet (RFC 3501 section 7.1), once.
func (s *Session) Alerts() []string {
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	alerts := n.alerts
	n.alerts = nil
	return alerts
}
