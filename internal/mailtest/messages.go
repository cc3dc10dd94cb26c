package mailtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/imapsession"
	"oriel/mail"
)

const letter = `From: Ann <ann@example.org>
Sender: Secretary <sec@example.org>
Reply-To: list@example.org
To: Bob <bob@example.net>
Cc: carol@example.com
Subject: =?utf-8?q?Pl=C3=A4ne?=
Date: Tue, 3 Mar 2026 04:00:00 -0500
Message-ID: <letter@example.org>
List-Id: Friends <friends.example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: multipart/alternative; boundary=i

--i
Content-Type: text/plain; charset=iso-8859-1; format=flowed; delsp=yes
Content-Transfer-Encoding: quoted-printable

Sch=F6ne Gr=FC=DFe
--i
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+U2Now7ZuZSA8Yj5HcsO8w59lPC9iPjwvcD4=
--i--
--o
Content-Type: image/png; name="p.png"
Content-Disposition: inline; filename="p.png"
Content-ID: <pic@1>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--o
Content-Type: text/csv; charset=utf-8
Content-Disposition: attachment; filename*=utf-8''%C3%BCbersicht.csv
Content-Transfer-Encoding: quoted-printable

a;b=0D=0A1;2
--o
Content-Type: message/rfc822
Content-Disposition: attachment

From: old@example.org
Subject: =?utf-8?q?Fr=C3=BCher?=
Content-Type: text/plain

Inner words
--o--
`

func (s *suite) letter() mail.Ref {
	s.Helper()
	s.deliver("INBOX", Message{Date: day(50), Raw: crlf(letter)})
	return s.list("INBOX", mail.All, 1).Rows[0].Ref
}

func testMessage(s *suite) { s.checkLetter(s.letter()) }

// testMessageWithoutList: a link from outside, with nothing in any cache.
func testMessageWithoutList(s *suite) {
	s.deliver("INBOX", Message{Date: day(50), Raw: crlf(letter)})
	v, err := s.s.Validity(s.ctx, "INBOX")
	if err != nil {
		s.Fatal(err)
	}
	s.checkLetter(mail.Ref{Folder: "INBOX", Validity: v, UID: 1})
}

func (s *suite) checkLetter(ref mail.Ref) {
	s.Helper()
	m, err := s.s.Message(s.ctx, ref)
	if err != nil {
		s.Fatal(err)
	}
	if m.Ref != ref || m.Subject != "Pläne" || m.Seen || !m.Attachment || m.Broken {
		s.Errorf("summary is %+v", m.Summary)
	}
	if len(m.Sender) != 1 || m.Sender[0].Addr != "sec@example.org" || len(m.ReplyTo) != 1 || m.ReplyTo[0].Addr != "list@example.org" {
		s.Errorf("sender %+v, reply to %+v", m.Sender, m.ReplyTo)
	}
	if len(m.ToOnly) == 0 || m.ToOnly[0] != (mail.Address{Name: "Bob", Addr: "bob@example.net"}) || len(m.Cc) != 1 || len(m.Bcc) != 0 {
		s.Errorf("to %+v, cc %+v, bcc %+v", m.ToOnly, m.Cc, m.Bcc)
	}
	if !strings.Contains(m.ListID, "friends.example.org") {
		s.Errorf("list id %q", m.ListID)
	}
	if len(m.Texts) == 0 || len(m.Texts) != len(m.Body.Shown) {
		s.Fatalf("%d texts for %d shown parts", len(m.Texts), len(m.Body.Shown))
	}
	for i, text := range m.Texts {
		if text.Part.Path != m.Body.Shown[i].Path || !strings.Contains(text.Content, "Grüße") || text.Truncated {
			s.Errorf("text %d is %+v", i, text)
		}
	}
	plain, ok := m.Root.Find("1.1")
	if !ok || plain.Type != "text/plain" || !plain.Flowed || !plain.DelSp || plain.Charset != "iso-8859-1" || plain.Size == 0 {
		s.Errorf("part 1.1 is %+v", plain)
	}
	if csv, _ := m.Root.Find("3"); csv.Name != "übersicht.csv" || csv.Disposition != "attachment" {
		s.Errorf("part 3 is %+v", csv)
	}
	if inner, _ := m.Root.Find("4"); inner.Type != "message/rfc822" || inner.Subject != "Früher" {
		s.Errorf("part 4 is %+v", inner)
	}
	if pic, _ := m.Root.Find("2"); pic.ContentID != "pic@1" || pic.Disposition != "inline" {
		s.Errorf("part 2 is %+v", pic)
	}
	// Reading leaves no trace.
	if l := s.list("INBOX", mail.All, 1); l.Rows[0].Seen || l.Folder.Unread != l.Folder.Total {
		s.Error("reading has set \\Seen")
	}
}

func (s *suite) content(ref mail.Ref, path string) string {
	s.Helper()
	p, err := s.s.Part(s.ctx, ref, path)
	if err != nil {
		s.Fatalf("part %s: %v", path, err)
	}
	defer p.Close()
	b, err := io.ReadAll(p)
	if err != nil {
		s.Fatalf("part %s: %v", path, err)
	}
	return string(b)
}

func testParts(s *suite) {
	ref := s.letter()
	for path, want := range map[string]string{"1.1": "Sch\xf6ne Gr\xfc\xdfe", "1.2": "<p>Schöne <b>Grüße</b></p>", "2": "\x89PNG\r\n\x1a\n", "3": "a;b\r\n1;2"} {
		if got := s.content(ref, path); got != want {
			s.Errorf("part %s is %q, want %q", path, got, want)
		}
	}
	if got := s.content(ref, "4"); !strings.Contains(got, "Inner words") {
		s.Errorf("nested message is %q", got)
	}
	text, err := s.s.Text(s.ctx, ref, "1.2", 1<<20)
	if err != nil || text.Content != "<p>Schöne <b>Grüße</b></p>" || text.Truncated || text.Part.Encoding != "base64" {
		s.Errorf("text is %+v, %v", text, err)
	}
	if text, err = s.s.Text(s.ctx, ref, "1.2", 12); err != nil || !text.Truncated || len(text.Content) > 12 {
		s.Errorf("cut text is %+v, %v", text, err)
	}
	_, err = s.s.Text(s.ctx, ref, "2", 100)
	s.wantKind(err, mail.Invalid)
	_, err = s.s.Part(s.ctx, ref, "9")
	s.wantKind(err, mail.NoMessage)
	_, err = s.s.Part(s.ctx, mail.Ref{Folder: "INBOX", Validity: ref.Validity, UID: 4000}, "1")
	s.wantKind(err, mail.NoMessage)
}

// testLargePart: above every threshold at which reading changes its way.
func testLargePart(s *suite) {
	for _, size := range []int{100 << 10, 1 << 20, 12 << 20} {
		data := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz-"), size/37+1)[:size]
		encoded := base64.StdEncoding.EncodeToString(data)
		var lines strings.Builder
		for len(encoded) > 0 {
			n := min(76, len(encoded))
			lines.WriteString(encoded[:n] + "\r\n")
			encoded = encoded[n:]
		}
		s.deliver("INBOX", Message{Date: day(60 + size>>20), Raw: crlf("Subject: large\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n--b\nContent-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n") + lines.String() + "--b--\r\n"})
		ref := s.list("INBOX", mail.All, 1).Rows[0].Ref
		p, err := s.s.Part(s.ctx, ref, "2")
		if err != nil {
			s.Fatal(err)
		}
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got, data) {
			s.Fatalf("%d octets came as %d, %v", size, len(got), err)
		}
		p.Close()
		// Ending early must not hold up the Session.
		if p, err = s.s.Part(s.ctx, ref, "2"); err != nil {
			s.Fatal(err)
		}
		if _, err := io.ReadFull(p, make([]byte, 1000)); err != nil {
			s.Fatal(err)
		}
		p.Close()
		ctx, cancel := context.WithCancel(s.ctx)
		if p, err = s.s.Part(ctx, ref, "2"); err != nil {
			s.Fatal(err)
		}
		cancel()
		if n, err := io.Copy(io.Discard, p); err == nil && n < int64(size) {
			s.Error("a cancelled part ends without an error")
		}
		p.Close()
		s.list("INBOX", mail.All, 1)
	}
}

func testSource(s *suite) {
	ref := s.letter()
	p, err := s.s.Source(s.ctx, ref)
	if err != nil {
		s.Fatal(err)
	}
	defer p.Close()
	got, err := io.ReadAll(p)
	if err != nil || string(got) != crlf(letter) || p.Size != int64(len(got)) || p.Info.Type != "message/rfc822" {
		s.Errorf("source has %d octets, said %d, want %d: %v", len(got), p.Size, len(crlf(letter)), err)
	}
	_, err = s.s.Source(s.ctx, mail.Ref{Folder: "INBOX", Validity: ref.Validity, UID: 4000})
	s.wantKind(err, mail.NoMessage)
}

func testFlags(s *suite) {
	s.deliver("INBOX", Plains(1, 4)...)
	l := s.list("INBOX", mail.All, 1)
	res, err := s.s.SetFlags(s.ctx, refs(l)[:2], []string{`\Seen`, `\flagged`, "$Forwarded"}, nil)
	if err != nil || len(res.Done) != 2 || res.Done[0] != l.Rows[0].Ref || len(res.Gone) != 0 || len(res.Moved) != 0 {
		s.Fatalf("set: %+v, %v", res, err)
	}
	// Once more: flags that are set already are no failure.
	if res, err = s.s.SetFlags(s.ctx, refs(l)[:2], []string{`\Seen`}, []string{`\Answered`}); err != nil || len(res.Done) != 2 {
		s.Errorf("set again: %+v, %v", res, err)
	}
	l = s.list("INBOX", mail.All, 1)
	if r := l.Rows[0]; !r.Seen || !r.Flagged || !r.Forwarded || l.Rows[2].Seen || l.Folder.Unread != 1 {
		s.Errorf("rows are %+v", l.Rows)
	}
	if res, err = s.s.SetFlags(s.ctx, refs(l), nil, []string{`\Seen`, "$Forwarded"}); err != nil || len(res.Done) != 3 {
		s.Errorf("clear: %+v, %v", res, err)
	}
	if l = s.list("INBOX", mail.Unread, 1); l.Matches != 3 || l.Rows[0].Forwarded {
		s.Errorf("after clearing: %+v", l)
	}
	m, err := s.s.Message(s.ctx, l.Rows[0].Ref)
	if err != nil || m.Seen || !m.Flagged {
		s.Errorf("message has %+v, %v", m.Flags, err)
	}
}

func testMove(s *suite) {
	s.create("Trash")
	s.deliver("INBOX", Plains(1, 6)...)
	l := s.list("INBOX", mail.All, 1) // 5 4 3 2 1
	moving := []mail.Ref{l.Rows[3].Ref, l.Rows[0].Ref}
	res, err := s.s.Move(s.ctx, moving, s.name("Trash"))
	if err != nil || len(res.Done) != 2 || res.Done[0] != moving[0] || res.Done[1] != moving[1] {
		s.Fatalf("move: %+v, %v", res, err)
	}
	moved := s.whereabouts(res, "Trash", 2, 5)
	s.wantSubjects("INBOX", mail.All, "4 3 1")
	for i, want := range []string{"Message 2", "Message 5"} {
		if m, err := s.s.Message(s.ctx, moved[i]); err != nil || m.Subject != want {
			s.Errorf("moved %d is %q, want %q: %v", i, m.Subject, want, err)
		}
	}
	// Moving again what is gone, and undo.
	if again, err := s.s.Move(s.ctx, moving, s.name("Trash")); err != nil || len(again.Done) != 0 || len(again.Gone) != 2 {
		s.Errorf("move of what is gone: %+v, %v", again, err)
	}
	if back, err := s.s.Move(s.ctx, moved, "INBOX"); err != nil || len(back.Done) != 2 {
		s.Errorf("undo: %+v, %v", back, err)
	}
	if l := s.list("INBOX", mail.All, 1); len(l.Rows) != 5 || l.Folder.Total != 5 {
		s.Errorf("after undo: %s", subjects(l))
	}
	s.wantSubjects("Trash", mail.All, "")
	// To where they are already.
	if stay, err := s.s.Move(s.ctx, refs(s.list("INBOX", mail.All, 1)), "INBOX"); err != nil || len(stay.Done) != 5 || stay.Moved[0] != stay.Done[0] {
		s.Errorf("move to the same folder: %+v, %v", stay, err)
	}
	counts, _ := s.find(s.folders(), "INBOX")
	if counts.Total != 5 && !s.a.Untold { // the server counts what it cannot remove
		s.Errorf("INBOX counts %+v", counts)
	}
}

// testMoveOldDate: a message keeps its arrival when it is moved, so that undo
// puts it back where it was, with SORT or without.
func testMoveOldDate(s *suite) {
	s.create("Trash")
	s.deliver("INBOX", Plains(1, 6)...)
	l := s.wantSubjects("INBOX", mail.All, "5 4 3 2 1")
	res, err := s.s.Move(s.ctx, []mail.Ref{l.Rows[2].Ref}, s.name("Trash"))
	if err != nil {
		s.Fatal(err)
	}
	s.wantSubjects("INBOX", mail.All, "5 4 2 1")
	if _, err := s.s.Move(s.ctx, s.whereabouts(res, "Trash", 3), "INBOX"); err != nil {
		s.Fatal(err)
	}
	s.wantSubjects("INBOX", mail.All, "5 4 3 2 1")
}

// testMoveFlag: what another connection has marked a moment ago goes with the message.
func testMoveFlag(s *suite) {
	s.create("Trash")
	s.deliver("INBOX", Plain(1))
	l := s.list("INBOX", mail.All, 1)
	c := s.a.Client(s.T)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		s.Fatal(err)
	}
	star := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged, "$Oak"}}
	if err := c.Store(imap.UIDSetNum(imap.UID(l.Rows[0].UID)), star, nil).Close(); err != nil {
		s.Fatal(err)
	}
	if _, err := s.s.Move(s.ctx, refs(l), s.name("Trash")); err != nil {
		s.Fatal(err)
	}
	if l = s.list("Trash", mail.All, 1); len(l.Rows) != 1 || !l.Rows[0].Flagged || len(l.Rows[0].Keywords) != 1 {
		s.Fatalf("the star or the keyword was lost on the way: %+v", l.Rows)
	}
}

// testFlagNew: a message that arrived after the connection's last look at its
// folder takes a mark at once.
func testFlagNew(s *suite) {
	s.deliver("INBOX", Plain(1))
	fresh := s.list("INBOX", mail.All, 1).Rows[0].Ref
	s.deliver("INBOX", Plain(2))
	fresh.UID++
	res, err := s.s.SetFlags(s.ctx, []mail.Ref{fresh}, []string{`\Flagged`}, nil)
	if err != nil || len(res.Done) != 1 || len(res.Changed) != 1 {
		s.Fatalf("flag: %+v, %v", res, err)
	}
}

// testMoveNew: a message that arrived after the connection's last look at its
// folder can be moved at once, as Undo does.
func testMoveNew(s *suite) {
	s.create("Trash")
	s.deliver("Trash", Plain(1))
	l := s.list("Trash", mail.All, 1)
	s.deliver("Trash", Plain(2))
	fresh := l.Rows[0].Ref
	fresh.UID++
	res, err := s.s.Move(s.ctx, []mail.Ref{fresh}, "INBOX")
	if err != nil || len(res.Done) != 1 {
		s.Fatalf("move: %+v, %v", res, err)
	}
	s.wantSubjects("INBOX", mail.All, "2")
}

func testCopy(s *suite) {
	s.create("Work")
	s.deliver("INBOX", Plain(1, imap.FlagSeen), Plain(2))
	l := s.list("INBOX", mail.All, 1)
	res, err := s.s.Copy(s.ctx, append(refs(l), mail.Ref{Folder: "INBOX", Validity: l.Folder.Validity, UID: 4000}), s.name("Work"))
	if err != nil || len(res.Done) != 2 || len(res.Gone) != 1 {
		s.Fatalf("copy: %+v, %v", res, err)
	}
	s.whereabouts(res, "Work", 2, 1)
	s.wantSubjects("INBOX", mail.All, "2 1")
	if w := s.wantSubjects("Work", mail.All, "2 1"); w.Rows[0].Seen || !w.Rows[1].Seen {
		s.Errorf("copies are %+v", w.Rows)
	}
}

func testDelete(s *suite) {
	s.deliver("INBOX", Plain(1), Plain(2, imap.FlagDeleted), Plain(3), Plain(4))
	before, after := "4 3 2 1", "3 2"
	if s.a.Untold { // marked is as good as removed there
		before, after = "4 3 1", "3"
	}
	l := s.wantSubjects("INBOX", mail.All, before)
	res, err := s.s.Delete(s.ctx, []mail.Ref{l.Rows[0].Ref, l.Rows[len(l.Rows)-1].Ref})
	if err != nil || len(res.Done) != 2 || len(res.Gone) != 0 {
		s.Fatalf("delete: %+v, %v", res, err)
	}
	// What another program has marked is not ours to remove.
	s.wantSubjects("INBOX", mail.All, after)
	if res, err = s.s.Delete(s.ctx, []mail.Ref{l.Rows[0].Ref, l.Rows[1].Ref}); err != nil || len(res.Done) != 1 || len(res.Gone) != 1 {
		s.Errorf("delete with one gone: %+v, %v", res, err)
	}
}

// testGone: removed by another program since the page was drawn (T20).
func testGone(s *suite) {
	s.create("Trash")
	s.deliver("INBOX", Plains(1, 4)...)
	l := s.list("INBOX", mail.All, 1)
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
	gone := l.Rows[1].Ref
	all := refs(l)
	if res, err := s.s.SetFlags(s.ctx, all, []string{`\Flagged`}, nil); err != nil || len(res.Done) != 2 || len(res.Gone) != 1 || res.Gone[0] != gone {
		s.Errorf("flags: %+v, %v", res, err)
	}
	_, err := s.s.Message(s.ctx, gone)
	s.wantKind(err, mail.NoMessage)
	_, err = s.s.Part(s.ctx, gone, "1")
	s.wantKind(err, mail.NoMessage)
	if res, err := s.s.Copy(s.ctx, all, s.name("Trash")); err != nil || len(res.Done) != 2 || len(res.Gone) != 1 {
		s.Errorf("copy: %+v, %v", res, err)
	}
	if res, err := s.s.Move(s.ctx, all, s.name("Trash")); err != nil || len(res.Done) != 2 || len(res.Gone) != 1 || len(res.Moved) != 2 && !s.a.Untold {
		s.Errorf("move: %+v, %v", res, err)
	}
	if res, err := s.s.Delete(s.ctx, all); err != nil || len(res.Done) != 0 || len(res.Gone) != 3 {
		s.Errorf("delete: %+v, %v", res, err)
	}
}

// testStale: the folder was deleted and made anew under the same name, between
// list and open, and between open and flag.
func testStale(s *suite) {
	s.create("Work", "Trash")
	s.deliver("Work", Plains(1, 3)...)
	l := s.list("Work", mail.All, 1)
	if _, err := s.s.Message(s.ctx, l.Rows[0].Ref); err != nil {
		s.Fatal(err)
	}
	c := s.a.Client(s.T)
	v := l.Folder.Validity
	for deadline := time.Now().Add(10 * time.Second); v == l.Folder.Validity; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Skipf("this server gives a new folder the UIDVALIDITY of one that is gone (%d)", v)
		}
		// Most take it from the clock, in seconds.
		if err := c.Delete(s.name("Work")).Wait(); err != nil {
			s.Fatal(err)
		}
		if err := c.Create(s.name("Work"), nil).Wait(); err != nil {
			s.Fatal(err)
		}
		st, err := c.Status(s.name("Work"), &imap.StatusOptions{UIDValidity: true}).Wait()
		if err != nil {
			s.Fatal(err)
		}
		v = st.UIDValidity
	}
	s.deliver("Work", Plains(7, 9)...)
	old := l.Rows[0].Ref
	// On fresh connections: one that has the old folder open may still see it.
	s.s = s.a.Open(s.T, imapsession.Options{})
	if now, err := s.s.Validity(s.ctx, s.name("Work")); err != nil || now != v {
		s.Fatalf("UIDVALIDITY is %d, want %d: %v", now, v, err)
	}
	_, err := s.s.Message(s.ctx, old)
	s.wantKind(err, mail.Stale)
	_, err = s.s.SetFlags(s.ctx, []mail.Ref{old}, []string{`\Deleted`}, nil)
	s.wantKind(err, mail.Stale)
	_, err = s.s.Move(s.ctx, []mail.Ref{old}, s.name("Trash"))
	s.wantKind(err, mail.Stale)
	_, err = s.s.Copy(s.ctx, []mail.Ref{old}, s.name("Trash"))
	s.wantKind(err, mail.Stale)
	_, err = s.s.Delete(s.ctx, []mail.Ref{old})
	s.wantKind(err, mail.Stale)
	_, err = s.s.Part(s.ctx, old, "1")
	s.wantKind(err, mail.Stale)
	_, err = s.s.Source(s.ctx, old)
	s.wantKind(err, mail.Stale)
	l = s.wantSubjects("Work", mail.All, "8 7")
	if l.Rows[0].Deleted || l.Folder.Validity != v {
		s.Errorf("the new folder was touched: %+v", l)
	}
}

// testSeveralFolders: one change over messages of several folders.
func testSeveralFolders(s *suite) {
	s.create("Work", "Trash")
	s.deliver("INBOX", Plains(1, 3)...)
	s.deliver("Work", Plains(3, 5)...)
	a, b := s.list("INBOX", mail.All, 1), s.list("Work", mail.All, 1)
	mixed := []mail.Ref{b.Rows[0].Ref, a.Rows[1].Ref, b.Rows[1].Ref}
	res, err := s.s.Move(s.ctx, append(mixed, mixed[0]), s.name("Trash"))
	if err != nil || len(res.Done) != 3 {
		s.Fatalf("move: %+v, %v", res, err)
	}
	moved := s.whereabouts(res, "Trash", 4, 1, 3)
	for i, want := range []string{"Message 4", "Message 1", "Message 3"} {
		if m, err := s.s.Message(s.ctx, moved[i]); err != nil || m.Subject != want || res.Done[i] != mixed[i] {
			s.Errorf("moved %d is %q, want %q: %v", i, m.Subject, want, err)
		}
	}
	// One batch refused does not hide what the other has done.
	stale := mail.Ref{Folder: s.name("Work"), Validity: b.Folder.Validity + 9, UID: 1}
	res, err = s.s.SetFlags(s.ctx, []mail.Ref{stale, a.Rows[0].Ref}, []string{`\Seen`}, nil)
	s.wantKind(err, mail.Stale)
	if len(res.Done) != 1 || res.Done[0] != a.Rows[0].Ref {
		s.Errorf("flags: %+v", res)
	}
}
