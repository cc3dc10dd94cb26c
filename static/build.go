package static

import (
	"bytes"
	"io/fs"
	"strings"
)

// script joins htmx, as published, and the files of js/ in the order of their
// names, which share one scope: a few readable files, one request, no build
// step. Lines that only hold a comment are dropped, and so is indentation.
func script() []byte {
	names, err := fs.Glob(files, "js/*.js") // sorted
	if err != nil {
		panic("static: " + err.Error()) // the pattern is a constant
	}
	var out bytes.Buffer
	out.Write(read("vendor/htmx.min.js"))
	out.WriteString("\n(() => {\n\"use strict\";\n")
	for _, name := range names {
		for line := range strings.Lines(string(read(name))) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "//") {
				continue
			}
			out.WriteString(line)
			out.WriteByte('\n')
		}
	}
	out.WriteString("})();\n")
	return out.Bytes()
}

// squeezeCSS drops comments and indentation. The stylesheet holds no string
// with "/*" in it, which a test checks by balancing the braces of the result.
func squeezeCSS(src []byte) []byte {
	var out bytes.Buffer
	s := string(src)
	for {
		before, rest, found := strings.Cut(s, "/*")
		out.WriteString(before)
		if !found {
			break
		}
		_, s, _ = strings.Cut(rest, "*/")
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

// manifest is the web app manifest with the names of its icons replaced by
// their hashed paths.
func manifest() []byte {
	s := string(read("app.webmanifest"))
	for name, u := range byName {
		s = strings.ReplaceAll(s, `"`+name+`"`, `"`+u+`"`)
	}
	return []byte(s)
}
