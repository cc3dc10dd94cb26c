package sanitize

import (
	"strings"
	"testing"

	"oriel/mail"
)

const pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="

func TestMailBody(t *testing.T) {
	tests := []struct {
		name, in, want string
		blocked        int
	}{
		{"text", `a &lt; b`, `<div>a &lt; b</div>`, 0},
		{"body becomes a div", `<body class=x style="color:red" bgcolor="#ffEEdd" text=blue>t`,
			`<div class="x">t</div>`, 0},
		{"script with content", `a<script>alert(1)</script>b`, `<div>ab</div>`, 0},
		{"form tags go, content stays", `<form action=x><input name=q><button>Go</button></form>`, `<div>Go</div>`, 0},
		{"unknown element", `<o:p>x</o:p><custom-tag onclick=x>y</custom-tag>`, `<div>xy</div>`, 0},
		{"comments", `a<!-- x --><!--[if mso]><p>mso</p><![endif]-->b`, `<div>ab</div>`, 0},
		{"svg with its subtree", `a<svg><p>in</p><a href=x>l</a></svg>b`, `<div>a<p>in</p><a>l</a>b</div>`, 0},
		{"identifiers", `<p id=a name=b data-x=c hx-get=/x aria-label=d onclick=e class="c">x</p>`, `<div><p class="c">x</p></div>`, 0},
		{"link", `<a href=" https://e.org/a?b=1&c=%zz#d ">x</a>`,
			`<div><a href="https://e.org/a?b=1&amp;c=%zz#d" rel="noopener noreferrer nofollow" target="_blank">x</a></div>`, 0},
		{"target of the mail", `<a href="http://e.org" target=_top rel=opener>x</a>`,
			`<div><a href="http://e.org" rel="noopener noreferrer nofollow" target="_blank">x</a></div>`, 0},
		{"relative link", `<a href="/logout">x</a>`, `<div><a>x</a></div>`, 0},
		{"script link", "<a href=\"java\tscript:alert(1)\">x</a>", `<div><a>x</a></div>`, 0},
		{"mailto keeps four fields", `<a href="mailto:a@e.org?subject=Hi&bcc=spy@e.org&attach=/etc/passwd&body=x">x</a>`,
			`<div><a href="mailto:a@e.org?subject=Hi&amp;body=x" rel="noopener noreferrer nofollow" target="_blank">x</a></div>`, 0},
		{"telephone", `<a href="tel:+44 20 7946 0000">x</a>`,
			`<div><a href="tel:+442079460000" rel="noopener noreferrer nofollow" target="_blank">x</a></div>`, 0},
		{"remote picture", `<img src="https://e.org/a.png" width=600 height=200 alt="Our shop" srcset="b.png 2x" id=x>`,
			`<div><img width="600" height="200" alt="Our shop"></div>`, 1},
		{"pixel", `<img src="//t.example/p.gif" width=1 height=1>`, `<div><img width="1" height="1" alt=""></div>`, 1},
		{"data picture", `<img src="` + pixel + `">`, `<div><img alt="" src="` + pixel + `"></div>`, 0},
		{"data svg", `<img src="data:image/svg+xml;base64,PHN2Zy8+" alt=s>`, `<div><img alt="s"></div>`, 0},
		{"large data picture", `<img src="data:image/png;base64,` + strings.Repeat("A", maxDataImage) + `" alt=big>`, `<div><img alt="big"></div>`, 0},
		{"cid", `<img src="cid:logo%40mail" alt=L><img src="CID:logo@mail">`,
			`<div><img alt="L" src="` + cidPrefix + `2"><img alt="" src="` + cidPrefix + `2"></div>`, 0},
		{"unknown cid", `<img src="cid:other" alt=o>`, `<div><img alt="o"></div>`, 0},
		{"content-location", `<img src="pic.png"><img src="http://remote.example/location.png">`,
			`<div><img alt="" src="` + cidPrefix + `3"><img alt="" src="` + cidPrefix + `3"></div>`, 0},
		{"cid answer on another host", `<img src="cid:hostile">`, `<div><img alt=""></div>`, 0},
		{"background attribute", `<table background="http://e.org/b.png"><tr><td background=//e.org/c.png bgcolor=#333>x</table>`,
			`<div><table><tbody><tr><td bgcolor="#333">x</td></tr></tbody></table></div>`, 2},
		{"background of a style", `<p style="background:url(http://e.org/a.png) no-repeat #123456;color:#fff">x`,
			`<div><p style="background-color:#123456;color:#fff;">x</p></div>`, 1},
		{"table attributes", `<table width=600 cellpadding=0 cellspacing="0" border=0 align=CENTER role=presentation><td colspan=2 valign=top nowrap>x`,
			`<div><table width="600" cellpadding="0" cellspacing="0" border="0" align="center" role="presentation"><tbody><tr><td colspan="2" valign="top" nowrap="">x</td></tr></tbody></table></div>`, 0},
		{"attribute breakout", `<p title='"><script>x</script>'>y</p>`, `<div><p title="&#34;&gt;&lt;script&gt;x&lt;/script&gt;">y</p></div>`, 0},
		{"first of two attributes", `<a href="http://a.example" href="javascript:x" title=1 title=2>y</a>`,
			`<div><a title="1" href="http://a.example" rel="noopener noreferrer nofollow" target="_blank">y</a></div>`, 0},
		{"line end in pre", "<pre>\n\nx</pre>", "<div><pre>\n\nx</pre></div>", 0},
		{"font", `<font color=#c00 face="Arial, sans-serif" size=+1>x</font>`, `<div><font color="#c00" face="Arial, sans-serif" size="+1">x</font></div>`, 0},
		{"read in standards mode", `<p>a<table><td>b</table>`, `<div><p>a</p><table><tbody><tr><td>b</td></tr></tbody></table></div>`, 0},
		{"hidden title", `<title>t</title><textarea><p>x</textarea>y`, `<div>y</div>`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := clean(t, tt.in)
			if got := bodyOf(d); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if d.Blocked != tt.blocked {
				t.Errorf("Blocked = %d, want %d", d.Blocked, tt.blocked)
			}
		})
	}
}

func TestMailBodyStyle(t *testing.T) {
	d := clean(t, `<style>p{margin:0}</style><body style="color:red;position:fixed" bgcolor="#ffEEdd" text=blue background=http://e.org/b.png>t`)
	const want = "<style>p{margin:0;}body{background-color:#ffEEdd;color:blue;color:red;}</style>"
	if !strings.Contains(d.HTML, want) || d.Blocked != 1 {
		t.Errorf("Blocked %d; want %s in\n%s", d.Blocked, want, d.HTML)
	}
}

func TestMailDark(t *testing.T) {
	for _, dark := range []bool{false, true} {
		d, err := Mail("x", MailOptions{Dark: dark})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(d.HTML, "filter:invert(1)"); got != dark {
			t.Errorf("Dark %v: filter is there: %v", dark, got)
		}
	}
}

func TestMailLimits(t *testing.T) {
	t.Run("input is cut", func(t *testing.T) {
		d := clean(t, "a"+strings.Repeat("é", maxInput/2))
		if !d.Truncated || len(d.HTML) > maxInput+4096 {
			t.Errorf("Truncated = %v, %d bytes", d.Truncated, len(d.HTML))
		}
		if strings.Contains(d.HTML, "\ufffd") {
			t.Error("cut inside of a character")
		}
	})
	t.Run("output", func(t *testing.T) {
		_, err := Mail(strings.Repeat("'", maxInput), MailOptions{})
		if mail.KindOf(err) != mail.TooLarge {
			t.Errorf("error %v, want TooLarge", err)
		}
	})
	t.Run("deep but plain", func(t *testing.T) {
		d := clean(t, strings.Repeat("<div>", 20000)+"end"+strings.Repeat("</div>", 20000)+"<p>after")
		if b := bodyOf(d); !strings.Contains(b, "end") || !strings.Contains(b, "<p>after") {
			t.Errorf("text is lost: %.200s", b)
		}
	})
	t.Run("deep beyond flattening", func(t *testing.T) {
		var b strings.Builder
		for i := range 2000 {
			b.WriteString("<b class=c" + strings.Repeat("x", i%7) + "><i title=" + strings.Repeat("y", i) + "></u>")
		}
		d, err := Mail(b.String(), MailOptions{})
		if err != nil && mail.KindOf(err) != mail.TooLarge {
			t.Errorf("error %v", err)
		}
		if err == nil {
			checkDocument(t, d.HTML)
		}
	})
}
