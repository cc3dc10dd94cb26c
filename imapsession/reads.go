package imapsession

import (
	"context"
	"sync"
	"time"

	"oriel/mail"
)

const (
	readPatience = 2 * time.Second  // how long a list waits for a mark that is on its way
	readLimit    = 30 * time.Second // how long such a mark may take
)

// reads are the messages that are being marked read while their page is out
// already.
type reads struct {
	mu      sync.Mutex
	running map[string][]chan struct{} // by folder; each is closed at its end
}

// MarkLater marks a message read after the answer that shows it, on a connection
// of its own. A list of the folder waits for it for a moment, so that nobody
// finds the message unread again. done, when not nil, hears how it went.
func (s *Session) MarkLater(r mail.Ref, done func(mail.Result, error)) {
	folder, err := folderName("mark read", r.Folder)
	if err != nil {
		return
	}
	end := make(chan struct{})
	s.reads.mu.Lock()
	if s.reads.running == nil {
		s.reads.running = map[string][]chan struct{}{}
	}
	s.reads.running[folder] = append(s.reads.running[folder], end)
	s.reads.mu.Unlock()
	started := s.background(func(ctx context.Context) {
		defer s.reads.finish(folder, end)
		ctx, cancel := context.WithTimeout(ctx, readLimit)
		defer cancel()
		res, err := s.SetFlags(ctx, []mail.Ref{r}, []string{`\Seen`}, nil)
		if done != nil {
			done(res, err)
		}
	})
	if !started {
		s.reads.finish(folder, end)
	}
}

func (m *reads) finish(folder string, end chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(end)
	left := m.running[folder][:0:0]
	for _, ch := range m.running[folder] {
		if ch != end {
			left = append(left, ch)
		}
	}
	if m.running[folder] = left; len(left) == 0 {
		delete(m.running, folder)
	}
}

// awaitMarks returns when the marks on their way in a folder have arrived, or
// have taken too long.
func (s *Session) awaitMarks(ctx context.Context, folder string) {
	s.reads.mu.Lock()
	running := s.reads.running[folder]
	s.reads.mu.Unlock()
	if len(running) == 0 {
		return
	}
	t := time.NewTimer(readPatience)
	defer t.Stop()
	for _, end := range running {
		select {
		case <-end:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
