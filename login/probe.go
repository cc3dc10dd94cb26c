package login

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gorilla/sessions"
)

// Loss says whether and why the browser would lose the session's cookies.
type Loss int

// The reasons for cookies to get lost.
const (
	Kept      Loss = iota // nothing speaks against it
	PlainHTTP             // the page came over plain http, where browsers drop Secure cookies
	Blocked               // the browser takes no cookies from this site at all
)

// Probe sets a cookie with the attributes of the session's cookies and no
// content. Call it when the sign-in form is shown.
func (s *Store) Probe(w http.ResponseWriter) {
	http.SetCookie(w, sessions.NewCookie(s.probe(), "1", s.options(int(s.c.Absolute.Seconds()))))
}

func (s *Store) probe() string { return s.cookie + "-probe" }

// Lost judges a POST of the sign-in form. A browser that returns any of our
// cookies keeps them. One that returns none and whose page came over plain http
// has dropped them; browsers name the page's scheme in Origin, which every form
// POST carries. A program without Origin and Referer may post without having
// seen the form; for it only the connection itself counts.
func (s *Store) Lost(r *http.Request) Loss {
	for _, name := range []string{s.probe(), s.cookie, s.key} {
		if _, err := r.Cookie(name); err == nil {
			return Kept
		}
	}
	page, browser := pageOf(r)
	if !browser {
		return s.withoutPage(r)
	}
	switch {
	case page.Scheme == "https" || s.c.Insecure:
		// Only real browsers send this header. Others may have posted without
		// having seen the form, and so without a chance to get the probe.
		if r.Header.Get("Sec-Fetch-Site") != "" {
			return Blocked
		}
		return Kept
	case loopback(page.Hostname()) && !safari(r.UserAgent()):
		return Kept
	}
	return PlainHTTP
}

// withoutPage judges a request that names no page by its connection. The
// header of a proxy needs no trust here: it only avoids a refusal.
func (s *Store) withoutPage(r *http.Request) Loss {
	if s.c.Insecure || r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") || loopback(hostname(r.Host)) {
		return Kept
	}
	return PlainHTTP
}

// safari finds the one browser that drops Secure cookies on http://localhost.
func safari(agent string) bool {
	return strings.Contains(agent, "Safari/") && !strings.Contains(agent, "Chrome/") && !strings.Contains(agent, "Chromium/")
}

// pageOf finds the address of the page that holds the form. The second result
// is false when the request does not say.
func pageOf(r *http.Request) (*url.URL, bool) {
	for _, name := range []string{"Origin", "Referer"} {
		if u, err := url.Parse(r.Header.Get(name)); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
			return u, true
		}
	}
	return nil, false
}

func hostname(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return strings.Trim(hostport, "[]")
}

// loopback reports whether browsers count the host as secure without TLS.
func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
