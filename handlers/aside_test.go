package handlers

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"oriel/mail"
)

func TestAFaultAsideCostsOneAnswer(t *testing.T) {
	var log bytes.Buffer
	r := <-aside(slog.New(slog.NewTextHandler(&log, nil)), func() (int, error) { panic("index out of range") })
	if mail.KindOf(r.err) != mail.Internal || r.err == nil || !strings.Contains(log.String(), "index out of range") {
		t.Errorf("%v, log %q", r.err, log.String())
	}
	if r := <-aside(slog.Default(), func() (int, error) { return 7, nil }); r.value != 7 || r.err != nil {
		t.Errorf("%v, %v", r.value, r.err)
	}
}
