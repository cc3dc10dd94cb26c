package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// traced returns the trace of both directions, a line for each call.
func traced(sent, in string) string {
	var log bytes.Buffer
	c := New(&fixed{pieces: [][]byte{[]byte(in)}}, Options{Trace: func(dir byte, b []byte) {
		log.WriteByte(dir)
		log.Write(append(b, '\n'))
	}})
	c.Write([]byte(sent))
	io.ReadAll(c)
	return log.String()
}

// TestTrace checks what remains of a line, and that nothing secret or private
// does: each secret below is a word with "secret" in it.
func TestTrace(t *testing.T) {
	for _, k := range []struct{ name, sent, in, want string }{
		{"login", "T1 LOGIN secret secret\r\n", "", "CT1 LOGIN ...\n"},
		{"login, quoted", "T1 LOGIN \"secret\" \"se\\\"cret secret\"\r\n", "", "CT1 LOGIN ...\n"},
		{"login, literals", "T1 LOGIN {6}\r\nsecret {8+}\r\nsec\r\nret\r\nT2 NOOP\r\n", "", "CT1 LOGIN ...\nCT1 LOGIN ...\nCT1 LOGIN ...\nCT2 NOOP\n"},
		{"login, mixed case", "t1 login secret secret\r\n", "", "Ct1 LOGIN ...\n"},
		{"authenticate", "T1 AUTHENTICATE PLAIN secret\r\nsecret\r\nT2 secret\r\n", "+ secret\r\nT1 NO [AUTHENTICATIONFAILED] secret\r\n",
			"CT1 AUTHENTICATE ...\nS...\nST1 NO [AUTHENTICATIONFAILED] ...\n"},
		{"no command", "secret\r\nsecret secret\r\nT1 secret \"secret\" 5\r\n", "secret\r\n+ secret\r\nsecret OK secret\r\n* secret 5\r\n",
			"C...\nC...\nC...\nS...\nS...\nS...\nS* ...\n"},
		{"append", "T1 APPEND \"secret\" (\\Seen $Secret) {8}\r\nsecret\r\n\r\nT2 NOOP\r\n", "", "CT1 APPEND \"...\" (\\Seen ...) {8}\nC\nCT2 NOOP\n"},
		{"folders", "T1 SELECT INBOX (CONDSTORE)\r\nT2 SELECT \"secret\"\r\nT3 UID MOVE 4:5,9 \"secret\"\r\nT4 LIST \"\" \"*\" RETURN (STATUS (UNSEEN))\r\nT5 STATUS 2024 ()\r\n",
			"* LIST (\\HasNoChildren \\secret) \"/\" secret\r\n* LIST () \".\" 2024\r\n* LIST () \"/\" {6}\r\nsecret\r\n" +
				"* STATUS secret (MESSAGES 3)\r\n* STATUS \"(secret\" (SECRET 3)\r\n* STATUS {6}\r\nsecret (UNSEEN 3)\r\n* LSUB () \"/\" secret\r\n",
			"CT1 SELECT INBOX (CONDSTORE)\nCT2 SELECT \"...\"\nCT3 UID MOVE 4:5,9 \"...\"\nCT4 LIST \"...\" \"...\" RETURN (STATUS (UNSEEN))\nCT5 STATUS ... ()\n" +
				"S* LIST (\\HasNoChildren ...) \"...\" ...\nS* LIST () \"...\" ...\nS* LIST () \"...\" {6} ...\n" +
				"S* STATUS ... (MESSAGES 3)\nS* STATUS ... (... 3)\nS* STATUS ...\nS* ...\n"},
		{"search", "T1 UID SEARCH CHARSET UTF-8 SUBJECT \"secret\" OR FROM {6}\r\nsecret TO secret LARGER 5\r\n", "* SEARCH 5 6 (MODSEQ 7)\r\n* ESEARCH (TAG \"T1\") UID ALL 5:6\r\n",
			"CT1 UID SEARCH CHARSET UTF-8 SUBJECT \"...\" OR FROM {6}\nC TO ... LARGER 5\nS* SEARCH 5 6 (MODSEQ 7)\nS* ESEARCH (... \"...\") UID ALL 5:6\n"},
		{"rows", "T1 UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (\"References\")] BODY.PEEK[1.2]<0.5>) (CHANGEDSINCE 5)\r\n",
			"* 1 FETCH (UID 7 FLAGS (\\Seen secret) INTERNALDATE \"secret\" ENVELOPE (NIL \"secret (\\\"secret\" {6}\r\nsecret) BODY[1] {6}\r\nsecret)\r\n" +
				"* 2 FETCH (ENVELOPE (\"a \"secret\" 123 secret) UID 7)\r\n* 3 FETCH (PREVIEW secret SECRET 3 MODSEQ (8) BODY[SECRET] x BODY[1] {6}\r\nsecret UID 7)\r\n" +
				"* 4 FETCH secret\r\n* 5 secret\r\n* 5 EXISTS secret\r\n",
			"CT1 UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (\"...\")] BODY.PEEK[1.2]<0.5>) (CHANGEDSINCE 5)\n" +
				"S* 1 FETCH (UID 7 FLAGS (\\Seen ...) INTERNALDATE ENVELOPE {6}...\nS* 2 FETCH (ENVELOPE UID 7)\n" +
				"S* 3 FETCH (PREVIEW ... MODSEQ (8) ... BODY[1] {6}...\nS* 4 FETCH ...\nS* 5 ...\nS* 5 EXISTS\n"},
		{"codes", "", "* OK [ALERT] secret\r\n* NO [X-SECRET secret] x\r\n* OK [PERMANENTFLAGS (\\Seen secret \\*)] x\r\n* OK [COPYUID 1 2:3 4:5] x\r\n* BYE secret\r\n* OK [secret\r\n* OK\r\n" +
			"* OK [BADCHARSET (secret)] x\r\n* OK [ALERT \"secret\" secret] x\r\n* VANISHED (EARLIER) 3:5\r\n* ENABLED QRESYNC\r\n* FLAGS (\\Seen secret)\r\n",
			"S* OK [ALERT] ...\nS* NO ...\nS* OK [PERMANENTFLAGS (\\Seen ... \\*)] ...\nS* OK [COPYUID 1 2:3 4:5] ...\nS* BYE ...\nS* OK ...\nS* OK\n" +
				"S* OK [BADCHARSET (...)] ...\nS* OK [ALERT \"...\" ...] ...\nS* VANISHED (EARLIER) 3:5\nS* ENABLED QRESYNC\nS* FLAGS (\\Seen ...)\n"},
		{"idle", "T1 IDLE\r\nDONE\r\nT2 NOOP\r\n", "+ secret\r\n", "CT1 IDLE\nCDONE\nCT2 NOOP\nS...\n"},
	} {
		t.Run(k.name, func(t *testing.T) {
			got := traced(k.sent, k.in)
			if strings.Contains(strings.ToLower(got), "secret") {
				t.Errorf("the trace tells: %q", got)
			}
			if got != k.want {
				t.Errorf("got  %q\nwant %q", got, k.want)
			}
		})
	}
}

// TestTraceOfRaw checks that a raw command is traced as it is sent.
func TestTraceOfRaw(t *testing.T) {
	var log string
	c := New(&fixed{}, Options{Trace: func(dir byte, b []byte) { log += string(dir) + string(b) + "\n" }})
	c.Replace("NOTIFY SET STATUS (selected (MessageNew (UID FLAGS))) (mailboxes \"secret\" (MessageNew))")
	c.Write([]byte("T1 NOOP\r\n"))
	if want := "CT1 NOTIFY SET STATUS (selected (MessageNew (UID FLAGS))) (... \"...\" (MessageNew))\n"; log != want {
		t.Errorf("got %q", log)
	}
}
