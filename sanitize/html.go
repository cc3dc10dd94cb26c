package sanitize

import (
	"io"
	"strings"
	"unicode/utf8"

	"oriel/mail"

	"golang.org/x/net/html"
)

// maxInput is how many bytes of an HTML body are shown.
const maxInput = 2 << 20

// HTML is markup that is safe to write unescaped into Oriel's own pages. Only
// this package makes it.
type HTML string

// Document is an HTML body made safe, as a whole document for the sandboxed
// frame.
type Document struct {
	HTML      string
	Blocked   int  // remote images that were replaced
	Truncated bool // the body was longer than the input limit
}

// MailOptions are what Mail needs to know about the message around the body.
type MailOptions struct {
	// CID finds the part that a picture refers to. It gets the Content-ID of a
	// cid: URL, percent-decoded and without angle brackets, or else the URL as
	// it is written, which may be some part's Content-Location. It answers with
	// a path of Oriel's own, such as "/m/INBOX/1.2/part/3". May be nil.
	CID func(id string) (url string, ok bool)
	// Dark inverts the document's colours.
	Dark bool
}

// Mail makes a document of an HTML body, which must be UTF-8. The error is of
// kind mail.TooLarge when the body, though short enough itself, becomes too
// large or too deep to show.
//
// How many run at once and how long one may take is for the caller to limit.
func Mail(src string, o MailOptions) (Document, error) {
	var d Document
	src, d.Truncated = limit(src)
	root, err := parseTree(src)
	if err != nil {
		return Document{}, tooLarge(err)
	}
	w := newWalker(o)
	if !w.walk(root) {
		return Document{}, tooLarge(nil)
	}
	body := policy.Sanitize(w.out.String())
	if len(body) > maxOutput {
		return Document{}, tooLarge(nil)
	}
	// The body is finished: from here on it is only put in its place.
	d.HTML = document(body, w.sheets.String()+w.body, o.Dark)
	d.Blocked = w.blocked
	return d, nil
}

func tooLarge(err error) error {
	return &mail.Error{Kind: mail.TooLarge, Op: "sanitize", Err: err}
}

// limit cuts the input between two characters and makes it valid UTF-8.
func limit(src string) (string, bool) {
	src = strings.TrimPrefix(src, "\ufeff")
	cut := len(src) > maxInput
	if cut {
		end := maxInput
		for end > maxInput-utf8.UTFMax && !utf8.RuneStart(src[end]) {
			end--
		}
		src = src[:end]
	}
	return strings.ToValidUTF8(src, "\ufffd"), cut
}

// parseTree parses a body as a browser without scripts would. The doctype in
// front makes parser and browser read it in the same mode: our document has one.
//
// x/net/html refuses trees deeper than 512. Honest mail gets there by long
// chains of answers, so such a body is flattened and tried once more.
func parseTree(src string) (*html.Node, error) {
	root, err := parseHTML(src)
	if err != nil {
		root, err = parseHTML(flatten(src))
	}
	return root, err
}

func parseHTML(src string) (*html.Node, error) {
	r := io.MultiReader(strings.NewReader("<!DOCTYPE html>"), strings.NewReader(src))
	return html.ParseWithOptions(r, html.ParseOptionEnableScripting(false))
}

// maxNesting is how many elements flatten leaves open. A table is four levels
// of the tree for one counted here.
const maxNesting = 96

// uncounted elements end by themselves or have no end, so a list of them is not
// deep.
var uncounted = set("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
	"wbr", "p", "li", "dt", "dd", "tbody", "thead", "tfoot", "tr", "td", "th", "option", "html", "head", "body")

// flatten drops the tags, not the text, of what is nested too deep.
func flatten(src string) string {
	var b strings.Builder
	depth := 0
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		raw := z.Raw()
		keep := true
		if kind == html.StartTagToken || kind == html.EndTagToken {
			raw = append([]byte(nil), raw...) // TagName lowers the name in place
			if name, _ := z.TagName(); !uncounted[string(name)] {
				if kind == html.StartTagToken {
					depth++
					keep = depth <= maxNesting
				} else {
					keep = depth <= maxNesting
					depth = max(0, depth-1)
				}
			}
		}
		if keep {
			b.Write(raw)
		}
	}
}
