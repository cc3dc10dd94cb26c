package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const plain = "From: a@b.example\r\nSubject: %s\r\n\r\nText\r\n"

// put appends one small message for each subject.
func put(t *testing.T, c *imapclient.Client, folder string, subjects ...string) {
	t.Helper()
	for _, s := range subjects {
		raw := fmt.Sprintf(plain, s)
		cmd := c.Append(folder, int64(len(raw)), nil)
		if _, err := cmd.Write([]byte(raw)); err != nil {
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

// subjects lists what a folder holds, in order.
func subjects(t *testing.T, c *imapclient.Client, folder string) []string {
	t.Helper()
	data, err := c.Select(folder, nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if data.NumMessages == 0 {
		return nil
	}
	set := imap.SeqSet{}
	set.AddRange(1, data.NumMessages)
	messages, err := c.Fetch(set, &imap.FetchOptions{Envelope: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range messages {
		out = append(out, m.Envelope.Subject)
	}
	return out
}

func empty(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := StartEmpty(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestFolders(t *testing.T) {
	c := signIn(t, start(t, Options{}), User)
	for _, want := range []imap.Cap{
		imap.CapSpecialUse, imap.CapCreateSpecialUse, imap.CapListStatus, imap.CapListExtended,
		imap.CapMove, imap.CapUIDPlus, imap.CapNamespace, imap.CapESearch, imap.CapIdle,
	} {
		if !c.Caps().Has(want) {
			t.Errorf("no %s", want)
		}
	}
	list, err := c.List("", "*", &imap.ListOptions{
		ReturnSubscribed: true, ReturnChildren: true, ReturnSpecialUse: true,
		ReturnStatus: &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true},
	}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*imap.ListData{}
	for _, l := range list {
		byName[l.Mailbox] = l
	}
	for name, use := range map[string]imap.MailboxAttr{
		"Drafts": imap.MailboxAttrDrafts, "Sent": imap.MailboxAttrSent, "Archive": imap.MailboxAttrArchive,
		"Junk": imap.MailboxAttrJunk, "Trash": imap.MailboxAttrTrash,
		"Clients": imap.MailboxAttrNoSelect, "Reisen": imap.MailboxAttrNoSelect,
		"Reisen/Österreich": imap.MailboxAttrHasNoChildren, "日本語": imap.MailboxAttrSubscribed,
		"Café & Crème": imap.MailboxAttrSubscribed, "Clients/Tamsin & Joe": imap.MailboxAttrSubscribed,
	} {
		l := byName[name]
		if l == nil || !slices.Contains(l.Attrs, use) {
			t.Errorf("%s: %+v, want %s", name, l, use)
			continue
		}
		if selectable := use != imap.MailboxAttrNoSelect; selectable != (l.Status != nil && l.Status.NumMessages != nil) {
			t.Errorf("%s: status %+v", name, l.Status)
		}
	}
}

func TestCreateRenameDelete(t *testing.T) {
	c := signIn(t, empty(t, Options{}), User)
	steps := []struct {
		what string
		err  error
		fail bool
	}{
		{"create", c.Create("Work/Plans", nil).Wait(), false},
		{"create beneath", c.Create("Work/Plans/Old", nil).Wait(), false},
		{"rename an implied parent", c.Rename("Work", "Job", nil).Wait(), false},
		{"open the renamed child", opens(c, "Job/Plans/Old"), false},
		{"open the old name", opens(c, "Work/Plans"), true},
		{"a second Trash", c.Create("Bin", &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttrTrash}}).Wait(), true},
		{"delete INBOX", c.Delete("INBOX").Wait(), true},
		{"rename INBOX", c.Rename("INBOX", "Other", nil).Wait(), true},
		{"delete", c.Delete("Job/Plans/Old").Wait(), false},
		{"delete Trash", c.Delete("Trash").Wait(), false},
		{"a new Trash", c.Create("Bin", &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttrTrash}}).Wait(), false},
	}
	for _, s := range steps {
		if (s.err != nil) != s.fail {
			t.Errorf("%s: %v", s.what, s.err)
		}
	}
}

// TestMove holds the reason for the wrapper: each message is reported gone once,
// under its own number, the last of the folder included.
func TestMove(t *testing.T) {
	s := empty(t, Options{})
	var mu sync.Mutex
	var gone []uint32
	c, err := imapclient.DialInsecure(s.IMAPAddr, &imapclient.Options{
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Expunge: func(n uint32) {
			mu.Lock()
			gone = append(gone, n)
			mu.Unlock()
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(User, Password).Wait(); err != nil {
		t.Fatal(err)
	}
	put(t, c, "INBOX", "one", "two", "three", "four")
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	data, err := c.Move(imap.UIDSetNum(2, 4), "Archive").Wait()
	if err != nil {
		t.Fatal(err)
	}
	if data == nil || data.SourceUIDs.String() != "2,4" || data.DestUIDs.String() != "1:2" {
		t.Errorf("COPYUID: %+v", data)
	}
	mu.Lock()
	if !slices.Equal(gone, []uint32{4, 2}) {
		t.Errorf("EXPUNGE for %v, want 4 and 2", gone)
	}
	mu.Unlock()
	if _, err := c.Move(imap.UIDSetNum(99), "Archive").Wait(); err != nil {
		t.Errorf("moving nothing: %v", err)
	}
	if _, err := c.Move(imap.UIDSetNum(1), "Nowhere").Wait(); err == nil {
		t.Error("moved into a folder that does not exist")
	}
	if got := subjects(t, c, "INBOX"); !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("INBOX: %q", got)
	}
	if got := subjects(t, c, "Archive"); !slices.Equal(got, []string{"two", "four"}) {
		t.Errorf("Archive: %q", got)
	}
	flags, err := c.Fetch(imap.SeqSetNum(1, 2), &imap.FetchOptions{Flags: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range flags {
		if len(m.Flags) > 0 {
			t.Errorf("a moved message has the flags %v", m.Flags)
		}
	}
}

// TestOppositeMoves moves between two folders both ways at once, which locks
// imapmemserver up on its own.
func TestOppositeMoves(t *testing.T) {
	s := empty(t, Options{})
	first := signIn(t, s, User)
	put(t, first, "INBOX", "a", "b", "c", "d")
	put(t, first, "Archive", "e", "f", "g", "h")
	var wg sync.WaitGroup
	for i, pair := range [][2]string{{"INBOX", "Archive"}, {"Archive", "INBOX"}} {
		c := first
		if i > 0 {
			c = signIn(t, s, User)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := c.Select(pair[0], nil).Wait(); err != nil {
				t.Error(err)
				return
			}
			for uid := range imap.UID(4) {
				if _, err := c.Copy(imap.UIDSetNum(uid+1), pair[1]).Wait(); err != nil {
					t.Error(err)
				}
				if _, err := c.Move(imap.UIDSetNum(uid+1), pair[1]).Wait(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	c := signIn(t, s, User)
	if n := len(subjects(t, c, "INBOX")) + len(subjects(t, c, "Archive")); n != 16 {
		t.Errorf("%d messages after copying and moving 8, want 16", n)
	}
}

func TestExamineChangesNothing(t *testing.T) {
	c := signIn(t, empty(t, Options{}), User)
	put(t, c, "INBOX", "unread")
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	one := imap.SeqSetNum(1)
	if _, err := c.Fetch(one, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect(); err != nil {
		t.Fatal(err)
	}
	add := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}
	if _, err := c.Store(one, add, nil).Collect(); err == nil {
		t.Error("STORE worked after EXAMINE")
	}
	if _, err := c.Move(one, "Trash").Wait(); err == nil {
		t.Error("MOVE worked after EXAMINE")
	}
	messages, err := c.Fetch(one, &imap.FetchOptions{Flags: true}).Collect()
	if err != nil || len(messages) != 1 || len(messages[0].Flags) > 0 {
		t.Errorf("after EXAMINE: %+v, %v", messages, err)
	}
}

func TestBareHasNoRoles(t *testing.T) {
	s, err := StartBare(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := signIn(t, s, User).List("", "*", nil).Collect()
	if err != nil || len(list) != 1 || list[0].Mailbox != "INBOX" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestIdleHearsNewMail(t *testing.T) {
	s := empty(t, Options{})
	news := make(chan uint32, 4)
	c, err := imapclient.DialInsecure(s.IMAPAddr, &imapclient.Options{
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				news <- *d.NumMessages
			}
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(Colleague, Password).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	sendMail(t, s, UserAddress, []string{ColleagueAddress}, fmt.Sprintf(plain, "hello"))
	select {
	case n := <-news:
		if n != 1 {
			t.Errorf("EXISTS %d", n)
		}
	case <-time.After(10 * time.Second):
		t.Error("IDLE said nothing")
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
}

func TestRecord(t *testing.T) {
	var mu sync.Mutex
	var got []string
	s := empty(t, Options{Record: func(command string) {
		mu.Lock()
		got = append(got, command)
		mu.Unlock()
	}})
	c := signIn(t, s, User)
	put(t, c, "INBOX", "x LOGOUT\r\nX-Trap: a2 DELETE INBOX")
	subjects(t, c, "INBOX")
	if _, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}, {}}}).Collect(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	got = slices.DeleteFunc(got, func(s string) bool { return s == "CAPABILITY" })
	if want := []string{"LOGIN", "APPEND", "SELECT", "FETCH", "UID FETCH BODY["}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRecordReader(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a LOGIN demo demo\r\n", "LOGIN"},
		{"a LOGIN {4}\r\ndemo {4+}\r\nb C\n d\r\nb NOOP\r\n", "LOGIN,NOOP"},
		{"a AUTHENTICATE PLAIN\r\nAGRlbW8AZGVtbw== x\r\nb LIST \"\" *\r\n", "AUTHENTICATE,LIST"},
		{"a authenticate plain AGRlbW8=\r\nb IDLE\r\nDONE\r\nc uid store 1 +FLAGS (\\Seen)\r\n", "AUTHENTICATE,IDLE,UID STORE"},
		{"a FETCH 1 (BODY.PEEK[] BODYSTRUCTURE RFC822.SIZE)\r\n", "FETCH"},
		{"a FETCH 1 RFC822\r\nb FETCH 1 BODY[]\r\n", "FETCH BODY[,FETCH BODY["},
		{"a X {99999999999999999999}\r\nb Y\r\n", "X,Y"},
		{"\r\n\r\n x\r\n", "X"},
	} {
		for size := 1; size < 9; size += 3 {
			var got []string
			r := commandReader{record: func(s string) { got = append(got, s) }}
			for chunk := range slices.Chunk([]byte(tt.in), size) {
				r.write(chunk)
			}
			if s := strings.Join(got, ","); s != tt.want {
				t.Errorf("%q in pieces of %d: %s, want %s", tt.in, size, s, tt.want)
			}
		}
	}
}

func FuzzRecordReader(f *testing.F) {
	f.Add([]byte("a LOGIN {4}\r\ndemo {4+}\r\ndemo\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var whole, parts []string
		a := commandReader{record: func(s string) { whole = append(whole, s) }}
		a.write(in)
		b := commandReader{record: func(s string) { parts = append(parts, s) }}
		for i := range in {
			b.write(in[i : i+1])
		}
		if !slices.Equal(whole, parts) {
			t.Errorf("%q whole, %q in pieces", whole, parts)
		}
		if len(whole) > bytes.Count(in, []byte("\n")) {
			t.Errorf("%d commands in %q", len(whole), in)
		}
	})
}

func opens(c *imapclient.Client, folder string) error {
	_, err := c.Select(folder, nil).Wait()
	return err
}

// TestSlowReader leaves the answer to a large FETCH unread and asks whether the
// rest of the account still works.
func TestSlowReader(t *testing.T) {
	s := empty(t, Options{})
	c := signIn(t, s, User)
	put(t, c, "INBOX", strings.Repeat("x", 8<<20))
	slow, err := net.Dial("tcp", s.IMAPAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	lines := bufio.NewReader(slow)
	for _, command := range []string{"a LOGIN demo demo", "b SELECT INBOX"} {
		fmt.Fprintf(slow, "%s\r\n", command)
		for line := ""; !strings.HasPrefix(line, command[:2]+"OK"); {
			if line, err = lines.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	fmt.Fprintf(slow, "c FETCH 1 BODY.PEEK[]\r\n")
	if _, err := lines.ReadString('{'); err != nil {
		t.Fatal(err)
	}
	sendMail(t, s, UserAddress, []string{UserAddress}, fmt.Sprintf(plain, "not held up"))
	put(t, c, "INBOX", "nor this")
	if err := opens(c, "INBOX"); err != nil {
		t.Error(err)
	}
	rest, err := lines.ReadString(')')
	if err != nil || len(rest) < 8<<20 {
		t.Errorf("%d octets of the slow answer, %v", len(rest), err)
	}
}

// TestValidity holds that every command names the same UIDVALIDITY, and that it
// differs between two starts and between a folder and its successor.
func TestValidity(t *testing.T) {
	seen := map[uint32]bool{}
	for day := range 2 {
		c := signIn(t, empty(t, Options{Now: time.Date(2026, 5, 1+day, 0, 0, 0, 0, time.UTC)}), User)
		for range 2 {
			if err := c.Create("Plans", nil).Wait(); err != nil {
				t.Fatal(err)
			}
			raw := fmt.Sprintf(plain, "one")
			add := c.Append("Plans", int64(len(raw)), nil)
			_, _ = add.Write([]byte(raw))
			_ = add.Close()
			added, err := add.Wait()
			if err != nil {
				t.Fatal(err)
			}
			status, err := c.Status("Plans", &imap.StatusOptions{UIDValidity: true}).Wait()
			if err != nil {
				t.Fatal(err)
			}
			selected, err := c.Select("Plans", nil).Wait()
			if err != nil {
				t.Fatal(err)
			}
			put(t, c, "INBOX", "other")
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				t.Fatal(err)
			}
			copied, err := c.Copy(imap.SeqSetNum(1), "Plans").Wait()
			if err != nil {
				t.Fatal(err)
			}
			v := selected.UIDValidity
			if added.UIDValidity != v || status.UIDValidity != v || copied.UIDValidity != v {
				t.Errorf("APPEND %d, STATUS %d, SELECT %d, COPY %d", added.UIDValidity, status.UIDValidity, v, copied.UIDValidity)
			}
			if seen[v] {
				t.Errorf("UIDVALIDITY %d again", v)
			}
			seen[v] = true
			if err := c.Delete("Plans").Wait(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestClose ends connections and frees the ports.
func TestClose(t *testing.T) {
	s := empty(t, Options{})
	c := signIn(t, s, User)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Noop().Wait(); err == nil {
		t.Error("the connection outlived the server")
	}
	for range 20 { // some of these close before they serve
		early, err := StartEmpty(Options{IMAPAddr: s.IMAPAddr, SMTPAddr: s.SMTPAddr})
		if err != nil {
			t.Fatal(err)
		}
		_ = early.Close()
	}
	again, err := StartEmpty(Options{IMAPAddr: s.IMAPAddr, SMTPAddr: s.SMTPAddr})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := Start(Options{IMAPAddr: again.IMAPAddr}); err == nil {
		t.Error("two servers on one address")
	}
}
