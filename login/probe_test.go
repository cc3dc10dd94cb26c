package login

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestLost(t *testing.T) {
	const (
		safariAgent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
		chromeAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	)
	for _, x := range []struct {
		name, url string
		insecure  bool
		header    map[string]string
		want      Loss
	}{
		{name: "form over plain http", url: "http://mail.example.org/login", header: map[string]string{"Origin": "http://mail.example.org"}, want: PlainHTTP},
		{name: "only a referrer", url: "http://mail.example.org/login", header: map[string]string{"Referer": "http://mail.example.org/login"}, want: PlainHTTP},
		{name: "plain http by address", url: "http://192.0.2.7:8080/login", header: map[string]string{"Origin": "http://192.0.2.7:8080"}, want: PlainHTTP},
		{name: "probe came back", url: "http://mail.example.org/login", header: map[string]string{"Origin": "http://mail.example.org", "Cookie": "__Host-oriel-probe=1"}, want: Kept},
		{name: "session cookie came back", url: "http://mail.example.org/login", header: map[string]string{"Origin": "http://mail.example.org", "Cookie": "__Host-oriel=old"}, want: Kept},
		{name: "other cookie", url: "http://mail.example.org/login", header: map[string]string{"Origin": "http://mail.example.org", "Cookie": "theme=dark"}, want: PlainHTTP},
		{name: "behind TLS", url: "http://mail.example.org/login", header: map[string]string{"Origin": "https://mail.example.org", "Cookie": "__Host-oriel-probe=1"}, want: Kept},
		{name: "cookies off", url: "http://mail.example.org/login", header: map[string]string{"Origin": "https://mail.example.org", "Sec-Fetch-Site": "same-origin"}, want: Blocked},
		{name: "script over TLS", url: "https://mail.example.org/login", header: map[string]string{"Origin": "https://mail.example.org"}, want: Kept},
		{name: "loopback", url: "http://localhost:8080/login", header: map[string]string{"Origin": "http://localhost:8080", "User-Agent": chromeAgent}, want: Kept},
		{name: "loopback address", url: "http://[::1]:8080/login", header: map[string]string{"Origin": "http://[::1]:8080"}, want: Kept},
		{name: "Safari on loopback", url: "http://localhost:8080/login", header: map[string]string{"Origin": "http://localhost:8080", "User-Agent": safariAgent}, want: PlainHTTP},
		{name: "program on the network", url: "http://mail.example.org/login", want: PlainHTTP},
		{name: "program behind a proxy", url: "http://mail.example.org/login", header: map[string]string{"X-Forwarded-Proto": "https"}, want: Kept},
		{name: "program on loopback", url: "http://127.0.0.1:8080/login", want: Kept},
		{name: "no name at all", url: "http://mail.example.org/login", header: map[string]string{"Origin": "null", "Referer": "%zz"}, want: PlainHTTP},
		{name: "insecure allowed", insecure: true, url: "http://mail.example.org/login", header: map[string]string{"Origin": "http://mail.example.org"}, want: Kept},
		{name: "insecure, program", insecure: true, url: "http://mail.example.org/login", want: Kept},
		{name: "insecure, cookies off", insecure: true, url: "http://mail.example.org/login", header: map[string]string{"Origin": "http://mail.example.org", "Sec-Fetch-Site": "same-origin"}, want: Blocked},
	} {
		c, _ := testConfig(t)
		c.Insecure = x.insecure
		s := mustNew(t, c)
		r := httptest.NewRequest("POST", x.url, nil)
		for k, v := range x.header {
			r.Header.Set(k, v)
		}
		if got := s.Lost(r); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

func TestProbe(t *testing.T) {
	c, _ := testConfig(t)
	s := mustNew(t, c)
	w := httptest.NewRecorder()
	s.Probe(w)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-oriel-probe" || !cookies[0].Secure || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Path != "/" {
		t.Fatalf("%v", cookies)
	}
	r := httptest.NewRequest("POST", "http://mail.example.org/login", nil)
	r.AddCookie(cookies[0])
	if s.Lost(r) != Kept {
		t.Error("the probe is not recognised")
	}
}
