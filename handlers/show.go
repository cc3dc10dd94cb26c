package handlers

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"oriel/mail"
	"oriel/views"
)

// wants says which form of an answer the request asks for.
type wants int

const (
	wholePage  wants = iota // a browser without script, a reload, a restored history entry
	paneOnly                // htmx: the piece that the navigation changes
	listInside              // htmx: the list alone, beside an open message
)

// wanted is the only reader of htmx's request headers (htmx 4.0.1).
func wanted(r *http.Request) wants {
	h := r.Header
	if h.Get("HX-Request") != "true" || h.Get("HX-History-Restore-Request") == "true" || h.Get("HX-Request-Type") == "full" {
		return wholePage
	}
	if strings.HasSuffix(h.Get("HX-Target"), "#list") {
		return listInside
	}
	return paneOnly
}

// render writes a component. It is rendered to memory first, so that a failure
// becomes an error page and not half a page.
func render(c echo.Context, status int, body templ.Component) error {
	var b bytes.Buffer
	// A context that has ended meanwhile must not turn the page that says so into an empty one.
	if err := body.Render(context.WithoutCancel(c.Request().Context()), &b); err != nil {
		return &mail.Error{Kind: mail.Internal, Op: "render", Err: err}
	}
	return c.HTMLBlob(status, b.Bytes())
}

// context is what the pages know about their reader.
func (a *App) context(c echo.Context, user string) views.Context {
	return views.Context{Now: a.Now(), Zone: a.zone(c.Request()), User: user, Prefs: prefs(c.Request())}
}

// frame is what stands around a page of a signed-in user, with the toast that
// the action before left behind.
func (a *App) frame(v visit, title string, folders []mail.Folder, q mail.ListQuery) views.Frame {
	f := views.Frame{Context: a.context(v, v.login.User), Title: title, Folders: folders, Current: q, Live: v.at}
	if wanted(v.Request()) == wholePage && !unseen(v.Request()) {
		f.Toast = a.journal.takeToast(v.login.ID)
		if f.Toast == nil {
			f.Toast = alert(v)
		}
		if f.Toast != nil {
			f.Toast.Back = v.Request().URL.RequestURI()
		}
	}
	return f
}

// alert is what the mail server wants its user to read (RFC 3501 section 7.1),
// and nobody has seen yet. Pages that are live are told as it comes.
func alert(v visit) *views.Toast {
	said := v.mail.Alerts()
	if len(said) == 0 {
		return nil
	}
	return &views.Toast{Text: "The mail server says: " + strings.Join(said, " · "), Error: true}
}

// ask answers a form that needs one more answer: as a dialog for htmx, as a page
// of its own otherwise.
func (a *App) ask(v visit, title string, q mail.ListQuery, body templ.Component) error {
	if wanted(v.Request()) != wholePage {
		return render(v, http.StatusOK, body)
	}
	folders, err := v.mail.Folders(v.Request().Context(), false)
	if err != nil {
		return err
	}
	return render(v, http.StatusOK, views.Page(a.frame(v, title, folders, q), body))
}

// done answers a change that succeeded: htmx gets the toast, other browsers are
// sent back and find it there.
func (a *App) done(v visit, t views.Toast, back string, refresh bool) error {
	if wanted(v.Request()) != wholePage {
		if refresh {
			v.Response().Header().Set("Oriel-Refresh", "list")
		}
		t.Back = back
		return render(v, http.StatusOK, views.Toasts(t))
	}
	a.journal.leaveToast(v.login.ID, t)
	return v.Redirect(http.StatusSeeOther, back)
}

// redirect sends a browser on. htmx would follow a 303 and swap what it finds
// into the pane, so it is told to leave instead.
func redirect(c echo.Context, to string) error {
	if wanted(c.Request()) != wholePage {
		c.Response().Header().Set("HX-Redirect", to)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// ownPath accepts a path on this site to go to after a form: never another host,
// which "//host" and "/\host" would be.
func ownPath(s, otherwise string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t\x00") {
		return otherwise
	}
	u, err := url.Parse(s)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return otherwise
	}
	return s
}
