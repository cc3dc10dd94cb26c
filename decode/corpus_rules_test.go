package decode

import (
	"fmt"
	"strings"
	"testing"

	"oriel/mail"
)

// TestCorpusRules proves each rule on the messages that it was made for. A
// message is written out one leaf a line: list, part number, type, name, size
// and the beginning of a text.
func TestCorpusRules(t *testing.T) {
	read := corpus(t)
	for _, c := range []struct {
		rule, file string
		want       []string
	}{
		{"D2", "php-imap-unknown_encoding", []string{"shown 2 text/html '' 6 MyHtml"}},
		{"D2", "mimekit-rfc2046", []string{"file 1 audio/basic '' 53"}},
		{"D2 lost tail", "enmime-inlinemultipart", []string{"shown 1 text/plain '' 13 Simple text.", "file 2 application/pdf 'test.pdf' 524"}},
		{"D2 uuencode", "mail-mime-parser-m3007", []string{"file 2 image/png 'greenball.png' 1298", "file 3 image/png 'blueball.png' 1325", "file 4 text/plain 'HasenundFrösche.txt' 747"}},
		{"D2 uuencode, empty", "mail-content_transfer_encoding_x_uuencode", []string{"file 2 application/msword 'PGP_Cmts_on_12-14-01_Pkg.doc' 0"}},
		{"D2 unknown", "enmime-unk-encoding-part", []string{"file 2 application/x-zip-compressed 'foo_9E5D72.zip' 13"}},
		{"D3 utf-7", "mail-mime-parser-m0006", []string{"shown 1 text/plain '' 851 Die Hasen und die Frösche Die Hasen klagten einst über"}},
		{"D3 unicode-1-1-utf-7", "set-of-emails-rhost-outlook-04", []string{"shown 1 text/plain '' 175 This is an automatically generated"}},
		{"D3 utf-16", "spamassassin-utf16", []string{"shown 1.2 text/html '' 3738 Dear potencial partner, We are professional"}},
		{"D3 iso-2022-jp", "set-of-emails-lhost-office365-13", []string{"subject Undeliverable: にゃーん"}},
		{"D3 X-UNKNOWN", "mail-raw_email10", []string{"shown 1 text/plain '' 268 Test test. Hi. Waving. m"}},
		{"D3 bad-charset", "releases-comm-cent-bad-charset", []string{"shown 2 text/html '' 121 Despite the bad charset we can find the search term Matterhörn."}},
		{"D3 header", "php-imap-undefined_charset_header", []string{"subject Submit your tax refund | Australian Taxation Office."}},
		{"D5 encoded word", "james-mime4j-russian", []string{"file 1 text/plain 'Список.doc'"}},
		{"D5 path", "james-mime4j-multi-2evil", []string{"3d-compress.gif' 419", "file 3 image/gif '3d-eye-is-an-evil-filename because of"}},
		{"D5 encoded name", "mail-attachment_with_encoded_name", []string{"file 2 application/octet-stream '01 Quien Te Dij\uFFFDat. Pitbull.mp3' 399"}},
		{"D5 raw 8-bit", "enmime-mime-bad-8bit-filename", []string{"file 2 application/msword '管理.doc' 7"}},
		{"D5 continued", "mailparser-nodemailer", []string{"inline 1.3.3 image/gif 'nyan cat ✔.gif' 29361"}},
		{"D5 name cut in a character", "flanker-russian-attachment-yahoo", []string{"file 2 image/png 'Картинка с очень, очень длинным предлинным именем преименем таким чт' 178213"}},
		{"R1 alternative, related", "releases-comm-cent-test-alt-rel-text", []string{"shown 2.1 text/html '' 213 HTML Body", "inline 2.2 image/png '' 74"}},
		{"R2 several texts", "mailparser-nested", []string{"shown 1.1.2 text/html '' 44 Dear Sir Good evening.", "shown 2.2 text/html '' 18 The footer"}},
		{"R3 files in related", "releases-comm-cent-apple_mail_related_attachments", []string{"file 2.2 text/markdown 'example.md' 14", "file 2.4 text/x-python-script 'example.py' 21"}},
		{"R3 receipt", "james-project-mdn_simple", []string{"hidden 2 message/disposition-notification"}},
		{"R3 abuse report", "postal-mime-arf", []string{"hidden 2 message/feedback-report", "file 3 message/rfc822"}},
	} {
		got := writeOut(read("eml/" + c.file + ".eml"))
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s: no %q in\n%s", c.rule, c.file, want, got)
			}
		}
	}
}

func writeOut(msg []byte) string {
	subject, _ := headerField(msg, "Subject")
	root, leaves := parseMessage(msg)
	body := mail.Choose(root)
	var out strings.Builder
	fmt.Fprintf(&out, "subject %s\n", Header(subject))
	for _, list := range []struct {
		name  string
		parts []mail.Part
	}{{"shown", body.Shown}, {"file", body.Attachments}, {"inline", body.Inline}, {"hidden", body.Hidden}} {
		for _, p := range list.parts {
			b := leaves[p.Path].decoded()
			text := ""
			switch {
			case list.name == "shown" && p.Type == "text/html":
				text = Preview(HTMLText(Text(b, p.Charset)))
			case list.name == "shown":
				text = Preview(Text(b, p.Charset))
			}
			fmt.Fprintf(&out, "%s %s %s '%s' %d %s\n", list.name, p.Path, p.Type, p.Name, len(b), text)
		}
	}
	return out.String()
}
