package imapscript_test

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/internal/imapscript"
)

// TestMailbox drives the well-behaved account with the real client.
func TestMailbox(t *testing.T) {
	m := &imapscript.Mailbox{Caps: "IMAP4rev1 MOVE UIDPLUS ESEARCH", Folders: map[string][]*imapscript.Message{
		"INBOX": {{UID: 4, Text: "four\r\n"}, {UID: 9, Flags: []string{`\Seen`}, Text: "nine\r\n"}}, "Trash": nil,
	}}
	s := imapscript.Start(t, m.Serve)
	c := imapclient.New(s.Dial(t), nil)
	if err := c.Login("user", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	if l, err := c.List("", "*", nil).Collect(); err != nil || len(l) != 2 {
		t.Fatalf("list: %v %v", l, err)
	}
	if d, err := c.Select("INBOX", nil).Wait(); err != nil || d.NumMessages != 2 || d.UIDNext != 10 {
		t.Fatalf("select: %+v %v", d, err)
	}
	section := &imap.FetchItemBodySection{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Size: 100}}
	rows, err := c.Fetch(imap.UIDSetNum(4, 9), &imap.FetchOptions{UID: true, Flags: true, Envelope: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil || len(rows) != 2 || rows[0].Envelope.Subject != "message 4" || string(rows[1].FindBodySection(section)) != "nine\r\n" {
		t.Fatalf("fetch: %+v %v", rows, err)
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, &imap.SearchOptions{ReturnAll: true}).Wait()
	if err != nil || len(found.AllUIDs()) != 1 {
		t.Fatalf("search: %+v %v", found, err)
	}
	moved, err := c.Move(imap.UIDSetNum(4), "Trash").Wait()
	if err != nil || moved.SourceUIDs.String() != "4" || moved.DestUIDs.String() != "1" {
		t.Fatalf("move: %+v %v", moved, err)
	}
	if s.Sent("UID MOVE") != 1 || !strings.HasPrefix(s.Commands()[0], `LOGIN "user"`) {
		t.Errorf("commands: %q", s.Commands())
	}
}
