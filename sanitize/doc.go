// Package sanitize turns the bodies of mail, all of them written by strangers,
// into HTML that Oriel can show.
//
// Mail makes a document of its own out of an HTML body, to be served at its own
// URL inside a sandboxed frame. Its promises, each with a test:
//
//   - Nothing runs: no script, no event handler, no foreign content (svg, math),
//     no frame, form, plug-in, template or media element is left.
//   - Nothing is fetched: an image comes from Oriel's own origin (what
//     MailOptions.CID answers) or is a small data: picture; styles hold no URL.
//     Remote images leave a placeholder of their size with their alternative
//     text, and Document.Blocked counts them.
//   - Nothing is addressable: no id, name, data-*, hx-* or aria-* attribute.
//   - A link is http, https, mailto or tel, opens a new window and tells its
//     target neither opener nor referrer. A mailto link carries recipients,
//     subject and text only.
//   - Styles are written anew from tokens of an allow-list, in style attributes
//     as in sheets; a background with a picture keeps its colour, media queries
//     stay, positions and everything that could cover other content go.
//   - The document means the same to every parser: parsing and writing it again
//     changes nothing more, so no markup can wake up later.
//   - Layout survives: tables, columns, colours, fonts, widths and buttons of
//     usual newsletters come through.
//   - Time and memory grow linearly with the input; input, output, nesting and
//     styles are limited. Too much of it is cut (Document.Truncated) or an error
//     of kind mail.TooLarge, for which the caller shows the plain text.
//
// Text makes readable HTML out of a plain text body, for Oriel's own page:
//
//   - Every character of the text is escaped; the only elements are p,
//     blockquote, a, details, summary and div, always balanced.
//   - Links are http, https and mailto, at most 2000 of them.
//   - Quoted text becomes nested blockquotes, at most 16 deep; long quotes fold,
//     never around an answer and never when they are all there is.
//   - The signature is marked, and folded when it is long.
//   - format=flowed (RFC 3676) is joined to paragraphs.
//
// Nothing may edit what this package returns. The policy is applied in two
// independent passes: a walk over the parsed tree that writes only what it
// knows, and bluemonday as the last step.
package sanitize
