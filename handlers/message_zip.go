package handlers

import (
	"archive/zip"
	"net/http"
	"path"
	"strconv"
	"strings"

	"oriel/decode"
	"oriel/mail"
	"oriel/views"
)

// The limits of an archive: beyond them the parts are saved one by one.
const (
	maxZipParts = 100
	maxZipSize  = 200 << 20
)

// sendZip streams all attachments of a message in one archive, stored and not
// compressed: attachments mostly are already. GET …/attachments.zip.
func (a *App) sendZip(v visit) error {
	ref, moved, err := a.messageParam(v)
	if err != nil {
		return err
	}
	if moved {
		return redirect(v, views.ZipURL(ref))
	}
	m, err := v.mail.Message(v.Request().Context(), ref)
	if err != nil {
		return err
	}
	parts := m.Body.Attachments
	if len(parts) == 0 {
		return &mail.Error{Kind: mail.NoMessage, Op: "zip: no attachments"}
	}
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	if len(parts) > maxZipParts || size > maxZipSize {
		return &mail.Error{Kind: mail.TooLarge, Op: "zip"}
	}
	name := decode.SafeName(m.Subject)
	if name == "" {
		name = "attachments"
	}
	setFile(v, "application/zip", "attachment", name+".zip")
	return a.writeZip(v, m, parts)
}

// writeZip writes the archive while it is sent. Once it has begun an error can
// only break it off, which the error handler does.
func (a *App) writeZip(v visit, m mail.Message, parts []mail.Part) error {
	v.Response().WriteHeader(http.StatusOK)
	if v.Request().Method == http.MethodHead {
		return nil
	}
	z := zip.NewWriter(patientWriter{v.Response()})
	used := map[string]bool{}
	for i, info := range parts {
		name := info.Name
		if name == "" {
			name = decode.DefaultName(info.Type, info.Subject, i+1)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: unused(used, name), Method: zip.Store, Modified: m.Date})
		if err != nil {
			return err
		}
		p, err := v.mail.Part(v.Request().Context(), m.Ref, info.Path)
		if err != nil {
			return err
		}
		err = pour(w, p)
		p.Close()
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// unused makes names in one archive differ: "plan.pdf", "plan (2).pdf".
func unused(used map[string]bool, name string) string {
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	for n := 2; used[strings.ToLower(name)]; n++ {
		name = base + " (" + strconv.Itoa(n) + ")" + ext
	}
	used[strings.ToLower(name)] = true
	return name
}
