package mail

// EventKind says what an Event is about.
type EventKind int

// The kinds of events.
const (
	Changed EventKind = iota // messages, flags or counts of Folder are no longer what they were
	Listed                   // folders were made, renamed or removed
	Lost                     // the mail server cannot be reached; Oriel goes on trying
	Back                     // it can be reached again; whatever is shown may be old
	Expired                  // the server no longer takes the password: sign in again
	Alert                    // the server wants the user to read Reason (RFC 3501 section 7.1)
)

// Event is news for the pages that show a mailbox. It says that something is
// different, not what: a page asks for what it shows again.
type Event struct {
	Kind    EventKind
	Folder  Folder // of Changed: its name, and its counts when Counted
	Arrived int    // of Changed: messages that have come since the last event of this folder
	Reason  string // of Lost and Alert: a sentence or the server's words, cleaned
}
