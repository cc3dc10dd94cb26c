package sanitize

import "html"

// TextOptions say how a text part was written.
type TextOptions struct {
	Flowed bool // format=flowed (RFC 3676)
	DelSp  bool // delsp=yes
	// Mailto turns a mailto: URL into the address of Oriel's composer. With nil
	// the link stays as it is.
	Mailto func(href string) string
}

// Text makes readable HTML out of a plain text body.
func Text(content string, o TextOptions) HTML {
	return HTML("<p>" + html.EscapeString(content) + "</p>")
}
