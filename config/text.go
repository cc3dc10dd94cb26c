package config

import (
	"fmt"
	"strings"
)

//go:generate go test -run TestDocumentation -update

// Markdown is the text of docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Generated from config/config.go by ` + "`go generate ./config`" + `; do not edit.

Oriel is configured by flags or by environment variables; a flag wins over the variable, and the variable over the
default. The flag's name follows from the variable's: ` + "`ORIEL_CA_FILE` is `-ca-file`" + `. Only ` + "`ORIEL_IMAP`" + ` is required.
An empty variable counts as not set. A misspelt name is an error: the program lists everything that is wrong with its
configuration at once and ends with status 2.

A secret may also be given as the name of a file that holds it, in ` + "`NAME_FILE`" + ` (` + "`-key-file`" + `), as container platforms
provide it. Prefer that to the flag: other users of the machine can read the arguments of a program.

| variable | default | meaning |
|---|---|---|
`)
	for _, s := range settings() {
		names := "`" + strings.Join(s.names(), "`, `") + "`"
		fmt.Fprintf(&b, "| %s | %s | %s |\n", names, s.fallbackText(), strings.ReplaceAll(s.doc, "|", `\|`))
	}
	return b.String()
}

func (s setting) fallbackText() string {
	switch {
	case s.required:
		return "required"
	case s.isSwitch:
		return "off"
	case s.fallback == "":
		return "none"
	}
	return "`" + s.fallback + "`"
}

// Usage lists the flags for a terminal of 80 columns.
func Usage() string {
	var b strings.Builder
	for _, s := range settings() {
		fmt.Fprintf(&b, "  -%s  (%s; default: %s)\n", s.flag, strings.Join(s.names(), ", "), strings.Trim(s.fallbackText(), "`"))
		line := "     "
		for word := range strings.FieldsSeq(s.doc) {
			if len(line)+1+len(word) > 80 {
				b.WriteString(line + "\n")
				line = "     "
			}
			line += " " + word
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
