package imapscript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// view is what one connection knows of the folder that it has selected.
type view struct {
	m         *Mailbox
	c         *Conn
	selected  string
	rows      []known
	condstore bool // the client has used it
	qresync   bool
	idling    bool
}

// known is a message and its modification sequence as last told.
type known struct {
	*Message
	told uint64
}

// idle serves IDLE (RFC 2177) up to DONE. It reports whether the connection lives.
func (v *view) idle(cmd Command) bool {
	if !v.m.has("IDLE") {
		v.c.Bad(cmd, "unknown command")
		return true
	}
	v.m.mu.Lock()
	v.c.Send("+ idling\r\n")
	v.idling = true
	if !v.m.Quiet {
		v.announce()
	}
	v.m.mu.Unlock()
	_, ok := v.c.Line()
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	v.idling = false
	v.announce()
	v.c.OK(cmd, "done")
	return ok
}

// announce tells what has changed in the selected folder since the last time.
func (v *view) announce() {
	if v.selected == "" {
		return
	}
	folder := v.m.Folders[v.selected]
	var vanished []string
	there := make(map[*Message]bool, len(folder))
	for _, msg := range folder {
		there[msg] = true
	}
	shown := make(map[*Message]bool, len(v.rows))
	for i := len(v.rows) - 1; i >= 0; i-- {
		if msg := v.rows[i].Message; there[msg] {
			shown[msg] = true
			continue
		}
		if v.qresync {
			vanished = append(vanished, fmt.Sprint(v.rows[i].UID))
		} else {
			v.c.Send("* %d EXPUNGE\r\n", i+1)
		}
		v.rows = slices.Delete(v.rows, i, i+1)
	}
	if len(vanished) > 0 {
		v.c.Send("* VANISHED %s\r\n", strings.Join(vanished, ","))
	}
	fresh := false
	for _, msg := range folder {
		if !shown[msg] {
			v.rows, fresh = append(v.rows, known{msg, msg.modSeq}), true
		}
	}
	if fresh {
		v.c.Send("* %d EXISTS\r\n", len(v.rows))
	}
	for i := range v.rows {
		if row := &v.rows[i]; row.told != row.modSeq {
			row.told = row.modSeq
			v.c.Send("* %d FETCH (%sFLAGS (%s)%s)\r\n", i+1, v.uidItem(row.Message), strings.Join(row.Flags, " "), v.modItem(row.Message))
		}
	}
}

// uidItem is the UID that servers add to what they announce once QRESYNC is on.
func (v *view) uidItem(msg *Message) string {
	if !v.qresync {
		return ""
	}
	return fmt.Sprintf("UID %d ", msg.UID)
}

func (v *view) modItem(msg *Message) string {
	if !v.condstore {
		return ""
	}
	return fmt.Sprintf(" MODSEQ (%d)", msg.modSeq)
}

// enable is ENABLE (RFC 5161): it names what is on from now on.
func (v *view) enable(cmd Command) {
	var on []string
	for _, name := range strings.Fields(strings.ToUpper(cmd.Args)) {
		if v.m.has(name) && (name == "QRESYNC" || name == "CONDSTORE") {
			on = append(on, name)
			v.condstore = true
			v.qresync = v.qresync || name == "QRESYNC"
		}
	}
	v.c.Send("* ENABLED %s\r\n", strings.Join(on, " "))
}

func (v *view) open(cmd Command) {
	m, name := v.m, firstName(cmd.Args)
	v.selected, v.rows = "", nil
	if !slices.Contains(m.names(), name) {
		v.c.No(cmd, "[NONEXISTENT] no such folder")
		return
	}
	v.selected = name
	v.condstore = v.condstore || strings.HasSuffix(strings.ToUpper(cmd.Args), " (CONDSTORE)")
	for _, msg := range m.Folders[name] {
		m.modSeqOf(name, msg)
		v.rows = append(v.rows, known{msg, msg.modSeq})
	}
	v.c.Send("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ok\r\n")
	v.c.Send("* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY %d] ok\r\n* OK [UIDNEXT %d] ok\r\n",
		len(v.rows), m.validity(name), m.next(name))
	switch {
	case !m.condstore():
	case m.NoModSeq:
		v.c.Send("* OK [NOMODSEQ] no\r\n")
	default:
		v.c.Send("* OK [HIGHESTMODSEQ %d] ok\r\n", max(1, m.of(name).modSeq))
	}
	v.c.OK(cmd, "[READ-WRITE] done")
}

// each calls f for the messages of the command's set, with the other arguments.
func (v *view) each(cmd Command, f func(i int, msg *Message, rest string)) {
	set, rest, _ := strings.Cut(cmd.Args, " ")
	ranges := parseSet(set)
	byUID := strings.HasPrefix(cmd.Name, "UID ")
	for i, row := range slices.Clone(v.rows) {
		n := uint32(i + 1)
		if byUID {
			n = row.UID
		}
		if ranges.has(n) {
			f(i, row.Message, rest)
		}
	}
}

func (v *view) fetch(cmd Command) {
	var since uint64
	vanished := false
	if at := strings.LastIndex(cmd.Args, " (CHANGEDSINCE "); at >= 0 && v.m.condstore() {
		fmt.Sscanf(cmd.Args[at:], " (CHANGEDSINCE %d", &since)
		vanished = strings.HasSuffix(cmd.Args, " VANISHED)")
		cmd.Args = cmd.Args[:at]
		v.condstore = true
	}
	if vanished {
		v.earlier(since)
	}
	v.each(cmd, func(i int, msg *Message, items string) {
		if since == 0 || msg.modSeq > since {
			v.c.Send("%s", msg.fetch(i+1, items))
		}
	})
}

// earlier names what is gone since then (RFC 7162 section 3.2.10).
func (v *view) earlier(since uint64) {
	var uids []string
	for _, t := range v.m.of(v.selected).gone {
		if t.modSeq > since {
			uids = append(uids, fmt.Sprint(t.uid))
		}
	}
	if len(uids) > 0 {
		v.c.Send("* VANISHED (EARLIER) %s\r\n", strings.Join(uids, ","))
	}
}

func (v *view) store(cmd Command) {
	v.each(cmd, func(i int, msg *Message, what string) {
		silent := strings.Contains(what, ".SILENT")
		if !msg.store(what) {
			return
		}
		v.m.bump(v.selected, msg)
		if silent {
			// Its own changes are not told to it, but for their number.
			v.rows[i].told = msg.modSeq
			if v.condstore {
				v.c.Send("* %d FETCH (UID %d%s)\r\n", i+1, msg.UID, v.modItem(msg))
			}
		}
	})
}

func (v *view) search(cmd Command) {
	var uids []string
	for _, msg := range v.rows {
		if strings.Contains(cmd.Args, "UNSEEN") && slices.Contains(msg.Flags, `\Seen`) ||
			strings.Contains(cmd.Args, "FLAGGED") && !slices.Contains(msg.Flags, `\Flagged`) ||
			strings.Contains(cmd.Args, "UNDELETED") && slices.Contains(msg.Flags, `\Deleted`) ||
			strings.Contains(cmd.Args, " DELETED") && !slices.Contains(msg.Flags, `\Deleted`) {
			continue
		}
		uids = append(uids, strconv.Itoa(int(msg.UID)))
	}
	if !strings.Contains(cmd.Args, "RETURN (") {
		v.c.Send("* SEARCH %s\r\n", strings.Join(uids, " "))
		return
	}
	all := ""
	if len(uids) > 0 && !strings.Contains(cmd.Args, "RETURN (COUNT)") {
		all = " ALL " + strings.Join(uids, ",")
	}
	v.c.Send("* ESEARCH (TAG \"%s\") UID%s COUNT %d\r\n", cmd.Tag, all, len(uids))
}

// copy is UID COPY and UID MOVE. code goes into the tagged answer.
func (v *view) copy(cmd Command) (code string, ok bool) {
	m := v.m
	_, rest, _ := strings.Cut(cmd.Args, " ")
	dst := firstName(rest)
	if !slices.Contains(m.names(), dst) {
		return "", false
	}
	var from, to []string
	v.each(cmd, func(_ int, msg *Message, _ string) {
		if !slices.Contains(m.Folders[v.selected], msg) {
			return // expunged by another connection
		}
		moved := *msg
		moved.UID = m.next(dst)
		from, to = append(from, fmt.Sprint(msg.UID)), append(to, fmt.Sprint(moved.UID))
		m.add(dst, &moved)
		if cmd.Name == "UID MOVE" {
			m.remove(v.selected, msg)
		}
	})
	if len(from) == 0 || !strings.Contains(m.Caps, "UIDPLUS") {
		return "", true
	}
	code = fmt.Sprintf("[COPYUID %d %s %s]", m.validity(dst), strings.Join(from, ","), strings.Join(to, ","))
	if cmd.Name == "UID MOVE" {
		v.c.Send("* OK %s moved\r\n", code)
		return "", true
	}
	return code, true
}

func (v *view) expunge(cmd Command) {
	for _, msg := range slices.Clone(v.m.Folders[v.selected]) {
		if slices.Contains(msg.Flags, `\Deleted`) && (cmd.Name == "EXPUNGE" || parseSet(cmd.Args).has(msg.UID)) {
			v.m.remove(v.selected, msg)
		}
	}
}
