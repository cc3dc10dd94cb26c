package views

import (
	"net/url"
	"strconv"

	"oriel/mail"
)

// One function per URL of the program. Nothing else spells a path, so that the
// route table and the pages cannot disagree (a test walks both).

// HomeURL is where a signed-in visitor starts.
func HomeURL() string { return FolderURL(mail.ListQuery{Folder: "INBOX"}) }

// LoginURL is the sign-in page; next is where to go afterwards, or "".
func LoginURL(next string) string {
	if next == "" {
		return "/login"
	}
	return "/login?next=" + url.QueryEscape(next)
}

// LogoutURL ends the session (POST).
func LogoutURL() string { return "/logout" }

// FolderURL is one page of a folder's list.
func FolderURL(q mail.ListQuery) string {
	return "/m/" + mail.Key(q.Folder) + listContext(q)
}

// ActURL is where the forms of a list post to: POST /m/{folder}.
func ActURL(folder string) string { return "/m/" + mail.Key(folder) }

// ActOneURL is ActURL for a button that acts on its own row whatever is
// selected: the query's message wins over the form's.
func ActOneURL(r mail.Ref) string { return ActURL(r.Folder) + "?one=" + r.ID() }

// MessageURL is the page of a message, opened from the list that q names.
func MessageURL(r mail.Ref, q mail.ListQuery) string {
	return "/m/" + r.String() + listContext(q)
}

// BodyURL is an HTML body as a document of its own, for the sandboxed frame.
func BodyURL(r mail.Ref, part string) string {
	return "/m/" + r.String() + "/body?part=" + url.QueryEscape(part)
}

// PartURL is one decoded part. The browser shows it when its type is harmless,
// and saves it when download is set or the type is not.
func PartURL(r mail.Ref, path string, download bool) string {
	s := "/m/" + r.String() + "/part/" + path
	if download {
		s += "?download=1"
	}
	return s
}

// SourceURL is the message as it is on the server, as an .eml file.
func SourceURL(r mail.Ref) string { return "/m/" + r.String() + "/source" }

// ZipURL is all attachments of a message in one archive.
func ZipURL(r mail.Ref) string { return "/m/" + r.String() + "/attachments.zip" }

// UndoURL takes the last action back (POST).
func UndoURL() string { return "/undo" }

// SettingsURL shows and (POST) changes the settings.
func SettingsURL() string { return "/settings" }

// ShortcutsURL lists the keyboard shortcuts.
func ShortcutsURL() string { return "/shortcuts" }

// listContext is the query that makes a page remember its list.
func listContext(q mail.ListQuery) string {
	v := url.Values{}
	if q.Filter != mail.All {
		v.Set("filter", string(q.Filter))
	}
	if q.Page > 1 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}
