// Package mailtest is the conformance suite of imapsession: what a mailbox does,
// checked through the exported API alone, on any server that it is given. It
// runs on the embedded server, which has few extensions, and on Dovecot, which
// has most: together they cover both ways through the code.
package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/demo"
	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/mail"
)

// Account is an account with nothing but an empty INBOX.
type Account struct {
	Server         imapsession.Server
	User, Password string
	// Deliver puts messages into a folder, which it makes when needed.
	Deliver func(t testing.TB, folder string, messages ...Message)
}

// Message is one message to deliver.
type Message struct {
	Raw   string
	Flags []imap.Flag
	Date  time.Time // INTERNALDATE
}

// Embedded returns an account on the server that the demo runs on.
func Embedded(t testing.TB) Account {
	t.Helper()
	s, err := demo.StartBare(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	host, port, err := net.SplitHostPort(s.IMAPAddr)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	a := Account{Server: imapsession.Server{Host: host, Port: n, Mode: imapsession.Plain}, User: demo.User, Password: demo.Password}
	a.Deliver = func(t testing.TB, folder string, messages ...Message) {
		c := a.Client(t)
		defer c.Close()
		appendAll(t, c, folder, messages)
	}
	return a
}

// Dovecot returns an account on a Dovecot of its own.
func Dovecot(t testing.TB) Account {
	t.Helper()
	s := dovecot.Start(t)
	s.AddUser("ann", "secret")
	return Account{
		Server: imapsession.Server{Host: s.Host, Port: s.IMAPSPort, Mode: imapsession.TLS, Roots: s.Roots, Name: s.Name},
		User:   "ann", Password: "secret",
		Deliver: func(t testing.TB, folder string, messages ...Message) {
			t.Helper()
			s.Fill("ann", folder, len(messages), func(i int) dovecot.Message {
				m := messages[i]
				flags := ""
				for _, f := range []struct {
					flag   imap.Flag
					letter string
				}{{imap.FlagDraft, "D"}, {imap.FlagFlagged, "F"}, {imap.FlagAnswered, "R"}, {imap.FlagSeen, "S"}, {imap.FlagDeleted, "T"}} {
					for _, have := range m.Flags {
						if have == f.flag {
							flags += f.letter
						}
					}
				}
				return dovecot.Message{Raw: []byte(m.Raw), Flags: flags, Date: m.Date}
			})
		},
	}
}

// Client is a bare IMAP client on the account: somebody else's mail program.
func (a Account) Client(t testing.TB) *imapclient.Client {
	t.Helper()
	conn, err := a.dial()
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	t.Cleanup(func() { c.Close() })
	if err := c.Login(a.User, a.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// dial connects as the Server says, without any check of ours in the way.
func (a Account) dial() (net.Conn, error) {
	addr := net.JoinHostPort(a.Server.Host, strconv.Itoa(a.Server.Port))
	if a.Server.Mode == imapsession.TLS {
		return tls.Dial("tcp", addr, &tls.Config{RootCAs: a.Server.Roots, ServerName: a.Server.Name})
	}
	return net.Dial("tcp", addr)
}

// Open signs in through a Pool of its own.
func (a Account) Open(t testing.TB, o imapsession.Options) *imapsession.Session {
	t.Helper()
	p := imapsession.NewPool(a.Server, o)
	t.Cleanup(func() { p.Close(context.Background()) })
	s, err := p.SignIn(context.Background(), "owner", a.User, a.Password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func appendAll(t testing.TB, c *imapclient.Client, folder string, messages []Message) {
	t.Helper()
	c.Create(folder, nil).Wait() // fails when it exists
	for _, m := range messages {
		raw := []byte(m.Raw)
		cmd := c.Append(folder, int64(len(raw)), &imap.AppendOptions{Flags: m.Flags, Time: m.Date})
		if _, err := cmd.Write(raw); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// day is when the messages of the suite arrive: the n-th an hour after the one before.
func day(n int) time.Time {
	return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour)
}

// Plain is a simple text message.
func Plain(n int, flags ...imap.Flag) Message {
	return Message{Flags: flags, Date: day(n), Raw: crlf(fmt.Sprintf(`From: Ann Example <ann@example.org>
To: Bob <bob@example.net>
Subject: Message %d
Date: %s
Message-ID: <m%d@example.org>
Content-Type: text/plain; charset=utf-8

These are the words of message %d.
`, n, day(n).Format(time.RFC1123Z), n, n))}
}

// Plains are messages from to to-1.
func Plains(from, to int) []Message {
	var l []Message
	for n := from; n < to; n++ {
		l = append(l, Plain(n))
	}
	return l
}

func crlf(s string) string {
	return string(bytes.ReplaceAll([]byte(strings.ReplaceAll(s, "\r\n", "\n")), []byte("\n"), []byte("\r\n")))
}

// suite is one test's account and session.
type suite struct {
	*testing.T
	ctx context.Context
	a   Account
	s   *imapsession.Session
}

// Run runs the suite. start makes a new account for each test.
func Run(t *testing.T, start func(t testing.TB) Account) {
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			a := start(t)
			f(&suite{t, t.Context(), a, a.Open(t, imapsession.Options{})})
		})
	}
}

var tests = map[string]func(*suite){
	"Folders":        testFolders,
	"FolderNames":    testFolderNames,
	"Roles":          testRoles,
	"CreateRole":     testCreateRole,
	"ListOrder":      testListOrder,
	"ListPages":      testListPages,
	"ListFilters":    testListFilters,
	"ListRows":       testListRows,
	"ListChanges":    testListChanges,
	"Previews":       testPreviews,
	"Place":          testPlace,
	"Message":        testMessage,
	"MessageDeep":    testMessageWithoutList,
	"Parts":          testParts,
	"LargePart":      testLargePart,
	"LongTexts":      testLongTexts,
	"Source":         testSource,
	"Flags":          testFlags,
	"Move":           testMove,
	"MoveOldDate":    testMoveOldDate,
	"FlagNew":        testFlagNew,
	"MoveFlag":       testMoveFlag,
	"MoveNew":        testMoveNew,
	"Copy":           testCopy,
	"Delete":         testDelete,
	"Gone":           testGone,
	"Stale":          testStale,
	"NoFolder":       testNoFolder,
	"InvalidInput":   testInvalid,
	"SeveralFolders": testSeveralFolders,
	"Concurrent":     testConcurrent,
}

func (s *suite) list(folder string, filter mail.Filter, page int) mail.List {
	s.Helper()
	l, err := s.s.List(s.ctx, mail.ListQuery{Folder: folder, Filter: filter, Page: page})
	if err != nil {
		s.Fatalf("list %s: %v", folder, err)
	}
	return l
}

// subjects are those of a list's rows.
func subjects(l mail.List) string {
	var b []string
	for _, r := range l.Rows {
		b = append(b, strings.TrimPrefix(r.Subject, "Message "))
	}
	return strings.Join(b, " ")
}

func (s *suite) wantSubjects(folder string, filter mail.Filter, want string) mail.List {
	s.Helper()
	l := s.list(folder, filter, 1)
	if got := subjects(l); got != want {
		s.Fatalf("%s %q lists %q, want %q", folder, filter, got, want)
	}
	if l.Pages == 1 && l.Matches != len(l.Rows) {
		s.Fatalf("%s %q has %d rows and says there are %d", folder, filter, len(l.Rows), l.Matches)
	}
	return l
}

func (s *suite) wantKind(err error, kind mail.Kind) {
	s.Helper()
	if err == nil || mail.KindOf(err) != kind {
		s.Fatalf("error is %v (kind %d), want kind %d", err, mail.KindOf(err), kind)
	}
}

func refs(l mail.List) []mail.Ref {
	var out []mail.Ref
	for _, r := range l.Rows {
		out = append(out, r.Ref)
	}
	return out
}
