package decode

import (
	"strconv"
	"strings"
)

// Filename finds the name of a part in the parameters of its Content-Disposition
// and Content-Type, most exact form first: filename* and filename*0… of RFC 2231,
// filename, then the same of the type's name. Encoded words are decoded although
// RFC 2047 forbids them here, because most senders write them. The result is a
// SafeName, "" when there is none.
func Filename(dispParams, typeParams map[string]string) string {
	for _, src := range []struct {
		params map[string]string
		key    string
	}{{dispParams, "filename"}, {typeParams, "name"}} {
		p := lowerKeys(src.params)
		for _, get := range []func(map[string]string, string) string{extended, continued, simple} {
			if name := SafeName(get(p, src.key)); name != "" {
				return name
			}
		}
	}
	return ""
}

// lowerKeys gives m with keys in lower case. A key spelt twice keeps the smaller
// value, so that the result does not depend on the order of the map.
func lowerKeys(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		k = strings.ToLower(strings.TrimSpace(k))
		if old, ok := out[k]; !ok || v < old {
			out[k] = v
		}
	}
	return out
}

// extended reads key*=charset'language'percent-encoded.
func extended(p map[string]string, key string) string {
	v, ok := p[key+"*"]
	if !ok {
		return ""
	}
	charset, v := cutCharset(v)
	if charset == "" && strings.Contains(v, "=?") {
		return Header(v)
	}
	return Text(percent(nil, v), charset)
}

// continued joins key*0, key*1*, … (RFC 2231 section 3): the pieces first, then
// the charset, which the first piece names for all. Some senders count from 1.
func continued(p map[string]string, key string) string {
	var b []byte
	charset, encoded := "", false
	first := 0
	if !hasPiece(p, key, 0) {
		first = 1
	}
	for n := first; hasPiece(p, key, n); n++ {
		piece := key + "*" + strconv.Itoa(n)
		v, enc := p[piece+"*"]
		if !enc {
			b = append(b, p[piece]...)
			continue
		}
		if n == first {
			charset, v = cutCharset(v)
		}
		encoded = true
		b = percent(b, v)
	}
	if !encoded {
		return Header(string(b))
	}
	return Text(b, charset)
}

func hasPiece(p map[string]string, key string, n int) bool {
	piece := key + "*" + strconv.Itoa(n)
	if _, ok := p[piece]; ok {
		return true
	}
	_, ok := p[piece+"*"]
	return ok
}

// simple reads key=value, with encoded words. Some senders put the extended form
// under the plain name.
func simple(p map[string]string, key string) string {
	v := p[key]
	if charset, rest := cutCharset(v); charset != "" && strings.IndexByte(rest, '%') >= 0 {
		return Text(percent(nil, rest), charset)
	}
	return Header(v)
}

// cutCharset splits charset'language'rest. What does not look like names of a
// charset and a language is no such prefix, and its apostrophes are text.
func cutCharset(v string) (charset, rest string) {
	label, after, ok := strings.Cut(v, "'")
	if !ok || !isToken(label) {
		return "", v
	}
	lang, after, ok := strings.Cut(after, "'")
	if !ok || !isToken(lang) {
		return "", v
	}
	return label, after
}

// isToken reports a short word of letters, digits, "-", "_", ":" and ".", or
// nothing.
func isToken(s string) bool {
	if len(s) > charsetMax {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("-_:.", c) < 0 {
			return false
		}
	}
	return true
}

// percent appends s with its percent escapes undone; broken ones stay.
func percent(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && hexPair(s[i+1:]) {
			dst = append(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		dst = append(dst, s[i])
	}
	return dst
}

// extensions are the usual endings of types that come without a name.
var extensions = map[string]string{
	"application/gzip":              ".gz",
	"application/ics":               ".ics",
	"application/json":              ".json",
	"application/msword":            ".doc",
	"application/ms-tnef":           ".dat",
	"application/vnd.ms-tnef":       ".dat",
	"application/pdf":               ".pdf",
	"application/pgp-encrypted":     ".asc",
	"application/pgp-keys":          ".asc",
	"application/pgp-signature":     ".asc",
	"application/pkcs7-mime":        ".p7m",
	"application/x-pkcs7-mime":      ".p7m",
	"application/pkcs7-signature":   ".p7s",
	"application/x-pkcs7-signature": ".p7s",
	"application/postscript":        ".ps",
	"application/rtf":               ".rtf",
	"application/vnd.ms-excel":      ".xls",
	"application/vnd.ms-powerpoint": ".ppt",
	"application/xml":               ".xml",
	"application/zip":               ".zip",
	"application/x-zip-compressed":  ".zip",
	"audio/mp4":                     ".m4a",
	"audio/mpeg":                    ".mp3",
	"audio/ogg":                     ".ogg",
	"audio/wav":                     ".wav",
	"audio/x-wav":                   ".wav",
	"image/bmp":                     ".bmp",
	"image/gif":                     ".gif",
	"image/heic":                    ".heic",
	"image/jpeg":                    ".jpg",
	"image/jpg":                     ".jpg",
	"image/png":                     ".png",
	"image/svg+xml":                 ".svg",
	"image/tiff":                    ".tiff",
	"image/webp":                    ".webp",
	"message/delivery-status":       ".txt",
	"message/global":                ".eml",
	"message/news":                  ".eml",
	"message/rfc822":                ".eml",
	"text/calendar":                 ".ics",
	"text/csv":                      ".csv",
	"text/directory":                ".vcf",
	"text/html":                     ".html",
	"text/markdown":                 ".md",
	"text/plain":                    ".txt",
	"text/rfc822-headers":           ".txt",
	"text/rtf":                      ".rtf",
	"text/vcard":                    ".vcf",
	"text/x-vcard":                  ".vcf",
	"text/xml":                      ".xml",
	"video/mp4":                     ".mp4",
	"video/quicktime":               ".mov",
	"video/webm":                    ".webm",

	"application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         ".xlsx",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   ".docx",
	"application/vnd.oasis.opendocument.presentation":                           ".odp",
	"application/vnd.oasis.opendocument.spreadsheet":                            ".ods",
	"application/vnd.oasis.opendocument.text":                                   ".odt",
}

// DefaultName names an attachment whose sender did not: "attachment-2.pdf" for
// the second one of a message, or the subject of a nested message.
func DefaultName(mimeType, subject string, n int) string {
	ext := extensions[strings.ToLower(mimeType)]
	if ext == ".eml" {
		// A slash in a subject separates no directories, and the limit of a name
		// must not cost the ending.
		s := SafeName(strings.ReplaceAll(subject, "/", "_"))
		if s = cut(s, nameMax-len(ext)); s != "" {
			return s + ext
		}
		return "message-" + strconv.Itoa(n) + ext
	}
	if ext == "" {
		ext = ".bin"
	}
	return "attachment-" + strconv.Itoa(n) + ext
}
