package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os/signal"
	"syscall"
	"time"

	"oriel/config"
	"oriel/handlers"
	"oriel/imapsession"
	"oriel/login"
)

// Requests under way at the end get drain to finish, mail connections then
// hangUp: together less than the 10 seconds after which container engines kill.
const (
	drain  = 7 * time.Second
	hangUp = 2 * time.Second
)

func serveCommand(args, environ []string, stdout, stderr io.Writer) int {
	c, err := config.Load(args, environ)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage, config.Usage())
		return exitOK
	}
	if err != nil {
		return refuse(stderr, err)
	}
	log := newLog(c, stderr)
	for _, w := range c.Warnings() {
		log.Warn(w)
	}
	site, err := newSite(c, "", log)
	if err != nil {
		return refuse(stderr, config.Problems{"ORIEL_DATA: " + err.Error()})
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once

	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		fmt.Fprintf(stderr, "oriel: %v\n", err)
		return exitFailed
	}
	v, rev := build()
	log.Info("oriel is ready", "listen", l.Addr().String(), "version", v, "commit", rev, "imap", c.IMAP.Address())
	if err := site.serve(ctx, l); err != nil {
		fmt.Fprintf(stderr, "oriel: %v\n", err)
		return exitFailed
	}
	log.Info("oriel has stopped")
	return exitOK
}

// refuse lists what is wrong with the configuration.
func refuse(stderr io.Writer, err error) int {
	problems := config.Problems{err.Error()}
	errors.As(err, &problems)
	fmt.Fprintln(stderr, "oriel: the configuration is wrong:")
	for _, p := range problems {
		fmt.Fprintln(stderr, "  - "+p)
	}
	fmt.Fprintln(stderr, `See "oriel help" for all settings.`)
	return exitUsage
}

// newLog makes the program's log. Lines go to standard error, where service
// managers and container engines collect them.
func newLog(c config.Config, stderr io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(stderr, o))
	}
	return slog.New(slog.NewTextHandler(stderr, o))
}

// site is the webmail with everything that it is made of.
type site struct {
	config config.Config
	log    *slog.Logger
	pool   *imapsession.Pool
	app    *handlers.App
}

// newSite builds the webmail. It reads and writes the data folder, and connects
// to nothing.
func newSite(c config.Config, notice string, log *slog.Logger) (*site, error) {
	keys := c.Keys
	if keys == nil {
		text, err := login.KeyFile(c.Data)
		if err != nil {
			return nil, err
		}
		if keys, err = config.ParseKeys(text); err != nil {
			return nil, fmt.Errorf("the signing key in %s: %w", c.Data, err)
		}
	}
	pool := imapsession.NewPool(imapServer(c), imapsession.Options{Connections: c.IMAPConnections, LoginRate: c.IMAPLoginRate, Log: log})
	store, err := login.New(login.Config{
		Dir:      c.Data,
		Keys:     keys,
		Server:   c.IMAP.Address(),
		Insecure: c.InsecureCookies,
		Ended:    pool.Release,
	})
	if err != nil {
		return nil, err
	}
	v, _ := build()
	app := handlers.New(handlers.Options{
		Config:   c,
		Pool:     pool,
		Login:    store,
		Throttle: login.NewThrottle(nil),
		Log:      log,
		Version:  v,
		Notice:   notice,
	})
	return &site{config: c, log: log, pool: pool, app: app}, nil
}

// imapServer says the same in the words of imapsession, which knows nothing of
// configuration.
func imapServer(c config.Config) imapsession.Server {
	mode := imapsession.TLS
	switch c.IMAP.Security {
	case config.StartTLS:
		mode = imapsession.STARTTLS
	case config.Plain:
		mode = imapsession.Plain
	}
	return imapsession.Server{Host: c.IMAP.Host, Port: c.IMAP.Port, Mode: mode, Roots: c.Roots}
}

// serve answers requests until ctx ends, then stops in order: requests, mail
// connections, background work.
func (s *site) serve(ctx context.Context, l net.Listener) error {
	background, end := context.WithCancel(context.Background())
	defer end()
	go s.app.Run(background)
	defer s.hangUp()

	if s.config.AdminListen != "" {
		admin, err := net.Listen("tcp", s.config.AdminListen)
		if err != nil {
			l.Close()
			return fmt.Errorf("ORIEL_ADMIN_LISTEN: %w", err)
		}
		profiler := s.server(adminHandler())
		defer profiler.Close()
		go profiler.Serve(admin)
		s.log.Info("the profiler is ready", "listen", admin.Addr().String())
	}

	web := s.server(s.app.Handler())
	web.RegisterOnShutdown(s.app.EndStreams)
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.log.Info("oriel is stopping")
	patience, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if web.Shutdown(patience) != nil {
		web.Close() // a download that is not done by now has to be started again
	}
	return nil
}

func (s *site) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), hangUp)
	defer cancel()
	if err := s.pool.Close(ctx); err != nil {
		s.log.Debug("closing mail connections", "error", err)
	}
}

// server has limits against slow and greedy clients. There is no limit on the
// time of a whole answer: it would cut long downloads.
func (s *site) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// adminHandler is what ORIEL_ADMIN_LISTEN serves. It has a mux of its own, so
// that the profiler can never appear on the public listener.
func adminHandler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /debug/pprof/", pprof.Index)
	m.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	m.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	m.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return m
}
