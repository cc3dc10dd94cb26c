package sanitize

import (
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

// Limits of styles. What is beyond them is dropped: a mail that loses its last
// rules still reads, and no honest newsletter comes near.
const (
	maxSheets   = 256 << 10 // bytes of all style elements of a mail
	maxRules    = 5000      // rules of a mail
	maxInline   = 16 << 10  // bytes of one style attribute
	maxSelector = 512       // bytes of one selector
	maxPrelude  = 4 << 10   // tokens before a "{"
	maxValue    = 1 << 10   // tokens of one declaration
	maxMedia    = 2         // depth of nested @media
)

// styles writes style sheets and style attributes of one mail anew, from the
// tokens that it knows. Nothing is copied from the mail but names and numbers
// that were looked at letter by letter, so no difference between this tokeniser
// and a browser's can let anything through.
//
// It stands on the lexer of tdewolff/parse, not on its parser: that one loses
// count of brackets after an error, which costs the rest of a sloppy sheet, and
// returns errors for ever at the end of some inputs.
type styles struct {
	blocked func(n int) // is told about remote pictures
	bytes   int         // of style elements read so far
	rules   int         // written so far
}

// tokens reads the tokens of a style, with one step back.
type tokens struct {
	lex    *css.Lexer
	held   css.Token // given again by next, when isHeld
	isHeld bool
}

func newTokens(src string) *tokens {
	// The lexer takes a NUL byte for the end of input in places.
	if strings.IndexByte(src, 0) >= 0 {
		src = strings.ReplaceAll(src, "\x00", " ")
	}
	return &tokens{lex: css.NewLexer(parse.NewInputString(src))}
}

// next returns a comment as white space: dropping it would join its neighbours.
func (t *tokens) next() css.Token {
	if t.isHeld {
		t.isHeld = false
		return t.held
	}
	tt, data := t.lex.Next()
	if tt == css.CommentToken {
		tt, data = css.WhitespaceToken, nil
	}
	return css.Token{TokenType: tt, Data: data}
}

// skipBlock reads to the "}" of a block whose "{" was read.
func (t *tokens) skipBlock() {
	for depth := 1; depth > 0; {
		switch t.next().TokenType {
		case css.LeftBraceToken:
			depth++
		case css.RightBraceToken:
			depth--
		case css.ErrorToken:
			return
		}
	}
}

// inline returns the value of a style attribute.
func (s *styles) inline(src string) string {
	if len(src) > maxInline {
		return ""
	}
	var b strings.Builder
	s.declarations(newTokens(src), &b)
	return checked(b.String())
}

// sheet returns the content of a style element. media is the element's media
// attribute.
func (s *styles) sheet(src, media string) string {
	if s.bytes += len(src); s.bytes > maxSheets {
		return ""
	}
	var b strings.Builder
	depth := 0
	if media = strings.TrimSpace(media); media != "" {
		prelude, end := readPrelude(newTokens(media))
		query, ok := mediaQuery(prelude)
		if end != css.ErrorToken || !ok {
			return ""
		}
		b.WriteString("@media " + query + "{")
		depth = 1
	}
	s.ruleList(newTokens(src), &b, depth)
	return checked(b.String())
}

// ruleList reads rules to the end of the input. depth counts the open @media.
func (s *styles) ruleList(t *tokens, b *strings.Builder, depth int) {
	base := depth
	for s.rules < maxRules {
		first := t.next()
		switch first.TokenType {
		case css.ErrorToken:
			writeTimes(b, "}", depth)
			return
		case css.WhitespaceToken, css.CDOToken, css.CDCToken, css.SemicolonToken:
		case css.RightBraceToken:
			if depth > base {
				b.WriteByte('}')
				depth--
			}
		case css.AtKeywordToken:
			if s.atRule(t, first, b, depth) {
				depth++
			}
		default:
			s.styleRule(t, first, b)
		}
	}
	writeTimes(b, "}", depth)
}

// atRule reads an at-rule up to its ";" or its whole block. Of @media it reads
// up to the "{", writes that and returns true.
func (s *styles) atRule(t *tokens, name css.Token, b *strings.Builder, depth int) bool {
	prelude, end := readPrelude(t)
	if end != css.LeftBraceToken {
		return false
	}
	query, ok := "", false
	if strings.EqualFold(string(name.Data), "@media") && depth < maxMedia {
		query, ok = mediaQuery(prelude)
	}
	if !ok {
		t.skipBlock()
		return false
	}
	s.rules++
	b.WriteString("@media " + query + "{")
	return true
}

// styleRule reads one rule, whose first token was read, and writes it when both
// a selector and a declaration are left of it.
func (s *styles) styleRule(t *tokens, first css.Token, b *strings.Builder) {
	prelude, end := readPrelude(t, first)
	if end != css.LeftBraceToken {
		return
	}
	var body strings.Builder
	s.declarations(t, &body)
	if list := selectors(prelude); list != "" && body.Len() > 0 {
		s.rules++
		b.WriteString(list + "{" + body.String() + "}")
	}
}

// readPrelude reads tokens up to "{" or ";" and returns which it was;
// ErrorToken is the end of the input, and a "}" ends it too but is left for the
// @media around. A prelude that is too long comes back empty.
func readPrelude(t *tokens, list ...css.Token) ([]css.Token, css.TokenType) {
	tooLong := false
	for {
		tok := t.next()
		switch tok.TokenType {
		case css.LeftBraceToken, css.SemicolonToken, css.RightBraceToken, css.ErrorToken:
			if tok.TokenType == css.RightBraceToken {
				t.held, t.isHeld = tok, true
			}
			if tooLong {
				list = nil
			}
			return list, tok.TokenType
		}
		if tooLong = tooLong || len(list) >= maxPrelude; !tooLong {
			list = append(list, tok)
		}
	}
}

// declarations reads to the "}" of a rule or the end of the input. A "}" ends
// the rule even inside an open bracket: browsers would swallow the next rules
// too, but a sloppy sheet reads better so.
func (s *styles) declarations(t *tokens, b *strings.Builder) {
	var list []css.Token
	bad := false
	for {
		tok := t.next()
		switch tok.TokenType {
		case css.SemicolonToken, css.RightBraceToken, css.ErrorToken:
			if !bad {
				s.declaration(list, b)
			}
			if tok.TokenType != css.SemicolonToken {
				return
			}
			list, bad = list[:0], false
		case css.LeftBraceToken:
			// A nested rule; as in browsers, it ends like a declaration.
			t.skipBlock()
			list, bad = list[:0], false
		default:
			if bad = bad || len(list) >= maxValue; !bad {
				list = append(list, tok)
			}
		}
	}
}

// checked is the last look at text written by this package: it can hold none of
// these, whatever the mail was.
func checked(s string) string {
	if strings.ContainsAny(strings.ReplaceAll(s, "@media ", ""), "<\\@&") {
		return ""
	}
	return s
}

func writeTimes(b *strings.Builder, s string, n int) {
	for range n {
		b.WriteString(s)
	}
}
