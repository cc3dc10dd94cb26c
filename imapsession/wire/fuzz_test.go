package wire

import (
	"bytes"
	"fmt"
	"io"
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
	"* OK [ALERT] a\r\n* 5 EXISTS\r\n* VANISHED (EARLIER) 1:3\r\n* VANISHED 4,7:8\r\n* ENABLED QRESYNC\r\nT1 OK [HIGHESTMODSEQ 7] x\r\n* 1 FETCH (FLAGS ())\r\n" +
		"* STATUS \"a&b\" (UNSEEN 1)\r\n* 1 FETCH (UID 3 PREVIEW {2}\r\nhi)\r\nT3 OK [MODIFIED 1:2] x\r\n* OK [NOTIFICATIONOVERFLOW] x\r\n",
	"* 1 FETCH (UID 7 BODYSTRUCTURE (\"message\" \"global\" NIL NIL NIL \"8bit\" 5 NIL (\"attachment\" (\"filename\" \"a.eml\")) NIL NIL))\r\n",
}

// talks are streams of the client that give the others a meaning.
var talks = []string{
	commands,
	"T1 ENABLE QRESYNC\r\nT2 UID FETCH 1:* (UID BODY.PEEK[PREVIEW] FLAGS) (CHANGEDSINCE 5)\r\nT3 LOGIN \"a\" {3}\r\nabc\r\n",
	"T1 IDLE\r\nDONE\r\nT2 APPEND \"x\" {3+}\r\na\nb\r\nT3 AUTHENTICATE PLAIN\r\nAA==\r\n",
	"T1 LOGOUT\r\nT2 SELECT \"R&-D\" (CONDSTORE)\r\nT3 UID STORE 1 (UNCHANGEDSINCE 5) +FLAGS (\\Seen)\r\n",
}

// heard is everything that comes out of a wire.
type heard struct {
	sent, out, trace string
	notes            string
	err, why         error
}

// hear lets both sides speak, the client first, each in pieces.
func hear(l Limits, sent, in [][]byte) (h heard) {
	r := &recorder{fixed: fixed{pieces: in}}
	c := New(r, Options{
		Limits: l,
		Trace:  func(dir byte, b []byte) { h.trace += string(dir) + string(b) + "\n" },
		Note:   func(n Note) { h.notes += fmt.Sprintf("%+v\n", n) },
	})
	c.Replace("ENABLE QRESYNC")
	c.Begin(Budget{})
	for _, p := range sent {
		if _, err := c.Write(p); err != nil {
			return heard{err: err}
		}
	}
	out, err := io.ReadAll(c)
	h.out, h.err, h.why, h.sent = string(out), err, c.Err(), r.take()
	return h
}

// FuzzSplit checks that nothing depends on how the two streams are cut: neither
// what the client sees, nor what the server gets, nor the notes, nor the trace.
func FuzzSplit(f *testing.F) {
	for i, s := range seeds {
		for j, talk := range talks {
			f.Add([]byte(talk), []byte(s), i*7+j)
		}
	}
	limits := Limits{Line: 4000, Search: 1 << 20, Literal: 2000}
	f.Fuzz(func(t *testing.T, sent, in []byte, at int) {
		want := hear(limits, [][]byte{sent}, [][]byte{in})
		for _, cut := range []func(b []byte) [][]byte{
			func(b []byte) [][]byte { i := int(uint(at) % uint(len(b)+1)); return [][]byte{b[:i], b[i:]} },
			func(b []byte) (pieces [][]byte) {
				for i := range b {
					pieces = append(pieces, b[i:i+1])
				}
				return pieces
			},
		} {
			if got := hear(limits, cut(sent), cut(in)); got != want {
				t.Fatalf("cut at %d: %+v\nwhole: %+v", at, got, want)
			}
		}
		if len(want.out) > 20*len(in)+1000+15*maxExpunges*strings.Count(strings.ToUpper(string(in)), "VANISHED") {
			t.Fatalf("%d bytes became %d", len(in), len(want.out))
		}
	})
}

// FuzzSecrets checks that the trace does not depend on what strings hold: with
// another string in its place it is the same.
func FuzzSecrets(f *testing.F) {
	for _, s := range []string{"secret", `se"cr\\et`, "UID 7) INBOX", "{5}", "T1 NOOP\r\nT2 LOGIN a b", "* OK [UIDNEXT 3]", "", "\x00\xff", "2024", "NIL"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		other := strings.Repeat("x", len(s))
		if strings.ContainsAny(s, "\r\n\x00") {
			other = strings.Repeat("\n", len(s)) // sent as a literal, too
		}
		speak := func(s string) string {
			str := string(appendString(nil, []byte(s)))
			return traced("T1 LOGIN "+str+" "+str+"\r\nT2 SELECT "+str+" (CONDSTORE)\r\nT3 APPEND "+str+" () {1}\r\nx\r\nT4 UID SEARCH OR FROM "+str+" UID 5\r\n"+
				"T5 RENAME "+str+" "+str+"\r\nT6 UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS ("+str+")])\r\nT7 STATUS "+str+" (UNSEEN)\r\n",
				"* LIST () "+str+" "+str+"\r\n* STATUS "+str+" (UNSEEN 5)\r\n* 1 FETCH (ENVELOPE (NIL "+str+" (("+str+")) NIL NIL) PREVIEW "+str+" BODY[1] "+str+" UID 7)\r\n"+
					"* NAMESPACE (("+str+" NIL)) NIL NIL\r\n* ESEARCH (TAG "+str+") UID ALL 5\r\n")
		}
		if got, want := speak(s), speak(other); got != want {
			t.Fatalf("%q is traced as\n%s\n%q as\n%s", s, got, other, want)
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
		if bytes.Contains(in, []byte(askPreview)) {
			return
		}
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
