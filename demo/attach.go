package demo

import (
	"archive/zip"
	"bytes"
	"fmt"
	"mime"
	"path"
	"strings"
)

// attachment makes the content of a file from the text given for it. The kind
// follows from the extension, and the same name and text always give the same
// bytes.
func attachment(name, text string) ([]byte, error) {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return makePDF(text), nil
	case ".png", ".jpg", ".jpeg":
		return picture(name)
	case ".zip":
		return makeZIP(text)
	case ".csv", ".txt", ".log", ".ics", ".vcf", ".svg", ".md":
		return crlf(text), nil
	}
	return nil, fmt.Errorf("attachment %q: no such kind", name)
}

// types are the media types by extension. They stand here because the system's
// own table differs between machines.
var types = map[string]string{
	".pdf":  "application/pdf",
	".png":  "image/png",
	".jpg":  "image/jpeg",
	".jpeg": "image/jpeg",
	".zip":  "application/zip",
	".csv":  "text/csv",
	".txt":  "text/plain",
	".log":  "text/plain",
	".md":   "text/markdown",
	".ics":  "text/calendar",
	".vcf":  "text/vcard",
	".svg":  "image/svg+xml",
}

func filePart(name, disposition string, content []byte) part {
	kind := types[strings.ToLower(path.Ext(name))]
	params := map[string]string{"name": name}
	if strings.HasPrefix(kind, "text/") {
		params["charset"] = "utf-8"
	}
	return part{[][2]string{
		{"Content-Type", mime.FormatMediaType(kind, params)},
		{"Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name})},
		{"Content-Transfer-Encoding", "base64"},
	}, wrapBase64(content)}
}

// makeZIP packs the text into files: a line "## name" begins each.
func makeZIP(text string) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, chunk := range strings.Split("\n"+text, "\n## ") {
		name, content, _ := strings.Cut(chunk, "\n")
		if i == 0 {
			name, content = "README.txt", strings.TrimSpace(chunk)
			if content == "" {
				continue
			}
		}
		made := crlf(content)
		if ext := path.Ext(name); ext == ".jpg" || ext == ".png" || ext == ".pdf" {
			var err error
			if made, err = attachment(name, content); err != nil {
				return nil, err
			}
		}
		f, err := w.Create(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(made); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
