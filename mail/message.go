package mail

import "time"

// Address is one person or mailbox of a header field, already decoded to UTF-8
// and free of control and bidi characters.
type Address struct {
	Name string // display name; "" when there is none
	Addr string // local@domain as sent; may lack a domain in broken mail
}

// Flags are the system flags of RFC 3501 section 2.3.2 that Oriel shows, and the
// common keywords of RFC 5788.
type Flags struct {
	Seen      bool
	Flagged   bool
	Answered  bool
	Forwarded bool // keyword $Forwarded
	Draft     bool
	Deleted   bool
	Keywords  []string // the other keywords, as the server spells them
}

// Summary is one row of a list.
type Summary struct {
	Ref
	Flags
	From       []Address
	To         []Address // To and Cc, for lists of one's own mail
	Subject    string    // decoded; "" when absent
	Date       time.Time // the Date field, or Arrived when it cannot be read
	Arrived    time.Time // INTERNALDATE: what lists are ordered and grouped by
	Size       int64     // RFC822.SIZE, octets
	Attachment bool      // has a part that the message page lists as an attachment
	Preview    string    // the first words of the text, one line, at most 200 characters
	MessageID  string    // without angle brackets
	Broken     bool      // its structure cannot be read: known by its header only
}

// Message is one message as its page shows it. Bodies and attachments are
// described, not contained, except the texts that the page prints.
type Message struct {
	Summary
	Sender  []Address // only when it differs from From
	ReplyTo []Address // only when it differs from From
	ToOnly  []Address // To without Cc
	Cc      []Address
	Bcc     []Address
	Root    Part   // the MIME tree
	Body    Body   // what Choose made of the tree
	Texts   []Text // the decoded text parts named by Body.Shown, in its order; HTML parts too
	ListID  string
}

// Text is the decoded content of one shown text part.
type Text struct {
	Part      Part
	Content   string // UTF-8, line ends folded to \n
	Truncated bool   // the part is longer than the display limit
}

// Filter narrows a list.
type Filter string

// The filters of a message list.
const (
	All     Filter = ""
	Unread  Filter = "unread"
	Flagged Filter = "flagged"
)

// PageSize is the number of rows of a list page.
const PageSize = 50

// ListQuery names one page of one folder.
type ListQuery struct {
	Folder string
	Filter Filter
	Page   int // 1-based
}

// List is one page of a folder, newest arrival first.
type List struct {
	Folder  Folder // with fresh counts
	Filter  Filter
	Page    int // the page shown: the last one when the query asked for more
	Pages   int // at least 1
	Matches int // messages the filter lets through
	Rows    []Summary
}

// First and Last are the 1-based positions of the page's rows among Matches.
func (l List) First() int { return (l.Page-1)*PageSize + min(1, len(l.Rows)) }

// Last is the position of the last row; see First.
func (l List) Last() int { return (l.Page-1)*PageSize + len(l.Rows) }

// Place is where a message stands in a list, for "12 of 2,381" and the links to
// its neighbours. A zero Ref means there is none. Position is 0 when the message
// is not in the list (read meanwhile, in a list of unread ones).
type Place struct {
	Position int
	Matches  int
	Newer    Ref
	Older    Ref
}

// Result says what a change did, message by message.
type Result struct {
	Done  []Ref // changed, and confirmed by the server
	Gone  []Ref // were not there any more
	Moved []Ref // where Done[i] is now; empty when the server did not say (no UIDPLUS)

	// Changed are those of Done that a change of flags really changed: an Undo
	// must not mark unread what had been read before.
	Changed []Ref
}
