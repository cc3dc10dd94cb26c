package sanitize

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkNewsletter cleans a newsletter of about 100 kB.
func BenchmarkNewsletter(b *testing.B) {
	src, err := os.ReadFile("testdata/columns.html")
	if err != nil {
		b.Fatal(err)
	}
	head, body, _ := strings.Cut(string(src), "<body")
	_, inner, _ := strings.Cut(body, ">")
	inner = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(inner), "</body>\n</html>"))
	doc := head + "<body>" + strings.Repeat(inner, 1+(100<<10-len(head))/len(inner))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Mail(doc, MailOptions{CID: testCID}); err != nil {
			b.Fatal(err)
		}
	}
}

// bombs are inputs that made parsers and cleaners slow. Each is repeated to the
// wanted size.
var bombs = []struct{ name, start, unit string }{
	{"open-a", "", "<a href=http://e.org>x"},
	{"open-div", "", "<div>"},
	{"font-p", "", "<font><p>"},
	{"formatting", "", "<b><i><u></p>x"},
	{"misnested", "", "<p><b></p>"},
	{"less-than", "", "<"},
	{"comments", "", "<!--"},
	{"attributes", "<p ", "a=b "},
	{"same-attribute", "<b ", "style=color:red "},
	{"styled-cells", "<table>", "<td style='color:red;background:url(x) #fff'>x"},
	{"nested-tables", "", "<table><td>"},
	{"foster", "<table>", "x<b>"},
	{"select", "", "<select><option>"},
	{"svg", "", "<svg><p>"},
	{"entities", "", "&amp"},
	{"css-braces", "<style>", "a{b{"},
	{"css-brackets", "<style>a{color:", "rgb(("},
	{"css-media", "<style>", "@media screen{"},
	{"css-selectors", "<style>", "a,"},
	{"css-comments", "<style>", "/*"},
	{"css-strings", "<style>", "'\n"},
	{"css-url", "<style>a{color:", "url("},
	{"css-escapes", "<style>", "\\"},
	{"css-at", "<style>", "@a"},
	{"css-values", "<style>a{background:", "linear-gradient(red "},
	{"styles", "", "<style>a{color:red}</style>"},
	{"class", "<p class='", "a! "},
}

// TestBombsGrowLinearly counts the bytes allocated for each bomb and for one
// four times as large: a tree or a text that grows with the square of the input
// would take sixteen times as much.
func TestBombsGrowLinearly(t *testing.T) {
	cost := func(doc string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = Mail(doc, MailOptions{}) // too large is an answer as well
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, bomb := range bombs {
		small := bomb.start + strings.Repeat(bomb.unit, (32<<10)/len(bomb.unit))
		large := bomb.start + strings.Repeat(bomb.unit, (128<<10)/len(bomb.unit))
		cost(small) // warms the pools up
		if s, l := cost(small), cost(large); l > 7*s {
			t.Errorf("%s: %d bytes for 32 kB, %d for 128 kB", bomb.name, s, l)
		}
	}
}

// BenchmarkBombs reports nanoseconds a byte at two sizes; linear work shows as
// two numbers alike.
func BenchmarkBombs(b *testing.B) {
	for _, bomb := range bombs {
		for _, size := range []struct {
			name string
			n    int
		}{{"60k", 60 << 10}, {"240k", 240 << 10}} {
			doc := bomb.start + strings.Repeat(bomb.unit, size.n/len(bomb.unit))
			b.Run(bomb.name+"/"+size.name, func(b *testing.B) {
				for b.Loop() {
					_, _ = Mail(doc, MailOptions{}) // too large is an answer as well
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(doc)), "ns/byte")
			})
		}
	}
}

// BenchmarkText does the same for plain text.
func BenchmarkText(b *testing.B) {
	for _, bomb := range []struct{ name, unit string }{
		{"prose", "Plain words and a link to https://e.org/path?q=1 (see above).\n"},
		{"quotes", "> quoted\n\nplain\n"},
		{"deep", strings.Repeat(">", 500) + "x\n"},
		{"links", "www.www.http://("},
		{"brackets", "http://e.org/((((("},
		{"colons", "a@b:\n"},
		{"dashes", "-- \n"},
		{"flowed", "one \n"},
	} {
		for _, size := range []struct {
			name string
			n    int
		}{{"100k", 100 << 10}, {"400k", 400 << 10}} {
			content := strings.Repeat(bomb.unit, size.n/len(bomb.unit))
			b.Run(bomb.name+"/"+size.name, func(b *testing.B) {
				for b.Loop() {
					Text(content, TextOptions{Flowed: bomb.name == "flowed"})
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(content)), "ns/byte")
			})
		}
	}
}
