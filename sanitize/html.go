package sanitize

// HTML is markup that is safe to write unescaped into Oriel's own pages. Only
// this package makes it.
type HTML string

// Document is an HTML body made safe, as a whole document for the sandboxed
// frame.
type Document struct {
	HTML      string
	Blocked   int  // remote images that were replaced
	Truncated bool // the body was longer than the input limit
}

// MailOptions are what Mail needs to know about the message around the body.
type MailOptions struct {
	// CID finds the part that a picture refers to. It gets the Content-ID of a
	// cid: URL, percent-decoded and without angle brackets, or else the URL as
	// it is written, which may be some part's Content-Location. It answers with
	// a path of Oriel's own, such as "/m/INBOX/1.2/part/3". May be nil.
	CID func(id string) (url string, ok bool)
	// Dark inverts the document's colours.
	Dark bool
}
