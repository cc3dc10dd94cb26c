package handlers

import (
	"sync"
	"time"

	"oriel/mail"
)

const (
	heldTime = 30 * time.Second // a frame asks for its document within a moment of the page
	heldOne  = 1 << 20          // octets of a document; a larger one is made again
	heldAll  = 32 << 20         // of all together
)

// held keeps the documents that have just been made safe until the frames of
// their pages ask for them: the same message is not fetched and cleaned twice.
// Each is given away once, to the login session whose page named it.
type held struct {
	now func() time.Time

	mu    sync.Mutex
	docs  map[heldKey]heldDoc
	bytes int
}

type heldKey struct {
	owner string
	ref   mail.Ref
	part  string
}

type heldDoc struct {
	html string
	made time.Time
}

func newHeld(now func() time.Time) *held { return &held{now: now, docs: map[heldKey]heldDoc{}} }

// put keeps a document for a moment.
func (h *held) put(k heldKey, html string) {
	if len(html) > heldOne {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(k)
	if h.bytes+len(html) > heldAll {
		clear(h.docs) // whoever misses one has it made again
		h.bytes = 0
	}
	h.docs[k] = heldDoc{html, h.now()}
	h.bytes += len(html)
}

// take gives a document away.
func (h *held) take(k heldKey) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.docs[k]
	h.drop(k)
	return d.html, ok && h.now().Sub(d.made) < heldTime
}

// drop needs h.mu.
func (h *held) drop(k heldKey) {
	h.bytes -= len(h.docs[k].html)
	delete(h.docs, k)
}

// expire drops what nobody has asked for.
func (h *held) expire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, d := range h.docs {
		if h.now().Sub(d.made) >= heldTime {
			h.drop(k)
		}
	}
}

// forget drops what a login session has left: it has signed out.
func (h *held) forget(owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k := range h.docs {
		if k.owner == owner {
			h.drop(k)
		}
	}
}
