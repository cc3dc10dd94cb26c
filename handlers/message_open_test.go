package handlers

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"oriel/demo"
	"oriel/mail"
)

func TestOpeningMarksReadAndNothingElseDoes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", letter("Unopened", "x"), time.Now())
		path := "/m/" + find(t, s, "/m/INBOX", "Unopened")
		unread := func() bool { return !has(s.flags("INBOX", "Unopened"), imap.FlagSeen) }
		for name, headers := range map[string][]string{
			"prefetch":       {"Sec-Purpose", "prefetch;prerender"},
			"own prefetch":   {"Oriel-Prefetch", "1", "HX-Request", "true"},
			"another site":   {"Sec-Fetch-Site", "cross-site"},
			"a sibling site": {"Sec-Fetch-Site", "same-site"},
		} {
			s.page(path, headers...)
			if !unread() {
				t.Fatalf("%s marked the message read", name)
			}
		}
		s.do("HEAD", path, nil)
		for _, sub := range []string{"/source", "/part/1", "/part/1?download=1"} {
			s.get(path + sub)
		}
		if !unread() {
			t.Fatal("HEAD or a download marked the message read")
		}
		p := s.page(path)
		// The mark follows the answer; a list waits for it.
		if _, ok := s.page("/m/INBOX").One("[data-view=list] li[data-msg]").Lookup("data-unread"); ok {
			t.Error("the list after it shows the message unread")
		}
		s.becomes("read", func() bool { return !unread() })
		if n, ok := p.One("nav [data-folder=INBOX]").Lookup("data-unread"); ok {
			t.Errorf("the page counts %s unread messages", n)
		}
		if row := p.One("[data-view=list] li[data-msg]"); row.Attr("data-msg") != strings.TrimPrefix(path, "/m/") {
			t.Errorf("the page's list shows %q", row.Attr("data-msg"))
		} else if _, ok := row.Lookup("data-unread"); ok {
			t.Error("the page's list still shows the message unread")
		}
		s.act("INBOX", "unread", nil, strings.TrimPrefix(path, "/m/"))
		s.page(path, "HX-Request", "true", "HX-Target", "section#reader")
		s.becomes("read by htmx", func() bool { return !unread() })
	})
}

// becomes waits for what is done after an answer.
func (s *site) becomes(what string, is func() bool) {
	s.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("it never became %s\n%s", what, s.log)
		}
	}
}

// TestOpenedFromWhatWasFetchedAhead: a page that had the message already says
// that it shows it. That marks it read and leaves no trace otherwise.
func TestOpenedFromWhatWasFetchedAhead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", letter("Held", "x"), time.Now())
		msg := find(t, s, "/m/INBOX", "Held")
		form := url.Values{"do": {"read"}, "msg": {msg}}
		if r := s.post("/m/INBOX", form, "HX-Request", "true", "Oriel-Opened", "1"); r.status != 204 || r.body != "" {
			t.Errorf("%d %s", r.status, r.body)
		}
		if !has(s.flags("INBOX", "Held"), imap.FlagSeen) {
			t.Error("it is not marked read")
		}
		if r := s.post("/undo", url.Values{}); r.status != 409 {
			t.Errorf("there is something to undo: %d", r.status)
		}
		if r := s.post("/m/INBOX", form, "HX-Request", "true", "Oriel-Opened", "1", "Sec-Fetch-Site", "cross-site"); r.status != 403 {
			t.Errorf("from another site: %d", r.status)
		}
		ref, _ := mail.ParseRef(msg)
		for status, r := range map[int]mail.Ref{
			404: {Folder: "INBOX", Validity: ref.Validity, UID: ref.UID + 1}, 410: {Folder: "INBOX", Validity: ref.Validity + 1, UID: ref.UID},
		} {
			form.Set("msg", r.String())
			if got := s.post("/m/INBOX", form, "HX-Request", "true", "Oriel-Opened", "1"); got.status != status || !got.Has("[data-toast]") {
				t.Errorf("%v: %d %s, want %d", r, got.status, got.body, status)
			}
		}
	})
}

func TestMessagePage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		s.deliver("INBOX", strings.ReplaceAll(`From: "Ana Sá" <ana@vey.example>
To: Mara <mara@lindqvist.example>, bo@vey.example
Cc: Cy <cy@vey.example>
Subject: =?utf-8?q?Caf=C3=A9_plans?=
Date: Tue, 03 Nov 2026 09:30:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=utf-8

Plain words
--c
Content-Type: text/html; charset=utf-8

<p onclick=x()>Rich <b>words</b><img src="https://track.example/p.gif" width=1 height=1><img src="cid:pic"></p><script>x()</script>
--c--
--b
Content-Type: image/png; name=dot.png
Content-ID: <pic>
Content-Disposition: inline
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''pl%C3%A4ne.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--b--
`, "\n", "\r\n"), time.Date(2026, 11, 3, 8, 31, 0, 0, time.UTC))
		msg := find(t, s, "/m/INBOX", "Café plans")
		if row := s.page("/m/INBOX").One("li[data-msg]"); !strings.Contains(row.Text(), "Plain words") && !strings.Contains(row.Text(), "Rich words") {
			t.Errorf("the row has no preview: %s", row.Text())
		}
		p := s.page("/m/" + msg)
		view := p.In(p.One("[data-view=message]"))
		if got := view.One("[data-field=subject]").Text(); got != "Café plans" {
			t.Errorf("subject %q", got)
		}
		if from := view.One("[data-field=from] [data-address]"); from.Attr("data-name") != "Ana Sá" || from.Attr("data-address") != "ana@vey.example" {
			t.Errorf("from %q %q", from.Attr("data-name"), from.Attr("data-address"))
		}
		if n := len(view.All("[data-field=to] [data-address]")); n != 2 {
			t.Errorf("%d people in To", n)
		}
		if got := view.One("time[data-field=date]").Attr("datetime"); !sameInstant(got, "2026-11-03T08:30:00Z") {
			t.Errorf("date %q", got)
		}
		frame := view.One("iframe[data-body=html]")
		if got := frame.Attr("sandbox"); got != "allow-same-origin allow-popups allow-popups-to-escape-sandbox" {
			t.Errorf("sandbox %q", got)
		}
		if a := view.One("a[data-part=3]"); a.Attr("data-name") != "pläne.pdf" {
			t.Errorf("attachment %q", a.Attr("data-name"))
		}
		view.One("[data-msg]")
		p.says(t, "1 remote image")

		body := s.page(frame.Attr("src"))
		if got := body.header.Get("Content-Security-Policy"); got != "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox" {
			t.Errorf("body CSP %q", got)
		}
		if got := body.header.Get("X-Frame-Options"); got != "SAMEORIGIN" {
			t.Errorf("X-Frame-Options %q", got)
		}
		if strings.Contains(body.body, "script") || strings.Contains(body.body, "onclick") || strings.Contains(body.body, "track.example") {
			t.Errorf("the body holds what it must not: %s", body.body)
		}
		found := false
		for _, img := range body.All("img") {
			found = found || img.Attr("src") == "/m/"+msg+"/part/2"
		}
		if !found {
			t.Errorf("the cid image does not lead to its part: %s", body.body)
		}
		if png := s.page("/m/" + msg + "/part/2"); png.header.Get("Content-Type") != "image/png" {
			t.Errorf("the image is served as %q", png.header.Get("Content-Type"))
		}
	})
}

func sameInstant(a, b string) bool {
	x, err1 := time.Parse(time.RFC3339, a)
	y, err2 := time.Parse(time.RFC3339, b)
	return err1 == nil && err2 == nil && x.Equal(y)
}

// TestHeadersCannotEscape puts markup, bidi and control characters into every
// header that a page prints.
func TestHeadersCannotEscape(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`
		enc := "=?utf-8?q?" + strings.NewReplacer(" ", "_", "?", "=3F", "=", "=3D", "\"", "=22").Replace(evil) + "=E2=80=AEgpj.exe=00?="
		s.deliver("INBOX", "From: "+enc+" <a@b.example>\nTo: "+enc+" <c@d.example>\nCc: "+enc+" <e@f.example>\nReply-To: "+enc+" <g@h.example>\nSubject: "+enc+
			"\nList-Id: "+enc+"\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"+evil+"\n--b\nContent-Type: application/x-"+
			"thing\nContent-Disposition: attachment; filename=\""+enc+"\"\n\nx\n--b--\n", time.Now())
		rows := s.rows("/m/INBOX")
		if len(rows) != 1 {
			t.Fatalf("rows %v", rows)
		}
		for _, path := range []string{"/m/INBOX", "/m/" + rows[0]} {
			for _, headers := range [][]string{nil, {"HX-Request", "true"}} {
				p := s.page(path, headers...)
				for _, n := range p.All("script") {
					if n.Attr("src") == "" {
						t.Errorf("%s: an inline script: %s", path, n.Text())
					}
				}
				for _, n := range p.All("img") {
					t.Errorf("%s: an image: %s", path, n.Attr("src"))
				}
				if strings.ContainsAny(p.body, "\u202e\x00") {
					t.Errorf("%s holds a bidi or control character", path)
				}
			}
		}
		p := s.page("/m/" + rows[0])
		if got := p.One("[data-field=subject]").Text(); !strings.Contains(got, "<script>alert(1)</script>") {
			t.Errorf("the subject is not shown as text: %q", got)
		}
		d := s.get(p.One("a[data-part]").Attr("href"))
		if v := d.header.Get("Content-Disposition"); strings.ContainsAny(v, "\r\n\x00") || !strings.HasPrefix(v, "attachment; filename=") || strings.Count(v, `"`) != 2 {
			t.Errorf("Content-Disposition %q", v)
		}
	})
}

func TestNextAndPreviousKeepTheList(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		base := time.Now().Add(-time.Hour).Truncate(time.Second)
		for i, name := range []string{"Oldest", "Older", "Newer", "Newest"} {
			var flags []imap.Flag
			if name == "Older" {
				flags = append(flags, imap.FlagSeen)
			}
			s.deliver("INBOX", letter(name, "x"), base.Add(time.Duration(i)*time.Minute), flags...)
		}
		newer := find(t, s, "/m/INBOX", "Newer")
		p := s.page("/m/"+newer+"?filter=unread", "Oriel-Prefetch", "1")
		next, prev := p.All("a[rel=next]")[0].Attr("href"), p.All("a[rel=prev]")[0].Attr("href")
		if want := "/m/" + find(t, s, "/m/INBOX", "Oldest") + "?filter=unread"; next != want {
			t.Errorf("next %q, want %q: the read message between is not in this list", next, want)
		}
		if want := "/m/" + find(t, s, "/m/INBOX", "Newest") + "?filter=unread"; prev != want {
			t.Errorf("previous %q, want %q", prev, want)
		}
		p.says(t, "2 of 3")
		all := s.page("/m/"+newer, "Oriel-Prefetch", "1")
		if want := "/m/" + find(t, s, "/m/INBOX", "Older"); all.All("a[rel=next]")[0].Attr("href") != want {
			t.Errorf("next without a filter: %q", all.All("a[rel=next]")[0].Attr("href"))
		}
	})
}

func TestAddressesAreMended(t *testing.T) {
	s := newSite(t, demo.StartEmpty).signIn()
	const name = "Été & 日本"
	s.client(func(c *imapclient.Client) error { return c.Create(name, nil).Wait() })
	s.deliver(name, letter("Here", "x"), time.Now())
	key := mail.Key(name)
	msg := find(t, s, "/m/"+key, "Here")
	ref, _ := mail.ParseRef(msg)
	for path, want := range map[string]string{
		"/m/" + strings.ToLower(key) + "?page=2":      "/m/" + key + "?page=2",
		fmt.Sprintf("/m/%s/%d", key, ref.UID):         "/m/" + msg,
		"/m/" + strings.ToLower(key) + "/" + ref.ID(): "/m/" + msg,
		"/": "/m/INBOX",
	} {
		if r := s.get(path); r.status != 303 || r.header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want 303 to %q", path, r.status, r.header.Get("Location"), want)
		}
	}
	for _, path := range []string{"/m/Nowhere", "/m/~G0", "/m/~00", "/m/INBOX/0", "/m/INBOX/x", "/m/INBOX/1.2.3", "/m/" + key + "/" + ref.ID() + "/part/0",
		"/m/" + key + "/" + ref.ID() + "/part/99", "/m/" + key + "/" + ref.ID() + "/part/1..2", "/nowhere", "/m/" + key + "/" + ref.ID() + "/attachments.zip"} {
		r := s.get(path)
		if r.status != 404 {
			t.Errorf("%s: %d, want 404", path, r.status)
		}
		if !r.Has("main a[href=/m/INBOX]") {
			t.Errorf("%s: the error page has no way on: %s", path, r.text())
		}
	}
}

func TestVeryLargeTextIsCut(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		line := strings.Repeat("sawdust ", 9) + "\n"
		s.deliver("INBOX", letter("Fifty megabytes", "BEGIN "+strings.Repeat(line, 50<<20/len(line))), time.Now())
		msg := find(t, s, "/m/INBOX", "Fifty megabytes")
		p := s.page("/m/" + msg)
		if len(p.body) > 8<<20 {
			t.Errorf("the page has %d bytes", len(p.body))
		}
		p.says(t, "This message is very long")
		whole := s.page(fmt.Sprintf("/m/%s/part/1?download=1", msg))
		if whole.err != nil || len(whole.body) < 49<<20 {
			t.Errorf("the whole text has %d bytes: %v", len(whole.body), whole.err)
		}
	})
}

func TestListPage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.signIn()
		day := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
		s.client(func(c *imapclient.Client) error {
			for i := range 53 {
				raw := strings.ReplaceAll(letter(fmt.Sprintf("Board %c%c", 'A'+i/26, 'A'+i%26), "x"), "\n", "\r\n")
				o := &imap.AppendOptions{Time: day.Add(time.Duration(i) * time.Minute)}
				if i%2 == 0 {
					o.Flags = []imap.Flag{imap.FlagSeen}
				}
				if i == 7 {
					o.Flags = append(o.Flags, imap.FlagFlagged)
				}
				a := c.Append("INBOX", int64(len(raw)), o)
				if _, err := a.Write([]byte(raw)); err != nil {
					return err
				}
				if err := a.Close(); err != nil {
					return err
				}
				if _, err := a.Wait(); err != nil {
					return err
				}
			}
			return nil
		})
		first := s.page("/m/INBOX")
		rows := first.All("[data-view=list] li[data-msg]")
		if len(rows) != 50 || !strings.Contains(rows[0].Text(), "Board CA") {
			t.Fatalf("%d rows, the first is %q", len(rows), rows[0].Text())
		}
		first.says(t, "1–50 of 53")
		if got := first.One("nav [data-folder=INBOX]").Attr("data-unread"); got != "26" {
			t.Errorf("unread in the navigation: %q, want 26", got)
		}
		if n := len(s.rows("/m/INBOX?page=2")); n != 3 {
			t.Errorf("page 2 has %d rows", n)
		}
		if n := len(s.rows("/m/INBOX?page=99")); n != 3 {
			t.Errorf("a page beyond the end shows %d rows, want the last page", n)
		}
		if n := len(s.rows("/m/INBOX?filter=unread")); n != 26 {
			t.Errorf("%d unread rows", n)
		}
		flagged := s.page("/m/INBOX?filter=flagged")
		if row := flagged.One("li[data-msg]"); !strings.Contains(row.Text(), "Board AH") {
			t.Errorf("starred: %s", row.Text())
		}
		row := first.In(rows[1])
		if row.All("a[href]")[0].Attr("href") != "/m/"+rows[1].Attr("data-msg") {
			t.Error("the row's first link does not open its message")
		}
		if row.One("input[type=checkbox]").Attr("name") != "msg" {
			t.Error("the row's checkbox is not named msg")
		}
		// Times are the reader's: the same instant is another clock time in Tokyo.
		u, _ := url.Parse(s.web.URL)
		s.browser.Jar.SetCookies(u, cookie("oriel-tz", "Asia%2FTokyo"))
		if a, b := first.In(rows[0]).One("time").Text(), s.page("/m/INBOX").All("li[data-msg] time")[0].Text(); a == b && strings.Contains(a, ":") {
			t.Errorf("both zones show %q", a)
		}
	})
}
