package sanitize

import (
	"net/url"
	"strings"
)

const (
	maxURL       = 8 << 10   // bytes of a link
	maxDataImage = 256 << 10 // bytes of a picture in a data: URL, as written
)

// isRemote reports whether a picture's URL names another host: what "show
// images" could fetch.
func isRemote(ref string) bool {
	ref = strings.ToLower(ref[:min(len(ref), 8)])
	return strings.HasPrefix(ref, "http:") || strings.HasPrefix(ref, "https:") || strings.HasPrefix(ref, "//")
}

// trimURL removes what browsers remove before they read a URL: control
// characters and spaces around it, tabs and line ends inside.
func trimURL(raw string) string {
	raw = strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	if !strings.ContainsAny(raw, "\t\n\r") {
		return raw
	}
	return strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(raw)
}

// link returns the URL of a link as it may be written, or false. Only http,
// https, mailto and tel are links; relative ones lead nowhere from a mail.
func link(raw string) (string, bool) {
	raw = trimURL(raw)
	if len(raw) > maxURL {
		return "", false
	}
	scheme, rest, found := strings.Cut(raw, ":")
	if !found {
		return "", false
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https":
		return webLink(scheme, rest)
	case "mailto":
		return mailtoLink(rest)
	case "tel":
		return telLink(rest)
	}
	return "", false
}

// webLink checks the host strictly and is lenient behind it, where real mail
// holds bare percent signs and spaces.
func webLink(scheme, rest string) (string, bool) {
	rest, found := strings.CutPrefix(rest, "//")
	if !found {
		return "", false
	}
	end := strings.IndexAny(rest, "/?#\\")
	if end < 0 {
		end = len(rest)
	}
	u, err := url.Parse(scheme + "://" + rest[:end])
	if err != nil || u.Hostname() == "" {
		return "", false
	}
	tail := rest[end:]
	if strings.HasPrefix(tail, `\`) {
		tail = "/" + tail[1:] // as browsers read it
	}
	return scheme + "://" + escapeURL(rest[:end]) + escapeURL(tail), true
}

// mailtoLink keeps recipients, subject and text. Other header fields of a
// mailto URL (RFC 6068) are not the sender's to set: bcc would leak the answer,
// attach would send a file.
func mailtoLink(rest string) (string, bool) {
	to, query, _ := strings.Cut(rest, "?")
	query, _, _ = strings.Cut(query, "#")
	var keep []string
	for _, field := range strings.Split(strings.ReplaceAll(query, "&amp;", "&"), "&") {
		name, _, _ := strings.Cut(field, "=")
		switch strings.ToLower(name) {
		case "to", "cc", "subject", "body":
			keep = append(keep, escapeURL(field))
		}
	}
	out := "mailto:" + escapeURL(to)
	if len(keep) > 0 {
		out += "?" + strings.Join(keep, "&")
	}
	return out, len(out) > len("mailto:")
}

func telLink(rest string) (string, bool) {
	rest = strings.ReplaceAll(rest, " ", "")
	for _, r := range rest {
		if !isWordByte(r) && !strings.ContainsRune("+().;=,*#%", r) {
			return "", false
		}
	}
	return "tel:" + rest, rest != ""
}

// escapeURL escapes the bytes that no URL holds and that could end an attribute
// in a careless reader. All else stays as it is, so that signed links keep
// working.
func escapeURL(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			const hex = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// dataImage returns a data: URL of a raster picture that is small enough to
// stay in the document.
func dataImage(raw string) (string, bool) {
	if len(raw) > maxDataImage {
		return "", false
	}
	kind, data, found := strings.Cut(raw, ",")
	if !found {
		return "", false
	}
	switch kind = strings.ToLower(strings.ReplaceAll(kind, " ", "")); kind {
	case "data:image/jpg;base64":
		kind = "data:image/jpeg;base64"
	case "data:image/png;base64", "data:image/jpeg;base64", "data:image/gif;base64", "data:image/webp;base64":
	default:
		return "", false
	}
	data = strings.NewReplacer(" ", "", "%2B", "+", "%2b", "+", "%2F", "/", "%2f", "/", "%3D", "=", "%3d", "=").Replace(data)
	for i := 0; i < len(data); i++ {
		if c := data[i]; !isWordByte(rune(c)) && c != '+' && c != '/' && c != '=' || c == '-' || c == '_' {
			return "", false
		}
	}
	return kind + "," + data, data != ""
}

// ownPath reports whether what MailOptions.CID answered is a path of Oriel's
// own, which no browser takes for another host.
func ownPath(p string) bool {
	return len(p) < maxURL && ownPathRE.MatchString(p)
}

// contentID decodes the part of a cid: URL behind the scheme (RFC 2392).
func contentID(ref string) string {
	if id, err := url.PathUnescape(ref); err == nil {
		ref = id
	}
	return strings.Trim(ref, "<> ")
}
