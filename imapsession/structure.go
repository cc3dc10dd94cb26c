package imapsession

import (
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"oriel/decode"
	"oriel/mail"
)

// Limits of a MIME tree; see also mail.Choose.
const (
	maxDepth = 20
	maxParts = 500
)

// partTree turns a BODYSTRUCTURE into Oriel's tree. Deeper and further parts
// than the limits allow are left out; the raw message still has them.
func partTree(bs imap.BodyStructure) mail.Part {
	b := treeBuilder{}
	return b.part(bs, nil, 1)
}

type treeBuilder struct{ parts int }

// part converts one node. path is the number of the part itself; nil at the
// root, whose single part has the number 1 (RFC 3501 section 6.4.5).
func (b *treeBuilder) part(bs imap.BodyStructure, path []int, depth int) mail.Part {
	b.parts++
	switch bs := bs.(type) {
	case *imap.BodyStructureMultiPart:
		p := mail.Part{Path: pathOf(path), Type: "multipart/" + token(bs.Subtype, "mixed")}
		if depth >= maxDepth {
			return p
		}
		for i, child := range bs.Children {
			if b.parts >= maxParts {
				break
			}
			p.Children = append(p.Children, b.part(child, append(path[:len(path):len(path)], i+1), depth+1))
		}
		return p
	case *imap.BodyStructureSinglePart:
		if path == nil {
			path = []int{1}
		}
		return b.single(bs, path, depth)
	}
	return mail.Part{Path: pathOf(path), Type: "application/octet-stream"}
}

func (b *treeBuilder) single(bs *imap.BodyStructureSinglePart, path []int, depth int) mail.Part {
	p := mail.Part{
		Path:      pathOf(path),
		Type:      token(bs.Type, "application") + "/" + token(bs.Subtype, "octet-stream"),
		Encoding:  strings.ToLower(decode.Clean(bs.Encoding)),
		ContentID: strings.Trim(decode.Clean(bs.ID), "<> "),
		Size:      int64(bs.Size),
	}
	textParams(&p, bs.Params)
	var disposition map[string]string
	if bs.Extended != nil {
		p.Location = decode.Clean(bs.Extended.Location)
		if d := bs.Extended.Disposition; d != nil {
			disposition = d.Params
			p.Disposition = dispositionOf(d.Value)
		}
	}
	p.Name = decode.Filename(disposition, bs.Params)
	if bs.Text != nil {
		p.Lines = max(0, bs.Text.NumLines)
	}
	if m := bs.MessageRFC822; m != nil {
		p.Lines = max(0, m.NumLines)
		if m.Envelope != nil {
			p.Subject = decode.Header(m.Envelope.Subject)
		}
		if m.BodyStructure != nil && depth < maxDepth && b.parts < maxParts {
			child := path
			if _, single := m.BodyStructure.(*imap.BodyStructureSinglePart); single {
				child = append(path[:len(path):len(path)], 1)
			}
			inner := b.part(m.BodyStructure, child, depth+1)
			if inner.IsMultipart() {
				// The multipart of a nested message has no number of its own: the
				// message's number stands for the message.
				inner.Path = ""
			}
			p.Children = []mail.Part{inner}
		}
	}
	return p
}

// textParams sets what the parameters of a text part say.
func textParams(p *mail.Part, params map[string]string) {
	if !strings.HasPrefix(p.Type, "text/") {
		return
	}
	p.Charset = decode.Clean(params["charset"])
	p.Flowed = strings.EqualFold(params["format"], "flowed")
	p.DelSp = p.Flowed && strings.EqualFold(params["delsp"], "yes")
}

// dispositionOf folds the unknown ones to attachment, as RFC 2183 section 2.8 says.
func dispositionOf(value string) string {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "":
		return ""
	case "inline":
		return "inline"
	}
	return "attachment"
}

// token is a type or subtype in lower case, or a default when it is none.
func token(s, instead string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" || len(s) > 100 {
		return instead
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return instead
		}
	}
	return s
}

// childPath is the number of the n-th child, from 1, of the part path.
func childPath(path string, n int) string {
	if path == "" {
		return strconv.Itoa(n)
	}
	return path + "." + strconv.Itoa(n)
}
