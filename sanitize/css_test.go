package sanitize

import (
	"strings"
	"testing"
)

func newTestStyles() (*styles, *int) {
	n := 0
	return &styles{blocked: func(k int) { n += k }}, &n
}

func TestInlineStyle(t *testing.T) {
	tests := []struct {
		in, want string
		blocked  int
	}{
		{"color: red", "color:red;", 0},
		{"COLOR:#FFf;Width:50%", "color:#FFf;width:50%;", 0},
		{"font: bold 16px/1.5 'Open Sans', Arial !important", "font:bold 16px/1.5 'Open Sans', Arial!important;", 0},
		{`font-family:"Segoe UI"`, "font-family:'Segoe UI';", 0},
		{"margin:0 auto!important", "margin:0 auto!important;", 0},
		{"width:calc(100% - (2 * 10px))", "width:calc(100% - (2 * 10px));", 0},
		{"color:rgba(1,2,3,.5", "color:rgba(1,2,3,.5);", 0},
		{"border:1px solid rgb(0 0 0 / 50%)", "border:1px solid rgb(0 0 0 / 50%);", 0},
		{"width:min(100%,600px)", "width:min(100%,600px);", 0},
		{"background:#fff url(http://e.org/x.png) no-repeat", "background-color:#fff;", 1},
		{`background:url("https://e.org/x.png"),linear-gradient(90deg,#f00,#00f)`, "background-color:#f00;", 1},
		{"background:linear-gradient(rgb(1,2,3) 0%, white)", "background-color:rgb(1,2,3);", 0},
		{"background:url(x.png) center / cover no-repeat", "", 0},
		{"background:none", "background:none;", 0},
		{"background-image:url(//e.org/x)", "", 1},
		{"background-image:image-set('http://e.org/a' 1x, 'http://e.org/b' 2x)", "", 1},
		{"list-style:url(http://e.org/x)", "", 1},
		{"color:red;position:fixed;top:0;z-index:9", "color:red;", 0},
		{"color:var(--x)", "", 0},
		{"--x:red;color:blue", "color:blue;", 0},
		{`co\6cor:red`, "", 0},
		{`color:r\65 d`, "", 0},
		{`background:u\72l(http://e.org/x) red`, "background-color:red;", 0},
		{"color:re/**/d", "color:re d;", 0},
		{"width:url/**/(x)", "", 0},
		{"color:expression(alert(1))", "", 0},
		{"width:100vh", "", 0},
		{"width:100vw", "width:100vw;", 0},
		{"behavior:url(x.htc);-moz-binding:url(x)", "", 0},
		{"color:red;}body{color:blue", "color:red;", 0},
		{"font-family:'</style><script>'", "", 0},
		{"font-family:'a\\27 b'", "", 0},
		{"font-family:ＭＳ明朝", "font-family:ＭＳ明朝;", 0},
		{"color:red;{color:blue};width:1px", "color:red;width:1px;", 0},
		{"color", "", 0},
		{"color:", "", 0},
		{";;;color:red;;", "color:red;", 0},
		{"filter:progid:DXImageTransform.Microsoft.gradient(startColorstr='#80000000')", "", 0},
		{"*color:red;_width:1px", "", 0},
		{"mso-line-height-rule:exactly;line-height:1.5", "line-height:1.5;", 0},
		{"color:red\x00;width:1px", "color:red;width:1px;", 0},
		{"color:red;" + strings.Repeat(" ", maxInline), "", 0},
	}
	for _, tt := range tests {
		s, blocked := newTestStyles()
		got := s.inline(tt.in)
		if got != tt.want || *blocked != tt.blocked {
			t.Errorf("inline(%.80q)\n got %q, %d\nwant %q, %d", tt.in, got, *blocked, tt.want, tt.blocked)
		}
		if p := cssProblem(got); p != "" {
			t.Errorf("inline(%.80q): %s", tt.in, p)
		}
	}
}

func TestSheet(t *testing.T) {
	tests := []struct{ name, media, in, want string }{
		{"rule", "", "a:hover , td.x>p{color:red;width:1px}", "a:hover,td.x>p{color:red;width:1px;}"},
		{"empty rules go", "", "a{} b{position:fixed}", ""},
		{"media", "", "@media only screen and (max-width:600px){.c{width:100%!important}}", "@media only screen and (max-width:600px){.c{width:100%!important;}}"},
		{"media element attribute", "screen and (min-width: 480px)", "a{color:red}", "@media screen and (min-width:480px){a{color:red;}}"},
		{"hostile media attribute", "screen{}a", "a{color:red}", ""},
		{"media depth", "", "@media screen{@media print{@media all{a{color:red}}b{color:red}}}", "@media screen{@media print{b{color:red;}}}"},
		{"dark scheme goes", "", "@media (prefers-color-scheme:dark){a{color:#fff}}b{color:red}", "b{color:red;}"},
		{"other at-rules", "", "@import 'x.css';@font-face{font-family:x;src:url(x)}@supports (display:grid){a{color:red}}@charset \"x\";@keyframes k{from{color:red}}b{color:red}", "b{color:red;}"},
		{"at-rule that looks like media", "", "@layer screen{a{color:red}}@keyframes all{from{color:red}}b{color:red}", "b{color:red;}"},
		{"import without end", "", "@import url(http://e.org/x.css", ""},
		{"comments of html", "", "<!-- a{color:red} -->", "a{color:red;}"},
		{"bad selectors go alone", "", "a,[x=y],b:has(i),:root,c{color:red}", "a,c{color:red;}"},
		{"nth", "", "tr:nth-child(2n+1) td,li:nth-child(odd){color:red}", "tr:nth-child(2n+1) td,li:nth-child(odd){color:red;}"},
		{"pseudo-element", "", "a::before{content:'x';color:red}", ""},
		{"escaped selector", "", `.a\:b,.c{color:red}`, ".c{color:red;}"},
		{"long selector", "", strings.Repeat("a ", 300) + ",b{color:red}", "b{color:red;}"},
		{"unclosed braces", "", "@media screen{a{color:red", "@media screen{a{color:red;}}"},
		{"stray braces", "", "}}a{color:red}}b{color:blue}", "a{color:red;}b{color:blue;}"},
		{"brace in media", "", "@media screen{a{color:red} junk }b{color:red}", "@media screen{a{color:red;}}b{color:red;}"},
		{"stray bracket", "", "a{color:red)}b{color:blue}", "b{color:blue;}"},
		{"nested rule", "", "a{color:red;b{color:blue}width:1px}", "a{color:red;width:1px;}"},
		{"end tag in string", "", "a{font-family:'</style>'}b{color:red}", "b{color:red;}"},
		{"end tag in selector", "", "</style{color:red}b{color:red}", "b{color:red;}"},
		{"unclosed string", "", "a{font-family:'x\n;color:red}b{color:red}", "a{color:red;}b{color:red;}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := newTestStyles()
			got := s.sheet(tt.in, tt.media)
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if p := cssProblem(got); p != "" {
				t.Error(p)
			}
		})
	}
}

func TestSheetLimits(t *testing.T) {
	s, _ := newTestStyles()
	if got := strings.Count(s.sheet(strings.Repeat("a{color:red}", maxRules+100), ""), "{"); got != maxRules {
		t.Errorf("%d rules, want %d", got, maxRules)
	}
	if got := s.sheet("a{color:red}", ""); got != "" {
		t.Errorf("rules of a further sheet: %q", got)
	}
	s, _ = newTestStyles()
	if got := s.sheet("a{color:red}"+strings.Repeat(" ", maxSheets), ""); got != "" {
		t.Errorf("sheet beyond the limit: %.80q", got)
	}
	s, _ = newTestStyles()
	if got := s.sheet("@media screen{"+strings.Repeat("a{color:red}", maxRules), ""); cssProblem(got) != "" {
		t.Error(cssProblem(got))
	}
}

func FuzzCSS(f *testing.F) {
	for _, seed := range []string{"a{color:red}", "@media screen{a{background:url(x) red}}", "a{b{", "color:rgb(", "'", "/*", "@import url(x);",
		`\75 rl(x)`, "u/**/rl(x)", "a{width:calc(1px+(2px", "a:nth-child(2n+1){color:red!important}", "@media(", "}{", "url(", "<!--"} {
		f.Add(seed, "screen")
	}
	f.Fuzz(func(t *testing.T, src, media string) {
		s, _ := newTestStyles()
		sheet := s.sheet(src, media)
		if p := cssProblem(sheet); p != "" {
			t.Errorf("sheet %q: %s: %q", src, p, sheet)
		}
		s, _ = newTestStyles()
		if again := s.sheet(sheet, ""); again != sheet && media == "" {
			t.Errorf("sheet %q is not stable:\n%q\n%q", src, sheet, again)
		}
		inline := s.inline(src)
		if p := cssProblem(inline); p != "" || strings.ContainsAny(inline, "{}") {
			t.Errorf("inline %q: %s: %q", src, p, inline)
		}
		if again := s.inline(inline); again != inline {
			t.Errorf("inline %q is not stable:\n%q\n%q", src, inline, again)
		}
	})
}
