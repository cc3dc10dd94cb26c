package handlers

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/views"
)

const (
	zoneCookie  = "oriel-tz"    // set by oriel.js from the browser's own zone
	prefsCookie = "oriel-prefs" // theme and density, until the settings have a store of their own
)

// zone is the reader's time zone: the browser's, else the operator's.
func (a *App) zone(r *http.Request) *time.Location {
	if c, err := r.Cookie(zoneCookie); err == nil && len(c.Value) <= 64 {
		if name, err := url.QueryUnescape(c.Value); err == nil && name != "" && name != "Local" {
			if z, err := time.LoadLocation(name); err == nil {
				return z
			}
		}
	}
	if a.Config.TZ != nil {
		return a.Config.TZ
	}
	return time.UTC
}

// prefs reads the cookie and keeps only values that exist.
func prefs(r *http.Request) views.Prefs {
	c, err := r.Cookie(prefsCookie)
	if err != nil {
		return views.Prefs{}
	}
	v, err := url.ParseQuery(c.Value)
	if err != nil {
		return views.Prefs{}
	}
	return checkedPrefs(v.Get("theme"), v.Get("density"))
}

func checkedPrefs(theme, density string) views.Prefs {
	var p views.Prefs
	if theme == "light" || theme == "dark" {
		p.Theme = theme
	}
	if density == "compact" {
		p.Density = density
	}
	return p
}

// showSettings is the settings page.
func (a *App) showSettings(v visit) error {
	folders, err := v.mail.Folders(v.Request().Context(), false)
	if err != nil {
		return err
	}
	f := a.frame(v, "Settings", folders, noList)
	body := views.Settings(views.SettingsView{Context: f.Context, Back: ownPath(v.QueryParam("back"), views.HomeURL())})
	return render(v, http.StatusOK, views.Page(f, body))
}

// saveSettings keeps theme and density in a cookie of this browser.
func (a *App) saveSettings(v visit) error {
	form, err := readForm(v)
	if err != nil {
		return err
	}
	p := checkedPrefs(form.Get("theme"), form.Get("density"))
	v.SetCookie(&http.Cookie{
		Name: prefsCookie, Value: url.Values{"theme": {p.Theme}, "density": {p.Density}}.Encode(),
		Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: a.secure(v),
	})
	return redirect(v, ownPath(form.Get("back"), views.SettingsURL()))
}

// showShortcuts is the list of keyboard shortcuts.
func (a *App) showShortcuts(v visit) error {
	if wanted(v.Request()) != wholePage {
		return render(v, http.StatusOK, views.Shortcuts())
	}
	folders, err := v.mail.Folders(v.Request().Context(), false)
	if err != nil {
		return err
	}
	return render(v, http.StatusOK, views.Page(a.frame(v, "Keyboard shortcuts", folders, noList), views.Shortcuts()))
}

// secure reports whether the browser reached us by https, as far as we can know.
func (a *App) secure(c echo.Context) bool {
	if a.Config.PublicURL != nil {
		return a.Config.PublicURL.Scheme == "https"
	}
	return c.Request().TLS != nil
}
