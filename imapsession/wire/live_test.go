package wire_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession/wire"
	"oriel/internal/dovecot"
)

// notebook keeps the notes of a connection.
type notebook struct {
	mu    sync.Mutex
	notes []wire.Note
}

func (b *notebook) add(n wire.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = append(b.notes, n)
}

// take returns the notes of a kind so far, and forgets all.
func (b *notebook) take(kind wire.NoteKind) (found []wire.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.notes {
		if n.Kind == kind {
			found = append(found, n)
		}
	}
	b.notes = nil
	return found
}

// wait waits for a note of a kind.
func (b *notebook) wait(t *testing.T, kind wire.NoteKind) wire.Note {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		b.mu.Lock()
		for _, n := range b.notes {
			if n.Kind == kind {
				b.mu.Unlock()
				return n
			}
		}
		b.mu.Unlock()
	}
	t.Fatalf("no note of kind %d in 30 s", kind)
	return wire.Note{}
}

// live signs in to a Dovecot through a wire that keeps its notes.
func live(t *testing.T, s *dovecot.Server) (*wire.Conn, *imapclient.Client, *notebook) {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(s.Host, fmt.Sprint(s.IMAPPort)))
	if err != nil {
		t.Fatal(err)
	}
	book := &notebook{}
	w := wire.New(nc, wire.Options{Note: book.add})
	c := imapclient.New(w, nil)
	t.Cleanup(func() { w.Close(); <-c.Closed() })
	if err := c.Login("ann", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	return w, c, book
}

// raw sends a raw command.
func raw(t *testing.T, w *wire.Conn, c *imapclient.Client, command string) {
	t.Helper()
	if err := w.Replace(command); err != nil {
		t.Fatal(err)
	}
	if err := c.Noop().Wait(); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

func plainMessages(n int) (messages []dovecot.Message) {
	for i := range n {
		messages = append(messages, dovecot.Message{Raw: fmt.Appendf(nil, "Subject: %d\r\nContent-Type: text/plain\r\n\r\nwords of %d\r\n", i, i)})
	}
	return messages
}

// expunge removes messages on a connection of its own.
func expunge(t *testing.T, c *imapclient.Client, uids ...imap.UID) {
	t.Helper()
	set := imap.UIDSetNum(uids...)
	store := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := c.Store(set, store, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.UIDExpunge(set).Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLiveQResync enables QRESYNC on a real server: what another client expunges
// comes as a note, go-imap's message count stays right, and the past is told.
func TestLiveQResync(t *testing.T) {
	s := dovecot.Start(t)
	s.AddUser("ann", "secret")
	s.Deliver("ann", "INBOX", plainMessages(9)...)
	w, c, book := live(t, s)
	_, other, _ := live(t, s)
	raw(t, w, c, "ENABLE QRESYNC")
	if !w.QResync() {
		t.Fatal("QRESYNC is not enabled")
	}
	sel, err := c.Select("INBOX", &imap.SelectOptions{CondStore: true}).Wait()
	if err != nil || sel.NumMessages != 9 || sel.HighestModSeq == 0 {
		t.Fatalf("select: %+v, %v", sel, err)
	}
	if _, err := other.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if l := book.take(wire.HighestModSeq); len(l) != 0 {
		t.Errorf("SELECT made notes: %+v", l)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	expunge(t, other, 2, 5, 6)
	book.wait(t, wire.Vanished)
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	if err := idle.Wait(); err != nil {
		t.Fatal(err)
	}
	gone := 0
	var sets []string
	for _, n := range book.take(wire.Vanished) {
		sets = append(sets, n.UIDs)
		gone += strings.Count(n.UIDs, ",") + strings.Count(n.UIDs, ":") + 1
	}
	if gone != 3 || c.Mailbox().NumMessages != 6 {
		t.Errorf("vanished %q, %d messages are left", sets, c.Mailbox().NumMessages)
	}
	if sent, err := c.Fetch(imap.UIDSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{UID: true, Flags: true, ChangedSince: sel.HighestModSeq}).Collect(); err != nil || len(sent) != 0 {
		t.Errorf("changed since: %+v, %v", sent, err)
	}
	if l := book.take(wire.Earlier); len(l) != 1 || l[0].UIDs != "2,5:6" {
		t.Errorf("gone earlier: %+v", l)
	}
	// Our own expunge: VANISHED again, and the tagged answer tells HIGHESTMODSEQ.
	expunge(t, c, 9)
	if c.Mailbox().NumMessages != 5 {
		t.Errorf("%d messages are left of 5", c.Mailbox().NumMessages)
	}
	alive(t, w, c)
	flag := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}
	if err := other.Store(imap.UIDSetNum(3), flag, nil).Close(); err != nil {
		t.Fatal(err)
	}
	conditional := &imap.StoreOptions{UnchangedSince: sel.HighestModSeq}
	if err := c.Store(imap.UIDSetNum(3, 4), flag, conditional).Close(); err != nil {
		t.Fatal(err)
	}
	if l := book.take(wire.Modified); len(l) != 1 || l[0].UIDs != "3" {
		t.Errorf("modified: %+v", l)
	}
	if err := other.Store(imap.UIDSetNum(7), flag, nil).Close(); err != nil {
		t.Fatal(err)
	}
	alive(t, w, c)
	if l := book.take(wire.FlagsChanged); len(l) != 1 || l[0].UIDs != "7" {
		t.Errorf("flags changed: %+v", l)
	}
	// A move makes messages vanish, too; then another folder is opened.
	if err := c.Create("Other", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	moved, err := c.Move(imap.UIDSetNum(7, 8), "Other").Wait()
	if err != nil || len(book.take(wire.Vanished)) == 0 || c.Mailbox().NumMessages != 3 {
		t.Errorf("moved %+v, %v; %d messages are left of 3", moved, err, c.Mailbox().NumMessages)
	}
	if sel, err = c.Select("Other", &imap.SelectOptions{CondStore: true}).Wait(); err != nil || sel.NumMessages != 2 || c.Mailbox().NumMessages != 2 {
		t.Errorf("the other folder: %+v, %v", sel, err)
	}
	alive(t, w, c)
}

// TestLivePreview asks a real server for previews of messages that have a text,
// only HTML, or nothing at all.
func TestLivePreview(t *testing.T) {
	s := dovecot.Start(t)
	s.AddUser("ann", "secret")
	s.Deliver("ann", "INBOX",
		dovecot.Message{Raw: []byte("Subject: a\r\n\r\nSome \"plain\" (words {5}\r\nof text\r\n")},
		dovecot.Message{Raw: []byte("Subject: b\r\nContent-Type: text/html\r\n\r\n<p>Some <b>bold</b> words</p>\r\n")},
		dovecot.Message{Raw: []byte("Subject: c\r\n\r\n")})
	w, c, _ := live(t, s)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	section := &imap.FetchItemBodySection{Specifier: wire.Preview, Peek: true}
	w.Begin(wire.Budget{NeedItem: "BODY["})
	rows, err := c.Fetch(imap.UIDSetNum(1, 2, 3), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	w.End()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range []string{`Some "plain" (words {5} of text`, "Some bold words", ""} {
		if got := rows[i].FindBodySection(section); got == nil || string(got) != want {
			t.Errorf("preview %d is %q, want %q", i+1, got, want)
		}
	}
	seen, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, Flags: true}).Collect()
	if err != nil || len(seen) != 1 || strings.Contains(fmt.Sprint(seen[0].Flags), "Seen") {
		t.Errorf("after the preview: %+v, %v", seen, err)
	}
}

// TestLiveNotify lets a real server tell of folders that are not open, among
// them one whose name it does not encode as it does in LIST (T14).
func TestLiveNotify(t *testing.T) {
	s := dovecot.Start(t)
	s.AddUser("ann", "secret")
	w, c, book := live(t, s)
	_, other, _ := live(t, s)
	const folder = "Été & 日本"
	if err := c.Create(folder, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	raw(t, w, c, "NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge FlagChange))")
	if l := book.take(wire.StatusChanged); len(l) == 0 {
		t.Error("NOTIFY SET STATUS told of no folder")
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	message := "Subject: x\r\n\r\nx\r\n"
	a := other.Append(folder, int64(len(message)), nil)
	a.Write([]byte(message))
	a.Close()
	if _, err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := book.wait(t, wire.StatusChanged); n.Folder != folder {
		t.Errorf("told of %q", n.Folder)
	}
	idle.Close()
	if err := idle.Wait(); err != nil {
		t.Fatal(err)
	}
	if sel, err := c.Select(folder, nil).Wait(); err != nil || sel.NumMessages != 1 {
		t.Errorf("opening the folder: %+v, %v", sel, err)
	}
	alive(t, w, c)
}

// TestLiveBye lets an administrator end a connection.
func TestLiveBye(t *testing.T) {
	s := dovecot.Start(t)
	s.AddUser("ann", "secret")
	w, c, book := live(t, s)
	_, leaving, quiet := live(t, s)
	if err := leaving.Logout().Wait(); err != nil {
		t.Fatal(err)
	}
	if l := quiet.take(wire.Bye); len(l) != 0 {
		t.Errorf("our own LOGOUT made notes: %+v", l)
	}
	if out, err := s.Command("kick", "ann").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := book.wait(t, wire.Bye); n.Text == "" {
		t.Error("the BYE has no text")
	}
	<-c.Closed()
	if w.Err() != nil {
		t.Errorf("ended with %v", w.Err())
	}
}
