package decode

import "strings"

// Enriched gives the words of text/enriched (RFC 1896) and of its forerunner
// text/richtext (RFC 1341) without their commands: single line ends are blanks,
// of more than one the first vanishes, and what stands between <param> or
// <comment> and its end is not text.
func Enriched(s string) string {
	var e enriched
	s = Lines(tidy(s))
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\n':
			n := i
			for n < len(s) && s[n] == '\n' {
				n++
			}
			e.newlines(n - i)
			i = n
		case strings.HasPrefix(s[i:], "<<"):
			e.text("<")
			i += 2
		case s[i] == '<':
			name := commandName(s[i+1:])
			if name == "" {
				e.text("<")
				i++
				continue
			}
			e.command(strings.ToLower(name))
			i += len(name) + 2
		default:
			n := strings.IndexAny(s[i:], "<\n")
			if n < 0 {
				n = len(s) - i
			}
			e.text(s[i : i+n])
			i += n
		}
	}
	return e.out.String()
}

// commandMax is the longest name of a command: 60 characters and a slash.
const commandMax = 61

// commandName returns the name before the next ">", or "" where there is none.
func commandName(s string) string {
	s = s[:min(len(s), commandMax+1)]
	i := strings.IndexByte(s, '>')
	if i < 1 || strings.ContainsAny(s[:i], " \n<") {
		return ""
	}
	return s[:i]
}

type enriched struct {
	out    strings.Builder
	hidden string // the command whose content is not text
	nofill bool   // line ends count as they are
}

func (e *enriched) text(s string) {
	if e.hidden == "" {
		e.out.WriteString(s)
	}
}

func (e *enriched) newlines(n int) {
	switch {
	case e.nofill:
	case n == 1:
		e.text(" ")
		return
	default:
		n--
	}
	e.text(strings.Repeat("\n", n))
}

func (e *enriched) command(name string) {
	switch name {
	case "param", "comment":
		if e.hidden == "" {
			e.hidden = name
		}
	case "/param", "/comment":
		if e.hidden == name[1:] {
			e.hidden = ""
		}
	case "nofill":
		e.nofill = true
	case "/nofill":
		e.nofill = false
	case "nl", "np", "paragraph", "/paragraph":
		e.text("\n")
	case "lt":
		e.text("<")
	}
}
