package imapsession_test

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/imapscript"
	"oriel/mail"
)

// The servers that most people use and nobody can test with: what Gmail and
// Exchange Online have said to other mail programs, as these have published it,
// said to Oriel.

// gmailCaps and exchangeCaps are what the servers tell after the login:
// https://github.com/jstedfast/MailKit/issues/28 and
// https://github.com/jstedfast/MailKit/issues/1494.
const (
	gmailCaps = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE" +
		" ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584"
	exchangeCaps = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES" +
		" CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+"
)

// gmail is an account with n messages in INBOX, whose folders are labels.
func gmail(n int) *imapscript.Mailbox {
	m := inbox(gmailCaps, n)
	m.Greeting = "* OK Gimap ready for requests from 192.0.2.1 x145mb143154643vke"
	m.Folders = map[string][]*imapscript.Message{"INBOX": m.Folders["INBOX"], "[Gmail]/All Mail": nil, "[Gmail]/Trash": nil, "Travel": nil}
	return m
}

// exchange is an account with n messages. Its server tells its capabilities only
// when it is asked, and says nothing with the login.
func exchange(n int) *imapscript.Mailbox {
	m := inbox(exchangeCaps, n)
	m.Greeting = "* OK The Microsoft Exchange IMAP4 service is ready. [RgBSADMAUAAyADgAMQBDAEEAMAAxADUANwAuAEQARQBVAFAA]"
	m.Hook = exchangeLogin
	return m
}

func exchangeLogin(c *imapscript.Conn, cmd imapscript.Command) bool {
	if cmd.Name != "LOGIN" {
		return false
	}
	c.OK(cmd, "LOGIN completed.")
	return true
}

// answering calls f for one command name and leaves the others to the hook before.
func answering(m *imapscript.Mailbox, name string, f func(c *imapscript.Conn, cmd imapscript.Command) bool) {
	before := m.Hook
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		return cmd.Name == name && f(c, cmd) || before != nil && before(c, cmd)
	}
}

// TestSignInInWords: what Gmail and Exchange say in place of welcome. A server in
// trouble is not taken for a wrong password, and nobody is asked twice.
func TestSignInInWords(t *testing.T) {
	for _, test := range []struct {
		answer string
		kind   mail.Kind
		words  string
	}{
		// https://github.com/zone-eu/wildduck/issues/35
		{"%s NO [ALERT] Too many simultaneous connections. (Failure)", mail.Refused, "Too many simultaneous connections"},
		// https://github.com/jstedfast/MailKit/issues/377
		{"%s NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", mail.Denied, "Invalid credentials"},
		// https://github.com/LukeSmithxyz/mutt-wizard/issues/831
		{"%s NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
			mail.Refused, "Application-specific password required: https://support.google.com/accounts/answer/185833"},
		// https://github.com/pmengal/MailSystem.NET/issues/17
		{"* NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbt] Web login required.\r\n" +
			"%s NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
			mail.Refused, "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754"},
		// https://github.com/ljmerza/ha-email-sensor/issues/16
		{"%s NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", mail.Unreachable, "bandwidth limits"},
		// https://github.com/jstedfast/MailKit/issues/483
		{"%s NO LOGIN failed.", mail.Denied, "LOGIN failed."},
		// https://github.com/lefcha/imapfilter/issues/146
		{"%s NO Server Unavailable. 15", mail.Unreachable, "Server Unavailable. 15"},
		// https://github.com/jstedfast/MailKit/issues/849
		{"* BYE Connection closed. 14", mail.Dropped, ""},
	} {
		m := exchange(1)
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name != "LOGIN" {
				return false
			}
			line := test.answer + "\r\n"
			if strings.Contains(line, "%s") {
				line = strings.Replace(line, "%s", cmd.Tag, 1)
			}
			c.Send("%s", line)
			if strings.HasPrefix(line, "* BYE") {
				c.Drop()
			}
			return true
		}
		srv := imapscript.Start(t, m.Serve)
		_, err := pool(t, srv, imapsession.Options{Limits: impatient}).SignIn(t.Context(), "owner", "user", "secret")
		if err == nil || mail.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: error is %v (kind %d), want kind %d", test.answer, err, mail.KindOf(err), test.kind)
		}
		if srv.Accepted() != 1 || srv.Sent("LOGIN") != 1 {
			t.Errorf("%s: %d connections, %d LOGIN", test.answer, srv.Accepted(), srv.Sent("LOGIN"))
		}
	}
}

// TestGmailCrowded: Gmail takes fifteen connections of an account, which other
// programs may have, and says so (https://github.com/zone-eu/wildduck/issues/35).
// All goes on over the one connection that there is.
func TestGmailCrowded(t *testing.T) {
	m := gmail(3)
	answering(m, "LOGIN", func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if c.Number == 1 {
			return false
		}
		c.No(cmd, "[ALERT] Too many simultaneous connections. (Failure)")
		return true
	})
	srv := imapscript.Start(t, m.Serve)
	p := pool(t, srv, imapsession.Options{Limits: impatient})
	p.SetPace(imapsession.Pace{Calm: 20 * time.Millisecond, Wary: 100 * time.Millisecond})
	s, err := p.SignIn(t.Context(), "owner", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	w := s.Watch()
	defer w.Close()
	events := stream(t, w)
	for i := range 10 {
		if _, err := s.Message(t.Context(), ref(uint32(i%3+1))); err != nil {
			t.Error(err)
		}
		if l := list(t, s); len(l.Rows) != 3 {
			t.Errorf("rows are %s", rowUIDs(l))
		}
	}
	receive(t, events, "the alert", func(e mail.Event) bool {
		return e.Kind == mail.Alert && strings.Contains(e.Reason, "Too many simultaneous connections")
	})
	m.Deliver("INBOX", &imapscript.Message{Text: "new"})
	receive(t, events, "a look now and then", inboxHas(4, 4))
	if n := srv.Sent("LOGIN"); n > 3 {
		t.Errorf("%d LOGIN", n)
	}
}

// TestExchangeNotConnected: a throttled Exchange takes every sign-in and refuses
// all that follows: https://github.com/mscdex/node-imap/issues/523,
// https://github.com/simonrob/email-oauth2-proxy/issues/74. That is a server that
// is away: no wrong password, no folder that is gone, no connection to be kept,
// and no storm of sign-ins. When it is over, all is well without a new one by the user.
func TestExchangeNotConnected(t *testing.T) {
	m := exchange(3)
	throttled := make(chan bool, 1)
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		switch {
		case cmd.Name == "LOGIN":
			return exchangeLogin(c, cmd)
		case len(throttled) > 0 && cmd.Name != "CAPABILITY" && cmd.Name != "LOGOUT":
			c.Bad(cmd, "User is authenticated but not connected.")
			return true
		}
		return false
	}
	srv := imapscript.Start(t, m.Serve)
	p := pool(t, srv, imapsession.Options{Limits: impatient})
	p.SetPace(imapsession.Pace{Calm: 10 * time.Millisecond, Recounted: time.Hour, Backoff: []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Hour}})
	s, err := p.SignIn(t.Context(), "owner", "user", "secret")
	if err != nil {
		t.Fatal(err)
	}
	throttled <- true
	w := s.Watch()
	defer w.Close()
	events := stream(t, w)
	receive(t, events, "lost", ofKind(mail.Lost))
	for name, call := range map[string]func() error{
		"list":    func() error { _, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX"}); return err },
		"folders": func() error { _, err := s.Folders(t.Context(), true); return err },
		"open":    func() error { _, err := s.Message(t.Context(), ref(1)); return err },
		"flag": func() error {
			_, err := s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{`\Seen`}, nil)
			return err
		},
		"move": func() error { _, err := s.Move(t.Context(), []mail.Ref{ref(1)}, "Trash"); return err },
	} {
		if err := call(); mail.KindOf(err) != mail.Unreachable {
			t.Errorf("%s: error is %v (kind %d)", name, err, mail.KindOf(err))
		}
	}
	// Once for each of these, and once by the watch, which takes a sign-in that
	// succeeds for good news; and what it has tried before.
	if n := srv.Sent("LOGIN"); n > 5*2+4 {
		t.Errorf("%d LOGIN", n)
	}
	<-throttled
	if l := list(t, s); rowUIDs(l) != "3 2 1" {
		t.Errorf("rows are %s", rowUIDs(l))
	}
	receive(t, events, "back", ofKind(mail.Back))
}

// TestExchangeUnavailable: one folder of many is refused for the moment
// (https://github.com/OfflineIMAP/offlineimap/issues/291): it is not gone.
func TestExchangeUnavailable(t *testing.T) {
	m := exchange(2)
	before := m.Hook
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if (cmd.Name == "SELECT" || cmd.Name == "STATUS") && strings.Contains(cmd.Args, "Trash") {
			c.No(cmd, "Server Unavailable. 15")
			return true
		}
		return before(c, cmd)
	}
	s, srv := signIn(t, m, imapsession.Options{Limits: impatient})
	_, err := s.List(t.Context(), mail.ListQuery{Folder: "Trash"})
	wantKind(t, err, mail.Unreachable)
	if l := list(t, s); rowUIDs(l) != "2 1" {
		t.Errorf("INBOX lists %s", rowUIDs(l))
	}
	folders, err := s.Folders(t.Context(), true)
	if err != nil || len(folders) != 2 || !folders[0].Counted || folders[1].Counted {
		t.Errorf("folders are %+v, %v", folders, err)
	}
	if n := srv.Sent("LOGIN"); n != 1 {
		t.Errorf("%d LOGIN", n)
	}
}

// TestBye: connections end with a word at any time: Gmail after an hour
// (https://github.com/emailjs/emailjs-imap-client/issues/142), Exchange after half
// of one (https://github.com/mscdex/node-imap/issues/561). The next click and the
// watch go on as if nothing had been.
func TestBye(t *testing.T) {
	for word, m := range map[string]*imapscript.Mailbox{
		"Session expired, please login again.": gmail(3), "Connection is closed. 13": exchange(3), "System error": gmail(3),
	} {
		said := onlyOnce("UID FETCH", func(c *imapscript.Conn, cmd imapscript.Command) bool {
			c.Send("* BYE %s\r\n", word)
			c.Drop()
			return true
		})
		answering(m, "UID FETCH", said)
		s, w, srv := watchedScript(t, m, imapsession.Pace{Calm: 10 * time.Millisecond})
		events := stream(t, w)
		await(t, "IDLE", func() bool { return m.Idling("INBOX") == 1 })
		m.Bye(word)
		await(t, "IDLE again", func() bool { return m.Idling("INBOX") == 1 })
		m.Deliver("INBOX", &imapscript.Message{Text: "new"})
		for _, e := range receive(t, events, "news", inboxHas(4, 4)) {
			if e.Kind == mail.Lost || e.Kind == mail.Expired {
				t.Errorf("%s: told %+v", word, e)
			}
		}
		if l := list(t, s); rowUIDs(l) != "4 3 2 1" {
			t.Errorf("%s: rows are %s", word, rowUIDs(l))
		}
		if n := srv.Sent("LOGIN"); n > 5 {
			t.Errorf("%s: %d LOGIN", word, n)
		}
	}
}

// TestGmailLabels: folders are labels below a folder that cannot be opened, and
// each answer may end in [THROTTLED]: https://github.com/jstedfast/MailKit/issues/1396,
// https://github.com/Webklex/php-imap/issues/176. \All is the archive.
func TestGmailLabels(t *testing.T) {
	m := gmail(2)
	m.List = []string{
		`* LIST (\HasNoChildren) "/" "INBOX"`, `* LIST (\HasChildren \Noselect) "/" "[Gmail]"`,
		`* LIST (\All \HasNoChildren) "/" "[Gmail]/All Mail"`, `* LIST (\Drafts \HasNoChildren) "/" "[Gmail]/Drafts"`,
		`* LIST (\HasNoChildren \Important) "/" "[Gmail]/Important"`, `* LIST (\HasNoChildren \Sent) "/" "[Gmail]/Sent Mail"`,
		`* LIST (\HasNoChildren \Junk) "/" "[Gmail]/Spam"`, `* LIST (\Flagged \HasNoChildren) "/" "[Gmail]/Starred"`,
		`* LIST (\HasChildren \HasNoChildren \Trash) "/" "[Gmail]/Trash"`, `* LIST (\HasNoChildren) "/" "Travel"`,
	}
	answering(m, "LIST", func(c *imapscript.Conn, cmd imapscript.Command) bool {
		for _, l := range m.List {
			c.Send("%s\r\n", l)
		}
		c.OK(cmd, "Success [THROTTLED]")
		return true
	})
	// Marking a message in a label as deleted takes the label away at once, without EXPUNGE
	// (https://github.com/mailpile/Mailpile/issues/1847).
	answering(m, "UID STORE", func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if strings.Contains(cmd.Args, `\Deleted`) {
			uid, _ := strconv.Atoi(strings.Fields(cmd.Args)[0])
			m.Expunge("INBOX", uint32(uid))
			c.Send("* %d EXPUNGE\r\n", uid)
			c.OK(cmd, "Success")
			return true
		}
		return false
	})
	s, srv := signIn(t, m, imapsession.Options{Limits: impatient})
	folders, err := s.Folders(t.Context(), true)
	if err != nil || len(folders) != 10 {
		t.Fatalf("folders are %+v, %v", folders, err)
	}
	roles := map[string]mail.Role{"INBOX": mail.Inbox, "[Gmail]/All Mail": mail.Archive, "[Gmail]/Drafts": mail.Drafts,
		"[Gmail]/Sent Mail": mail.Sent, "[Gmail]/Spam": mail.Junk, "[Gmail]/Trash": mail.Trash}
	for _, f := range folders {
		if f.Role != roles[f.Name] || f.NoSelect != (f.Name == "[Gmail]") {
			t.Errorf("folder %+v", f)
		}
	}
	list(t, s)
	res, err := s.Delete(t.Context(), []mail.Ref{ref(2)})
	if err != nil || len(res.Done) != 1 {
		t.Errorf("delete: %+v, %v", res, err)
	}
	archive, err := s.Role(t.Context(), mail.Archive)
	if err != nil {
		t.Fatal(err)
	}
	if res, err = s.Move(t.Context(), []mail.Ref{ref(1)}, archive.Name); err != nil || len(res.Moved) != 1 || res.Moved[0].Folder != "[Gmail]/All Mail" {
		t.Errorf("archive: %+v, %v", res, err)
	}
	if l := list(t, s); len(l.Rows) != 0 {
		t.Errorf("INBOX lists %s", rowUIDs(l))
	}
	if n := srv.Sent("LOGIN"); n != 1 || srv.Sent("EXPUNGE") != 0 {
		t.Errorf("commands: %q", srv.Commands())
	}
}

// TestExchangeFolders: names in the language of whoever made the account, no
// SPECIAL-USE, and folders that hold no mail:
// https://github.com/owncloud-archive/mail/issues/1340.
func TestExchangeFolders(t *testing.T) {
	for _, test := range []struct {
		names []string
		roles map[string]mail.Role
	}{
		{[]string{`Archive`, `Aufgaben`, `Entw&APw-rfe`, `"Gel&APY-schte Elemente"`, `"Gesendete Elemente"`, `INBOX`, `Journal`, `Junk-E-Mail`, `Kalender`, `Notizen`, `Postausgang`},
			map[string]mail.Role{"Archive": mail.Archive, "Entwürfe": mail.Drafts, "Gelöschte Elemente": mail.Trash, "Gesendete Elemente": mail.Sent, "Junk-E-Mail": mail.Junk, "INBOX": mail.Inbox}},
		{[]string{`Archive`, `Brouillons`, `Calendrier`, `"Courrier ind&AOk-sirable"`, `"&AMk-l&AOk-ments envoy&AOk-s"`, `"&AMk-l&AOk-ments supprim&AOk-s"`, `INBOX`},
			map[string]mail.Role{"Archive": mail.Archive, "Brouillons": mail.Drafts, "Courrier indésirable": mail.Junk, "Éléments envoyés": mail.Sent, "Éléments supprimés": mail.Trash, "INBOX": mail.Inbox}},
		{[]string{`Archive`, `"Deleted Items"`, `Drafts`, `INBOX`, `"Junk Email"`, `"Sent Items"`},
			map[string]mail.Role{"Archive": mail.Archive, "Drafts": mail.Drafts, "Junk Email": mail.Junk, "Sent Items": mail.Sent, "Deleted Items": mail.Trash, "INBOX": mail.Inbox}},
	} {
		m := exchange(1)
		for _, n := range test.names {
			m.List = append(m.List, `* LIST (\Marked \HasNoChildren) "/" `+n)
		}
		s, _ := signIn(t, m, imapsession.Options{Limits: impatient})
		folders, err := s.Folders(t.Context(), true)
		if err != nil || len(folders) != len(test.names) {
			t.Fatalf("folders are %+v, %v", folders, err)
		}
		for _, f := range folders {
			if f.Role != test.roles[f.Name] {
				t.Errorf("%s has role %q, want %q", f.Name, f.Role, test.roles[f.Name])
			}
		}
	}
}

// TestExchangeFlags: keywords are taken with OK and forgotten, because
// PERMANENTFLAGS has none: https://github.com/OfflineIMAP/offlineimap/issues/62.
func TestExchangeFlags(t *testing.T) {
	m := exchange(2)
	answering(m, "UID STORE", func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if strings.Contains(cmd.Args, "$") {
			c.OK(cmd, "STORE completed.")
			return true
		}
		return false
	})
	s, srv := signIn(t, m, imapsession.Options{Limits: impatient})
	list(t, s)
	res, err := s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{"$Junk"}, nil)
	wantKind(t, err, mail.Unsupported)
	if len(res.Done) != 0 || srv.Sent("UID STORE") > 2 {
		t.Errorf("%+v after %d STORE", res, srv.Sent("UID STORE"))
	}
	if res, err = s.SetFlags(t.Context(), []mail.Ref{ref(1)}, []string{`\Seen`}, nil); err != nil || len(res.Done) != 1 {
		t.Errorf("read: %+v, %v", res, err)
	}
}

// TestUnfetchable: one message makes the server refuse the whole page: Gmail
// (https://github.com/mscdex/node-imap/issues/209), Yahoo
// (https://github.com/jstedfast/MailKit/issues/358). The others are listed, the
// one has a row that says so, and nothing is asked again with the next page.
func TestUnfetchable(t *testing.T) {
	for _, refusal := range []string{"Some messages could not be FETCHed (Failure)", "FETCH Server error while fetching messages"} {
		for _, all := range []bool{true, false} { // whether the good ones come all the same
			m := gmail(6)
			answering(m, "UID FETCH", func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if !regexp.MustCompile(`ENVELOPE|BODY`).MatchString(cmd.Args) || !includes(cmd.Args, 3) {
					return false
				}
				for uid := range uint32(6) {
					if uid++; all && uid != 3 && includes(cmd.Args, uid) && strings.Contains(cmd.Args, "ENVELOPE BODYSTRUCTURE") {
						c.Send("* %d FETCH (UID %d FLAGS () INTERNALDATE \"02-Mar-2026 10:00:00 +0000\" RFC822.SIZE 9 ENVELOPE (NIL \"message %d\" NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 9 1 NIL NIL NIL NIL))\r\n", uid, uid, uid)
					}
				}
				c.No(cmd, refusal)
				return true
			})
			s, srv := signIn(t, m, imapsession.Options{Limits: impatient})
			l := list(t, s)
			if rowUIDs(l) != "6 5 4 3 2 1" || !l.Rows[3].Broken || l.Rows[2].Broken || l.Rows[4].Broken {
				t.Errorf("%s: rows are %+v", refusal, l.Rows)
			}
			before := len(srv.Commands())
			list(t, s)
			for _, cmd := range srv.Commands()[before:] {
				if strings.Contains(cmd, "ENVELOPE") {
					t.Errorf("again: %s", cmd)
				}
			}
			if n := srv.Sent("LOGIN"); n > 1 {
				t.Errorf("%d LOGIN", n)
			}
		}
	}
}

// includes reports whether a FETCH asks for a message.
func includes(args string, uid uint32) bool {
	set, _, _ := strings.Cut(args, " ")
	for part := range strings.SplitSeq(set, ",") {
		lo, hi, isRange := strings.Cut(part, ":")
		a, _ := strconv.Atoi(lo)
		b, _ := strconv.Atoi(hi)
		if !isRange {
			b = a
		}
		if a <= int(uid) && int(uid) <= b {
			return true
		}
	}
	return false
}

// TestOddStructures: what servers have said of the structure of messages. Each is
// listed and opens with its text.
func TestOddStructures(t *testing.T) {
	const text = "These are the words.\r\n"
	for name, structure := range map[string]string{
		// Exchange: the disposition as a string. https://github.com/jstedfast/MailKit/issues/919
		"disposition": `("text" "plain" ("charset" "ISO-8859-1") NIL NIL "QUOTED-PRINTABLE" 22 1 NIL "inline" NIL NIL)`,
		"two of them": `(("text" "html" ("charset" "ISO-8859-1") NIL NIL "QUOTED-PRINTABLE" 22 1 NIL "inline" NIL NIL)("application" "pdf" ("name" "a.pdf") NIL NIL "base64" 14 NIL "attachment" NIL NIL) "mixed" ("boundary" "b") NIL NIL)`,
		// Gmail: multiparts without parts. https://github.com/jstedfast/MailKit/issues/371
		"no parts": `(("TEXT" "PLAIN" ("CHARSET" "UTF-8") NIL NIL "7BIT" 22 1 NIL NIL NIL)("RELATED" NIL ("ATTACHMENT" NIL) NIL)("RELATED" NIL ("ATTACHMENT" NIL) NIL) "MIXED" ("BOUNDARY" "94eb2c1cd0507723e6054c1ce6cd") NIL NIL)`,
		// Exchange 2007 and 2010: a size of -1, NIL for the value of a parameter, an encoding
		// without quotes. https://javaee.github.io/javamail/Exchange
		"minus one": `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" -1 1 NIL NIL NIL NIL)`,
		"NIL value": `("text" "plain" ("charset" "us-ascii" "x" NIL) NIL NIL "7bit" 22 1 NIL NIL NIL NIL)`,
		"unquoted":  `("text" "plain" ("charset" "us-ascii") NIL NIL 7bit 22 1 NIL NIL NIL NIL)`,
		// Parameters in the place of the disposition, and no encoding.
		// https://github.com/dinhvh/libetpan/issues/217
		"no encoding": `(("TEXT" "PLAIN" ("CHARSET" "GB2312") NIL NIL NIL 22 0 ("BOUNDARY" "=_x") NIL NIL) "RELATED" ("BOUNDARY" "=_x") NIL NIL)`,
	} {
		t.Run(name, func(t *testing.T) {
			m := exchange(3)
			m.Folders["INBOX"][1].Text = text
			m.Folders["INBOX"][1].Items = map[string]string{"BODYSTRUCTURE": structure,
				"ENVELOPE": `("Thu, 31 Feb 2026 25:61:00 +9999" "odd" ((NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")) NIL ((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL NIL)`}
			s, srv := signIn(t, m, imapsession.Options{Limits: impatient})
			if l := list(t, s); rowUIDs(l) != "3 2 1" || l.Rows[1].Broken {
				t.Errorf("rows are %+v", l.Rows)
			}
			msg, err := s.Message(t.Context(), ref(2))
			if err != nil || len(msg.Texts) == 0 || !strings.Contains(msg.Texts[0].Content, "These are the words.") {
				t.Errorf("message: %+v, %v", msg.Texts, err)
			}
			if n := srv.Sent("LOGIN"); n > 3 {
				t.Errorf("%d LOGIN", n)
			}
		})
	}
}

// TestWrongSizes: Exchange estimates sizes unless it is told otherwise
// (Q191504, "IMAP4 FETCH Command Returns Wrong Size"; JavaMail has the setting
// mail.imap.ignorebodystructuresize for it). All octets that come are the content,
// whatever was said before, and the end is no cut.
func TestWrongSizes(t *testing.T) {
	const mega = 1 << 20
	for _, test := range []struct{ said, real int }{
		{100, 3000}, {3000, 100}, {0, 500}, {500, 0},
		{1000, mega}, {mega, 1000}, // said to fit into memory, or not
		{9 * mega, 1000}, {1000, 9*mega + 5}, // said to be read in slices, or not
		{9 * mega, 9*mega + 5}, {9 * mega, 9*mega - 5}, {9 * mega, 9 * mega}, {9*mega + 5, 10 * mega}, {9*mega + 5, 8*mega + 5}, {9 * mega, 0},
	} {
		m := exchange(1)
		head := "Subject: large\r\nContent-Type: application/pdf\r\n\r\n"
		content := strings.Repeat("0123456789abcde\n", test.real/16+1)[:test.real]
		m.Folders["INBOX"][0].Items = map[string]string{"RFC822.SIZE": fmt.Sprint(test.said),
			"BODYSTRUCTURE": fmt.Sprintf(`("application" "pdf" NIL NIL NIL "7bit" %d NIL NIL NIL NIL)`, test.said)}
		answering(m, "UID FETCH", func(c *imapscript.Conn, cmd imapscript.Command) bool {
			return sendSection(c, cmd, head, content)
		})
		s, _ := signIn(t, m, imapsession.Options{})
		list(t, s)
		for name, want := range map[string]string{"part": content, "source": head + content} {
			open := func() (*imapsession.Part, error) { return s.Part(t.Context(), ref(1), "1") }
			if name == "source" {
				open = func() (*imapsession.Part, error) { return s.Source(t.Context(), ref(1)) }
			}
			p, err := open()
			if err != nil {
				t.Errorf("%s said to have %d octets, and of %d: %v", name, test.said, test.real, err)
				continue
			}
			got, err := io.ReadAll(p)
			if err != nil || string(got) != want {
				t.Errorf("%s said to have %d octets, and of %d: %d octets came, %v", name, test.said, test.real, len(got), err)
			}
			if p.Size >= 0 && p.Size != int64(len(want)) {
				t.Errorf("%s said to have %d octets, and of %d: the size is told as %d", name, test.said, test.real, p.Size)
			}
			p.Close()
		}
	}
}

var sectionAsked = regexp.MustCompile(`^1 \((?:UID )?BODY\.PEEK\[(1?)\](?:<(\d+)\.(\d+)>)?\)$`)

// sendSection answers a FETCH of one section with exactly the octets asked for.
func sendSection(c *imapscript.Conn, cmd imapscript.Command, head, content string) bool {
	m := sectionAsked.FindStringSubmatch(cmd.Args)
	if m == nil {
		return false
	}
	data, origin := content, ""
	if m[1] == "" {
		data = head + content
	}
	if m[2] != "" {
		from, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		data = data[min(from, len(data)):min(from+n, len(data))]
		origin = "<" + m[2] + ">"
	}
	c.Send("* 1 FETCH (UID 1 BODY[%s]%s {%d}\r\n", m[1], origin, len(data))
	c.Send("%s", data)
	c.Send(")\r\n")
	c.OK(cmd, "FETCH completed.")
	return true
}
