package decode

import (
	"strings"
	"time"
)

// dateMax is how much of a date field is read. Comments are the only long thing
// in one.
const dateMax = 512

// Date reads the Date field as senders write it: RFC 5322 with its obsolete
// forms, zones by name, the format of C's asctime, ISO 8601, full names of days
// and months, dots in the time. Unlike net/mail it knows what EST means. A date
// without a zone is taken as UTC; ok is false when day, month and year are not
// all there and sound.
func Date(s string) (t time.Time, ok bool) {
	s, comment := stripComments(cut(Clean(s), dateMax))
	d := dateReader{src: s}
	for d.pos < len(s) {
		if !d.token() {
			return time.Time{}, false
		}
	}
	if !d.zoned {
		if name, _, _ := strings.Cut(strings.TrimSpace(comment), " "); name != "" {
			d.zoneName(name)
		}
	}
	return d.result()
}

// stripComments removes parenthesised comments (RFC 5322 section 3.2.2), and
// returns the last one as well: sometimes it holds the only zone.
func stripComments(s string) (rest, last string) {
	var out, in strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			if depth++; depth == 1 {
				in.Reset()
				out.WriteByte(' ')
			}
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		case c == '\\':
			i++
		default:
			in.WriteByte(c)
		}
	}
	return out.String(), in.String()
}

// dateReader collects the parts of a date in whatever order they come.
type dateReader struct {
	src string
	pos int

	year, month, day  int
	hour, minute, sec int
	nsec              int
	yearSet, timeSet  bool
	zoned             bool
	offset            int // seconds east of UTC
}

// token reads one word, number or sign. It reports false on what cannot be part
// of a date.
func (d *dateReader) token() bool {
	switch c := d.src[d.pos]; {
	case isDigit(c):
		return d.number()
	case isLetter(c):
		d.word()
		return true
	case (c == '+' || c == '-') && d.timeSet && !d.zoned && d.pos+1 < len(d.src) && isDigit(d.src[d.pos+1]):
		return d.zoneOffset()
	}
	d.pos++ // blank, comma, a hyphen between day and month, stray bytes
	return true
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// take reads digits from the position: their value and how many there are.
func (d *dateReader) take() (v, n int) {
	for d.pos < len(d.src) && isDigit(d.src[d.pos]) {
		if n < 9 {
			v = v*10 + int(d.src[d.pos]-'0')
		}
		d.pos++
		n++
	}
	return v, n
}

// follows reports the byte c at the position with a digit behind it.
func (d *dateReader) follows(c byte) bool {
	return d.pos+1 < len(d.src) && d.src[d.pos] == c && isDigit(d.src[d.pos+1])
}

func (d *dateReader) number() bool {
	v, n := d.take()
	switch {
	case n == 4 && !d.yearSet && d.month == 0 && (d.follows('-') || d.follows('/')):
		return d.isoDate(v)
	case !d.timeSet && n <= 2 && (d.follows(':') || d.follows('.') && d.month != 0):
		return d.clock(v)
	case n <= 2 && d.day == 0:
		d.day = v
		return v >= 1 && v <= 31
	case !d.yearSet:
		d.yearSet = true
		d.year = fullYear(v, n)
		return true
	}
	return n <= 4 // a number too many is passed over, as long as it looks like part of a date
}

// fullYear completes the short years of RFC 5322 section 4.3.
func fullYear(v, n int) int {
	switch {
	case n <= 2 && v < 50:
		return v + 2000
	case n <= 3:
		return v + 1900
	}
	return v
}

// isoDate reads what follows the year in 2024-02-29 and 2024/2/29.
func (d *dateReader) isoDate(year int) bool {
	sep := d.src[d.pos]
	d.pos++
	d.year, d.yearSet = year, true
	d.month, _ = d.take()
	if d.month < 1 || d.month > 12 || !d.follows(sep) {
		return false
	}
	d.pos++
	d.day, _ = d.take()
	return d.day >= 1 && d.day <= 31
}

// clock reads what follows the hour: minutes, seconds, a fraction.
func (d *dateReader) clock(hour int) bool {
	sep := d.src[d.pos]
	d.pos++
	d.timeSet, d.hour = true, hour
	d.minute, _ = d.take()
	if d.follows(sep) {
		d.pos++
		d.sec, _ = d.take()
	}
	if d.follows('.') || d.follows(',') {
		d.pos++
		v, n := d.take()
		for ; n < 9; n++ {
			v *= 10
		}
		d.nsec = v
	}
	return d.hour <= 24 && d.minute <= 59 && d.sec <= 60
}

// zoneOffset reads +hhmm, +hh:mm, +hmm and +hh.
func (d *dateReader) zoneOffset() bool {
	east := 1
	if d.src[d.pos] == '-' {
		east = -1
	}
	d.pos++
	v, n := d.take()
	if n == 4 && v >= 1970 && !d.yearSet && v%100 > 59 {
		// A year behind a hyphen, not an offset.
		d.year, d.yearSet = v, true
		return true
	}
	h, m := v/100, v%100
	if n <= 2 {
		h, m = v, 0
		if d.follows(':') {
			d.pos++
			m, _ = d.take()
		}
	}
	d.zoned = true
	if n <= 4 && h < 24 && m < 60 {
		d.offset = east * (h*3600 + m*60)
	}
	// A senseless offset counts as none: the date is still worth more than the
	// minutes it may be wrong by.
	return true
}

// word reads a name: of a month, of a zone, "PM", or one that says nothing, such
// as the day of the week.
func (d *dateReader) word() {
	start := d.pos
	for d.pos < len(d.src) && isLetter(d.src[d.pos]) {
		d.pos++
	}
	w := d.src[start:d.pos]
	if d.month == 0 && len(w) >= 3 {
		if m := months[strings.ToLower(w[:3])]; m != 0 {
			d.month = m
			return
		}
	}
	switch {
	case !d.timeSet:
	case strings.EqualFold(w, "PM") && d.hour < 12:
		d.hour += 12
	case strings.EqualFold(w, "AM") && d.hour == 12:
		d.hour = 0
	case !d.zoned:
		d.zoneName(w)
	}
}

var months = map[string]int{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
	"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}

// zoneName sets the zone by its name. "GMT" and "UTC" leave it open, because an
// offset may follow, as in GMT+0200. Names that RFC 5322 does not list are
// ambiguous in general; the ones here have one usual meaning in mail.
func (d *dateReader) zoneName(name string) {
	name = strings.ToUpper(name)
	if h, ok := zones[name]; ok {
		d.offset = int(h * 3600)
		d.zoned = d.offset != 0 || name == "Z"
	}
}

var zones = map[string]float64{
	"Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0,
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
	"AKST": -9, "AKDT": -8, "HST": -10, "AST": -4, "ADT": -3, "NST": -3.5, "NDT": -2.5,
	"WEST": 1, "BST": 1, "CET": 1, "MET": 1, "MEZ": 1, "CEST": 2, "MEST": 2, "MESZ": 2,
	"EET": 2, "EEST": 3, "MSK": 3, "MSD": 4, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8,
	"AWST": 8, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}

// result checks what was collected. time.Date would turn 31 April into 1 May.
func (d *dateReader) result() (time.Time, bool) {
	if d.day == 0 || d.month == 0 || !d.yearSet || d.year < 1900 || d.year > 9999 {
		return time.Time{}, false
	}
	zone := time.UTC
	if d.offset != 0 {
		zone = time.FixedZone("", d.offset)
	}
	t := time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, zone)
	if t.Day() != d.day {
		return time.Time{}, false
	}
	return time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.sec, d.nsec, zone), true
}
