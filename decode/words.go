package decode

import "strings"

// Header decodes the text of a header field: encoded words (RFC 2047) wherever
// they stand, also inside quotes and in the middle of a word, and raw 8-bit text.
// The result is clean, see Clean.
//
// Adjacent words of one charset are joined as bytes before they are decoded,
// because many senders cut a character in two; the blanks between words vanish.
func Header(s string) string {
	if !strings.Contains(s, "=?") {
		return Clean(Text([]byte(s), ""))
	}
	var d headerDecoder
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, rest, ok := cutWord(s[i:])
		if !ok {
			// No word starts here; "=?" is text.
			d.plain(s[:i+2])
			s = s[i+2:]
			continue
		}
		d.plain(s[:i])
		d.word(w)
		s = rest
	}
	d.plain(s)
	d.flushWords()
	d.flushPlain()
	return Clean(d.out.String())
}

// word is an encoded word: its charset, whether it is base64, and its text.
type word struct {
	charset string
	base64  bool
	text    string
}

// charsetMax is how long a charset label may be inside an encoded word.
const charsetMax = 80

// cutWord splits an encoded word off s, which starts with "=?".
func cutWord(s string) (w word, rest string, ok bool) {
	t := s[2:]
	q := strings.IndexByte(t[:min(len(t), charsetMax)], '?')
	if q < 0 || strings.ContainsAny(t[:q], "\r\n<>@\"") {
		return w, s, false
	}
	w.charset = t[:q]
	t = t[q+1:]
	if len(t) < 2 || t[1] != '?' {
		return w, s, false
	}
	switch t[0] {
	case 'B', 'b':
		w.base64 = true
	case 'Q', 'q':
	default:
		return w, s, false
	}
	t = t[2:]
	end := wordEnd(t, w.base64)
	if end < 0 {
		return w, s, false
	}
	w.text = t[:end]
	return w, t[end+2:], true
}

// wordMax is where the search for the end of an encoded word stops. RFC 2047
// allows 75 characters; real words of several thousand exist. The bound keeps
// the decoder linear when the end is missing.
const wordMax = 1 << 14

// wordEnd finds the "?=" that ends the text of a word. A question mark that the
// sender forgot to encode may stand before an escape, as in "why?=20now?=": then
// the first "?=" of which that cannot be true is meant.
func wordEnd(t string, base64 bool) int {
	t = t[:min(len(t), wordMax)]
	first := strings.Index(t, "?=")
	if first < 0 || base64 {
		return first
	}
	for at := first; ; {
		if !hexPair(t[at+2:]) {
			return at
		}
		next := strings.Index(t[at+2:], "?=")
		if next < 0 || strings.Contains(t[at+2:at+2+next], "=?") {
			return first
		}
		at += 2 + next
	}
}

func hexPair(s string) bool {
	return len(s) >= 2 && isHex(s[0]) && isHex(s[1])
}

// headerDecoder collects the pieces of a field. Words wait in pending until one
// of another charset, or text, follows.
type headerDecoder struct {
	out     strings.Builder
	text    []byte // plain text not yet decoded
	charset string
	pending []byte // decoded words of one charset
	words   bool   // pending is in use
}

// plain takes text between words. Blanks alone do not end a run of words, as
// they vanish if another word follows.
func (d *headerDecoder) plain(s string) {
	if d.words && strings.Trim(s, " \t\r\n") != "" {
		d.flushWords()
	}
	d.text = append(d.text, s...)
}

func (d *headerDecoder) word(w word) {
	if d.words {
		d.text = d.text[:0]
	} else {
		d.flushPlain()
	}
	if label := charsetLabel(w.charset); !d.words || label != d.charset {
		d.flushWords()
		d.charset = label
	}
	d.words = true
	if w.base64 {
		var c base64Codec
		d.pending = c.end(c.feed(d.pending, []byte(w.text)))
		return
	}
	d.pending = appendQ(d.pending, w.text)
}

func (d *headerDecoder) flushWords() {
	if !d.words {
		return
	}
	d.out.WriteString(Text(d.pending, d.charset))
	d.pending, d.words = d.pending[:0], false
}

func (d *headerDecoder) flushPlain() {
	if len(d.text) > 0 {
		d.out.WriteString(Text(d.text, ""))
		d.text = d.text[:0]
	}
}

// appendQ decodes the Q encoding of RFC 2047 section 4.2. Raw blanks and broken
// escapes stay as they are.
func appendQ(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			dst = append(dst, ' ')
		case s[i] == '=' && hexPair(s[i+1:]):
			dst = append(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}

// AddrSpec joins the two halves of an address as an ENVELOPE has them. Dovecot
// writes MISSING_MAILBOX and MISSING_DOMAIN where the field had none; these are
// no part of any address.
func AddrSpec(local, domain string) string {
	local, domain = Header(local), Header(domain)
	if local == "MISSING_MAILBOX" {
		local = ""
	}
	if domain == "MISSING_DOMAIN" {
		domain = ""
	}
	if domain == "" {
		return local
	}
	return local + "@" + domain
}
