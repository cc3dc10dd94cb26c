package decode

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// corpusDir is the collection of real mail that stands beside the project; it is
// not part of it, for its licences.
const corpusDir = "../../shared/corpus"

// corpus skips the test when the collection is absent, and otherwise returns a
// function that reads one file of it.
func corpus(t testing.TB) func(name string) []byte {
	if _, err := os.Stat(filepath.Join(corpusDir, "expectations.tsv")); err != nil {
		t.Skip("the collection of real mail (../shared/corpus beside the project) is not here; the tables of this package cover the same rules")
	}
	return func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(corpusDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// expectation is one field of one message on which two independent readings
// agree; value is JSON.
type expectation struct{ file, value string }

func sureRows(t testing.TB, field string) []expectation {
	var out []expectation
	sc := bufio.NewScanner(bytes.NewReader(corpus(t)("expectations.tsv")))
	sc.Buffer(nil, 1<<22)
	for sc.Scan() {
		col := strings.Split(sc.Text(), "\t")
		if len(col) >= 4 && col[1] == field && col[2] == "sure" {
			out = append(out, expectation{col[0], col[3]})
		}
	}
	return out
}

// expectations returns the sure rows of a field that holds text.
func expectations(t testing.TB, field string) []expectation {
	rows := sureRows(t, field)
	for i, e := range rows {
		if err := json.Unmarshal([]byte(e.value), &rows[i].value); err != nil {
			t.Fatalf("%s: %v", e.file, err)
		}
	}
	return rows
}

// headerField finds the last field of a name in a message's header block,
// unfolded. It passes over lines that are no header lines, as mail servers do.
func headerField(msg []byte, name string) (value string, found bool) {
	msg = bytes.TrimLeft(msg, "\r\n")
	in := false
	for n := 0; len(msg) > 0; n++ {
		line, rest, _ := bytes.Cut(msg, []byte("\n"))
		msg = rest
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if in {
				value += string(line)
			}
			continue
		}
		key, v, ok := bytes.Cut(line, []byte(":"))
		in = ok && strings.EqualFold(string(bytes.TrimRight(key, " \t")), name)
		if in {
			value, found = string(v), true
		}
	}
	return value, found
}

func TestCorpusSubjects(t *testing.T) {
	read := corpus(t)
	right, rows := 0, expectations(t, "subject")
	for _, e := range rows {
		raw, _ := headerField(read(e.file), "Subject")
		if got := Header(raw); got == Clean(e.value) {
			right++
		} else {
			t.Logf("%s: subject %q, want %q", e.file, got, e.value)
		}
	}
	score(t, "subject", right, len(rows))
}

func TestCorpusDates(t *testing.T) {
	read := corpus(t)
	right, rows := 0, expectations(t, "date")
	for _, e := range rows {
		raw, _ := headerField(read(e.file), "Date")
		got := ""
		if d, ok := Date(raw); ok {
			got = d.UTC().Format(time.RFC3339)
		}
		if got == e.value {
			right++
		} else {
			t.Logf("%s: date %q read as %q, want %q", e.file, raw, got, e.value)
		}
	}
	score(t, "date", right, len(rows))
}

// score fails below 99 % of the rows.
func score(t *testing.T, field string, right, all int) {
	t.Logf("%-8s %4d of %4d sure rows right (%.1f %%)", field, right, all, 100*float64(right)/float64(all))
	if all == 0 || right*100 < all*99 {
		t.Errorf("%s: fewer than 99 %% right", field)
	}
}
