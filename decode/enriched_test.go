package decode

import "testing"

func TestEnriched(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"R2 commands", "<bold>Now</bold> is the <Italic>time</Italic>", "Now is the time"},
		{"R2 line ends", "a\r\nb\n\nc\n\n\nd", "a b\nc\n\nd"},
		{"R2 nofill", "<nofill>a\nb\n\nc</nofill>\nd", "a\nb\n\nc d"},
		{"R2 less-than", "a << b <<c>", "a < b <c>"},
		{"R2 param", "<color><param>red</param>text</color>", "text"},
		{"R2 param never ends", "a<param>red", "a"},
		{"R2 richtext", "a<nl>b <lt>c<comment>no <bold>no</comment>", "a\nb <c"},
		{"R2 no command", "1 < 2 > 1 <", "1 < 2 > 1 <"},
	} {
		if got := Enriched(c.in); got != c.want {
			t.Errorf("%s: Enriched(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func FuzzEnriched(f *testing.F) {
	f.Add("<bold>a</bold> << <param>x</param>\n\n<nofill>\n")
	f.Fuzz(func(t *testing.T, s string) { promise(t, Enriched(s), len(s)) })
}
