package browser

import (
	"fmt"
	"strings"
)

// The hostile set. In a body, RUN is a statement that says "I ran" to every
// window it can reach and to the canary; LEAK is an address that nobody may fetch;
// CLICK is an address that only a click may open.

// events run when something happens to an element, mostly by itself.
var events = []string{
	`<img src=x: onerror="RUN">`, `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onload="RUN">`, `<IMG SRC=x: ONERROR=RUN>`,
	`<img/src=x:/onerror=RUN>`, "<img\x0csrc=x:\x0conerror=RUN>", `<img src=x: onerror=RUN//`, `<img src=x:` + "\n" + `onerror="RUN">`,
	`<body onload="RUN">`, `<body onpageshow="RUN">`, `<svg onload="RUN">`, `<svg/onload=RUN>`, `<style onload="RUN"></style>`, `<iframe onload="RUN"></iframe>`,
	`<iframe src="about:blank" onload="RUN"></iframe>`, `<object data="x:" onerror="RUN"></object>`, `<embed src="data:text/html,x" onload="RUN">`,
	`<input autofocus onfocus="RUN">`, `<textarea autofocus onfocus="RUN"></textarea>`, `<select autofocus onfocus="RUN"></select>`, `<button autofocus onfocus="RUN">x</button>`,
	`<a tabindex=0 autofocus onfocus="RUN">x</a>`, `<div contenteditable autofocus onfocus="RUN">x</div>`, `<details open ontoggle="RUN">x</details>`,
	`<video src="x:" onerror="RUN"></video>`, `<video><source src="x:" onerror="RUN"></video>`, `<audio src="x:" onerror="RUN"></audio>`, `<video onloadstart="RUN" src="data:video/mp4,x"></video>`,
	`<link rel=stylesheet href="data:text/css,x" onload="RUN">`, `<link rel=stylesheet href="x:" onerror="RUN">`, `<input type=image src="x:" onerror="RUN">`,
	`<style>@keyframes k{}</style><p style="animation:k 1ms" onanimationstart="RUN">x</p>`, `<style>@keyframes k{}</style><p style="animation:k 1ms" onanimationend="RUN">x</p>`,
	`<svg><animate onbegin="RUN" attributeName=x dur=1s></svg>`, `<svg><set onbegin="RUN" attributeName=x></svg>`, `<svg><image href="x:" onerror="RUN"></svg>`,
	`<svg><script>RUN</script></svg>`, `<svg><style onload="RUN"></style></svg>`, `<svg><foreignObject><img src=x: onerror="RUN"></foreignObject></svg>`,
	`<p onmouseover="RUN" style="font-size:90px">hover</p>`, `<p onpointerenter="RUN" style="font-size:90px">hover</p>`, `<p onclick="RUN" style="font-size:90px">click</p>`,
	`<a onclick="RUN" href="#x">click</a>`, `<label for=q onclick="RUN">click</label><input id=q>`, `<marquee onstart="RUN">x</marquee>`, `<img src=x: hx-on:error="RUN" hx-get="LEAK" hx-trigger="load">`,
	`<div data-hx-get="LEAK" data-hx-trigger="load" data-hx-on:click="RUN">x</div>`,
}

// scripts are elements that are scripts, or make one.
var scripts = []string{
	`<script>RUN</script>`, `<SCRIPT>RUN</SCRIPT>`, `<script src="LEAK"></script>`, `<script/x>RUN</script>`, `<script type=module>RUN</script>`, `<scr<script>ipt>RUN</script>`,
	`<script>RUN`, `<script src="data:text/javascript,RUN"></script>`, `<script><!-->RUN</script>`, `<noscript><p title="</noscript><img src=x: onerror=RUN>"></noscript>`,
	`<template><script>RUN</script></template>`, `<math><script>RUN</script></math>`, `<svg><script href="data:text/javascript,RUN"/></svg>`, `<svg><script xlink:href="LEAK"/></svg>`,
	`<iframe srcdoc="<script>RUN</script>"></iframe>`, `<iframe srcdoc="&lt;img src=x: onerror=RUN&gt;"></iframe>`, `<iframe src="javascript:RUN"></iframe>`,
	`<iframe src="data:text/html,<script>RUN</script>"></iframe>`, `<object data="javascript:RUN"></object>`, `<object data="data:text/html,<script>RUN</script>"></object>`,
	`<embed src="javascript:RUN">`, `<embed src="data:text/html,<script>RUN</script>">`, `<frameset><frame src="javascript:RUN"></frameset>`, `<meta http-equiv=refresh content="0;url=javascript:RUN">`,
	`<meta http-equiv=refresh content="0;url=data:text/html,<script>RUN</script>">`, `<meta http-equiv=Content-Type content="text/html;charset=utf-7">+ADw-script+AD4-RUN+ADw-/script+AD4-`,
	`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>RUN</script></html>`, `<link rel=import href="data:text/html,<script>RUN</script>">`,
	`<portal src="javascript:RUN"></portal>`, `<div><template shadowrootmode=open><img src=x: onerror="RUN"></template></div>`,
}

// links need a click.
var links = []string{
	`<a href="javascript:RUN">click</a>`, `<a href="JaVaScRiPt:RUN">click</a>`, "<a href=\"java\tscript:RUN\">click</a>", "<a href=\"java\nscript:RUN\">click</a>", "<a href=\"\x01javascript:RUN\">click</a>",
	`<a href="&#106;avascript:RUN">click</a>`, `<a href="javascript&colon;RUN">click</a>`, `<a href="java&Tab;script:RUN">click</a>`, `<a href="javascript:RUN" target=_blank>click</a>`,
	`<a href="javascript:RUN" target=_top>click</a>`, `<a href="javascript:RUN" target=_parent>click</a>`, `<a href="javascript:RUN" rel=opener target=x>click</a>`,
	`<a href="data:text/html,<script>RUN</script>">click</a>`, `<a href="vbscript:RUN">click</a>`, `<svg><a href="javascript:RUN"><text y=20>click</text></a></svg>`, `<svg><a xlink:href="javascript:RUN"><text y=20>click</text></a></svg>`,
	`<math href="javascript:RUN">click</math>`, `<math><mtext href="javascript:RUN">click</mtext></math>`, `<form action="javascript:RUN"><button>click</button></form>`, `<form><button formaction="javascript:RUN">click</button></form>`,
	`<form action="LEAK"><input type=submit value=click></form>`, `<form action="LEAK" target=_top><button>click</button></form>`, `<form id=f action="LEAK"></form><button form=f>click</button>`,
	`<form method=dialog><button formaction="LEAK" formmethod=get>click</button></form>`, `<a href="CLICK" ping="LEAK">click</a>`, `<a href="CLICK" target=_top>click</a>`, `<a href="CLICK" target=_parent>click</a>`,
	`<a href="CLICK" target=_self>click</a>`, `<a href="CLICK" rel=opener target=_blank>click</a>`, `<base target=_top><a href="CLICK">click</a>`, `<map name=m><area shape=default href="javascript:RUN"></map><img usemap=#m width=90 height=40 alt=click>`,
	`<a href="CLICK" download>click</a>`, `<base href="javascript:RUN//"><a href="#">click</a>`, `<a href="CLICK" style="position:fixed;inset:0;z-index:9">click</a>`, `<a href="/logout">click</a>`, `<a href="//127.0.0.1/x">click</a>`,
	`<details><summary onclick="RUN">click</summary>x</details>`, `<input type=checkbox onchange="RUN">`, `<button popovertarget=p>click</button><div id=p popover onbeforetoggle="RUN">x</div>`, `<button command=show-modal commandfor=d>click</button><dialog id=d ontoggle="RUN">x</dialog>`,
}

// loads fetch something as soon as they are seen.
var loads = []string{
	`<img src="LEAK">`, `<img srcset="LEAK 1x">`, `<img src=x: srcset="LEAK 100w" sizes=100vw>`, `<picture><source srcset="LEAK"><img></picture>`, `<img loading=lazy src="LEAK">`, `<img lowsrc="LEAK" dynsrc="LEAK">`,
	`<image src="LEAK">`, `<input type=image src="LEAK">`, `<video poster="LEAK"></video>`, `<video src="LEAK" autoplay></video>`, `<video><source src="LEAK"></video>`, `<audio src="LEAK" autoplay></audio>`,
	`<video src="data:video/mp4,x"><track default src="LEAK"></video>`, `<object data="LEAK"></object>`, `<embed src="LEAK">`, `<iframe src="LEAK"></iframe>`, `<frameset><frame src="LEAK"></frameset>`,
	`<link rel=stylesheet href="LEAK">`, `<link rel="shortcut icon" href="LEAK">`, `<link rel=prefetch href="LEAK">`, `<link rel=preload as=image href="LEAK">`, `<link rel=modulepreload href="LEAK">`, `<link rel=manifest href="LEAK">`,
	`<link rel=prerender href="LEAK">`, `<meta http-equiv=refresh content="0;url=LEAK">`, `<meta http-equiv=Link content="<LEAK>;rel=preload;as=image">`, `<body background="LEAK">`, `<table background="LEAK"><tr><td>x</table>`,
	`<table><tr><td background="LEAK">x</table>`, `<base href="LEAK/"><img src=x.png>`, `<svg><image href="LEAK"></svg>`, `<svg><image xlink:href="LEAK"></svg>`, `<svg><use href="LEAK#x"></svg>`,
	`<svg><filter id=f><feImage href="LEAK"/></filter><rect width=9 height=9 filter="url(#f)"></svg>`, `<svg><rect width=9 height=9 fill="url(LEAK#x)"></svg>`, `<svg><style>@import "LEAK";</style></svg>`,
	`<svg><animate attributeName=href values="LEAK"><image id=i><animate href=#i attributeName=href values="LEAK"></svg>`, `<math><style>@import "LEAK";</style></math>`, `<bgsound src="LEAK">`, `<script type=speculationrules>{"prefetch":[{"source":"list","urls":["LEAK"]}]}</script>`,
	`<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='LEAK'/></svg>">`, `<img style="background:url(LEAK)">`, `<img attributionsrc="LEAK" src=x:>`, `<div style='background:url("LEAK")'>x</div>`,
}

// styles are declarations that fetch.
var styles = []string{
	`background:url(LEAK)`, `background-image:url('LEAK')`, `background:URL(LEAK)`, `background:u\72l(LEAK)`, `background:\75 rl(LEAK)`, `background:url(LEAK`, `background:url("LEAK`, `background:image-set("LEAK" 1x)`,
	`background:-webkit-image-set(url(LEAK) 1x)`, `background:cross-fade(url(LEAK),url(LEAK))`, `list-style:url(LEAK);display:list-item`, `list-style-image:url(LEAK);display:list-item`, `border-image:url(LEAK) 1`, `border-image-source:url(LEAK)`,
	`cursor:url(LEAK),auto`, `mask:url(LEAK)`, `-webkit-mask-image:url(LEAK)`, `filter:url(LEAK#x)`, `clip-path:url(LEAK#x)`, `shape-outside:url(LEAK);float:left`, `content:url(LEAK)`, `--x:url(LEAK);background:var(--x)`, `background:/**/url(/**/LEAK)`,
	`color:red;/*`, `background:red!important;background:url(LEAK)!important`, `background:linear-gradient(red,blue),url(LEAK)`, `offset-path:url(LEAK)`, `background:src("LEAK")`,
}

// sheets are style sheets that fetch, or reach out of the message.
var sheets = []string{
	`@import "LEAK";`, `@import url(LEAK);`, `@import'LEAK';`, `@\69mport "LEAK";`, `@import/**/"LEAK";`, `@charset "x";@import "LEAK" screen;`, `@import "LEAK" layer(x) supports(color:red);`,
	`@font-face{font-family:x;src:url(LEAK)}p{font-family:x}`, `p{background:url(LEAK)}`, `p:hover{background:url(LEAK)}`, `p::before{content:url(LEAK)}`, `p::after{content:"x";background:url(LEAK)}`, `p::first-line{background:url(LEAK)}`, `p::marker{content:url(LEAK)}p{display:list-item}`,
	`@media screen{p{background:url(LEAK)}}`, `@supports (color:red){p{background:url(LEAK)}}`, `@layer x{p{background:url(LEAK)}}`, `@container (width>0){p{background:url(LEAK)}}`, `@scope(body){p{background:url(LEAK)}}`, `p{&{background:url(LEAK)}}`,
	`html{background:url(LEAK)}`, `:root{--u:url(LEAK)}p{background:var(--u)}`, `@property --u{syntax:"<image>";inherits:true;initial-value:url(LEAK)}p{background:var(--u)}`, `@keyframes k{from{background:url(LEAK)}}p{animation:k 9s}`, `</style><img src=x: onerror=RUN>`, `<!--</style><img src=x: onerror=RUN>-->`,
	`@counter-style c{system:cyclic;symbols:url(LEAK)}ol{list-style:c}`, `p{background:url(LEAK`, `}p{background:url(LEAK)}{`, `@namespace x url(LEAK);`, `@page{background:url(LEAK)}`, `@document url(LEAK){p{color:red}}`, `@view-transition{navigation:auto}p{mask:url(LEAK)}`,
}

// mutations are read by one parser as harmless and by the next one otherwise.
var mutations = []string{
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x: onerror=RUN&gt;">`, `<form><math><mtext></form><form><mglyph><style></math><img src=x: onerror=RUN>`,
	`<svg></p><style><a id="</style><img src=x: onerror=RUN>">`, `<svg><style><img title="</style><img src=x: onerror=RUN>">`, `<math><annotation-xml encoding="text/html"><style><img title="</style><img src=x: onerror=RUN>"></style></annotation-xml></math>`,
	`<svg><title><style><img title="</style></title><img src=x: onerror=RUN>">`, `<svg><desc><noscript><img title="</noscript><img src=x: onerror=RUN>">`, `<noscript><style></noscript><img src=x: onerror=RUN></style>`, `<xmp><p title="</xmp><img src=x: onerror=RUN>">`,
	`<noembed><p title="</noembed><img src=x: onerror=RUN>">`, `<noframes><p title="</noframes><img src=x: onerror=RUN>">`, `<textarea><p title="</textarea><img src=x: onerror=RUN>">`, `<title><p title="</title><img src=x: onerror=RUN>">`, `<iframe><p title="</iframe><img src=x: onerror=RUN>">`,
	`<plaintext><img src=x: onerror=RUN>`, `<select><style></select><img src=x: onerror=RUN></style>`, `<table><td><form><input><table><td></form><img src=x: onerror=RUN>`, `<!--><img src=x: onerror=RUN>-->`, `<!---><img src=x: onerror=RUN>-->`, `<!-- --!><img src=x: onerror=RUN>`, `<![CDATA[<img src=x: onerror=RUN>]]>`,
	`<svg><![CDATA[><img src=x: onerror=RUN>]]></svg>`, `<a title="&quot;><img src=x: onerror=RUN>">x</a>`, "<a title=`><img src=x: onerror=RUN>`>x</a>", `<p title='"><img src=x: onerror=RUN>'>x</p>`, `<div title="</div><img src=x: onerror=RUN>">x</div>`, `<listing>&lt;img src=x: onerror=RUN&gt;</listing>`,
	`<?php ?><img src=x: onerror=RUN>`, `</br x><img src=x: onerror=RUN>`, `<b><a><b><table><a><img src=x: onerror=RUN>`, "<img src=x:\x00 onerror=RUN>", "<\x00img src=x: onerror=RUN>", `<img src=x: ""onerror=RUN>`, `<img src=x: =onerror=RUN onerror=RUN>`, `<svg><svg><b><noscript>&lt;/noscript&gt;&lt;img src=x: onerror=RUN&gt;`,
	`<template><template><style></template></template><img src=x: onerror=RUN></style>`, `<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='x:' onerror='RUN'/></svg>#x"></svg>`,
}

// deep is markup that hides its load under a thousand open elements.
func deep() []string {
	return []string{
		strings.Repeat("<div>", 1500) + `<img src=x: onerror="RUN"><img src="LEAK">`, strings.Repeat("<b><i>", 400) + `<script>RUN</script>`,
		strings.Repeat("<svg><g>", 200) + `<image href="LEAK" onerror="RUN">`, strings.Repeat("<table><td>", 150) + `<img src="LEAK">`, strings.Repeat("<font>", 600) + `<style>@import "LEAK";</style>`,
	}
}

// hostile returns the bodies of all messages, with the addresses of the canary
// filled in. The number of a message is its index.
func hostile(canary string) []string {
	var out []string
	for _, all := range [][]string{events, scripts, links, loads, mutations, deep()} {
		out = append(out, all...)
	}
	for _, s := range styles {
		out = append(out, `<p style="`+strings.ReplaceAll(s, `"`, "&quot;")+`">x</p>`)
	}
	for _, s := range sheets {
		out = append(out, `<style>`+s+`</style><p>x</p><ol><li>x</ol>`)
	}
	for i, body := range out {
		// No quotes and no blanks, so that it fits into every kind of attribute.
		run := fmt.Sprintf("try{top.ran=[top.ran]+[,%[1]d]}catch(e){}try{parent.ran=[parent.ran]+[,%[1]d]}catch(e){}new(Image)().src=`%[2]s/ran/%[1]d`", i, canary)
		body = strings.NewReplacer("RUN", run, "LEAK", fmt.Sprintf("%s/leak/%d", canary, i), "CLICK", fmt.Sprintf("%s/click/%d", canary, i)).Replace(body)
		out[i] = fmt.Sprintf("<p>Message %d</p>\n%s", i, body)
	}
	return out
}
