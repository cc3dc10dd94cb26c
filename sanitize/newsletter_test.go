package sanitize

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestNewsletters compares whole documents with golden files, so that a change
// of the policy shows what it does to real layouts; and names what the layouts
// must not lose.
func TestNewsletters(t *testing.T) {
	tests := []struct {
		file    string
		blocked int
		keeps   []string
		loses   []string
	}{
		{"columns.html", 5,
			[]string{"@media only screen and (min-width:480px){.mj-column-per-50{width:50%!important;max-width:50%;}",
				"@media screen and (min-width:480px){.moz-text-html .mj-column-per-50", "background-color:#1f3d36", "background:#c8502d",
				"max-width:600px", "border-radius:4px", "display:inline-block", `src="` + cidPrefix + `2"`, `alt="The river path in October"`, "See the map"},
			[]string{"fonts.example.com", "cdn.example.com", "track.example.com", "noscript", "AllowPNG"}},
		{"grid.html", 1,
			[]string{"@media only screen and (max-width:596px){", "th.small-12{display:inline-block!important;width:100%!important;}", "background:#0a2540",
				"background-color:#2199e8", "width:580px", `bgcolor="#f3f3f3"`, `width="548" height="220" alt="Map from Falmouth to Bath"`, "t=a%2Fb", "<font"},
			[]string{"prefers-color-scheme", "<form", "<input", "bcc", `id="`, "position"}},
		{"plain.html", 1,
			[]string{"max-width:38em", "@media (max-width:480px){body{font-size:16px;padding:.5em;}}", `<ol start="3">`, "font-family:Menlo,Consolas,monospace", `alt="Bar chart of waits"`},
			[]string{"font-face", "woff2", "count.js", "chart.svg"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join("testdata", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			d := clean(t, string(src))
			if d.Blocked != tt.blocked {
				t.Errorf("Blocked = %d, want %d", d.Blocked, tt.blocked)
			}
			for _, s := range tt.keeps {
				if !strings.Contains(strings.ReplaceAll(d.HTML, ", ", ","), strings.ReplaceAll(s, ", ", ",")) {
					t.Errorf("%q is lost", s)
				}
			}
			for _, s := range tt.loses {
				if _, body, _ := strings.Cut(d.HTML, baseStyle); strings.Contains(body, s) {
					t.Errorf("%q is left", s)
				}
			}
			compare(t, filepath.Join("testdata", strings.TrimSuffix(tt.file, ".html")+".golden"), d.HTML)
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the document differs from %s; go test -run Newsletters -update writes it anew", file)
	}
}

// TestCorpus runs over a collection of real bodies kept outside of the project.
func TestCorpus(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/html/*.html")
	if len(files) == 0 {
		t.Skip("the collection of real mail (../../shared/corpus) is not here; the tests above need nothing of it")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := clean(t, string(src))
			if len(bodyOf(d)) < 20 {
				t.Errorf("nothing is left: %q", bodyOf(d))
			}
		})
	}
}
