package login

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

// filePrefix is how gorilla's FilesystemStore begins the names of its files.
const filePrefix = "session_"

// sweepEvery is the time between two looks for expired records.
const sweepEvery = 15 * time.Minute

func (s *Store) file(id string) string { return filepath.Join(s.dir, filePrefix+id) }

func (s *Store) modified(id string) (time.Time, error) {
	info, err := os.Stat(s.file(id))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// remove ends a session, wherever it stands, and says so once.
func (s *Store) remove(id string) {
	err := os.Remove(s.file(id))
	s.leave(id)
	if err == nil {
		s.c.Ended(id)
	}
}

// enter notes a new session of the user and returns the ids of those that are
// too many now, the oldest ones.
func (s *Store) enter(user string, e entry) (tooMany []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := append(s.byUser[user], e)
	slices.SortStableFunc(list, func(a, b entry) int { return a.created.Compare(b.created) })
	for i := 0; i < len(list)-MaxPerUser; i++ {
		tooMany = append(tooMany, list[i].id)
	}
	s.byUser[user] = list
	s.owner[e.id] = user
	return tooMany
}

// leave forgets a session in the index of users.
func (s *Store) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, ok := s.owner[id]
	if !ok {
		return
	}
	delete(s.owner, id)
	list := slices.DeleteFunc(s.byUser[user], func(e entry) bool { return e.id == id })
	if len(list) == 0 {
		delete(s.byUser, user)
	} else {
		s.byUser[user] = list
	}
}

// index reads all records once, at start, to know who has how many sessions.
func (s *Store) index() {
	s.byUser, s.owner = map[string][]entry{}, map[string]string{}
	s.sweep()
	for _, id := range s.ids() {
		rec, _, err := s.read(id)
		if err != nil {
			continue
		}
		for _, old := range s.enter(rec.User, entry{id, time.Unix(rec.Created, 0)}) {
			s.remove(old)
		}
	}
}

// read reads a record without a request, as index and Sweep need it.
func (s *Store) read(id string) (record, time.Time, error) {
	info, err := os.Stat(s.file(id))
	if err != nil || info.Size() > maxRecord {
		return record{}, time.Time{}, errRecord
	}
	b, err := os.ReadFile(s.file(id))
	if err != nil {
		return record{}, time.Time{}, err
	}
	values := map[any]any{}
	if err := securecookie.DecodeMulti(s.cookie, string(b), &values, s.files.Codecs...); err != nil {
		return record{}, time.Time{}, err
	}
	rec, ok := values[recordKey{}].(record)
	if !ok {
		return record{}, time.Time{}, errRecord
	}
	return rec, info.ModTime(), nil
}

// ids lists the sessions that have a file, and leaves alone what else may lie
// in the folder.
func (s *Store) ids() []string {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	var ids []string
	for _, n := range names {
		if id, ok := strings.CutPrefix(n.Name(), filePrefix); ok && validID(id) && n.Type().IsRegular() {
			ids = append(ids, id)
		}
	}
	return ids
}

// Sweep removes expired records until ctx ends. Browsers that went away for
// good never ask again, so that somebody has to look.
func (s *Store) Sweep(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.sweep()
		}
	}
}

// sweep removes what has expired. A file that cannot be read stays as long as a
// session may be idle: it may be half written this moment, or signed with a key
// that the operator forgot at this start and will remember at the next.
func (s *Store) sweep() {
	now := s.c.Now()
	for _, id := range s.ids() {
		rec, seen, err := s.read(id)
		switch {
		case err == nil && s.expired(rec, seen, now):
			s.remove(id)
		case err != nil:
			if t, e := s.modified(id); e == nil && now.Sub(t) >= s.c.Idle {
				s.remove(id)
			}
		}
	}
}
