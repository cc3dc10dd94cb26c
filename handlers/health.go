package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/static"
)

// healthz says that the process is alive. It asks nobody else.
func (a *App) healthz(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// readyz says whether the mail server can be reached.
func (a *App) readyz(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 10*time.Second)
	defer cancel()
	if err := a.Pool.Ping(ctx); err != nil {
		a.Log.Warn("not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "mail server unreachable\n")
	}
	return c.String(http.StatusOK, "ok\n")
}

// robots keeps search engines away from the sign-in page.
func (a *App) robots(c echo.Context) error {
	return c.String(http.StatusOK, "User-agent: *\nDisallow: /\n")
}

// sendStatic serves the program's own files, under names that hold their hash.
func (a *App) sendStatic(c echo.Context) error {
	static.Handler().ServeHTTP(c.Response(), c.Request())
	return nil
}

// sendFavicon answers browsers that ask by habit and read no <link>.
func (a *App) sendFavicon(c echo.Context) error {
	return c.Redirect(http.StatusSeeOther, static.URL("favicon.svg"))
}
