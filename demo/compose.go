package demo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"golang.org/x/text/encoding/htmlindex"
)

// part is one MIME entity, its body already in its transfer encoding.
type part struct {
	fields [][2]string
	body   []byte
}

func (p part) write(b *bytes.Buffer) {
	for _, f := range p.fields {
		b.WriteString(fold(f[0], f[1]))
	}
	b.WriteString("\r\n")
	b.Write(p.body)
}

// compose turns an entry into a message as a server stores it: RFC 5322 and
// MIME, lines ended by CRLF.
func compose(e *entry, made map[string]*composed) ([]byte, error) {
	root, err := e.body(made)
	if err != nil {
		return nil, err
	}
	head, err := e.header()
	if err != nil {
		return nil, err
	}
	if e.kind != "bare" {
		head = append(head, [2]string{"MIME-Version", "1.0"})
	}
	root.fields = append(head, root.fields...)
	var b bytes.Buffer
	root.write(&b)
	return b.Bytes(), nil
}

// header is everything above the MIME fields.
func (e *entry) header() ([][2]string, error) {
	var out [][2]string
	add := func(name, value string, err error) error {
		if value != "" {
			out = append(out, [2]string{name, value})
		}
		return err
	}
	if !e.outgoing() && e.kind != "dsn" {
		out = e.trace()
	}
	date := e.at.Format(time.RFC1123Z)
	_ = add("Date", date, nil)
	for _, f := range [][2]string{{"From", e.from}, {"To", e.to}, {"Cc", e.cc}, {"Bcc", e.bcc}} {
		value, err := encodeAddresses(f[1], e.charset)
		if err := add(f[0], value, err); err != nil {
			return nil, err
		}
	}
	subject, err := encodeWords(e.subject, e.charset)
	if err != nil {
		return nil, err
	}
	if e.hasSubject || subject != "" {
		out = append(out, [2]string{"Subject", subject})
	}
	_ = add("Message-ID", "<"+e.messageID()+">", nil)
	if n := len(e.references); n > 0 {
		_ = add("In-Reply-To", "<"+e.references[n-1]+">", nil)
		_ = add("References", "<"+strings.Join(e.references, "> <")+">", nil)
	}
	return append(out, e.extra...), nil
}

// trace is what the servers on the way added to a message that arrived.
func (e *entry) trace() [][2]string {
	domain := e.senderDomain()
	verdict := "spf=pass smtp.mailfrom=" + domain + "; dkim=pass header.d=" + domain + "; dmarc=pass header.from=" + domain
	if e.trusted == "no" {
		verdict = "spf=fail smtp.mailfrom=" + domain + "; dkim=none; dmarc=fail header.from=" + domain
	}
	return [][2]string{
		{"Received", fmt.Sprintf("from mail.%s (mail.%s [192.0.2.%d]) by mx.%s with ESMTPS id %08x; %s",
			domain, domain, hash(domain)%250+1, Domain, hash(e.id), e.at.Format(time.RFC1123Z))},
		{"Authentication-Results", "mx." + Domain + "; " + verdict},
	}
}

func hash(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // a hash never fails
	return h.Sum32()
}

// body builds the tree of parts.
func (e *entry) body(made map[string]*composed) (part, error) {
	if e.kind == "dsn" {
		return e.report()
	}
	root, err := e.alternatives()
	if err != nil {
		return part{}, err
	}
	var attached []part
	for _, name := range e.attach {
		content, err := attachment(name, e.fileText(name))
		if err != nil {
			return part{}, err
		}
		attached = append(attached, filePart(name, "attachment", content))
	}
	if e.forward != "" {
		inner := made[e.forward]
		if inner == nil {
			return part{}, fmt.Errorf("forwards %q, which does not come before it", e.forward)
		}
		attached = append(attached, part{[][2]string{
			{"Content-Type", "message/rfc822"},
			{"Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": inner.subject + ".eml"})},
		}, inner.raw})
	}
	if len(attached) == 0 {
		return root, nil
	}
	return e.multipart("mixed", append([]part{root}, attached...)...), nil
}

func (e *entry) fileText(name string) string {
	if text, ok := e.sections["file "+name]; ok {
		return text
	}
	return strings.TrimSuffix(name, name[strings.LastIndexByte(name, '.'):]) + "\n\n" + e.subject
}

// alternatives is the text with its HTML and its calendar beside it.
func (e *entry) alternatives() (part, error) {
	var all []part
	if text, ok := e.sections[""]; ok || e.sections["html"] == "" {
		p, err := e.textPart("plain", strings.Replace(text, "{sig}", signature, 1))
		if err != nil {
			return part{}, err
		}
		all = append(all, p)
	}
	if e.sections["html"] != "" {
		p, err := e.htmlPart()
		if err != nil {
			return part{}, err
		}
		all = append(all, p)
	}
	if calendar := e.sections["calendar"]; calendar != "" {
		p, err := e.textPart("calendar", calendar)
		if err != nil {
			return part{}, err
		}
		method := "REQUEST"
		if strings.Contains(calendar, "METHOD:REPLY") {
			method = "REPLY"
		}
		p.fields[0][1] += "; method=" + method
		all = append(all, p)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return e.multipart("alternative", all...), nil
}

func (e *entry) htmlPart() (part, error) {
	html := e.sections["html"]
	if e.layout != "" {
		frame, err := files.ReadFile("mailbox/layout/" + e.layout + ".html")
		if err != nil {
			return part{}, err
		}
		html = strings.NewReplacer("{{content}}", html, "{{preheader}}", e.preheader, "{{title}}", e.subject).Replace(string(frame))
	}
	var inline []part
	for _, name := range e.inline {
		id := name + "." + e.messageID()
		html = strings.ReplaceAll(html, "cid:"+name, "cid:"+id)
		content, err := attachment(name, e.fileText(name))
		if err != nil {
			return part{}, err
		}
		p := filePart(name, "inline", content)
		p.fields = append(p.fields, [2]string{"Content-ID", "<" + id + ">"})
		inline = append(inline, p)
	}
	p, err := e.textPart("html", html)
	if err != nil || len(inline) == 0 {
		return p, err
	}
	return e.multipart("related", append([]part{p}, inline...)...), nil
}

// report is a delivery status notification (RFC 3464).
func (e *entry) report() (part, error) {
	text, err := e.textPart("plain", e.sections[""])
	if err != nil {
		return part{}, err
	}
	status := part{[][2]string{{"Content-Type", "message/delivery-status"}}, crlf(e.sections["status"])}
	headers := part{[][2]string{{"Content-Type", "text/rfc822-headers"}}, crlf(e.sections["headers"])}
	root := e.multipart("report", text, status, headers)
	root.fields[0][1] += "; report-type=delivery-status"
	return root, nil
}

func (e *entry) multipart(subtype string, children ...part) part {
	boundary := fmt.Sprintf("=_%08x_%s", hash(e.id+subtype), subtype)
	var b bytes.Buffer
	for _, c := range children {
		b.WriteString("--" + boundary + "\r\n")
		c.write(&b)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return part{[][2]string{{"Content-Type", `multipart/` + subtype + `; boundary="` + boundary + `"`}}, b.Bytes()}
}

// textPart encodes a text in the charset and transfer encoding of the entry, or
// in those that its content asks for.
func (e *entry) textPart(subtype, text string) (part, error) {
	charset := e.charset
	if charset == "" {
		charset = "utf-8"
	}
	kind := "text/" + subtype + "; charset=" + charset
	if e.kind == "flowed" && subtype == "plain" {
		text = flow(text)
		kind += "; format=flowed"
	}
	raw, err := encodeText(text, charset)
	if err != nil {
		return part{}, err
	}
	encoding := e.encoding
	if encoding == "" {
		encoding = chooseEncoding(raw, charset)
	}
	p := part{[][2]string{{"Content-Type", kind}, {"Content-Transfer-Encoding", encoding}}, encodeBody(raw, encoding)}
	if e.kind == "bare" {
		p.fields = nil
	}
	return p, nil
}

func chooseEncoding(raw []byte, charset string) string {
	high, longest, line := 0, 0, 0
	for _, c := range raw {
		if c >= 0x80 {
			high++
		}
		if line++; c == '\n' {
			line = 0
		}
		longest = max(longest, line)
	}
	name, err := htmlindex.Get(charset)
	switch {
	case err == nil && name != nil && strings.EqualFold(charset, "iso-2022-jp"):
		return "7bit"
	case high*4 > len(raw):
		return "base64"
	case high > 0 || longest > 200:
		return "quoted-printable"
	}
	return "7bit"
}

func encodeBody(raw []byte, encoding string) []byte {
	var b bytes.Buffer
	switch encoding {
	case "base64":
		if bytes.Contains(raw, []byte("\r\n")) || bytes.IndexByte(raw, 0) >= 0 {
			return wrapBase64(raw)
		}
		return wrapBase64(bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")))
	case "quoted-printable":
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write(crlf(string(raw))) // a buffer takes everything
		_ = w.Close()
		return b.Bytes()
	}
	return crlf(string(raw))
}

func wrapBase64(raw []byte) []byte {
	encoded := base64.StdEncoding.EncodeToString(raw)
	var b bytes.Buffer
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	b.WriteString(encoded + "\r\n")
	return b.Bytes()
}

func crlf(s string) []byte {
	return []byte(strings.ReplaceAll(s, "\n", "\r\n"))
}

// flow breaks paragraphs with soft line ends (RFC 3676 section 4.2).
func flow(text string) string {
	var b strings.Builder
	for _, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if paragraph == "-- " || strings.HasPrefix(paragraph, ">") {
			b.WriteString(paragraph + "\n")
			continue
		}
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if len(line)+len(word) > 70 {
				b.WriteString(line + "\n")
				line = ""
			}
			line += word + " "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
