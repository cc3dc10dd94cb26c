package sanitize

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// cidPrefix is where the tests' pictures of a message live.
const cidPrefix = "/m/INBOX/1.2/part/"

// testCID knows the part "logo@mail" and the Content-Location "pic.png".
func testCID(id string) (string, bool) {
	switch id {
	case "logo@mail":
		return cidPrefix + "2", true
	case "pic.png", "http://remote.example/location.png":
		return cidPrefix + "3", true
	case "hostile":
		return "//evil.example/x.png", true
	}
	return "", false
}

// forbidden elements must not be anywhere in a body.
var forbidden = set("script", "svg", "math", "iframe", "frame", "frameset", "object", "embed", "applet", "template",
	"noscript", "noembed", "noframes", "xmp", "plaintext", "title", "textarea", "select", "audio", "video", "canvas", "dialog",
	"form", "input", "button", "label", "link", "meta", "base", "style", "picture", "source", "map", "area", "marquee",
	"portal", "image", "isindex", "keygen", "param", "track", "option", "animate", "set")

// allowedAttributes is written apart from the tables of the code on purpose.
var allowedAttributes = set("style", "class", "dir", "lang", "title", "alt", "align", "valign", "width", "height",
	"bgcolor", "color", "face", "size", "border", "cellpadding", "cellspacing", "colspan", "rowspan", "nowrap", "role",
	"start", "href", "src", "target", "rel")

var (
	cssFunctionRE = regexp.MustCompile(`(?i)([a-z0-9_-]*)\(`)
	cssFunctions  = set("rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp", "",
		"nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type")
	cssPropertyRE = regexp.MustCompile(`(?:^|[{;])([a-zA-Z-]+):`)
	cssAtRE       = regexp.MustCompile(`@[a-zA-Z-]*`)
	webRE         = regexp.MustCompile(`^https?://[^/?#]`)
)

// cssProblem says which promise a style breaks, or "".
func cssProblem(css string) string {
	low := strings.ToLower(css)
	for _, bad := range []string{"url(", "@import", "expression(", "<", "\\", "&", "/*", "*/", "\x00", "image-set", "var("} {
		if strings.Contains(low, bad) {
			return "style holds " + bad
		}
	}
	for _, at := range cssAtRE.FindAllString(low, -1) {
		if at != "@media" {
			return "style holds " + at
		}
	}
	for _, m := range cssFunctionRE.FindAllStringSubmatch(low, -1) {
		if !cssFunctions[m[1]] && m[1] != "and" {
			return "style calls " + m[1]
		}
	}
	for _, bad := range []string{"position", "z-index", "inset", "transform", "animation", "content", "cursor", "filter", "behavior", "-moz-binding", "clip", "mask"} {
		for _, m := range cssPropertyRE.FindAllStringSubmatch(low, -1) {
			if m[1] == bad {
				return "style sets " + bad
			}
		}
	}
	depth, deepest := 0, 0
	for _, r := range css {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		}
		if deepest = max(deepest, depth); depth < 0 {
			break
		}
	}
	if depth != 0 || deepest > maxMedia+1 {
		return fmt.Sprintf("style has unbalanced or deep braces (%d, %d)", depth, deepest)
	}
	return ""
}

// nodes lists a tree in document order, without recursion.
func nodes(root *html.Node) []*html.Node {
	list := []*html.Node{root}
	for i := 0; i < len(list); i++ {
		for c := list[i].FirstChild; c != nil; c = c.NextSibling {
			list = append(list, c)
		}
	}
	return list
}

func render(t testing.TB, n *html.Node) string {
	t.Helper()
	var b strings.Builder
	if err := html.Render(&b, n); err != nil {
		t.Fatalf("render: %v", err)
	}
	return b.String()
}

func reparse(t testing.TB, s string) *html.Node {
	t.Helper()
	n, err := html.ParseWithOptions(strings.NewReader(s), html.ParseOptionEnableScripting(false))
	if err != nil {
		t.Fatalf("output does not parse: %v", err)
	}
	return n
}

// split takes our own head off a parsed document and returns the mail's sheets
// and the body.
func split(root *html.Node) (sheets []string, body *html.Node) {
	for _, n := range nodes(root) {
		switch {
		case n.Type == html.ElementNode && n.Data == "body":
			body = n
		case n.Type == html.ElementNode && n.Data == "style" && n.FirstChild != nil:
			if css := n.FirstChild.Data; css != baseStyle && css != darkStyle {
				sheets = append(sheets, css)
			}
		}
	}
	return sheets, body
}

// checkDocument asserts every promise about what a document must not hold, as
// it is and parsed once more.
func checkDocument(t testing.TB, doc string) {
	t.Helper()
	const start = `<!doctype html><html><head><meta charset=utf-8><meta name=color-scheme content=light>`
	if !strings.HasPrefix(doc, start) {
		t.Errorf("document starts with %.120q", doc)
	}
	checkTree(t, reparse(t, doc))
	once := render(t, reparse(t, doc))
	again := reparse(t, once)
	checkTree(t, again)
	if twice := render(t, again); once != twice {
		t.Errorf("parsing again changes the document:\n%.600s\n%.600s", once, twice)
	}
}

func checkTree(t testing.TB, root *html.Node) {
	t.Helper()
	sheets, body := split(root)
	for _, css := range sheets {
		if p := cssProblem(css); p != "" {
			t.Errorf("%s: %.300q", p, css)
		}
	}
	checkNodes(t, body)
}

func checkNodes(t testing.TB, body *html.Node) {
	t.Helper()
	for _, n := range nodes(body) {
		switch n.Type {
		case html.CommentNode, html.DoctypeNode:
			t.Errorf("a comment or doctype is left: %.80q", n.Data)
		case html.ElementNode:
			if n == body {
				if len(n.Attr) > 0 {
					t.Errorf("our body got attributes: %v", n.Attr)
				}
				continue
			}
			if forbidden[n.Data] || n.Namespace != "" || n.Data == "body" {
				t.Errorf("element %s:%s is left", n.Namespace, n.Data)
			}
			checkAttributes(t, n)
		}
	}
}

func checkAttributes(t testing.TB, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		if !allowedAttributes[a.Key] || a.Namespace != "" {
			t.Errorf("attribute %s of %s is left", a.Key, n.Data)
		}
		switch a.Key {
		case "style":
			if p := cssProblem(a.Val); p != "" || strings.ContainsAny(a.Val, "{}") {
				t.Errorf("%s in style=%.200q", p, a.Val)
			}
		case "src":
			isData := slices.ContainsFunc([]string{"png", "jpeg", "gif", "webp"}, func(kind string) bool {
				return strings.HasPrefix(a.Val, "data:image/"+kind+";base64,")
			})
			if n.Data != "img" || !isData && !strings.HasPrefix(a.Val, cidPrefix) {
				t.Errorf("%s src=%.100q", n.Data, a.Val)
			}
		case "href":
			scheme, _, _ := strings.Cut(a.Val, ":")
			if n.Data != "a" || scheme != "mailto" && scheme != "tel" && !webRE.MatchString(a.Val) {
				t.Errorf("%s href=%.100q", n.Data, a.Val)
			}
			if attr(n, "target") != "_blank" || attr(n, "rel") != "noopener noreferrer nofollow" {
				t.Errorf("link without target or rel: %v", n.Attr)
			}
		case "target", "rel":
			if attr(n, "href") == "" {
				t.Errorf("%s without href", a.Key)
			}
		}
	}
}

// clean runs Mail and checks what must always hold.
func clean(t testing.TB, src string) Document {
	t.Helper()
	d, err := Mail(src, MailOptions{CID: testCID})
	if err != nil {
		t.Fatalf("Mail: %v", err)
	}
	checkDocument(t, d.HTML)
	return d
}

// bodyOf returns what stands between our own body tags.
func bodyOf(d Document) string {
	_, body, _ := strings.Cut(d.HTML, "</head><body>")
	return strings.TrimSuffix(body, "</body></html>")
}
