package login

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
)

const (
	testUser     = "anna@example.org"
	testPassword = "correct horse battery staple ♞"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Now().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func testConfig(t *testing.T) (Config, *clock) {
	c := newClock()
	return Config{Dir: t.TempDir(), Keys: [][]byte{testKey(1)}, Server: "imaps://mail.example.org:993", Now: c.now}, c
}

func mustNew(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begin signs in with the given cookies and returns the browser's new ones.
func begin(t *testing.T, s *Store, cookies ...*http.Cookie) (Login, []*http.Cookie) {
	t.Helper()
	w := httptest.NewRecorder()
	l, err := s.Begin(w, request(cookies...), testUser, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	return l, w.Result().Cookies()
}

func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "https://oriel.example.org/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func signedIn(s *Store, cookies ...*http.Cookie) bool {
	_, ok := s.Current(request(cookies...))
	return ok
}

func TestCookies(t *testing.T) {
	c, _ := testConfig(t)
	for _, insecure := range []bool{false, true} {
		c.Insecure = insecure
		_, cookies := begin(t, mustNew(t, c))
		names := []string{"__Host-oriel", "__Host-oriel-key"}
		if insecure {
			names = []string{"oriel", "oriel-key"}
		}
		if len(cookies) != 2 {
			t.Fatalf("insecure %v: %d cookies, want 2", insecure, len(cookies))
		}
		for i, k := range cookies {
			if k.Name != names[i] || k.Secure == insecure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" {
				t.Errorf("insecure %v: cookie %v", insecure, k)
			}
			if strings.Contains(k.Value, testPassword) || strings.Contains(k.Value, base64.StdEncoding.EncodeToString([]byte(testPassword))) {
				t.Error("a cookie holds the password")
			}
		}
		if b, err := base64.RawURLEncoding.DecodeString(cookies[1].Value); err != nil || len(b) != 32 {
			t.Errorf("key cookie: %d bytes, %v", len(b), err)
		}
	}
}

func TestSurvivesRestart(t *testing.T) {
	c, _ := testConfig(t)
	l, cookies := begin(t, mustNew(t, c))
	got, ok := mustNew(t, c).Current(request(cookies...))
	if !ok || got.ID != l.ID || got.User != testUser || got.Password != testPassword {
		t.Fatalf("after restart: %v, %+v", ok, got.User)
	}
}

func TestKeyRotation(t *testing.T) {
	c, _ := testConfig(t)
	_, old := begin(t, mustNew(t, c))
	c.Keys = [][]byte{testKey(2), testKey(1)}
	s := mustNew(t, c)
	if !signedIn(s, old...) {
		t.Error("the old key no longer verifies")
	}
	_, fresh := begin(t, s)
	c.Keys = [][]byte{testKey(2)}
	s = mustNew(t, c)
	if signedIn(s, old...) {
		t.Error("a key that was taken away still verifies")
	}
	if !signedIn(s, fresh...) {
		t.Error("the first key did not sign")
	}
	// The operator notices and brings the key back: nobody lost a session.
	c.Keys = [][]byte{testKey(2), testKey(1)}
	if !signedIn(mustNew(t, c), old...) {
		t.Error("a start with a wrong key destroyed sessions")
	}
}

func TestNothingOnDiskHoldsThePassword(t *testing.T) {
	c, _ := testConfig(t)
	_, cookies := begin(t, mustNew(t, c))
	key, _ := base64.RawURLEncoding.DecodeString(cookies[1].Value)
	secrets := [][]byte{[]byte(testPassword), key}
	for _, sec := range secrets[:2:2] {
		secrets = append(secrets, []byte(base64.StdEncoding.EncodeToString(sec)), []byte(base64.RawURLEncoding.EncodeToString(sec)))
	}
	files := 0
	err := filepath.WalkDir(c.Dir, func(name string, d fs.DirEntry, err error) error {
		info, _ := d.Info()
		if info.Mode().Perm()&0o077 != 0 && name != c.Dir {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		if d.IsDir() {
			return err
		}
		files++
		for _, text := range layers(t, name) {
			for _, sec := range secrets {
				if bytes.Contains(text, sec) {
					t.Errorf("%s holds a secret", name)
				}
			}
		}
		return err
	})
	if err != nil || files != 1 {
		t.Fatalf("%d files, %v; want 1", files, err)
	}
}

// layers is a file as it is and with its base64 taken off, twice, as
// securecookie puts it on.
func layers(t *testing.T, name string) [][]byte {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := base64.URLEncoding.DecodeString(string(b))
	if err != nil {
		t.Fatal(err)
	}
	inner, err := base64.URLEncoding.DecodeString(string(bytes.Split(outer, []byte("|"))[1]))
	if err != nil || !bytes.Contains(inner, []byte(testUser)) {
		t.Fatalf("the record is not what this test thinks: %v", err)
	}
	return [][]byte{b, outer, inner}
}

func TestFixation(t *testing.T) {
	c, _ := testConfig(t)
	var ended []string
	c.Ended = func(id string) { ended = append(ended, id) }
	s := mustNew(t, c)
	first, planted := begin(t, s)
	second, cookies := begin(t, s, planted...)
	if first.ID == second.ID || planted[0].Value == cookies[0].Value || planted[1].Value == cookies[1].Value {
		t.Error("the sign-in kept an id or a key")
	}
	if signedIn(s, planted...) || !signedIn(s, cookies...) {
		t.Error("the old session lives on, or the new one does not")
	}
	if len(ended) != 1 || ended[0] != first.ID {
		t.Errorf("ended %d sessions", len(ended))
	}
	// An id that was signed but whose record never existed is not adopted.
	ghost := newID()
	signed, _ := securecookie.EncodeMulti("__Host-oriel", ghost, s.files.Codecs...)
	third, _ := begin(t, s, &http.Cookie{Name: "__Host-oriel", Value: signed})
	if third.ID == ghost {
		t.Error("the sign-in adopted an id from a cookie")
	}
}

func TestEnd(t *testing.T) {
	c, _ := testConfig(t)
	s := mustNew(t, c)
	l, cookies := begin(t, s)
	w := httptest.NewRecorder()
	if id := s.End(w, request(cookies...)); id != l.ID {
		t.Errorf("ended %q", id)
	}
	for _, k := range w.Result().Cookies() {
		if k.Value != "" || k.MaxAge >= 0 || k.Path != "/" || !k.Secure {
			t.Errorf("cookie not deleted: %v", k)
		}
	}
	if len(w.Result().Cookies()) != 2 || signedIn(s, cookies...) || len(s.ids()) != 0 {
		t.Error("something of the session is left")
	}
	if id := s.End(httptest.NewRecorder(), request(cookies...)); id != l.ID {
		t.Errorf("second time: %q", id)
	}
	if id := s.End(httptest.NewRecorder(), request()); id != "" {
		t.Errorf("without cookies: %q", id)
	}
}

func TestTampering(t *testing.T) {
	c, _ := testConfig(t)
	s := mustNew(t, c)
	a, one := begin(t, s)
	b, two := begin(t, s)
	sign := func(v any) *http.Cookie {
		text, err := securecookie.EncodeMulti("__Host-oriel", v, s.files.Codecs...)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Cookie{Name: "__Host-oriel", Value: text}
	}
	record, err := os.ReadFile(s.file(a.ID))
	if err != nil {
		t.Fatal(err)
	}
	for name, cookies := range map[string][]*http.Cookie{
		"no cookies":          {},
		"id alone":            {one[0]},
		"key alone":           {one[1]},
		"keys swapped":        {one[0], two[1]},
		"short key":           {one[0], {Name: one[1].Name, Value: "AAAA"}},
		"garbage key":         {one[0], {Name: one[1].Name, Value: "\x01%%"}},
		"forged id":           {{Name: one[0].Name, Value: flip(one[0].Value)}, one[1]},
		"empty id":            {{Name: one[0].Name, Value: ""}, one[1]},
		"huge id":             {{Name: one[0].Name, Value: strings.Repeat("A", 100_000)}, one[1]},
		"signed path":         {sign("../sessions/session_" + a.ID), one[1]},
		"signed empty":        {sign(""), one[1]},
		"signed dots":         {sign(".."), one[1]},
		"record as id cookie": {{Name: one[0].Name, Value: string(record)}, one[1]},
	} {
		if signedIn(s, cookies...) {
			t.Errorf("%s: signed in", name)
		}
	}
	// A record moved under another id verifies, but its seal does not open.
	if err := os.WriteFile(s.file(b.ID), record, 0o600); err != nil {
		t.Fatal(err)
	}
	if signedIn(s, two[0], one[1]) || signedIn(s, two...) {
		t.Error("a record moved to another id opens")
	}
	if !signedIn(s, one...) {
		t.Error("the untouched session is lost")
	}
}

// A leaked signing key must not become a way to delete files.
func TestSignedPathDeletesNothing(t *testing.T) {
	c, _ := testConfig(t)
	s := mustNew(t, c)
	victim := filepath.Join(c.Dir, "key")
	if err := os.WriteFile(victim, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"/../../key", "x/../../key", "../key", "/../../../" + victim} {
		text, err := securecookie.EncodeMulti("__Host-oriel", id, s.files.Codecs...)
		if err != nil {
			t.Fatal(err)
		}
		cookie := &http.Cookie{Name: "__Host-oriel", Value: text}
		signedIn(s, cookie)
		if got := s.End(httptest.NewRecorder(), request(cookie)); got != "" {
			t.Errorf("ended %q", got)
		}
		begin(t, s, cookie)
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
}

func TestSerializer(t *testing.T) {
	good := `{"user":"anna","server":"s","created":1,"sealed":"AAAA"}`
	for _, x := range []struct {
		text string
		ok   bool
	}{
		{good, true}, {"", false}, {"null", false}, {"[]", false}, {`"anna"`, false},
		{strings.Replace(good, "}", `,"admin":true}`, 1), false},
		{strings.Replace(good, `"anna"`, `""`, 1), false},
		{strings.Replace(good, `:1,`, `:-1,`, 1), false},
		{strings.Replace(good, "AAAA", "", 1), false},
	} {
		values := map[any]any{}
		if err := (serializer{}).Deserialize([]byte(x.text), &values); (err == nil) != x.ok {
			t.Errorf("%s: %v", x.text, err)
		}
	}
	for _, v := range []any{42, map[any]any{}, map[any]any{"x": 1}, map[any]any{recordKey{}: record{}, "x": 1}} {
		if _, err := (serializer{}).Serialize(v); err == nil {
			t.Errorf("%v was stored", v)
		}
	}
	if err := (serializer{}).Deserialize([]byte(good), new(int)); err == nil {
		t.Error("read into a number")
	}
}

func flip(v string) string {
	b := []byte(v)
	b[len(b)/2] ^= 1
	return string(b)
}

func TestBrokenRecordIsSignedOut(t *testing.T) {
	c, clock := testConfig(t)
	s := mustNew(t, c)
	l, cookies := begin(t, s)
	whole, _ := os.ReadFile(s.file(l.ID))
	for name, content := range map[string][]byte{
		"empty": nil, "cut": whole[:len(whole)/2], "noise": []byte("\x00\xff{}"), "huge": bytes.Repeat(whole, 1000),
	} {
		if err := os.WriteFile(s.file(l.ID), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if signedIn(s, cookies...) {
			t.Errorf("%s: signed in", name)
		}
		mustNew(t, c)
	}
	os.Remove(s.file(l.ID))
	if err := os.Mkdir(s.file(l.ID), 0o700); err != nil {
		t.Fatal(err)
	}
	if signedIn(s, cookies...) {
		t.Error("a folder in place of a record")
	}
	os.Remove(s.file(l.ID))
	if err := os.WriteFile(s.file(l.ID), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chtimes(s.file(l.ID), clock.now(), clock.now())
	clock.add(DefaultIdle)
	s.sweep()
	if len(s.ids()) != 0 {
		t.Error("the sweeper left a broken record for ever")
	}
}

func TestAnotherServer(t *testing.T) {
	c, _ := testConfig(t)
	_, cookies := begin(t, mustNew(t, c))
	c.Server = "imaps://other.example.net:993"
	if signedIn(mustNew(t, c), cookies...) {
		t.Error("a password typed for one server would be sent to another")
	}
}

func TestExpiry(t *testing.T) {
	c, clock := testConfig(t)
	var ended int
	c.Ended = func(string) { ended++ }
	s := mustNew(t, c)

	_, cookies := begin(t, s)
	clock.add(DefaultIdle - time.Second)
	if !signedIn(s, cookies...) {
		t.Fatal("idle too early")
	}
	clock.add(DefaultIdle - time.Second)
	if !signedIn(s, cookies...) {
		t.Fatal("a request did not keep the session alive")
	}
	clock.add(DefaultIdle)
	if signedIn(s, cookies...) || ended != 1 || len(s.ids()) != 0 {
		t.Fatalf("idle session lives, or its record does (%d ended)", ended)
	}

	_, cookies = begin(t, s)
	for range 14 {
		clock.add(12*time.Hour - time.Second)
		if !signedIn(s, cookies...) {
			t.Fatal("ended before its time")
		}
	}
	clock.add(time.Minute)
	if signedIn(s, cookies...) {
		t.Error("lives for more than 7 days")
	}

	begin(t, s)
	_, kept := begin(t, s)
	clock.add(DefaultIdle - time.Hour)
	signedIn(s, kept...)
	clock.add(2 * time.Hour)
	s.sweep()
	if len(s.ids()) != 1 || !signedIn(s, kept...) {
		t.Errorf("the sweeper left %d records, want the living one", len(s.ids()))
	}
}

func TestSeenIsWrittenOnceAMinute(t *testing.T) {
	c, clock := testConfig(t)
	s := mustNew(t, c)
	l, cookies := begin(t, s)
	start, _ := s.modified(l.ID)
	clock.add(touchEvery - time.Second)
	signedIn(s, cookies...)
	if at, _ := s.modified(l.ID); !at.Equal(start) {
		t.Error("written within the minute")
	}
	clock.add(time.Second)
	signedIn(s, cookies...)
	if at, _ := s.modified(l.ID); !at.Equal(clock.now()) {
		t.Error("not written after a minute")
	}
}

// A request that is under way while the user signs out must not bring the
// session back.
func TestSignOutWins(t *testing.T) {
	c, clock := testConfig(t)
	s := mustNew(t, c)
	for range 50 {
		_, cookies := begin(t, s)
		clock.add(touchEvery)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { signedIn(s, cookies...) })
		}
		wg.Go(func() { s.End(httptest.NewRecorder(), request(cookies...)) })
		wg.Wait()
		if signedIn(s, cookies...) {
			t.Fatal("a request brought the session back")
		}
	}
}

func TestSessionsPerUser(t *testing.T) {
	c, clock := testConfig(t)
	s := mustNew(t, c)
	_, first := begin(t, s)
	var last []*http.Cookie
	for range MaxPerUser - 1 {
		clock.add(time.Second)
		_, last = begin(t, s)
	}
	if !signedIn(s, first...) {
		t.Fatal("ended one too early")
	}
	s = mustNew(t, c)
	clock.add(time.Second)
	begin(t, s)
	if signedIn(s, first...) || !signedIn(s, last...) || len(s.ids()) != MaxPerUser {
		t.Errorf("%d sessions, and the wrong one may have ended", len(s.ids()))
	}
	if len(s.owner) != MaxPerUser || len(s.byUser) != 1 {
		t.Errorf("index of %d sessions, %d users", len(s.owner), len(s.byUser))
	}
}

func TestAcceptable(t *testing.T) {
	for _, x := range []struct {
		user, password string
		want           bool
	}{
		{"anna", "p", true}, {"änna@exämple.org", "pä ss\tword", true},
		{"", "p", false}, {"anna", "", false}, {"an\nna", "p", false}, {"an\x00na", "p", false}, {"anna\x7f", "p", false},
		{"anna", "p\r\nA1 LOGOUT", false}, {"anna", "p\x00", false},
		{strings.Repeat("a", MaxUser), "p", true}, {strings.Repeat("a", MaxUser+1), "p", false},
		{"anna", strings.Repeat("p", MaxPassword), true}, {"anna", strings.Repeat("p", MaxPassword+1), false},
	} {
		if got := Acceptable(x.user, x.password); got != x.want {
			t.Errorf("%q %q: %v", x.user, x.password, got)
		}
	}
}

// The largest user and password must fit into a record.
func TestLargestRecord(t *testing.T) {
	c, _ := testConfig(t)
	s := mustNew(t, c)
	w := httptest.NewRecorder()
	user, password := strings.Repeat("<", MaxUser), strings.Repeat("\u2028", MaxPassword/3)
	if _, err := s.Begin(w, request(), user, password); err != nil {
		t.Fatal(err)
	}
	l, ok := s.Current(request(w.Result().Cookies()...))
	if !ok || l.User != user || l.Password != password {
		t.Error("not the same")
	}
	if _, err := s.Begin(w, request(), "a\nb", "p"); err == nil {
		t.Error("a control character was accepted")
	}
}

func TestNewRefusesBadKeys(t *testing.T) {
	for _, keys := range [][][]byte{nil, {nil}, {testKey(1), testKey(2)[:31]}} {
		if _, err := New(Config{Dir: t.TempDir(), Keys: keys}); err == nil {
			t.Errorf("%d keys accepted", len(keys))
		}
	}
}

func TestKeyFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	var wg sync.WaitGroup
	texts := make([]string, 8)
	for i := range texts {
		wg.Go(func() {
			var err error
			if texts[i], err = KeyFile(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, text := range texts {
		if text != texts[0] {
			t.Fatal("two starts at once made two keys")
		}
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(texts[0]))
	if err != nil || len(key) != 32 {
		t.Errorf("%d bytes, %v", len(key), err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("%d files left", len(entries))
	}
	if info, _ := entries[0].Info(); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := KeyFile("/dev/null/data"); err == nil {
		t.Error("no error for an impossible folder")
	}
}

func FuzzCurrent(f *testing.F) {
	c := Config{Dir: f.TempDir(), Keys: [][]byte{testKey(1)}}
	s, err := New(c)
	if err != nil {
		f.Fatal(err)
	}
	w := httptest.NewRecorder()
	if _, err := s.Begin(w, request(), testUser, testPassword); err != nil {
		f.Fatal(err)
	}
	good := w.Result().Cookies()
	f.Add(good[0].Value, good[1].Value, []byte("{}"))
	f.Add("", "", []byte(`{"user":"a","created":1,"sealed":"AAAA"}`))
	f.Fuzz(func(t *testing.T, id, key string, rec []byte) {
		genuine := id == good[0].Value && key == good[1].Value
		if signedIn(s, &http.Cookie{Name: "__Host-oriel", Value: id}, &http.Cookie{Name: "__Host-oriel-key", Value: key}) && !genuine {
			t.Error("signed in with other cookies")
		}
		values := map[any]any{}
		if (serializer{}).Deserialize(rec, &values) == nil {
			open(testKey(1), "id", values[recordKey{}].(record))
		}
	})
}
