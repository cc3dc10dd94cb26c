package views

import (
	"bytes"
	"compress/gzip"
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"oriel/mail"
	"oriel/sanitize"
)

// hostile is what a stranger puts into every field that a page repeats.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>' style='x' {{7*7}} &lt;`

// draw renders a component to text.
func draw(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tree is a parsed answer, with the few questions that the tests ask of it.
type tree struct{ *html.Node }

func parse(t *testing.T, c templ.Component) tree {
	t.Helper()
	n, err := html.Parse(strings.NewReader(draw(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	return tree{n}
}

// all finds elements by name ("" for any) and attributes, given as pairs; a
// value "*" only asks for the attribute.
func (n tree) all(name string, pairs ...string) []tree {
	var out []tree
	for d := range n.Descendants() {
		e := tree{d}
		if d.Type != html.ElementNode || name != "" && d.Data != name {
			continue
		}
		match := true
		for i := 0; i < len(pairs); i += 2 {
			v, ok := e.attr(pairs[i])
			match = match && ok && (pairs[i+1] == "*" || v == pairs[i+1])
		}
		if match {
			out = append(out, e)
		}
	}
	return out
}

func (n tree) one(t *testing.T, name string, pairs ...string) tree {
	t.Helper()
	found := n.all(name, pairs...)
	if len(found) != 1 {
		t.Fatalf("%d elements %s %v, want one", len(found), name, pairs)
	}
	return found[0]
}

func (n tree) attr(key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func (n tree) get(key string) string {
	v, _ := n.attr(key)
	return v
}

func (n tree) text() string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func packed(s string) int {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, 5)
	_, _ = w.Write([]byte(s)) // a buffer never fails
	_ = w.Close()
	return b.Len()
}

func sampleFolders() []mail.Folder {
	var out []mail.Folder
	add := func(name string, r mail.Role, unread uint32, noSelect bool) {
		out = append(out, mail.Folder{Name: name, Delimiter: "/", Role: r, Unread: unread, NoSelect: noSelect, Counted: !noSelect})
	}
	add("INBOX", mail.Inbox, 12, false)
	add("Drafts", mail.Drafts, 0, false)
	add("Sent", mail.Sent, 0, false)
	add("Archive", mail.Archive, 0, false)
	add("Junk", mail.Junk, 3, false)
	add("Trash", mail.Trash, 0, false)
	add("Archive/2025", "", 0, false)
	add("Clients", "", 0, true)
	add("Clients/Harbour Street", "", 4, false)
	add("Clients/Old Vicarage", "", 0, false)
	add("Reisen/Österreich", "", 0, false) // its parent is not listed
	add(`50% "off" / <b>`, "", 0, false)
	return out
}

// sampleList is a page of fifty messages with text of usual length.
func sampleList() mail.List {
	who := []mail.Address{{Name: "Tomasz Wieczorek", Addr: "tomasz@wieczorek.example"}, {Name: "Meridian Bank", Addr: "no-reply@meridian-bank.example"},
		{Name: "Anouk Lindqvist", Addr: "anouk@lindqvist.example"}, {Name: "Cedar & Vale", Addr: "orders@cedar-vale.example"}, {Addr: "julien.moreau@exemple.example"}}
	words := strings.Fields("stair drawing stringer oak window putty ledger Tuesday invoice beam landing carpenter plaster measure section gutter ladder quarter morning council harbour vicar bullnose tread handrail sash cord plan visit roof")
	say := func(seed, n int) string {
		out := make([]string, n)
		for i := range out {
			seed = seed*1103515245 + 12345
			out[i] = words[(seed>>16&0x7fff)%len(words)]
		}
		return strings.Join(out, " ")
	}
	l := mail.List{Folder: mail.Folder{Name: "INBOX", Delimiter: "/", Role: mail.Inbox, Unread: 12, Total: 2381}, Page: 1, Pages: 48, Matches: 2381}
	for i := range mail.PageSize {
		l.Rows = append(l.Rows, mail.Summary{
			Ref:   mail.Ref{Folder: "INBOX", Validity: 1690022000, UID: uint32(4300 - i)},
			Flags: mail.Flags{Seen: i%4 != 1, Flagged: i%9 == 0, Answered: i%7 == 3},
			From:  who[i%5 : i%5+1], Subject: say(i, 6), Preview: say(i+1000, 30), Attachment: i%5 == 0,
			Arrived: viewer().Now.Add(-time.Duration(i*i) * 17 * time.Minute),
		})
	}
	return l
}

func sampleFrame() Frame {
	return Frame{Context: viewer(), Title: "Inbox", Folders: sampleFolders(), Current: mail.ListQuery{Folder: "INBOX", Page: 1}}
}

// sampleMessage is a message whose every field is hostile.
func sampleMessage() MessageView {
	r := mail.Ref{Folder: `50% "off" / <b>`, Validity: 7, UID: 9}
	evil := mail.Address{Name: hostile, Addr: `e"<vil>@evil.example`}
	m := mail.Message{
		Summary: mail.Summary{Ref: r, From: []mail.Address{evil}, Subject: hostile, Date: viewer().Now, Arrived: viewer().Now.Add(2 * time.Hour)},
		ToOnly:  []mail.Address{{Name: "Mara", Addr: "mara@lindqvist.example"}, evil}, Cc: []mail.Address{{Addr: "cc@x.example"}}, ListID: hostile,
	}
	m.Body.Attachments = []mail.Part{{Path: "2", Type: "application/pdf", Name: hostile + ".pdf", Size: 78000, Encoding: "base64"}, {Path: "1.3", Type: "message/rfc822", Subject: "Fwd"}}
	return MessageView{
		Context: viewer(), Message: m, Folder: mail.Folder{Name: r.Folder, Delimiter: "/"}, Query: mail.ListQuery{Folder: r.Folder, Filter: mail.Unread, Page: 3},
		Place: mail.Place{Position: 12, Matches: 2381, Newer: mail.Ref{Folder: r.Folder, Validity: 7, UID: 10}, Older: mail.Ref{Folder: r.Folder, Validity: 7, UID: 8}}, Blocked: 2,
		Bodies: []BodyView{{Text: sanitize.Text(hostile, sanitize.TextOptions{})}, {Part: mail.Part{Path: "1.2"}, Frame: BodyURL(r, "1.2"), Truncated: true}, {Problem: "This part can't be shown."}},
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
