package sanitize

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// checkText asserts what must hold of every text: it is balanced and holds
// nothing but the few elements of ours.
func checkText(t testing.TB, out string) {
	t.Helper()
	root := reparse(t, "<!doctype html><html><head></head><body>"+out+"</body></html>")
	body := root.LastChild.LastChild
	var again strings.Builder
	for c := body.FirstChild; c != nil; c = c.NextSibling {
		again.WriteString(render(t, c))
	}
	if again.String() != out {
		t.Errorf("not balanced:\n%.400q\n%.400q", out, again.String())
	}
	for _, n := range nodes(body) {
		if n.Type != html.ElementNode || n == body {
			continue
		}
		switch n.Data {
		case "p", "blockquote", "details", "summary", "div", "a":
		default:
			t.Errorf("element %s", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "class" && (a.Val == "quoted" && n.Data == "details" || a.Val == "sig" && n.Data == "div"):
			case n.Data == "a" && a.Key == "href":
				if scheme, _, _ := strings.Cut(a.Val, ":"); scheme != "mailto" && !webRE.MatchString(a.Val) {
					t.Errorf("href %q", a.Val)
				}
			case n.Data == "a" && (a.Key == "target" && a.Val == "_blank" || a.Key == "rel" && a.Val == linkRel):
			default:
				t.Errorf("%s %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	if n := strings.Count(out, "<a "); n > maxLinks {
		t.Errorf("%d links", n)
	}
	depth := 0
	for _, n := range nodes(body) {
		d := 0
		for p := n; p != nil; p = p.Parent {
			if p.Data == "blockquote" && p.Type == html.ElementNode {
				d++
			}
		}
		depth = max(depth, d)
	}
	if depth > maxQuotes {
		t.Errorf("quotes nested %d deep", depth)
	}
}

// short makes the expected results below readable.
func short(h HTML) string {
	return strings.NewReplacer(
		` rel="noopener noreferrer nofollow" target="_blank"`, "",
		`<details class="quoted"><summary>Show quoted text</summary>`, "[Q ",
		`<details class="quoted"><summary>Show signature</summary>`, "[S ",
		`</details>`, "]",
		`<blockquote>`, "{", `</blockquote>`, "}",
	).Replace(string(h))
}

const six = "> 1\n> 2\n> 3\n> 4\n> 5\n> 6\n"

func TestText(t *testing.T) {
	const quoted = "{<p>1\n2\n3\n4\n5\n6</p>}"
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"escaped", "a < b & \"c\" <script>", "<p>a &lt; b &amp; &#34;c&#34; &lt;script&gt;</p>"},
		{"paragraphs", "a\nb\r\n\r\n\r\nc\x00\x1b[31m", "<p>a\nb</p><p>c[31m</p>"},
		{"indent stays", "  code\n\tx", "<p>  code\n\tx</p>"},
		{"short quote", "hi\n> a\n>> b\n> > c\n>d", "<p>hi</p>{<p>a</p>{<p>b\nc</p>}<p>d</p>}"},
		{"long quote folds", "Thanks!\n\nOn 1/2/2024, Bob wrote:\n" + six, "<p>Thanks!</p>[Q <p>On 1/2/2024, Bob wrote:</p>" + quoted + "]"},
		{"blank line below the attribution", "Ok\n\nAm 24.02.2012 um 10:19 schrieb Eva:\n\n\n" + six, "<p>Ok</p>[Q <p>Am 24.02.2012 um 10:19 schrieb Eva:</p>" + quoted + "]"},
		{"attribution of two lines", "Ok\n\nLe ven. 24 févr. 2012 à 10:19, Luc\n<luc@e.org> a écrit :\n" + six, "<p>Ok</p>[Q <p>Le ven. 24 févr. 2012 à 10:19, Luc\n&lt;luc@e.org&gt; a écrit :</p>" + quoted + "]"},
		{"full-width colon", "好\n\n2024年3月1日 王 <w@e.cn> 写道：\n" + six, "<p>好</p>[Q <p>2024年3月1日 王 &lt;w@e.cn&gt; 写道：</p>" + quoted + "]"},
		{"text is no attribution", "See below:\n" + six, "<p>See below:</p>[Q " + quoted + "]"},
		{"attribution leaves new text alone", "Fine at 10:30\nOn 1/2/2024, Bob wrote:\n" + six, "<p>Fine at 10:30</p>[Q <p>On 1/2/2024, Bob wrote:</p>" + quoted + "]"},
		{"interleaved answers stay", "a\n" + six + "answer", "<p>a</p>" + quoted + "<p>answer</p>"},
		{"only the last of two folds", "a\n" + six + "b\n" + six, "<p>a</p>" + quoted + "<p>b</p>[Q " + quoted + "]"},
		{"nothing else", "On 1/2/2024, Bob wrote:\n" + six, "<p>On 1/2/2024, Bob wrote:</p>" + quoted},
		{"five lines stay", "a\n> 1\n> 2\n> 3\n> 4\n> 5", "<p>a</p>{<p>1\n2\n3\n4\n5</p>}"},
		{"blank lines between quotes", "a\n> 1\n> 2\n> 3\n\n> 4\n> 5\n> 6", "<p>a</p>[Q {<p>1\n2\n3</p><p>4\n5\n6</p>}]"},
		{"signature", "a\n-- \nEva\nBath", `<p>a</p><div class="sig"><p>Eva` + "\n" + `Bath</p></div>`},
		{"signature without the space", "a\n--\nEva", `<p>a</p><div class="sig"><p>Eva</p></div>`},
		{"two dashes far up", "a\n--\n" + strings.Repeat("b\n", 20) + "c", "<p>a\n--\n" + strings.Repeat("b\n", 20) + "c</p>"},
		{"long signature", "a\n-- \n1\n2\n3\n4\n5\n6\n7", `<p>a</p>[S <div class="sig"><p>1` + "\n2\n3\n4\n5\n6\n7</p></div>]"},
		{"signature above the quote", "a\n-- \nEva\n\nOn 1/2/2024 Bob wrote:\n" + six, `<p>a</p><div class="sig"><p>Eva</p></div>[Q <p>On 1/2/2024 Bob wrote:</p>` + quoted + "]"},
		{"signature below the quote", "a\n" + six + "\n-- \nEva", "<p>a</p>[Q " + quoted + `]<div class="sig"><p>Eva</p></div>`},
		{"footer of a list", "a\n" + six + strings.Repeat("_", 47) + "\nlist", "<p>a</p>[Q " + quoted + "]<p>" + strings.Repeat("_", 47) + "\nlist</p>"},
		{"dashes in a line", "a -- b\n--c", "<p>a -- b\n--c</p>"},
		{"quoted signature", "a\n> -- \n> Eva", "<p>a</p>{<p>--\nEva</p>}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := Text(tt.in, TextOptions{})
			checkText(t, string(out))
			if got := short(out); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestTextFlowed(t *testing.T) {
	tests := []struct {
		name, in, want string
		delSp          bool
	}{
		{"joined", "one \ntwo \nthree\nfour", "<p>one two three\nfour</p>", false},
		{"stuffed", " From here\n > no quote\n  two", "<p>From here\n&gt; no quote\n two</p>", false},
		{"quotes join at one depth", "> a \n> b\n>> c \n> d", "{<p>a b</p>{<p>c</p>}<p>d</p>}", false},
		{"quotes of other programs", "> > a\n> b", "{{<p>a</p>}<p>b</p>}", false},
		{"delsp", "日本 \n語\nhttp://e.org/a \nb", `<p>日本語` + "\n" + `<a href="http://e.org/ab">http://e.org/ab</a></p>`, true},
		{"signature is not joined", "a \n-- \nEva \nBath", `<p>a</p><div class="sig"><p>Eva Bath</p></div>`, false},
		{"blank lines", "a \n\nb", "<p>a</p><p>b</p>", false},
		{"end", "a ", "<p>a</p>", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := Text(tt.in, TextOptions{Flowed: true, DelSp: tt.delSp})
			checkText(t, string(out))
			if got := short(out); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestTextLinks(t *testing.T) {
	tests := []struct{ in, want string }{
		{"see http://e.org/a?b=1&c=2.", `see <a href="http://e.org/a?b=1&amp;c=2">http://e.org/a?b=1&amp;c=2</a>.`},
		{"(http://e.org/a_(b))", `(<a href="http://e.org/a_(b)">http://e.org/a_(b)</a>)`},
		{"<HTTPS://E.org/>", `&lt;<a href="https://E.org/">HTTPS://E.org/</a>&gt;`},
		{"www.e.org, ok", `<a href="http://www.e.org">www.e.org</a>, ok`},
		{"mailto:a@e.org?bcc=x@e.org&subject=s", `<a href="mailto:a@e.org?subject=s">mailto:a@e.org?bcc=x@e.org&amp;subject=s</a>`},
		{"ftp://e.org javascript:alert(1) data:text/html,x", "ftp://e.org javascript:alert(1) data:text/html,x"},
		{"http:// https://) www. mailto:", "http:// https://) www. mailto:"},
		{"xhttp://e.org a.www.e.org", "xhttp://e.org a.www.e.org"},
		{`"http://e.org/'x'"`, `&#34;<a href="http://e.org/&#39;x">http://e.org/&#39;x</a>&#39;&#34;`},
		{"http://e.org/\u202egpj.exe", `<a href="http://e.org/">http://e.org/</a>` + "\u202egpj.exe"},
		{"http://e.org/路径。后", `<a href="http://e.org/路径">http://e.org/路径</a>。后`},
		{"http://[::1]/x [http://e.org]", `<a href="http://[::1]/x">http://[::1]/x</a> [<a href="http://e.org">http://e.org</a>]`},
		{"*http://e.org* http://e.org!?", `*<a href="http://e.org">http://e.org</a>* <a href="http://e.org">http://e.org</a>!?`},
		{"http://e.org/<script>", `<a href="http://e.org/">http://e.org/</a>&lt;script&gt;`},
	}
	for _, tt := range tests {
		out := Text(tt.in, TextOptions{})
		checkText(t, string(out))
		if got := short(out); got != "<p>"+tt.want+"</p>" {
			t.Errorf("%q\ngot  %s\nwant <p>%s</p>", tt.in, got, tt.want)
		}
	}
	own := Text("mailto:a@e.org", TextOptions{Mailto: func(href string) string { return "/compose?mailto=" + href[7:] + "&x" }})
	if want := `<p><a href="/compose?mailto=a@e.org&amp;x">mailto:a@e.org</a></p>`; string(own) != want {
		t.Errorf("composer: %s, want %s", own, want)
	}
}

func TestTextLimits(t *testing.T) {
	out := string(Text(strings.Repeat("http://e.org ", 3000), TextOptions{}))
	checkText(t, out)
	if n := strings.Count(out, "<a "); n != maxLinks {
		t.Errorf("%d links, want %d", n, maxLinks)
	}
	for _, flowed := range []bool{false, true} {
		out = string(Text("a\n"+strings.Repeat(">", 4000)+" deep\n> flat", TextOptions{Flowed: flowed}))
		checkText(t, out)
		if n := strings.Count(out, "<blockquote>"); n != maxQuotes {
			t.Errorf("%d quote levels, want %d", n, maxQuotes)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"a\n> b\n-- \nsig", "On 1/2/2024, a@b wrote:\n" + six, "http://e.org/(a))", "> > > x\n>> y \n", " -- \n--\n",
		"www.x http://[", "\xff\x00", "a\n" + six + "b\n" + six, "mailto:a?b&c"} {
		f.Add(seed, false, false)
		f.Add(seed, true, true)
	}
	f.Fuzz(func(t *testing.T, src string, flowed, delSp bool) {
		out := string(Text(src, TextOptions{Flowed: flowed, DelSp: delSp}))
		checkText(t, out)
	})
}
