package handlers

import (
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"oriel/config"
	"oriel/demo"
)

// TestWhoseAddressTheThrottleCounts: a header of the client's own must not choose
// it, or a guesser would have as many addresses as there are numbers.
func TestWhoseAddressTheThrottleCounts(t *testing.T) {
	for _, c := range []struct {
		name, trusted, peer, forwarded, want string
	}{
		{"no proxy", "", "203.0.113.9:4000", "198.51.100.1", "203.0.113.9"},
		{"private peer without a proxy", "", "10.0.0.5:4000", "198.51.100.1", "10.0.0.5"},
		{"proxy", "10.0.0.0/8", "10.0.0.5:4000", "198.51.100.1", "198.51.100.1"},
		{"client that forges the beginning", "10.0.0.0/8", "10.0.0.5:4000", "1.2.3.4, 198.51.100.1", "198.51.100.1"},
		{"two proxies", "10.0.0.0/8", "10.0.0.5:4000", "198.51.100.1, 10.0.0.6", "198.51.100.1"},
		{"another private peer", "10.0.0.0/8", "192.168.1.1:4000", "198.51.100.1", "192.168.1.1"},
		{"loopback that nobody named", "10.0.0.0/8", "127.0.0.1:4000", "198.51.100.1", "127.0.0.1"},
		{"version 6", "2001:db8::/32", "[2001:db8::1]:4000", "2001:db9::7", "2001:db9::7"},
		{"version 4 in 6", "::ffff:10.0.0.0/104", "10.0.0.5:4000", "198.51.100.1", "198.51.100.1"},
		{"no address", "10.0.0.0/8", "10.0.0.5:4000", "unknown", "10.0.0.5"},
	} {
		var conf config.Config
		if c.trusted != "" {
			conf.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.trusted)}
		}
		app := New(Options{Config: conf})
		r := httptest.NewRequest("POST", "/login", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-For", c.forwarded)
		if got := app.clientIP()(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestPublicURLBehindAProxyThatRewritesHost: the form's own origin is no other
// site, whatever the proxy makes of Host; every other origin is.
func TestPublicURLBehindAProxyThatRewritesHost(t *testing.T) {
	o := newSite(t, demo.StartEmpty).app.Options
	o.Config.PublicURL = &url.URL{Scheme: "https", Host: "mail.example.org"}
	app := New(o)
	for origin, refused := range map[string]bool{
		"https://mail.example.org": false, "http://mail.example.org": true, "https://mail.example.org.evil.example": true, "null": true,
	} {
		r := httptest.NewRequest("POST", "http://backend:8080/nowhere", strings.NewReader(""))
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		app.Handler().ServeHTTP(w, r)
		if (w.Code == 403) != refused {
			t.Errorf("%s: %d", origin, w.Code)
		}
	}
}
