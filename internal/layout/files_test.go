package layout

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the tree, seen from this package.
const root = "../.."

// maxLines is how long a file may be that a person wrote. Longer ones hold two
// ideas.
const maxLines = 600

// code are the kinds of files that people write and the rules are for.
var code = []string{".go", ".templ", ".css", ".js", ".sh"}

// skipped are folders with files that are not ours or not code.
var skipped = []string{".git", "node_modules", "vendor", "testdata", "data"}

// banned are patterns that must not appear in the code.
var banned = []struct {
	pattern *regexp.Regexp
	why     string
	except  []string // files that may
	tests   bool     // also in tests
}{
	{regexp.MustCompile(`\btempl\.Raw\b`), "writes HTML unescaped: only for sanitize.HTML, in one file", []string{"views/raw.go"}, true},
	{regexp.MustCompile(`(?i)sandbox.{0,200}allow-(scripts|forms|top-navigation|downloads|modals)`), "would let a message act in the page", nil, false},
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`), "is a note that nobody will read: do it, or file an issue", nil, true},
	{regexp.MustCompile(`\bhx-on\b|\bhx-vals="js:`), "is inline script, which the content security policy forbids", nil, false},
	{regexp.MustCompile(`\bInsecureSkipVerify\b`), "certificates are always verified", nil, false},
}

// ours lists the files that the rules are for, relative to root.
func ours(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(skipped, d.Name()) {
			return filepath.SkipDir
		}
		rel, _ := filepath.Rel(root, name)
		if !d.IsDir() && (slices.Contains(code, filepath.Ext(name)) || strings.HasPrefix(rel, "scripts/")) {
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 20 {
		t.Fatalf("only %d files found: the test looks in the wrong place", len(names))
	}
	return names
}

func isGenerated(name string) bool { return strings.HasSuffix(name, "_templ.go") }

// isMinified finds other people's scripts, whose digests their folder's own
// test checks.
func isMinified(name string) bool {
	return strings.HasSuffix(name, ".min.js") || strings.HasSuffix(name, ".min.css")
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFileLength(t *testing.T) {
	for _, name := range ours(t) {
		if isGenerated(name) || isMinified(name) {
			continue
		}
		if n := bytes.Count(read(t, name), []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, more than %d", name, n, maxLines)
		}
	}
}

func TestGeneratedFilesHaveSources(t *testing.T) {
	all := ours(t)
	for _, name := range all {
		switch {
		case isGenerated(name) && !slices.Contains(all, strings.TrimSuffix(name, "_templ.go")+".templ"):
			t.Errorf("%s is left over: its source is gone", name)
		case strings.HasSuffix(name, ".templ") && !slices.Contains(all, strings.TrimSuffix(name, ".templ")+"_templ.go"):
			t.Errorf("%s was not generated: run scripts/generate", name)
		}
	}
}

func TestBannedWords(t *testing.T) {
	for _, name := range ours(t) {
		if isGenerated(name) || isMinified(name) || name == "internal/layout/files_test.go" {
			continue
		}
		text := read(t, name)
		for _, b := range banned {
			if slices.Contains(b.except, name) || !b.tests && isTest(name) {
				continue
			}
			if at := b.pattern.FindIndex(text); at != nil {
				t.Errorf("%s:%d: %q %s", name, 1+bytes.Count(text[:at[0]], []byte("\n")), text[at[0]:at[1]], b.why)
			}
		}
	}
}

func isTest(name string) bool {
	return strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "tests/")
}

// The patterns find what they are for.
func TestPatterns(t *testing.T) {
	for i, sample := range []string{
		`templ.Raw(s)`, `<iframe sandbox="allow-same-origin allow-scripts">`, "// TO" + "DO: later", `<a hx-on:click="x()">`, `InsecureSkipVerify: true`,
	} {
		if !banned[i].pattern.MatchString(sample) {
			t.Errorf("%q passes", sample)
		}
	}
}
