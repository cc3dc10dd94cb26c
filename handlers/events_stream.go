package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/imapsession"
	"oriel/mail"
)

const (
	// heartbeat is how often a silent stream says that it is alive. It is an event
	// and no comment, because a script does not see comments: a line that died
	// without a word is noticed by what does not come.
	heartbeat = 25 * time.Second
	// tellTime is how long a browser may take to take an event.
	tellTime = 10 * time.Second
)

// tellEvents is the stream of what happens in the mailbox: GET /events. It ends
// when the login session does. Neither a stream nor what a page fetches because
// of it counts as a request of the user: a tab that was left open must not keep
// the session alive for ever.
func (a *App) tellEvents(c echo.Context) error {
	r := c.Request()
	l, ok := a.Login.Look(r)
	if !ok {
		return c.NoContent(http.StatusUnauthorized) // EventSource stops at this
	}
	if r.Method == http.MethodHead {
		return c.NoContent(http.StatusNoContent)
	}
	t := newTeller(c)
	ctx, cancel := context.WithTimeout(r.Context(), signInTime)
	s, err := a.Pool.Open(ctx, l.ID, l.User, l.Password)
	cancel()
	switch {
	case mail.KindOf(err) == mail.Denied:
		a.forget(c, l.ID)
		return c.NoContent(http.StatusUnauthorized)
	case err != nil:
		// The stream works and the mail server does not: say so, and let the browser
		// ask again.
		t.tell([]byte("retry: 5000\ndata: {\"kind\":\"lost\"}\n\n"))
		return nil
	}
	last := r.Header.Get("Last-Event-ID") // the browser came back by itself
	if last == "" {
		last = c.QueryParam("last")
	}
	e, first, ok := a.hub.join(s, l.ID, last, func() watcher { return s.Watch() })
	if !ok {
		c.Response().Header().Set("Retry-After", "60")
		return c.NoContent(http.StatusServiceUnavailable)
	}
	defer a.hub.leave(s, e)
	if t.tell(first) {
		a.passOn(c, t, s, e)
	}
	return nil
}

// passOn writes what comes into a stream's queue until one side ends it.
func (a *App) passOn(c echo.Context, t teller, s *imapsession.Session, e *ear) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-c.Request().Context().Done():
			return
		case b := <-e.queue:
			if !t.tell(b) {
				return
			}
		case <-e.gone:
			for len(e.queue) > 0 && t.tell(<-e.queue) {
			}
			t.tell(e.last)
			if e.refused {
				a.forget(c, e.login) // the server sees one failed attempt, not one for each click
			}
			return
		case <-beat.C:
			if _, ok := a.Login.Look(c.Request()); !ok {
				a.hub.signedOut(e.login)
			} else if !t.tell(a.hub.pulse(s)) {
				return
			}
		}
	}
}

// teller writes events to a browser.
type teller struct {
	w *echo.Response
	c *http.ResponseController
}

func newTeller(c echo.Context) teller {
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return teller{c.Response(), http.NewResponseController(c.Response())}
}

// tell sends some events at once. A browser that does not take them in time has
// gone, or is not worth waiting for. Between events there is no deadline.
func (t teller) tell(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if t.c.SetWriteDeadline(time.Now().Add(tellTime)) != nil {
		return false
	}
	if _, err := t.w.Write(b); err != nil {
		return false
	}
	t.w.Flush()
	return t.c.SetWriteDeadline(time.Time{}) == nil
}

// EndStreams ends all event streams, now and for good. They never end by
// themselves, so that a server that is shutting down would wait for them.
func (a *App) EndStreams() { a.hub.close() }
