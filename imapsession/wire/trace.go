package wire

import (
	"bytes"
	"slices"
	"strings"
)

// maxTrace is the length to which a line of the trace is cut.
const maxTrace = 1000

// A log must not hold what mail is about, who writes it, what folders are called,
// or what opens the account. What is said in an IMAP line is not always where it
// belongs: servers forget quotes, put names into error texts, and write strings
// as atoms. So the trace does not take such things out of a line; it keeps what
// it knows to be harmless, and "..." stands for everything else.

// verbs are the commands of ours, and words the other atoms that may be kept.
var (
	verbs = set(`APPEND AUTHENTICATE CAPABILITY CLOSE COPY CREATE DELETE ENABLE EXAMINE EXPUNGE FETCH GETQUOTA
		GETQUOTAROOT ID IDLE LIST LOGIN LOGOUT MOVE MYRIGHTS NAMESPACE NOOP NOTIFY RENAME SEARCH SELECT SORT
		STARTTLS STATUS STORE SUBSCRIBE THREAD UNSELECT UNSUBSCRIBE`)
	words = set(`UID INBOX NIL FLAGS +FLAGS -FLAGS FLAGS.SILENT +FLAGS.SILENT -FLAGS.SILENT ENVELOPE BODY BODY.PEEK
		BODYSTRUCTURE INTERNALDATE RFC822.SIZE MODSEQ BINARY BINARY.PEEK BINARY.SIZE PREVIEW HEADER HEADER.FIELDS
		TEXT MIME MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT DELETED SIZE HIGHESTMODSEQ APPENDLIMIT RETURN ALL MIN
		MAX COUNT SAVE PARTIAL SUBSCRIBED CHILDREN REMOTE RECURSIVEMATCH SPECIAL-USE STATUS CONDSTORE QRESYNC
		CHANGEDSINCE UNCHANGEDSINCE VANISHED EARLIER SET NONE SELECTED SELECTED-DELAYED PERSONAL INBOXES SUBTREE
		MESSAGENEW MESSAGEEXPUNGE FLAGCHANGE MAILBOXNAME SUBSCRIPTIONCHANGE REVERSE ARRIVAL DATE FROM TO CC SUBJECT
		UTF-8 CHARSET SEEN FLAGGED UNFLAGGED ANSWERED UNANSWERED DRAFT UNDELETED SINCE BEFORE ON SENTSINCE
		SENTBEFORE LARGER SMALLER KEYWORD UNKEYWORD NOT OR REFERENCES REFS ORDEREDSUBJECT USE DEPTH
		\SEEN \ANSWERED \FLAGGED \DELETED \DRAFT \RECENT \* $FORWARDED $MDNSENT $JUNK $NOTJUNK
		\HASCHILDREN \HASNOCHILDREN \MARKED \UNMARKED \NOSELECT \NOINFERIORS \NONEXISTENT \SUBSCRIBED \REMOTE
		\ALL \ARCHIVE \DRAFTS \JUNK \SENT \TRASH \IMPORTANT`)
	// codes take arguments of numbers and words; those of others are not kept.
	codes = set(`ALERT APPENDUID COPYUID HIGHESTMODSEQ NOMODSEQ MODIFIED UIDNEXT UIDVALIDITY UNSEEN PERMANENTFLAGS CLOSED
		READ-ONLY READ-WRITE TRYCREATE CAPABILITY AUTHENTICATIONFAILED AUTHORIZATIONFAILED EXPIRED PRIVACYREQUIRED
		CONTACTADMIN NOPERM INUSE EXPUNGEISSUED CORRUPTION SERVERBUG CLIENTBUG CANNOT LIMIT OVERQUOTA ALREADYEXISTS
		NONEXISTENT UNAVAILABLE UIDNOTSTICKY BADCHARSET NOTIFICATIONOVERFLOW BADEVENT TOOBIG`)
)

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(names) {
		m[name] = true
	}
	return m
}

// traceClient traces a line of ours that belongs to the given command.
func (c *Conn) traceClient(tag, verb string, line []byte) {
	if c.trace == nil {
		return
	}
	l := redacted{line: bytes.TrimRight(line, "\r\n")}
	switch {
	case tag == "" && strings.EqualFold(string(l.line), "DONE"):
		l.put("DONE")
	case !verbs[verb]:
		l.rest()
	case verb == "LOGIN" || verb == "AUTHENTICATE":
		l.put(tag + " " + verb + " ...")
	default:
		if w := l.word(); w == tag { // otherwise the line goes on after a literal
			l.put(tag)
			l.spaces()
			if w = l.word(); strings.EqualFold(w, "UID") {
				l.put("UID")
				l.spaces()
				w = l.word()
			}
			l.put(strings.ToUpper(w))
		} else {
			l.at = 0
		}
		l.values(!namesFolder(verb) || verb == "COPY" || verb == "MOVE")
	}
	c.trace('C', l.out)
}

// traceServer traces a response, or what goes on of one after a literal that has
// been passed on.
func (c *Conn) traceServer(response []byte, goesOn bool) {
	if c.trace == nil {
		return
	}
	line, _, more := bytes.Cut(response, []byte("\n"))
	l := redacted{line: bytes.TrimRight(line, "\r")}
	if goesOn {
		l.put("... ")
		l.rest()
	} else {
		l.response()
	}
	if more && bytes.IndexByte(response[len(line)+1:], '\n') >= 0 && !bytes.HasSuffix(l.out, []byte("...")) {
		l.put(" ...")
	}
	c.trace('S', l.out)
}

// redacted is a line on its way into the trace.
type redacted struct {
	line []byte
	at   int
	out  []byte
}

// put writes to the trace, up to its limit.
func (l *redacted) put(s string) {
	room := maxTrace - len(l.out)
	if len(s) > room {
		l.at = len(l.line)
	}
	l.out = append(l.out, s[:min(len(s), room)]...)
}

// rest ends the line without telling more of it.
func (l *redacted) rest() {
	if l.at < len(l.line) || len(l.line) == 0 {
		l.put("...")
	}
	l.at = len(l.line)
}

func (l *redacted) spaces() {
	for l.at < len(l.line) && l.line[l.at] == ' ' {
		l.put(" ")
		l.at++
	}
}

func (l *redacted) word() string {
	start := l.at
	for l.at < len(l.line) && !isDelimiter(l.line[l.at]) {
		l.at++
	}
	return string(l.line[start:l.at])
}

// response traces a response from its beginning.
func (l *redacted) response() {
	tag := l.word()
	if tag != "*" && !ourTag(tag) {
		l.at = 0
		l.rest()
		return
	}
	l.put(tag)
	l.spaces()
	typ := l.word()
	number := isNumeric(typ)
	if number {
		l.put(typ)
		l.spaces()
		typ = l.word()
	}
	typ = strings.ToUpper(typ)
	switch {
	case isStatus([]byte(typ)):
		l.put(typ)
		l.status()
	case tag != "*":
		l.rest()
	case number && slices.Contains([]string{"EXISTS", "RECENT", "EXPUNGE"}, typ):
		l.put(typ)
	case number && typ == "FETCH":
		l.put(typ)
		l.row()
	case typ == "CAPABILITY" || typ == "ENABLED":
		l.put(typ + string(bytes.Map(capabilityByte, l.line[l.at:])))
	case typ == "STATUS": // its name may be an atom
		l.put(typ + " ...")
		if open := bytes.LastIndexByte(l.line, '('); open >= l.at {
			l.put(" ")
			l.at = open
			l.values(true)
		}
	case slices.Contains([]string{"FLAGS", "SEARCH", "SORT", "ESEARCH", "VANISHED", "NAMESPACE"}, typ):
		l.put(typ)
		l.values(true)
	case typ == "LIST":
		l.put(typ)
		l.values(false)
	default:
		l.put("...")
	}
}

// capabilityByte keeps what capability names are made of.
func capabilityByte(c rune) rune {
	if c > ' ' && c < 0x7f && !strings.ContainsRune(`"\(){}%*`, c) || c == ' ' {
		return c
	}
	return -1
}

// ourTag reports whether a word looks like a tag of go-imap's.
func ourTag(tag string) bool {
	return strings.HasPrefix(tag, "T") && isNumeric(tag[1:])
}

func isNumeric(s string) bool {
	return len(s) > 0 && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

// status traces what follows OK, NO, BAD, BYE or PREAUTH: the code. The text is
// for people, and servers put names and addresses into it.
func (l *redacted) status() {
	l.spaces()
	rest := l.line[l.at:]
	end := bytes.IndexByte(rest, ']')
	if len(rest) == 0 || rest[0] != '[' || end < 0 {
		l.rest()
		return
	}
	name, args, _ := strings.Cut(string(rest[1:end]), " ")
	name = strings.ToUpper(name)
	if !codes[name] {
		l.rest()
		return
	}
	code := redacted{line: []byte(args)}
	if name != "CAPABILITY" {
		code.values(true)
	}
	if len(code.out) > 0 {
		name += " "
	}
	l.put("[" + name + string(code.out) + "] ")
	l.at += end + 1
	l.rest()
}

// row traces the items of a FETCH response: their names, and those values that
// are numbers and flags.
func (l *redacted) row() {
	l.spaces()
	s := scanner{b: l.line, at: l.at, depth: 1000}
	if !s.accept('(') {
		l.rest()
		return
	}
	l.put("(")
	for {
		name, ok := s.itemName()
		if !ok {
			break
		}
		if !words[name] && !sectionItem.MatchString(name) && !sizeItem.MatchString(name) {
			name = "..."
		}
		if len(l.out) > 0 && l.out[len(l.out)-1] != '(' {
			l.put(" ")
		}
		l.put(name)
		start := s.at
		if _, ok := s.value(); !ok {
			if _, ok := literalSize(s.b[start:]); ok {
				l.put(" {" + string(s.b[start+bytes.IndexByte(s.b[start:], '{')+1:]))
			}
			break
		}
		if slices.Contains([]string{"UID", "MODSEQ", "RFC822.SIZE", "FLAGS"}, name) {
			value := redacted{line: s.b[start:s.at]}
			value.values(true)
			l.put(" " + string(value.out))
		}
	}
	if l.at = s.at; s.peek() == ')' && l.at == len(l.line)-1 {
		l.put(")")
		return
	}
	l.rest()
}

// values traces what is left of the line: parentheses, numbers, sets of numbers
// and known words. numbers is false where a folder's name may be a number.
func (l *redacted) values(numbers bool) {
	for l.at < len(l.line) {
		switch c := l.line[l.at]; {
		case strings.IndexByte(" ()[]<>", c) >= 0:
			l.put(string(c))
			l.at++
		case c == '"':
			l.quoted()
		case c == '{':
			if _, ok := literalSize(l.line[l.at:]); ok {
				l.put(string(l.line[l.at:]))
				l.at = len(l.line)
				return
			}
			l.rest()
		default:
			start := l.at
			for l.at < len(l.line) && strings.IndexByte(` ()[]<>"{`, l.line[l.at]) < 0 {
				l.at++
			}
			w := string(l.line[start:l.at])
			if words[strings.ToUpper(w)] || numbers && strings.Trim(w, "0123456789:,.*$") == "" {
				l.put(w)
			} else {
				l.put("...")
			}
		}
	}
}

// quoted leaves a string out. Where it ends is not sure, if a quote in it was
// not escaped: then nothing more is told.
func (l *redacted) quoted() {
	s := scanner{b: l.line, at: l.at}
	_, ok := s.quoted()
	l.put(`"..."`)
	if !ok || hasBareQuote(l.line[l.at+1:s.at-1]) {
		l.rest()
		return
	}
	l.at = s.at
}

// hasBareQuote reports whether a quote without a backslash stands in b.
func hasBareQuote(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' {
			i++
		} else if b[i] == '"' {
			return true
		}
	}
	return false
}
