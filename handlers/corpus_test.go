package handlers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oriel/internal/dovecot"
)

// TestCorpusOpens puts real messages of many origins, some of them damaged, into
// one folder of a real server, and looks at every list page, message, body and
// attachment. Nothing may fail, whatever is in them.
func TestCorpusOpens(t *testing.T) {
	files, err := filepath.Glob("../../shared/corpus/eml/*.eml")
	if err != nil || len(files) == 0 {
		t.Skip("the corpus of real mail is not beside this checkout (../shared/corpus)")
	}
	d := dovecot.Start(t)
	s := dovecotSite(t, d)
	start := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	var messages []dovecot.Message
	for i, f := range files {
		raw, err := os.ReadFile(f)
		s.check(err)
		if bytes.HasPrefix(raw, []byte("From ")) {
			_, raw, _ = bytes.Cut(raw, []byte("\n"))
		}
		messages = append(messages, dovecot.Message{Raw: bytes.ReplaceAll(raw, []byte{0}, []byte{0x80}), Date: start.Add(time.Duration(i) * time.Second)})
	}
	d.Deliver(s.user, "INBOX", messages...)
	s.signIn()
	var rows []string
	for page := 1; len(rows) < len(files) && page < 20; page++ {
		rows = append(rows, s.rows(fmt.Sprintf("/m/INBOX?page=%d", page))...)
	}
	if len(rows) != len(files) {
		t.Fatalf("%d rows for %d messages", len(rows), len(files))
	}
	frames, parts := 0, 0
	for i, row := range rows {
		name := filepath.Base(files[len(files)-1-i])
		m := s.get("/m/"+row, "HX-Request", "true", "HX-Target", "section#reader")
		if m.status != 200 {
			t.Errorf("%s: %d %s", name, m.status, m.text())
			continue
		}
		for _, frame := range m.All("iframe[data-body=html]") {
			frames++
			if b := s.get(frame.Attr("src")); b.status != 200 || strings.Contains(strings.ToLower(b.body), "<script") {
				t.Errorf("%s: body %d", name, b.status)
			}
		}
		for _, a := range m.All("a[data-part]") {
			parts++
			if p := s.get(a.Attr("href")); p.status != 200 || p.err != nil {
				t.Errorf("%s: part %s: %d %v", name, a.Attr("data-part"), p.status, p.err)
			}
		}
	}
	t.Logf("%d messages, %d frames, %d attachments", len(rows), frames, parts)
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("the log has errors:\n%s", s.log)
	}
}
