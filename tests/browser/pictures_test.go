package browser

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "directory to photograph the main screens into")

// TestPictures photographs the program for the documentation:
//
//	go test -run TestPictures -pictures ../../docs .
//
// writes docs/screenshot.png and two more, of the sample mailbox.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no directory was given with -pictures")
	}
	s := demoSite(t)
	open := func(subject string) func(*tab) {
		return func(b *tab) { b.read(subject) }
	}
	const stair = "Re: Harbour Street stair: revised drawings"
	for _, shot := range []struct {
		name string
		look look
		show func(*tab)
	}{
		{"screenshot.png", look{name: "laptop", width: 1280, height: 800, scheme: "light"}, open(stair)},
		{"screenshot-dark.png", look{name: "laptop", width: 1280, height: 800, scheme: "dark"}, open(stair)},
		{"screenshot-phone.png", phone, func(*tab) {}},
	} {
		b := s.signIn(s.tab(t, shot.look))
		shot.show(b)
		b.settle()
		b.until("$$('iframe').every(f => f.contentDocument.readyState === 'complete') && document.fonts.status === 'loaded'")
		b.eval("document.activeElement.blur()")
		b.check(chromedp.Do(b.ctx, chromedp.MouseEvent(chromedp.MouseMoved, 640, 26)))
		picture := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
		b.check(os.WriteFile(filepath.Join(*pictures, shot.name), picture.Data, 0o644))
	}
}
