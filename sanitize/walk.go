package sanitize

import (
	"strings"

	"golang.org/x/net/html"
)

const (
	maxAttr   = 1 << 10 // bytes of an attribute that is not a URL or a style
	maxOutput = 4 << 20 // bytes of the written body
)

// walker writes the allowed part of a parsed mail.
type walker struct {
	opts    MailOptions
	out     strings.Builder
	sheets  strings.Builder // the mail's style elements, written anew
	body    string          // the rule made of the body element's attributes
	css     styles
	blocked int
}

func newWalker(o MailOptions) *walker {
	w := &walker{opts: o}
	w.css.blocked = func(n int) { w.blocked += n }
	return w
}

// walk visits the tree below root in document order. It holds no stack: the
// sender decides how deep the tree is. It reports false when the output limit
// is reached.
func (w *walker) walk(root *html.Node) bool {
	n := root
	for {
		if w.enter(n) && n.FirstChild != nil {
			n = n.FirstChild
			continue
		}
		for {
			w.leave(n)
			if n == root {
				return true
			}
			if n.NextSibling != nil {
				break
			}
			n = n.Parent
		}
		if w.out.Len() > maxOutput {
			return false
		}
		n = n.NextSibling
	}
}

// enter writes a text or a start tag and reports whether the children follow.
func (w *walker) enter(n *html.Node) bool {
	switch n.Type {
	case html.TextNode:
		w.out.WriteString(html.EscapeString(n.Data))
		return false
	case html.ElementNode:
	default:
		return n.Type == html.DocumentNode
	}
	if n.Data == "style" && n.Namespace == "" {
		w.style(n)
	}
	if n.Namespace != "" || dropped[n.Data] {
		return false
	}
	w.countBackground(n)
	if tag := tag(n); tag != "" {
		w.startTag(n, tag)
	}
	return true
}

// leave writes the end tag of what enter has opened.
func (w *walker) leave(n *html.Node) {
	if tag := tag(n); tag != "" && !void[tag] {
		w.out.WriteString("</" + tag + ">")
	}
}

// tag returns the name under which an element is written, or "". The body
// becomes a div, so that its classes survive.
func tag(n *html.Node) string {
	switch {
	case n.Type != html.ElementNode || n.Namespace != "":
		return ""
	case n.Data == "body":
		return "div"
	case allowed[n.Data]:
		return n.Data
	}
	return ""
}

// style collects a style element, in the order of the document.
func (w *walker) style(n *html.Node) {
	kind := strings.ToLower(strings.TrimSpace(attr(n, "type")))
	if kind != "" && kind != "text/css" {
		return
	}
	var text strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			text.WriteString(c.Data)
		}
	}
	w.sheets.WriteString(w.css.sheet(text.String(), attr(n, "media")))
}

// attr returns the first attribute of a name, or "".
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// countBackground counts the picture of the old background attribute, which is
// never written.
func (w *walker) countBackground(n *html.Node) {
	if isRemote(trimURL(attr(n, "background"))) {
		w.blocked++
	}
}

func (w *walker) startTag(n *html.Node, name string) {
	w.out.WriteString("<" + name)
	for i, a := range n.Attr {
		re := attributes[a.Key]
		if re == nil || a.Namespace != "" || writtenApart(n, a.Key) || repeated(n.Attr[:i], a.Key) {
			continue
		}
		val := normal(a.Key, a.Val)
		if len(val) <= maxAttr && re.MatchString(val) && (val != "" || a.Key == "nowrap") {
			w.attribute(a.Key, val)
		}
	}
	if n.Data == "body" {
		w.bodyStyle(n)
	} else if style := w.css.inline(attr(n, "style")); style != "" {
		w.attribute("style", style)
	}
	switch name {
	case "a":
		if href, ok := link(attr(n, "href")); ok {
			w.attribute("href", href)
			w.attribute("rel", linkRel)
			w.attribute("target", linkTarget)
		}
	case "img":
		w.picture(n)
	}
	w.out.WriteByte('>')
	if first := n.FirstChild; name == "pre" && first != nil && strings.HasPrefix(first.Data, "\n") {
		w.out.WriteByte('\n') // parsers drop the first line end in a pre
	}
}

// writtenApart are the attributes that bodyStyle and picture take care of.
func writtenApart(n *html.Node, name string) bool {
	return name == "alt" && n.Data == "img" || name == "bgcolor" && n.Data == "body"
}

// repeated reports whether a name stands among earlier attributes; parsers take
// the first. No honest tag has more than 32 attributes, and looking further
// would take quadratic time.
func repeated(before []html.Attribute, name string) bool {
	for _, a := range before[:min(len(before), 32)] {
		if a.Key == name {
			return true
		}
	}
	return len(before) >= 32
}

func (w *walker) attribute(name, val string) {
	w.out.WriteString(" " + name + `="` + html.EscapeString(val) + `"`)
}

// normal brings an attribute's value into the form that its expression wants.
func normal(name, val string) string {
	switch name {
	case "title", "alt":
		return printable(val)
	case "class":
		return classNames(val)
	case "align", "valign", "dir", "role", "nowrap":
		val = strings.ToLower(val)
	case "width", "height", "border", "cellpadding", "cellspacing":
		val = strings.TrimSuffix(strings.ReplaceAll(val, " ", ""), ";")
	}
	return strings.TrimSpace(val)
}

// printable folds white space and drops control characters; over-long text is
// cut.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s[:min(len(s), maxAttr)])
	return strings.ToValidUTF8(strings.TrimSpace(s), "")
}

// classNames keeps the names that a selector of ours could spell.
func classNames(s string) string {
	if classRE.MatchString(s) {
		return strings.TrimSpace(s)
	}
	var keep []string
	for _, name := range strings.Fields(s) {
		if classRE.MatchString(name) {
			keep = append(keep, name)
		}
	}
	return strings.Join(keep, " ")
}

// bodyStyle is the look that the body element asks for by its attributes, as a
// rule: on the div that it is written as, a background would end short of the
// frame's edge and a margin of 0 would change nothing.
func (w *walker) bodyStyle(n *html.Node) {
	style := ""
	if c := attr(n, "bgcolor"); c != "" {
		style += w.css.inline("background-color:" + c)
	}
	if c := attr(n, "text"); c != "" {
		style += w.css.inline("color:" + c)
	}
	if style += w.css.inline(attr(n, "style")); style != "" {
		w.body = "body{" + style + "}"
	}
}

// picture writes src and alt of an img. Without a src a browser draws a box of
// the picture's size with the alternative text: the placeholder.
func (w *walker) picture(n *html.Node) {
	w.attribute("alt", normal("alt", attr(n, "alt")))
	src := trimURL(attr(n, "src"))
	if src == "" {
		src, _, _ = strings.Cut(trimURL(attr(n, "srcset")), " ")
	}
	if len(src) >= 5 && strings.EqualFold(src[:5], "data:") {
		if src, ok := dataImage(src); ok {
			w.attribute("src", src)
		}
		return
	}
	if path, ok := w.ownPicture(src); ok {
		w.attribute("src", path)
		return
	}
	if isRemote(src) {
		w.blocked++
	}
}

// ownPicture asks for the part of the message that a picture refers to.
func (w *walker) ownPicture(src string) (string, bool) {
	if src == "" || w.opts.CID == nil || len(src) > maxURL {
		return "", false
	}
	id := src
	if len(src) > 4 && strings.EqualFold(src[:4], "cid:") {
		id = contentID(src[4:])
	}
	path, ok := w.opts.CID(id)
	return path, ok && ownPath(path)
}
