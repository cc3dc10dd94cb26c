package imapscript

import (
	"slices"
	"strings"
	"sync"
)

// Mailbox is a small well-behaved account, so that a test scripts only the
// command it is about: Start(t, m.Serve) with a Hook. The zero value accepts any
// password and has an empty INBOX on an IMAP4rev1 server without extensions.
//
// Several connections see it as those of a real server do: each has its own view
// of the selected folder, learns of what others have changed when a command ends
// or at once in IDLE, and reads what it has not heard the end of yet. CONDSTORE
// and QRESYNC (RFC 7162) work when Caps names them. Before Start the fields may
// be set freely, afterwards changes go through the methods of change.go.
type Mailbox struct {
	Greeting string // default "* OK [CAPABILITY ...] ready"; "PREAUTH" or "BYE" as a whole line
	Caps     string // default "IMAP4rev1"; before and after login
	Password string // quoted as the client quotes it; "" accepts all
	List     []string
	Folders  map[string][]*Message // by wire name; INBOX is always there
	Validity uint32                // default 1
	Quiet    bool                  // announces nothing in IDLE, as Cyrus does without its idle daemon
	NoModSeq bool                  // SELECT says NOMODSEQ (RFC 7162 section 3.1.2.2)

	// Hook sees every command first. True: it has answered (or dropped, or hung).
	Hook func(c *Conn, cmd Command) bool

	// Late, when set, is called after a command's data and before the end of its
	// answer. What it changes is announced there.
	Late func(cmd Command)

	mu    sync.Mutex
	past  map[string]*past
	views map[*view]bool
}

// past is what a folder remembers beside its messages.
type past struct {
	validity uint32 // 0: Mailbox.Validity
	next     uint32 // UIDNEXT is at least that
	modSeq   uint64
	gone     []tomb
}

// tomb is an expunged message.
type tomb struct {
	uid    uint32
	modSeq uint64
}

// Message is one message of a Mailbox.
type Message struct {
	UID    uint32
	Flags  []string
	Header string            // default: a From, a Subject and a Date line
	Text   string            // the body, text/plain
	Items  map[string]string // overrides FETCH items by name: "ENVELOPE": "NIL"
	Date   string            // INTERNALDATE without its quotes; default a day in March 2026

	modSeq uint64
}

// Serve is the script for Start.
func (m *Mailbox) Serve(c *Conn) {
	caps := m.caps()
	greeting := m.Greeting
	if greeting == "" {
		greeting = "* OK [CAPABILITY " + caps + "] ready"
	}
	c.Send("%s\r\n", greeting)
	v := &view{m: m, c: c}
	m.mu.Lock()
	if m.views == nil {
		m.views = map[*view]bool{}
	}
	m.views[v] = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.views, v)
	}()
	for {
		cmd, ok := c.Read()
		if !ok {
			return
		}
		if m.Hook != nil && m.Hook(c, cmd) {
			continue
		}
		switch cmd.Name {
		case "LOGOUT":
			c.Send("* BYE bye\r\n")
			c.OK(cmd, "done")
			return
		case "IDLE":
			if !v.idle(cmd) {
				return
			}
		default:
			m.answer(v, cmd, caps)
		}
	}
}

func (m *Mailbox) caps() string {
	if m.Caps == "" {
		return "IMAP4rev1"
	}
	return m.Caps
}

// has reports whether the account has an extension.
func (m *Mailbox) has(name string) bool {
	return slices.Contains(strings.Fields(m.caps()), name)
}

func (m *Mailbox) condstore() bool { return m.has("CONDSTORE") || m.has("QRESYNC") }

func (m *Mailbox) answer(v *view, cmd Command, caps string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := v.c
	text := "done"
	switch cmd.Name {
	case "CAPABILITY":
		c.Send("* CAPABILITY %s\r\n", caps)
	case "LOGIN":
		if m.Password != "" && !strings.HasSuffix(cmd.Args, " "+m.Password) {
			c.No(cmd, "[AUTHENTICATIONFAILED] wrong password")
			return
		}
		c.OK(cmd, "[CAPABILITY "+caps+"] welcome")
		return
	case "NAMESPACE":
		c.Send("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n")
	case "LIST":
		m.list(c, cmd)
	case "STATUS":
		m.status(c, cmd)
	case "ENABLE":
		v.enable(cmd)
	case "SELECT", "EXAMINE":
		v.open(cmd)
		return
	case "UNSELECT", "CLOSE":
		v.selected, v.rows = "", nil
	case "UID FETCH", "FETCH":
		v.fetch(cmd)
	case "UID STORE", "STORE":
		v.store(cmd)
	case "UID SEARCH":
		v.search(cmd)
	case "UID COPY", "UID MOVE":
		code, ok := v.copy(cmd)
		if !ok {
			c.No(cmd, "[TRYCREATE] no such folder")
			return
		}
		text = strings.TrimSpace(code + " " + text)
	case "UID EXPUNGE", "EXPUNGE":
		v.expunge(cmd)
	case "NOOP", "CHECK", "CREATE", "SUBSCRIBE", "ID":
	default:
		c.Bad(cmd, "unknown command")
		return
	}
	if m.Late != nil {
		m.mu.Unlock()
		m.Late(cmd)
		m.mu.Lock()
	}
	// Sequence numbers must not change under a command that uses them (RFC 3501
	// section 7.4.1).
	if cmd.Name != "FETCH" && cmd.Name != "STORE" && cmd.Name != "SEARCH" {
		v.announce()
	}
	c.OK(cmd, text)
}
