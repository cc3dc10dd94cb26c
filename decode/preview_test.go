package decode

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPreview(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"one line", "Hello\r\n\r\nthere,\tAnn", "Hello there, Ann"},
		{"empty", "", ""},
		{"blank", " \n\t\n", ""},
		{"quotes", "Yes.\n> shall we?\n>> really\nSee you", "Yes. See you"},
		{"attribution", "Yes.\n\nOn Mon, 3 Feb 2003, Ann wrote:\n> shall we?", "Yes."},
		{"attribution of two lines", "Yes.\n\nOn Mon, Ann <ann@example.org>\nwrote:\n\n> shall we?", "Yes."},
		{"attribution, German", "Ja.\n\nAm 3. Februar schrieb Ann:\n> gehen wir?", "Ja."},
		{"a colon elsewhere stays", "Bring:\nbread", "Bring: bread"},
		{"top of an interleaved reply", "Ann wrote:\n> a?\nNo.\n> b?\nYes.", "No. Yes."},
		{"signature", "Bye\n-- \nAnn\nPhone 1", "Bye"},
		{"bare signature mark", "Bye\n--\nAnn", "Bye"},
		{"rules", "-----\nNews\n=====\nof today", "News of today"},
		{"original message", "Yes.\n-----Original Message-----\nFrom: Ann", "Yes."},
		{"a forward shows what it forwards", "-----Forwarded Message-----\nFrom: Ann", "-----Forwarded Message----- From: Ann"},
		{"links only", "https://example.org/a", "https://example.org/a"},
		{"nothing but a quote", "> shall we?\n> yes", "shall we? yes"},
		{"nothing but a signature", "-- \nAnn", "Ann"},
		{"bidi and controls", "a\u202eb\x1b[31mc", "ab[31mc"},
	} {
		if got := Preview(c.in); got != c.want {
			t.Errorf("%s: Preview(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestPreviewLength(t *testing.T) {
	for _, unit := range []string{"word ", "日本語", "😀", "a\n", "x"} {
		got := Preview(strings.Repeat(unit, 10000))
		if n := utf8.RuneCountInString(got); n > 200 || n < 199 {
			t.Errorf("a long text of %q gives %d characters", unit, n)
		}
	}
}

func TestHTMLText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"words", "<p>Hello <b>Ann</b>,</p><p>see  you</p>", "Hello Ann,\nsee you"},
		{"inside a word", "un<b>believ</b>able", "unbelievable"},
		{"blank at the edge", "a <i>b</i> c<i> d</i>", "a b c d"},
		{"entities", "caf&eacute; &amp; &#8364;&nbsp;5 &lt;b&gt;", "café & € 5 <b>"},
		{"head, style, script", "<head><title>T</title><style>a{b:c}</style></head><script>if(a<b)x()</script>Hi", "Hi"},
		{"style in upper case", "<STYLE>a{}</STYLE >Hi", "Hi"},
		{"open style to the end", "Hi<style>a{color:red", "Hi"},
		{"cut in a tag", "Hi <a href=\"https://example.org/?a=1", "Hi"},
		{"cut in an end tag", "Hi</", "Hi"},
		{"cut after a bracket", "Hi <", "Hi"},
		{"cut in an entity", "Hi &amp", "Hi &"},
		{"cut in a comment", "Hi <!-- there", "Hi"},
		{"conditional comment", "<!--[if mso]><p>no</p><![endif]-->yes", "yes"},
		{"cells and rows", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"},
		{"line breaks", "a<br>b<br/>c<hr>d", "a\nb\nc\nd"},
		{"list", "<ul><li>a<li>b</ul>", "a\nb"},
		{"padding of a preheader", "Sale&nbsp;&zwnj;&nbsp;&zwnj;&#847;&#8199;&#65279;<div>Now</div>", "Sale\nNow"},
		{"soft hyphens", "news&shy;letter", "newsletter"},
		{"quote", "Yes<blockquote type=cite>really?<br>now?</blockquote>sure", "Yes\n> really?\n> now?\nsure"},
		{"quote never closed", "<blockquote><blockquote>a", "> a"},
		{"stray ends", "</blockquote></p></style>a", "a"},
		{"plain text", "a < b", "a < b"},
		{"NUL", "a\x00b", "ab"},
	} {
		got := HTMLText(c.in)
		if got != c.want {
			t.Errorf("%s: HTMLText(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
	reply := `<div>Fine with me.</div><div>On Mon, 3 Feb 2003 Ann &lt;ann@example.org&gt; wrote:<br></div><blockquote>Lunch?</blockquote>`
	if got := Preview(HTMLText(reply)); got != "Fine with me." {
		t.Errorf("preview of an HTML reply: %q", got)
	}
}
