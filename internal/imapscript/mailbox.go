package imapscript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Mailbox is a small well-behaved account, so that a test scripts only the
// command it is about: Start(t, m.Serve) with a Hook. The zero value accepts any
// password and has an empty INBOX on an IMAP4rev1 server without extensions.
type Mailbox struct {
	Greeting string // default "* OK [CAPABILITY ...] ready"; "PREAUTH" or "BYE" as a whole line
	Caps     string // default "IMAP4rev1"; before and after login
	Password string // quoted as the client quotes it; "" accepts all
	List     []string
	Folders  map[string][]*Message // by wire name; INBOX is always there
	Validity uint32                // default 1

	// Hook sees every command first. True: it has answered (or dropped, or hung).
	Hook func(c *Conn, cmd Command) bool

	mu sync.Mutex
}

// Message is one message of a Mailbox.
type Message struct {
	UID    uint32
	Flags  []string
	Header string            // default: a From, a Subject and a Date line
	Text   string            // the body, text/plain
	Items  map[string]string // overrides FETCH items by name: "ENVELOPE": "NIL"
}

// Serve is the script for Start.
func (m *Mailbox) Serve(c *Conn) {
	caps := m.Caps
	if caps == "" {
		caps = "IMAP4rev1"
	}
	greeting := m.Greeting
	if greeting == "" {
		greeting = "* OK [CAPABILITY " + caps + "] ready"
	}
	c.Send("%s\r\n", greeting)
	selected := ""
	for {
		cmd, ok := c.Read()
		if !ok {
			return
		}
		if m.Hook != nil && m.Hook(c, cmd) {
			continue
		}
		if cmd.Name == "LOGOUT" {
			c.Send("* BYE bye\r\n")
			c.OK(cmd, "done")
			return
		}
		m.answer(c, cmd, caps, &selected)
	}
}

func (m *Mailbox) answer(c *Conn, cmd Command, caps string, selected *string) {
	m.mu.Lock()
	defer m.mu.Unlock()
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
	case "SELECT", "EXAMINE":
		if !m.open(c, cmd, selected) {
			return
		}
	case "UID FETCH", "FETCH":
		m.each(cmd, *selected, func(i int, msg *Message, items string) { c.Send("%s", msg.fetch(i+1, items)) })
	case "UID STORE", "STORE":
		m.each(cmd, *selected, func(_ int, msg *Message, what string) { msg.store(what) })
	case "UID SEARCH":
		m.search(c, cmd, *selected)
	case "UID COPY", "UID MOVE":
		if !m.copy(c, cmd, *selected) {
			return
		}
	case "UID EXPUNGE", "EXPUNGE":
		m.expunge(c, cmd, *selected)
	case "IDLE":
		c.Send("+ idling\r\n")
		c.Line()
	case "NOOP", "CHECK", "CREATE", "SUBSCRIBE", "UNSELECT", "CLOSE", "ENABLE", "ID":
	default:
		c.Bad(cmd, "unknown command")
		return
	}
	c.OK(cmd, "done")
}

func (m *Mailbox) names() []string {
	names := []string{"INBOX"}
	for n := range m.Folders {
		if n != "INBOX" {
			names = append(names, n)
		}
	}
	slices.Sort(names[1:])
	return names
}

func (m *Mailbox) list(c *Conn, cmd Command) {
	if strings.HasPrefix(cmd.Args, `"" ""`) {
		c.Send("* LIST (\\Noselect) \"/\" \"\"\r\n")
		return
	}
	if m.List != nil {
		for _, l := range m.List {
			c.Send("%s\r\n", l)
		}
		return
	}
	for _, n := range m.names() {
		c.Send("* LIST (\\HasNoChildren) \"/\" \"%s\"\r\n", n)
		if strings.Contains(cmd.Args, "STATUS (") {
			m.status(c, Command{Args: `"` + n + `"`})
		}
	}
}

func (m *Mailbox) validity() uint32 {
	if m.Validity == 0 {
		return 1
	}
	return m.Validity
}

func (m *Mailbox) status(c *Conn, cmd Command) {
	name := firstName(cmd.Args)
	unseen := 0
	for _, msg := range m.Folders[name] {
		if !slices.Contains(msg.Flags, `\Seen`) {
			unseen++
		}
	}
	c.Send("* STATUS \"%s\" (MESSAGES %d UNSEEN %d UIDNEXT %d UIDVALIDITY %d)\r\n",
		name, len(m.Folders[name]), unseen, m.next(name), m.validity())
}

func (m *Mailbox) next(name string) uint32 {
	var last uint32
	for _, msg := range m.Folders[name] {
		last = max(last, msg.UID)
	}
	return last + 1
}

func (m *Mailbox) open(c *Conn, cmd Command, selected *string) bool {
	name := firstName(cmd.Args)
	if !slices.Contains(m.names(), name) {
		*selected = ""
		c.No(cmd, "[NONEXISTENT] no such folder")
		return false
	}
	*selected = name
	c.Send("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ok\r\n")
	c.Send("* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY %d] ok\r\n* OK [UIDNEXT %d] ok\r\n",
		len(m.Folders[name]), m.validity(), m.next(name))
	c.OK(cmd, "[READ-WRITE] done")
	return false
}

// each calls f for the messages of the command's set, with the other arguments.
func (m *Mailbox) each(cmd Command, folder string, f func(i int, msg *Message, rest string)) {
	set, rest, _ := strings.Cut(cmd.Args, " ")
	byUID := strings.HasPrefix(cmd.Name, "UID ")
	for i, msg := range slices.Clone(m.Folders[folder]) {
		n := uint32(i + 1)
		if byUID {
			n = msg.UID
		}
		if inSet(set, n) {
			f(i, msg, rest)
		}
	}
}

func (m *Mailbox) search(c *Conn, cmd Command, folder string) {
	var uids []string
	for _, msg := range m.Folders[folder] {
		if strings.Contains(cmd.Args, "UNSEEN") && slices.Contains(msg.Flags, `\Seen`) ||
			strings.Contains(cmd.Args, "FLAGGED") && !slices.Contains(msg.Flags, `\Flagged`) ||
			strings.Contains(cmd.Args, "UNDELETED") && slices.Contains(msg.Flags, `\Deleted`) ||
			strings.Contains(cmd.Args, " DELETED") && !slices.Contains(msg.Flags, `\Deleted`) {
			continue
		}
		uids = append(uids, strconv.Itoa(int(msg.UID)))
	}
	if !strings.Contains(cmd.Args, "RETURN (") {
		c.Send("* SEARCH %s\r\n", strings.Join(uids, " "))
		return
	}
	all := ""
	if len(uids) > 0 {
		all = " ALL " + strings.Join(uids, ",")
	}
	c.Send("* ESEARCH (TAG \"%s\") UID%s COUNT %d\r\n", cmd.Tag, all, len(uids))
}

func (m *Mailbox) copy(c *Conn, cmd Command, folder string) bool {
	_, rest, _ := strings.Cut(cmd.Args, " ")
	dst := firstName(rest)
	if !slices.Contains(m.names(), dst) {
		c.No(cmd, "[TRYCREATE] no such folder")
		return false
	}
	var from, to []string
	m.each(cmd, folder, func(i int, msg *Message, _ string) {
		moved := *msg
		moved.UID = m.next(dst)
		from, to = append(from, fmt.Sprint(msg.UID)), append(to, fmt.Sprint(moved.UID))
		if m.Folders == nil {
			m.Folders = map[string][]*Message{}
		}
		m.Folders[dst] = append(m.Folders[dst], &moved)
		if cmd.Name == "UID MOVE" {
			m.remove(c, folder, msg)
		}
	})
	if len(from) == 0 || !strings.Contains(m.Caps, "UIDPLUS") {
		return true
	}
	code := fmt.Sprintf("[COPYUID %d %s %s]", m.validity(), strings.Join(from, ","), strings.Join(to, ","))
	if cmd.Name == "UID MOVE" {
		c.Send("* OK %s moved\r\n", code)
		return true
	}
	c.OK(cmd, code+" copied")
	return false
}

func (m *Mailbox) expunge(c *Conn, cmd Command, folder string) {
	for _, msg := range slices.Clone(m.Folders[folder]) {
		if slices.Contains(msg.Flags, `\Deleted`) && (cmd.Name == "EXPUNGE" || inSet(cmd.Args, msg.UID)) {
			m.remove(c, folder, msg)
		}
	}
}

func (m *Mailbox) remove(c *Conn, folder string, msg *Message) {
	i := slices.Index(m.Folders[folder], msg)
	m.Folders[folder] = slices.Delete(m.Folders[folder], i, i+1)
	c.Send("* %d EXPUNGE\r\n", i+1)
}

// inSet tells whether a sequence set names n. "*" is not the last message here
// but infinity, which is enough for "5:*".
func inSet(set string, n uint32) bool {
	for _, r := range strings.Split(set, ",") {
		lo, hi, isRange := strings.Cut(r, ":")
		if !isRange {
			hi = lo
		}
		if num(lo) <= n && n <= num(hi) {
			return true
		}
	}
	return false
}

func num(s string) uint32 {
	if s == "*" {
		return ^uint32(0)
	}
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}

// firstName reads a folder name, quoted or not, from the front of arguments.
func firstName(args string) string {
	if rest, ok := strings.CutPrefix(args, `"`); ok {
		name, _, _ := strings.Cut(rest, `"`)
		return name
	}
	name, _, _ := strings.Cut(args, " ")
	return name
}
