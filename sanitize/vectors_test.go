package sanitize

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// vector is one hostile body. keeps says that the word "keep" stands before the
// hostile part and has to survive, so that no test passes by dropping everything.
type vector struct {
	name, html string
	keeps      bool
}

// evilURLs try to run, to fetch without being a picture, or to leave by a
// relative address.
var evilURLs = []string{
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", " \x01javascript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)",
	"java&Tab;script:alert(1)", "java&NewLine;script&colon;alert(1)", "&#106;avascript:alert(1)", "&#x6A;avascript:alert(1)",
	"&#0000106avascript:alert(1)", "javascript&#58;alert(1)", "javascript:https://e.org/%0aalert(1)", "javascript://e.org/%0aalert(1)", "data://e.org/x", "\u00a0javascript:alert(1)",
	"vbscript:msgbox(1)", "livescript:x", "mocha:x", "data:text/html,<script>alert(1)</script>",
	"data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "data:image/svg+xml,<svg onload=alert(1)>",
	"data:image/svg+xml;base64,PHN2Zz4=", "data:application/xhtml+xml,x", "blob:https://e.org/x", "filesystem:https://e.org/x", "file:///etc/passwd",
	"about:blank", "view-source:https://e.org", "feed:javascript:alert(1)", "jar:https://e.org!/x", "ws://e.org", "ftp://e.org/x",
	"/logout", "//evil.example/x", "\\\\evil.example\\x", "?a=b", "#frag", "../up", "https:evil.example", "https:/evil.example",
	"https:///evil.example", "https://", "http://a b/", "http://[::1", "http://evil.example\\@good.example", "http://e.org/\"onmouseover=alert(1)",
	"http://e.org/'><script>alert(1)</script>", "http://e.org/`", "chrome://settings", "intent://x#Intent;end", "ms-word:ofe|u|x", "cid:hostile", "cid:../../logout",
}

// sinks put a URL where browsers may follow it. %s is the URL.
var sinks = []string{
	`<a href="%s">keep</a>`, `<img src="%s" alt=keep>`, `<img src=x.png srcset="%s 2x" alt=keep>`, `<table background="%s"><td>keep</table>`,
	`<p style="background:url(%s)">keep</p>`, `<form action="%s"><button formaction="%s">keep</button></form>`, `<iframe src="%s"></iframe>keep`,
	`<svg><a xlink:href="%s"><text>x</text></a></svg>keep`, `<link rel=stylesheet href="%s">keep`, `<base href="%s">keep`,
	`<meta http-equiv=refresh content="0;url=%s">keep`, `<video poster="%s" src="%s"></video>keep`, `<object data="%s"></object><embed src="%s">keep`,
	`<a href="http://e.org" ping="%s">keep</a>`, `<blockquote cite="%s">keep</blockquote>`, `<area href="%s"><map name=x><area href="%s"></map>keep`,
	`<input type=image src="%s">keep`, `<picture><source srcset="%s"><img alt=keep></picture>`, `<body background="%s">keep`,
}

// evilCSS tries to fetch, to run, to leave its element or to cover others.
var evilCSS = []string{
	`background:url(http://e.org/x)`, `background:url("http://e.org/x`, `background:url('http://e.org/x')`, `background:URL(//e.org/x)`, `background:u\72l(http://e.org/x)`,
	`background:\75 rl(http://e.org/x)`, `background:url/**/(http://e.org/x)`, `background:ur/**/l(http://e.org/x)`, `background:url(&#39;http://e.org&#39;)`,
	`background-image:image-set("http://e.org/x" 1x)`, `background:-webkit-image-set(url(x) 1x)`, `background:image(http://e.org/x)`, `background:src("http://e.org/x")`,
	`background:cross-fade(url(x),url(y))`, `background:element(#x)`, `background:paint(x)`, `background:var(--x,url(http://e.org/x))`, `--x:url(http://e.org/x);background:var(--x)`,
	`list-style:url(http://e.org/x)`, `list-style-image:url(http://e.org/x)`, `border-image:url(http://e.org/x)`, `border-image-source:url(http://e.org/x)`,
	`content:url(http://e.org/x)`, `content:attr(x)`, `cursor:url(http://e.org/x),auto`, `filter:url(http://e.org/x#f)`, `-webkit-filter:blur(9px)`, `mask:url(http://e.org/x)`,
	`clip-path:url(http://e.org/x)`, `shape-outside:url(http://e.org/x)`, `behavior:url(x.htc)`, `-moz-binding:url(x.xml#y)`, `-ms-behavior:url(x)`,
	`width:expression(alert(1))`, `width:exp/**/ression(alert(1))`, `width:ex\70 ression(alert(1))`, `position:fixed;top:0;left:0;width:9999px`, `position:absolute;inset:0`,
	`position:sticky`, `z-index:99999`, `transform:scale(99)`, `translate:-100px`, `animation:x 1s`, `transition:all 1s`, `offset-path:url(x)`, `will-change:top`,
	`color:red}body{display:none`, `color:red}</style><script>alert(1)</script>`, `color:red;/*`, `color:"`, `color:'\`, `color:red\`, `color:red!important;position:fixed!important`,
	`@import "http://e.org/x";color:red`, `color:red;@import url(http://e.org/x)`, `@font-face{src:url(http://e.org/x)}`, `font-family:"</style><img src=x onerror=alert(1)>"`,
	`font:url(http://e.org/x)`, `src:url(http://e.org/x)`, `color:rgb(1,2,url(http://e.org/x))`, `width:calc(1px + url(x))`, `width:attr(x url)`, `width:env(x)`,
	`color:red;;;;{{{{`, `{{{{color:red}}}}`, `color:rgb((((((`, "color:red\x00;background:url(x)", "background:url(java\nscript:alert(1))", `background:url(javascript:alert(1))`,
	`all:initial`, `-o-link:'javascript:alert(1)'`, `-o-link-source:current`, `anchor-name:--x`, `view-transition-name:x`, `container:x`, `accent-color:red`, `background:u\000072l(x)`,
}

// sheetWraps put declarations into places of style elements and attributes.
var sheetWraps = []string{
	`<style>p{%s}</style><p>keep`, `<style>@media screen{p{%s}}</style><p>keep`, `<style><!-- p{%s} --></style><p>keep`, `<p style="%s">keep</p>`, `<body style='%s'>keep`,
}

// parts are whole constructions: elements, handlers, parser confusions.
var parts = []string{
	`<script>alert(1)</script>`, `<SCRIPT SRC=//e.org></SCRIPT>`, `<script/x>alert(1)</script>`, `<scr<script>ipt>alert(1)</script>`, `<script>alert(1)`, `<<script>alert(1)//<</script>`,
	`<img src=x onerror=alert(1)>`, `<img/src=x/onerror=alert(1)>`, `<img src="x"onerror="alert(1)">`, "<img src=`x`onerror=alert(1)>", `<IMG SRC=x OnErRoR=alert(1)>`, `<img """><script>alert(1)</script>">`,
	`<body onload=alert(1)>`, `<body onpageshow=alert(1)>`, `<p onclick=alert(1) onmouseover=alert(1) onfocus=alert(1) tabindex=1 autofocus>`, `<details open ontoggle=alert(1)>`,
	`<marquee onstart=alert(1)>`, `<input autofocus onfocus=alert(1)>`, `<select autofocus onfocus=alert(1)>`, `<keygen autofocus onfocus=alert(1)>`, `<isindex action=javascript:alert(1)>`,
	`<video><source onerror=alert(1)></video>`, `<audio src=x onerror=alert(1)>`, `<track src=x>`, `<p contenteditable accesskey=x slot=x is=x nonce=x part=x popover>`,
	`<svg onload=alert(1)>`, `<svg><script>alert(1)</script></svg>`, `<svg><animate attributeName=href values=javascript:alert(1)>`, `<svg><set attributeName=onload to=alert(1)>`,
	`<svg><use href="data:image/svg+xml;base64,x#x">`, `<svg><image href=http://e.org/x>`, `<svg><foreignObject><p onclick=alert(1)>x</p></foreignObject></svg>`, `<svg><style>@import 'http://e.org';</style></svg>`,
	`<svg><feImage href=http://e.org/x></svg>`, `<svg><desc><script>alert(1)</script></desc></svg>`, `<svg><title><img src=x onerror=alert(1)></title></svg>`, `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`,
	`<math href=javascript:alert(1)>x</math>`, `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`, `<math><mtext><mglyph><svg><mtext><style><path id="</style><img onerror=alert(1) src>">`,
	`<math><annotation-xml encoding="text/html"><script>alert(1)</script></annotation-xml></math>`, `<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x</maction></math>`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`, `<form id=x></form><button form=x formaction=javascript:alert(1)>x</button>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<noscript><style></noscript><img src=x onerror=alert(1)></style></noscript>`,
	`<textarea></textarea><script>alert(1)</script>`, `<textarea><img title="</textarea><img src=x onerror=alert(1)>">`, `<title><img title="</title><img src=x onerror=alert(1)>">`,
	`<xmp><p title="</xmp><img src=x onerror=alert(1)>">`, `<noembed><img title="</noembed><img src=x onerror=alert(1)>">`, `<noframes><p title="</noframes><img src=x onerror=alert(1)>">`,
	`<iframe><p title="</iframe><img src=x onerror=alert(1)>"></iframe>`, `<iframe srcdoc="<script>alert(1)</script>"></iframe>`, `<iframe src=javascript:alert(1)>`, `<frameset><frame src=javascript:alert(1)></frameset>`,
	`<template><script>alert(1)</script></template>`, `<template><img src=x onerror=alert(1)></template>`, `<template shadowrootmode=open><img src=x onerror=alert(1)></template>`,
	`<object data=javascript:alert(1)>`, `<object type=text/html data=http://e.org></object>`, `<embed src=javascript:alert(1)>`, `<applet code=x archive=http://e.org>`, `<param name=movie value=x>`,
	`<!--><script>alert(1)</script>-->`, `<!--!><img src=x onerror=alert(1)>-->`, `<!-- --!><img src=x onerror=alert(1)>`, `<!--[if IE]><script>alert(1)</script><![endif]-->`, `<![CDATA[<script>alert(1)</script>]]>`,
	`<?xml version="1.0"?><script>alert(1)</script>`, `<!DOCTYPE html SYSTEM "x" [<!ENTITY x "y">]>`, `</p/onclick=alert(1)>`, `<%<script>alert(1)</script>%>`, `</ script><img src=x onerror=alert(1)>`,
	`<style><img src="</style><img src=x onerror=alert(1)//">`, `<style></style><script>alert(1)</script>`, `<style>@import 'http://e.org/x.css';</style>`, `<style>*{background:url(http://e.org)}`,
	`<style>a[href^="h"]{background:url(http://e.org)}</style>`, `<style>@charset "UTF-7";+ADw-script+AD4-</style>`, `<style media="all}body{display:none">p{color:red}</style>`, `<style type="text/x">p{background:url(x)}</style>`,
	`<style>@supports(display:block){p{background:url(http://e.org)}}</style>`, `<style>@namespace x url(http://e.org);</style>`, `<style>@layer a{p{color:red}}@container (width>1px){p{color:red}}</style>`,
	`<style>p{color:red}/*</style><script>alert(1)</script>*/`, `<style>{}*{xss:expression(alert(1))}</style>`, `<style>:root{--x:url(http://e.org)}p{background:var(--x)}</style>`, `<style>p{color:red;}}}}}body{position:fixed}</style>`,
	`<a id=x name=x><a id=x name=attributes>`, `<form name=getElementById><input name=parentNode></form>`, `<img name=body id=head>`, `<p class="x&quot; onclick=&quot;alert(1)">`,
	`<p hx-get=/x hx-on:click=alert(1) data-hx-post=/m hx-trigger=load data-view=list data-msg=x>`, `<p hx-on::load="alert(1)" hx-vals="js:{x:alert(1)}" _="on load">`,
	`<p aria-label=x aria-hidden=true aria-live=assertive role=alert>`, `<p role=dialog role=presentation>`, `<a href="https://e.org" target=_top rel=opener download>x</a>`, `<a href="https://e.org" rel="noopener opener" target=x>x</a>`,
	`<table><script>alert(1)</script><tr><td><svg onload=alert(1)>`, `<table><a href=javascript:alert(1)>x</a><tr><td>y`, `<a href=http://1.example><table><tr><td><a href=http://2.example>x</a></table></a>`,
	`<select><style></select><img src=x onerror=alert(1)></style>`, `<select><template><img src=x onerror=alert(1)></template></select>`, `<option><script>alert(1)</script></option>`,
	`<p><svg><p></svg><style><!--</style><img src=x onerror=alert(1)>-->`, `<b><p></b><script>alert(1)</script>`, `<p><b><i><u></p></b></i></u><img src=x onerror=alert(1)>`, `<font><p><font><p><font face="x><img src=x onerror=alert(1)>">`,
	`<dialog open style=position:fixed>x</dialog>`, `<canvas>x</canvas>`, `<portal src=http://e.org>`, `<fencedframe src=http://e.org>`, `<slot name=x>`, `<bgsound src=http://e.org>`, `<layer src=http://e.org>`, `<ilayer src=x>`, `<xss style=behavior:url(x)>`, `<image src=x onerror=alert(1)>`,
	`<plaintext><script>alert(1)</script>`, `<listing><img src=x onerror=alert(1)></listing>`, "<pre>\n\n<img src=x onerror=alert(1)></pre>", `<rt><rp><ruby><rtc><script>alert(1)</script>`,
	"\x00<scr\x00ipt>alert(1)</scr\x00ipt>", "<img src=x on\x00error=alert(1)>", "<p title=\"\x00\x01\x02\x7f\">", "\ufeff<script>alert(1)</script>", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "\xff\xfe<script>alert(1)</script>", "<p title='\xc0\xbcscript\xc0\xbe'>",
	`&lt;script&gt;alert(1)&lt;/script&gt;`, `&amp;lt;script&amp;gt;`, `<p title="&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;">`, `<img alt="<script>alert(1)</script>" title='"><svg onload=alert(1)>'>`, `<p lang="en' onclick=alert(1)">`, `<p dir="ltr onclick">`, `<td width="1 onclick=alert(1)">`, `<font color="red;background:url(http://e.org)" face="a;b" size="1;2">`,
	`<meta charset=utf-7>`, `<meta http-equiv=Content-Security-Policy content="default-src *">`, `<meta name=referrer content=unsafe-url>`, `<meta name=color-scheme content=dark>`, `<link rel=preload as=image href=http://e.org>`, `<link rel=dns-prefetch href=//e.org>`, `<link rel=import href=x>`, `<base target=_top>`, `<html manifest=http://e.org><head profile=http://e.org>`,
	strings.Repeat("<div>", 600) + `<script>alert(1)</script>`, strings.Repeat("<b><p>", 400) + `<img src=x onerror=alert(1)>`, `<a ` + strings.Repeat("x=y ", 500) + `href=javascript:alert(1)>x</a>`, strings.Repeat("<svg><p>", 100), strings.Repeat("<table><td>", 150) + `<script>x`, strings.Repeat("<a href=http://e.org>", 1000), strings.Repeat("<", 5000), strings.Repeat("<!--", 2000), strings.Repeat("&", 5000), strings.Repeat("<style>", 500),
}

const keepingContext = `<ul><li>keep<li>%s</ul>`

// contexts put a construction where parsers change their mind. %s is the place.
var contexts = []string{
	`%s<p>keep`, `<table><tr><td>%s</td></tr></table><p>keep`, `<p title="x">keep<b><i>%s`, `<ul><li>keep<li>%s</ul>`,
	`<div><a href="https://e.org">keep %s</a></div>`, `<blockquote><pre>keep%s`,
}

func hostileVectors() []vector {
	var list []vector
	add := func(kind string, i, j int, html string) {
		name := fmt.Sprintf("%s/%d/%d", kind, i, j)
		list = append(list, vector{name, html, kind == "part" && contexts[j] == keepingContext})
	}
	for i, u := range evilURLs {
		for j, sink := range sinks {
			add("url", i, j, strings.ReplaceAll(sink, "%s", u))
		}
	}
	for i, css := range evilCSS {
		for j, wrap := range sheetWraps {
			add("css", i, j, strings.ReplaceAll(wrap, "%s", strings.ReplaceAll(css, `"`, "&quot;")))
			if strings.Contains(css, `"`) {
				add("css-raw", i, j, strings.ReplaceAll(wrap, "%s", css))
			}
		}
	}
	for i, part := range parts {
		for j, context := range contexts {
			add("part", i, j, strings.ReplaceAll(context, "%s", part))
		}
	}
	return list
}

func TestHostileVectors(t *testing.T) {
	distinct := map[string]bool{}
	for _, v := range hostileVectors() {
		if distinct[v.html] {
			continue
		}
		distinct[v.html] = true
		d, err := Mail(v.html, MailOptions{CID: testCID})
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		t.Run(v.name, func(t *testing.T) { checkDocument(t, d.HTML) })
		if v.keeps && !strings.Contains(bodyOf(d), "keep") {
			t.Errorf("%s: text is lost", v.name)
		}
		for _, bad := range []string{"alert(1)//", "onerror=", "onload="} {
			if _, tags, _ := strings.Cut(d.HTML, "</head>"); strings.Contains(strings.ToLower(inTags(tags)), bad) {
				t.Errorf("%s: %q in a tag: %.300s", v.name, bad, tags)
			}
		}
	}
	if len(distinct) < 1000 {
		t.Errorf("only %d distinct vectors", len(distinct))
	}
	t.Logf("%d distinct vectors", len(distinct))
}

// TestLayersAlone takes one of the two passes away: the walk alone keeps every
// promise, and bluemonday alone keeps those about elements, attributes and URLs.
func TestLayersAlone(t *testing.T) {
	for _, v := range hostileVectors() {
		root, err := parseTree(v.html)
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		w := newWalker(MailOptions{CID: testCID})
		w.walk(root)
		t.Run("walk/"+v.name, func(t *testing.T) {
			checkDocument(t, document(w.out.String(), w.sheets.String()+w.body, false))
		})
		t.Run("policy/"+v.name, func(t *testing.T) {
			raw := strings.ToValidUTF8(v.html[:min(len(v.html), 1200)], "")
			_, body := split(reparse(t, "<!doctype html>"+policy.Sanitize(raw)))
			for _, n := range nodes(body) {
				if n.Type == html.ElementNode {
					checkPolicyNode(t, n)
				}
			}
		})
	}
}

// checkPolicyNode leaves out what only the walk does: styles, target and rel.
func checkPolicyNode(t *testing.T, n *html.Node) {
	t.Helper()
	if forbidden[n.Data] || n.Namespace != "" {
		t.Errorf("element %s:%s is left", n.Namespace, n.Data)
	}
	for _, a := range n.Attr {
		low := strings.ToLower(a.Val)
		switch {
		case !allowedAttributes[a.Key]:
			t.Errorf("attribute %s is left", a.Key)
		case a.Key == "href" && !webRE.MatchString(low) && !strings.HasPrefix(low, "mailto:") && !strings.HasPrefix(low, "tel:"):
			t.Errorf("href=%.100q", a.Val)
		case a.Key == "src" && !strings.HasPrefix(low, "data:image/") && (!strings.HasPrefix(low, "/") || strings.HasPrefix(low, "//")):
			t.Errorf("src=%.100q", a.Val)
		case a.Key == "src" && strings.HasPrefix(low, "data:image/svg"):
			t.Errorf("src=%.100q", a.Val)
		}
	}
}

// inTags returns what stands inside of tags, without attribute values.
func inTags(s string) string {
	var b strings.Builder
	tag, quote := false, false
	for _, r := range s {
		switch {
		case r == '"' && tag:
			quote = !quote
		case r == '<' && !quote:
			tag = true
		case r == '>' && !quote:
			tag = false
		case tag && !quote:
			b.WriteRune(r)
		}
	}
	return b.String()
}
