package views

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode"

	"oriel/mail"
)

// Limits on what a page repeats of a header, in characters. Mail may carry a
// subject of a megabyte; a row shows one line of it.
const (
	maxSubject = 300
	maxPreview = 90
	maxName    = 80
)

// in gives a time in the reader's zone.
func (c Context) in(t time.Time) time.Time {
	if c.Zone == nil {
		return t.UTC()
	}
	return t.In(c.Zone)
}

// daysAgo counts midnights of the reader's zone between t and now: 0 is today,
// 1 yesterday. A time in the future counts as negative.
func (c Context) daysAgo(t time.Time) int {
	return dayNumber(c.in(c.Now)) - dayNumber(c.in(t))
}

// dayNumber counts calendar days, whatever daylight saving does to their length.
func dayNumber(t time.Time) int {
	y, m, d := t.Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// dayGroup is the heading under which a list shows a message that arrived at t.
func (c Context) dayGroup(t time.Time) string {
	local, days := c.in(t), c.daysAgo(t)
	switch {
	case days < -1:
		return "Later" // a server or sender whose clock is wrong
	case days <= 0:
		return "Today"
	case days == 1:
		return "Yesterday"
	case days < 7:
		return local.Weekday().String()
	case c.lastWeek(days):
		return "Last week"
	case local.Year() == c.in(c.Now).Year():
		return local.Month().String()
	}
	return local.Format("January 2006")
}

// lastWeek reports whether a day lies in the calendar week before this one;
// weeks start on Monday (ISO 8601).
func (c Context) lastWeek(days int) bool {
	sinceMonday := (int(c.in(c.Now).Weekday()) + 6) % 7
	return days > sinceMonday && days <= sinceMonday+7
}

// rowTime is the short time of a list row.
func (c Context) rowTime(t time.Time) string {
	local, days := c.in(t), c.daysAgo(t)
	switch {
	case days == 0 || days == -1:
		return local.Format("15:04")
	case days > 0 && days < 7:
		return local.Format("Mon")
	case local.Year() == c.in(c.Now).Year():
		return local.Format("2 Jan")
	}
	return local.Format("2 Jan 2006")
}

// messageTime is the time in a message's head: the row's with the hour added.
func (c Context) messageTime(t time.Time) string {
	short := c.rowTime(t)
	if hour := c.in(t).Format("15:04"); short != hour {
		return short + ", " + hour
	}
	return short
}

// fullTime spells a time out, with its zone.
func (c Context) fullTime(t time.Time) string {
	return c.in(t).Format("Monday, 2 January 2006, 15:04 MST")
}

// machineTime is for the datetime attribute (RFC 3339).
func (c Context) machineTime(t time.Time) string { return c.in(t).Format(time.RFC3339) }

// minute is the short form of machineTime for rows, of which there are fifty.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z") }

// count writes a number with thousands separated: 2,381.
func count[N int | uint32](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a number with its noun: "1 message", "2,381 messages".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// sizeText is a file size for people, in decimal units as file managers show.
func sizeText(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(max(n, 0), 10) + " B"
	case n < 999_500:
		return strconv.FormatInt((n+500)/1000, 10) + " KB"
	case n < 9_950_000:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	case n < 999_500_000:
		return strconv.FormatInt((n+500_000)/1_000_000, 10) + " MB"
	}
	return strconv.FormatFloat(float64(n)/1e9, 'f', 1, 64) + " GB"
}

// partSize estimates the decoded size of a part. IMAP tells only the size in
// transfer encoding; base64 in lines of 76 makes 78 octets out of 57 (RFC 2045
// section 6.8).
func partSize(p mail.Part) int64 {
	if strings.EqualFold(p.Encoding, "base64") {
		return p.Size / 78 * 57
	}
	return p.Size
}

// clip shortens s to at most n characters, the last of them an ellipsis when it
// cut.
func clip(s string, n int) string {
	if len(s) <= n {
		return s // there are never more characters than bytes
	}
	seen, end := 0, 0
	for i := range s {
		if seen == n-1 {
			end = i
		}
		if seen == n {
			return strings.TrimRightFunc(s[:end], unicode.IsSpace) + "…"
		}
		seen++
	}
	return s
}

// subjectText is a subject, or what stands in for none.
func subjectText(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(no subject)"
	}
	return clip(s, maxSubject)
}

// nameOf is what a person is called: the display name, else the address.
func nameOf(a mail.Address) string {
	if n := strings.TrimSpace(a.Name); n != "" {
		return clip(n, maxName)
	}
	if a.Addr != "" {
		return clip(a.Addr, maxName)
	}
	return "(unknown)"
}

// names joins the first three people of a list.
func names(list []mail.Address) string {
	var out []string
	for i, a := range list {
		if i == 3 {
			return strings.Join(out, ", ") + " and " + count(len(list)-3) + " more"
		}
		out = append(out, nameOf(a))
	}
	return strings.Join(out, ", ")
}

// whoText is the name in a row: the sender, or the recipients in one's own mail.
func whoText(s mail.Summary, outgoing bool) string {
	switch {
	case outgoing && len(s.To) == 0:
		return "To: nobody yet"
	case outgoing:
		return "To: " + names(s.To)
	case len(s.From) == 0:
		return "(unknown sender)"
	}
	return names(s.From)
}

// face is whose monogram stands before a row or message.
func face(s mail.Summary, outgoing bool) mail.Address {
	list := s.From
	if outgoing {
		list = s.To
	}
	if len(list) == 0 {
		return mail.Address{}
	}
	return list[0]
}

// initials are the first letters of the first and last word of a name.
func initials(a mail.Address) string {
	words := strings.FieldsFunc(nameOf(a), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if a == (mail.Address{}) || len(words) == 0 {
		return "?"
	}
	out := firstLetter(words[0])
	if len(words) > 1 && a.Name != "" {
		out += firstLetter(words[len(words)-1])
	}
	return out
}

func firstLetter(s string) string {
	for _, r := range s {
		return string(unicode.ToUpper(r))
	}
	return ""
}

// hue is the class that colours a monogram: the same for the same address.
func hue(a mail.Address) string {
	key := strings.ToLower(a.Addr)
	if key == "" {
		return "hx"
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash never fails
	return "h" + strconv.FormatUint(uint64(h.Sum32()%7), 10)
}

// isMe reports whether an address is the reader's own. A login name without a
// domain is compared with the local part.
func (c Context) isMe(a mail.Address) bool {
	if c.User == "" {
		return false
	}
	local, _, _ := strings.Cut(a.Addr, "@")
	return strings.EqualFold(a.Addr, c.User) || !strings.Contains(c.User, "@") && strings.EqualFold(local, c.User)
}

// toLine names the recipients in a message's head: "to me, Priya and 2 more".
// Somebody who stands in To and Cc is named once.
func (c Context) toLine(list []mail.Address) string {
	seen := map[string]bool{}
	var who []mail.Address
	for _, a := range list {
		key := strings.ToLower(a.Addr)
		if key != "" && seen[key] {
			continue
		}
		seen[key] = true
		if c.isMe(a) {
			a.Name = "me"
		} else {
			a.Name = firstName(a.Name)
		}
		who = append(who, a)
	}
	if len(who) == 0 {
		return "to nobody named"
	}
	return "to " + names(who)
}

// firstName is how somebody is called in passing. Names with a comma or of one
// word stay whole, and so do initials.
func firstName(name string) string {
	word, _, more := strings.Cut(strings.TrimSpace(name), " ")
	if !more || strings.ContainsAny(name, ",(@") || strings.HasSuffix(word, ".") || len([]rune(word)) < 3 {
		return name
	}
	return word
}
