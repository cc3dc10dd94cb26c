package dovecot

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// owner is the system user that mail belongs to. Dovecot refuses mail of uid 0,
// so that under root it is the conventional nobody.
type owner struct {
	uid, gid   int
	user, grup string // of Dovecot's own processes; "" for the packaged ones
}

func mailOwner() owner {
	if os.Geteuid() == 0 {
		return owner{uid: 65534, gid: 65534}
	}
	o := owner{uid: os.Getuid(), gid: os.Getgid()}
	if u, err := user.Current(); err == nil {
		o.user = u.Username
		o.grup = u.Username
		if g, err := user.LookupGroupId(u.Gid); err == nil {
			o.grup = g.Name
		}
	}
	return o
}

func (s *Server) config() string {
	text := fmt.Sprintf(`
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = %[2]s
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir:UTF-8
maildir_stat_dirs = no
mail_max_userip_connections = 500
mail_fsync = never
default_vsz_limit = 0
service imap-login {
  inet_listener imap {
    port = %[3]d
  }
  inet_listener imaps {
    port = %[4]d
    ssl = yes
  }
  service_count = 0
  process_min_avail = 1
  client_limit = 1000
}
service imap {
  process_limit = 500
  service_count = 100
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
passdb {
  driver = passwd-file
  args = scheme=plain username_format=%%u %[1]s/users/%%u
}
userdb {
  driver = passwd-file
  args = username_format=%%u %[1]s/users/%%u
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \Drafts
  }
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Junk {
    special_use = \Junk
  }
  mailbox Trash {
    special_use = \Trash
  }
  mailbox Archive {
    special_use = \Archive
  }
}
`, s.dir, s.Host, s.IMAPPort, s.IMAPSPort)
	if s.owner.user != "" {
		text += fmt.Sprintf("default_internal_user = %[1]s\ndefault_login_user = %[1]s\ndefault_internal_group = %[2]s\nservice anvil {\n  chroot =\n}\nservice imap-login {\n  chroot =\n}\n", s.owner.user, s.owner.grup)
	}
	return text + s.extra + "\n"
}

// makeCertificate makes an authority and a certificate for localhost and
// 127.0.0.1 signed by it.
func (s *Server) makeCertificate() {
	s.tb.Helper()
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.check(err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	s.check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.check(err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: s.Name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{s.Name}, IPAddresses: []net.IP{net.ParseIP(s.Host)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	s.check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	s.check(err)

	s.CAFile = filepath.Join(s.dir, "ca.pem")
	s.writePEM(s.CAFile, "CERTIFICATE", caDER, 0o644)
	s.writePEM(filepath.Join(s.dir, "cert.pem"), "CERTIFICATE", der, 0o644)
	s.writePEM(filepath.Join(s.dir, "key.pem"), "PRIVATE KEY", keyDER, 0o600)
	parsed, err := x509.ParseCertificate(caDER)
	s.check(err)
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(parsed)
}

func (s *Server) writePEM(path, kind string, der []byte, mode os.FileMode) {
	s.tb.Helper()
	s.check(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode))
}

// userLine is one line of a passwd-file.
func (s *Server) userLine(name, password string) string {
	return name + ":{PLAIN}" + password + ":" + strconv.Itoa(s.owner.uid) + ":" + strconv.Itoa(s.owner.gid) + "::" + s.home(name) + "::\n"
}
