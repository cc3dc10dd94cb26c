package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"oriel/imapsession"
	"oriel/login"
	"oriel/mail"
	"oriel/views"
)

// kind says what a route answers with, which decides its security headers and
// who may ask for it.
type kind int

const (
	page   kind = iota // a document of the application, or a piece of one
	framed             // a document that a stranger wrote, for the sandboxed frame
	mailed             // bytes that a stranger wrote: parts, sources
	live               // events for the script in our pages
	plain              // files of the program itself, and answers for machines
)

// route is one row of the table. Tests walk it, so that a new row cannot forget
// the sign-in check, the headers or the cross-site check.
type route struct {
	method, path string
	name         string // for logs
	kind         kind
	public       bool // answers without a sign-in
	handle       echo.HandlerFunc
}

// visit is a request of a signed-in user.
type visit struct {
	echo.Context
	mail  *imapsession.Session // the mailbox
	login login.Login
	at    string // id of the last event before this request
}

// routes is every URL of the program.
func (a *App) routes() []route {
	in := a.signedIn
	return []route{
		{"GET", "/", "home", page, true, a.home},
		{"GET", "/login", "login", page, true, a.showLogin},
		{"POST", "/login", "sign-in", page, true, a.signIn},
		{"POST", "/logout", "sign-out", page, true, a.signOut},

		{"GET", "/m/:folder", "folder", page, false, in(a.openFolder)},
		{"POST", "/m/:folder", "act", page, false, in(a.act)},
		{"GET", "/m/:folder/:msg", "message", page, false, in(a.openMessage)},
		{"GET", "/m/:folder/:msg/body", "body", framed, false, in(a.showBody)},
		{"GET", "/m/:folder/:msg/part/:path", "part", mailed, false, in(a.sendPart)},
		{"GET", "/m/:folder/:msg/source", "source", mailed, false, in(a.sendSource)},
		{"GET", "/m/:folder/:msg/attachments.zip", "zip", mailed, false, in(a.sendZip)},
		{"POST", "/undo", "undo", page, false, in(a.undo)},

		{"GET", "/settings", "settings", page, false, in(a.showSettings)},
		{"POST", "/settings", "save-settings", page, false, in(a.saveSettings)},
		{"GET", "/shortcuts", "shortcuts", page, false, in(a.showShortcuts)},
		{"GET", "/events", "events", live, true, a.tellEvents}, // refuses by itself: no page, so no way to the sign-in page

		{"GET", "/static/:file", "static", plain, true, a.sendStatic},
		{"GET", "/favicon.ico", "favicon", plain, true, a.sendFavicon},
		{"GET", "/robots.txt", "robots", plain, true, a.robots},
		{"GET", "/healthz", "healthz", plain, true, a.healthz},
		{"GET", "/readyz", "readyz", plain, true, a.readyz},
	}
}

// signedIn gives the handler the user's mail session, or sends the visitor to
// the sign-in page and back again afterwards. A handler that touches mail has
// this type, so the compiler refuses to register it without the check.
func (a *App) signedIn(h func(visit) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		current := a.Login.Current
		if unasked(c.Request()) {
			current = a.Login.Look
		}
		l, ok := current(c.Request())
		if !ok {
			return a.toLogin(c)
		}
		s, err := a.Pool.Open(c.Request().Context(), l.ID, l.User, l.Password)
		if err != nil {
			return a.cannotOpen(c, l, err)
		}
		v := visit{Context: c, mail: s, login: l, at: a.hub.at(s)}
		c.Set(visitKey, v)
		err = h(v)
		if mail.KindOf(err) == mail.Denied {
			return a.cannotOpen(c, l, err) // the password was changed while connections were open
		}
		return err
	}
}

// unasked reports whether the script fetches because of an event: nobody need be
// at the screen.
func unasked(r *http.Request) bool { return r.Header.Get("Oriel-Live") != "" }

// visitKey is where the error page finds out who is asking.
const visitKey = "visit"

// home sends a visitor to the mail, or to the sign-in page: GET /.
func (a *App) home(c echo.Context) error {
	if _, ok := a.Login.Current(c.Request()); ok {
		return c.Redirect(http.StatusSeeOther, views.HomeURL())
	}
	return c.Redirect(http.StatusSeeOther, views.LoginURL(""))
}
