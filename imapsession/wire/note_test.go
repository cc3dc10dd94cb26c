package wire

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// told returns the notes that a stream makes, and what the client sees of it.
func told(t *testing.T, sent, in string) (notes []Note, out string) {
	t.Helper()
	c := New(&fixed{pieces: [][]byte{[]byte(in)}}, Options{Note: func(n Note) { notes = append(notes, n) }})
	if _, err := c.Write([]byte(sent)); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil || c.Err() != nil {
		t.Fatalf("ended with %v, %v", err, c.Err())
	}
	return notes, string(b)
}

func TestNotes(t *testing.T) {
	const (
		sel   = "T1 SELECT INBOX (CONDSTORE)\r\n"
		store = "T1 UID STORE 1:9 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen)\r\n"
		fetch = "T1 UID FETCH 1:9 (UID FLAGS)\r\n"
		noop  = "T1 NOOP\r\n"
	)
	for _, c := range []struct {
		name, sent, in string
		want           []Note
		out            string // what must be in the client's stream; "-": nothing at all
	}{
		{"alert", noop, "* OK [ALERT] Down at \x07 noon\r\n", []Note{{Kind: Alert, Text: "Down at   noon"}}, "* OK [ALERT] Down"},
		{"alert, tagged", noop, "T1 NO [alert] [x] over\r\n", []Note{{Kind: Alert, Text: "[x] over"}}, "T1 NO [ALERT] x]"},
		{"alert, bad", noop, "* BAD [ALERT] \xff\r\n", []Note{{Kind: Alert, Text: "\uFFFD"}}, "* BAD [ALERT]"},
		{"alert for nobody", noop, "T9 OK [ALERT] x\r\n", nil, "-"},
		{"bye", noop, "* BYE [UNAVAILABLE] Going down\r\n", []Note{{Kind: Bye, Text: "Going down"}}, "* BYE"},
		{"bare bye", "", "* bye\r\n", []Note{{Kind: Bye}}, "* BYE"},
		{"our own bye", "T1 LOGOUT\r\n", "* BYE so long\r\nT1 OK done\r\n", nil, "* BYE"},
		{"modified", store, "T1 OK [MODIFIED 7,9:12] done\r\n", []Note{{Kind: Modified, UIDs: "7,9:12"}}, "T1 OK [MODIFIED] done"},
		{"modified, refused", store, "T1 NO [MODIFIED 7] done\r\n", []Note{{Kind: Modified, UIDs: "7"}}, "T1 NO"},
		{"modified, broken", store, "T1 OK [MODIFIED 7:*] done\r\n", nil, "T1 OK"},
		{"modified by number", "T1 STORE 1 FLAGS ()\r\n", "T1 OK [MODIFIED 1] done\r\n", nil, "T1 OK"},
		{"highestmodseq", noop, "* OK [HIGHESTMODSEQ 17] x\r\n", []Note{{Kind: HighestModSeq, Number: 17}}, "* OK [HIGHESTMODSEQ 17]"},
		{"highestmodseq, tagged", "T1 UID EXPUNGE 4\r\n", "T1 OK [HIGHESTMODSEQ 18446744073709551615] x\r\n", []Note{{Kind: HighestModSeq, Number: 1<<64 - 1}}, "T1 OK"},
		{"highestmodseq of select", sel, "* OK [HIGHESTMODSEQ 17] x\r\nT1 OK [HIGHESTMODSEQ 18] x\r\n* OK [HIGHESTMODSEQ 19] x\r\n", []Note{{Kind: HighestModSeq, Number: 19}}, "* OK [HIGHESTMODSEQ 17]"},
		{"highestmodseq of nothing", noop, "* OK [HIGHESTMODSEQ 0] x\r\n* OK [NOMODSEQ] x\r\n", nil, "* OK [HIGHESTMODSEQ 0] x\r\n* OK [NOMODSEQ] x"},
		{"flags", noop, "* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 7 MODSEQ (4) FLAGS ())\r\n", []Note{{Kind: FlagsChanged}, {Kind: FlagsChanged, UIDs: "7"}}, "-"},
		{"flags in idle", "T1 IDLE\r\n", "+ go\r\n* 1 FETCH (FLAGS (\\Seen))\r\n", []Note{{Kind: FlagsChanged}}, "+ go"},
		{"flags asked for", fetch, "* 1 FETCH (UID 3 FLAGS (\\Seen))\r\nT1 OK done\r\n* 1 FETCH (FLAGS ())\r\n", []Note{{Kind: FlagsChanged}}, "* 1 FETCH (UID 3 FLAGS (\\Seen))"},
		{"flags of a store", store, "* 1 FETCH (UID 3 MODSEQ (5))\r\n", nil, "* 1 FETCH (UID 3 MODSEQ (5))"},
		{"status", noop, "* STATUS inbox (MESSAGES 3)\r\n* STATUS \"a&AOk-\" (UNSEEN 3)\r\n", []Note{{Kind: StatusChanged, Folder: "INBOX"}, {Kind: StatusChanged, Folder: "aé"}}, "-"},
		{"status, undecoded", "T1 IDLE\r\n", "* STATUS a&b (UNSEEN 3)\r\n* STATUS {6}\r\n\u00c9t\u00e9a ()\r\n", []Note{{Kind: StatusChanged, Folder: "a&b"}, {Kind: StatusChanged, Folder: "Étéa"}}, "-"},
		{"status asked for", "T1 LIST \"\" *\r\n", "* STATUS INBOX (MESSAGES 3)\r\n", nil, "* STATUS \"INBOX\" (MESSAGES 3)"},
		{"overflow", noop, "* OK [NOTIFICATIONOVERFLOW] x\r\n", []Note{{Kind: Overflow}}, "* OK"},
		{"earlier", fetch, "* 9 EXISTS\r\n* VANISHED (EARLIER) 1:5,7\r\n", []Note{{Kind: Earlier, UIDs: "1:5,7"}}, "* 9 EXISTS"},
		{"vanished", noop, "* 9 EXISTS\r\n* vanished 41,43:42\r\n", []Note{{Kind: Vanished, UIDs: "41,43:42"}}, "* 9 EXISTS\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n"},
		{"vanished while opening", sel, "* 9 EXISTS\r\n* VANISHED 41\r\n", []Note{{Kind: Vanished, UIDs: "41"}}, "* 9 EXISTS"},
		{"vanished, broken", noop, "* 9 EXISTS\r\n* VANISHED\r\n* VANISHED 1:*\r\n* VANISHED (LATER) 1\r\n* VANISHED ((\r\n* VANISHED 0\r\n", nil, "* 9 EXISTS"},
		{"expunge of nothing", noop, "* 0 EXPUNGE\r\n", nil, "-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			notes, out := told(t, c.sent, c.in)
			if !reflect.DeepEqual(notes, c.want) {
				t.Errorf("notes %+v, want %+v", notes, c.want)
			}
			if c.out == "-" && out != "" || c.out != "-" && !strings.HasPrefix(out, c.out) {
				t.Errorf("the client sees %q", out)
			}
		})
	}
}

// TestVanishedIsBounded checks that the client hears of no more expunges than
// there were messages, and of very many in one line.
func TestVanishedIsBounded(t *testing.T) {
	for _, c := range []struct {
		exists, left int
		gone         string
		singly       int
	}{
		{3, 0, "1:4294967295", 3},
		{5, 3, "8,9", 2},
		{4_000_000_000, 0, "1:4294967295,1:4294967295", 1},
		{5000, 2000, "1:3000", 1},
		{0, 0, "1:5", 0},
	} {
		notes, out := told(t, "T1 NOOP\r\n", fmt.Sprintf("* %d EXISTS\r\n* VANISHED %s\r\nT1 OK done\r\n", c.exists, c.gone))
		if len(notes) != 1 || notes[0].UIDs != c.gone {
			t.Errorf("%s: notes %+v", c.gone, notes)
		}
		if n := strings.Count(out, "EXPUNGE"); n != c.singly || n == 1 && !strings.Contains(out, fmt.Sprintf("EXPUNGE\r\n* %d EXISTS\r\n", c.left)) {
			t.Errorf("%d messages, %s gone: %q", c.exists, c.gone, out)
		}
	}
}

// TestNeededRows checks that rows which Budget.NeedItem drops are told of.
func TestNeededRows(t *testing.T) {
	var notes []Note
	c := New(&fixed{pieces: [][]byte{[]byte("* 1 FETCH (UID 7 FLAGS ())\r\n* 1 FETCH (UID 7 PREVIEW NIL)\r\n")}},
		Options{Note: func(n Note) { notes = append(notes, n) }})
	c.Begin(Budget{NeedItem: "preview"})
	c.Write([]byte("T1 UID FETCH 7 (UID BODY.PEEK[PREVIEW])\r\n"))
	out, _ := io.ReadAll(c)
	if len(notes) != 1 || notes[0] != (Note{Kind: FlagsChanged, UIDs: "7"}) || string(out) != "* 1 FETCH (UID 7 BODY[PREVIEW] NIL)\r\n" {
		t.Errorf("notes %+v, out %q", notes, out)
	}
}

// TestLongText checks that the text of a note is cut between characters.
func TestLongText(t *testing.T) {
	notes, _ := told(t, "", "* BYE "+strings.Repeat("aé", 600)+"\r\n")
	if len(notes) != 1 || len(notes[0].Text) != maxText-1 && len(notes[0].Text) != maxText || strings.ContainsRune(notes[0].Text, '\uFFFD') {
		t.Errorf("%d notes, %q", len(notes), notes[0].Text)
	}
}
