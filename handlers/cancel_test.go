package handlers

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"oriel/internal/dovecot"
	"oriel/mail"
	"oriel/views"
)

// TestCancelledDownloadsLeaveNothing: ten downloads that a browser gives up in
// the middle, some of them at once, leave no goroutine behind and no connection
// that is not used again.
func TestCancelledDownloadsLeaveNothing(t *testing.T) {
	d := dovecot.Start(t)
	s := dovecotSite(t, d)
	raw := strings.ReplaceAll(parcel("Large", [3]string{"large.bin", "application/octet-stream", strings.Repeat("grain of the wood\n", 25<<20/18)}), "\n", "\r\n")
	d.Deliver(s.user, "INBOX", dovecot.Message{Raw: []byte(raw), Date: time.Now()})
	s.signIn()
	ref, _ := mail.ParseRef(find(t, s, "/m/INBOX", "Large"))
	paths := []string{views.PartURL(ref, "2", true), views.SourceURL(ref)}
	s.cancel(paths[0]) // what is made once and kept is there before the counting begins
	before := s.calm()

	for _, path := range paths {
		s.cancel(path)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { s.cancel(paths[i%len(paths)]) })
	}
	all.Wait()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		now := s.calm()
		if now.routines <= before.routines && now.connections <= before.connections {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("before: %+v, after: %+v\n%s", before, now, now.stacks)
		}
	}
	t.Logf("%d routines, %d connections before", before.routines, before.connections)
	// The mailbox works as before, on what is left.
	if err := s.drain(paths[0]); err != nil {
		t.Error(err)
	}
	if log := s.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("the log of cancelled downloads:\n%s", log)
	}
}

// cancel begins a download and gives it up after the first piece.
func (s *site) cancel(path string) {
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.web.URL+path, nil)
	if err != nil {
		s.Error(err)
		return
	}
	res, err := s.browser.Do(r)
	if err != nil {
		s.Error(err)
		return
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 100_000)); err != nil || res.StatusCode != http.StatusOK {
		s.Errorf("%s: %d %v", path, res.StatusCode, err)
	}
}

// A remainder is what downloads may leave behind.
type remainder struct {
	routines    int // of the program, without those of the test's own web server and browser
	connections int // to the mail server
	stacks      string
}

// calm counts what of the program is running.
func (s *site) calm() remainder {
	s.web.CloseClientConnections()
	s.browser.CloseIdleConnections()
	buf := make([]byte, 4<<20)
	r := remainder{stacks: string(buf[:runtime.Stack(buf, true)])}
	for stack := range strings.SplitSeq(r.stacks, "\n\n") {
		if strings.Contains(stack, "oriel/handlers.(*App)") || strings.Contains(stack, "oriel/imapsession") || strings.Contains(stack, "imapclient") {
			r.routines++
		}
		if strings.Contains(stack, "imapclient.(*Client).read(") {
			r.connections++ // each connection has one reader
		}
	}
	return r
}
