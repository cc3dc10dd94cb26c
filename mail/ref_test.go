package mail

import "testing"

func TestRef(t *testing.T) {
	r := Ref{Folder: "Work/2024", Validity: 4294967295, UID: 7}
	if got := r.ID(); got != "4294967295.7" {
		t.Errorf("ID = %q", got)
	}
	if got := r.String(); got != "Work~2F2024/4294967295.7" {
		t.Errorf("String = %q", got)
	}
	if got, ok := ParseRef(r.String()); !ok || got != r {
		t.Errorf("ParseRef = %v, %v", got, ok)
	}
}

func TestParseID(t *testing.T) {
	for _, c := range []struct {
		id   string
		want Ref
		ok   bool
	}{
		{"1.2", Ref{"F", 1, 2}, true},
		{"2", Ref{"F", 0, 2}, true},
		{"4294967295.4294967295", Ref{"F", 4294967295, 4294967295}, true},
		{"4294967296.1", Ref{}, false},
		{"1.4294967296", Ref{}, false},
		{"0.1", Ref{}, false},
		{"1.0", Ref{}, false},
		{"0", Ref{}, false},
		{"", Ref{}, false},
		{".", Ref{}, false},
		{"1.", Ref{}, false},
		{".1", Ref{}, false},
		{"1.2.3", Ref{}, false},
		{"01.2", Ref{}, false},
		{"1.02", Ref{}, false},
		{"+1.2", Ref{}, false},
		{"1.-2", Ref{}, false},
		{" 1.2", Ref{}, false},
		{"1.2 ", Ref{}, false},
		{"0x1.2", Ref{}, false},
		{"1_0.2", Ref{}, false},
		{"١.2", Ref{}, false},
	} {
		got, ok := ParseID("F", c.id)
		if got != c.want || ok != c.ok {
			t.Errorf("ParseID(%q) = %v, %v; want %v, %v", c.id, got, ok, c.want, c.ok)
		}
	}
}

func TestParseRefRefuses(t *testing.T) {
	for _, s := range []string{"", "INBOX", "INBOX/", "INBOX/1", "/1.2", "INBOX/1.2/3", "a~/1.2", "a~00/1.2"} {
		if r, ok := ParseRef(s); ok {
			t.Errorf("ParseRef(%q) = %v, want it refused", s, r)
		}
	}
}

// FuzzParseRef: whatever is accepted has one canonical spelling that means the
// same message.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"INBOX/1.2", "a~2Fb/4294967295.1", "a~2fb/1.1", "x/0.1", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := ParseRef(s)
		if !ok {
			return
		}
		if r.UID == 0 || r.Validity == 0 || !ValidName(r.Folder) {
			t.Fatalf("%q is %+v", s, r)
		}
		if again, ok := ParseRef(r.String()); !ok || again != r {
			t.Fatalf("%q is %+v, but %q is %+v", s, r, r.String(), again)
		}
	})
}
