package views

import (
	"time"

	"oriel/mail"
	"oriel/sanitize"
)

// Context is what every page needs to know about its reader.
type Context struct {
	Now   time.Time
	Zone  *time.Location // the reader's, for dates and day groups
	User  string         // login name; "" when signed out
	Prefs Prefs
}

// Prefs is how the reader wants pages to look.
type Prefs struct {
	Theme   string // "light", "dark" or "" for the system's
	Density string // "compact" or "" for comfortable
}

// Frame is what stands around the content of a full page.
type Frame struct {
	Context
	Title   string
	Folders []mail.Folder  // for the navigation
	Current mail.ListQuery // the list that is open; zero on other pages
	Toast   *Toast
	Live    string // id of the last event that the page has in it, "" when there was none
}

// Toast is one message at the foot of the page, after an action.
type Toast struct {
	Text  string
	Undo  string // id for POST /undo; "" when there is no way back
	Back  string // where the Undo form returns to without JavaScript
	Error bool   // stays until dismissed
}

// ListView is the list pane.
type ListView struct {
	Context
	List mail.List
	Open mail.Ref // the message that is open beside it, or zero
	Gone bool     // that message is no longer in the folder
}

// Query names the page that is shown.
func (v ListView) Query() mail.ListQuery {
	return mail.ListQuery{Folder: v.List.Folder.Name, Filter: v.List.Filter, Page: v.List.Page}
}

// MessageView is the reading pane.
type MessageView struct {
	Context
	Message mail.Message
	Folder  mail.Folder
	Query   mail.ListQuery // the list it was opened from
	Place   mail.Place
	Bodies  []BodyView
	Blocked int // remote images that the HTML bodies name and that were not loaded
}

// BodyView is one shown body of a message.
type BodyView struct {
	Part      mail.Part
	Text      sanitize.HTML // of a plain text part
	Frame     string        // URL of an HTML part's document; "" for text
	Truncated bool          // only the beginning is shown
	Problem   string        // a sentence instead of the body
}

// LoginView is the sign-in page.
type LoginView struct {
	Context
	Username string
	Next     string
	Problem  string // one sentence: why it did not work
	Notice   string // the demo's login, or ""
}

// ErrorView says what went wrong and offers a way on.
type ErrorView struct {
	Title    string
	Sentence string
	Actions  []Action
	Request  string // id that also stands in the log
}

// Action is a link offered on an error or empty page.
type Action struct {
	Label string
	URL   string
}

// ChooseView asks for the folder to move or copy messages to.
type ChooseView struct {
	Context
	Do      string // "move" or "copy"
	Refs    []mail.Ref
	Folders []mail.Folder
	From    string // folder whose list the action was started in
	Back    string
}

// ConfirmView asks before something that cannot be undone, or offers to create
// the folder an action needs.
type ConfirmView struct {
	Context
	Title    string
	Sentence string
	Do       string
	Refs     []mail.Ref
	From     string
	Back     string
	Field    string // name of the hidden field that carries the consent, value "1"
	Label    string // of the button
	Danger   bool
}

// SettingsView is the settings page.
type SettingsView struct {
	Context
	Back string
}
