package imapsession_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oriel/imapsession"
	"oriel/internal/dovecot"
	"oriel/mail"
)

// corpusDir is the collection of real mail that stands beside the project; it is
// not part of it, for its licences.
const corpusDir = "../../shared/corpus"

// expected reads the sure values of one field, by file.
func expected(t *testing.T, field string) map[string]json.RawMessage {
	f, err := os.Open(filepath.Join(corpusDir, "expectations.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := map[string]json.RawMessage{}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<22)
	for sc.Scan() {
		if col := strings.Split(sc.Text(), "\t"); len(col) >= 4 && col[1] == field && col[2] == "sure" {
			m[col[0]] = json.RawMessage(col[3])
		}
	}
	return m
}

// TestCorpus puts real mail into Dovecot and reads all of it: every message is
// in the list, can be opened, and each of its attachments streams; subjects and
// senders are those on which two independent readings agree.
func TestCorpus(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpusDir, "eml", "*.eml"))
	if len(files) == 0 {
		t.Skip("the collection of real mail (../shared/corpus beside the project) is not here; the tests on scripted servers cover the same rules")
	}
	d := dovecot.Start(t)
	d.AddUser("ann", "secret")
	var names []string
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		raw = bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		d.Deliver("ann", "INBOX", dovecot.Message{Raw: raw, Date: start.Add(time.Duration(i) * time.Minute)})
		names = append(names, "eml/"+filepath.Base(file))
	}
	p := imapsession.NewPool(imapsession.Server{Host: d.Host, Port: d.IMAPSPort, Roots: d.Roots}, imapsession.Options{})
	defer p.Close(t.Context())
	s, err := p.SignIn(t.Context(), "owner", "ann", "secret")
	if err != nil {
		t.Fatal(err)
	}
	var rows []mail.Summary
	for page := 1; ; page++ {
		l, err := s.List(t.Context(), mail.ListQuery{Folder: "INBOX", Page: page})
		if err != nil {
			t.Fatalf("page %d: %v", page, err)
		}
		rows = append(rows, l.Rows...)
		if page == l.Pages {
			break
		}
	}
	if len(rows) != len(files) {
		t.Fatalf("%d rows for %d messages", len(rows), len(files))
	}
	slices.Reverse(rows)
	fields := map[string]func(mail.Summary) string{
		"subject":   func(r mail.Summary) string { return r.Subject },
		"from_addr": func(r mail.Summary) string { return first(r.From).Addr },
		"from_name": func(r mail.Summary) string { return first(r.From).Name },
	}
	want := map[string]map[string]json.RawMessage{}
	for field := range fields {
		want[field] = expected(t, field)
	}
	broken, wrong, checked, texts := 0, 0, 0, 0
	for i, row := range rows {
		if row.Broken {
			broken++
			t.Logf("%s: known by its header only", names[i])
		}
		for field, of := range fields {
			var value string
			if raw, ok := want[field][names[i]]; ok && json.Unmarshal(raw, &value) == nil {
				checked++
				if got := of(row); !strings.EqualFold(fold(got), fold(value)) {
					wrong++
					t.Logf("%s: %s is %q, want %q", names[i], field, got, value)
				}
			}
		}
		m, err := s.Message(t.Context(), row.Ref)
		if err != nil {
			t.Errorf("%s: %v", names[i], err)
			continue
		}
		texts += len(m.Texts)
		for _, part := range m.Body.Attachments {
			if err := drain(t, s, row.Ref, part); err != nil {
				t.Errorf("%s part %s: %v", names[i], part.Path, err)
			}
		}
	}
	t.Logf("%d messages, %d texts, %d broken, %d of %d fields differ", len(rows), texts, broken, wrong, checked)
	if wrong*100 > checked || broken > 5 {
		t.Errorf("%d of %d fields differ, %d messages are broken", wrong, checked, broken)
	}
}

func first(l []mail.Address) mail.Address {
	if len(l) == 0 {
		return mail.Address{}
	}
	return l[0]
}

func fold(s string) string { return strings.Join(strings.Fields(s), " ") }

func drain(t *testing.T, s *imapsession.Session, r mail.Ref, part mail.Part) error {
	p, err := s.Part(t.Context(), r, part.Path)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, p)
	return errors.Join(err, p.Close())
}
