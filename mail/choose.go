package mail

import "strings"

// Limits of the tree that Choose looks at. A structure with more is no letter
// but an attack or an accident, and the rest of it is not shown.
const (
	maxDepth = 20
	maxParts = 500
)

// maxNamedText is the size above which a text that has a file name is offered as
// a file instead of being shown.
const maxNamedText = 256 << 10

// Choose decides what of a message is shown and what is offered, by its
// structure alone. There is this one decision for the list's paper clip, the
// page, and whatever comes later, so that they cannot disagree.
//
// Of a multipart/alternative the richest child that can be shown is taken (HTML,
// then enriched, then plain text; the later of equals); the texts of the others
// are dropped, their files are kept. The text parts of any other multipart are
// shown in order. Nested messages are attachments and not looked into.
func Choose(root Part) Body {
	c := chooser{rank: byRichness}
	c.walk(root, setting{})
	return c.body()
}

// PreviewPart is the text part whose beginning makes the best preview: the plain
// text of an alternative where there is one, because the first bytes of an HTML
// part are usually its style sheet. ok is false when no text is shown.
func PreviewPart(root Part) (p Part, ok bool) {
	c := chooser{rank: byPlainness, firstOfEqual: true}
	c.walk(root, setting{})
	b := c.body()
	if len(b.Shown) == 0 {
		return Part{}, false
	}
	return b.Shown[0], true
}

// Resolve settles what the structure left open, when the HTML is at hand: an
// inline image that no shown part refers to becomes an attachment, so that it is
// not lost to the reader.
func (b Body) Resolve(refers func(Part) bool) Body {
	var inline []Part
	attachments := b.Attachments[:len(b.Attachments):len(b.Attachments)]
	for _, p := range b.Inline {
		if refers(p) {
			inline = append(inline, p)
		} else {
			attachments = append(attachments, p)
		}
	}
	b.Inline, b.Attachments = inline, attachments
	return b
}

// rank says how much a displayable type is wanted in an alternative; 0 is never.
type rank func(mimeType string) int

func byRichness(t string) int {
	switch t {
	case "text/html":
		return 3
	case "text/enriched", "text/richtext":
		return 2
	case "text/plain":
		return 1
	}
	return 0
}

func byPlainness(t string) int {
	if t == "text/plain" {
		return 4
	}
	return byRichness(t)
}

// class is where a leaf goes.
type class int

const (
	classShown class = iota
	classAttachment
	classImage  // inline if HTML is shown, else an attachment
	classHidden // technical
	classReport // hidden, unless there is nothing else to show
	classDropped
)

// setting is what the surroundings of a part say about it.
type setting struct {
	depth   int
	related bool // inside a multipart/related, beside its root
	branch  bool // inside an alternative
	passed  bool // inside a child of an alternative that was not chosen
}

type chooser struct {
	rank         rank
	firstOfEqual bool // of equal alternatives the first is taken, not the last
	leaves       []leaf
}

type leaf struct {
	part  Part
	class class
}

func (c *chooser) walk(p Part, in setting) {
	if in.depth > maxDepth || len(c.leaves) >= maxParts {
		return
	}
	if !p.IsMultipart() {
		c.leaves = append(c.leaves, leaf{p, c.classify(p, in)})
		return
	}
	in.depth++
	switch p.Type {
	case "multipart/alternative":
		c.alternative(p, in)
	case "multipart/related":
		c.related(p, in)
	default:
		for _, child := range p.Children {
			c.walk(child, in)
		}
	}
}

func (c *chooser) alternative(p Part, in setting) {
	best, at := 0, -1
	for i, child := range p.Children {
		if r := c.best(child, in.depth); r > best || r == best && r > 0 && !c.firstOfEqual {
			best, at = r, i
		}
	}
	in.branch = true
	passed := in
	passed.passed = true
	for i, child := range p.Children {
		if i == at {
			c.walk(child, in)
		} else {
			c.walk(child, passed)
		}
	}
}

// related walks the root of a multipart/related, which is its first child that
// can be shown (RFC 2387 says the first; a few senders put the images there), and
// then what it refers to.
func (c *chooser) related(p Part, in setting) {
	root := 0
	for i, child := range p.Children {
		if c.best(child, in.depth) > 0 {
			root = i
			break
		}
	}
	beside := in
	beside.related = true
	for i, child := range p.Children {
		if i == root {
			c.walk(child, in)
		} else {
			c.walk(child, beside)
		}
	}
}

// best is the highest rank of the texts that walking p would show.
func (c *chooser) best(p Part, depth int) int {
	if depth > maxDepth {
		return 0
	}
	if !p.IsMultipart() {
		if isBodyText(p) {
			return c.rank(textType(p))
		}
		return 0
	}
	best := 0
	for _, child := range p.Children {
		best = max(best, c.best(child, depth+1))
	}
	return best
}

func (c *chooser) classify(p Part, in setting) class {
	switch {
	case isBodyText(p) && !(in.related && referable(p)):
		if in.passed {
			return classDropped
		}
		return classShown
	case p.Size == 0 && p.Name == "" && byRichness(textType(p)) > 0:
		return classDropped // an empty text is neither worth showing nor a file
	case in.branch && (p.Type == "text/watch-html" || p.Type == "text/x-amp-html"):
		return classDropped
	case isImage(p) && referable(p) && (in.related || p.Disposition != "attachment"):
		return classImage
	}
	return technical(p)
}

// technical classes the leaves that only programs read.
func technical(p Part) class {
	switch p.Type {
	case "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
		"application/applefile":
		return classHidden
	case "message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
		"message/global-disposition-notification", "message/feedback-report",
		"text/rfc822-headers", "message/global-headers":
		return classReport
	}
	return classAttachment
}

// isBodyText reports a part that reads as part of the letter.
func isBodyText(p Part) bool {
	return byRichness(textType(p)) > 0 && p.Size > 0 && p.Disposition != "attachment" &&
		(p.Name == "" || p.Size <= maxNamedText)
}

// textType is the type of a part; one without a type is plain text (RFC 2045
// section 5.2).
func textType(p Part) string {
	if p.Type == "" {
		return "text/plain"
	}
	return p.Type
}

func isImage(p Part) bool { return strings.HasPrefix(p.Type, "image/") }

// referable reports a part that HTML can refer to.
func referable(p Part) bool { return p.ContentID != "" || p.Location != "" }

// body sorts the leaves, in their order, into the lists of a Body.
func (c *chooser) body() Body {
	var b Body
	html := false
	for _, l := range c.leaves {
		if l.class == classShown {
			b.Shown = append(b.Shown, l.part)
			html = html || l.part.Type == "text/html"
		}
	}
	bare := len(b.Shown) == 0
	for _, l := range c.leaves {
		switch {
		case l.class == classImage && html:
			b.Inline = append(b.Inline, l.part)
		case l.class == classImage, l.class == classAttachment:
			b.Attachments = append(b.Attachments, l.part)
		case l.class == classReport && bare:
			b.Shown = append(b.Shown, l.part)
		case l.class == classReport, l.class == classHidden:
			b.Hidden = append(b.Hidden, l.part)
		}
	}
	return b
}
