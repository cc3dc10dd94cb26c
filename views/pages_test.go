package views

import (
	"strings"
	"testing"

	"oriel/mail"
)

// TestListMarks checks what the contract promises about a list.
func TestListMarks(t *testing.T) {
	l := sampleList()
	page := parse(t, Page(sampleFrame(), Mail(sampleFrame(), ListView{Context: viewer(), List: l}, nil)))
	for _, name := range []string{"header", "main"} {
		page.one(t, name)
	}
	if page.one(t, "meta", "name", "oriel-user").get("content") != viewer().User {
		t.Error("oriel-user")
	}
	list := page.one(t, "", "data-view", "list")
	rows := list.all("li", "data-msg", "*")
	if len(rows) != len(l.Rows) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		s := l.Rows[i]
		if row.get("data-msg") != s.Ref.String() || row.get("id") != "m-1690022000-"+itoa(int(s.UID)) {
			t.Errorf("row %d: %s %s", i, row.get("data-msg"), row.get("id"))
		}
		_, unread := row.attr("data-unread")
		_, flagged := row.attr("data-flagged")
		if unread == s.Seen || flagged != s.Flagged {
			t.Errorf("row %d: unread %v, flagged %v", i, unread, flagged)
		}
		links := row.all("a", "href", "*")
		if len(links) != 1 || links[0].get("href") != MessageURL(s.Ref, mail.ListQuery{Folder: "INBOX", Page: 1}) || links[0].text() != s.Subject {
			t.Errorf("row %d: its first link is not the message", i)
		}
		if box := row.one(t, "input", "name", "msg"); box.get("value") != s.Ref.String() || box.get("type") != "checkbox" {
			t.Errorf("row %d: checkbox", i)
		}
		star := row.one(t, "button", "name", "do")
		if star.get("value") != flagAction(s.Flagged) || star.get("formaction") != ActOneURL(s.Ref) {
			t.Errorf("row %d: star", i)
		}
		if row.all("span", "class", "prev")[0].text() == "" {
			t.Errorf("row %d: preview", i)
		}
	}
	for _, want := range []string{"1–50 of 2,381", "12 unread", "Today", "Yesterday", "Last week"} {
		if !strings.Contains(list.text(), want) {
			t.Errorf("the list does not say %q", want)
		}
	}
	if len(page.all("h1")) != 1 {
		t.Error("a page has one main heading")
	}
}

func TestFolderMarks(t *testing.T) {
	nav := parse(t, Page(sampleFrame(), Settings(SettingsView{Context: viewer()}))).one(t, "nav", "id", "folders")
	seen := map[string]bool{}
	for _, a := range nav.all("a", "data-folder", "*") {
		key := a.get("data-folder")
		name, ok := mail.ParseKey(key)
		if !ok || seen[key] || a.get("href") != "/m/"+key {
			t.Errorf("folder link %q to %q", key, a.get("href"))
		}
		seen[key] = true
		for _, f := range sampleFolders() {
			unread, has := a.attr("data-unread")
			if f.Name == name && (has != (f.Unread > 0) || has && unread != itoa(int(f.Unread))) {
				t.Errorf("%s: data-unread %q", name, unread)
			}
		}
	}
	if len(seen) != 11 || seen["Clients"] || seen["Reisen"] {
		t.Errorf("links to %v: every folder that can be opened, no other", seen)
	}
	if current := nav.one(t, "a", "aria-current", "page"); current.get("data-folder") != "INBOX" {
		t.Error("the open folder is not current")
	}
	if !strings.Contains(nav.text(), "Reisen") || !strings.Contains(nav.text(), "Clients") {
		t.Error("parents that cannot be opened are part of the tree")
	}
}

// TestMessageMarks checks what the contract promises about a message, with
// hostile text in every field: it comes through as text, and as nothing else.
func TestMessageMarks(t *testing.T) {
	m := sampleMessage()
	piece := parse(t, ReaderPartial(sampleFrame(), m))
	box := piece.one(t, "", "data-view", "message")
	if box.get("data-msg") != m.Message.Ref.String() {
		t.Error("data-msg")
	}
	if got := box.one(t, "", "data-field", "subject").text(); got != strings.Join(strings.Fields(hostile), " ") {
		t.Errorf("subject: %q", got)
	}
	from := box.one(t, "", "data-field", "from").one(t, "", "data-address", "*")
	if from.get("data-name") != hostile || from.get("data-address") != m.Message.From[0].Addr || !strings.Contains(from.text(), m.Message.From[0].Addr) {
		t.Error("from: the address stands beside the name")
	}
	if to := box.one(t, "", "data-field", "to").all("", "data-address", "*"); len(to) != 2 || to[0].get("data-address") != "mara@lindqvist.example" {
		t.Error("to")
	}
	date := box.one(t, "time", "data-field", "date")
	if date.get("datetime") != "2026-11-25T10:30:00+01:00" {
		t.Error("date:", date.get("datetime"))
	}
	box.one(t, "", "data-body", "text")
	frame := box.one(t, "iframe", "data-body", "html")
	if frame.get("sandbox") != "allow-same-origin allow-popups allow-popups-to-escape-sandbox" || frame.get("referrerpolicy") != "no-referrer" || frame.get("title") == "" || frame.get("src") != BodyURL(m.Message.Ref, "1.2") {
		t.Error("frame:", frame.Attr)
	}
	files := box.all("a", "data-part", "*")
	if len(files) != 2 || files[0].get("data-name") != hostile+".pdf" || files[1].text() != "Fwd.eml" {
		t.Error("attachments")
	}
	for _, want := range []string{"2 remote images were not loaded", "12 of 2,381", "to me", "This part can't be shown.", "PDF, 57 KB", "Only its beginning is shown", "Arrived"} {
		if !strings.Contains(piece.text(), want) {
			t.Errorf("the message does not say %q", want)
		}
	}
	for _, link := range []string{m.backURL(), m.nextURL()} {
		if !strings.Contains(link, "filter=unread&page=3") {
			t.Errorf("%s forgets its list", link)
		}
	}
}

// TestMessageActions: every action of a role's toolbar belongs to a form that
// carries the message and comes out at the right place.
func TestMessageActions(t *testing.T) {
	for _, role := range []mail.Role{mail.Inbox, mail.Drafts, mail.Sent, mail.Archive, mail.Junk, mail.Trash, ""} {
		m := sampleMessage()
		m.Folder.Role = role
		page := parse(t, Page(sampleFrame(), Mail(sampleFrame(), ListView{Context: viewer(), List: sampleList(), Open: m.Message.Ref}, &m)))
		reader := page.one(t, "section", "id", "reader")
		done := map[string]bool{}
		for _, b := range reader.all("button", "name", "do") {
			form := page.one(t, "form", "id", b.get("form"))
			if form.get("action") != ActURL(m.Folder.Name) || form.one(t, "input", "name", "msg").get("value") != m.Message.Ref.String() {
				t.Errorf("%s in %q: wrong form", b.get("value"), role)
			}
			if !strings.HasPrefix(form.one(t, "input", "name", "back").get("value"), "/m/") {
				t.Errorf("%s in %q: nowhere to come out", b.get("value"), role)
			}
			done[b.get("value")] = true
		}
		if done["delete"] != role.Destroys() || done["trash"] == role.Destroys() {
			t.Errorf("in %q: delete %v, trash %v", role, done["delete"], done["trash"])
		}
		if done["junk"] && (role == mail.Junk || role.Outgoing()) || done["archive"] && role == mail.Archive {
			t.Errorf("in %q: an action that makes no sense", role)
		}
		for _, always := range []string{"move", "copy", "unread", "flag"} {
			if !done[always] {
				t.Errorf("in %q: no %s", role, always)
			}
		}
		if len(page.all("h1", "aria-level", "2")) != 1 || len(page.all("h1")) != 2 {
			t.Error("the message's heading is the main one")
		}
	}
}

// TestPieces: what htmx gets starts with the title, holds one target, and brings
// the folders along.
func TestPieces(t *testing.T) {
	f, l := sampleFrame(), ListView{Context: viewer(), List: sampleList()}
	if s := draw(t, ListPartial(f, l)); !strings.HasPrefix(s, "<title>Inbox – Oriel</title>") {
		t.Error("the piece does not start with the title")
	}
	for _, c := range []struct {
		name         string
		piece        tree
		list, reader int
	}{{"partial", parse(t, ListPartial(f, l)), 1, 1}, {"refresh", parse(t, ListRefresh(f, l)), 1, 0}} {
		if len(c.piece.all("form", "id", "list")) != c.list || len(c.piece.all("section", "id", "reader")) != c.reader {
			t.Errorf("%s: wrong panes", c.name)
		}
		if c.piece.one(t, "nav", "id", "folders").get("hx-swap-oob") != "outerMorph" {
			t.Errorf("%s: folders are not out of band", c.name)
		}
	}
	f.Folders[0].Unread = 11
	m := sampleMessage()
	m.Folder = f.Folders[0]
	link := parse(t, ReaderPartial(f, m)).one(t, "a", "data-folder", "INBOX")
	if link.get("hx-swap-oob") == "" || link.get("data-unread") != "11" {
		t.Error("the folder's count does not follow")
	}
}

func TestEmptyLists(t *testing.T) {
	for _, c := range []struct {
		role   mail.Role
		filter mail.Filter
		want   string
	}{{mail.Inbox, "", "Inbox is empty"}, {mail.Trash, "", "Trash is empty"}, {"", "", "Guild is empty"}, {"", mail.Unread, "Every message in Guild has been read."}, {"", mail.Flagged, "Nothing starred"}} {
		l := mail.List{Folder: mail.Folder{Name: "Guild", Role: c.role}, Filter: c.filter, Page: 1, Pages: 1}
		if c.role == mail.Trash {
			l.Folder.Name = "Trash"
		}
		page := parse(t, Mail(sampleFrame(), ListView{Context: viewer(), List: l}, nil))
		if !strings.Contains(page.text(), c.want) {
			t.Errorf("%+v: %q", c, page.text())
		}
		if len(page.all("nav")) > 0 {
			t.Error("an empty list has no pages")
		}
	}
}

func TestRecipientsInOwnMail(t *testing.T) {
	l := sampleList()
	l.Folder = mail.Folder{Name: "Sent", Role: mail.Sent}
	l.Rows = l.Rows[:1]
	l.Rows[0].To = []mail.Address{{Name: "Priya Raman", Addr: "p@x.example"}}
	if got := parse(t, ListRefresh(sampleFrame(), ListView{Context: viewer(), List: l})).one(t, "span", "class", "who").text(); got != "To: Priya Raman" {
		t.Error(got)
	}
}

func TestQuestions(t *testing.T) {
	refs := []mail.Ref{{Folder: "INBOX", Validity: 1, UID: 2}, {Folder: "Sent", Validity: 1, UID: 3}}
	choose := parse(t, Choose(ChooseView{Do: "move", Refs: refs, Folders: sampleFolders(), From: "INBOX", Back: "/m/INBOX"}))
	if len(choose.all("input", "name", "msg")) != 2 || choose.one(t, "input", "name", "do").get("value") != "move" {
		t.Error("the messages are not carried on")
	}
	for _, r := range choose.all("input", "name", "to") {
		if name, ok := mail.ParseKey(r.get("value")); !ok || name == "INBOX" || name == "Clients" {
			t.Errorf("offers %q", r.get("value"))
		}
	}
	confirm := parse(t, Confirm(ConfirmView{Title: "Delete 2 messages for good?", Sentence: "They can't be brought back.", Do: "delete", Refs: refs, From: "Trash", Back: "/m/Trash", Field: "confirm", Label: "Delete for good", Danger: true}))
	if confirm.one(t, "input", "name", "confirm").get("value") != "1" || confirm.one(t, "a", "data-cancel", "*").get("href") != "/m/Trash" {
		t.Error("consent and a way out")
	}
	confirm.one(t, "", "data-dialog", "*")
}

func TestToasts(t *testing.T) {
	done := parse(t, Toasts(Toast{Text: hostile, Undo: "id-1", Back: "/m/INBOX"})).one(t, "", "data-toast", "*")
	if done.one(t, "form").get("action") != UndoURL() || done.one(t, "input", "name", "id").get("value") != "id-1" {
		t.Error("undo")
	}
	refused := parse(t, ErrorToast(ErrorView{Title: "Refused", Sentence: "The server said no."})).one(t, "", "data-error", "*")
	if refused.text() != "Refused. The server said no. Dismiss" || len(refused.all("form")) > 0 {
		t.Error(refused.text())
	}
}
