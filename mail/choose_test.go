package mail

import (
	"fmt"
	"strings"
	"testing"
)

// leafNode makes a leaf of a tree: the type, then words: "attachment", "inline",
// "name=…", "cid=…", "loc=…", "size=…". Leaves have 100 octets unless told.
func leafNode(mimeType string, words ...string) Part {
	p := Part{Type: mimeType, Size: 100}
	for _, w := range words {
		key, v, _ := strings.Cut(w, "=")
		switch key {
		case "name":
			p.Name = v
		case "cid":
			p.ContentID = v
		case "loc":
			p.Location = v
		case "size":
			_, _ = fmt.Sscan(v, &p.Size)
		default:
			p.Disposition = w
		}
	}
	return p
}

func multi(subtype string, children ...Part) Part {
	return Part{Type: "multipart/" + subtype, Children: children}
}

// number gives every part its IMAP part number.
func number(p *Part, path string) {
	p.Path = path
	if !p.IsMultipart() && path == "" {
		p.Path = "1"
	}
	for i := range p.Children {
		child := fmt.Sprint(i + 1)
		if path != "" {
			child = path + "." + child
		}
		number(&p.Children[i], child)
	}
}

// paths writes a Body as "shown | attachments | inline | hidden".
func paths(b Body) string {
	var lists []string
	for _, parts := range [][]Part{b.Shown, b.Attachments, b.Inline, b.Hidden} {
		var names []string
		for _, p := range parts {
			names = append(names, p.Path)
		}
		lists = append(lists, strings.Join(names, " "))
	}
	return strings.TrimRight(strings.Join(lists, "|"), "|")
}

var (
	plain    = leafNode("text/plain")
	htmlPart = leafNode("text/html")
	pdf      = leafNode("application/pdf", "attachment", "name=a.pdf")
	calendar = leafNode("text/calendar")
	nested   = Part{Type: "message/rfc822", Size: 100, Subject: "x", Children: []Part{plain}}
	image    = leafNode("image/png", "cid=a@b")
)

// The ids are the rules of showing parts: R1 which part of a tree, R2 what is
// body text, R3 what is an attachment.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name string
		root Part
		want string
	}{
		{"R1 single text", plain, "1"},
		{"R1 no type is text", leafNode(""), "1"},
		{"R1 empty message", leafNode("text/plain", "size=0"), ""},
		{"R1 nothing at all", Part{Type: "multipart/mixed"}, ""},
		{"R1 alternative: the last", multi("alternative", plain, htmlPart), "2"},
		{"R1 alternative in the wrong order", multi("alternative", htmlPart, plain), "1"},
		{"R1 alternative: enriched", multi("alternative", plain, leafNode("text/enriched")), "2"},
		{"R1 alternative: enriched against html", multi("alternative", plain, htmlPart, leafNode("text/enriched")), "2"},
		{"R1 alternative: last of two html", multi("alternative", htmlPart, htmlPart), "2"},
		{"R1 alternative: empty html", multi("alternative", plain, leafNode("text/html", "size=0")), "1"},
		{"R1 alternative: watch", multi("alternative", plain, leafNode("text/watch-html"), htmlPart), "3"},
		{"R1 alternative: watch last", multi("alternative", plain, leafNode("text/watch-html")), "1"},
		{"R1 alternative: AMP", multi("alternative", plain, leafNode("text/x-amp-html"), htmlPart), "3"},
		{"R1 alternative: calendar alongside", multi("alternative", plain, htmlPart, calendar), "2|3"},
		{"R1 alternative: calendar only", multi("alternative", calendar), "|1"},
		{"R1 alternative: unknown last", multi("alternative", plain, leafNode("application/x-new")), "1|2"},
		{"R1 alternative: related inside", multi("alternative", plain, multi("related", htmlPart, image)), "2.1||2.2"},
		{"R1 alternative: mixed inside", multi("alternative", plain, multi("mixed", htmlPart, pdf, plain)), "2.1 2.3|2.2"},
		{"R1 alternative: a file in the branch not taken stays", multi("alternative", multi("mixed", plain, pdf), htmlPart), "2|1.2"},
		{"R1 alternative: attached text is no branch", multi("alternative", plain, leafNode("text/html", "attachment")), "1|2"},
		{"R1 related", multi("related", htmlPart, image, leafNode("image/gif", "loc=a.gif")), "1||2 3"},
		{"R1 related: image named attachment", multi("related", htmlPart, leafNode("image/png", "attachment", "cid=a")), "1||2"},
		{"R1 related: image without id", multi("related", htmlPart, leafNode("image/png")), "1|2"},
		{"R1 related: root not first", multi("related", image, htmlPart), "2||1"},
		{"R1 related: around alternative", multi("related", multi("alternative", plain, htmlPart), image), "1.2||2"},
		{"R1 related: style sheet", multi("related", htmlPart, leafNode("text/css", "cid=c")), "1|2"},
		{"R1 related: frame", multi("related", htmlPart, leafNode("text/html", "cid=c")), "1|2"},
		{"R1 related: footer", multi("related", htmlPart, plain), "1 2"},
		{"R1 mixed: texts in order", multi("mixed", plain, pdf, htmlPart, plain), "1 3 4|2"},
		{"R1 unknown multipart", multi("x-new", plain, pdf), "1|2"},
		{"R1 digest", multi("digest", nested, nested), "|1 2"},
		{"R1 nested message is not opened", multi("mixed", plain, nested), "1|2"},
		{"R1 nested message inline", multi("mixed", plain, leafNode("message/rfc822", "inline")), "1|2"},
		{"R1 message is a message", nested, "|1"},
		{"R2 attached text", multi("mixed", plain, leafNode("text/plain", "attachment")), "1|2"},
		{"R2 small named text", multi("mixed", plain, leafNode("text/plain", "name=a.txt", "size=262144")), "1 2"},
		{"R2 large named text", multi("mixed", plain, leafNode("text/plain", "name=a.log", "size=262145")), "1|2"},
		{"R2 large text without a name", leafNode("text/plain", "size=99999999"), "1"},
		{"R2 attached html alone", leafNode("text/html", "attachment"), "|1"},
		{"R2 empty text vanishes", multi("mixed", plain, leafNode("text/plain", "size=0"), pdf), "1|3"},
		{"R2 empty file stays", multi("mixed", plain, leafNode("text/plain", "size=0", "attachment", "name=a.txt")), "1|2"},
		{"R3 other texts", multi("mixed", plain, calendar, leafNode("text/x-vcard"), leafNode("text/csv", "inline")), "1|2 3 4"},
		{"R3 inline pdf", multi("mixed", plain, leafNode("application/pdf", "inline")), "1|2"},
		{"R3 file alone", pdf, "|1"},
		{"R3 image in plain text", multi("mixed", plain, leafNode("image/png", "inline", "cid=a")), "1|2"},
		{"R3 image with id beside html", multi("mixed", htmlPart, image), "1||2"},
		{"R3 attached image with id beside html", multi("mixed", htmlPart, leafNode("image/png", "attachment", "cid=a")), "1|2"},
		{"R3 html comes after its image", multi("mixed", image, htmlPart), "2||1"},
		{"R3 order of files", multi("mixed", plain, image, pdf), "1|2 3"},
		{"R3 pgp signature", multi("signed", plain, leafNode("application/pgp-signature", "name=signature.asc")), "1|||2"},
		{"R3 s/mime signature", multi("signed", htmlPart, leafNode("application/pkcs7-signature", "attachment")), "1|||2"},
		{"R3 old s/mime signature", multi("signed", htmlPart, leafNode("application/x-pkcs7-signature")), "1|||2"},
		{"R3 s/mime opaque", leafNode("application/pkcs7-mime"), "|1"},
		{"R3 AppleDouble", multi("mixed", plain, multi("appledouble", leafNode("application/applefile"), pdf)), "1|2.2||2.1"},
		{"R3 tnef", multi("mixed", plain, leafNode("application/ms-tnef", "name=winmail.dat")), "1|2"},
		{"R3 delivery report", multi("report", plain, leafNode("message/delivery-status"), nested), "1|3||2"},
		{"R3 delivery report, headers only", multi("report", plain, leafNode("message/delivery-status"), leafNode("text/rfc822-headers")), "1|||2 3"},
		{"R3 delivery report without words", multi("report", leafNode("message/delivery-status"), nested), "1|2"},
		{"R3 receipt", multi("report", plain, leafNode("message/disposition-notification")), "1|||2"},
		{"R3 abuse report", multi("report", plain, leafNode("message/feedback-report"), nested), "1|3||2"},
		{"R3 external body", multi("mixed", plain, leafNode("message/external-body")), "1|2"},
	} {
		number(&c.root, "")
		if got := paths(Choose(c.root)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPreviewPart(t *testing.T) {
	for _, c := range []struct {
		name string
		root Part
		want string
	}{
		{"plain of an alternative", multi("alternative", plain, htmlPart), "1"},
		{"html when plain is empty", multi("alternative", leafNode("text/plain", "size=0"), htmlPart), "2"},
		{"html alone", htmlPart, "1"},
		{"deep", multi("mixed", multi("related", multi("alternative", plain, htmlPart), image), pdf), "1.1.1"},
		{"first text of several", multi("mixed", htmlPart, plain), "1"},
		{"plain before a mixed that holds plain too", multi("alternative", plain, multi("mixed", htmlPart, plain)), "1"},
		{"none", pdf, ""},
	} {
		number(&c.root, "")
		p, ok := PreviewPart(c.root)
		if p.Path != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, p.Path, ok, c.want)
		}
	}
}

func TestResolve(t *testing.T) {
	root := multi("related", htmlPart, leafNode("image/png", "cid=used"), leafNode("image/png", "cid=unused"), pdf)
	number(&root, "")
	before := Choose(root)
	after := before.Resolve(func(p Part) bool { return p.ContentID == "used" })
	if got := paths(after); got != "1|4 3|2" {
		t.Errorf("R3: %q", got)
	}
	if got := paths(before); got != "1|4|2 3" {
		t.Errorf("R3: the original changed to %q", got)
	}
}

// A hostile tree costs no more than the limits say, and is not followed beyond
// them.
func TestChooseLimits(t *testing.T) {
	deep := plain
	for range 10000 {
		deep = multi("alternative", deep)
	}
	if got := Choose(deep); len(got.Shown) != 0 {
		t.Errorf("a text %d levels deep is shown", 10000)
	}
	deep = plain
	for range maxDepth {
		deep = multi("mixed", deep)
	}
	if got := Choose(deep); len(got.Shown) != 1 {
		t.Errorf("a text %d levels deep is not shown", maxDepth)
	}
	wide := multi("mixed")
	for range 10000 {
		wide.Children = append(wide.Children, pdf)
	}
	if got := Choose(wide); len(got.Attachments) != maxParts {
		t.Errorf("%d of %d attachments", len(got.Attachments), maxParts)
	}
}

// FuzzChoose builds a tree from bytes. Whatever it is, every leaf stands in at
// most one list, and only leaves do.
func FuzzChoose(f *testing.F) {
	f.Add([]byte{0, 10, 11, 1, 12, 20, 255, 13})
	f.Add([]byte{2, 0, 30, 31, 14})
	f.Fuzz(func(t *testing.T, b []byte) {
		root := treeOf(b)
		number(&root, "")
		body := Choose(root)
		seen := map[string]bool{}
		for _, list := range [][]Part{body.Shown, body.Attachments, body.Inline, body.Hidden} {
			for _, p := range list {
				if p.IsMultipart() || seen[p.Path] {
					t.Fatalf("part %s (%s) is listed twice or no leaf", p.Path, p.Type)
				}
				seen[p.Path] = true
			}
		}
		if p, ok := PreviewPart(root); ok && !isBodyText(p) && technical(p) != classReport {
			t.Fatalf("preview of %+v", p)
		}
		for _, p := range body.Attachments {
			if p.Type == "application/pgp-signature" {
				t.Fatal("a signature is offered as a file")
			}
		}
	})
}

func treeOf(b []byte) Part {
	types := []string{
		"multipart/mixed", "multipart/alternative", "multipart/related", "multipart/signed",
		"text/plain", "text/html", "text/calendar", "image/png", "application/pdf",
		"application/pgp-signature", "message/rfc822", "message/delivery-status",
	}
	root := multi("mixed")
	stack := []*Part{&root}
	for i := 0; i+1 < len(b) && i < 200; i += 2 {
		p := leafNode(types[int(b[i])%len(types)])
		if b[i+1]&1 != 0 {
			p.Disposition = "attachment"
		}
		if b[i+1]&2 != 0 {
			p.ContentID = "id"
		}
		if b[i+1]&4 != 0 {
			p.Size = 0
		}
		if b[i+1]&8 != 0 && len(stack) > 1 {
			stack = stack[:len(stack)-1]
		}
		top := stack[len(stack)-1]
		top.Children = append(top.Children, p)
		if p.IsMultipart() {
			stack = append(stack, &top.Children[len(top.Children)-1])
		}
	}
	return root
}
