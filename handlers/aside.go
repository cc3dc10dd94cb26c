package handlers

import (
	"log/slog"
	"runtime/debug"

	"oriel/mail"
)

// result is what a function returned.
type result[T any] struct {
	value T
	err   error
}

// aside runs f beside the request. A goroutine is outside the request's own
// recovery: a fault that hostile mail found in a parser must cost one answer,
// not the process.
func aside[T any](log *slog.Logger, f func() (T, error)) <-chan result[T] {
	out := make(chan result[T], 1)
	go func() {
		var r result[T]
		defer func() {
			if p := recover(); p != nil {
				log.Error("panic", "error", p, "stack", string(debug.Stack()))
				r.err = &mail.Error{Kind: mail.Internal, Op: "panic"}
			}
			out <- r
		}()
		r.value, r.err = f()
	}()
	return out
}
