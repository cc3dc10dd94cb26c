package imapsession

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"oriel/mail"
)

// fill gives every field that a row may have a value of its own, fields that are
// added later included.
func fill(v reflect.Value, n *int, depth int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Repeat("Wörter ", *n%40) + fmt.Sprint(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(*n) * 1_000_003 * int64(1-2*(*n%2)))
	case reflect.Uint32:
		v.SetUint(uint64(*n))
	case reflect.Slice:
		for range 2 * min(depth, 1) {
			x := reflect.New(v.Type().Elem()).Elem()
			fill(x, n, depth-1)
			v.Set(reflect.Append(v, x))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, *n%28, 1, 2, 3, *n, time.FixedZone("", (*n%24-12)*1800))))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n, depth)
		}
	default:
		panic("a row with a " + v.Kind().String())
	}
}

// TestPackedRow: what comes out of the cache is what went in, but for the flags,
// which it does not keep.
func TestPackedRow(t *testing.T) {
	var full row
	n := 0
	fill(reflect.ValueOf(&full.summary).Elem(), &n, 3)
	fill(reflect.ValueOf(&full.root).Elem(), &n, 3)
	full.hasRoot, full.preview = true, true
	empty := row{summary: mail.Summary{Date: time.Unix(0, 0).UTC()}}
	bare := row{root: mail.Part{Type: "multipart/mixed", Lines: -1, Size: 1 << 62}, hasRoot: true}
	odd := row{summary: mail.Summary{Subject: "\x00\xff", Date: time.Date(-5, 1, 1, 0, 0, 0, 1, time.FixedZone("", 99*3600+59)), Arrived: time.Date(292277026596, 1, 1, 0, 0, 0, 0, time.UTC)}}
	for i, want := range []row{full, empty, bare, odd} {
		k := rowKey{"INBOX", 7, 9}
		want.summary.Ref, want.summary.Flags = mail.Ref{Folder: "INBOX", Validity: 7, UID: 9}, mail.Flags{}
		got := pack(k, &want).row()
		for _, pair := range [][2]*time.Time{{&got.summary.Date, &want.summary.Date}, {&got.summary.Arrived, &want.summary.Arrived}} {
			if a, b := pair[0].Format(time.RFC3339Nano), pair[1].Format(time.RFC3339Nano); a != b || !pair[0].Equal(*pair[1]) {
				t.Errorf("row %d: the time %v became %v", i, b, a)
			}
			*pair[0] = *pair[1]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("row %d:\n%+v\nbecame\n%+v", i, want, got)
		}
	}
}

// BenchmarkPackedRow is what a row of a list page costs more.
func BenchmarkPackedRow(b *testing.B) {
	zone := time.FixedZone("", 3600)
	r := row{summary: mail.Summary{From: []mail.Address{{Name: "Ada Vey", Addr: "ada@vey.example"}}, To: []mail.Address{{Addr: "mara@lindqvist.example"}},
		Subject: "Board 7 of the floor", Date: time.Date(2026, 11, 2, 10, 0, 0, 0, zone), Preview: strings.Repeat("grain ", 33), MessageID: "1234567890@vey.example"},
		root: mail.Part{Type: "multipart/alternative", Children: make([]mail.Part, 2)}, hasRoot: true, preview: true}
	p := pack(rowKey{}, &r)
	b.ReportMetric(float64(p.cost()), "B/row")
	b.ReportAllocs()
	for b.Loop() {
		r = p.row()
	}
}
