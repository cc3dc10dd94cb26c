package handlers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"oriel/mail"
)

const (
	// earQueue is how many events may wait for a browser. One that is further
	// behind is cut off: it comes back and is told what it missed.
	earQueue = 8
	// remembered is how many events are kept for browsers that come back.
	remembered = 64
	// maxEars and maxEarsOfLogin bound the open streams. A browser needs one, and
	// without https one for each visible tab.
	maxEars        = 4096
	maxEarsOfLogin = 16
	// lingering is how long a mailbox is still watched when nobody listens any
	// more: a page that is loaded anew, or a short cut of the line, misses nothing.
	lingering = 30 * time.Second
)

// watcher tells what happens in a mailbox: an imapsession.Watch.
type watcher interface {
	Next(context.Context) (mail.Event, error)
	Close()
}

// hub brings the events of mail sessions to the streams that are open. There is
// one feed for each mail session, however many browsers and tabs look at it.
//
// Its lock is held for moments and never while something is sent: an event goes
// into the queue of each stream, or the stream is cut off.
type hub struct {
	linger time.Duration

	mu    sync.Mutex
	feeds map[any]*feed // by mail session
	ears  int
	ended bool
}

func newHub() *hub { return &hub{linger: lingering, feeds: map[any]*feed{}} }

// feed is what one mailbox told, and who listens.
type feed struct {
	name   string // random: an id of another feed, or of another run, is known as such
	count  uint64 // events so far
	recent [][]byte
	// trouble is what somebody who comes now has to be told first, or nil.
	trouble *news
	ears    []*ear // oldest first
	stop    context.CancelFunc
}

// ear is one open stream.
type ear struct {
	login string
	queue chan []byte
	gone  chan struct{} // closed when the stream has to end, after what is queued
	last  []byte        // what it is told at its end, besides
	// refused says that the mail server no longer takes the password.
	refused bool
}

// news is an event as the script in the pages reads it.
type news struct {
	Kind    string  `json:"kind"`
	Folder  string  `json:"folder,omitempty"`
	Unread  *uint32 `json:"unread,omitempty"`
	Arrived int     `json:"arrived,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// The kinds of news that no mail.Event is: all is well and this is where the
// feed stands; too much was missed to be told one by one.
const (
	newsHere = "here"
	newsAll  = "all"
)

// newsOf puts an event into the script's words.
func newsOf(e mail.Event) news {
	switch e.Kind {
	case mail.Changed:
		n := news{Kind: "changed", Folder: mail.Key(e.Folder.Name), Arrived: e.Arrived}
		if e.Folder.Counted {
			n.Unread = &e.Folder.Unread
		}
		return n
	case mail.Lost:
		return news{Kind: "lost"}
	case mail.Expired:
		return news{Kind: "expired", Reason: "password"}
	case mail.Alert:
		return news{Kind: "alert", Reason: e.Reason}
	}
	return news{Kind: newsAll} // Listed, Back: whatever is shown may be old
}

// write is the event as it goes over the wire, numbered.
func (f *feed) write(n news) []byte {
	data, err := json.Marshal(n)
	if err != nil {
		panic("handlers: news: " + err.Error()) // strings and numbers
	}
	return fmt.Appendf(nil, "id: %s\ndata: %s\n\n", f.id(), data)
}

func (f *feed) id() string { return f.name + "." + strconv.FormatUint(f.count, 10) }

// now says where the feed stands, and what is wrong if something is.
func (f *feed) now() []byte {
	if f.trouble != nil {
		return f.write(*f.trouble)
	}
	return f.write(news{Kind: newsHere})
}

// since are the events after the one with an id, or that everything may be
// different when they are not known any more. A page that says nothing was drawn
// before there was a feed, and needs nothing.
func (f *feed) since(id string) [][]byte {
	if id == "" {
		return nil
	}
	name, number, _ := strings.Cut(id, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if name != f.name || err != nil || n > f.count || f.count-n > uint64(len(f.recent)) {
		return [][]byte{f.write(news{Kind: newsAll})}
	}
	return f.recent[uint64(len(f.recent))-(f.count-n):]
}

// at is the id of the last event of a mail session, for a page that is about to
// be drawn: what happens after it is not on the page. It is "" when nobody
// listens.
func (h *hub) at(session any) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f, ok := h.feeds[session]; ok {
		return f.id()
	}
	return ""
}

// join opens an ear for a login session, and says what it has to hear first. It
// fails when there are too many or the program is stopping.
func (h *hub) join(session any, login, last string, watch func() watcher) (e *ear, first []byte, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || h.ears >= maxEars {
		return nil, nil, false
	}
	f := h.feeds[session]
	if f == nil {
		f = &feed{name: rand.Text()[:10]}
		h.feeds[session] = f
		var ctx context.Context
		ctx, f.stop = context.WithCancel(context.Background())
		go h.listen(ctx, session, f, watch())
	}
	h.makeRoom(f, login)
	e = &ear{login: login, queue: make(chan []byte, earQueue), gone: make(chan struct{})}
	f.ears = append(f.ears, e)
	h.ears++
	first = []byte("retry: 1000\n\n")
	for _, b := range f.since(last) {
		first = append(first, b...)
	}
	return e, append(first, f.now()...), true
}

// makeRoom ends the oldest stream of a login session that has too many. It is
// asked to stay away for a while, or it would end the next one in turn.
func (h *hub) makeRoom(f *feed, login string) {
	var own []*ear
	for _, e := range f.ears {
		if e.login == login {
			own = append(own, e)
		}
	}
	if len(own) >= maxEarsOfLogin {
		own[0].last = []byte("retry: 60000\n\n")
		h.drop(f, own[0])
	}
}

// listen passes on what the watcher tells, until the feed is stopped.
func (h *hub) listen(ctx context.Context, session any, f *feed, w watcher) {
	defer w.Close()
	for {
		e, err := w.Next(ctx)
		if err != nil {
			return
		}
		h.tell(session, f, e)
	}
}

// tell brings an event to every stream of a feed.
func (h *hub) tell(session any, f *feed, e mail.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := newsOf(e)
	f.count++
	b := f.write(n)
	if f.recent = append(f.recent, b); len(f.recent) > remembered {
		f.recent = f.recent[1:]
	}
	switch e.Kind {
	case mail.Lost:
		f.trouble = &n
	case mail.Back:
		f.trouble = nil
	}
	for i := len(f.ears) - 1; i >= 0; i-- { // from the end, because drop shortens
		f.ears[i].refused = e.Kind == mail.Expired
		h.give(f, f.ears[i], b)
	}
	if e.Kind == mail.Expired {
		h.end(session, f)
	}
}

// give puts an event into a stream's queue, or cuts the stream off.
func (h *hub) give(f *feed, e *ear, b []byte) {
	select {
	case e.queue <- b:
	default:
		h.drop(f, e)
	}
}

// pulse is what a silent stream hears now and then.
func (h *hub) pulse(session any) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f, ok := h.feeds[session]; ok {
		return f.now()
	}
	return nil
}

// leave takes an ear away whose stream has ended.
func (h *hub) leave(session any, e *ear) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, ok := h.feeds[session]
	if !ok {
		return
	}
	h.drop(f, e)
	if len(f.ears) == 0 {
		time.AfterFunc(h.linger, func() { h.retire(session, f) })
	}
}

// retire ends a feed that nobody listens to.
func (h *hub) retire(session any, f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds[session] == f && len(f.ears) == 0 {
		h.end(session, f)
	}
}

// drop ends a stream, once.
func (h *hub) drop(f *feed, e *ear) {
	for i, other := range f.ears {
		if other == e {
			f.ears = append(f.ears[:i:i], f.ears[i+1:]...)
			h.ears--
			close(e.gone)
			return
		}
	}
}

// end ends a feed with its streams.
func (h *hub) end(session any, f *feed) {
	for len(f.ears) > 0 {
		h.drop(f, f.ears[0])
	}
	f.stop()
	delete(h.feeds, session)
}

// signedOut ends the streams of a login session and tells them why.
func (h *hub) signedOut(login string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for session, f := range h.feeds {
		for i := len(f.ears) - 1; i >= 0; i-- {
			if e := f.ears[i]; e.login == login {
				e.last = f.write(news{Kind: "expired"})
				h.drop(f, e)
				if len(f.ears) == 0 {
					h.end(session, f)
				}
			}
		}
	}
}

// close ends everything, for good.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for session, f := range h.feeds {
		h.end(session, f)
	}
}
