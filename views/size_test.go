package views

import (
	"strings"
	"testing"
)

// The budgets of a page of fifty messages. Compressed sizes are those of gzip at
// the level the server uses for pages.
const (
	pageBudget       = 12_000
	pieceBudget      = 45_000 // of the list alone, uncompressed
	pieceGzipBudget  = 8_000
	readerGzipBudget = 3_000 // a message without its text
)

func TestSizes50(t *testing.T) {
	f, l := sampleFrame(), ListView{Context: viewer(), List: sampleList()}
	page, piece := draw(t, Page(f, Mail(f, l, nil))), draw(t, ListRefresh(f, l))
	list, _, _ := strings.Cut(piece, "<nav class=\"nav")
	m := sampleMessage()
	reader := draw(t, ReaderPartial(f, m))
	t.Logf("page %d bytes, gzip %d; piece %d, gzip %d, the list alone %d; reader %d, gzip %d",
		len(page), packed(page), len(piece), packed(piece), len(list), len(reader), packed(reader))
	for _, c := range []struct {
		what       string
		got, limit int
	}{{"page, compressed", packed(page), pageBudget}, {"list", len(list), pieceBudget}, {"piece, compressed", packed(piece), pieceGzipBudget}, {"reader, compressed", packed(reader), readerGzipBudget}} {
		if c.got > c.limit {
			t.Errorf("%s: %d bytes, the budget is %d", c.what, c.got, c.limit)
		}
	}
}

func BenchmarkListPage(b *testing.B) {
	f, l := sampleFrame(), ListView{Context: viewer(), List: sampleList()}
	var out countingWriter
	for b.Loop() {
		out = 0
		if err := Page(f, Mail(f, l, nil)).Render(b.Context(), &out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out), "bytes/page")
}

type countingWriter int

func (w *countingWriter) Write(p []byte) (int, error) {
	*w += countingWriter(len(p))
	return len(p), nil
}
