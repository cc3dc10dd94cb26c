package login

import (
	"slices"
	"time"
)

// table holds the tracks of all users, or of all addresses.
type table struct {
	limit  int
	window time.Duration
	tracks map[[16]byte]*track
}

// track is what is remembered of one user or address.
type track struct {
	failures []time.Time // within the window, at most as many as the limit
	pending  []time.Time // attempts under way
	delay    time.Duration
	until    time.Time // no attempt before
	touched  time.Time
}

// get finds or makes a track and drops from it what is too old to count.
func (t *table) get(key [16]byte, now time.Time) *track {
	tr, ok := t.tracks[key]
	if !ok {
		if len(t.tracks) >= maxTracked {
			t.shrink(now)
		}
		tr = &track{}
		t.tracks[key] = tr
	}
	tr.age(now, t.window)
	tr.touched = now
	return tr
}

// age drops what is too old to count. The delay is forgotten only a whole
// window after it ended: else a patient guesser would start from zero each time.
func (tr *track) age(now time.Time, window time.Duration) {
	tr.failures = slices.DeleteFunc(tr.failures, func(at time.Time) bool { return now.Sub(at) >= window })
	tr.pending = slices.DeleteFunc(tr.pending, func(at time.Time) bool { return now.Sub(at) >= pendingLife })
	if tr.delay > 0 && now.Sub(tr.until) >= window {
		tr.delay = 0
	}
}

// wait says how long the next attempt has to wait. Attempts under way count as
// failures; while they alone fill the limit, the wait is until they must have
// an outcome.
func (tr *track) wait(now time.Time, limit int) time.Duration {
	if now.Before(tr.until) {
		return tr.until.Sub(now)
	}
	free := limit - len(tr.failures)
	if tr.delay > 0 {
		free = 1 // after a delay one attempt at a time
	}
	if len(tr.pending) >= max(free, 1) {
		return pendingLife - now.Sub(tr.pending[0])
	}
	return 0
}

// settle takes one attempt off those under way.
func (tr *track) settle() {
	if len(tr.pending) > 0 {
		tr.pending = tr.pending[1:]
	}
}

// fail counts a failure and sets the delay when the limit is reached.
func (tr *track) fail(now time.Time, limit int, window time.Duration) {
	tr.failures = append(tr.failures, now)
	if len(tr.failures) > limit {
		tr.failures = tr.failures[1:]
	}
	switch {
	case tr.delay > 0:
		tr.delay = min(2*tr.delay, lastDelay)
	case len(tr.failures) >= limit:
		tr.delay = firstDelay
	default:
		return
	}
	tr.until = now.Add(tr.delay)
}

// shrink makes room: it drops the tracks that mean nothing any more, and if
// that is not enough the half that was touched longest ago, those without a
// delay first. Memory stays bounded when somebody tries a million names.
func (t *table) shrink(now time.Time) {
	type old struct {
		key [16]byte
		tr  *track
	}
	var rest []old
	for key, tr := range t.tracks {
		tr.age(now, t.window)
		if len(tr.failures) == 0 && len(tr.pending) == 0 && tr.delay == 0 {
			delete(t.tracks, key)
		} else {
			rest = append(rest, old{key, tr})
		}
	}
	if len(t.tracks) <= maxTracked/2 {
		return
	}
	slices.SortFunc(rest, func(a, b old) int {
		if (a.tr.delay > 0) != (b.tr.delay > 0) {
			if a.tr.delay > 0 {
				return 1
			}
			return -1
		}
		return a.tr.touched.Compare(b.tr.touched)
	})
	for _, o := range rest[:len(rest)-maxTracked/2] {
		delete(t.tracks, o.key)
	}
}
