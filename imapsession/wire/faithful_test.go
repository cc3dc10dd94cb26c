package wire_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/imapsession/wire"
	"oriel/internal/dovecot"
)

// corpus returns real messages, if they are at hand beside the project.
func corpus(t *testing.T) (messages []dovecot.Message) {
	files, _ := filepath.Glob("../../../shared/corpus/eml/*.eml")
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, dovecot.Message{Raw: raw})
	}
	if len(messages) == 0 {
		t.Log("the corpus of real mail is absent; two messages stand in for it")
		inner := "Subject: inner\r\nFrom: \"A \\\"B\\\" C\" <a@example.org>\r\n\r\ntext\r\n"
		messages = []dovecot.Message{
			{Raw: []byte("Content-Type: multipart/mixed; boundary=x\r\nSubject: =?utf-8?q?=C3=A9?=\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n" +
				inner + "--x\r\nContent-Disposition: attachment; filename=\"a\\\"b\"\r\nContent-Language: de, en\r\n\r\nx\r\n--x--\r\n")},
			{Raw: []byte(inner)},
		}
	}
	return messages
}

// connect signs in to Dovecot and opens INBOX, with wire in between or not.
func connect(t *testing.T, s *dovecot.Server, through bool) *imapclient.Client {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(s.Host, fmt.Sprint(s.IMAPPort)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if through {
		nc = wire.New(nc, wire.Options{})
	}
	c := imapclient.New(nc, nil)
	if err := c.Login("ann", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	// EXAMINE, because SELECT gives \Recent to one of the two only.
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFaithful fetches real messages from a real server with wire and without:
// whatever the client can read by itself must come out of wire just the same.
func TestFaithful(t *testing.T) {
	s := dovecot.Start(t)
	s.AddUser("ann", "secret")
	messages := corpus(t)
	s.Deliver("ann", "INBOX", messages...)
	options := *rowOptions
	options.BodySection = []*imap.FetchItemBodySection{
		{Peek: true},
		{Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"References", "List-Id"}},
		{Peek: true, Part: []int{1}, Partial: &imap.SectionPartial{Size: 768}},
	}
	bare, through := connect(t, s, false), connect(t, s, true)
	fetch := func(c *imapclient.Client, uid int) ([]*imapclient.FetchMessageBuffer, error) {
		return c.Fetch(imap.UIDSetNum(imap.UID(uid)), &options).Collect()
	}
	lost := 0
	for uid := 1; uid <= len(messages); uid++ {
		got, err := fetch(through, uid)
		if err != nil || len(got) != 1 || got[0].Envelope == nil || got[0].BodyStructure == nil {
			t.Errorf("message %d is incomplete: %d rows, %v", uid, len(got), err)
			continue
		}
		want, err := fetch(bare, uid)
		if err != nil { // the client cannot read this one by itself
			lost++
			bare = connect(t, s, false)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("message %d: %s differs", uid, difference(got[0], want[0]))
		}
	}
	t.Logf("%d messages, of which %d cannot be read without wire", len(messages), lost)
}

// difference names the first field in which two rows differ.
func difference(a, b *imapclient.FetchMessageBuffer) string {
	x, y := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for i := range x.NumField() {
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			return x.Type().Field(i).Name
		}
	}
	return "nothing"
}
