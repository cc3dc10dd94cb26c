package wire

// NoteKind says what a Note tells.
type NoteKind int

// The kinds of notes.
const (
	Alert         NoteKind = iota // [ALERT]: Text is for the user's eyes (RFC 3501 section 7.1)
	Bye                           // the server ends the connection; Text says why
	Vanished                      // messages UIDs are gone (RFC 7162 section 3.2.10)
	Earlier                       // the same, as the answer to a question about the past: VANISHED (EARLIER)
	Modified                      // a conditional STORE left UIDs alone (RFC 7162 section 3.1.3)
	HighestModSeq                 // Number is the mailbox's HIGHESTMODSEQ, told outside of SELECT and STATUS
	FlagsChanged                  // a FETCH response that no command of ours asked for
	StatusChanged                 // a STATUS response that no command of ours asked for (RFC 5465)
)

// Note is what a server says that go-imap has no place for.
type Note struct {
	Kind   NoteKind
	Text   string // of Alert and Bye: without control characters, otherwise as sent
	UIDs   string // of Vanished, Earlier and Modified: a checked UID set such as "3,5:7"
	Number uint64 // of HighestModSeq
}
