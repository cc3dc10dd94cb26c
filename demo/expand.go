package demo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// placeholder matches {day}, {date+4}, {short-30}, {iso}, {ics+2}, {month+14}
// and {year}: dates a number of days from the message's own.
var placeholder = regexp.MustCompile(`\{(day|date|short|iso|ics|month|year)([+-]\d+)?\}`)

// layouts are the Go time layouts behind the names of placeholders.
var layouts = map[string]string{
	"day":   "Monday",
	"date":  "2 January",
	"short": "2 Jan",
	"iso":   "2006-01-02",
	"ics":   "20060102",
	"month": "January",
	"year":  "2006",
}

// expandDates puts dates in place of the placeholders, so that a mail that says
// "on Thursday" is about the Thursday after the day it was sent.
func expandDates(s string, at time.Time) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		m := placeholder.FindStringSubmatch(p)
		days := 0
		if m[2] != "" {
			days, _ = strconv.Atoi(m[2]) // the expression allows digits only
		}
		return at.AddDate(0, 0, days).Format(layouts[m[1]])
	})
}

// parseWhen reads the time of a message:
//
//	today 80%    that part of today which has passed by then
//	-3d 14:02    three days ago at that time
//
// Times of today are fractions because the demo may start at any hour, and mail
// from the future, or a morning's mail in another order, would look wrong. All
// times are the owner's; zone is only what the sender's clock shows, so that an
// answer never precedes its question, wherever the demo runs.
func parseWhen(s string, now time.Time, zone *time.Location) (time.Time, error) {
	word, rest, _ := strings.Cut(s, " ")
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	if word == "today" {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(rest, "%"), 64)
		if err != nil || !(percent >= 0 && percent <= 100) { // NaN is neither
			return time.Time{}, fmt.Errorf("when %q: want today NN%%", s)
		}
		return midnight.Add(time.Duration(float64(now.Sub(midnight)) * percent / 100)).Truncate(time.Second).In(zone), nil
	}
	days, err := strconv.Atoi(strings.TrimSuffix(word, "d"))
	if err != nil || days >= 0 {
		return time.Time{}, fmt.Errorf("when %q: want -Nd HH:MM", s)
	}
	clock, err := time.Parse("15:04", rest)
	if err != nil {
		return time.Time{}, fmt.Errorf("when %q: %w", s, err)
	}
	// Date, not a sum of hours: on the day the clocks change noon is still noon.
	return time.Date(now.Year(), now.Month(), now.Day()+days, clock.Hour(), clock.Minute(), days*-7%60, 0, now.Location()).In(zone), nil
}
