package imapsession

import (
	"mime"
	netmail "net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"

	"oriel/decode"
	"oriel/mail"
)

// maxAddresses is how many addresses of one field are kept.
const maxAddresses = 100

// summaryOf makes a row of what was fetched, without flags and preview.
func summaryOf(ref mail.Ref, f *fetched) mail.Summary {
	s := mail.Summary{Ref: ref, Arrived: f.arrived, Size: max(0, f.size)}
	if e := f.envelope; e != nil {
		s.From = addresses(e.From)
		s.To = append(addresses(e.To), addresses(e.Cc)...)
		s.Subject = decode.Header(e.Subject)
		s.MessageID = decode.Clean(e.MessageID)
	}
	s.Date = dateOf(field(f.header, "Date"), f.arrived)
	return s
}

// dateOf reads a Date field. One that cannot be read, or lies more than a day
// after the arrival, is replaced by the arrival.
func dateOf(raw string, arrived time.Time) time.Time {
	t, ok := decode.Date(raw)
	if !ok || !arrived.IsZero() && t.After(arrived.Add(24*time.Hour)) {
		return arrived
	}
	return t
}

// addresses converts the addresses of an ENVELOPE. The marks of RFC 2822 groups
// (RFC 3501 section 7.4.2), which have no host, are dropped with empty ones.
func addresses(list []imap.Address) []mail.Address {
	var out []mail.Address
	for i := range list {
		a := mail.Address{Name: decode.Header(list[i].Name)}
		if list[i].Host != "" || list[i].Name != "" {
			a.Addr = decode.AddrSpec(list[i].Mailbox, list[i].Host)
		}
		if (a.Name != "" || a.Addr != "") && len(out) < maxAddresses {
			out = append(out, a)
		}
	}
	return out
}

// field returns the value of the first header field of that name, unfolded.
func field(header []byte, name string) string {
	lines := strings.Split(string(header), "\n")
	for i := 0; i < len(lines); i++ {
		key, value, ok := strings.Cut(lines[i], ":")
		if !ok || !strings.EqualFold(strings.TrimSpace(key), name) || strings.HasPrefix(key, " ") || strings.HasPrefix(key, "\t") {
			continue
		}
		for i+1 < len(lines) && (strings.HasPrefix(lines[i+1], " ") || strings.HasPrefix(lines[i+1], "\t")) && len(value) < 64<<10 {
			i++
			value += " " + lines[i]
		}
		return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(value))
	}
	return ""
}

// headerSummary makes a row of a raw header alone, for a message whose ENVELOPE
// cannot be had.
func headerSummary(ref mail.Ref, header []byte, f *fetched) mail.Summary {
	s := mail.Summary{Ref: ref, Broken: true}
	if f != nil {
		s.Arrived, s.Size = f.arrived, max(0, f.size)
	}
	s.From = rawAddresses(field(header, "From"))
	s.To = append(rawAddresses(field(header, "To")), rawAddresses(field(header, "Cc"))...)
	s.Subject = decode.Header(field(header, "Subject"))
	s.MessageID = strings.Trim(decode.Clean(field(header, "Message-ID")), "<> ")
	s.Date = dateOf(field(header, "Date"), s.Arrived)
	return s
}

// rawAddresses reads an address field. What cannot be read is shown as a name,
// so that the reader sees what is there.
func rawAddresses(value string) []mail.Address {
	if value == "" {
		return nil
	}
	if len(value) > 64<<10 {
		value = strings.ToValidUTF8(value[:64<<10], "")
	}
	// Words are decoded by decode.Header afterwards; this decoder only keeps
	// net/mail from failing over one it does not know.
	parser := netmail.AddressParser{WordDecoder: &mime.WordDecoder{}}
	list, err := parser.ParseList(value)
	if err != nil {
		name, rest, ok := strings.Cut(value, "<")
		addr, _, closed := strings.Cut(rest, ">")
		if !ok || !closed {
			name, addr = value, ""
		}
		a := mail.Address{Name: short(decode.Header(strings.Trim(name, ` "`))), Addr: short(decode.Clean(addr))}
		if a.Name == "" && a.Addr == "" {
			return nil
		}
		return []mail.Address{a}
	}
	var out []mail.Address
	for _, a := range list[:min(len(list), maxAddresses)] {
		out = append(out, mail.Address{Name: decode.Header(a.Name), Addr: decode.Clean(a.Address)})
	}
	return out
}

// short bounds what is shown of a field that cannot be read.
func short(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
