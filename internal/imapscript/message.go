package imapscript

import (
	"fmt"
	"slices"
	"strings"
)

func (m *Message) header() string {
	if m.Header != "" {
		return m.Header
	}
	return fmt.Sprintf("From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: message %d\r\n"+
		"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n\r\n", m.UID, m.UID)
}

// fetch writes the FETCH response for the items asked for.
func (m *Message) fetch(seq int, items string) string {
	var out []string
	for _, name := range fetchItems(items) {
		out = append(out, name+" "+m.item(name))
	}
	if uid := fmt.Sprintf("UID %d", m.UID); !slices.Contains(out, uid) {
		out = append([]string{uid}, out...)
	}
	return fmt.Sprintf("* %d FETCH (%s)\r\n", seq, strings.Join(out, " "))
}

func (m *Message) item(name string) string {
	if v, ok := m.Items[name]; ok {
		return v
	}
	switch name {
	case "UID":
		return fmt.Sprint(m.UID)
	case "FLAGS":
		return "(" + strings.Join(m.Flags, " ") + ")"
	case "INTERNALDATE":
		if m.Date != "" {
			return `"` + m.Date + `"`
		}
		return `"02-Mar-2026 10:00:00 +0000"`
	case "MODSEQ":
		return fmt.Sprintf("(%d)", m.modSeq)
	case "RFC822.SIZE":
		return fmt.Sprint(len(m.header()) + len(m.Text))
	case "ENVELOPE":
		return fmt.Sprintf(`("Mon, 02 Mar 2026 10:00:00 +0000" "message %d" (("Ann" NIL "ann" "example.org")) `+
			`(("Ann" NIL "ann" "example.org")) (("Ann" NIL "ann" "example.org")) (("Bob" NIL "bob" "example.org")) NIL NIL NIL "<%d@example.org>")`,
			m.UID, m.UID)
	case "BODYSTRUCTURE":
		return fmt.Sprintf(`("text" "plain" ("charset" "utf-8") NIL NIL "7bit" %d %d NIL NIL NIL NIL)`,
			len(m.Text), strings.Count(m.Text, "\n"))
	}
	section, partial, isBody := strings.Cut(strings.TrimPrefix(name, "BODY["), "]")
	if !isBody {
		return "NIL"
	}
	var data string
	switch {
	case section == "":
		data = m.header() + m.Text
	case strings.HasPrefix(section, "HEADER"), section == "1.MIME":
		data = m.header()
	case section == "1", section == "TEXT":
		data = m.Text
	default:
		return "NIL"
	}
	var offset int
	if n, _ := fmt.Sscanf(partial, "<%d>", &offset); n == 1 {
		data = data[min(offset, len(data)):]
	}
	return fmt.Sprintf("{%d}\r\n%s", len(data), data)
}

// fetchItems splits the item list of a FETCH command into the names that the
// response carries: BODY.PEEK[1]<0.100> is BODY[1]<0>. Lengths are ignored, so a
// partial fetch returns all that follows its offset.
func fetchItems(s string) (names []string) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "(") {
		s, _, _ = cutClosing(s[1:])
	}
	depth, start := 0, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ' ' && depth == 0 {
			if i > start {
				name := strings.Replace(s[start:i], "BODY.PEEK[", "BODY[", 1)
				if at := strings.LastIndexByte(name, '<'); at > 0 && strings.HasSuffix(name, ">") {
					offset, _, _ := strings.Cut(name[at:len(name)-1], ".")
					name = name[:at] + offset + ">"
				}
				names = append(names, name)
			}
			start = i + 1
			continue
		}
		switch s[i] {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		}
	}
	return names
}

// cutClosing cuts s at the parenthesis that closes the one before s.
func cutClosing(s string) (before, after string, ok bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth == 0 {
				return s[:i], s[i+1:], true
			}
			depth--
		}
	}
	return s, "", false
}

// store applies "+FLAGS.SILENT (\Seen)" and its relatives, and reports whether
// that has changed anything.
func (m *Message) store(what string) (changed bool) {
	verb, list, _ := strings.Cut(what, " ")
	flags := strings.Fields(strings.Trim(list, "()"))
	old := slices.Clone(m.Flags)
	switch {
	case strings.HasPrefix(verb, "+"):
		for _, f := range flags {
			if !slices.Contains(m.Flags, f) {
				m.Flags = append(m.Flags, f)
			}
		}
	case strings.HasPrefix(verb, "-"):
		m.Flags = slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return slices.Contains(flags, f) })
	default:
		m.Flags = flags
	}
	return !slices.Equal(old, m.Flags)
}
