package mailtest

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/mail"
)

// PlainDovecot starts one Dovecot and returns how to make an account on it that
// is spoken with in the clear, so that what is said can be recorded and changed.
func PlainDovecot(t testing.TB) func(testing.TB) Account {
	t.Helper()
	s := dovecot.Start(t)
	var users counter
	return func(t testing.TB) Account {
		t.Helper()
		user := users.name()
		s.AddUser(user, "secret")
		return plain(t, net.JoinHostPort(s.Host, strconv.Itoa(s.IMAPPort)), Account{User: user, Password: "secret"})
	}
}

// counter names users.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) name() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return "user" + strconv.Itoa(c.n)
}

// Poor makes accounts on a server that lacks extensions: between Oriel and the
// real server stands one who tells of none of them and does not understand their
// commands, as if nobody had written them yet. The suite counts a command that is
// not understood as a failure, so that no use of an extension by mistake is missed.
func Poor(start func(testing.TB) Account, without ...string) func(testing.TB) Account {
	for _, name := range without {
		if _, ok := speech[name]; !ok {
			panic("mailtest: nothing is known of " + name)
		}
	}
	return func(t testing.TB) Account {
		t.Helper()
		a := start(t)
		a.Untold = a.Untold || slices.Contains(without, "UIDPLUS")
		a.Wire = record(t, impoverish(t, a.direct, without))
		host, port, _ := net.SplitHostPort(a.Wire.address)
		n, _ := strconv.Atoi(port)
		a.Server = imapsession.Server{Host: host, Port: n, Mode: imapsession.Plain}
		return a
	}
}

// speech is how the use of each extension shows in a command. Quoted strings are
// cut out before.
var speech = map[string]*regexp.Regexp{
	"IDLE":         regexp.MustCompile(`^IDLE$`),
	"NAMESPACE":    regexp.MustCompile(`^NAMESPACE$`),
	"UIDPLUS":      regexp.MustCompile(`^UID EXPUNGE `),
	"MOVE":         regexp.MustCompile(`^(UID )?MOVE `),
	"CONDSTORE":    regexp.MustCompile(`\((CONDSTORE|QRESYNC)|CHANGEDSINCE|MODSEQ`),
	"ENABLE":       regexp.MustCompile(`^ENABLE `),
	"ESEARCH":      regexp.MustCompile(`SEARCH RETURN `),
	"SORT":         regexp.MustCompile(`^(UID )?SORT `),
	"LIST":         regexp.MustCompile(`^LIST (\(|.* RETURN )`),
	"STATUS":       regexp.MustCompile(`^LIST .*STATUS \(`),
	"SPECIAL-USE":  regexp.MustCompile(`^LIST .*SPECIAL-USE|^CREATE .*\(USE `),
	"NOTIFY":       regexp.MustCompile(`^NOTIFY `),
	"PREVIEW":      regexp.MustCompile(`^UID FETCH .*\bPREVIEW\b`),
	"BINARY":       regexp.MustCompile(`BINARY[.\[]`),
	"UNSELECT":     regexp.MustCompile(`^UNSELECT$`),
	"ID":           regexp.MustCompile(`^ID `),
	"LITERAL":      regexp.MustCompile(`\{\d+\+\}$`),
	"AUTHENTICATE": regexp.MustCompile(`^AUTHENTICATE `),
}

// goes are the capabilities that go with an extension, beside that of its name.
var goes = map[string][]string{
	"CONDSTORE":    {"QRESYNC"},
	"ENABLE":       {"QRESYNC", "UTF8=ACCEPT"},
	"LIST":         {"LIST-EXTENDED", "LIST-STATUS", "LIST-MYRIGHTS", "LIST-METADATA"},
	"STATUS":       {"LIST-STATUS"},
	"SPECIAL-USE":  {"CREATE-SPECIAL-USE"},
	"ESEARCH":      {"ESORT", "SEARCHRES", "CONTEXT=SEARCH", "PARTIAL"},
	"SORT":         {"SORT=DISPLAY", "ESORT"},
	"LITERAL":      {"LITERAL+", "LITERAL-"},
	"AUTHENTICATE": {"AUTH=PLAIN", "AUTH=LOGIN", "SASL-IR"},
}

// Extensions are all that Oriel may use.
func Extensions() (names []string) {
	for name := range speech {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// whereabouts are the messages of a change in their new folder, in the order of
// the subjects. Where the server does not tell, Oriel must not guess, and undo is
// for the user to do.
func (s *suite) whereabouts(res mail.Result, folder string, numbers ...int) []mail.Ref {
	s.Helper()
	if !s.a.Untold {
		if len(res.Moved) != len(numbers) {
			s.Fatalf("the messages are now %v, want %d of them", res.Moved, len(numbers))
		}
		return res.Moved
	}
	if len(res.Moved) != 0 {
		s.Errorf("Oriel says that the messages are now %v although the server did not", res.Moved)
	}
	l := s.list(folder, mail.All, 1)
	var found []mail.Ref
	for _, n := range numbers {
		i := slices.IndexFunc(l.Rows, func(r mail.Summary) bool { return r.Subject == "Message "+strconv.Itoa(n) })
		if i < 0 {
			s.Fatalf("message %d is not in %s", n, folder)
		}
		found = append(found, l.Rows[i].Ref)
	}
	return found
}

// poor is the one in the middle.
type poor struct {
	server  string
	without []string
	gone    map[string]bool // capabilities, in upper case
}

func impoverish(t testing.TB, server string, without []string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// IMAP4rev2 would bring all of them back (RFC 9051 appendix E).
	p := &poor{server: server, without: without, gone: map[string]bool{"IMAP4REV2": true}}
	for _, name := range without {
		p.gone[name] = true
		for _, also := range goes[name] {
			p.gone[also] = true
		}
	}
	var open sync.WaitGroup
	t.Cleanup(func() { l.Close(); open.Wait() })
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { p.serve(client) })
		}
	})
	return l.Addr().String()
}

func (p *poor) serve(client net.Conn) {
	defer client.Close()
	up, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer up.Close()
	// A refusal must not come into the middle of an answer of the server's.
	var mu sync.Mutex
	say := func(b []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := client.Write(b)
		return err
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		p.commands(client, up, say)
		up.(*net.TCPConn).CloseWrite()
	})
	p.responses(up, say)
	client.Close()
	ended.Wait()
}

// commands hands on what the server may hear and refuses the rest.
func (p *poor) commands(client io.Reader, up io.Writer, say func([]byte) error) {
	r := bufio.NewReaderSize(client, 64<<10)
	for {
		to, tag := up, ""
		for first := true; ; first = false {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if first && p.foreign(line) {
				to, tag = io.Discard, line[:strings.IndexByte(line, ' ')]
			}
			m := literal.FindStringSubmatch(line)
			if tag != "" && (m == nil || !strings.Contains(line, "+}")) { // a literal is not sent before it is asked for
				if say([]byte(tag+" BAD Unknown command.\r\n")) != nil {
					return
				}
				break
			}
			if _, err := io.WriteString(to, line); err != nil {
				return
			}
			if m == nil {
				break
			}
			size, _ := strconv.ParseInt(m[1], 10, 64)
			if _, err := io.CopyN(to, r, size); err != nil {
				return
			}
		}
	}
}

// responses hands on what the server says, each response in one piece.
func (p *poor) responses(up io.Reader, say func([]byte) error) {
	r := bufio.NewReaderSize(up, 64<<10)
	var response []byte
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		if response == nil {
			line = p.less(line)
		}
		response = append(response, line...)
		if m := literal.FindSubmatch(line); m != nil {
			size, _ := strconv.Atoi(string(m[1]))
			at := len(response)
			response = append(response, make([]byte, size)...)
			if _, err := io.ReadFull(r, response[at:]); err != nil {
				return
			}
			continue
		}
		if say(response) != nil {
			return
		}
		response = nil
	}
}

var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// foreign reports whether a command is of an extension that is lacking.
func (p *poor) foreign(line string) bool {
	_, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	command = strings.ToUpper(quoted.ReplaceAllString(command, `""`))
	return slices.ContainsFunc(p.without, func(name string) bool { return speech[name].MatchString(command) })
}

var (
	told     = regexp.MustCompile(`(?i)^(\* CAPABILITY |\S+ OK \[CAPABILITY )([^\]\r\n]*)`)
	copied   = regexp.MustCompile(`(?i) \[(COPYUID|APPENDUID) [^\]]*\]`)
	modified = regexp.MustCompile(`(?i)^\* OK \[(HIGHESTMODSEQ [0-9]+|NOMODSEQ)\][^\r\n]*`)
	numbered = regexp.MustCompile(`(?i) \[HIGHESTMODSEQ [^\]]*\]`)
	used     = regexp.MustCompile(`(?i) ?\\(Sent|Drafts|Trash|Junk|Archive|All|Flagged|Important)\b`)
)

// less is a response, or its beginning, without what a server that lacks the
// extensions would not say.
func (p *poor) less(line []byte) []byte {
	first := string(line)
	if m := told.FindStringSubmatchIndex(first); m != nil {
		var left []string
		for _, c := range strings.Fields(first[m[4]:m[5]]) {
			if !p.gone[strings.ToUpper(c)] {
				left = append(left, c)
			}
		}
		first = first[:m[4]] + strings.Join(left, " ") + first[m[5]:]
	}
	if p.gone["UIDPLUS"] {
		first = copied.ReplaceAllString(first, "")
	}
	if p.gone["CONDSTORE"] {
		first = numbered.ReplaceAllString(modified.ReplaceAllString(first, "* OK Ready"), "")
	}
	if p.gone["SPECIAL-USE"] && strings.HasPrefix(strings.ToUpper(first), "* LIST (") {
		if end := strings.IndexByte(first, ')'); end > 0 {
			first = strings.Replace(used.ReplaceAllString(first[:end], ""), "( ", "(", 1) + first[end:]
		}
	}
	return []byte(first)
}
