package config

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md from the tags of Config")

// TestDocumentation keeps docs/configuration.md equal to what the program does.
func TestDocumentation(t *testing.T) {
	const name = "../docs/configuration.md"
	want := Markdown()
	if *update {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: run go test ./config -update", name)
	}
}

func TestUsage(t *testing.T) {
	u := Usage()
	for _, s := range settings() {
		if !strings.Contains(u, "-"+s.flag) || !strings.Contains(u, s.env) {
			t.Errorf("%s is not in the usage", s.env)
		}
	}
	for line := range strings.SplitSeq(u, "\n") {
		if len(line) > 80 {
			t.Errorf("longer than a terminal is wide: %q", line)
		}
	}
}
