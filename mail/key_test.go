package mail

import (
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	for _, c := range []struct{ name, key string }{
		{"INBOX", "INBOX"},
		{"a/b", "a~2Fb"},
		{"100%", "100~25"},
		{"a%2Fb", "a~252Fb"},
		{`"quoted" \ back`, "~22quoted~22~20~5C~20back"},
		{"Entwürfe", "Entw~C3~BCrfe"},
		{"~", "~7E"},
		{"a.b_c-d", "a~2Eb_c-d"},
	} {
		if got := Key(c.name); got != c.key {
			t.Errorf("Key(%q) = %q, want %q", c.name, got, c.key)
		}
		if got, ok := ParseKey(c.key); !ok || got != c.name {
			t.Errorf("ParseKey(%q) = %q, %v", c.key, got, ok)
		}
	}
}

func TestParseKeyAcceptsOtherSpellings(t *testing.T) {
	for _, key := range []string{"a~2fb", "~61~2Fb", "a/b"} {
		if name, ok := ParseKey(key); !ok || name != "a/b" {
			t.Errorf("ParseKey(%q) = %q, %v", key, name, ok)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, key := range []string{
		"", "~", "a~", "a~2", "a~G0", "a~2G", "~C3", "~00", "a~0Ab", "~7F", "~C2~85", "\xff",
		strings.Repeat("a", 256),
	} {
		if name, ok := ParseKey(key); ok {
			t.Errorf("ParseKey(%q) = %q, want it refused", key, name)
		}
	}
	if _, ok := ParseKey(strings.Repeat("~61", 255)); !ok {
		t.Error("the limit counts the bytes of the name, not of its key")
	}
}

// FuzzKey takes any string as a folder name and as a key.
func FuzzKey(f *testing.F) {
	for _, s := range []string{"INBOX", "a/b", "a~2Fb", "Entwürfe", "~", "~~7E", "a~2fb", "\x00", "日本語"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key := Key(s)
		if strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~") != "" {
			t.Fatalf("Key(%q) = %q cannot stand in a URL", s, key)
		}
		back, ok := ParseKey(key)
		if back != s && ok || ok != ValidName(s) {
			t.Fatalf("%q came back as %q, %v", s, back, ok)
		}
		name, ok := ParseKey(s)
		if !ok {
			return
		}
		if !ValidName(name) {
			t.Fatalf("ParseKey(%q) lets the name %q through", s, name)
		}
		if again, ok := ParseKey(Key(name)); !ok || again != name {
			t.Fatalf("%q has no spelling of its own: %q", name, again)
		}
	})
}
