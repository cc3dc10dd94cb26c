// Package config turns flags and ORIEL_ environment variables into one checked
// struct. Everything that can be set is a field of Config; its tags are the
// only place where a setting's name, default and explanation are written, and
// docs/configuration.md is generated from them.
package config

import (
	"crypto/x509"
	"log/slog"
	"net/netip"
	"net/url"
	"time"
)

// Config is what an operator can decide. The env tag is the variable, from
// which the flag's name follows (ORIEL_CA_FILE is -ca-file); "secret" settings
// may also be given as the name of a file in NAME_FILE.
type Config struct {
	Listen          string         `env:"ORIEL_LISTEN" default:":8080" doc:"Address of the webmail: host:port, or :port for every interface. Oriel speaks plain http; a reverse proxy in front of it adds TLS."`
	IMAP            Server         `env:"ORIEL_IMAP" required:"yes" doc:"The mail server to read from: imaps://host[:993] (TLS), imap://host[:143] (STARTTLS, required) or imap+insecure://host[:143] (no encryption; refused for hosts other than this machine unless ORIEL_ALLOW_INSECURE=1)."`
	IMAPConnections int            `env:"ORIEL_IMAP_CONNECTIONS" default:"4000" doc:"Most connections that this node has to the mail server, of all users together: one for each mailbox that is open in a browser, up to four while its user works. At the limit the connection that was idle for longest is closed for the next that is needed, and a quarter is kept free of mailboxes that only watch. 4000 is enough for some 2,000 open mailboxes. Keep it below what the mail server takes (Dovecot: process_limit of service imap, 1024 when not set; and on Linux fs.inotify.max_user_instances, often 128: each mailbox that is watched takes one, and those beyond it hear of new mail half a minute late)."`
	IMAPLoginRate   int            `env:"ORIEL_IMAP_LOGIN_RATE" default:"50" doc:"Most sign-ins a second that this node sends to the mail server, and as many at once: a mail server that has just started is not stormed by everyone's open pages. Users who sign in go before pages that reconnect. 0 sets no limit."`
	SMTP            Server         `env:"ORIEL_SMTP" doc:"The server to send through: smtps://host[:465], smtp://host[:587] (STARTTLS, required) or smtp+insecure://host[:25], likewise. It is checked already, but this version reads only: sending comes with a later one."`
	Roots           *x509.CertPool `env:"ORIEL_CA_FILE" doc:"File with extra root certificates (PEM) for IMAP and SMTP, trusted in addition to those of the system: for servers whose certificate comes from a private authority."`
	Keys            [][]byte       `env:"ORIEL_KEY" secret:"yes" doc:"Signs the session cookies: 32 random bytes in base64 (openssl rand -base64 32), one key a line. The first signs, all verify, so a new key goes on top and the old one stays for a week. Passwords are sealed with another key, which only the cookie carries. When not set, a key is made at the first start and kept in ORIEL_DATA."`
	Data            string         `env:"ORIEL_DATA" default:"./data" doc:"Directory for what must survive a restart: sessions and the signing key. In the container image it is /data."`
	Redis           string         `env:"ORIEL_REDIS" secret:"yes" doc:"Reserved for sharing sessions between several nodes. This version keeps sessions on one node and refuses to start when it is set."`
	PublicURL       *url.URL       `env:"ORIEL_PUBLIC_URL" doc:"Where users reach Oriel, such as https://mail.example.org. When not set it is derived from each request."`
	TrustedProxies  []netip.Prefix `env:"ORIEL_TRUSTED_PROXIES" doc:"Addresses or networks (10.0.0.0/8), separated by commas, of the reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. When not set, nobody's."`
	InsecureCookies bool           `env:"ORIEL_INSECURE_COOKIES" doc:"1 allows signing in over plain http on a name other than localhost: cookies then lack Secure and the __Host- prefix, and anyone on the network path can read passwords and mail. Warned about at start."`
	AllowInsecure   bool           `env:"ORIEL_ALLOW_INSECURE" doc:"1 allows imap+insecure:// and smtp+insecure:// to other machines: passwords travel unencrypted. Warned about at start."`
	Domain          string         `env:"ORIEL_DOMAIN" doc:"Domain of the user's address when the user name at sign-in has none: with example.org, alice becomes alice@example.org in the address, not in the login."`
	TZ              *time.Location `env:"ORIEL_TZ" default:"UTC" doc:"Time zone for dates while the browser's is unknown, such as Europe/Berlin."`
	AuthservID      string         `env:"ORIEL_AUTHSERV_ID" doc:"Name under which your mail server writes Authentication-Results (RFC 8601). Accepted already; used from the version that shows authentication results."`
	AdminListen     string         `env:"ORIEL_ADMIN_LISTEN" doc:"Address of a second listener for the operator, such as 127.0.0.1:6060: Go's profiler under /debug/pprof/. Metrics come with a later version. Never expose it to the public. When not set there is none."`
	LogFormat       string         `env:"ORIEL_LOG_FORMAT" default:"text" doc:"Form of the log on standard error: text or json."`
	LogLevel        slog.Level     `env:"ORIEL_LOG_LEVEL" default:"info" doc:"Least important lines to log: debug, info, warn or error. No level logs passwords, addresses, subjects or text of mail."`
}

// Security is how a connection to a mail server is protected.
type Security int

// The ways to protect a connection. None is the zero value of an unset Server.
const (
	TLS      Security = iota + 1 // TLS from the first byte (RFC 8314)
	StartTLS                     // STARTTLS, and nothing happens without it
	Plain                        // no encryption
)

// Server is one mail server of the configuration. The zero value means that
// none is set.
type Server struct {
	Host     string // name or IP address, without brackets
	Port     int
	Security Security
}

// IsSet reports whether the operator named a server.
func (s Server) IsSet() bool { return s.Host != "" }
