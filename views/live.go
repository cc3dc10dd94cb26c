package views

import (
	"strings"

	"oriel/mail"
	"oriel/static"
)

// unread is how many messages of the folder that is shown are unread.
func (f Frame) unread() uint32 {
	for _, d := range f.Folders {
		if d.Name == f.Current.Folder {
			return d.Unread
		}
	}
	return 0
}

// frameTitle is the title of a whole document: what is unread in the folder that
// is shown, what is open, the program's name. Pieces have no number in theirs:
// they may be shown later than they were drawn, and the script counts.
func frameTitle(f Frame) string {
	if n := f.unread(); n > 0 {
		return "(" + plain(n) + ") " + titleText(f.Title)
	}
	return titleText(f.Title)
}

// tabIcon is the icon of the browser's tab, with a dot when the inbox has
// something unread.
func tabIcon(folders []mail.Folder) string {
	for _, d := range folders {
		if (d.Role == mail.Inbox || strings.EqualFold(d.Name, "INBOX")) && d.Unread > 0 {
			return static.URL("favicon-new.svg")
		}
	}
	return static.URL("favicon.svg")
}
