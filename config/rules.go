package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// conflicts finds settings that are right each by itself but not together.
func (c *Config) conflicts() Problems {
	var p Problems
	for _, s := range []struct {
		env, scheme string
		server      Server
	}{{"ORIEL_IMAP", "imap", c.IMAP}, {"ORIEL_SMTP", "smtp", c.SMTP}} {
		if s.server.Security == Plain && !s.server.Loopback() && !c.AllowInsecure {
			p = append(p, fmt.Sprintf("%[1]s: %[2]s+insecure:// would send passwords unencrypted over the network. Use %[2]ss:// or %[2]s://, or set ORIEL_ALLOW_INSECURE=1 if the network is safe.", s.env, s.scheme))
		}
	}
	if c.Redis != "" {
		p = append(p, "ORIEL_REDIS: this version keeps sessions on one node, in ORIEL_DATA, and cannot share them by Redis. Remove the setting and run one node.")
	}
	if c.AdminListen != "" && c.AdminListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		p = append(p, "ORIEL_ADMIN_LISTEN: is the address of ORIEL_LISTEN. The profiler needs a listener of its own.")
	}
	return p
}

// Warnings are sentences for the log at start: the configuration works, but the
// operator should know what it means.
func (c *Config) Warnings() []string {
	var w []string
	if c.InsecureCookies {
		w = append(w, "ORIEL_INSECURE_COOKIES is on: over plain http anyone on the network path can read passwords and mail")
	}
	for _, s := range []struct {
		env    string
		server Server
	}{{"ORIEL_IMAP", c.IMAP}, {"ORIEL_SMTP", c.SMTP}} {
		if s.server.Security == Plain && !s.server.Loopback() {
			w = append(w, s.env+" is unencrypted: anyone on the network path to the mail server can read passwords and mail")
		}
	}
	if c.SMTP.IsSet() {
		w = append(w, "ORIEL_SMTP is set, but this version reads only: sending comes with a later one")
	}
	if u := c.PublicURL; u != nil && u.Scheme == "http" && !c.InsecureCookies && !(Server{Host: u.Hostname()}).Loopback() {
		w = append(w, "ORIEL_PUBLIC_URL is plain http: browsers will drop the session cookies, and nobody can sign in unless ORIEL_INSECURE_COOKIES=1")
	}
	if everybody(c.TrustedProxies) {
		w = append(w, "ORIEL_TRUSTED_PROXIES trusts every address: anyone can pretend to come from another one and escape the sign-in throttle")
	}
	if c.AdminListen != "" && !loopbackListen(c.AdminListen) {
		w = append(w, "ORIEL_ADMIN_LISTEN is reachable from other machines: the profiler shows the memory of the program")
	}
	return w
}

func everybody(networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Bits() == 0 {
			return true
		}
	}
	return false
}

func loopbackListen(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && Server{Host: host}.Loopback()
}
