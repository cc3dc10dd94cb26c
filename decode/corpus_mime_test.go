package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"oriel/mail"
)

// rawPart is a leaf of a message as the tests' own small MIME reader finds it.
// In the program the IMAP server does this reading.
type rawPart struct {
	mail.Part
	content []byte // still encoded
}

func (p rawPart) decoded() []byte {
	b, err := io.ReadAll(Reader(bytes.NewReader(p.content), p.Encoding))
	if err != nil {
		panic(err)
	}
	return b
}

// parseMessage reads the MIME tree of a message. leaves maps part numbers to
// leaves.
func parseMessage(msg []byte) (root mail.Part, leaves map[string]rawPart) {
	leaves = map[string]rawPart{}
	msg = bytes.ReplaceAll(msg, []byte("\r\n"), []byte("\n"))
	if bytes.HasPrefix(msg, []byte("From ")) || bytes.HasPrefix(msg, []byte(">From ")) {
		_, msg, _ = bytes.Cut(msg, []byte("\n"))
	}
	return parsePart(bytes.TrimLeft(msg, "\n"), "", "text/plain", leaves), leaves
}

func parsePart(b []byte, path, defaultType string, leaves map[string]rawPart) mail.Part {
	head, body, ok := bytes.Cut(b, []byte("\n\n"))
	if bytes.HasPrefix(b, []byte("\n")) {
		head, body, ok = nil, b[1:], true
	}
	if !ok {
		body = nil
	}
	field := func(name string) string {
		v, _ := headerField(append(bytes.Clone(head), '\n'), name)
		return v
	}
	typ, params := parseParams(field("Content-Type"))
	disp, dispParams := parseParams(field("Content-Disposition"))
	switch {
	case typ == "":
		typ = defaultType
	case !strings.Contains(typ, "/"):
		typ += "/unknown"
	}
	if disp != "" && disp != "inline" {
		disp = "attachment"
	}
	p := mail.Part{
		Path: path, Type: typ, Charset: params["charset"], Disposition: disp,
		Encoding: field("Content-Transfer-Encoding"), Name: Filename(dispParams, params),
		ContentID: strings.Trim(field("Content-Id"), " <>"), Location: strings.TrimSpace(field("Content-Location")),
		Size: int64(len(body)),
	}
	if p.IsMultipart() && params["boundary"] != "" {
		inner := "text/plain"
		if typ == "multipart/digest" {
			inner = "message/rfc822"
		}
		for i, child := range splitParts(body, params["boundary"]) {
			p.Children = append(p.Children, parsePart(child, strings.TrimPrefix(fmt.Sprintf("%s.%d", path, i+1), "."), inner, leaves))
		}
		return p
	}
	if p.Path == "" {
		p.Path = "1"
	}
	leaves[p.Path] = rawPart{p, body}
	return p
}

// splitParts cuts the body of a multipart at its delimiter lines (RFC 2046
// section 5.1.1). The line end before a delimiter belongs to it.
func splitParts(body []byte, boundary string) (parts [][]byte) {
	start := -1
	for at := 0; at < len(body); {
		end := len(body)
		if i := bytes.IndexByte(body[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := strings.TrimRight(string(body[at:end]), " \t\n")
		if line == "--"+boundary || line == "--"+boundary+"--" {
			if start >= 0 {
				parts = append(parts, body[start:max(start, at-1)])
			}
			start = end
			if line != "--"+boundary {
				return parts
			}
		}
		at = end
	}
	if start >= 0 {
		parts = append(parts, body[start:])
	}
	return parts
}

// parseParams reads "value; key=value; …" with quoted strings.
func parseParams(s string) (value string, params map[string]string) {
	params = map[string]string{}
	for i := 0; s != ""; i++ {
		var item strings.Builder
		quoted := false
		n := 0
		for ; n < len(s) && (quoted || s[n] != ';'); n++ {
			switch c := s[n]; {
			case c == '"':
				quoted = !quoted
			case c == '\\' && quoted && n+1 < len(s):
				n++
				item.WriteByte(s[n])
			default:
				item.WriteByte(c)
			}
		}
		s = s[min(n+1, len(s)):]
		if i == 0 {
			value = strings.ToLower(strings.TrimSpace(item.String()))
			continue
		}
		k, v, _ := strings.Cut(item.String(), "=")
		k = strings.ToLower(strings.TrimSpace(k))
		if _, twice := params[k]; !twice {
			params[k] = strings.TrimSpace(v)
		}
	}
	return value, params
}

// corpusRows calls check with every sure row of a field and the parsed message,
// and counts how often it is content.
func corpusRows(t *testing.T, field string, want int, check func(value string, b mail.Body, root mail.Part, leaves map[string]rawPart) (string, bool)) {
	read := corpus(t)
	right, all := 0, 0
	for _, e := range sureRows(t, field) {
		root, leaves := parseMessage(read(e.file))
		all++
		got, ok := check(e.value, mail.Choose(root), root, leaves)
		if ok {
			right++
			continue
		}
		t.Logf("%s: %s %.200s, want %.200s", e.file, field, got, e.value)
	}
	t.Logf("%-8s %4d of %4d sure rows right (%.1f %%)", field, right, all, 100*float64(right)/float64(all))
	if right*1000 < all*want {
		t.Errorf("%s: fewer than %.1f %% right", field, float64(want)/10)
	}
}

// files are the leaves of a body that are files: not shown, no nested message.
func files(b mail.Body) []mail.Part {
	var out []mail.Part
	for _, p := range slices.Concat(b.Attachments, b.Inline, b.Hidden) {
		if !strings.HasPrefix(p.Type, "message/") {
			out = append(out, p)
		}
	}
	return out
}

func TestCorpusBodies(t *testing.T) {
	corpusRows(t, "body80", 980, func(value string, b mail.Body, root mail.Part, leaves map[string]rawPart) (string, bool) {
		var want string
		if err := json.Unmarshal([]byte(value), &want); err != nil {
			t.Fatal(err)
		}
		got := ""
		p, _ := mail.PreviewPart(root)
		for _, shown := range append([]mail.Part{p}, b.Shown...) {
			if shown.Type == "text/plain" {
				got = Clean(Text(leaves[shown.Path].decoded(), shown.Charset))
				break
			}
		}
		wantRunes := []rune(Clean(want))
		wantRunes = wantRunes[:min(len(wantRunes), 78)]
		return got, strings.HasPrefix(got, string(wantRunes)) && (want != "" || got == "")
	})
}

func TestCorpusFiles(t *testing.T) {
	corpusRows(t, "atts", 950, func(value string, b mail.Body, root mail.Part, leaves map[string]rawPart) (string, bool) {
		var want [][2]any
		if err := json.Unmarshal([]byte(value), &want); err != nil {
			t.Fatal(err)
		}
		list := files(b)
		if len(list) != len(want) {
			return fmt.Sprintf("%d files", len(list)), false
		}
		for _, p := range list {
			i := slices.IndexFunc(want, func(w [2]any) bool { return isContent(leaves[p.Path].decoded(), w[1]) })
			if i < 0 {
				return "other content in part " + p.Path, false
			}
			want = slices.Delete(want, i, i+1)
		}
		return "", true
	})
}

// isContent compares with a hash, whatever the line ends and the last one: the
// collection has both forms, and the reader of these tests folds them.
func isContent(b []byte, want any) bool {
	for _, end := range []string{"", "\n"} {
		lf := append(bytes.Clone(b), end...)
		for _, v := range [][]byte{lf, bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n"))} {
			if sum := sha256.Sum256(v); hex.EncodeToString(sum[:]) == want {
				return true
			}
		}
	}
	return false
}

func TestCorpusNames(t *testing.T) {
	corpusRows(t, "attnames", 950, func(value string, b mail.Body, root mail.Part, leaves map[string]rawPart) (string, bool) {
		var want, got []string
		if err := json.Unmarshal([]byte(value), &want); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i] = SafeName(want[i])
		}
		for _, p := range files(b) {
			got = append(got, p.Name)
		}
		slices.Sort(want)
		slices.Sort(got)
		return fmt.Sprintf("%q", got), slices.Equal(got, want)
	})
}
