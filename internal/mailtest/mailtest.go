// Package mailtest is the conformance suite of imapsession: what a mailbox does,
// checked through the exported API alone, on any server that it is given. It
// runs on the embedded server, which has few extensions, on Dovecot, which has
// most, on Cyrus imapd, which allows fewer names of folders, and on Courier-IMAP,
// which has hardly any extension and keeps all folders below INBOX: together they
// cover every way through the code. No assertion depends on the server; what one
// may refuse is said in its Account.
package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession"
	"oriel/mail"
)

// Account is an account with nothing but an empty INBOX.
type Account struct {
	Server         imapsession.Server
	User, Password string
	// Deliver puts messages into a folder, which it makes when needed.
	Deliver func(t testing.TB, folder string, messages ...Message)

	// Prefix is that of the personal namespace and Delimiter separates the
	// levels of a name; "" is a slash.
	Prefix, Delimiter string
	// Refuses are folder names of the suite that the server does not allow.
	Refuses []string
	// Fill makes the account's quota so small that one more message is too much.
	Fill func(t testing.TB)
	// Untold says that the server has no UIDPLUS: it does not tell where messages go
	// and cannot remove some without others that are marked, so that Oriel hides them.
	Untold bool
	// Wire is what Oriel and the server said to each other; nil where a private
	// line (TLS) keeps it.
	Wire *Wire
	// Tune changes a Pool before it is used; nil leaves it as it is.
	Tune func(*imapsession.Pool)

	direct string // where Client connects, past the recorder of Wire; "" is as Server says
}

// Name writes a folder as the server names it: "Work/Plans" is INBOX.Work.Plans
// where the prefix is "INBOX." and the delimiter a dot.
func (a Account) Name(path string) string {
	if strings.EqualFold(path, "INBOX") || a.Prefix != "" && strings.HasPrefix(path, a.Prefix) {
		return path
	}
	if a.Delimiter != "" {
		path = strings.ReplaceAll(path, "/", a.Delimiter)
	}
	return a.Prefix + path
}

// Message is one message to deliver.
type Message struct {
	Raw   string
	Flags []imap.Flag
	Date  time.Time // INTERNALDATE
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
	if a.direct != "" {
		addr = a.direct
	}
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
	if a.Tune != nil {
		a.Tune(p)
	}
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
MIME-Version: 1.0
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

// Run runs the suite, or only the tests of the given names. start makes a new
// account for each test.
func Run(t *testing.T, start func(t testing.TB) Account, only ...string) {
	for _, name := range only {
		if tests[name] == nil {
			t.Fatalf("the suite has no test %q", name)
		}
	}
	for name, f := range tests {
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			a := start(t)
			s := &suite{T: t, ctx: t.Context(), a: a}
			t.Cleanup(s.checkWire) // after the connections have ended
			s.s = a.Open(t, imapsession.Options{})
			f(s)
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
	"Keywords":       testKeywords,
	"OverQuota":      testOverQuota,
	"SignIn":         testSignIn,
	"LongRun":        testLongRun,
	"RefusedMove":    testRefusedMove,
	"Watch":          testWatch,
}

// name writes a folder as the server names it.
func (s *suite) name(folder string) string { return s.a.Name(folder) }

func (s *suite) names(folders ...string) []string {
	for i := range folders {
		folders[i] = s.name(folders[i])
	}
	return folders
}

func (s *suite) deliver(folder string, messages ...Message) {
	s.Helper()
	s.a.Deliver(s.T, s.name(folder), messages...)
}

func (s *suite) list(folder string, filter mail.Filter, page int) mail.List {
	s.Helper()
	l, err := s.s.List(s.ctx, mail.ListQuery{Folder: s.name(folder), Filter: filter, Page: page})
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
