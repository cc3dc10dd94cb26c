package sanitize

import "strings"

// properties are the style properties that a mail may set: colour, font, text,
// box, border, table, list, flex. None of them moves an element over others
// (position, inset, z-index, transform), names a resource, or animates.
var properties = set(strings.Fields(`
	color background background-color opacity
	font font-family font-size font-stretch font-style font-variant font-weight line-height letter-spacing
	word-spacing text-align text-align-last text-decoration text-decoration-color text-decoration-line
	text-decoration-style text-indent text-overflow text-transform text-size-adjust -webkit-text-size-adjust
	-ms-text-size-adjust -moz-text-size-adjust vertical-align white-space word-break word-wrap overflow-wrap
	hyphens direction unicode-bidi tab-size
	width min-width max-width height min-height max-height box-sizing aspect-ratio object-fit
	margin margin-top margin-right margin-bottom margin-left margin-block margin-inline
	margin-block-start margin-block-end margin-inline-start margin-inline-end
	padding padding-top padding-right padding-bottom padding-left padding-block padding-inline
	padding-block-start padding-block-end padding-inline-start padding-inline-end
	border border-top border-right border-bottom border-left border-color border-style border-width
	border-top-color border-top-style border-top-width border-right-color border-right-style border-right-width
	border-bottom-color border-bottom-style border-bottom-width border-left-color border-left-style
	border-left-width border-radius border-top-left-radius border-top-right-radius border-bottom-left-radius
	border-bottom-right-radius outline outline-color outline-style outline-width box-shadow
	border-collapse border-spacing caption-side empty-cells table-layout
	list-style-type list-style-position
	display visibility float clear overflow overflow-x overflow-y columns column-count column-gap column-width
	flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap order gap row-gap
	align-content align-items align-self justify-content justify-items justify-self
`)...)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
