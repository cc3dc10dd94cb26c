package imapscript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// names lists the folders, INBOX first.
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

func (m *Mailbox) status(c *Conn, cmd Command) {
	name := firstName(cmd.Args)
	unseen := 0
	for _, msg := range m.Folders[name] {
		if !slices.Contains(msg.Flags, `\Seen`) {
			unseen++
		}
	}
	modSeq := ""
	if m.condstore() && strings.Contains(cmd.Args, "HIGHESTMODSEQ") {
		modSeq = fmt.Sprintf(" HIGHESTMODSEQ %d", max(1, m.of(name).modSeq))
	}
	c.Send("* STATUS \"%s\" (MESSAGES %d UNSEEN %d UIDNEXT %d UIDVALIDITY %d%s)\r\n",
		name, len(m.Folders[name]), unseen, m.next(name), m.validity(name), modSeq)
}

func (m *Mailbox) of(folder string) *past {
	p := m.past[folder]
	if p == nil {
		if m.past == nil {
			m.past = map[string]*past{}
		}
		p = &past{modSeq: 1}
		m.past[folder] = p
	}
	return p
}

func (m *Mailbox) validity(folder string) uint32 {
	if v := m.of(folder).validity; v != 0 {
		return v
	}
	return max(1, m.Validity)
}

func (m *Mailbox) next(folder string) uint32 {
	p := m.of(folder)
	p.next = max(1, p.next)
	for _, msg := range m.Folders[folder] {
		p.next = max(p.next, msg.UID+1)
	}
	return p.next
}

// bump gives a message the next modification sequence of its folder.
func (m *Mailbox) bump(folder string, msg *Message) {
	p := m.of(folder)
	p.modSeq++
	msg.modSeq = p.modSeq
}

// modSeqOf gives one to a message that a test has put there by hand.
func (m *Mailbox) modSeqOf(folder string, msg *Message) {
	if msg.modSeq == 0 {
		m.bump(folder, msg)
	}
}

func (m *Mailbox) add(folder string, msg *Message) {
	if m.Folders == nil {
		m.Folders = map[string][]*Message{}
	}
	m.Folders[folder] = append(m.Folders[folder], msg)
	m.bump(folder, msg)
}

func (m *Mailbox) remove(folder string, msg *Message) {
	i := slices.Index(m.Folders[folder], msg)
	if i < 0 {
		return
	}
	m.next(folder) // a number is never given twice
	m.Folders[folder] = slices.Delete(m.Folders[folder], i, i+1)
	p := m.of(folder)
	p.modSeq++
	p.gone = append(p.gone, tomb{msg.UID, p.modSeq})
}

// numbers is a parsed sequence set. "*" is not the last message here but
// infinity, which is enough for "5:*".
type numbers [][2]uint32

func parseSet(set string) (n numbers) {
	for r := range strings.SplitSeq(set, ",") {
		lo, hi, isRange := strings.Cut(r, ":")
		if !isRange {
			hi = lo
		}
		n = append(n, [2]uint32{num(lo), num(hi)})
	}
	return n
}

func (n numbers) has(v uint32) bool {
	for _, r := range n {
		if r[0] <= v && v <= r[1] {
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
