package mailtest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// testListOrder: newest arrival first. The embedded server has no SORT, so that
// mail delivered in order of arrival is the common ground; see testMoveOldDate.
func testListOrder(s *suite) {
	s.deliver("INBOX", Plains(1, 6)...)
	l := s.wantSubjects("INBOX", mail.All, "5 4 3 2 1")
	for i, r := range l.Rows {
		if !r.Arrived.Equal(day(5-i)) || r.Folder != "INBOX" || r.Validity != l.Folder.Validity {
			s.Errorf("row %d is %+v", i, r)
		}
	}
	s.deliver("INBOX", Plain(6))
	s.wantSubjects("INBOX", mail.All, "6 5 4 3 2 1")
}

func testListPages(s *suite) {
	s.deliver("INBOX", Plains(0, 120)...)
	for page, want := range map[int]struct{ page, first, last int }{0: {1, 1, 50}, 1: {1, 1, 50}, 2: {2, 51, 100}, 3: {3, 101, 120}, 4: {3, 101, 120}, 1 << 40: {3, 101, 120}} {
		l := s.list("INBOX", mail.All, page)
		if l.Page != want.page || l.Pages != 3 || l.Matches != 120 || l.First() != want.first || l.Last() != want.last {
			s.Errorf("page %d: page %d of %d, rows %d to %d of %d", page, l.Page, l.Pages, l.First(), l.Last(), l.Matches)
		}
		for i, r := range l.Rows {
			if want := fmt.Sprintf("Message %d", 120-l.First()-i); r.Subject != want {
				s.Fatalf("page %d row %d is %q, want %q", page, i, r.Subject, want)
			}
		}
	}
}

func testListFilters(s *suite) {
	s.deliver("INBOX", Plain(1), Plain(2, imap.FlagSeen), Plain(3, imap.FlagSeen, imap.FlagFlagged), Plain(4, imap.FlagFlagged), Plain(5, imap.FlagSeen))
	l := s.wantSubjects("INBOX", mail.All, "5 4 3 2 1")
	if l.Folder.Total != 5 || l.Folder.Unread != 2 || !l.Folder.Counted {
		s.Errorf("folder is %+v", l.Folder)
	}
	l = s.wantSubjects("INBOX", mail.Unread, "4 1")
	if l.Matches != 2 || l.Folder.Total != 5 || l.Folder.Unread != 2 {
		s.Errorf("unread: %+v", l)
	}
	if l = s.wantSubjects("INBOX", mail.Flagged, "4 3"); l.Matches != 2 || l.Folder.Unread != 2 {
		s.Errorf("flagged: %+v", l)
	}
	if _, err := s.s.SetFlags(s.ctx, refs(l), nil, []string{`\Flagged`}); err != nil {
		s.Fatal(err)
	}
	if l = s.wantSubjects("INBOX", mail.Flagged, ""); l.Pages != 1 || l.Matches != 0 {
		s.Errorf("nothing flagged: %+v", l)
	}
}

func testListRows(s *suite) {
	s.deliver("INBOX", Message{Date: day(3), Flags: []imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged}, Raw: crlf(`From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <j@example.org>
To: "Doe, Jane" <jane@example.net>
Cc: carol@example.com
Subject: =?iso-2022-jp?B?GyRCRnxLXDhsGyhC?= and =?utf-8?q?=C3=A9t?= =?utf-8?q?=C3=A9?=
Date: Tue, 3 Mar 2026 04:00:00 EST
Message-ID: <row@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello there
--b
Content-Type: application/pdf; name=a.pdf
Content-Disposition: attachment; filename=a.pdf
Content-Transfer-Encoding: base64

JVBERi0=
--b--
`)}, Message{Date: day(4), Raw: crlf("From: x@example.org\nSubject: future\nDate: Tue, 3 Mar 2099 04:00:00 +0000\n\nx\n")},
		Message{Date: day(5), Raw: crlf("Subject:\n\n")})
	l := s.list("INBOX", mail.All, 1)
	if len(l.Rows) != 3 {
		s.Fatalf("%d rows", len(l.Rows))
	}
	empty, future, r := l.Rows[0], l.Rows[1], l.Rows[2]
	if r.Subject != "日本語 and été" || len(r.From) != 1 || r.From[0] != (mail.Address{Name: "Jürgen Müller", Addr: "j@example.org"}) {
		s.Errorf("row is %+v", r)
	}
	if len(r.To) < 2 || r.To[0] != (mail.Address{Name: "Doe, Jane", Addr: "jane@example.net"}) || r.To[len(r.To)-1].Addr != "carol@example.com" {
		s.Errorf("recipients are %+v", r.To)
	}
	if !r.Seen || !r.Answered || !r.Flagged || r.Draft || r.Deleted || !r.Attachment || r.Broken || r.Size == 0 || r.MessageID != "row@example.org" {
		s.Errorf("row is %+v", r)
	}
	if want := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC); !r.Date.Equal(want) && !r.Date.Equal(r.Arrived) {
		s.Errorf("date is %v, want %v", r.Date, want)
	}
	if !future.Date.Equal(future.Arrived) {
		s.Errorf("a date in the far future is shown: %v", future.Date)
	}
	if empty.Subject != "" || len(empty.From) != 0 || !empty.Date.Equal(empty.Arrived) {
		s.Errorf("a message without fields is %+v", empty)
	}
}

// testListChanges: another program adds, flags and removes between two lists.
func testListChanges(s *suite) {
	s.deliver("INBOX", Plains(1, 6)...)
	l := s.wantSubjects("INBOX", mail.All, "5 4 3 2 1")
	c := s.a.Client(s.T)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		s.Fatal(err)
	}
	set := imap.UIDSetNum(imap.UID(l.Rows[1].UID))
	if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		s.Fatal(err)
	}
	if err := c.UIDExpunge(set).Close(); err != nil {
		s.Fatal(err)
	}
	set = imap.UIDSetNum(imap.UID(l.Rows[2].UID))
	if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen, "$Forwarded", "custom"}}, nil).Close(); err != nil {
		s.Fatal(err)
	}
	s.deliver("INBOX", Plain(9))
	l = s.wantSubjects("INBOX", mail.All, "9 5 3 2 1")
	if r := l.Rows[2]; !r.Seen || !r.Forwarded || len(r.Keywords) != 1 || r.Keywords[0] != "custom" || l.Folder.Unread != 4 || l.Folder.Total != 5 {
		s.Errorf("after the changes: %+v in %+v", r, l.Folder)
	}
}

func testPreviews(s *suite) {
	html := "<html><head><style>" + strings.Repeat("p{color:red} ", 100) + "</style></head><body><p>Styled <b>words</b> first</p></body></html>"
	part := func(kind, encoding, text string) string {
		return "Content-Type: " + kind + "\nContent-Transfer-Encoding: " + encoding + "\n\n" + text + "\n"
	}
	s.deliver("INBOX",
		Message{Date: day(1), Raw: crlf("Subject: plain\nMIME-Version: 1.0\n" + part("text/plain; charset=utf-8", "8bit", "> quoted\n\nReal  words\nfollow"))},
		Message{Date: day(2), Raw: crlf("Subject: html\nMIME-Version: 1.0\n" + part("text/html; charset=utf-8", "7bit", html))},
		Message{Date: day(3), Raw: crlf("Subject: alternative\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n" +
			part("text/plain; charset=iso-8859-1", "quoted-printable", "Caf=E9 au lait") + "--b\n" + part("text/html", "7bit", html) + "--b--\n")},
		Message{Date: day(4), Raw: crlf("Subject: base64\nMIME-Version: 1.0\n" + part("text/plain; charset=utf-8", "base64", "R3LDvMOfZSBhdXMgQmVybGlu"))},
		Message{Date: day(5), Raw: crlf("Subject: nested\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n" +
			part("text/plain", "7bit", "Deep inside") + "--i--\n--o--\n")},
		Message{Date: day(6), Raw: crlf("Subject: picture\nMIME-Version: 1.0\n" + part("image/png", "base64", "iVBORw0K"))},
	)
	want := []string{"", "Deep inside", "Grüße aus Berlin", "Café au lait", "Styled words first", "Real words follow"}
	for range 2 { // the second time from the cache
		l := s.list("INBOX", mail.All, 1)
		for i, r := range l.Rows {
			if r.Preview != want[i] {
				s.Errorf("preview of %s is %q, want %q", r.Subject, r.Preview, want[i])
			}
		}
	}
}

func testPlace(s *suite) {
	s.deliver("INBOX", Plain(1), Plain(2, imap.FlagSeen), Plain(3), Plain(4, imap.FlagSeen), Plain(5))
	l := s.list("INBOX", mail.All, 1) // 5 4 3 2 1
	at := func(i int) mail.Ref {
		if i < 0 || i >= len(l.Rows) {
			return mail.Ref{}
		}
		return l.Rows[i].Ref
	}
	for i := range l.Rows {
		p, err := s.s.Place(s.ctx, mail.ListQuery{Folder: "INBOX"}, at(i))
		if err != nil || p != (mail.Place{Position: i + 1, Matches: 5, Newer: at(i - 1), Older: at(i + 1)}) {
			s.Errorf("place of %d is %+v, %v", i, p, err)
		}
	}
	unread := mail.ListQuery{Folder: "INBOX", Filter: mail.Unread} // 5 3 1
	if p, err := s.s.Place(s.ctx, unread, at(2)); err != nil || p != (mail.Place{Position: 2, Matches: 3, Newer: at(0), Older: at(4)}) {
		s.Errorf("place among unread is %+v, %v", p, err)
	}
	if _, err := s.s.SetFlags(s.ctx, []mail.Ref{at(2)}, []string{`\Seen`}, nil); err != nil {
		s.Fatal(err)
	}
	if p, err := s.s.Place(s.ctx, unread, at(2)); err != nil || p != (mail.Place{Matches: 2, Newer: at(0), Older: at(4)}) {
		s.Errorf("place of one read meanwhile is %+v, %v", p, err)
	}
	if p, err := s.s.Place(s.ctx, mail.ListQuery{Folder: "INBOX"}, mail.Ref{Folder: "INBOX", Validity: l.Folder.Validity, UID: 4000}); err != nil || p.Position != 0 {
		s.Errorf("place of one that is not there is %+v, %v", p, err)
	}
	_, err := s.s.Place(s.ctx, unread, mail.Ref{Folder: "INBOX", Validity: l.Folder.Validity + 7, UID: 1})
	s.wantKind(err, mail.Stale)
}

// testConcurrent: one Session, many requests at once, more than connections.
func testConcurrent(s *suite) {
	s.create("Other")
	s.deliver("INBOX", Plains(1, 30)...)
	s.deliver("Other", Plains(1, 30)...)
	all := map[string]mail.List{"INBOX": s.list("INBOX", mail.All, 1), "Other": s.list("Other", mail.All, 1)}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			path := []string{"INBOX", "Other"}[i%2]
			folder, row := s.name(path), all[path].Rows[i%29]
			var err error
			switch i % 5 {
			case 0:
				var l mail.List
				if l, err = s.s.List(s.ctx, mail.ListQuery{Folder: folder}); err == nil && len(l.Rows) != 29 {
					err = fmt.Errorf("%d rows", len(l.Rows))
				}
			case 1:
				var m mail.Message
				if m, err = s.s.Message(s.ctx, row.Ref); err == nil && m.Subject != row.Subject {
					err = fmt.Errorf("%q in place of %q", m.Subject, row.Subject)
				}
			case 2:
				_, err = s.s.Folders(s.ctx, i%3 == 0)
			case 3:
				var res mail.Result
				if res, err = s.s.SetFlags(s.ctx, []mail.Ref{row.Ref}, []string{`\Seen`}, nil); err == nil && len(res.Done) != 1 {
					err = fmt.Errorf("flags: %+v", res)
				}
			case 4:
				_, err = s.s.Place(s.ctx, mail.ListQuery{Folder: folder, Filter: mail.Unread}, row.Ref)
			}
			if err != nil {
				s.Errorf("request %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}
