package config

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// keyBytes is the length of a signing key.
const keyBytes = 32

// set parses the text of one setting into its field. The errors are sentences
// for the operator and do not repeat the value: it may hold a password.
func (c *Config) set(env, v string) (err error) {
	switch env {
	case "ORIEL_LISTEN":
		c.Listen, err = parseListen(v)
	case "ORIEL_IMAP":
		c.IMAP, err = parseServer(v, "imap", 993, 143, 143)
	case "ORIEL_IMAP_CONNECTIONS":
		c.IMAPConnections, err = parseNumber(v, 10, 1_000_000)
	case "ORIEL_IMAP_LOGIN_RATE":
		c.IMAPLoginRate, err = parseNumber(v, 0, 1_000_000)
	case "ORIEL_SMTP":
		c.SMTP, err = parseServer(v, "smtp", 465, 587, 25)
	case "ORIEL_CA_FILE":
		c.Roots, err = parseRoots(v)
	case "ORIEL_KEY":
		c.Keys, err = ParseKeys(v)
	case "ORIEL_DATA":
		c.Data = v
	case "ORIEL_REDIS":
		c.Redis = v
	case "ORIEL_PUBLIC_URL":
		c.PublicURL, err = parsePublicURL(v)
	case "ORIEL_TRUSTED_PROXIES":
		c.TrustedProxies, err = parseNetworks(v)
	case "ORIEL_INSECURE_COOKIES":
		c.InsecureCookies, err = parseSwitch(v)
	case "ORIEL_ALLOW_INSECURE":
		c.AllowInsecure, err = parseSwitch(v)
	case "ORIEL_DOMAIN":
		c.Domain, err = parseDomain(v)
	case "ORIEL_TZ":
		c.TZ, err = parseZone(v)
	case "ORIEL_AUTHSERV_ID":
		c.AuthservID, err = parseToken(v)
	case "ORIEL_ADMIN_LISTEN":
		c.AdminListen, err = parseListen(v)
	case "ORIEL_LOG_FORMAT":
		c.LogFormat, err = parseChoice(v, "text", "json")
	case "ORIEL_LOG_LEVEL":
		c.LogLevel, err = parseLevel(v)
	default:
		err = errors.New("has no parser")
	}
	return err
}

// parseServer reads a mail server's URL. name is the scheme's stem; the ports
// are the defaults for TLS, STARTTLS and no encryption.
func parseServer(v, name string, tlsPort, startPort, plainPort int) (Server, error) {
	scheme, rest, ok := strings.Cut(v, "://")
	if !ok {
		return Server{}, fmt.Errorf("is no URL: write %ss://mail.example.org", name)
	}
	var s Server
	switch strings.ToLower(scheme) {
	case name + "s":
		s.Security, s.Port = TLS, tlsPort
	case name:
		s.Security, s.Port = StartTLS, startPort
	case name + "+insecure":
		s.Security, s.Port = Plain, plainPort
	default:
		return Server{}, fmt.Errorf("must begin with %[1]ss://, %[1]s:// or %[1]s+insecure://", name)
	}
	// Parsed under another scheme, because "+insecure" and unknown schemes have
	// rules of their own in net/url.
	u, err := url.Parse("https://" + strings.TrimSuffix(rest, "/"))
	if err != nil {
		return Server{}, errors.New("is no URL: write scheme://host or scheme://host:port")
	}
	switch {
	case u.User != nil:
		return Server{}, errors.New("must not hold a user name or password: each user signs in with their own")
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(rest, "#"):
		return Server{}, errors.New("must end after host and port")
	case u.Hostname() == "":
		return Server{}, errors.New("names no host")
	case !validHost(u.Hostname()):
		return Server{}, errors.New("names a host that cannot be right (write international names in their xn-- form)")
	}
	s.Host = strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if strings.HasSuffix(u.Host, ":") {
		return Server{}, errors.New("has a colon but no port after it")
	}
	if p := u.Port(); p != "" {
		if s.Port, err = parsePort(p, 1); err != nil {
			return Server{}, err
		}
	}
	return s, nil
}

// Loopback reports whether the server is on this machine, so that what is said
// to it cannot be overheard on a network.
func (s Server) Loopback() bool {
	if s.Host == "localhost" || strings.HasSuffix(s.Host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(s.Host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Address is host:port, for dialling.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// validHost accepts IP addresses and names of letters, digits, hyphens and
// underscores (container networks use those), RFC 1123 section 2.1 in lengths.
func validHost(h string) bool {
	if _, err := netip.ParseAddr(h); err == nil {
		return true
	}
	h = strings.TrimSuffix(h, ".")
	if h == "" || len(h) > 253 {
		return false
	}
	for label := range strings.SplitSeq(h, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

func parsePort(v string, lowest int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < lowest || n > 65535 {
		return 0, fmt.Errorf("the port must be a number from %d to 65535", lowest)
	}
	return n, nil
}

func parseNumber(v string, lowest, highest int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < lowest || n > highest {
		return 0, fmt.Errorf("must be a number from %d to %d", lowest, highest)
	}
	return n, nil
}

// parseListen checks host:port; the host may be empty. Port 0 takes a free one.
func parseListen(v string) (string, error) {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return "", errors.New("must be host:port or :port, such as 127.0.0.1:8080")
	}
	if host != "" && !validHost(host) {
		return "", errors.New("names a host that cannot be right")
	}
	_, err = parsePort(port, 0)
	return v, err
}

// parseRoots adds the certificates of a file to those of the system. A system
// without any, such as an empty container, is no error then.
func parseRoots(name string) (*x509.CertPool, error) {
	pem, err := readFile(name)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the file %s holds no certificate in PEM form", name)
	}
	return pool, nil
}

// ParseKeys reads signing keys, 32 bytes in base64 each, one a line.
func ParseKeys(v string) ([][]byte, error) {
	var keys [][]byte
	for line := range strings.FieldsSeq(v) {
		key, err := decodeBase64(line)
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64: make one with openssl rand -base64 32", len(keys)+1)
		}
		if len(key) != keyBytes {
			return nil, fmt.Errorf("key %d has %d bytes, not %d: make one with openssl rand -base64 32", len(keys)+1, len(key), keyBytes)
		}
		if weak(key) {
			return nil, fmt.Errorf("key %d is not random: make one with openssl rand -base64 32", len(keys)+1)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("holds no key: make one with openssl rand -base64 32")
	}
	return keys, nil
}

// decodeBase64 takes the four spellings in use: standard and URL alphabet, with
// and without padding.
func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}

// weak finds keys that a person made up: 32 random bytes have fewer than 16
// different values about once in 10^13 keys.
func weak(key []byte) bool {
	seen := map[byte]bool{}
	for _, b := range key {
		seen[b] = true
	}
	return len(seen) < len(key)/2
}

// parsePublicURL takes an origin: Oriel lives at the root of its host, because
// cookies with the __Host- prefix demand the path "/".
func parsePublicURL(v string) (*url.URL, error) {
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || !validHost(u.Hostname()) {
		return nil, errors.New("must be like https://mail.example.org")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("must end after the host: Oriel cannot live under a path")
	}
	if p := u.Port(); p != "" {
		if _, err := parsePort(p, 1); err != nil {
			return nil, err
		}
	}
	host := strings.ToLower(u.Host)
	// Browsers leave the usual port out of the Origin that this is compared with.
	host = strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

func parseNetworks(v string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, item := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		p, err := netip.ParsePrefix(item)
		if err != nil {
			ip, errAddr := netip.ParseAddr(item)
			if errAddr != nil || ip.Zone() != "" {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", item)
			}
			p = netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen())
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

func parseSwitch(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "1", "true", "yes", "on":
		return true, nil
	case "0", "false", "no", "off":
		return false, nil
	}
	return false, errors.New("must be 1 or 0")
}

func parseDomain(v string) (string, error) {
	v = strings.ToLower(strings.TrimPrefix(v, "@"))
	if !validHost(v) {
		return "", errors.New("must be a domain such as example.org")
	}
	return v, nil
}

func parseZone(v string) (*time.Location, error) {
	zone, err := time.LoadLocation(v)
	if err != nil || v == "Local" {
		return nil, errors.New("is not a time zone: write one such as Europe/Berlin or UTC")
	}
	return zone, nil
}

// parseToken takes an authserv-id (RFC 8601 section 2.2), in practice a host name.
func parseToken(v string) (string, error) {
	if len(v) > 255 || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ';' }) {
		return "", errors.New("must be a single word such as mx.example.org")
	}
	return v, nil
}

func parseChoice(v string, choices ...string) (string, error) {
	for _, c := range choices {
		if strings.EqualFold(v, c) {
			return c, nil
		}
	}
	return "", errors.New("must be " + strings.Join(choices, " or "))
}

func parseLevel(v string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(v)); err != nil {
		return 0, errors.New("must be debug, info, warn or error")
	}
	return l, nil
}
