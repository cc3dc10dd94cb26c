package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

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
	ctx := v.Request().Context()
	undone := 0
	for _, c := range e.back {
		var r mail.Result
		if c.to != "" {
			r, err = v.mail.Move(ctx, c.refs, c.to)
		} else {
			r, err = v.mail.SetFlags(ctx, c.refs, c.add, c.remove)
			if refused(err) {
				err = nil // the keyword was never taken in the first place
			}
		}
		if err != nil {
			return err
		}
		undone += len(r.Done)
	}
	if undone == 0 {
		return allGone
	}
	back := ownPath(form.Get("back"), views.FolderURL(mail.ListQuery{Folder: e.from}))
	return a.done(v, views.Toast{Text: e.said}, back, true)
}

// spoken is an error that knows its own words, for what has no Kind.
type spoken struct{ answer }

func (s spoken) Error() string { return s.title }

func says(status int, title, sentence string) error { return spoken{answer{status, title, sentence}} }

// allGone is what is said when none of the messages is there any more.
var allGone = &mail.Error{Kind: mail.NoMessage, Op: "act: all gone"}

// refused reports whether the server said no, rather than failed.
func refused(err error) bool {
	k := mail.KindOf(err)
	return err != nil && (k == mail.Refused || k == mail.Unsupported)
}

// asFormError keeps echo's own verdict on a body, such as 413, and calls every
// other unreadable form a bad request.
func asFormError(err error) error {
	if h, ok := err.(*echo.HTTPError); ok {
		return h
	}
	return &mail.Error{Kind: mail.Invalid, Op: "form", Err: err}
}
