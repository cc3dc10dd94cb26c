package wire

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// BenchmarkRows filters one list page: 50 rows with envelope and structure.
func BenchmarkRows(b *testing.B) {
	var in bytes.Buffer
	for i := range 50 {
		fmt.Fprintf(&in, "* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE \"01-Mar-2026 10:00:00 +0000\" RFC822.SIZE 5 ENVELOPE (\"d\" \"subject\" "+
			"((\"A\" NIL \"a\" \"b\")) NIL NIL ((\"A\" NIL \"a\" \"b\")) NIL NIL NIL \"<1@x>\") BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"x\") NIL NIL "+
			"\"7bit\" 5 1 NIL NIL NIL NIL)(\"text\" \"html\" (\"charset\" \"x\") NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL) \"alternative\" (\"boundary\" \"x\") NIL NIL NIL) "+
			"BODY[HEADER.FIELDS (REFERENCES LIST-ID)] {2}\r\n\r\n)\r\n", i+1, i+1)
	}
	run(b, in.Bytes())
}

// BenchmarkBody lets an attachment of 25 MB through.
func BenchmarkBody(b *testing.B) {
	data := make([]byte, 25<<20)
	run(b, append(fmt.Appendf(nil, "* 1 FETCH (UID 1 BODY[2] {%d}\r\n", len(data)), append(data, ")\r\n"...)...))
}

func run(b *testing.B, in []byte) {
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		c := New(&fixed{pieces: [][]byte{in}}, Options{})
		c.Begin(Budget{BodyLiterals: true})
		c.Write([]byte(commands))
		if n, err := io.Copy(io.Discard, c); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}
