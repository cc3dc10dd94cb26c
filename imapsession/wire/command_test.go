package wire

import (
	"io"
	"strings"
	"testing"
)

// recorder is a fixed connection that keeps what is written.
type recorder struct {
	fixed
	sent strings.Builder
}

func (r *recorder) Write(p []byte) (int, error) { return r.sent.Write(p) }

// take returns what has been written, and forgets it.
func (r *recorder) take() string {
	s := r.sent.String()
	r.sent.Reset()
	return s
}

// TestReplace checks what Replace takes, and that it changes one NOOP only.
func TestReplace(t *testing.T) {
	r := &recorder{}
	c := New(r, Options{})
	for _, bad := range []string{"", "NOOP", "ENABLE A\r\nT9 DELETE x", "ENABLE\n", "NOTIFY \x00", "IDLE", "UID FETCH 1 {5}", "LOGIN a b", " ENABLE QRESYNC",
		"ENABLE " + strings.Repeat("X", maxRaw)} {
		if err := c.Replace(bad); err == nil {
			t.Errorf("%.20q is taken", bad)
		}
	}
	c.Write([]byte("T1 NOOP\r\n"))
	if got := r.take(); got != "T1 NOOP\r\n" {
		t.Errorf("after refusals: %q", got)
	}
	if err := c.Replace("ENABLE QRESYNC"); err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("T2 CHECK NOOP\r\nT3 NO"))
	c.Write([]byte("OP\r\nT4 NOOP\r\n"))
	if got := r.take(); got != "T2 CHECK NOOP\r\nT3 ENABLE QRESYNC\r\nT4 NOOP\r\n" {
		t.Errorf("sent %q", got)
	}
}

// TestQResync checks when VANISHED is asked for: once the server has said that
// it has enabled QRESYNC, and OK.
func TestQResync(t *testing.T) {
	const fetch = "T5 UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE 5)\r\n"
	const asks = "T5 UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE 5 VANISHED)\r\n"
	for _, k := range []struct{ name, answer, sent, want string }{
		{"enabled", "* ENABLED CONDSTORE qresync\r\nT1 OK done\r\n", fetch, asks},
		{"refused", "* ENABLED QRESYNC\r\nT1 NO\r\n", fetch, fetch},
		{"not enabled", "T1 OK done\r\n", fetch, fetch},
		{"something else enabled", "* ENABLED CONDSTORE\r\nT1 OK done\r\n", fetch, fetch},
		{"too late", "T1 OK done\r\n* ENABLED QRESYNC\r\n", fetch, fetch},
		{"by number", "* ENABLED QRESYNC\r\nT1 OK\r\n", strings.Replace(fetch, "UID F", "F", 1), strings.Replace(fetch, "UID F", "F", 1)},
		{"without CHANGEDSINCE", "* ENABLED QRESYNC\r\nT1 OK\r\n", "T5 UID FETCH 1 (FLAGS)\r\n", "T5 UID FETCH 1 (FLAGS)\r\n"},
	} {
		t.Run(k.name, func(t *testing.T) {
			f := &fixed{pieces: [][]byte{[]byte(k.answer)}}
			c := New(f, Options{})
			c.Replace("ENABLE QRESYNC")
			c.Write([]byte("T1 NOOP\r\n"))
			out, _ := io.ReadAll(c)
			if strings.Contains(string(out), "ENABLED") || !strings.Contains(string(out), "T1 ") {
				t.Errorf("the client sees %q", out)
			}
			if got, _ := c.wr.feed([]byte(k.sent)); string(got) != k.want || c.QResync() != (k.name == "enabled" || k.name == "by number" || k.name == "without CHANGEDSINCE") {
				t.Errorf("sent %q, QResync %v", got, c.QResync())
			}
		})
	}
}

// TestPreview checks both ways of the item that go-imap does not know.
func TestPreview(t *testing.T) {
	for _, k := range []struct{ sent, want string }{
		{"T1 UID FETCH 1 (UID BODY.PEEK[PREVIEW])\r\n", "T1 UID FETCH 1 (UID PREVIEW)\r\n"},
		{"T1 FETCH 1 (BODY.PEEK[PREVIEW] FLAGS)\r\n", "T1 FETCH 1 (PREVIEW FLAGS)\r\n"},
		{"T1 FETCH 1 (BODY.PEEK[PREVIEW]<0.5>)\r\n", ""},
		{"T1 FETCH 1 (BODY[HEADER.FIELDS (\"BODY.PEEK[PREVIEW] \" \" BODY.PEEK[PREVIEW] \")])\r\n", ""},
		{"T1 SEARCH BODY.PEEK[PREVIEW] x\r\n", ""},
	} {
		c := New(&fixed{}, Options{})
		if k.want == "" {
			k.want = k.sent
		}
		if got, _ := c.wr.feed([]byte(k.sent)); string(got) != k.want {
			t.Errorf("%q became %q", k.sent, got)
		}
	}
	const ask = "T1 UID FETCH 1:9 (UID BODY.PEEK[PREVIEW])\r\n"
	for _, k := range []struct{ sent, in, want string }{
		{ask, `UID 1 PREVIEW "hi (there"`, `UID 1 BODY[PREVIEW] "hi (there"`},
		{ask, `PREVIEW NIL UID 1`, `UID 1 BODY[PREVIEW] NIL`},
		{ask, `UID 1 preview nil`, `UID 1 BODY[PREVIEW] NIL`},
		{ask, `UID 1 PREVIEW ""`, `UID 1 BODY[PREVIEW] ""`},
		{ask, "UID 1 PREVIEW {4}\r\na\r\nb", "UID 1 BODY[PREVIEW] {4}\r\na\r\nb"},
		{ask, `UID 1 PREVIEW (FUZZY "x")`, `UID 1 BODY[PREVIEW] NIL`},
		{ask, `UID 1 BODY[PREVIEW] "x"`, `UID 1`},
		{"T1 UID FETCH 1:9 (UID)\r\n", `UID 1 PREVIEW "hi"`, `UID 1`},
	} {
		_, out := told(t, k.sent, "* 1 FETCH ("+k.in+")\r\nT1 OK done\r\n")
		if want := "* 1 FETCH (" + k.want + ")\r\nT1 OK done\r\n"; out != want {
			t.Errorf("%q became %q", k.in, out)
		}
	}
}
