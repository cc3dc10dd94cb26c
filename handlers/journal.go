package handlers

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"oriel/mail"
	"oriel/views"
)

const (
	journalSize = 50               // actions kept per login session
	journalRefs = 20_000           // messages in all of them together, unless one has more
	journalTime = 30 * time.Minute // how long one can be taken back
	toastTime   = time.Minute      // how long a toast waits for the page it belongs on
)

// entry is one action that can be taken back.
type entry struct {
	id   string
	when time.Time
	from string   // folder the messages were in, for the sentence
	back []change // the steps that reverse it, in order
	said string   // sentence when it has been reversed: "Moved back to Inbox."
}

// change is one step of a reversal: flags, or a move when to is set, with the
// flags before it.
type change struct {
	refs        []mail.Ref
	add, remove []string
	to          string
}

// journal remembers, for each login session, what can be undone and the toast
// that a redirected browser is to find. It lives in memory: after a restart
// there is nothing to undo, and the page says so.
type journal struct {
	now func() time.Time

	mu    sync.Mutex
	users map[string]*record
}

type record struct {
	entries []entry
	toast   *views.Toast
	left    time.Time // when toast was left
}

func newJournal(now func() time.Time) *journal {
	return &journal{now: now, users: map[string]*record{}}
}

// add remembers how to reverse an action and returns the id to do it by; "" when
// there is nothing to reverse.
func (j *journal) add(owner string, e entry) string {
	e.id, e.when = rand.Text(), j.now()
	return j.putBack(owner, e)
}

// putBack keeps an entry that was taken and not wholly reversed. It returns the
// entry's id, or "" when nothing of it is left.
func (j *journal) putBack(owner string, e entry) string {
	e.back = slices.DeleteFunc(e.back, func(c change) bool { return len(c.refs) == 0 })
	if len(e.back) == 0 {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(owner)
	r.entries = append(r.entries, e)
	r.trim()
	return e.id
}

// trim drops the oldest entries when they are too many or too large.
func (r *record) trim() {
	refs := 0
	for i := len(r.entries) - 1; i >= 0; i-- {
		for _, c := range r.entries[i].back {
			refs += len(c.refs)
		}
		if kept := len(r.entries) - i; kept > journalSize || kept > 1 && refs > journalRefs {
			r.entries = slices.Delete(r.entries, 0, i+1)
			return
		}
	}
}

// take removes and returns an entry: an action is undone once. An empty id means
// the last one.
func (j *journal) take(owner, id string) (entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.users[owner]
	if r == nil {
		return entry{}, false
	}
	for i := len(r.entries) - 1; i >= 0; i-- {
		e := r.entries[i]
		if id == "" || e.id == id {
			r.entries = slices.Delete(r.entries, i, i+1)
			return e, j.now().Sub(e.when) < journalTime
		}
	}
	return entry{}, false
}

// leaveToast keeps a toast for the page that the browser is redirected to.
func (j *journal) leaveToast(owner string, t views.Toast) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(owner)
	r.toast, r.left = &t, j.now()
}

// takeToast returns the waiting toast, once.
func (j *journal) takeToast(owner string) *views.Toast {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.users[owner]
	if r == nil || r.toast == nil {
		return nil
	}
	t := r.toast
	r.toast = nil
	if j.now().Sub(r.left) > toastTime {
		return nil
	}
	return t
}

// forget drops all that is known of a login session.
func (j *journal) forget(owner string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.users, owner)
}

// expire drops what is too old to be of use.
func (j *journal) expire() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for owner, r := range j.users {
		r.entries = slices.DeleteFunc(r.entries, func(e entry) bool { return j.now().Sub(e.when) >= journalTime })
		if len(r.entries) == 0 && j.now().Sub(r.left) > toastTime {
			delete(j.users, owner)
		}
	}
}

// record returns the owner's record, made when missing. Callers hold mu.
func (j *journal) record(owner string) *record {
	r := j.users[owner]
	if r == nil {
		r = &record{}
		j.users[owner] = r
	}
	return r
}
