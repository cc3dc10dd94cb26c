package static

import (
	"bytes"
	"io/fs"
	"strings"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/js"
)

// script joins htmx, as published, and the files of js/ in the order of their
// names, which share one scope. Those are minified when the program starts, which
// takes two milliseconds: what is served is always made of the readable files, and
// nobody has to remember a build step.
func script() []byte {
	names, err := fs.Glob(files, "js/*.js") // sorted
	if err != nil {
		panic("static: " + err.Error()) // the pattern is a constant
	}
	var own bytes.Buffer
	own.WriteString("(() => {\n\"use strict\";\n")
	for _, name := range names {
		own.Write(read(name))
	}
	own.WriteString("})();\n")
	var out bytes.Buffer
	out.Write(read("vendor/htmx.min.js"))
	out.WriteByte('\n')
	if err := (&js.Minifier{Version: 2022}).Minify(minify.New(), &out, &own, nil); err != nil {
		panic("static: js: " + err.Error()) // embedded, and read by every test
	}
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
