package htmltest

import "testing"

func TestSelectors(t *testing.T) {
	d := Parse(t, `<main id=m><ul class="a rows"><li data-x=1><a href=/p>One  more</a><li data-x=2 hidden></ul></main>`)
	for selector, want := range map[string]int{
		"li": 2, "li[data-x=2]": 1, "[hidden]": 1, ".rows a": 1, "#m .a li[data-x]": 2,
		"ul.a.rows": 1, "ul.b": 0, "a li": 0, "main a[href=/p]": 1, "li[data-x=3]": 0,
	} {
		if got := len(d.All(selector)); got != want {
			t.Errorf("%q matches %d, want %d", selector, got, want)
		}
	}
	if got := d.One("a").Text(); got != "One more" {
		t.Errorf("text = %q", got)
	}
	if d.In(d.One("li[data-x=2]")).Has("a") {
		t.Error("the second row holds the first one's link")
	}
}
