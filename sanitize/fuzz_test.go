package sanitize

import (
	"testing"

	"oriel/mail"
)

func FuzzMail(f *testing.F) {
	for _, v := range hostileVectors() {
		f.Add(v.html)
	}
	f.Fuzz(func(t *testing.T, src string) {
		d, err := Mail(src, MailOptions{CID: testCID})
		if err != nil {
			if mail.KindOf(err) != mail.TooLarge {
				t.Errorf("error %v", err)
			}
			return
		}
		checkDocument(t, d.HTML)
	})
}
