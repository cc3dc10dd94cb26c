package demo

import (
	"encoding/base64"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// lookup finds the encoder for a character set; "" and utf-8 have none.
func lookup(charset string) (encoding.Encoding, error) {
	if charset == "" || strings.EqualFold(charset, "utf-8") {
		return encoding.Nop, nil
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("charset %q: %w", charset, err)
	}
	return e, nil
}

func encodeText(s, charset string) ([]byte, error) {
	e, err := lookup(charset)
	if err != nil {
		return nil, err
	}
	return e.NewEncoder().Bytes([]byte(s))
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' && s[i] != '\t' || s[i] > '~' {
			return false
		}
	}
	return true
}

// encodeWords writes a header text as RFC 2047 encoded words where it needs
// them. Each word is encoded on its own and stays below 75 characters, which a
// character set with shift states (ISO-2022-JP) requires.
func encodeWords(s, charset string) (string, error) {
	if ascii(s) {
		return s, nil
	}
	if charset == "" {
		charset = "utf-8"
	}
	var words []string
	flush := func(part string) error {
		raw, err := encodeText(part, charset)
		words = append(words, "=?"+charset+"?B?"+base64.StdEncoding.EncodeToString(raw)+"?=")
		return err
	}
	part := ""
	for _, r := range s {
		if len(part)+len(string(r)) > 30 {
			if err := flush(part); err != nil {
				return "", err
			}
			part = ""
		}
		part += string(r)
	}
	err := flush(part)
	return strings.Join(words, " "), err
}

// encodeAddresses writes an address list as a header needs it.
func encodeAddresses(list, charset string) (string, error) {
	if strings.TrimSpace(list) == "" {
		return "", nil
	}
	if strings.HasSuffix(list, ";") {
		return list, nil // an empty group, such as "undisclosed-recipients:;"
	}
	addresses, err := mail.ParseAddressList(list)
	if err != nil {
		return "", fmt.Errorf("addresses %q: %w", list, err)
	}
	var out []string
	for _, a := range addresses {
		switch {
		case a.Name == "":
			out = append(out, a.Address)
		case ascii(a.Name):
			out = append(out, a.String())
		default:
			name, err := encodeWords(a.Name, charset)
			if err != nil {
				return "", err
			}
			out = append(out, name+" <"+a.Address+">")
		}
	}
	return strings.Join(out, ", "), nil
}

// fold breaks a header field at spaces so that lines stay below 78 characters
// where they can (RFC 5322 section 2.2.3).
func fold(name, value string) string {
	var b strings.Builder
	line := name + ":"
	for _, word := range strings.Split(value, " ") {
		if len(line)+1+len(word) > 76 && line != name+":" {
			b.WriteString(line + "\r\n")
			line = ""
		}
		line += " " + word
	}
	b.WriteString(line + "\r\n")
	return b.String()
}
