package sanitize

import (
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
)

// allowed are the elements that a mail may hold; see walker.tag.
var allowed = set(strings.Fields(`
	a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del
	details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark
	nav nobr ol p pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th
	thead time tr tt u ul var wbr
`)...)

// void elements have no content and no end tag.
var void = set("br", "col", "hr", "img", "wbr")

// dropped are the elements that go with everything in them. What is in neither
// table goes alone, and its content stays.
var dropped = set(strings.Fields(`
	script style svg math iframe frame frameset object embed applet template noscript noembed noframes xmp plaintext
	title textarea select audio video canvas dialog
`)...)

// The expressions say what an attribute's value looks like. walk.go writes
// nothing else; bluemonday, as the last step, lets nothing else through.
var (
	styleRE    = regexp.MustCompile(`^[^<>\\@{}&\x00-\x1f\x60]*$`)
	classRE    = regexp.MustCompile(`^[A-Za-z0-9_ -]+$`)
	dirRE      = regexp.MustCompile(`^(?:ltr|rtl|auto)$`)
	langRE     = regexp.MustCompile(`^[A-Za-z0-9-]{1,35}$`)
	alignRE    = regexp.MustCompile(`^(?:left|right|center|justify|top|middle|bottom|baseline|absmiddle|char)$`)
	sizeRE     = regexp.MustCompile(`^[0-9]{1,5}(?:\.[0-9]{1,4})?(?:%|px)?$`)
	colourRE   = regexp.MustCompile(`^#?[A-Za-z0-9]{1,32}$`)
	faceRE     = regexp.MustCompile(`^[\pL\pN ,.'_-]{1,256}$`)
	fontSizeRE = regexp.MustCompile(`^[+-]?[0-9]{1,3}$`)
	numberRE   = regexp.MustCompile(`^-?[0-9]{1,5}$`)
	nowrapRE   = regexp.MustCompile(`^(?:nowrap)?$`)
	roleRE     = regexp.MustCompile(`^(?:presentation|none|article|img|list|listitem|separator|heading)$`)
	textRE     = regexp.MustCompile(`^[^\x00-\x1f]*$`)
	hrefRE     = regexp.MustCompile("^(?:https?://[^/?#]|mailto:|tel:)[^\\x00-\\x20\"<>\\\\^`{|}]*$")
	ownPathRE  = regexp.MustCompile(`^/(?:[A-Za-z0-9_.~%?=&;+:@,-][A-Za-z0-9_.~%?=&;+:@,/-]*)?$`)
	srcRE      = regexp.MustCompile(`^(?:/(?:[A-Za-z0-9_.~%?=&;+:@,-][A-Za-z0-9_.~%?=&;+:@,/-]*)?|data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+)$`)
)

// attributes that any element may carry. href and src are handled apart.
var attributes = map[string]*regexp.Regexp{
	"class": classRE, "dir": dirRE, "lang": langRE, "title": textRE, "alt": textRE,
	"align": alignRE, "valign": alignRE, "width": sizeRE, "height": sizeRE, "bgcolor": colourRE, "color": colourRE,
	"face": faceRE, "size": fontSizeRE, "border": sizeRE, "cellpadding": sizeRE, "cellspacing": sizeRE,
	"colspan": numberRE, "rowspan": numberRE, "nowrap": nowrapRE, "role": roleRE, "start": numberRE,
}

const (
	linkTarget = "_blank"
	linkRel    = "noopener noreferrer nofollow"
)

// policy is the last step of Mail: a second opinion that shares nothing with the
// walk but the tables above. A Policy is safe for concurrent use once built.
var policy = newPolicy()

func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	names := make([]string, 0, len(allowed))
	for name := range allowed {
		names = append(names, name)
	}
	p.AllowElements(names...)
	p.AllowNoAttrs().OnElements(names...)
	for name, re := range attributes {
		p.AllowAttrs(name).Matching(re).Globally()
	}
	p.AllowAttrs("style").Matching(styleRE).Globally()
	p.AllowAttrs("href").Matching(hrefRE).OnElements("a")
	p.AllowAttrs("target").Matching(regexp.MustCompile("^" + linkTarget + "$")).OnElements("a")
	p.AllowAttrs("rel").Matching(regexp.MustCompile("^" + linkRel + "$")).OnElements("a")
	p.AllowAttrs("src").Matching(srcRE).OnElements("img")
	return p
}
