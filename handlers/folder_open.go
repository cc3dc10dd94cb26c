package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"oriel/mail"
	"oriel/views"
)

// noList is the Current of pages that belong to no folder.
var noList mail.ListQuery

// openFolder shows a page of a folder: GET /m/{folder}.
func (a *App) openFolder(v visit) error {
	name, err := folderParam(v)
	if err != nil {
		return err
	}
	if key := mail.Key(name); key != v.Param("folder") {
		return redirect(v, "/m/"+key+query(v))
	}
	list, folders, err := a.list(v, listQuery(v, name))
	if err != nil {
		return err
	}
	f := a.frame(v, folderLabel(list.Folder), folders, shownQuery(list))
	view := views.ListView{Context: f.Context, List: list}
	switch wanted(v.Request()) {
	case paneOnly:
		return render(v, http.StatusOK, views.ListPartial(f, view))
	case listInside:
		view.Open = openBeside(v)
		view.Gone = a.gone(v, list, view.Open)
		return render(v, http.StatusOK, views.ListRefresh(f, view))
	default:
		return render(v, http.StatusOK, views.Page(f, views.Mail(f, view, nil)))
	}
}

// list fetches a page of rows and the folders beside it, at the same time.
func (a *App) list(v visit, q mail.ListQuery) (mail.List, []mail.Folder, error) {
	ctx := v.Request().Context()
	side := aside(a.Log, func() ([]mail.Folder, error) { return v.mail.Folders(ctx, false) })
	list, err := v.mail.List(ctx, q)
	nav := <-side
	if err != nil {
		return mail.List{}, nil, err
	}
	if nav.err != nil {
		return mail.List{}, nil, nav.err
	}
	return list, withCounts(nav.value, list.Folder), nil
}

// withCounts returns the folders with one of them replaced by a fresher look at it.
func withCounts(folders []mail.Folder, fresh mail.Folder) []mail.Folder {
	out := make([]mail.Folder, len(folders))
	copy(out, folders)
	for i, f := range out {
		if f.Name == fresh.Name {
			out[i].Total, out[i].Unread, out[i].Counted = fresh.Total, fresh.Unread, true
		}
	}
	return out
}

// folderParam reads the folder of the path.
func folderParam(c echo.Context) (string, error) {
	name, ok := mail.ParseKey(c.Param("folder"))
	if !ok {
		return "", &mail.Error{Kind: mail.NoFolder, Op: "folder key"}
	}
	if strings.EqualFold(name, "INBOX") {
		name = "INBOX" // the one name without regard to case, RFC 3501 section 5.1
	}
	return name, nil
}

// listQuery reads the list that a page belongs to. Values that do not exist mean
// the default: a link from an older version must still open.
func listQuery(c echo.Context, folder string) mail.ListQuery {
	q := mail.ListQuery{Folder: folder, Page: 1}
	switch f := mail.Filter(c.QueryParam("filter")); f {
	case mail.Unread, mail.Flagged:
		q.Filter = f
	}
	if n, err := strconv.Atoi(c.QueryParam("page")); err == nil && n > 1 && n < 1<<24 {
		q.Page = n
	}
	return q
}

// shownQuery names the page that was really shown: asking beyond the end shows the last.
func shownQuery(l mail.List) mail.ListQuery {
	return mail.ListQuery{Folder: l.Folder.Name, Filter: l.Filter, Page: l.Page}
}

// openBeside is the message that stays open beside a list that is refreshed.
func openBeside(c echo.Context) mail.Ref {
	r, _ := mail.ParseRef(c.QueryParam("open"))
	return r
}

// gone reports whether the message that is open beside a list has left its
// folder: it is not on this page of the list, and not on another either.
func (a *App) gone(v visit, list mail.List, open mail.Ref) bool {
	if open.UID == 0 || open.Folder != list.Folder.Name {
		return false
	}
	for _, s := range list.Rows {
		if s.Ref == open {
			return false
		}
	}
	place, err := v.mail.Place(v.Request().Context(), mail.ListQuery{Folder: open.Folder}, open)
	return err == nil && place.Position == 0 || mail.KindOf(err) == mail.Stale
}

// query is the request's query with its question mark.
func query(c echo.Context) string {
	if q := c.Request().URL.RawQuery; q != "" {
		return "?" + q
	}
	return ""
}
