package handlers

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/login"
	"oriel/mail"
	"oriel/views"
)

// signInTime bounds a sign-in: whatever the mail server does, the page answers.
const signInTime = 15 * time.Second

// showLogin is the sign-in page: GET /login.
func (a *App) showLogin(c echo.Context) error {
	next := ownPath(c.QueryParam("next"), "")
	if _, ok := a.Login.Current(c.Request()); ok {
		return redirect(c, ownPath(next, views.HomeURL()))
	}
	return a.loginPage(c, http.StatusOK, views.LoginView{Next: next, Problem: whySignedOut(c.QueryParam("why"))})
}

// loginPage writes the form, and a probe cookie with it: if the browser drops
// that one, it would drop the session's too.
func (a *App) loginPage(c echo.Context, status int, v views.LoginView) error {
	a.Login.Probe(c.Response())
	v.Context, v.Notice = a.context(c, ""), a.Notice
	return render(c, status, views.Login(v))
}

// signIn tries user name and password on the mail server: POST /login.
func (a *App) signIn(c echo.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	user, password := strings.TrimSpace(form.Get("username")), form.Get("password")
	v := views.LoginView{Username: user, Next: ownPath(form.Get("next"), "")}
	refuse := func(status int, sentence string) error {
		v.Problem = sentence
		return a.loginPage(c, status, v)
	}
	if !login.Acceptable(user, password) {
		return refuse(http.StatusUnauthorized, "Enter the user name and password of your mailbox.")
	}
	switch a.Login.Lost(c.Request()) {
	case login.PlainHTTP:
		return refuse(http.StatusBadRequest, "This page came over plain http, so your browser drops the cookie that keeps you signed in. Open Oriel by its https address, or ask whoever runs it to set one up.")
	case login.Blocked:
		return refuse(http.StatusBadRequest, "Your browser refused the cookie that keeps you signed in. Allow cookies for this site and try again.")
	}
	if wait, ok := a.Throttle.Allow(user, c.RealIP()); !ok {
		c.Response().Header().Set("Retry-After", seconds(wait))
		return refuse(http.StatusTooManyRequests, "There were too many failed attempts. Try again in "+waitWords(wait)+".")
	}
	if err := a.tryPassword(c, user, password); err != nil {
		d := describe(err)
		if mail.KindOf(err) == mail.Denied {
			return refuse(http.StatusUnauthorized, "That user name and password didn't work.")
		}
		a.Log.Warn("sign-in", "id", idOf(c), "error", err)
		if d.status == http.StatusInternalServerError {
			return err
		}
		c.Response().Header().Set("Retry-After", "10")
		return refuse(http.StatusServiceUnavailable, d.sentence)
	}
	return redirect(c, ownPath(v.Next, views.HomeURL()))
}

// tryPassword makes one attempt on the mail server and, when it lets the user
// in, a login session.
func (a *App) tryPassword(c echo.Context, user, password string) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), signInTime)
	defer cancel()
	leave, ok := a.Throttle.Enter(ctx)
	if !ok {
		a.Throttle.Abandoned(user, c.RealIP())
		return &mail.Error{Kind: mail.Busy, Op: "sign-in"}
	}
	defer leave()
	// The session's id does not exist before the password is known to be right, so
	// the attempt runs under a name of its own.
	attempt := "attempt-" + rand.Text()
	defer a.Pool.Release(attempt)
	_, err := a.Pool.SignIn(ctx, attempt, user, password)
	switch {
	case err == nil:
		a.Throttle.Succeeded(user, c.RealIP())
	case mail.KindOf(err) == mail.Denied:
		a.Throttle.Failed(user, c.RealIP())
		return err
	default:
		a.Throttle.Abandoned(user, c.RealIP())
		return err
	}
	if old, ok := a.Login.Current(c.Request()); ok {
		a.journal.forget(old.ID)
		a.hub.signedOut(old.ID)
	}
	l, err := a.Login.Begin(c.Response(), c.Request(), user, password)
	if err != nil {
		return &mail.Error{Kind: mail.Internal, Op: "sign-in: session", Err: err}
	}
	_, err = a.Pool.Open(ctx, l.ID, user, password)
	return err
}

// signOut ends the login session and everything kept for it: POST /logout.
func (a *App) signOut(c echo.Context) error {
	id := a.Login.End(c.Response(), c.Request())
	if id != "" {
		a.Pool.Release(id)
		a.held.forget(id)
		a.journal.forget(id)
		a.hub.signedOut(id)
	}
	c.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return redirect(c, views.LoginURL(""))
}

// toLogin sends a visitor without a session to the sign-in page, and back to
// where they were afterwards. A form's answer cannot be repeated, so after one
// the way leads to the folder it was posted from.
func (a *App) toLogin(c echo.Context) error { return a.toLoginWhy(c, "") }

func (a *App) toLoginWhy(c echo.Context, why string) error {
	r := c.Request()
	next := r.URL.RequestURI()
	if r.Method == http.MethodPost {
		next = views.HomeURL()
		if name, ok := mail.ParseKey(c.Param("folder")); ok && c.Param("folder") != "" {
			next = views.FolderURL(mail.ListQuery{Folder: name})
		}
	}
	to := views.LoginURL(next)
	if why != "" {
		to += "&why=" + why
	}
	if wanted(r) != wholePage {
		c.Response().Header().Set("HX-Redirect", to)
		return c.NoContent(http.StatusUnauthorized)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// cannotOpen answers when the mail session of a signed-in user cannot be opened.
// A password that no longer works ends the login session, so that the server
// sees one failed attempt and not one per click.
func (a *App) cannotOpen(c echo.Context, l login.Login, err error) error {
	if mail.KindOf(err) != mail.Denied || c.Response().Committed {
		return err
	}
	a.forget(c, l.ID)
	return a.toLoginWhy(c, "password")
}

// forget ends a login session whose password the mail server has refused.
func (a *App) forget(c echo.Context, id string) {
	a.Login.End(c.Response(), c.Request())
	a.Pool.Release(id)
	a.held.forget(id)
	a.journal.forget(id)
	a.hub.signedOut(id)
}

// whySignedOut is the sentence on the sign-in page for a session that ended.
func whySignedOut(why string) string {
	if why == "password" {
		return "The mail server no longer accepts your password. Sign in with the new one."
	}
	return ""
}
