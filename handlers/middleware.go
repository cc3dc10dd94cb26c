package handlers

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/zstd"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// The policies of the kinds of answer. Tests compare them literally.
const (
	pageCSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	bodyCSP = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
	partCSP = "default-src 'none'; frame-ancestors 'none'; sandbox"
)

// pageVary are the headers that decide between a page and its pieces.
const pageVary = "HX-Request, HX-Request-Type, HX-History-Restore-Request, HX-Target"

// maxForm is the largest body that is read. Go itself stops at ten thousand
// fields, which is as many selected messages.
const maxForm = 1 << 20

// pageTime is how long a page may take, the slowest search of the mail server included.
const pageTime = 90 * time.Second

// wrap puts around echo what must see every request, echo's own errors included:
// deadlines outermost, then compression, then the refusal of cross-site changes.
func (a *App) wrap(h http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	if u := a.Config.PublicURL; u != nil {
		// A proxy that rewrites Host would otherwise make our own forms foreign.
		_ = cross.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	cross.SetDenyHandler(http.HandlerFunc(a.refuseCrossSite))
	zip, err := gzhttp.NewWrapper(
		gzhttp.EnableZstd(true), gzhttp.PreferZstd(true), gzhttp.ZstdCompressionLevel(int(zstd.SpeedDefault)), gzhttp.MinSize(512),
		// Only our own pages. Parts are compressed already or somebody else's, and
		// static files come precompressed.
		gzhttp.ContentTypes([]string{"text/html"}),
	)
	if err != nil {
		panic("handlers: compression options: " + err.Error()) // constant options
	}
	return patient(zip(cross.Handler(h)))
}

// middleware runs inside echo, outermost first.
func (a *App) middleware() []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{
		requestID,
		a.logRequests,
		middleware.RecoverWithConfig(middleware.RecoverConfig{
			DisableErrorHandler: false,
			LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
				a.Log.Error("panic", "id", idOf(c), "error", err, "stack", string(stack))
				return err
			},
		}),
		middleware.BodyLimit(strconv.Itoa(maxForm)),
	}
}

// guard sets the headers of the route's kind and refuses requests that no page
// of ours makes, such as a mail's <img src="/logout"> or another site's frame.
func (a *App) guard(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Set(routeKey, r)
		a.setHeaders(c.Response().Header(), r.kind)
		if r.kind == page || r.kind == framed {
			// A page that waits for a connection or a server gives up and says so. What is
			// streamed has no such limit.
			ctx, cancel := context.WithTimeout(c.Request().Context(), pageTime)
			defer cancel()
			whole := c.Request()
			c.SetRequest(whole.WithContext(ctx))
			defer c.SetRequest(whole) // the error page still has time
		}
		dest, site := c.Request().Header.Get("Sec-Fetch-Dest"), c.Request().Header.Get("Sec-Fetch-Site")
		switch r.kind {
		case page:
			switch dest {
			case "image", "script", "style", "object", "embed", "audio", "video", "font", "track", "iframe", "frame":
				return echo.NewHTTPError(http.StatusForbidden)
			}
		case framed, mailed, live:
			if site != "" && site != "same-origin" && site != "none" {
				return echo.NewHTTPError(http.StatusForbidden)
			}
		}
		return r.handle(c)
	}
}

// routeKey is where the log finds the row that answered.
const routeKey = "route"

// setHeaders gives an answer the security headers of its kind. It replaces what
// stood there: an error is answered as another kind than the route's.
func (a *App) setHeaders(h http.Header, k kind) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()")
	if u := a.Config.PublicURL; u != nil && u.Scheme == "https" {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	switch k {
	case page:
		h.Set("Content-Security-Policy", pageCSP)
		h.Set("X-Frame-Options", "DENY")
		// Not no-referrer: form posts would then carry "Origin: null" and be refused.
		h.Set("Referrer-Policy", "same-origin")
		// Pages hold mail, so no cache keeps them; a piece and its page share a URL.
		h.Set("Cache-Control", "no-store")
		if !slices.Contains(h.Values("Vary"), pageVary) {
			h.Add("Vary", pageVary) // beside what the compression has put there
		}
	case framed:
		h.Set("Content-Security-Policy", bodyCSP)
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
	case mailed:
		h.Set("Content-Security-Policy", partCSP)
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
	default:
		h.Set("Content-Security-Policy", partCSP)
	}
}

// requestID names the request in the log and on error pages. It is always ours:
// an id that the client sends would be shown and logged as it is.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Set(requestKey, rand.Text()[:10])
		return next(c)
	}
}

const requestKey = "request"

func idOf(c echo.Context) string {
	id, _ := c.Get(requestKey).(string)
	return id
}

// logRequests writes one line per request: route name, status and time, nothing
// that identifies a person or a message.
func (a *App) logRequests(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		name := "none"
		if r, ok := c.Get(routeKey).(route); ok {
			name = r.name
		}
		a.Log.Debug("request", "id", idOf(c), "route", name, "method", c.Request().Method,
			"status", c.Response().Status, "bytes", c.Response().Size, "ms", time.Since(start).Milliseconds())
		return nil
	}
}

// clientIP says whom the throttle counts: the peer, or what a trusted proxy says.
func (a *App) clientIP() echo.IPExtractor {
	if len(a.Config.TrustedProxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range a.Config.TrustedProxies {
		trust = append(trust, echo.TrustIPRange(&net.IPNet{
			IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
