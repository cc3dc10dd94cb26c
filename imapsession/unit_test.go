package imapsession

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

func TestUIDSets(t *testing.T) {
	var uids []imap.UID
	for i := range 5000 {
		uids = append(uids, imap.UID(4_000_000_000+uint32(i)*3))
	}
	uids = append(uids, 0, 7, 8, 9)
	total := 0
	for _, set := range uidSets(uids) {
		if n := len(set.String()); n > 7600 {
			t.Errorf("a set of %d octets", n)
		}
		total += len(expand(set, 1<<20))
	}
	if total != 5003 {
		t.Errorf("%d UIDs in the sets, want 5003", total)
	}
	if got := uidSets(nil); len(got) != 0 {
		t.Errorf("sets of nothing: %v", got)
	}
	if expand(imap.UIDSet{{Start: 1, Stop: 1<<32 - 1}}, 1000) != nil || expand(imap.UIDSet{{Start: 1, Stop: 0}}, 1000) != nil {
		t.Error("a senseless set was written out")
	}
}

func TestPlaceIn(t *testing.T) {
	all := []imap.UID{2, 4, 6, 8, 10}
	r := func(uid uint32) mail.Ref { return mail.Ref{Folder: "f", Validity: 1, UID: uid} }
	none := mail.Ref{}
	tests := []struct {
		list []imap.UID
		uid  uint32
		want mail.Place
	}{
		{all, 10, mail.Place{Position: 1, Matches: 5, Newer: none, Older: r(8)}},
		{all, 2, mail.Place{Position: 5, Matches: 5, Newer: r(4), Older: none}},
		{[]imap.UID{2, 10}, 6, mail.Place{Matches: 2, Newer: r(10), Older: r(2)}},
		{[]imap.UID{2}, 10, mail.Place{Matches: 1, Older: r(2)}},
		{nil, 6, mail.Place{}},
		{all, 5, mail.Place{Matches: 5}},
	}
	for _, test := range tests {
		ref := r(test.uid)
		if got := placeIn(all, test.list, ref); got != test.want {
			t.Errorf("%d in %v: %+v, want %+v", test.uid, test.list, got, test.want)
		}
	}
}

func TestDateOf(t *testing.T) {
	arrived := time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)
	for raw, want := range map[string]time.Time{
		"":                               arrived,
		"nonsense":                       arrived,
		"Tue, 3 Mar 2026 04:00:00 EST":   time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC),
		"Thu, 5 Mar 2026 04:00:00 +0000": arrived,
		"Mon, 3 Mar 1997 04:00:00 +0000": time.Date(1997, 3, 3, 4, 0, 0, 0, time.UTC),
		"Wed, 4 Mar 2026 09:00:00 +0000": time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC),
	} {
		if got := dateOf(raw, arrived); !got.Equal(want) {
			t.Errorf("dateOf(%q) = %v, want %v", raw, got, want)
		}
	}
}

func TestField(t *testing.T) {
	head := []byte("Subject: a\r\n b\r\n\tc\r\nX:y\r\nSUBJECT: second\r\n Date: folded\r\ndate :  spaced \r\n\r\n")
	for name, want := range map[string]string{"subject": "a  b \tc", "x": "y", "Date": "spaced", "none": ""} {
		if got := field(head, name); got != want {
			t.Errorf("field %s is %q, want %q", name, got, want)
		}
	}
}

func TestRawAddresses(t *testing.T) {
	for raw, want := range map[string]mail.Address{
		"Ann <ann@example.org>":               {Name: "Ann", Addr: "ann@example.org"},
		"=?utf-8?q?J=C3=BC?= <j@example.org>": {Name: "Jü", Addr: "j@example.org"},
		"=?x-odd?q?a?= <j@example.org>":       {Name: "a", Addr: "j@example.org"},
		"broken <<j@example.org>>":            {Name: "broken", Addr: "<j@example.org"},
		"just words":                          {Name: "just words"},
	} {
		got := rawAddresses(raw)
		if len(got) != 1 || got[0].Name != want.Name && !strings.Contains(got[0].Name, want.Name) {
			t.Errorf("rawAddresses(%q) = %+v, want %+v", raw, got, want)
		}
	}
	if got := rawAddresses(""); got != nil {
		t.Errorf("no field gives %v", got)
	}
}

func TestPaths(t *testing.T) {
	for path, ok := range map[string]bool{"1": true, "1.2.30": true, "": false, "0": false, "1.": false, "+1": false, "1..2": false, strings.Repeat("1.", 150) + "1": false} {
		part, got := parsePath(path)
		if got != ok || ok && pathOf(part) != path {
			t.Errorf("parsePath(%q) = %v, %v", path, part, got)
		}
	}
}

// deepStructure is n multiparts in each other with a text inside.
func deepStructure(n int) imap.BodyStructure {
	var bs imap.BodyStructure = &imap.BodyStructureSinglePart{Type: "TEXT", Subtype: "Plain", Size: 3}
	for range n {
		bs = &imap.BodyStructureMultiPart{Subtype: "MIXED", Children: []imap.BodyStructure{bs, bs}}
	}
	return bs
}

func TestPartTree(t *testing.T) {
	root := partTree(deepStructure(1))
	if root.Type != "multipart/mixed" || len(root.Children) != 2 || root.Children[1].Path != "2" || root.Children[0].Type != "text/plain" {
		t.Errorf("tree is %+v", root)
	}
	count, depth := 0, 0
	var walk func(p mail.Part, d int)
	walk = func(p mail.Part, d int) {
		count, depth = count+1, max(depth, d)
		for _, c := range p.Children {
			walk(c, d+1)
		}
	}
	walk(partTree(deepStructure(24)), 1)
	if depth > maxDepth || count > maxParts {
		t.Errorf("%d parts, %d deep", count, depth)
	}
	nested := partTree(&imap.BodyStructureSinglePart{Type: "message", Subtype: "rfc822", MessageRFC822: &imap.BodyStructureMessageRFC822{
		Envelope: &imap.Envelope{Subject: "in"}, BodyStructure: deepStructure(1)}})
	if nested.Path != "1" || nested.Subject != "in" || nested.Children[0].Children[1].Path != "1.2" {
		t.Errorf("nested message is %+v", nested)
	}
	if p, ok := nested.Find("1"); !ok || p.Type != "message/rfc822" {
		t.Errorf("part 1 is %+v", p)
	}
	odd := partTree(&imap.BodyStructureSinglePart{Type: "te xt", Subtype: "", Extended: &imap.BodyStructureSinglePartExt{Disposition: &imap.BodyStructureDisposition{Value: "form-data"}}})
	if odd.Type != "application/octet-stream" || odd.Disposition != "attachment" {
		t.Errorf("odd part is %+v", odd)
	}
}

// FuzzParseSource: whatever the bytes, the tree keeps to its limits, every leaf
// has content and a number of its own, and all text is valid.
func FuzzParseSource(f *testing.F) {
	f.Add([]byte("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\nContent-Disposition: attachment; filename*=utf-8''%C3%BC\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("From x\nno colon here\nSubject: y\n\nbody"))
	f.Add([]byte("\n\n\nContent-Type: multipart/mixed\n\nno boundary"))
	f.Add([]byte("Content-Type: multipart/a; boundary=x\n\n--x\nContent-Type: multipart/b; boundary=y\n\n--y\n\n1\n--y--\n--x--"))
	f.Add([]byte("Content-Type: message/rfc822\n\nSubject: in\n\nx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := parseSource(raw)
		seen := map[string]bool{}
		var walk func(p mail.Part, depth int)
		walk = func(p mail.Part, depth int) {
			if depth > maxDepth || len(seen) > maxParts+1 {
				t.Fatal("over the limits")
			}
			for _, text := range []string{p.Type, p.Name, p.Subject, p.ContentID, p.Location, p.Encoding, p.Charset} {
				if !utf8.ValidString(text) {
					t.Fatalf("invalid text %q", text)
				}
			}
			if !p.IsMultipart() {
				if _, ok := s.content(p.Path); !ok || seen[p.Path] {
					t.Fatalf("part %q has no content or comes twice", p.Path)
				}
				seen[p.Path] = true
				if _, ok := parsePath(p.Path); !ok {
					t.Fatalf("path %q", p.Path)
				}
			}
			for _, c := range p.Children {
				walk(c, depth+1)
			}
		}
		walk(s.root, 1)
		body := mail.Choose(s.root)
		if texts := textsOf(body, s.parts); len(texts) != len(body.Shown) {
			t.Fatal("texts do not match")
		}
		headerSummary(mail.Ref{}, s.head, nil)
	})
}
