package wire

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// command is a command of ours that the server has not answered yet.
type command struct {
	tag   string
	verb  string // in upper case, without UID
	uid   bool   // it was UID verb
	waits int    // continuations that it waits for

	preview bool // a FETCH that asks for PREVIEW
	qresync bool // an ENABLE QRESYNC
}

func (c *command) selects() bool { return c.verb == "SELECT" || c.verb == "EXAMINE" }

// waiting reports whether a command with one of the names has no answer yet. A
// command counts from before its first byte is sent.
func (w *writer) waiting(verbs ...string) bool {
	return w.any(func(c *command) bool { return slices.Contains(verbs, c.verb) })
}

// wantsPreview reports whether a FETCH that asks for PREVIEW has no answer yet.
func (w *writer) wantsPreview() bool { return w.any(func(c *command) bool { return c.preview }) }

// busy reports whether an answer is due. IDLE may stay without one for ever.
func (w *writer) busy() bool {
	return w.any(func(c *command) bool { return c.verb != "IDLE" })
}

func (w *writer) any(f func(c *command) bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.commands {
		if f(&w.commands[i]) {
			return true
		}
	}
	return false
}

// finished removes the command that a tagged response ends. It is nil when the
// response ends none of ours.
func (w *writer) finished(tag string) *command {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.commands, func(c command) bool { return c.tag == tag })
	if i < 0 {
		return nil
	}
	c := w.commands[i]
	w.commands = slices.Delete(w.commands, i, i+1)
	if tag == w.auth {
		w.auth = ""
	}
	if tag == w.idle {
		w.idle = ""
	}
	return &c
}

// continued reports whether the client waits for a continuation. The client ends
// the connection over one that it does not expect.
func (w *writer) continued() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.auth != "" {
		return true
	}
	for i := range w.commands {
		if w.commands[i].waits > 0 {
			w.commands[i].waits--
			return true
		}
	}
	return false
}

// Preview is the section of a message that stands for its preview (RFC 8970):
// asking go-imap for BODY.PEEK[PREVIEW], with no part number and nothing else in
// the section, sends PREVIEW, and the answer comes as the content of that section.
// Content that is nil means that the server has no preview; an empty preview is
// an empty slice. The server must have the capability PREVIEW.
const Preview = "PREVIEW"

// maxRaw is the longest raw command. Servers limit a line to 8000 bytes or more
// (RFC 7162 section 4).
const maxRaw = 8000

var errRaw = errors.New("wire: this cannot be sent as a raw command")

// rawVerbs are the commands that Replace sends: those that change nothing of
// which go-imap keeps account.
var rawVerbs = []string{"ENABLE", "NOTIFY", "UID"}

// Replace arms the next NOOP: the server gets command in its place, such as
// "ENABLE QRESYNC" or "NOTIFY SET ...", and its tagged answer is what the NOOP
// waits for. Only ENABLE, NOTIFY and UID commands of one line can be sent so.
func (c *Conn) Replace(command string) error {
	verb, _, _ := strings.Cut(command, " ")
	if len(command) > maxRaw || strings.ContainsAny(command, "\r\n\x00") || strings.HasSuffix(command, "}") ||
		!slices.Contains(rawVerbs, strings.ToUpper(verb)) {
		return errRaw
	}
	c.wr.mu.Lock()
	defer c.wr.mu.Unlock()
	c.wr.raw = command
	return nil
}

// QResync reports whether the server has enabled QRESYNC (RFC 7162 section
// 3.2.3) on this connection. From then on a UID FETCH with CHANGEDSINCE also
// asks for what is gone since, and the answer is an Earlier note; expunges come
// as Vanished notes.
func (c *Conn) QResync() bool {
	c.wr.mu.Lock()
	defer c.wr.mu.Unlock()
	return c.wr.qresync
}

// enabled notes an ENABLED response (RFC 5161 section 3.2), which names what the
// server has really enabled.
func (w *writer) enabled(names []byte) {
	if !w.waiting("ENABLE") {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range bytes.FieldsSeq(names) {
		w.promised = w.promised || bytes.EqualFold(name, []byte("QRESYNC"))
	}
}

// ended notes what the tagged answer to a command changes.
func (w *writer) ended(c *command, typ string) {
	if !c.qresync {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.qresync = w.qresync || w.promised && typ == "OK"
}

// bare is a NOOP as go-imap writes it: tag and name.
var bare = regexp.MustCompile(`^(\S+) NOOP\r\n$`)

// changedSince ends a command that asks for what has changed.
var changedSince = regexp.MustCompile(`\(CHANGEDSINCE [0-9]+\)\r\n$`)

// rewrite puts an armed raw command in the place of a NOOP, before anything else
// looks at the line. It needs w.mu.
func (w *writer) rewrite(line []byte) []byte {
	if w.raw == "" {
		return line
	}
	if m := bare.FindSubmatch(line); m != nil {
		line = []byte(string(m[1]) + " " + w.raw + "\r\n")
		w.raw = ""
	}
	return line
}

// extend gives a FETCH command the items and modifiers that go-imap does not
// know. It needs w.mu.
func (w *writer) extend(c *command, line []byte) []byte {
	if i := previewItem(line); i >= 0 {
		c.preview = true
		rest := line[i+len(askPreview):]
		line = append(append(append([]byte(nil), line[:i]...), Preview...), rest...)
	}
	if w.qresync && c.uid && changedSince.Match(line) {
		line = append(append([]byte(nil), line[:len(line)-len(")\r\n")]...), " VANISHED)\r\n"...)
	}
	return line
}

const askPreview = "BODY.PEEK[" + Preview + "]"

// previewItem finds the item that stands for PREVIEW, outside of quoted strings.
func previewItem(line []byte) int {
	for i := 0; i < len(line); i++ {
		if line[i] == '"' {
			s := scanner{b: line, at: i}
			if _, ok := s.quoted(); !ok {
				return -1
			}
			i = s.at - 1
			continue
		}
		rest, ok := bytes.CutPrefix(line[i:], []byte(askPreview))
		if ok && i > 0 && (line[i-1] == '(' || line[i-1] == ' ') && len(rest) > 0 && (rest[0] == ' ' || rest[0] == ')') {
			return i
		}
	}
	return -1
}
