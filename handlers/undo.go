package handlers

import (
	"cmp"
	"net/http"
	"slices"

	"oriel/mail"
	"oriel/views"
)

// undo takes an action back: POST /undo. Without an id it is the last one.
func (a *App) undo(v visit) error {
	form, err := readForm(v)
	if err != nil {
		return err
	}
	e, ok := a.journal.take(v.login.ID, form.Get("id"))
	if !ok {
		return says(http.StatusConflict, "Nothing to undo", "There is nothing left to undo.")
	}
	undone, fault := a.reverse(v, &e)
	again := a.journal.putBack(v.login.ID, e)
	if undone == 0 {
		return a.notUndone(v, again, cmp.Or(fault, error(allGone)))
	}
	t := views.Toast{Text: e.said + a.butNotAll(v, fault), Undo: again}
	back := ownPath(form.Get("back"), views.FolderURL(mail.ListQuery{Folder: e.from}))
	return a.done(v, t, back, true)
}

// notUndone answers an undo that reached nothing. The button that asked for it is
// gone from the page, so it comes again when trying again may help.
func (a *App) notUndone(v visit, again string, err error) error {
	if again == "" {
		return err
	}
	d := describe(err)
	t := views.Toast{Text: "Nothing was taken back yet. " + d.sentence, Undo: again, Back: views.HomeURL()}
	if wanted(v.Request()) == wholePage {
		a.journal.leaveToast(v.login.ID, t)
		return err
	}
	a.logFailure(v, d.status, err)
	return render(v, d.status, views.Toasts(t))
}

// reverse takes the steps of an entry back and leaves in it those messages that
// a failure kept from it, so that they can be tried again.
func (a *App) reverse(v visit, e *entry) (undone int, fault error) {
	var left []change
	for _, c := range e.back {
		var r mail.Result
		var err error
		if c.to == "" {
			r, err = v.mail.SetFlags(v.Request().Context(), c.refs, c.add, c.remove)
		} else {
			a.mark(v, c.refs, c.add, c.remove)
			r, err = v.mail.Move(v.Request().Context(), c.refs, c.to)
		}
		undone += len(r.Done)
		if err != nil {
			fault = cmp.Or(fault, err)
			c.refs = without(c.refs, r.Done, r.Gone)
			left = append(left, c)
		}
	}
	e.back = left
	return undone, fault
}

// without leaves out the messages that are in one of the other lists.
func without(refs []mail.Ref, lists ...[]mail.Ref) []mail.Ref {
	out := map[mail.Ref]bool{}
	for _, r := range slices.Concat(lists...) {
		out[r] = true
	}
	return slices.DeleteFunc(slices.Clone(refs), func(r mail.Ref) bool { return out[r] })
}
