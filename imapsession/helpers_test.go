package imapsession_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// impatient are limits for servers that do not answer: long enough for a busy
// machine, short enough for a test.
var impatient = imapsession.Timeouts{Dial: time.Second, Greeting: 900 * time.Millisecond, Login: 600 * time.Millisecond, SignIn: 3 * time.Second,
	First: 400 * time.Millisecond, Progress: 400 * time.Millisecond, Sort: 400 * time.Millisecond, Stream: 400 * time.Millisecond, Finish: 100 * time.Millisecond}

// modern is a server with everything; the scripted one has no SORT.
const modern = "IMAP4rev1 NAMESPACE UIDPLUS MOVE ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE"

// letters makes n messages with UIDs from 1.
func letters(n int) []*imapscript.Message {
	var l []*imapscript.Message
	for i := range n {
		l = append(l, &imapscript.Message{UID: uint32(i + 1), Text: fmt.Sprintf("words of %d\r\n", i+1)})
	}
	return l
}

// inbox is an account with n messages in INBOX and an empty Trash.
func inbox(caps string, n int) *imapscript.Mailbox {
	return &imapscript.Mailbox{Caps: caps, Folders: map[string][]*imapscript.Message{"INBOX": letters(n), "Trash": nil}}
}

func pool(t testing.TB, s *imapscript.Server, o imapsession.Options) *imapsession.Pool {
	t.Helper()
	before := runtime.NumGoroutine()
	p := imapsession.NewPool(imapsession.Server{Host: "127.0.0.1", Port: s.Port, Mode: imapsession.Plain}, o)
	t.Cleanup(func() {
		start := time.Now()
		p.Close(context.Background())
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("Close took %v", d)
		}
		// The server's own goroutines end when its connections do.
		for range 100 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		if strings.Contains(stacks, "oriel/imapsession.") || strings.Contains(stacks, "imapclient") {
			t.Errorf("goroutines are left:\n%s", stacks)
		}
	})
	return p
}

// signIn starts a scripted server and signs in.
func signIn(t testing.TB, m *imapscript.Mailbox, o imapsession.Options) (*imapsession.Session, *imapscript.Server) {
	t.Helper()
	srv := imapscript.Start(t, m.Serve)
	s, err := pool(t, srv, o).SignIn(t.Context(), "owner", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return s, srv
}

func uids(refs []mail.Ref) string {
	var b []string
	for _, r := range refs {
		b = append(b, fmt.Sprint(r.UID))
	}
	return strings.Join(b, " ")
}

func rowUIDs(l mail.List) string {
	var refs []mail.Ref
	for _, r := range l.Rows {
		refs = append(refs, r.Ref)
	}
	return uids(refs)
}

func ref(uid uint32) mail.Ref { return mail.Ref{Folder: "INBOX", Validity: 1, UID: uid} }

func wantKind(t *testing.T, err error, kind mail.Kind) {
	t.Helper()
	if err == nil || mail.KindOf(err) != kind {
		t.Fatalf("error is %v (kind %d), want kind %d", err, mail.KindOf(err), kind)
	}
}

func list(t *testing.T, s *imapsession.Session) mail.List {
	t.Helper()
	l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// onlyOnce makes a hook act on the first command of that name.
func onlyOnce(name string, act func(c *imapscript.Conn, cmd imapscript.Command) bool) func(*imapscript.Conn, imapscript.Command) bool {
	done := make(chan bool, 1)
	done <- true
	return func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != name {
			return false
		}
		select {
		case <-done:
			return act(c, cmd)
		default:
			return false
		}
	}
}
