package views

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"oriel/mail"
)

// reader is somebody in Vienna on a Wednesday.
func viewer() Context {
	zone := time.FixedZone("CET", 3600)
	return Context{Now: time.Date(2026, 11, 25, 10, 30, 0, 0, zone), Zone: zone, User: "mara@lindqvist.example"}
}

func TestTimes(t *testing.T) {
	c := viewer()
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, c.Zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct{ at, group, row, message string }{
		{"2026-11-25 10:29", "Today", "10:29", "10:29"},
		{"2026-11-25 00:00", "Today", "00:00", "00:00"},
		{"2026-11-24 23:59", "Yesterday", "Tue", "Tue, 23:59"},
		{"2026-11-23 08:00", "Monday", "Mon", "Mon, 08:00"},
		{"2026-11-19 08:00", "Thursday", "Thu", "Thu, 08:00"},
		{"2026-11-18 08:00", "Last week", "18 Nov", "18 Nov, 08:00"},
		{"2026-11-16 00:00", "Last week", "16 Nov", "16 Nov, 00:00"},
		{"2026-11-15 23:59", "November", "15 Nov", "15 Nov, 23:59"},
		{"2026-10-01 09:00", "October", "1 Oct", "1 Oct, 09:00"},
		{"2025-11-25 09:00", "November 2025", "25 Nov 2025", "25 Nov 2025, 09:00"},
		{"1970-01-01 00:00", "January 1970", "1 Jan 1970", "1 Jan 1970, 00:00"},
		{"2026-11-26 00:10", "Today", "00:10", "00:10"}, // the server's clock is ahead
		{"2031-01-01 00:00", "Later", "1 Jan 2031", "1 Jan 2031, 00:00"},
	} {
		v := at(tt.at)
		if got := c.dayGroup(v); got != tt.group {
			t.Errorf("group of %s: %q, want %q", tt.at, got, tt.group)
		}
		if got := c.rowTime(v); got != tt.row {
			t.Errorf("row time of %s: %q, want %q", tt.at, got, tt.row)
		}
		if got := c.messageTime(v); got != tt.message {
			t.Errorf("message time of %s: %q, want %q", tt.at, got, tt.message)
		}
	}
}

// TestDayFollowsZone: the same moment is today for one reader and yesterday for
// another, also across a change of the clocks.
func TestDayFollowsZone(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Skip("the zone files of this system are missing:", err)
	}
	moment := time.Date(2026, 10, 24, 22, 30, 0, 0, time.UTC) // 00:30 of the 25th in Vienna; clocks go back that night
	now := time.Date(2026, 10, 25, 12, 0, 0, 0, time.UTC)
	for zone, want := range map[*time.Location]string{vienna: "Today", time.UTC: "Yesterday", nil: "Yesterday"} {
		if got := (Context{Now: now, Zone: zone}).dayGroup(moment); got != want {
			t.Errorf("in %v: %q, want %q", zone, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "0 B", 0: "0 B", 999: "999 B", 1000: "1 KB", 640_300: "640 KB", 999_499: "999 KB", 999_500: "1.0 MB",
		1_840_000: "1.8 MB", 9_949_999: "9.9 MB", 9_950_000: "10 MB", 25_000_000: "25 MB", 999_500_000: "1.0 GB", 4_200_000_000: "4.2 GB",
	} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := partSize(mail.Part{Encoding: "BASE64", Size: 7800}); got != 5700 {
		t.Errorf("decoded size of base64: %d", got)
	}
}

func TestCounts(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 2381: "2,381", 100000: "100,000", 1234567: "1,234,567", -4321: "-4,321"} {
		if got := count(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if plural(1, "message") != "1 message" || plural(2381, "message") != "2,381 messages" {
		t.Error("plural")
	}
}

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"}, {"exactly ten", 11, "exactly ten"}, {"one two three", 8, "one two…"},
		{"äöüäöü", 6, "äöüäöü"}, {"äöüäöüä", 6, "äöüäö…"}, {"日本語日本語", 4, "日本語…"}, {"", 3, ""},
	} {
		if got := clip(tt.in, tt.n); got != tt.want {
			t.Errorf("clip(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func FuzzClip(f *testing.F) {
	f.Add("Grüße aus Österreich", 7)
	f.Add(strings.Repeat("日", 300), 80)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > 500 || !utf8.ValidString(s) {
			return
		}
		got := clip(s, n)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > n {
			t.Errorf("clip(%q, %d) = %q", s, n, got)
		}
		if utf8.RuneCountInString(s) <= n && got != s {
			t.Errorf("clip(%q, %d) changed what fits", s, n)
		}
	})
}

func TestPeople(t *testing.T) {
	for _, tt := range []struct {
		a                      mail.Address
		name, initials, person string
	}{
		{mail.Address{Name: "Tomasz Wieczorek", Addr: "t@w.example"}, "Tomasz Wieczorek", "TW", "Tomasz Wieczorek <t@w.example>"},
		{mail.Address{Name: "The Grain Weekly", Addr: "hello@grain.example"}, "The Grain Weekly", "TW", "The Grain Weekly <hello@grain.example>"},
		{mail.Address{Addr: "julien.moreau@exemple.example"}, "julien.moreau@exemple.example", "J", "julien.moreau@exemple.example"},
		{mail.Address{Name: "Dad", Addr: "d@x.example"}, "Dad", "D", "Dad <d@x.example>"},
		{mail.Address{Name: "山田 太郎", Addr: "y@x.example"}, "山田 太郎", "山太", "山田 太郎 <y@x.example>"},
		{mail.Address{Name: "«»", Addr: "q@x.example"}, "«»", "?", "«» <q@x.example>"},
		{mail.Address{}, "(unknown)", "?", "(unknown)"},
	} {
		if got := nameOf(tt.a); got != tt.name {
			t.Errorf("nameOf(%v) = %q", tt.a, got)
		}
		if got := initials(tt.a); got != tt.initials {
			t.Errorf("initials(%v) = %q, want %q", tt.a, got, tt.initials)
		}
		if got := personText(tt.a); got != tt.person {
			t.Errorf("personText(%v) = %q, want %q", tt.a, got, tt.person)
		}
	}
}

func TestToLine(t *testing.T) {
	c := viewer()
	me := mail.Address{Name: "Mara Lindqvist", Addr: "Mara@Lindqvist.example"}
	priya := mail.Address{Name: "Priya Raman", Addr: "priya@raman.example"}
	for _, tt := range []struct {
		list []mail.Address
		want string
	}{
		{nil, "to nobody named"},
		{[]mail.Address{me}, "to me"},
		{[]mail.Address{me, priya, me}, "to me, Priya"},
		{[]mail.Address{{Name: "Raman, Priya", Addr: "p@x"}}, "to Raman, Priya"},
		{[]mail.Address{{Name: "J. Moreau", Addr: "j@x"}}, "to J. Moreau"},
		{[]mail.Address{me, priya, {Addr: "a@x"}, {Addr: "b@x"}, {Addr: "c@x"}}, "to me, Priya, a@x and 2 more"},
	} {
		if got := c.toLine(tt.list); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.list, got, tt.want)
		}
	}
	if !(Context{User: "mara"}).isMe(me) || (Context{}).isMe(mail.Address{}) || (Context{User: "mar"}).isMe(me) {
		t.Error("isMe")
	}
}

func TestWho(t *testing.T) {
	s := mail.Summary{From: []mail.Address{{Name: "Anouk"}}, To: []mail.Address{{Name: "Priya"}, {Addr: "t@x"}}}
	if whoText(s, false) != "Anouk" || whoText(s, true) != "To: Priya, t@x" {
		t.Error(whoText(s, false), whoText(s, true))
	}
	if whoText(mail.Summary{}, false) != "(unknown sender)" || whoText(mail.Summary{}, true) != "To: nobody yet" {
		t.Error("nobody")
	}
}

func TestHueIsStable(t *testing.T) {
	a, b := mail.Address{Name: "A", Addr: "x@y.example"}, mail.Address{Name: "B", Addr: "X@Y.example"}
	if hue(a) != hue(b) || hue(mail.Address{}) != "hx" {
		t.Error("the colour belongs to the address")
	}
}
