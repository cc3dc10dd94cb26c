package demo

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
)

// stored is a message as a client gets it.
type stored struct {
	folder string
	flags  []imap.Flag
	date   time.Time // INTERNALDATE
	raw    []byte
	header message.Header
}

func (m stored) subject(t *testing.T) string {
	t.Helper()
	s, err := m.header.Text("Subject")
	if err != nil {
		t.Errorf("%s: subject: %v", m.folder, err)
	}
	return s
}

// readAll fetches everything over IMAP, as any client would.
func readAll(t *testing.T, c *imapclient.Client) map[string][]stored {
	t.Helper()
	folders, err := c.List("", "*", nil).Collect()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]stored{}
	for _, f := range folders {
		if slices.Contains(f.Attrs, imap.MailboxAttrNoSelect) {
			continue
		}
		data, err := c.Select(f.Mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			t.Fatalf("%s: %v", f.Mailbox, err)
		}
		all[f.Mailbox] = nil
		if data.NumMessages == 0 {
			continue
		}
		whole := &imap.FetchItemBodySection{Peek: true}
		set := imap.SeqSet{}
		set.AddRange(1, data.NumMessages)
		messages, err := c.Fetch(set, &imap.FetchOptions{
			Flags: true, InternalDate: true, Envelope: true, UID: true,
			BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
			BodySection:   []*imap.FetchItemBodySection{whole},
		}).Collect()
		if err != nil {
			t.Fatalf("%s: %v", f.Mailbox, err)
		}
		for _, m := range messages {
			raw := m.FindBodySection(whole)
			e, err := message.Read(bytes.NewReader(raw))
			if err != nil {
				t.Fatalf("%s: %v", f.Mailbox, err)
			}
			all[f.Mailbox] = append(all[f.Mailbox], stored{f.Mailbox, m.Flags, m.InternalDate, raw, e.Header})
		}
	}
	return all
}

var (
	sampleOnce sync.Once
	sampleAll  map[string][]stored
)

// sample is the mailbox as of now, read once for all tests that only look.
func sample(t *testing.T) map[string][]stored {
	t.Helper()
	sampleOnce.Do(func() { sampleAll = readAll(t, signIn(t, start(t, Options{}), User)) })
	if len(sampleAll) == 0 {
		t.Fatal("the mailbox could not be read")
	}
	return sampleAll
}

func TestMailboxIsLargeEnough(t *testing.T) {
	all := sample(t)
	total, filled := 0, 0
	for _, messages := range all {
		total += len(messages)
		if len(messages) > 0 {
			filled++
		}
	}
	if total < 200 || filled < 8 {
		t.Errorf("%d messages in %d folders, want 200 in 8", total, filled)
	}
	for _, f := range []string{"INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash", "Clients/Harbour Street", "Reisen/Österreich", "日本語", "Café & Crème"} {
		if len(all[f]) < 3 {
			t.Errorf("%s has %d messages", f, len(all[f]))
		}
	}
	if n := len(all["INBOX"]); n <= 50 {
		t.Errorf("INBOX has %d messages, want more than one page of 50", n)
	}
	t.Logf("%d messages, %d in INBOX, %d in Sent", total, len(all["INBOX"]), len(all["Sent"]))
}

func TestFlags(t *testing.T) {
	all := sample(t)
	count := map[imap.Flag]int{}
	unread := map[string]int{}
	for name, messages := range all {
		for _, m := range messages {
			for _, f := range m.flags {
				count[f]++
			}
			if !slices.Contains(m.flags, imap.FlagSeen) {
				unread[name]++
			}
		}
	}
	for _, f := range []imap.Flag{imap.FlagFlagged, imap.FlagAnswered, imap.FlagForwarded, imap.FlagDraft, imap.FlagJunk} {
		if count[f] == 0 {
			t.Errorf("no message has %s", f)
		}
	}
	if n := unread["INBOX"]; n < 10 || n > 14 {
		t.Errorf("INBOX has %d unread messages, want about 12", n)
	}
	for _, f := range []string{"Sent", "Drafts", "Archive"} {
		if unread[f] > 0 {
			t.Errorf("%s has %d unread messages", f, unread[f])
		}
	}
}

// TestEveryMessageParses walks each message down to its leaves and decodes them.
func TestEveryMessageParses(t *testing.T) {
	kinds := map[string]int{}
	addresses := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charset.Reader}}
	for name, messages := range sample(t) {
		for _, m := range messages {
			subject := m.subject(t)
			e, err := message.Read(bytes.NewReader(m.raw))
			if err != nil {
				t.Fatalf("%s: %q: %v", name, subject, err)
			}
			err = e.Walk(func(path []int, part *message.Entity, err error) error {
				if err != nil {
					return err
				}
				kind, _, err := part.Header.ContentType()
				kinds[kind]++
				if err != nil || strings.HasPrefix(kind, "multipart/") {
					return err
				}
				_, err = io.ReadAll(part.Body)
				return err
			})
			if err != nil {
				t.Errorf("%s: %q: %v", name, subject, err)
			}
			for _, field := range []string{"From", "To", "Cc"} {
				if v := m.header.Get(field); v != "" {
					if _, err := addresses.ParseList(v); err != nil {
						t.Errorf("%s: %q: %s: %v", name, subject, field, err)
					}
				}
			}
			if bytes.Contains(bytes.ReplaceAll(m.raw, []byte("\r\n"), nil), []byte("\n")) {
				t.Errorf("%s: %q: a line ends without CRLF", name, subject)
			}
			inHeader := true
			for line := range strings.SplitSeq(string(m.raw), "\r\n") {
				inHeader = inHeader && line != ""
				if len(line) > 998 || inHeader && !ascii(line) {
					t.Errorf("%s: %q: line of %d octets: %.60q", name, subject, len(line), line)
				}
			}
		}
	}
	for _, kind := range []string{
		"application/pdf", "application/zip", "image/png", "image/jpeg", "text/csv", "text/calendar", "text/vcard",
		"text/html", "text/plain", "message/rfc822", "message/delivery-status",
		"multipart/mixed", "multipart/alternative", "multipart/related", "multipart/report",
	} {
		if kinds[kind] == 0 {
			t.Errorf("no part is %s", kind)
		}
	}
}

var counter = regexp.MustCompile(`(^|[ #])[0-9]+$`)

// TestSubjects holds what makes a list readable: no subject twice except in one
// conversation, none that is only numbered, nothing left of the source format.
func TestSubjects(t *testing.T) {
	threads := map[string]string{} // subject without Re: to the first Message-ID
	for name, messages := range sample(t) {
		for _, m := range messages {
			s := m.subject(t)
			if counter.MatchString(s) {
				t.Errorf("%s: %q ends in a counter", name, s)
			}
			if regexp.MustCompile(`\{[a-z]+([+-]\d+)?\}`).Match(m.raw) {
				t.Errorf("%s: %q: a placeholder was left", name, s)
			}
			first := m.header.Get("Message-Id")
			if refs := strings.Fields(m.header.Get("References")); len(refs) > 0 {
				first = refs[0]
			}
			key := strings.TrimPrefix(s, "Re: ")
			if known, ok := threads[key]; ok && known != first {
				t.Errorf("%s: %q is the subject of two conversations", name, s)
			}
			threads[key] = first
		}
	}
}

// TestThreads asks for real conversations: References that lead to messages in
// the mailbox, with answers by the owner among them.
func TestThreads(t *testing.T) {
	byID := map[string]stored{}
	sizes := map[string]int{}
	own := map[string]bool{}
	all := sample(t)
	for _, messages := range all {
		for _, m := range messages {
			byID[m.header.Get("Message-Id")] = m
		}
	}
	for name, messages := range all {
		for _, m := range messages {
			refs := strings.Fields(m.header.Get("References"))
			for _, id := range refs {
				parent, ok := byID[id]
				if !ok {
					t.Errorf("%s: %q refers to %s, which is nowhere", name, m.subject(t), id)
				} else if parent.date.After(m.date) {
					t.Errorf("%s: %q answers a later message", name, m.subject(t))
				}
			}
			if len(refs) > 0 {
				sizes[refs[0]]++
				own[refs[0]] = own[refs[0]] || name == "Sent" || byID[refs[0]].folder == "Sent"
			}
		}
	}
	long := 0
	for id, answers := range sizes {
		if answers >= 2 && own[id] {
			long++
		}
	}
	if long < 8 {
		t.Errorf("%d conversations of three or more with a word of the owner's, want 8", long)
	}
}

// TestDates starts the demo at awkward moments: nothing may come from the future
// and arrival has to follow the order of UIDs.
func TestDates(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		zone = time.FixedZone("far west", -8*3600)
	}
	for _, now := range []time.Time{
		time.Date(2026, 11, 22, 0, 0, 30, 0, time.UTC),
		time.Date(2027, 1, 1, 23, 59, 59, 0, zone),
		time.Date(2028, 3, 1, 12, 0, 0, 0, time.FixedZone("far east", 14*3600)),
	} {
		s := start(t, Options{Now: now})
		today, yesterday, old := 0, 0, 0
		for name, messages := range readAll(t, signIn(t, s, User)) {
			last := time.Time{}
			for _, m := range messages {
				sent, err := mail.ParseDate(m.header.Get("Date"))
				if err != nil || !sent.Equal(m.date) {
					t.Errorf("%s: %q: Date %v, INTERNALDATE %v (%v)", name, m.subject(t), sent, m.date, err)
				}
				if m.date.After(now) {
					t.Errorf("%s: %q comes from the future: %v", name, m.subject(t), m.date)
				}
				if m.date.Before(last) {
					t.Errorf("%s: %q stands in the wrong order", name, m.subject(t))
				}
				last = m.date
				switch days := int(now.Sub(m.date).Hours() / 24); {
				case sameDay(m.date.In(now.Location()), now):
					today++
				case sameDay(m.date.In(now.Location()), now.AddDate(0, 0, -1)):
					yesterday++
				case days > 365:
					old++
				}
			}
		}
		if today < 5 || yesterday < 5 || old < 5 {
			t.Errorf("at %v: %d from today, %d from yesterday, %d older than a year", now, today, yesterday, old)
		}
	}
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// TestScripts checks that the mail in other scripts arrives as it was written.
func TestScripts(t *testing.T) {
	want := map[string]string{
		"iso-2022-jp":  "硝子の家での展示についてのご相談",
		"gb18030":      "关于榫卯样品的包装",
		"euc-kr":       "창호지와 유리를 함께 쓰는 방법",
		"windows-1255": "תערוכת הנגרים באביב: הזמנה",
		"koi8-r":       "Наличники из Вологды: вопрос о красках",
		"iso-8859-1":   "Hüttenschlüssel",
		"utf-8":        "سؤال عن نوافذ المشربية",
	}
	seen := map[string]bool{}
	for _, messages := range sample(t) {
		for _, m := range messages {
			seen[m.subject(t)] = true
		}
	}
	for set, subject := range want {
		if !seen[subject] {
			t.Errorf("no message with the subject %q (%s)", subject, set)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(Options{})
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}
