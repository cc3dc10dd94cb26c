package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"oriel/decode"
	"oriel/mail"
	"oriel/sanitize"
	"oriel/views"
)

// openMessage shows a message, alone for htmx, beside its list for everybody
// else: GET /m/{folder}/{msg}. When a person opened it, it is marked read after
// the answer, which shows it read already.
func (a *App) openMessage(v visit) error {
	ref, moved, err := a.messageParam(v)
	if err != nil {
		return err
	}
	q := listQuery(v, ref.Folder)
	if moved {
		return redirect(v, views.MessageURL(ref, q))
	}
	m, err := v.mail.Message(v.Request().Context(), ref)
	if err != nil {
		return err
	}
	fresh := !m.Seen && readByAPerson(v.Request())
	show := a.showBeside
	if wanted(v.Request()) != wholePage {
		show = a.showReader
	}
	if err := show(v, m, q, fresh); err != nil || !fresh {
		return err
	}
	id := idOf(v) // the request is over by the time it is needed
	v.mail.MarkLater(ref, func(_ mail.Result, err error) {
		if err != nil {
			// A folder that may only be read is no reason not to show the message.
			a.Log.Debug("not marked read", "id", id, "error", err)
		}
	})
	return nil
}

// showReader answers htmx with the message alone. fresh says that it becomes read
// with this answer.
func (a *App) showReader(v visit, m mail.Message, q mail.ListQuery, fresh bool) error {
	ctx := v.Request().Context()
	folders, err := v.mail.Folders(ctx, false)
	if err != nil {
		return err
	}
	place, err := v.mail.Place(ctx, q, m.Ref)
	if err != nil {
		return err
	}
	if fresh {
		folders = oneRead(folders, m.Folder)
	}
	f := a.frame(v, title(m), folders, q)
	return render(v, http.StatusOK, views.ReaderPartial(f, a.reader(v, f, m, q, place)))
}

// showBeside answers with the whole page: the message and the list it is in.
func (a *App) showBeside(v visit, m mail.Message, q mail.ListQuery, fresh bool) error {
	list, folders, err := a.list(v, q)
	if err != nil {
		return err
	}
	place, err := v.mail.Place(v.Request().Context(), q, m.Ref)
	if err != nil {
		return err
	}
	if fresh {
		folders = oneRead(folders, m.Folder)
		list.Folder = oneRead([]mail.Folder{list.Folder}, m.Folder)[0]
		list.Rows = slices.Clone(list.Rows)
		for i, row := range list.Rows {
			list.Rows[i].Seen = row.Seen || row.Ref == m.Ref
		}
	}
	f := a.frame(v, title(m), folders, shownQuery(list))
	view := views.ListView{Context: f.Context, List: list, Open: m.Ref}
	reader := a.reader(v, f, m, shownQuery(list), place)
	return render(v, http.StatusOK, views.Page(f, views.Mail(f, view, &reader)))
}

// oneRead returns the folders with one unread message less in one of them: the
// page is drawn before the mail server is told.
func oneRead(folders []mail.Folder, name string) []mail.Folder {
	out := slices.Clone(folders)
	for i, f := range out {
		if f.Name == name && f.Unread > 0 {
			out[i].Unread--
		}
	}
	return out
}

// reader prepares the reading pane.
func (a *App) reader(v visit, f views.Frame, m mail.Message, q mail.ListQuery, p mail.Place) views.MessageView {
	view := views.MessageView{Context: f.Context, Message: m, Query: q, Place: p, Folder: mail.Folder{Name: m.Folder}}
	for _, folder := range f.Folders {
		if folder.Name == m.Folder {
			view.Folder = folder
		}
	}
	used := map[string]bool{} // parts that an HTML body shows as pictures
	for _, t := range m.Texts {
		body, blocked := a.body(v, m, t, used)
		view.Bodies = append(view.Bodies, body)
		view.Blocked += blocked
	}
	// A picture that was sent inline and is shown nowhere is offered as a file.
	view.Message.Body = m.Body.Resolve(func(p mail.Part) bool { return used[p.Path] })
	return view
}

// body prepares one shown part, counts the remote images it names, and notes in
// used which of the message's pictures it shows.
func (a *App) body(v visit, m mail.Message, t mail.Text, used map[string]bool) (views.BodyView, int) {
	b := views.BodyView{Part: t.Part, Truncated: t.Truncated}
	switch t.Part.Type {
	case "text/html":
	case "text/enriched", "text/richtext":
		b.Text = sanitize.Text(decode.Enriched(t.Content), sanitize.TextOptions{})
		return b, 0
	default:
		b.Text = sanitize.Text(t.Content, sanitize.TextOptions{Flowed: t.Part.Flowed, DelSp: t.Part.DelSp})
		return b, 0
	}
	doc, err := a.clean(v.Request().Context(), m, t, used)
	if err != nil {
		b.Problem = describe(err).sentence
		return b, 0
	}
	b.Frame = views.BodyURL(m.Ref, t.Part.Path)
	a.held.put(heldKey{v.login.ID, m.Ref, t.Part.Path}, doc.HTML)
	b.Truncated = b.Truncated || doc.Truncated
	return b, doc.Blocked
}

// cleanTime is how long a request waits for the sanitiser. Its input is bounded,
// so a run that takes longer still ends; the page does not wait for it.
const cleanTime = 2 * time.Second

// clean runs the sanitiser, at most as many at once as there are processors.
func (a *App) clean(ctx context.Context, m mail.Message, t mail.Text, used map[string]bool) (sanitize.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTime)
	defer cancel()
	select {
	case a.cleaner <- struct{}{}:
	case <-ctx.Done():
		return sanitize.Document{}, says(http.StatusServiceUnavailable, "Too much at once", "Oriel is busy making other messages safe to show. Try again in a moment.")
	}
	type cleaned struct {
		doc  sanitize.Document
		used []string
	}
	got := aside(a.Log, func() (c cleaned, err error) {
		defer func() { <-a.cleaner }()
		c.doc, err = sanitize.Mail(t.Content, sanitize.MailOptions{CID: inlineImages(m, &c.used)})
		return c, err
	})
	select {
	case r := <-got:
		if r.err != nil {
			return sanitize.Document{}, tangled
		}
		for _, path := range r.value.used {
			used[path] = true
		}
		return r.value.doc, nil
	case <-ctx.Done():
		return sanitize.Document{}, tangled
	}
}

// tangled is what is said of a body that cannot be made safe in time.
var tangled = says(http.StatusRequestEntityTooLarge, "Not shown", "This part of the message is too large or too tangled to show safely. You can still save it.")

// inlineImages finds the part that a cid: link or a Content-Location means, and
// appends its path to shown.
func inlineImages(m mail.Message, shown *[]string) func(string) (string, bool) {
	parts := map[string]string{}
	for _, p := range slices.Concat(m.Body.Attachments, m.Body.Inline) {
		for _, id := range []string{p.ContentID, p.Location} {
			if id != "" && strings.HasPrefix(p.Type, "image/") {
				parts[strings.ToLower(id)] = p.Path
			}
		}
	}
	return func(id string) (string, bool) {
		path, ok := parts[strings.ToLower(id)]
		if !ok {
			return "", false
		}
		*shown = append(*shown, path)
		return views.PartURL(m.Ref, path, false), true
	}
}

// readByAPerson reports whether opening should mark read: a GET that no prefetch
// and no other site made.
func readByAPerson(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return !unseen(r) && (site == "" || site == "same-origin" || site == "none")
}

// unseen reports whether nobody looks at the answer: a HEAD or a prefetch.
func unseen(r *http.Request) bool {
	if r.Method == http.MethodHead || r.Header.Get("Oriel-Prefetch") != "" {
		return true
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz", "X-Purpose"} {
		if v := strings.ToLower(r.Header.Get(name)); strings.Contains(v, "prefetch") || strings.Contains(v, "preview") {
			return true
		}
	}
	return false
}

// opened marks messages read that a page shows from what it had fetched ahead:
// POST /m/{folder} with do=read and the header Oriel-Opened. Nobody pressed a
// button, so there is no toast and nothing to undo, as when a GET marks. A message
// that is gone is an error, for the page that shows it.
func (a *App) opened(v visit, refs []mail.Ref) error {
	r, err := v.mail.SetFlags(v.Request().Context(), refs, []string{`\Seen`}, nil)
	switch mail.KindOf(err) {
	case mail.Refused, mail.OverQuota, mail.Unsupported:
		if err != nil {
			a.Log.Debug("not marked read", "id", idOf(v), "error", err)
			return v.NoContent(http.StatusNoContent)
		}
	}
	if err := nothing(r, err); err != nil {
		return err
	}
	return v.NoContent(http.StatusNoContent)
}

// messageParam reads the message of the path. moved says that the address was a
// bare UID, or spelled otherwise than we spell it, and that ref is the full form.
func (a *App) messageParam(v visit) (ref mail.Ref, moved bool, err error) {
	name, err := folderParam(v)
	if err != nil {
		return mail.Ref{}, false, err
	}
	ref, ok := mail.ParseID(name, v.Param("msg"))
	if !ok {
		return mail.Ref{}, false, &mail.Error{Kind: mail.NoMessage, Op: "message id"}
	}
	if ref.Validity != 0 {
		return ref, mail.Key(name) != v.Param("folder"), nil
	}
	ref.Validity, err = v.mail.Validity(v.Request().Context(), name)
	return ref, true, err
}

// title is the page's title for a message.
func title(m mail.Message) string {
	if m.Subject == "" {
		return "(no subject)"
	}
	return m.Subject
}
