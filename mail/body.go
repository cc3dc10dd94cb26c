package mail

// Body is what a message's page shows of its MIME tree, decided once by Choose
// for the list's preview and paper clip, the page, and whatever comes later.
type Body struct {
	Shown       []Part // text parts to display, in order: text/plain, text/html, other text
	Attachments []Part // leaves offered for download, nested messages included
	Inline      []Part // images that a shown HTML part may refer to by Content-ID or Content-Location
	Hidden      []Part // technical leaves nobody asks for: signatures, winmail.dat, report headers
}
