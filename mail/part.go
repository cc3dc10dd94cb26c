package mail

import "strings"

// Part is a node of a message's MIME tree, as the server's BODYSTRUCTURE tells
// it (RFC 3501 section 7.4.2), with names and types decoded.
type Part struct {
	Path        string // IMAP part number: "1.2"; "" for a multipart root
	Type        string // lower case: "text/html"
	Charset     string // label of a text part, as declared
	Encoding    string // Content-Transfer-Encoding, as declared
	Flowed      bool   // format=flowed (RFC 3676)
	DelSp       bool   // delsp=yes
	Disposition string // "inline", "attachment" or ""
	Name        string // decoded file name, safe to show and to save; "" when none was given
	ContentID   string // without angle brackets
	Location    string // Content-Location
	Size        int64  // octets in transfer encoding
	Lines       int64  // text lines; 0 when unknown
	Subject     string // of a message/rfc822 part
	Children    []Part
}

// IsMultipart reports whether the part only holds others.
func (p Part) IsMultipart() bool { return strings.HasPrefix(p.Type, "multipart/") }

// Find returns the part with the given path, or false.
func (p Part) Find(path string) (Part, bool) {
	if p.Path == path && !p.IsMultipart() {
		return p, true
	}
	for _, c := range p.Children {
		if f, ok := c.Find(path); ok {
			return f, true
		}
	}
	return Part{}, false
}
