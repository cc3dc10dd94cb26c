package handlers

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"oriel/decode"
	"oriel/imapsession"
	"oriel/mail"
	"oriel/views"
)

// maxInlineText is the largest text part shown in the browser; it is decoded as a
// whole, so a larger one is saved instead.
const maxInlineText = 1 << 20

// showBody is an HTML body as a document of its own, for the sandboxed frame:
// GET /m/{folder}/{msg}/body.
func (a *App) showBody(v visit) error {
	ref, moved, err := a.messageParam(v)
	if err != nil {
		return err
	}
	if moved {
		return redirect(v, views.BodyURL(ref, v.QueryParam("part")))
	}
	if doc, ok := a.held.take(heldKey{v.login.ID, ref, v.QueryParam("part")}); ok {
		return v.HTMLBlob(http.StatusOK, []byte(doc))
	}
	m, err := v.mail.Message(v.Request().Context(), ref)
	if err != nil {
		return err
	}
	t, ok := htmlText(m, v.QueryParam("part"))
	if !ok {
		return &mail.Error{Kind: mail.NoMessage, Op: "body: no such html part"}
	}
	doc, err := a.clean(v.Request().Context(), m, t, map[string]bool{})
	if err != nil {
		return err
	}
	return v.HTMLBlob(http.StatusOK, []byte(doc.HTML))
}

// htmlText is the named HTML text of a message, or the first.
func htmlText(m mail.Message, part string) (mail.Text, bool) {
	for _, t := range m.Texts {
		if t.Part.Type == "text/html" && (part == "" || t.Part.Path == part) {
			return t, true
		}
	}
	return mail.Text{}, false
}

// sendPart streams one decoded part: GET /m/{folder}/{msg}/part/{path}.
func (a *App) sendPart(v visit) error {
	ref, moved, err := a.messageParam(v)
	if err != nil {
		return err
	}
	path := v.Param("path")
	if !partNumber(path) {
		return &mail.Error{Kind: mail.NoMessage, Op: "part number"}
	}
	if moved {
		return redirect(v, views.PartURL(ref, path, v.QueryParam("download") != ""))
	}
	if a.unchanged(v, ref, path) {
		return v.NoContent(http.StatusNotModified)
	}
	p, err := v.mail.Part(v.Request().Context(), ref, path)
	if err != nil {
		return err
	}
	defer p.Close()
	name := p.Info.Name
	if name == "" {
		name = decode.DefaultName(p.Info.Type, p.Info.Subject, 1)
	}
	return a.sendDecoded(v, p, name)
}

// sendDecoded decides how a part is served and streams it. Only pictures whose
// bytes agree with their label, and plain text, may be shown in the browser;
// everything else is saved as a file that means nothing to it.
func (a *App) sendDecoded(v visit, p *imapsession.Part, name string) error {
	head := bufio.NewReaderSize(p, 4096)
	start, err := head.Peek(512)
	if err != nil && err != io.EOF {
		return err
	}
	if v.QueryParam("download") == "" {
		if isPicture(p.Info.Type, start) {
			setFile(v, p.Info.Type, "inline", name)
			return a.stream(v, head)
		}
		if p.Info.Type == "text/plain" && p.Info.Size <= maxInlineText {
			return a.sendText(v, p, head, name)
		}
	}
	setFile(v, "application/octet-stream", "attachment", name)
	return a.stream(v, head)
}

// sendText shows a text part as UTF-8, whatever charset it came in.
func (a *App) sendText(v visit, p *imapsession.Part, r io.Reader, name string) error {
	raw, err := io.ReadAll(io.LimitReader(r, 2*maxInlineText))
	if err != nil {
		return err
	}
	setFile(v, "text/plain; charset=utf-8", "inline", name)
	return a.stream(v, strings.NewReader(decode.Text(raw, p.Info.Charset)))
}

// sendSource streams the message as it is on the server: GET …/source.
func (a *App) sendSource(v visit) error {
	ref, moved, err := a.messageParam(v)
	if err != nil {
		return err
	}
	if moved {
		return redirect(v, views.SourceURL(ref))
	}
	if a.unchanged(v, ref, "source") {
		return v.NoContent(http.StatusNotModified)
	}
	p, err := v.mail.Source(v.Request().Context(), ref)
	if err != nil {
		return err
	}
	defer p.Close()
	name := decode.SafeName(p.Info.Subject)
	if name == "" {
		name = "message"
	}
	setFile(v, "message/rfc822", "attachment", name+".eml")
	if p.Size >= 0 {
		v.Response().Header().Set("Content-Length", strconv.FormatInt(p.Size, 10))
	}
	return a.stream(v, p)
}

// unchanged answers a browser that has the part already. The content behind a
// UIDVALIDITY, UID and part number never changes, so the mail server need not be
// asked (RFC 3501 section 2.3.1.1). Another version of Oriel may decode it otherwise.
func (a *App) unchanged(v visit, ref mail.Ref, path string) bool {
	sum := sha256.Sum256([]byte(a.Version + "\x00" + v.login.User + "\x00" + ref.String() + "\x00" + path + "\x00" + v.QueryParam("download")))
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
	h := v.Response().Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", tag)
	return strings.Contains(v.Request().Header.Get("If-None-Match"), tag)
}

// setFile sets type and name. The name is given twice, for old and new browsers
// (RFC 6266 section 5).
func setFile(c echo.Context, typ, disposition, name string) {
	h := c.Response().Header()
	h.Set("Content-Type", typ)
	h.Set("Content-Disposition", disposition+`; filename="`+asciiName(name)+`"; filename*=UTF-8''`+escapeName(name))
}

// asciiName replaces what a quoted string of an old browser cannot hold.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
}

// escapeName percent-encodes by RFC 5987 section 3.2.1.
func escapeName(name string) string {
	const plain = "!#$&+-.^_`|~"
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c < utf8.RuneSelf && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(plain, c) >= 0) {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
		}
	}
	return b.String()
}

// isPicture reports whether the bytes are what the label says, and harmless.
// SVG is not: it can carry script.
func isPicture(typ string, start []byte) bool {
	switch typ {
	case "image/png":
		return bytes.HasPrefix(start, []byte("\x89PNG\r\n\x1a\n"))
	case "image/jpeg":
		return bytes.HasPrefix(start, []byte("\xff\xd8\xff"))
	case "image/gif":
		return bytes.HasPrefix(start, []byte("GIF87a")) || bytes.HasPrefix(start, []byte("GIF89a"))
	case "image/webp":
		return len(start) >= 12 && string(start[:4]) == "RIFF" && string(start[8:12]) == "WEBP"
	case "image/avif":
		return len(start) >= 12 && string(start[4:8]) == "ftyp" && (string(start[8:12]) == "avif" || string(start[8:12]) == "avis")
	}
	return false
}

// partNumber accepts what RFC 3501 calls a section part: "1", "2.3".
func partNumber(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for _, n := range strings.Split(s, ".") {
		if v, err := strconv.ParseUint(n, 10, 16); err != nil || v == 0 {
			return false
		}
	}
	return true
}
