package decode

import "testing"

// The ids name the rules of the decoder: D6 is the decoding of header text.
func TestHeader(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Lunch on Friday?", "Lunch on Friday?"},
		{"D6 base64", "=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"},
		{"D6 q", "=?iso-8859-1?Q?Gr=FC=DFe_aus_K=F6ln?=", "Grüße aus Köln"},
		{"D6 lower case and blanks inside", "=?utf-8?q?Gr=c3=bc=c3=9fe aus K=c3=b6ln?=", "Grüße aus Köln"},
		{"D6 blanks between words vanish", "=?utf-8?q?a?=  =?utf-8?q?b?=\r\n =?utf-8?q?c?=", "abc"},
		{"D6 words without a blank between", "=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
		{"D6 blank before text stays", "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
		{"D6 character cut in two", "=?utf-8?B?w7zD?= =?utf-8?B?vA==?=", "üü"},
		{"D6 cut in two, b and q", "=?utf-8?B?w7zD?= =?UTF-8?Q?=BC?=", "üü"},
		{"D6 other charset flushes", "=?iso-8859-1?q?=FC?= =?utf-8?q?=C3=BC?=", "üü"},
		{"D6 stateful charset", "=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "テスト"},
		{"D6 missing padding", "=?utf-8?B?R3LDvMOfZQ?=", "Grüße"},
		{"D6 language suffix", "=?iso-8859-2*sl?Q?=E8?=", "č"},
		{"D6 charset= inside", "=?charset=iso-8859-2?Q?=E8?=", "č"},
		{"D6 unknown charset, valid utf-8", "=?x-nowhere?Q?=C3=BC?=", "ü"},
		{"D6 unknown charset", "=?x-ias-german?Q?=FC?=", "ü"},
		{"D6 empty charset", "=??Q?=C3=BC?=", "ü"},
		{"D6 one bad word does not spoil the rest", "=?nope?X?zz?= =?utf-8?q?ok?=", "=?nope?X?zz?= ok"},
		{"D6 raw utf-8 beside a word", "Köln =?utf-8?q?=C3=BC?=", "Köln ü"},
		{"D6 raw latin-1", "K\xf6ln", "Köln"},
		{"D6 raw latin-1 beside a word", "K\xf6ln =?utf-8?q?=C3=BC?=", "Köln ü"},
		{"D6 inside a quoted string", `"=?utf-8?q?a=2Cb?=" <a@b>`, `"a,b" <a@b>`},
		{"D6 in the middle of a word", "x=?utf-8?q?y?=z", "xyz"},
		{"D6 unencoded question mark", "=?utf-8?Q?why?=20now?=", "why? now"},
		{"D6 text that looks like an escape", "=?utf-8?Q?a?=BE =?utf-8?Q?b?=", "aBE b"},
		{"D6 the same at the end", "=?utf-8?Q?a?=BE", "aBE"},
		{"D6 markup is no charset", "=?<b>?Q?a?=", "=?<b>?Q?a?="},
		{"D6 empty text", "a =?utf-8?Q??= b", "a b"},
		{"D6 no end", "=?utf-8?Q?abc", "=?utf-8?Q?abc"},
		{"D6 cp932", "=?cp932?B?k/qWe4zq?=", "日本語"},
		{"D6 utf-7", "=?utf-7?Q?Gr+APwA3w-e?=", "Grüße"},
		{"D6 folded", "a\r\n\tb", "a b"},
		{"D6 not decoded twice", "=?utf-8?Q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "=?utf-8?q?x?="},
		{"D6 bidi override", "=?utf-8?Q?invoice=E2=80=AEfdp.exe?=", "invoicefdp.exe"},
		{"D6 zero width", "pay\u200bpal\u200d \u2060x", "paypal x"},
		{"D6 header injection", "=?utf-8?Q?a=0D=0ABcc:_x?=", "a Bcc: x"},
		{"D6 NUL", "=?utf-8?Q?a=00b?=", "ab"},
	} {
		if got := Header(c.in); got != c.want {
			t.Errorf("%s: Header(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestAddrSpec(t *testing.T) {
	for _, c := range []struct{ local, domain, want string }{
		{"ann", "example.org", "ann@example.org"},
		{"ann", "MISSING_DOMAIN", "ann"},
		{"ann", "", "ann"},
		{"MISSING_MAILBOX", "MISSING_DOMAIN", ""},
		{"MISSING_MAILBOX", "example.org", "@example.org"},
		{"a\u202en", "ex\x00ample.org", "an@example.org"},
	} {
		if got := AddrSpec(c.local, c.domain); got != c.want {
			t.Errorf("D6: AddrSpec(%q, %q) = %q, want %q", c.local, c.domain, got, c.want)
		}
	}
}
