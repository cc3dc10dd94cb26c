package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/mail"
	"oriel/views"
)

// order is what the form of a list or a message asks for.
type order struct {
	do      string
	refs    []mail.Ref
	from    string // the folder of the path: where the user was
	to      string // name of the target folder, of move and copy
	back    string
	confirm bool // the user has said yes to deleting for good
	create  bool // the user has said yes to creating the missing folder
}

// readOrder reads the form. A button inside a row names its message in the query,
// which then wins over what is selected.
func readOrder(v visit) (order, error) {
	folder, err := folderParam(v)
	if err != nil {
		return order{}, err
	}
	form, err := readForm(v)
	if err != nil {
		return order{}, err
	}
	o := order{
		do: form.Get("do"), from: folder, confirm: form.Get("confirm") == "1", create: form.Get("create") == "1",
		back: ownPath(form.Get("back"), views.FolderURL(mail.ListQuery{Folder: folder})),
	}
	if key := form.Get("to"); key != "" {
		name, ok := mail.ParseKey(key)
		if !ok {
			return order{}, &mail.Error{Kind: mail.NoFolder, Op: "act: target"}
		}
		o.to = name
	}
	if o.refs, err = readRefs(v, folder, form); err != nil {
		return order{}, err
	}
	return o, nil
}

func readRefs(v visit, folder string, form url.Values) ([]mail.Ref, error) {
	if id := v.QueryParam("one"); id != "" {
		r, ok := mail.ParseID(folder, id)
		if !ok || r.Validity == 0 {
			return nil, &mail.Error{Kind: mail.Invalid, Op: "act: one"}
		}
		return []mail.Ref{r}, nil
	}
	seen := map[mail.Ref]bool{}
	var refs []mail.Ref
	for _, s := range form["msg"] {
		r, ok := mail.ParseRef(s)
		if !ok {
			return nil, &mail.Error{Kind: mail.Invalid, Op: "act: msg"}
		}
		if !seen[r] {
			seen[r] = true
			refs = append(refs, r)
		}
	}
	if len(refs) == 0 {
		return nil, says(http.StatusBadRequest, "Nothing selected", "Select a message first.")
	}
	return refs, nil
}

// readForm reads a url-encoded body; the query never counts as form fields.
func readForm(c echo.Context) (url.Values, error) {
	r := c.Request()
	var verdict *echo.HTTPError
	switch err := r.ParseForm(); {
	case errors.As(err, &verdict):
		return nil, verdict // of BodyLimit: 413
	case err != nil:
		return nil, &mail.Error{Kind: mail.Invalid, Op: "form", Err: err}
	}
	// The form is here whole. What is done with it may take longer than it took to come.
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
	return r.PostForm, nil
}
