package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// entry is one message as it is written in mailbox/*.txt. The format is made for
// the hand:
//
//	folder: INBOX            until the first separator: defaults of the file
//	=====                    a line of equals signs begins a message
//	when: -3d 14:02          see parseWhen
//	from: Name <address>     left out: Mara in Sent and Drafts
//	to: Name <address>       left out: Mara elsewhere
//	subject: words           left out in a reply: "Re: " and the parent's
//	id: stair                name within these files, for re and forward
//	re: stair                the message that this one answers
//	flags: unread starred    else a message is read; see flagNames
//	attach: plan.pdf, a.jpg  made by attach.go, by their extension
//	inline: logo.png         for cid:logo.png in the HTML
//	X-Mailer: Name           any other field with a capital goes into the header
//
//	The text, then perhaps sections, each begun by a line such as --html--,
//	--calendar--, --status--, --headers-- or --file plan.pdf--.
//
// {quote} stands for the parent's text with an attribution, {sig} for Mara's
// signature, and dates are described at placeholder.
type entry struct {
	where string // file and line, for errors

	folder, from, to, cc, bcc  string
	subject, id, re, forward   string
	kind, charset, encoding    string
	layout, preheader, trusted string

	at       time.Time
	flags    []imap.Flag
	attach   []string
	inline   []string
	extra    [][2]string
	sections map[string]string // the text is under ""

	hasSubject bool
	references []string
}

const me = "Mara Lindqvist <" + UserAddress + ">"

const signature = "-- \nMara Lindqvist\nStairs, sashes and other things that have to fit\nUnit 4, The Ropewalk | 0117 496 0182"

// flagNames are the words of the flags line. "unread" takes \Seen away.
var flagNames = map[string]imap.Flag{
	"starred":   imap.FlagFlagged,
	"answered":  imap.FlagAnswered,
	"forwarded": imap.FlagForwarded,
	"draft":     imap.FlagDraft,
	"junk":      imap.FlagJunk,
	"important": imap.FlagImportant,
}

// parseFile reads the messages of one file.
func parseFile(name, src string, now time.Time) ([]*entry, error) {
	var defaults, current []string
	var all []*entry
	start := 0
	finish := func(end int) error {
		if start == 0 {
			defaults = current
			return nil
		}
		e, err := parseEntry(fmt.Sprintf("%s:%d", name, start), defaults, current, now)
		all = append(all, e)
		return err
	}
	for i, line := range strings.Split(src, "\n") {
		if strings.HasPrefix(line, "=====") {
			if err := finish(i); err != nil {
				return nil, err
			}
			start, current = i+1, nil
			continue
		}
		current = append(current, line)
	}
	err := finish(len(src))
	return all, err
}

func parseEntry(where string, defaults, lines []string, now time.Time) (*entry, error) {
	e := &entry{where: where, sections: map[string]string{}, flags: []imap.Flag{imap.FlagSeen}}
	var when string
	head, body := lines, []string(nil)
	for i, line := range lines {
		if line == "" || strings.HasPrefix(line, "--") {
			head, body = lines[:i], lines[i:]
			break
		}
	}
	zone := now.Location()
	for _, line := range append(append([]string(nil), defaults...), head...) {
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.TrimSpace(line) == "":
		case !ok:
			return nil, fmt.Errorf("%s: no header: %q", where, line)
		case key == "when":
			when = value
		case key == "zone":
			at, err := time.Parse("-0700", value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			zone = at.Location()
		default:
			if err := e.set(key, value); err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
		}
	}
	var err error
	if e.at, err = parseWhen(when, now, zone); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	e.parseBody(body)
	e.fillIn()
	return e, nil
}

func (e *entry) set(key, value string) error {
	texts := map[string]*string{
		"folder": &e.folder, "from": &e.from, "to": &e.to, "cc": &e.cc, "bcc": &e.bcc,
		"subject": &e.subject, "id": &e.id, "re": &e.re, "forward": &e.forward,
		"kind": &e.kind, "charset": &e.charset, "encoding": &e.encoding,
		"layout": &e.layout, "preheader": &e.preheader, "trusted": &e.trusted,
	}
	switch {
	case texts[key] != nil:
		*texts[key] = value
		e.hasSubject = e.hasSubject || key == "subject"
	case key == "attach":
		e.attach = splitList(value)
	case key == "inline":
		e.inline = splitList(value)
	case key == "flags":
		return e.setFlags(strings.Fields(value))
	case key[0] >= 'A' && key[0] <= 'Z':
		e.extra = append(e.extra, [2]string{key, value})
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

func (e *entry) setFlags(words []string) error {
	for _, word := range words {
		if word == "unread" {
			e.flags = e.flags[1:] // \Seen stands first
			continue
		}
		flag, ok := flagNames[word]
		if !ok {
			return fmt.Errorf("unknown flag %q", word)
		}
		e.flags = append(e.flags, flag)
	}
	return nil
}

func splitList(s string) []string {
	var out []string
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

func (e *entry) parseBody(lines []string) {
	name, start := "", 0
	store := func(end int) {
		text := strings.Trim(strings.Join(lines[start:end], "\n"), "\n")
		if text != "" {
			e.sections[name] = expandDates(text, e.at) + "\n"
		}
	}
	for i, line := range lines {
		if len(line) > 4 && strings.HasPrefix(line, "--") && strings.HasSuffix(line, "--") && line[2] != ' ' && line[2] != '-' {
			store(i)
			name, start = line[2:len(line)-2], i+1
		}
	}
	store(len(lines))
}

// fillIn gives the fields that most messages leave out.
func (e *entry) fillIn() {
	e.subject = expandDates(e.subject, e.at)
	e.preheader = expandDates(e.preheader, e.at)
	if e.from == "" {
		e.from = me
	}
	if e.to == "" && e.kind != "bare" && !e.outgoing() {
		e.to = me
	}
}

func (e *entry) outgoing() bool { return e.folder == "Sent" || e.folder == "Drafts" }
