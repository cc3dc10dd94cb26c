// Package handlers is Oriel's web side: the table of routes, one file per thing
// a user does, and the one place where errors become pages.
//
// A handler reads the request, makes one call on the user's mail session and
// returns a page or an error. It writes no headers, logs nothing and speaks no
// IMAP: show, done, stream and the error table do that for all of them.
package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/config"
	"oriel/imapsession"
	"oriel/login"
)

// Options are what an App is made of.
type Options struct {
	Config   config.Config
	Pool     *imapsession.Pool
	Login    *login.Store
	Throttle *login.Throttle
	Log      *slog.Logger
	Version  string
	Notice   string           // a sentence on the sign-in page: the demo's login
	Now      func() time.Time // nil: time.Now
}

// App is the web application.
type App struct {
	Options
	journal *journal      // what can be undone, by login session
	hub     *hub          // who listens to what happens in the mailboxes
	held    *held         // documents on their way to their frames
	cleaner chan struct{} // one token per sanitiser that may run at once
	handler http.Handler
}

// New builds an App. It connects to nothing.
func New(o Options) *App {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	a := &App{Options: o, journal: newJournal(o.Now), held: newHeld(o.Now), hub: newHub(), cleaner: make(chan struct{}, runtime.NumCPU())}
	a.handler = a.wrap(a.mount())
	return a
}

// Handler serves the application.
func (a *App) Handler() http.Handler { return a.handler }

// Run does the background work until ctx ends: it forgets old undo entries and
// removes expired login sessions.
func (a *App) Run(ctx context.Context) {
	go a.Login.Sweep(ctx)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.journal.expire()
			a.held.expire()
		}
	}
}

// mount registers the routes with echo.
func (a *App) mount() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = a.clientIP()
	e.HTTPErrorHandler = a.fail
	e.Use(a.middleware()...)
	for _, r := range a.routes() {
		h := a.guard(r)
		e.Add(r.method, r.path, h)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, h)
		}
	}
	return e
}
