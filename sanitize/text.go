package sanitize

import "strings"

// TextOptions say how a text part was written.
type TextOptions struct {
	Flowed bool // format=flowed (RFC 3676)
	DelSp  bool // delsp=yes
	// Mailto turns a mailto: URL into the address of Oriel's composer. With nil
	// the link stays as it is.
	Mailto func(href string) string
}

const (
	foldQuote = 5 // lines of quoted text that are shown at once
	foldSig   = 6 // lines of a signature that are shown at once
	sigZone   = 20
)

// Text makes readable HTML out of a plain text body:
//
//	<p>lines of a paragraph</p>
//	<blockquote><p>quoted</p><blockquote>…</blockquote></blockquote>
//	<details class="quoted"><summary>Show quoted text</summary>…</details>
//	<div class="sig">…</div>
//
// There is no white space between the elements, and line breaks stand in the
// paragraphs as they are. The container needs "white-space: pre-wrap" and
// "overflow-wrap: anywhere"; both are inherited by everything in it.
//
// How much text is shown is for the caller to limit.
func Text(content string, o TextOptions) HTML {
	lines := readLines(content, o)
	blocks := divide(lines)
	w := textWriter{mailto: o.Mailto}
	for _, b := range blocks {
		w.block(b)
	}
	return HTML(w.out.String())
}

// textWriter writes blocks. It opens and closes elements only in pairs of its
// own methods, so that the result is balanced whatever the text is.
type textWriter struct {
	out    strings.Builder
	mailto func(string) string
	links  int // written so far
}

func (w *textWriter) block(b block) {
	switch b.kind {
	case plainBlock:
		w.lines(b.lines)
	case quoteBlock:
		if b.fold {
			w.out.WriteString(`<details class="quoted"><summary>Show quoted text</summary>`)
		}
		w.lines(b.lines)
		if b.fold {
			w.out.WriteString(`</details>`)
		}
	case sigBlock:
		if b.fold {
			w.out.WriteString(`<details class="quoted"><summary>Show signature</summary>`)
		}
		w.out.WriteString(`<div class="sig">`)
		w.lines(b.lines)
		w.out.WriteString(`</div>`)
		if b.fold {
			w.out.WriteString(`</details>`)
		}
	}
}

// lines writes paragraphs and the blockquotes around them. Blank lines part
// paragraphs; several are like one.
func (w *textWriter) lines(lines []line) {
	depth, inParagraph := 0, false
	endParagraph := func() {
		if inParagraph {
			w.out.WriteString("</p>")
			inParagraph = false
		}
	}
	for _, l := range lines {
		if l.blank() {
			endParagraph()
			continue
		}
		if l.depth != depth {
			endParagraph()
			for ; depth < l.depth; depth++ {
				w.out.WriteString("<blockquote>")
			}
			for ; depth > l.depth; depth-- {
				w.out.WriteString("</blockquote>")
			}
		}
		if inParagraph {
			w.out.WriteByte('\n')
		} else {
			w.out.WriteString("<p>")
			inParagraph = true
		}
		w.text(l.text)
	}
	endParagraph()
	writeTimes(&w.out, "</blockquote>", depth)
}
