package sanitize

import (
	"strings"

	"github.com/tdewolff/parse/v2/css"
)

// pseudo are the pseudo-classes and pseudo-elements that a selector may name.
// :has can make matching slow, :root and :host reach out of the body; ::before
// and ::after show nothing without the content property, which is not allowed.
var pseudo = set("active", "any-link", "empty", "first-child", "first-letter", "first-line", "first-of-type", "focus",
	"hover", "last-child", "last-of-type", "link", "only-child", "only-of-type", "visited")

var pseudoFunctions = set("nth-child(", "nth-last-child(", "nth-of-type(", "nth-last-of-type(")

// selectors writes the selectors of a list that hold only types, classes, ids,
// known pseudo-classes and combinators, and drops the others one by one. Ids
// match nothing, as no element keeps one; they are kept for the specificity.
func selectors(prelude []css.Token) string {
	var list, one strings.Builder
	ok := true
	flush := func() {
		sel := strings.TrimSpace(one.String())
		if ok && sel != "" && len(sel) <= maxSelector {
			if list.Len() > 0 {
				list.WriteByte(',')
			}
			list.WriteString(sel)
		}
		one.Reset()
		ok = true
	}
	for i, tok := range prelude {
		if tok.TokenType == css.CommaToken && !inFunction(prelude[:i]) {
			flush()
			continue
		}
		if one.Len() <= maxSelector {
			ok = ok && selectorToken(prelude, i, &one)
		}
	}
	flush()
	return list.String()
}

// inFunction reports whether the tokens end inside of a pseudo-class with an
// argument. Arguments are short; looking back three tokens is enough.
func inFunction(before []css.Token) bool {
	for i := len(before) - 1; i >= 0 && i >= len(before)-3; i-- {
		switch before[i].TokenType {
		case css.FunctionToken:
			return true
		case css.RightParenthesisToken:
			return false
		}
	}
	return false
}

func selectorToken(list []css.Token, i int, b *strings.Builder) bool {
	tok, data := list[i], string(list[i].Data)
	afterColon := i > 0 && list[i-1].TokenType == css.ColonToken
	switch tok.TokenType {
	case css.WhitespaceToken:
		b.WriteByte(' ')
		return true
	case css.IdentToken:
		b.WriteString(data)
		return plainIdent(data) && (!afterColon || pseudo[strings.ToLower(data)])
	case css.HashToken:
		b.WriteString(data)
		return plainIdent(data[1:]) && !afterColon
	case css.ColonToken:
		b.WriteByte(':')
		return i+1 < len(list) && (list[i+1].TokenType == css.IdentToken || list[i+1].TokenType == css.FunctionToken ||
			list[i+1].TokenType == css.ColonToken && !afterColon)
	case css.FunctionToken:
		b.WriteString(strings.ToLower(data))
		return afterColon && pseudoFunctions[strings.ToLower(data)] && nthArgument(list[i+1:])
	case css.RightParenthesisToken:
		b.WriteByte(')')
		return inFunction(list[:i])
	case css.NumberToken, css.DimensionToken:
		b.WriteString(data)
		return inFunction(list[:i]) && plainNumber(data)
	case css.DelimToken:
		b.WriteString(data)
		return data == "." || data == ">" || data == "+" || data == "~" || data == "*"
	}
	return false
}

// nthArgument accepts "odd", "even", "3", "2n", "2n+1", "-n+3" as one or two
// tokens and the closing parenthesis.
func nthArgument(rest []css.Token) bool {
	for i, tok := range rest {
		switch tok.TokenType {
		case css.RightParenthesisToken:
			return i > 0
		case css.IdentToken, css.NumberToken, css.DimensionToken:
			if i > 1 {
				return false
			}
		default:
			return false
		}
	}
	return false
}

// mediaFeatures are what a media query may ask for. prefers-color-scheme is not
// among them: a mail is shown on white or inverted as a whole, so half of a dark
// version would be unreadable on it.
var mediaFeatures = set("width", "min-width", "max-width", "device-width", "min-device-width", "max-device-width",
	"height", "min-height", "max-height", "orientation", "resolution", "min-resolution", "max-resolution",
	"-webkit-min-device-pixel-ratio", "-webkit-max-device-pixel-ratio", "-webkit-device-pixel-ratio",
	"min-device-height", "max-device-height", "hover", "pointer", "any-hover", "any-pointer")

var mediaWords = set("all", "screen", "print", "only", "not", "and", "or", "portrait", "landscape", "none", "fine", "coarse")

// mediaQuery writes the prelude of an @media rule, or reports false.
func mediaQuery(prelude []css.Token) (string, bool) {
	var b strings.Builder
	depth := 0
	for _, tok := range prelude {
		data := strings.ToLower(string(tok.Data))
		switch tok.TokenType {
		case css.WhitespaceToken:
			b.WriteByte(' ')
		case css.IdentToken:
			if !mediaFeatures[data] && !mediaWords[data] {
				return "", false
			}
			b.WriteString(data)
		case css.NumberToken, css.DimensionToken:
			if depth == 0 || !plainNumber(data) {
				return "", false
			}
			b.WriteString(data)
		case css.ColonToken:
			b.WriteByte(':')
		case css.CommaToken:
			b.WriteByte(',')
		case css.LeftParenthesisToken:
			depth++
			b.WriteString(" (")
		case css.RightParenthesisToken:
			if depth--; depth < 0 {
				return "", false
			}
			b.WriteByte(')')
		default:
			return "", false
		}
	}
	query := strings.ReplaceAll(strings.Join(strings.Fields(b.String()), " "), ": ", ":")
	return query, depth == 0 && query != "" && len(query) <= maxSelector
}
