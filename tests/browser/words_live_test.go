package browser

import (
	"strings"
	"testing"

	"oriel/internal/imapscript"
)

// scriptedSite serves a mailbox of which the test decides every word. Its
// password is "secret".
func scriptedSite(t *testing.T) (*site, *imapscript.Mailbox, *imapscript.Server) {
	t.Helper()
	m := &imapscript.Mailbox{
		Caps: "IMAP4rev1 IDLE UIDPLUS MOVE CONDSTORE", Password: `"secret"`,
		List: []string{`(\HasNoChildren) "/" INBOX`, `(\HasNoChildren \Archive) "/" Archive`},
		Folders: map[string][]*imapscript.Message{
			"INBOX":   {{UID: 1, Text: "One."}, {UID: 2, Text: "Two."}},
			"Archive": {},
		},
	}
	srv := imapscript.Start(t, m.Serve)
	s := &site{TB: t, user: "ada", password: "secret", imap: srv.Addr}
	s.serve()
	return s, m, srv
}

// TestAlertIsSaid: what the mail server wants its users to read (RFC 3501 section
// 7.1) shows in every tab in its words, with nothing in them that could mislead.
func TestAlertIsSaid(t *testing.T) {
	t.Parallel()
	s, m, _ := scriptedSite(t)
	b := s.signIn(s.tab(t, desktop))
	other := b.sibling()
	other.open("/m/INBOX")
	other.ready()
	b.untilThat("the mail server is listened to", func() bool { return m.Idling("INBOX") > 0 })
	m.Push("* OK [ALERT] Down at noon <b>for</b> \x07an hour\r\n")
	for _, x := range []*tab{b, other} {
		x.until("toast().includes('Down at noon <b>for</b> an hour')")
		x.settle()
	}
}

// TestPasswordIsChanged: the mail server no longer takes the password. The page
// says so and leads to the sign-in page and back, what was typed stays, and the
// mail server is not asked again and again.
func TestPasswordIsChanged(t *testing.T) {
	t.Parallel()
	s, m, srv := scriptedSite(t)
	b := s.signIn(s.tab(t, desktop))
	b.expect("status of 401")
	b.untilThat("the mail server is listened to", func() bool { return m.Idling("INBOX") > 0 })
	b.press("/")
	b.until("$('#dialog').open && document.activeElement.matches('[data-filter] input')")
	b.press("arc")
	m.SetPassword(`"another"`)
	logins := func() (n int) {
		for _, c := range srv.Commands() {
			if strings.Contains(strings.ToUpper(c), "LOGIN") || strings.Contains(strings.ToUpper(c), "AUTHENTICATE") {
				n++
			}
		}
		return n
	}
	before := logins()
	m.Bye("The password was changed")
	srv.DropAll()
	b.until("shown($('#net [data-when=expired]')) && $('#dialog').open && document.activeElement.value === 'arc'")
	b.press("h")
	b.until("document.activeElement.value === 'arch'")
	b.eval("$('#dialog').close()")
	if n := logins() - before; n != 1 {
		t.Errorf("the old password was tried %d times", n)
	}
	b.click("named('a', 'Sign in')")
	b.until("at().startsWith('/login?next=%2Fm%2FINBOX&why=password') && $('#username') && document.readyState === 'complete'")
	b.fill("$('#username')", s.user)
	b.fill("$('#password')", "another")
	b.click("button('Sign in')")
	b.until("at() === '/m/INBOX' && rows().length === 2")
}
