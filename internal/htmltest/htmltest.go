// Package htmltest asks questions about a page by selector, so that tests speak
// of the marks that a page promises and not of how its HTML is laid out.
package htmltest

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Doc is a parsed page or piece of one.
type Doc struct {
	t    testing.TB
	root *html.Node
}

// Node is one element.
type Node struct{ n *html.Node }

// Parse reads a page. What browsers mend is mended here too.
func Parse(t testing.TB, page string) Doc {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatalf("page does not parse: %v", err)
	}
	return Doc{t, root}
}

// All returns the elements that match a selector, in document order. A selector
// is a sequence of steps separated by blanks, each inside the one before; a step
// is tag, .class, #id, [attr] and [attr=value] in any combination.
func (d Doc) All(selector string) []Node {
	d.t.Helper()
	var out []Node
	steps := strings.Fields(selector)
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && matches(n, steps) {
			out = append(out, Node{n})
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(d.root)
	return out
}

// One returns the only element that matches, and fails the test when there is
// another number of them.
func (d Doc) One(selector string) Node {
	d.t.Helper()
	all := d.All(selector)
	if len(all) != 1 {
		d.t.Fatalf("%d elements match %q, want 1", len(all), selector)
	}
	return all[0]
}

// Has reports whether any element matches.
func (d Doc) Has(selector string) bool { d.t.Helper(); return len(d.All(selector)) > 0 }

// In is the document below a node.
func (d Doc) In(n Node) Doc { return Doc{d.t, n.n} }

// Attr is an attribute's value, "" when it is absent.
func (n Node) Attr(name string) string {
	v, _ := n.Lookup(name)
	return v
}

// Lookup is an attribute's value and whether it is there.
func (n Node) Lookup(name string) (string, bool) {
	for _, a := range n.n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// Text is the text of the element with white space folded.
func (n Node) Text() string {
	var b strings.Builder
	for c := range n.n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// matches reports whether n matches the last step and its ancestors the others.
func matches(n *html.Node, steps []string) bool {
	if !matchesStep(n, steps[len(steps)-1]) {
		return false
	}
	rest := steps[:len(steps)-1]
	for a := n.Parent; a != nil && len(rest) > 0; a = a.Parent {
		if a.Type == html.ElementNode && matchesStep(a, rest[len(rest)-1]) {
			rest = rest[:len(rest)-1]
		}
	}
	return len(rest) == 0
}

func matchesStep(n *html.Node, step string) bool {
	node := Node{n}
	for len(step) > 0 {
		end := strings.IndexAny(step[1:], ".#[") + 1
		if step[0] == '[' {
			end = strings.IndexByte(step, ']') + 1
		}
		if end <= 0 {
			end = len(step)
		}
		part := step[:end]
		step = step[end:]
		switch part[0] {
		case '.':
			if !slices.Contains(strings.Fields(node.Attr("class")), part[1:]) {
				return false
			}
		case '#':
			if node.Attr("id") != part[1:] {
				return false
			}
		case '[':
			name, want, hasValue := strings.Cut(strings.Trim(part, "[]"), "=")
			got, ok := node.Lookup(name)
			if !ok || hasValue && got != want {
				return false
			}
		default:
			if n.Data != part {
				return false
			}
		}
	}
	return true
}
