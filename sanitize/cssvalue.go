package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tdewolff/parse/v2/css"
)

// functions that a value may call. Each takes numbers, colours and other calls
// of the table, nothing that names a resource.
var functions = set("rgb(", "rgba(", "hsl(", "hsla(", "calc(", "min(", "max(", "clamp(")

// units of lengths. Heights of the viewport are not among them: the frame grows
// with its content, and content that grows with the frame would never end.
var units = set("px", "pt", "pc", "in", "cm", "mm", "q", "em", "rem", "ex", "ch", "vw", "deg", "grad", "rad", "turn",
	"dpi", "dpcm", "dppx", "n")

// declaration writes "name:value;" when the property is allowed and its value
// holds nothing but known tokens.
func (s *styles) declaration(list []css.Token, b *strings.Builder) {
	list = trimSpace(list)
	if len(list) < 3 || list[0].TokenType != css.IdentToken {
		return
	}
	s.countPictures(list)
	name := strings.ToLower(string(list[0].Data))
	list = trimSpace(list[1:])
	if len(list) < 2 || list[0].TokenType != css.ColonToken || !properties[name] {
		return
	}
	list, important := cutImportant(trimSpace(list[1:]))
	value, ok := writeValue(list)
	if !ok && name == "background" {
		name = "background-color"
		value, ok = backgroundColour(list)
	}
	if !ok || value == "" {
		return
	}
	b.WriteString(name + ":" + value)
	if important {
		b.WriteString("!important")
	}
	b.WriteByte(';')
}

// countPictures tells how many pictures of other hosts a declaration names,
// whether or not its property is allowed.
func (s *styles) countPictures(list []css.Token) {
	n := 0
	for i, tok := range list {
		switch tok.TokenType {
		case css.URLToken, css.BadURLToken:
			ref := strings.TrimLeft(string(tok.Data[len("url("):]), "\"' \t\r\n\f")
			if isRemote(ref) {
				n++
			}
		case css.StringToken:
			argument := i > 0 && (list[i-1].TokenType == css.FunctionToken || list[i-1].TokenType == css.CommaToken)
			if argument && isRemote(strings.Trim(string(tok.Data), "\"' \t\r\n\f")) {
				n++
			}
		}
	}
	if n > 0 {
		s.blocked(n)
	}
}

func trimSpace(list []css.Token) []css.Token {
	for len(list) > 0 && list[0].TokenType == css.WhitespaceToken {
		list = list[1:]
	}
	for len(list) > 0 && list[len(list)-1].TokenType == css.WhitespaceToken {
		list = list[:len(list)-1]
	}
	return list
}

func cutImportant(list []css.Token) ([]css.Token, bool) {
	n := len(list)
	if n < 2 || list[n-1].TokenType != css.IdentToken || !strings.EqualFold(string(list[n-1].Data), "important") {
		return list, false
	}
	rest := trimSpace(list[:n-1])
	if n = len(rest); n == 0 || string(rest[n-1].Data) != "!" {
		return list, false
	}
	return trimSpace(rest[:n-1]), true
}

// writeValue writes a value, or reports false when one of its tokens is not
// allowed. Brackets that the mail left open are closed.
func writeValue(list []css.Token) (string, bool) {
	var b strings.Builder
	depth := 0
	space := false // white space is due before the next token
	for _, tok := range list {
		if tok.TokenType == css.WhitespaceToken {
			space = b.Len() > 0
			continue
		}
		text, ok := valueToken(tok, depth)
		if !ok {
			return "", false
		}
		switch tok.TokenType {
		case css.FunctionToken, css.LeftParenthesisToken:
			// A space before "(" keeps it from making a function of the word
			// before; after a function's own "(" it does no harm.
			space = space || tok.TokenType == css.LeftParenthesisToken
			depth++
		case css.RightParenthesisToken:
			if depth--; depth < 0 {
				return "", false
			}
			space = false
		case css.CommaToken:
			space = false
		}
		if space || (needsSpace(tok) && b.Len() > 0 && !endsOpen(b.String())) {
			b.WriteByte(' ')
		}
		b.WriteString(text)
		space = false
	}
	writeTimes(&b, ")", depth)
	return b.String(), true
}

// needsSpace reports whether a token written next to the one before could join
// with it.
func needsSpace(t css.Token) bool {
	return t.TokenType != css.RightParenthesisToken && t.TokenType != css.CommaToken && string(t.Data) != "/"
}

func endsOpen(s string) bool {
	switch s[len(s)-1] {
	case '(', ',', '/', ' ':
		return true
	}
	return false
}

func valueToken(tok css.Token, depth int) (string, bool) {
	data := string(tok.Data)
	switch tok.TokenType {
	case css.IdentToken:
		return data, plainIdent(data)
	case css.HashToken:
		return data, len(data) <= 9 && isHex(data[1:])
	case css.NumberToken, css.PercentageToken, css.DimensionToken:
		return data, plainNumber(data)
	case css.StringToken:
		return plainString(data)
	case css.CommaToken:
		return ",", true
	case css.FunctionToken:
		data = strings.ToLower(data)
		return data, functions[data]
	case css.LeftParenthesisToken:
		return "(", depth > 0
	case css.RightParenthesisToken:
		return ")", true
	case css.DelimToken:
		return data, data == "/" || depth > 0 && (data == "+" || data == "-" || data == "*")
	}
	return "", false
}

// plainIdent accepts ASCII names, and letters of any script as in names of
// fonts. Behaviours of old browsers are no names.
func plainIdent(s string) bool {
	for _, r := range s {
		if !isWordByte(r) && (r < utf8.RuneSelf || r == utf8.RuneError || !unicode.IsLetter(r)) {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

func isWordByte(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

// plainNumber accepts a number with nothing, "%" or a known unit behind it.
func plainNumber(s string) bool {
	i := 0
	for i < len(s) && strings.IndexByte("0123456789.+-", s[i]) >= 0 {
		i++
	}
	unit := strings.ToLower(s[i:])
	return i > 0 && len(s) <= 32 && (unit == "" || unit == "%" || units[unit])
}

// plainString writes a string in single quotes: the name of a font. Anything
// that a name does not hold makes the declaration bad.
func plainString(s string) (string, bool) {
	if len(s) < 2 || len(s) > 128 || s[0] != s[len(s)-1] {
		return "", false
	}
	s = s[1 : len(s)-1]
	for _, r := range s {
		if !isWordByte(r) && r != ' ' && r != '.' && r != '+' && (r < utf8.RuneSelf || r == utf8.RuneError || !unicode.IsLetter(r)) {
			return "", false
		}
	}
	return "'" + s + "'", true
}

func isHex(s string) bool {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F') {
			return false
		}
	}
	return s != ""
}

// backgroundWords are the words of the background shorthand that name no colour.
var backgroundWords = set("repeat", "no-repeat", "repeat-x", "repeat-y", "round", "space", "scroll", "fixed", "local",
	"center", "left", "right", "top", "bottom", "cover", "contain", "auto", "none", "border-box", "padding-box",
	"content-box", "text", "inherit", "initial", "unset", "revert", "to", "at", "circle", "ellipse", "from", "in",
	"closest-side", "closest-corner", "farthest-side", "farthest-corner")

// backgroundColour finds the colour of a background whose picture cannot stay:
// the last colour outside of every function, else the first of a gradient.
// Without it white text would stand on white.
func backgroundColour(list []css.Token) (string, bool) {
	outside, inside := "", ""
	depth := 0
	for i := 0; i < len(list); i++ {
		tok := list[i]
		data := strings.ToLower(string(tok.Data))
		colour := ""
		switch {
		case tok.TokenType == css.HashToken && len(data) <= 9 && isHex(data[1:]):
			colour = data
		case tok.TokenType == css.IdentToken && plainIdent(data) && !backgroundWords[data] && isASCIILetters(data):
			colour = data
		case tok.TokenType == css.FunctionToken && (strings.HasPrefix(data, "rgb") || strings.HasPrefix(data, "hsl")):
			colour, i = colourCall(list, i)
		case tok.TokenType == css.FunctionToken || tok.TokenType == css.LeftParenthesisToken:
			depth++
		case tok.TokenType == css.RightParenthesisToken:
			depth = max(0, depth-1)
		}
		if colour != "" && depth == 0 {
			outside = colour
		} else if colour != "" && inside == "" {
			inside = colour
		}
	}
	if outside == "" {
		outside = inside
	}
	return outside, outside != ""
}

// colourCall writes the call that starts at i and returns where it ends.
func colourCall(list []css.Token, i int) (string, int) {
	end := i + 1
	for end < len(list) && list[end].TokenType != css.RightParenthesisToken {
		end++
	}
	call := list[i:min(end+1, len(list))]
	value, ok := writeValue(call)
	if !ok {
		return "", end
	}
	return value, end
}

func isASCIILetters(s string) bool {
	for _, r := range s {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	return s != ""
}
