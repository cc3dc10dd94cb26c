package wire

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are streams that reach every branch of the filter.
var seeds = []string{
	"* OK [CAPABILITY IMAP4rev1 IMAP4rev2] hi\r\n* 5 EXISTS\r\n+ go\r\nT1 OK [COPYUID 1 2:* 3] ok\r\n",
	"* LIST (\\HasNoChildren) \"/\" \"R&D\"\r\n* STATUS {4}\r\nCaf\xe9 (MESSAGES 3)\r\n* LSUB () NIL x\r\n\r\n",
	"* SEARCH 1 2 3 (MODSEQ 5)\r\n* SORT 3 2\r\n* ESEARCH (TAG \"T1\") UID ALL 1:5 COUNT 5\r\n* ESEARCH UID COUNT 4\r\n",
	"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS (a]b \\*)] x\r\n* BYE\r\n",
	"* 1 FETCH (BODY[1]<0> {3}\r\na\r\n UID 7 FLAGS (\\Seen) INTERNALDATE \"01-Mar-2026 10:00:00 +0000\" RFC822.SIZE 5 MODSEQ (7))\r\n",
	"* 1 FETCH (UID 7 ENVELOPE (\"d\" {3}\r\na\"b ((\"A\" NIL \"a\" \"b\")) nil NIL NIL NIL NIL NIL \"<1@x>\") BODY[HEADER.FIELDS (LIST-ID)] \"x\")\r\n",
	"* 1 FETCH (UID 7 BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"x\") NIL NIL \"7bit\" 5 1 NIL (\"attachment\" (\"filename\" \"a\")) \"en\" NIL)" +
		"(\"message\" \"rfc822\" NIL NIL NIL NIL 5 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" NIL NIL NIL NIL 1 1) 3) NIL \"mixed\" (\"boundary\" \"x\") \"inline\" (\"de\")))\r\n",
	"* 1 FETCH (UID 7 BODYSTRUCTURE (\"message\" \"global\" NIL NIL NIL \"8bit\" 5 NIL (\"attachment\" (\"filename\" \"a.eml\")) NIL NIL))\r\n",
}

// FuzzSplit checks that the output does not depend on how the stream is cut.
func FuzzSplit(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), i*7)
	}
	limits := Limits{Line: 4000, Search: 1 << 20, Literal: 2000}
	f.Fuzz(func(t *testing.T, in []byte, at int) {
		want, wantErr, wantWhy := filter(Budget{}, limits, in)
		pieces := [][]byte{in}
		if len(in) > 0 {
			at = int(uint(at) % uint(len(in)))
			pieces = [][]byte{in[:at], in[at:]}
		}
		bytewise := make([][]byte, len(in))
		for i := range in {
			bytewise[i] = in[i : i+1]
		}
		for _, p := range [][][]byte{pieces, bytewise} {
			got, err, why := filter(Budget{}, limits, p...)
			if got != want || err != wantErr || why != wantWhy {
				t.Fatalf("cut at %d: %q (%v, %v)\nwhole: %q (%v, %v)", at, got, err, why, want, wantErr, wantWhy)
			}
		}
		if len(want) > 20*len(in)+1000 {
			t.Fatalf("%d bytes became %d", len(in), len(want))
		}
	})
}

// FuzzStable checks that what has passed once passes again unchanged, and that
// nothing but known responses comes out.
func FuzzStable(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		once, _, why := filter(Budget{}, Limits{}, in)
		if why != nil {
			return
		}
		if again, err, why := filter(Budget{}, Limits{}, []byte(once)); again != once || err != nil || why != nil {
			t.Fatalf("first  %q\nsecond %q (%v, %v)", once, again, err, why)
		}
	})
}

// FuzzClient checks the promise of the package: the client never meets a
// response that it cannot read.
func FuzzClient(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { survives(t, in) })
}

// FuzzNameRepair checks that repaired names are legal and that legal ones are
// left alone.
func FuzzNameRepair(f *testing.F) {
	for _, s := range []string{"INBOX", "R&D", "R&-D", "Caf\xe9", "Été", "&AMk-t&AOk-", "&AOk-&AOk-", "&AEE-", "&2D3eAA-", "&2D0-", "&AAo-", "a&", "&,,,-", "\x7f\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name := RepairName(raw)
		if !legalName(name) {
			t.Fatalf("%q became %q, which is not legal", raw, name)
		}
		if legalName(raw) && name != raw {
			t.Fatalf("legal name %q became %q", raw, name)
		}
		if again := RepairName(name); again != name {
			t.Fatalf("%q, repaired twice: %q", name, again)
		}
		if name != raw && !strings.Contains(name, "&") {
			t.Fatalf("%q became %q, which no table of names would notice", raw, name)
		}
		shown := strings.Map(func(r rune) rune { return visible(r) }, strings.ToValidUTF8(raw, "?"))
		if encoded := encodeName([]rune(shown)); RepairName(encoded) != encoded || string(decodeName(encoded)) != shown {
			t.Fatalf("%q does not survive its encoding %q", shown, encoded)
		}
	})
}

// legalName is a second, strict reading of RFC 3501 section 5.1.3: printable
// ASCII; "&-" for "&"; shifts in proper base64 of whole UTF-16 that are never
// adjacent, never hold what could stand for itself, and no control characters.
func legalName(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	shifted := false
	for len(s) > 0 {
		if s[0] < 0x20 || s[0] > 0x7e {
			return false
		}
		if s[0] != '&' || strings.HasPrefix(s, "&-") {
			s = strings.TrimPrefix(s[1:], map[bool]string{true: "-"}[s[0] == '&'])
			shifted = false
			continue
		}
		content, rest, ok := strings.Cut(s[1:], "-")
		b, err := shiftEncoding.Strict().DecodeString(content)
		if !ok || shifted || err != nil || len(b) == 0 || len(b)%2 != 0 || strings.ContainsAny(content, "\r\n") {
			return false
		}
		for i := 0; i < len(b); i += 2 {
			u := uint16(b[i])<<8 | uint16(b[i+1])
			switch low := i+3 < len(b) && b[i+2] >= 0xdc && b[i+2] < 0xe0; {
			case u < 0xa0:
				return false
			case u >= 0xd800 && u < 0xdc00 && low:
				i += 2
			case u >= 0xd800 && u < 0xe000:
				return false
			}
		}
		s, shifted = rest, true
	}
	return true
}

// FuzzRespell checks the writing side: bytes go out unchanged, whole and in
// order, apart from the names in the table.
func FuzzRespell(f *testing.F) {
	f.Add([]byte("T1 SELECT \"R&-D\"\r\nT2 LOGIN \"R&-D\" {3}\r\nabc\r\n"), 5)
	f.Add([]byte("T1 IDLE\r\nDONE\r\nT2 APPEND \"x\" {3+}\r\na\nb\r\nT3 AUTHENTICATE PLAIN\r\nAA==\r\n"), 9)
	f.Fuzz(func(t *testing.T, in []byte, at int) {
		c := New(&fixed{}, Options{})
		var out []byte
		at = int(uint(at) % uint(len(in)+1))
		for _, p := range [][]byte{in[:at], in[at:]} {
			b, err := c.wr.feed(p)
			if err != nil {
				return
			}
			out = append(out, b...)
		}
		if out = append(out, c.wr.line...); !bytes.Equal(out, in) {
			t.Fatalf("%q became %q", in, out)
		}
	})
}
