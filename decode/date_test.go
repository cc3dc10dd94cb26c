package decode

import (
	"strings"
	"testing"
	"time"
)

func TestDate(t *testing.T) {
	const want = "2003-02-04T10:11:12Z"
	for _, c := range []struct{ name, in, want string }{
		{"D4 RFC 5322", "Tue, 4 Feb 2003 11:11:12 +0100", want},
		{"D4 no weekday", "4 Feb 2003 11:11:12 +0100", want},
		{"D4 no seconds", "Tue, 04 Feb 2003 10:11 +0000", "2003-02-04T10:11:00Z"},
		{"D4 comment", "Tue, 4 Feb 2003 11:11:12 +0100 (CET (what \\) else))", want},
		{"D4 comments anywhere", "(a)Tue(b),(c)4(d)Feb 2003(e) 11:11:12(f)+0100", want},
		{"D4 folded", "Tue,\r\n 4 Feb 2003\r\n\t10:11:12 GMT", want},
		{"D4 UT", "Tue, 4 Feb 2003 10:11:12 UT", want},
		{"D4 Z", "Tue, 4 Feb 2003 10:11:12 Z", want},
		{"D4 EST", "Tue, 4 Feb 2003 05:11:12 EST", want},
		{"D4 EDT", "Tue, 4 Feb 2003 06:11:12 EDT", want},
		{"D4 CST", "Tue, 4 Feb 2003 04:11:12 CST", want},
		{"D4 CDT", "Tue, 4 Feb 2003 05:11:12 CDT", want},
		{"D4 MST", "Tue, 4 Feb 2003 03:11:12 MST", want},
		{"D4 MDT", "Tue, 4 Feb 2003 04:11:12 MDT", want},
		{"D4 PST", "Tue, 4 Feb 2003 02:11:12 PST", want},
		{"D4 PDT", "Tue, 4 Feb 2003 03:11:12 PDT", want},
		{"D4 GMT+0200", "Tue, 4 Feb 2003 12:11:12 GMT+0200", want},
		{"D4 UTC+02:00", "Tue, 4 Feb 2003 12:11:12 UTC+02:00", want},
		{"D4 zone only as comment", "Tue, 4 Feb 2003 05:11:12 (EST)", want},
		{"D4 only (UTC)", "Tue, 4 Feb 2003 10:11:12 (UTC)", want},
		{"D4 unknown zone", "Tue, 4 Feb 2003 10:11:12 XYZ", want},
		{"D4 no zone", "Tue, 4 Feb 2003 10:11:12", want},
		{"D4 military zone", "Tue, 4 Feb 2003 10:11:12 A", want},
		{"D4 asctime", "Tue Feb  4 10:11:12 2003", want},
		{"D4 asctime with zone", "Tue Feb 04 05:11:12 EST 2003", want},
		{"D4 asctime with offset", "Tue Feb 04 12:11:12 +0200 2003", want},
		{"D4 month before day", "February 4, 2003 10:11:12", want},
		{"D4 ISO 8601", "2003-02-04T10:11:12Z", want},
		{"D4 ISO 8601 offset", "2003-02-04T11:11:12.250+01:00", "2003-02-04T10:11:12.25Z"},
		{"D4 ISO 8601 with blank", "2003-02-04 10:11:12 +0000", want},
		{"D4 slashes", "2003/2/4 10:11:12", want},
		{"D4 dots in the time", "Tue, 4 Feb 2003 10.11.12 +0000", want},
		{"D4 full names", "Tuesday, 4 February 2003 10:11:12 +0000", want},
		{"D4 upper case", "TUE, 4 FEB 2003 10:11:12 +0000", want},
		{"D4 hyphens", "Tuesday, 04-Feb-03 10:11:12 GMT", want},
		{"D4 two digits", "Tue, 4 Feb 03 10:11:12 +0000", want},
		{"D4 two digits, last century", "4 Feb 97 10:11:12 +0000", "1997-02-04T10:11:12Z"},
		{"D4 three digits", "4 Feb 103 10:11:12 +0000", want},
		{"D4 PM", "Feb 4, 2003 10:11:12 PM", "2003-02-04T22:11:12Z"},
		{"D4 12 AM", "Feb 4, 2003 12:11:12 AM", "2003-02-04T00:11:12Z"},
		{"D4 offset of half an hour", "4 Feb 2003 15:41:12 +0530", want},
		{"D4 short offset", "4 Feb 2003 11:11:12 +1", want},
		{"D4 senseless offset", "4 Feb 2003 10:11:12 +9999", want},
		{"D4 leap second", "31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		{"D4 no time", "Tue, 4 Feb 2003", "2003-02-04T00:00:00Z"},
		{"D4 leap day", "29 Feb 2004 00:00:00 +0000", "2004-02-29T00:00:00Z"},
		{"D4 no leap day", "29 Feb 2003 00:00:00 +0000", ""},
		{"D4 31 April", "31 Apr 2003 00:00:00 +0000", ""},
		{"D4 empty", "", ""},
		{"D4 words", "last Tuesday", ""},
		{"D4 no year", "4 Feb 10:11:12", ""},
		{"D4 no month", "4 2003 10:11:12", ""},
		{"D4 hour", "4 Feb 2003 33:11:12", ""},
		{"D4 minute", "4 Feb 2003 10:61:12", ""},
		{"D4 year", "4 Feb 0003 10:11:12", ""},
		{"D4 huge numbers", "4 Feb 99999999999999999999 10:11:12", ""},
		{"D4 open comment", "4 Feb 2003 10:11:12 (" + strings.Repeat("(", 10000), want},
	} {
		got := ""
		if d, ok := Date(c.in); ok {
			got = d.UTC().Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("%s: Date(%.80q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

// The sender's own clock is kept, as the message page may show it.
func TestDateKeepsOffset(t *testing.T) {
	d, ok := Date("Tue, 4 Feb 2003 11:11:12 +0530")
	if _, off := d.Zone(); !ok || off != 5*3600+30*60 || d.Hour() != 11 {
		t.Errorf("D4: got %v", d)
	}
}
