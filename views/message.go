package views

import (
	"strings"
	"time"

	"oriel/mail"
)

// maxPeople bounds how many addresses of one field are listed.
const maxPeople = 200

func (m MessageView) subject() string { return subjectText(m.Message.Subject) }

// from is the first author, or the zero Address.
func (m MessageView) from() mail.Address { return face(m.Message.Summary, false) }

// recipients are everybody the message names as one.
func (m MessageView) recipients() []mail.Address {
	out := make([]mail.Address, 0, len(m.Message.ToOnly)+len(m.Message.Cc)+len(m.Message.Bcc))
	out = append(out, m.Message.ToOnly...)
	out = append(out, m.Message.Cc...)
	return append(out, m.Message.Bcc...)
}

// backURL is the list with this message's row in view.
func (m MessageView) backURL() string {
	return FolderURL(m.Query) + "#" + rowID(m.Message.Ref)
}

// nextURL is where to go when this message has left the list: the next older
// one, or the list when there is none.
func (m MessageView) nextURL() string {
	if m.Place.Older.UID == 0 {
		return FolderURL(m.Query)
	}
	return MessageURL(m.Place.Older, m.Query)
}

// late reports whether the message arrived so long after its date, or before
// it, that the reader should know both.
func (m MessageView) late() bool {
	d := m.Message.Arrived.Sub(m.Message.Date)
	return !m.Message.Arrived.IsZero() && (d > time.Hour || d < -time.Hour)
}

func (m MessageView) noBodyText() string {
	if m.Message.Broken {
		return "This message is damaged and can't be taken apart. Download its source to see what is in it."
	}
	return "This message has no text."
}

func placeText(p mail.Place) string {
	if p.Position == 0 {
		return ""
	}
	return count(p.Position) + " of " + count(p.Matches)
}

func blockedText(n int) string {
	if n == 1 {
		return "1 remote image was not loaded, so the sender can't see that you opened this."
	}
	return count(n) + " remote images were not loaded, so the sender can't see that you opened this."
}

// personText is a name with its address, as a list of addresses spells it.
func personText(a mail.Address) string {
	if a.Name == "" || a.Addr == "" {
		return nameOf(a)
	}
	return nameOf(a) + " <" + a.Addr + ">"
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

// fileName is what an attachment is called, also when its sender gave no name.
func fileName(p mail.Part) string {
	switch {
	case p.Name != "":
		return p.Name
	case p.Type == "message/rfc822" && p.Subject != "":
		return clip(p.Subject, maxName) + ".eml"
	}
	return "Unnamed " + strings.ToLower(fileKind(p.Type))
}

// fileText is the kind and size under an attachment's name.
func fileText(p mail.Part) string { return fileKind(p.Type) + ", " + sizeText(partSize(p)) }

func zipText(list []mail.Part) string {
	var sum int64
	for _, p := range list {
		sum += partSize(p)
	}
	return "Download all as zip, " + sizeText(sum)
}

// fileKind says in a word what a type is.
func fileKind(kind string) string {
	major, minor, _ := strings.Cut(kind, "/")
	switch {
	case kind == "application/pdf":
		return "PDF"
	case kind == "text/calendar":
		return "Invitation"
	case kind == "text/vcard" || kind == "text/x-vcard":
		return "Contact"
	case kind == "message/rfc822":
		return "Message"
	case strings.Contains(minor, "spreadsheet") || strings.Contains(minor, "excel") || kind == "text/csv":
		return "Spreadsheet"
	case strings.Contains(minor, "presentation") || strings.Contains(minor, "powerpoint"):
		return "Presentation"
	case strings.Contains(minor, "wordprocessing") || minor == "msword" || strings.HasSuffix(minor, "opendocument.text"):
		return "Document"
	case minor == "zip" || minor == "gzip" || minor == "x-tar" || strings.Contains(minor, "compressed"):
		return "Archive"
	case major == "image":
		return "Image"
	case major == "audio":
		return "Audio"
	case major == "video":
		return "Video"
	case major == "text":
		return "Text"
	}
	return "File"
}

func fileIcon(kind string) string {
	switch fileKind(kind) {
	case "Image":
		return "image"
	case "Invitation":
		return "calendar"
	case "Message":
		return "mail"
	case "Archive":
		return "archive"
	}
	return "file-text"
}
