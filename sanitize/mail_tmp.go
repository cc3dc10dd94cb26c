package sanitize

import "html"

// Mail makes a document of an HTML body.
func Mail(src string, o MailOptions) (Document, error) {
	return Document{HTML: "<!doctype html><pre>" + html.EscapeString(src) + "</pre>"}, nil
}
