package handlers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"oriel/mail"
	"oriel/views"
)

// deed is what an order came to. An order for many messages may be done for some
// of them only; then fault says why not for the others.
type deed struct {
	toast   string
	undo    entry
	refresh bool // the page's list or folders changed in a way it cannot know
	fault   error
}

// act does what a form of the list or the message page asks: POST /m/{folder}.
func (a *App) act(v visit) error {
	o, err := readOrder(v)
	if err != nil {
		return err
	}
	if o.do == "read" && v.Request().Header.Get("Oriel-Opened") != "" {
		return a.opened(v, o.refs)
	}
	var d deed
	switch o.do {
	case "read", "unread", "flag", "unflag":
		d, err = a.flag(v, o)
	case "archive", "junk", "notjunk", "trash":
		d, err = a.file(v, o)
	case "delete":
		return a.delete(v, o)
	case "move", "copy":
		if o.to == "" {
			return a.choose(v, o)
		}
		d, err = a.transfer(v, o)
	default:
		return &mail.Error{Kind: mail.Invalid, Op: "act: unknown action"}
	}
	return a.report(v, o, d, err)
}

// report answers an action: the toast with its way back, a question when a folder
// is missing, or the error.
func (a *App) report(v visit, o order, d deed, err error) error {
	var e *mail.Error
	if errors.As(err, &e) && e.Kind == mail.NoRole && e.Role != "" {
		return a.offerFolder(v, o, e.Role)
	}
	if err != nil {
		return err
	}
	d.undo.from = o.from
	t := views.Toast{Text: d.toast + a.butNotAll(v, d.fault), Undo: a.journal.add(v.login.ID, d.undo)}
	return a.done(v, t, o.back, d.refresh || d.fault != nil)
}

// butNotAll is the sentence for the messages that a change did not reach, "" when
// it reached all.
func (a *App) butNotAll(v visit, fault error) string {
	if fault == nil {
		return ""
	}
	d := describe(fault)
	a.logFailure(v, d.status, fault)
	return " Not all of them: " + d.sentence
}

// allGone is what is said when none of the messages is there any more.
var allGone = &mail.Error{Kind: mail.NoMessage, Op: "act: all gone"}

// nothing is the error of a change that reached no message at all: whatever was
// changed must be reported as done, with its way back, even if the rest failed.
func nothing(r mail.Result, err error) error {
	switch {
	case len(r.Done) > 0:
		return nil
	case err != nil:
		return err
	}
	return allGone
}

// flag marks messages. Its Undo touches only those that were different before.
func (a *App) flag(v visit, o order) (deed, error) {
	var add, remove []string
	var one, many, undone string
	switch o.do {
	case "read":
		add, one, many, undone = []string{`\Seen`}, "Marked read.", "%s marked read.", "Marked unread again."
	case "unread":
		remove, one, many, undone = []string{`\Seen`}, "Marked unread.", "%s marked unread.", "Marked read again."
	case "flag":
		add, one, many, undone = []string{`\Flagged`}, "Starred.", "%s starred.", "Star removed."
	default:
		remove, one, many, undone = []string{`\Flagged`}, "Star removed.", "Star removed from %s.", "Starred again."
	}
	r, fault := v.mail.SetFlags(v.Request().Context(), o.refs, add, remove)
	if err := nothing(r, fault); err != nil {
		return deed{}, err
	}
	return deed{
		toast: outcome(one, many, r), refresh: len(r.Gone) > 0, fault: fault,
		undo: entry{said: undone, back: []change{{refs: r.Changed, add: remove, remove: add}}},
	}, nil
}

// file moves messages to the folder with a role.
func (a *App) file(v visit, o order) (deed, error) {
	ctx := v.Request().Context()
	role, one, many := mail.Archive, "Archived.", "%s archived."
	var add, remove []string
	switch o.do {
	case "junk":
		role, one, many = mail.Junk, "Moved to Junk.", "%s moved to Junk."
		add, remove = []string{"$Junk"}, []string{"$NotJunk"}
	case "notjunk":
		role, one, many = mail.Inbox, "Moved to Inbox.", "%s moved to Inbox."
		add, remove = []string{"$NotJunk"}, []string{"$Junk"}
	case "trash":
		role, one, many = mail.Trash, "Moved to Trash.", "%s moved to Trash."
	}
	dst, created, err := a.roleFolder(ctx, v, role, o.create)
	if err != nil {
		return deed{}, err
	}
	refs := elsewhere(o.refs, dst.Name)
	if len(refs) == 0 {
		return alreadyIn(dst), nil
	}
	// The keyword teaches the server's filter. A server that takes no keywords still moves mail.
	marked := a.mark(v, refs, add, remove)
	d, err := a.moveTo(v, refs, dst, one, many)
	if err != nil {
		a.mark(v, marked, nil, add)
	}
	for i := range d.undo.back {
		d.undo.back[i].remove = slices.Concat(add, remove)
	}
	d.refresh = d.refresh || created
	return d, err
}

// mark sets keywords that an action works without, and returns the messages that
// it changed.
func (a *App) mark(v visit, refs []mail.Ref, add, remove []string) []mail.Ref {
	if len(refs) == 0 || len(add)+len(remove) == 0 {
		return nil
	}
	r, err := v.mail.SetFlags(v.Request().Context(), refs, add, remove)
	if err != nil {
		a.Log.Debug("keywords not set", "id", idOf(v), "error", err)
	}
	return r.Changed
}

// alreadyIn is a move of messages to where they are. The page may have taken them
// out of the list, so it has to look again.
func alreadyIn(dst mail.Folder) deed {
	return deed{toast: "Already in " + folderLabel(dst) + ".", refresh: true}
}

// transfer moves or copies messages to a folder the user chose.
func (a *App) transfer(v visit, o order) (deed, error) {
	ctx := v.Request().Context()
	dst, err := v.mail.Folder(ctx, o.to)
	if err != nil {
		return deed{}, err
	}
	label := folderLabel(dst)
	if o.do == "copy" {
		return a.copyTo(v, o.refs, dst)
	}
	refs := elsewhere(o.refs, dst.Name)
	if len(refs) == 0 {
		return alreadyIn(dst), nil
	}
	return a.moveTo(v, refs, dst, "Moved to "+label+".", "%s moved to "+label+".")
}

// moveTo moves messages and works out the way back.
func (a *App) moveTo(v visit, refs []mail.Ref, dst mail.Folder, one, many string) (deed, error) {
	r, fault := v.mail.Move(v.Request().Context(), refs, dst.Name)
	if err := nothing(r, fault); err != nil {
		return deed{}, err
	}
	return deed{
		toast: outcome(one, many, r), refresh: len(r.Gone) > 0, fault: fault,
		undo: entry{said: "Moved back.", back: backMoves(r)},
	}, nil
}

// copyTo copies messages. Its Undo moves the copies to Trash: nothing that Oriel
// does outside Trash and Junk destroys.
func (a *App) copyTo(v visit, refs []mail.Ref, dst mail.Folder) (deed, error) {
	ctx := v.Request().Context()
	r, fault := v.mail.Copy(ctx, refs, dst.Name)
	if err := nothing(r, fault); err != nil {
		return deed{}, err
	}
	label := folderLabel(dst)
	d := deed{toast: outcome("Copied to "+label+".", "%s copied to "+label+".", r), refresh: true, fault: fault}
	if trash, err := v.mail.Role(ctx, mail.Trash); err == nil && trash.Name != dst.Name {
		d.undo = entry{said: "The copy is in Trash.", back: []change{{refs: r.Moved, to: trash.Name}}}
	}
	return d, nil
}

// delete moves to Trash; in Trash and Junk it asks, and then removes for good.
func (a *App) delete(v visit, o order) error {
	folders, err := v.mail.Folders(v.Request().Context(), false)
	if err != nil {
		return err
	}
	destroys := map[string]bool{}
	for _, f := range folders {
		destroys[f.Name] = f.Role.Destroys()
	}
	var forGood, toTrash []mail.Ref
	for _, r := range o.refs {
		if destroys[r.Folder] {
			forGood = append(forGood, r)
		} else {
			toTrash = append(toTrash, r)
		}
	}
	if len(forGood) > 0 && !o.confirm {
		return a.confirmDelete(v, o, len(forGood))
	}
	var d deed
	if len(toTrash) > 0 {
		rest := o
		rest.do, rest.refs = "trash", toTrash
		if d, err = a.file(v, rest); err != nil || len(forGood) == 0 {
			return a.report(v, rest, d, err)
		}
	}
	r, fault := v.mail.Delete(v.Request().Context(), forGood)
	d.fault, d.refresh = cmp.Or(d.fault, fault), d.refresh || len(r.Gone) > 0
	if err := nothing(r, fault); err == nil {
		d.toast = strings.TrimSpace(d.toast + " " + outcome("Deleted for good.", "%s deleted for good.", r))
	} else if len(toTrash) == 0 {
		return a.report(v, o, d, err)
	}
	return a.report(v, o, d, nil)
}

// confirmDelete asks before messages are destroyed.
func (a *App) confirmDelete(v visit, o order, n int) error {
	title, sentence := "Delete this message for good?", "The mail server can't bring it back."
	if n > 1 {
		title, sentence = "Delete "+count(n)+" for good?", "The mail server can't bring them back."
	}
	return a.ask(v, title, mail.ListQuery{Folder: o.from}, views.Confirm(views.ConfirmView{
		Context: a.context(v, v.login.User), Title: title, Sentence: sentence, Do: "delete", Refs: o.refs,
		From: o.from, Back: o.back, Field: "confirm", Label: "Delete for good", Danger: true,
	}))
}

// offerFolder asks whether to create the folder that an action needs.
func (a *App) offerFolder(v visit, o order, role mail.Role) error {
	name := roleLabel(role)
	return a.ask(v, "There's no "+name+" folder yet", mail.ListQuery{Folder: o.from}, views.Confirm(views.ConfirmView{
		Context: a.context(v, v.login.User), Title: "There's no " + name + " folder yet",
		Sentence: "Oriel can create a folder named " + name + " on the mail server and go on.",
		Do:       o.do, Refs: o.refs, From: o.from, Back: o.back, Field: "create", Label: "Create " + name + " and go on",
	}))
}

// choose asks for the folder to move or copy to.
func (a *App) choose(v visit, o order) error {
	folders, err := v.mail.Folders(v.Request().Context(), false)
	if err != nil {
		return err
	}
	verb := "Move "
	if o.do == "copy" {
		verb = "Copy "
	}
	return a.ask(v, verb+count(len(o.refs)), mail.ListQuery{Folder: o.from}, views.Choose(views.ChooseView{
		Context: a.context(v, v.login.User), Do: o.do, Refs: o.refs, Folders: folders, From: o.from, Back: o.back,
	}))
}

// roleFolder finds the folder with a role, and creates it when the user agreed.
func (a *App) roleFolder(ctx context.Context, v visit, role mail.Role, create bool) (f mail.Folder, created bool, err error) {
	f, err = v.mail.Role(ctx, role)
	if mail.KindOf(err) == mail.NoRole && create {
		f, err = v.mail.CreateRole(ctx, role, "")
		return f, err == nil, err
	}
	return f, false, err
}

// backMoves are the moves that reverse a move, one for each folder the messages
// came from. Without UIDPLUS nobody knows where they are now, and there is none.
func backMoves(r mail.Result) []change {
	if len(r.Moved) != len(r.Done) {
		return nil
	}
	var back []change
	at := map[string]int{}
	for i, was := range r.Done {
		n, ok := at[was.Folder]
		if !ok {
			n = len(back)
			at[was.Folder] = n
			back = append(back, change{to: was.Folder})
		}
		back[n].refs = append(back[n].refs, r.Moved[i])
	}
	return back
}

// elsewhere leaves out the messages that are in the folder already: a MOVE onto
// itself would only give them new UIDs.
func elsewhere(refs []mail.Ref, folder string) []mail.Ref {
	var out []mail.Ref
	for _, r := range refs {
		if r.Folder != folder {
			out = append(out, r)
		}
	}
	return out
}
