package wire

import (
	"bytes"
	"iter"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

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
	Overflow                      // too much happens: NOTIFY is off from here on (RFC 5465 section 5.8)
)

// Note is what a server says that go-imap has no place for.
type Note struct {
	Kind NoteKind
	// Text of Alert and Bye is without control characters, otherwise as sent.
	Text string
	// UIDs of Vanished, Earlier and Modified is a checked UID set such as
	// "3,5:7". A range may be as wide as numbers go: whoever walks through the set
	// walks through what he knows, not through the range. FlagsChanged has the one
	// UID, or "" when the server told only a sequence number, as most do.
	UIDs string
	// Number is of HighestModSeq.
	Number uint64
	// Folder of StatusChanged is the folder's name as go-imap shows names. A
	// server that spells the name wrongly makes it a good guess.
	Folder string
}

// maxText is the length to which the text of a note is cut.
const maxText = 1000

func (r *reader) note(n Note) {
	if r.conn.note != nil {
		r.conn.note(n)
	}
}

// tell hands up what a status response says to us, not to go-imap. code is as
// sent, without its brackets. done is the command of ours that it ends, if any.
func (r *reader) tell(typ string, code []byte, text string, done *command) {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	if typ == "BYE" {
		// The answer to LOGOUT is a BYE too (RFC 3501 section 6.1.3): our own doing.
		if !r.conn.wr.waiting("LOGOUT") {
			r.note(Note{Kind: Bye, Text: text})
		}
		return
	}
	name, args, _ := bytes.Cut(code, []byte(" "))
	args = bytes.TrimSpace(args)
	switch strings.ToUpper(string(name)) {
	case "ALERT":
		r.note(Note{Kind: Alert, Text: text})
	case "MODIFIED":
		// Of a STORE without UID it holds sequence numbers, which nobody wants.
		if set := numberSet(args); done != nil && done.uid && set != "" {
			r.note(Note{Kind: Modified, UIDs: set})
		}
	case "HIGHESTMODSEQ":
		n, ok := parseNumber(args, math.MaxUint64)
		if ok && n > 0 && typ == "OK" && !(done != nil && done.selects()) && !r.conn.wr.waiting("SELECT", "EXAMINE") {
			r.note(Note{Kind: HighestModSeq, Number: n})
		}
	case "NOTIFICATIONOVERFLOW":
		r.note(Note{Kind: Overflow})
	}
}

// maxExpunges is how many messages of one VANISHED go-imap is told of singly.
const maxExpunges = 1000

// vanished hands up a VANISHED response (RFC 7162 section 3.2.10).
//
// Once QRESYNC is enabled it stands in the place of EXPUNGE, from which go-imap
// takes the number of messages. So go-imap hears of as many expunges as messages
// are gone. Their sequence numbers are not known and said to be 1: Oriel uses
// none after an expunge, except in a window that it has just opened.
func (r *reader) vanished(s *scanner) {
	kind := Vanished
	if s.peek() == '(' {
		v, ok := s.value()
		if !ok || len(v.kids) != 1 || !strings.EqualFold(string(v.kids[0].text), "EARLIER") {
			return
		}
		kind = Earlier
		s.spaces()
	}
	set := numberSet(s.word())
	if set == "" {
		return
	}
	r.note(Note{Kind: kind, UIDs: set})
	// While a mailbox is being opened go-imap counts anew, from EXISTS.
	if kind == Earlier || r.conn.wr.waiting("SELECT", "EXAMINE") {
		return
	}
	// A set may name far more than there ever were.
	gone := min(setSize(set), uint64(r.exists))
	r.exists -= uint32(gone)
	if gone > maxExpunges {
		r.emit("* 1 EXPUNGE")
		r.emit("* " + strconv.FormatUint(uint64(r.exists), 10) + " EXISTS")
		return
	}
	for range gone {
		r.emit("* 1 EXPUNGE")
	}
}

// setSize counts the numbers of a set that numberSet has let through.
func setSize(set string) (n uint64) {
	for lo, hi := range ranges(set) {
		n += uint64(hi-lo) + 1
	}
	return n
}

// Ranges are the ranges of UIDs, each with its lower end first.
func (n Note) Ranges() iter.Seq2[uint32, uint32] { return ranges(n.UIDs) }

// ranges reads a set that numberSet has let through.
func ranges(set string) iter.Seq2[uint32, uint32] {
	return func(yield func(lo, hi uint32) bool) {
		for part := range strings.SplitSeq(set, ",") {
			lo, hi, isRange := strings.Cut(part, ":")
			if !isRange {
				hi = lo
			}
			a, err1 := strconv.ParseUint(lo, 10, 32)
			b, err2 := strconv.ParseUint(hi, 10, 32)
			if err1 == nil && err2 == nil && !yield(uint32(min(a, b)), uint32(max(a, b))) {
				return
			}
		}
	}
}

// shownName is a folder's name as go-imap shows it.
func shownName(raw []byte) string {
	if strings.EqualFold(string(raw), "INBOX") {
		return "INBOX"
	}
	name := string(decodeName(string(raw)))
	if !utf8.ValidString(name) {
		return strings.ToValidUTF8(name, "\uFFFD")
	}
	return name
}
