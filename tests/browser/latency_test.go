package browser

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

// pushes notes when the mail server said that there is another message.
type pushes struct {
	mu sync.Mutex
	at []time.Time
}

func (p *pushes) trace(dir byte, line []byte) {
	if dir != 'S' || !bytes.HasPrefix(line, []byte("* ")) || !bytes.Contains(line, []byte(" EXISTS")) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = append(p.at, time.Now())
}

// after is the first time after another one.
func (p *pushes) after(start time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.at, start.Before)
	if i < 0 {
		return time.Time{}, false
	}
	return p.at[i], true
}

// speedOfNews delivers n messages on Dovecot, one by one, and measures for each
// how long its row took to be in the page: from the server's IDLE line, and from
// the end of the other program's APPEND. The clocks are the same machine's.
func speedOfNews(t testing.TB, n int) (fromLine, whole []time.Duration) {
	t.Helper()
	var told pushes
	s, _ := dovecotSite(t, func(s *site) { s.trace = told.trace })
	s.deliverAll("INBOX", letters(50), time.Now())
	streams := s.watchStreams()
	b := s.signIn(s.tab(t, desktop))
	streams.only(b)
	b.settle()
	b.eval(`(() => { window.came = {};
		new MutationObserver(() => { for (const r of rows()) { const swift = link(r).textContent.match(/Swift \d+/); if (swift) came[swift[0]] ??= performance.timeOrigin + performance.now() } })
			.observe(document.body, {subtree: true, childList: true}) })()`)
	s.client(func(c *imapclient.Client) error {
		for i := range n {
			name := fmt.Sprintf("Swift %d", i)
			raw := strings.ReplaceAll(letter(name, "x"), "\n", "\r\n")
			start := time.Now()
			a := c.Append("INBOX", int64(len(raw)), nil)
			if _, err := a.Write([]byte(raw)); err != nil {
				return err
			}
			if err := a.Close(); err != nil {
				return err
			}
			if _, err := a.Wait(); err != nil {
				return err
			}
			done := time.Now()
			b.until("came[" + quote(name) + "]")
			shown := time.UnixMicro(int64(1000 * b.num("came["+quote(name)+"]")))
			line, ok := told.after(start)
			if !ok {
				return fmt.Errorf("%s is in the page, and the server never said so", name)
			}
			fromLine, whole = append(fromLine, shown.Sub(line)), append(whole, shown.Sub(done))
			time.Sleep(300 * time.Millisecond) // the next one is not to wait for this
		}
		return nil
	})
	slices.Sort(fromLine)
	slices.Sort(whole)
	return fromLine, whole
}

// quantile is a value of a sorted series.
func quantile(d []time.Duration, percent int) time.Duration {
	return d[min(len(d)-1, len(d)*percent/100)].Round(time.Millisecond)
}

// TestSpeedOfNews is a short measurement with generous bounds: BenchmarkNews is
// the one to read.
func TestSpeedOfNews(t *testing.T) {
	fromLine, whole := speedOfNews(t, 8)
	t.Logf("IDLE line to row: median %v, slowest %v; APPEND to row: median %v, slowest %v",
		quantile(fromLine, 50), quantile(fromLine, 100), quantile(whole, 50), quantile(whole, 100))
	if half := quantile(fromLine, 50); half > time.Second {
		t.Errorf("half of the news took %v or longer from the server's line", half)
	}
	if half := quantile(whole, 50); half > 5*time.Second {
		t.Errorf("half of the news took %v or longer", half)
	}
}

// BenchmarkNews measures the same on fifty messages.
func BenchmarkNews(b *testing.B) {
	for b.Loop() {
		fromLine, whole := speedOfNews(b, 50)
		for name, d := range map[string][]time.Duration{"line": fromLine, "whole": whole} {
			b.ReportMetric(float64(quantile(d, 50).Milliseconds()), name+"-p50-ms")
			b.ReportMetric(float64(quantile(d, 95).Milliseconds()), name+"-p95-ms")
		}
	}
}
