package sanitize

import "strings"

// baseStyle is what a mail looks like that says nothing about its look. The
// mail's own rules come later and win. Placeholders are pictures without src;
// as inline blocks they keep the width and height of the picture.
const baseStyle = `html{background:#fff;color:#1d1d1f}` +
	`body{margin:0;padding:16px;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}` +
	`a{color:#0b57d0}pre{white-space:pre-wrap}` +
	`blockquote{margin:0 0 0 8px;padding:0 0 0 12px;border-left:2px solid #d0d3d8}` +
	`img:not([height]){max-width:100%}` +
	`img:not([src]){display:inline-block;overflow:hidden;background:#eef0f2;color:#55595f;font:12px/1.4 system-ui,sans-serif;vertical-align:middle}`

// darkStyle inverts the document and turns its pictures back.
const darkStyle = `html{filter:invert(1) hue-rotate(180deg)}img{filter:invert(1) hue-rotate(180deg)}`

// document puts a finished body into a document of its own.
func document(body, sheets string, dark bool) string {
	var b strings.Builder
	b.Grow(len(body) + len(sheets) + 2048)
	b.WriteString(`<!doctype html><html><head><meta charset=utf-8><meta name=color-scheme content=light>` +
		`<meta name=viewport content="width=device-width,initial-scale=1"><title>Message</title><style>` + baseStyle + `</style>`)
	if sheets != "" {
		b.WriteString("<style>" + sheets + "</style>")
	}
	if dark {
		b.WriteString("<style>" + darkStyle + "</style>")
	}
	b.WriteString("</head><body>" + body + "</body></html>")
	return b.String()
}
