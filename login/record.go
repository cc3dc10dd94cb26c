package login

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/securecookie"
)

// keySize is the length of the key in the second cookie: AES-256.
const keySize = 32

// padTo is the grain in which the length of a password shows in the record.
const padTo = 64

// record is the whole content of a session's file. It has no interface, map or
// type name in it: whoever can write the file cannot make the program build
// anything else.
type record struct {
	User    string `json:"user"`
	Server  string `json:"server"`
	Created int64  `json:"created"` // seconds since 1970
	Sealed  []byte `json:"sealed"`  // nonce and sealed password
}

// recordKey is the only key in a gorilla session's map of values.
type recordKey struct{}

var errRecord = errors.New("login: not a session record")

// serializer writes what the store stores: the id as it is, in the cookie, and
// the record as JSON, in the file. It replaces encoding/gob, gorilla's default,
// which can make values of any registered type.
type serializer struct{}

// Serialize implements securecookie.Serializer.
func (serializer) Serialize(src any) ([]byte, error) {
	switch v := src.(type) {
	case string:
		return []byte(v), nil
	case map[any]any:
		rec, ok := v[recordKey{}].(record)
		if !ok || len(v) != 1 {
			return nil, errRecord
		}
		return json.Marshal(rec)
	}
	return nil, errRecord
}

// Deserialize implements securecookie.Serializer.
func (serializer) Deserialize(src []byte, dst any) error {
	switch v := dst.(type) {
	case *string:
		*v = string(src)
		return nil
	case *map[any]any:
		var rec record
		d := json.NewDecoder(bytes.NewReader(src))
		d.DisallowUnknownFields()
		if err := d.Decode(&rec); err != nil {
			return err
		}
		if rec.User == "" || rec.Created <= 0 || len(rec.Sealed) == 0 {
			return errRecord
		}
		*v = map[any]any{recordKey{}: rec}
		return nil
	}
	return errRecord
}

// id reads and verifies the first cookie. It says nothing about whether the
// session still lives.
func (s *Store) id(r *http.Request) (string, bool) {
	c, err := r.Cookie(s.cookie)
	if err != nil || len(c.Value) > maxCookie {
		return "", false
	}
	var id string
	if securecookie.DecodeMulti(s.cookie, c.Value, &id, s.files.Codecs...) != nil || !validID(id) {
		return "", false
	}
	return id, true
}

// keyOf reads the second cookie.
func (s *Store) keyOf(r *http.Request) ([]byte, bool) {
	c, err := r.Cookie(s.key)
	if err != nil {
		return nil, false
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(c.Value)
	return key, err == nil && len(key) == keySize
}

func encodeKey(key []byte) string { return base64.RawURLEncoding.EncodeToString(key) }

// load reads the record of a verified id by way of gorilla's store, which
// checks its signature.
func (s *Store) load(r *http.Request, id string) (record, time.Time, error) {
	session, err := s.files.New(r, s.cookie)
	if err != nil {
		return record{}, time.Time{}, err
	}
	rec, ok := session.Values[recordKey{}].(record)
	if !ok || session.ID != id {
		return record{}, time.Time{}, errRecord
	}
	seen, err := s.modified(id)
	return rec, seen, err
}

// seal encrypts the password under the cookie's key. Session, user and server
// are bound to it: a sealed password moved to another record does not open. The
// password is padded with NULs, which none contains, to hide its length.
func seal(key []byte, id string, rec record, password string) []byte {
	gcm := newGCM(key)
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce) // never fails, crypto/rand ends the program instead
	padded := make([]byte, (len(password)/padTo+1)*padTo)
	copy(padded, password)
	return gcm.Seal(nonce, nonce, padded, bound(id, rec))
}

// open is the reverse of seal.
func open(key []byte, id string, rec record) (string, bool) {
	gcm := newGCM(key)
	if len(rec.Sealed) < gcm.NonceSize() {
		return "", false
	}
	nonce, sealed := rec.Sealed[:gcm.NonceSize()], rec.Sealed[gcm.NonceSize():]
	b, err := gcm.Open(nil, nonce, sealed, bound(id, rec))
	return string(bytes.TrimRight(b, "\x00")), err == nil
}

// bound is the additional data of the seal. Each part is preceded by its
// length, so that no two sets of values give the same bytes.
func bound(id string, rec record) []byte {
	var b []byte
	for _, part := range []string{id, rec.User, rec.Server, strconv.FormatInt(rec.Created, 10)} {
		b = strconv.AppendInt(b, int64(len(part)), 10)
		b = append(b, ':')
		b = append(b, part...)
	}
	return b
}

// newGCM never fails for a key of keySize bytes, and callers have no other.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}
