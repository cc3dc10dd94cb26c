package wire

import "time"

// Limits bound what one response may cost. A zero field means its default.
type Limits struct {
	Line     int   // bytes of a response without its literals; 1 MB
	Search   int   // the same for SEARCH, SORT and ESEARCH; 64 MB
	Literal  int64 // one literal outside Budget.BodyLiterals; 1 MB
	Depth    int   // nested parentheses; 128, because Dovecot describes MIME parts 100 deep
	Response int64 // bytes per Begin without Budget.MaxBytes and Budget.BodyLiterals, and while idle; 128 MB
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Line:     orDefault(l.Line, 1<<20),
		Search:   orDefault(l.Search, 64<<20),
		Literal:  orDefault(l.Literal, 1<<20),
		Depth:    orDefault(l.Depth, 128),
		Response: orDefault(l.Response, 128<<20),
	}
}

func orDefault[T int | int64](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// Options configure a Conn.
type Options struct {
	// Greeting holds bytes already read from the connection; they come first.
	Greeting []byte
	Limits   Limits
	// Names remembers the folders whose names were repaired. Connections of one
	// account share it, because a folder listed on one is opened on another.
	// Nil: the connection has its own.
	Names *Names
	// Note, when set, gets what the server says that go-imap has no place for. It is
	// called from the goroutine that reads (for the greeting, from New), in the
	// order of the stream, before the client sees what follows. It must not block
	// and must not wait for a command: nothing is read meanwhile.
	Note func(Note)
	// Trace, when set, gets every line without its strings, literals, names and
	// credentials. dir is 'C' for the client's lines and 'S' for the server's. It is
	// called from the reading and the writing goroutine, keeps nothing, and calls no
	// method of the Conn.
	Trace func(dir byte, redacted []byte)
}

// Budget is what the commands about to be sent may cost. A zero duration means
// no limit.
type Budget struct {
	First    time.Duration // until the first byte of an answer, from the last byte sent
	Progress time.Duration // longest silence afterwards, and longest time for one write
	MaxBytes int64         // of all answers together; 0: Limits.Response, unlimited with BodyLiterals
	// BodyLiterals allows literals of any size in BODY[...] and BINARY[...].
	BodyLiterals bool
	// NeedItem is the name of a FETCH item that every row of the answer has, or
	// the beginning of such a name: "ENVELOPE", "FLAGS", "BODY[". FETCH responses
	// without it are unsolicited flag changes (PREVIEW answers to both its own name
	// and "BODY["). The client would take one for the
	// row it waits for and lose the real row, so they are dropped and counted by
	// Conn.Dropped. A row whose item was there but unreadable is kept without it.
	NeedItem string
}
