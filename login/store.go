package login

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"oriel/mail"
)

// Bounds of a session's life and of what a sign-in form may hold.
const (
	DefaultIdle     = 24 * time.Hour     // without a request
	DefaultAbsolute = 7 * 24 * time.Hour // since the sign-in
	MaxUser         = 254                // bytes of a user name, RFC 5321 section 4.5.3.1.3
	MaxPassword     = 1024               // bytes of a password
	MaxPerUser      = 20                 // sessions of one user; the oldest ends first

	touchEvery = time.Minute
	maxCookie  = 1024
	maxRecord  = 16 << 10
)

// Config is what a Store needs to know.
type Config struct {
	Dir      string   // directory for what survives a restart; records go to its sessions folder
	Keys     [][]byte // 32 bytes each; the first signs, all verify
	Server   string   // names the mail server; sessions that were begun for another one are over
	Insecure bool     // plain http: cookies without Secure and the __Host- prefix
	Idle     time.Duration
	Absolute time.Duration
	Now      func() time.Time // nil: time.Now
	Ended    func(id string)  // called for each session that ends, after it has ended; may be nil
}

// Store holds the sessions. Its methods may be called at once from many
// goroutines.
type Store struct {
	c      Config
	files  *sessions.FilesystemStore
	dir    string
	cookie string // name of the cookie with the signed id
	key    string // name of the cookie with the key that opens the password

	mu     sync.Mutex
	byUser map[string][]entry // for MaxPerUser, oldest first
	owner  map[string]string  // id to user, to find an entry again
}

type entry struct {
	id      string
	created time.Time
}

// Login is one signed-in session.
type Login struct {
	ID       string // names the session; not secret by itself, but not to be logged
	User     string
	Password string
	Created  time.Time
	Seen     time.Time // last request, to the minute
}

// New opens the store and forgets the sessions that expired meanwhile.
func New(c Config) (*Store, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Idle <= 0 {
		c.Idle = DefaultIdle
	}
	if c.Absolute <= 0 {
		c.Absolute = DefaultAbsolute
	}
	if c.Ended == nil {
		c.Ended = func(string) {}
	}
	s := &Store{c: c, dir: filepath.Join(c.Dir, "sessions"), cookie: "__Host-oriel", key: "__Host-oriel-key"}
	if c.Insecure {
		s.cookie, s.key = "oriel", "oriel-key"
	}
	if err := makePrivate(s.dir); err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	pairs, err := signingKeys(c.Keys)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	s.files = sessions.NewFilesystemStore(s.dir, pairs...)
	s.files.Options = s.options(int(c.Absolute.Seconds()))
	for _, codec := range s.files.Codecs {
		// The record's own times decide about its age, by one clock.
		codec.(*securecookie.SecureCookie).SetSerializer(serializer{}).MaxAge(0).MaxLength(maxRecord)
	}
	s.index()
	return s, nil
}

// makePrivate makes the folder of the records, closes it to others when an older
// one is open, and writes to it once: a folder that takes no files should stop
// the program at its start and not the first user at the sign-in.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// signingKeys derives the cookie keys, in the pairs of hash key and (unused)
// encryption key that gorilla wants. Derived, so that another use of the same
// configured key can never sign a cookie.
func signingKeys(keys [][]byte) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, errors.New("no signing key")
	}
	var pairs [][]byte
	for _, k := range keys {
		if len(k) != 32 {
			return nil, errors.New("a signing key must have 32 bytes")
		}
		d, err := hkdf.Key(sha256.New, k, nil, "oriel session cookie", 32)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, d, nil)
	}
	return pairs, nil
}

// Acceptable reports whether user and password may be tried at all: lengths
// within bounds, and no control characters, which no login can hold and which
// have no business in a command or a log.
func Acceptable(user, password string) bool {
	if user == "" || len(user) > MaxUser || password == "" || len(password) > MaxPassword {
		return false
	}
	for i := 0; i < len(user); i++ {
		if user[i] < 0x20 || user[i] == 0x7f {
			return false
		}
	}
	for i := 0; i < len(password); i++ {
		if c := password[i]; c == 0 || c == '\r' || c == '\n' {
			return false
		}
	}
	return true
}

// Begin signs a user in whose password the mail server has accepted. The
// session always gets a new id, and the one that the request came with ends:
// an id that somebody planted in the browser before gains nothing.
func (s *Store) Begin(w http.ResponseWriter, r *http.Request, user, password string) (Login, error) {
	if !Acceptable(user, password) {
		return Login{}, &mail.Error{Kind: mail.Invalid, Op: "login: begin"}
	}
	if old, ok := s.id(r); ok {
		s.remove(old)
	}
	now := s.c.Now().UTC().Truncate(time.Second)
	l := Login{ID: newID(), User: user, Password: password, Created: now, Seen: now}
	key := make([]byte, keySize)
	rand.Read(key) // never fails, crypto/rand ends the program instead
	rec := record{User: user, Server: s.c.Server, Created: now.Unix()}
	rec.Sealed = seal(key, l.ID, rec, password)

	session := sessions.NewSession(s.files, s.cookie)
	session.Options = s.options(int(s.c.Absolute.Seconds()))
	session.ID = l.ID
	session.Values[recordKey{}] = rec
	if err := s.files.Save(r, w, session); err != nil {
		os.Remove(s.file(l.ID))
		return Login{}, &mail.Error{Kind: mail.Internal, Op: "login: save", Err: err}
	}
	if err := os.Chtimes(s.file(l.ID), now, now); err != nil {
		return Login{}, &mail.Error{Kind: mail.Internal, Op: "login: save", Err: err}
	}
	http.SetCookie(w, sessions.NewCookie(s.key, encodeKey(key), session.Options))
	for _, old := range s.enter(user, entry{l.ID, now}) {
		s.remove(old)
	}
	return l, nil
}

// Current returns the session that the request belongs to. It is false for
// every request without a whole and living one: no or only one cookie, a forged
// one, a record that is gone, broken, expired, or sealed under another key.
func (s *Store) Current(r *http.Request) (Login, bool) { return s.find(r, true) }

// Look is Current for requests that no person made, such as those of a page that
// keeps itself up to date: they do not count as use of the session.
func (s *Store) Look(r *http.Request) (Login, bool) { return s.find(r, false) }

func (s *Store) find(r *http.Request, used bool) (Login, bool) {
	id, ok := s.id(r)
	if !ok {
		return Login{}, false
	}
	rec, seen, err := s.load(r, id)
	if err != nil {
		return Login{}, false
	}
	now := s.c.Now()
	if s.expired(rec, seen, now) {
		s.remove(id)
		return Login{}, false
	}
	key, ok := s.keyOf(r)
	if !ok || rec.Server != s.c.Server {
		return Login{}, false
	}
	password, ok := open(key, id, rec)
	if !ok {
		return Login{}, false
	}
	if used && now.Sub(seen) >= touchEvery {
		// Fails when the session ended this moment, which the next request sees.
		if os.Chtimes(s.file(id), now, now) == nil {
			seen = now
		}
	}
	return Login{ID: id, User: rec.User, Password: password, Created: time.Unix(rec.Created, 0), Seen: seen}, true
}

// End signs out: record and both cookies go. It returns the id of the session
// that ended, "" when there was none, and may be called either way.
func (s *Store) End(w http.ResponseWriter, r *http.Request) (id string) {
	id, ok := s.id(r)
	if ok {
		s.remove(id)
	}
	gone := s.options(-1)
	http.SetCookie(w, sessions.NewCookie(s.cookie, "", gone))
	http.SetCookie(w, sessions.NewCookie(s.key, "", gone))
	return id
}

// expired tells whether a session has outlived its idle or absolute time. A
// record from the future is no reason to live for ever.
func (s *Store) expired(rec record, seen, now time.Time) bool {
	created := time.Unix(rec.Created, 0)
	return now.Sub(seen) >= s.c.Idle || now.Sub(created) >= s.c.Absolute || created.Sub(now) > s.c.Idle
}

func (s *Store) options(maxAge int) *sessions.Options {
	return &sessions.Options{
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   !s.c.Insecure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}

// newID makes a name for a session: 256 random bits in letters and digits,
// because it becomes part of a file's name.
func newID() string {
	b := make([]byte, idBytes)
	rand.Read(b) // never fails, crypto/rand ends the program instead
	return idEncoding.EncodeToString(b)
}

const (
	idBytes  = 32
	idLength = 52
)

var idEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// validID accepts what newID makes. The store joins the id to a path, so that
// nothing else may pass, not even correctly signed.
func validID(id string) bool {
	if len(id) != idLength {
		return false
	}
	b, err := idEncoding.DecodeString(id)
	return err == nil && len(b) == idBytes
}
