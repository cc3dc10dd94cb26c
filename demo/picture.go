package demo

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"strings"
	"sync"
)

// pictures keeps what was drawn, by name. Drawing is most of the work of a
// start, and tests start many servers in one process.
var pictures sync.Map

// picture draws the image of that name, as JPEG or as PNG.
func picture(name string) ([]byte, error) {
	if known, ok := pictures.Load(name); ok {
		return known.([]byte), nil
	}
	draw := makeJPEG
	if strings.HasSuffix(strings.ToLower(name), ".png") {
		draw = makePNG
	}
	made, err := draw(name)
	if err != nil {
		return nil, err
	}
	pictures.Store(name, made)
	return made, nil
}

// palette is what a drawn picture takes its colours from.
type palette struct{ light, middle, dark, accent color.RGBA }

var palettes = []palette{
	{rgb(0xdfe8ee), rgb(0xa9bccb), rgb(0x4a5d6b), rgb(0xc8783a)},
	{rgb(0xf3e9d8), rgb(0xcbb48d), rgb(0x5b4630), rgb(0x3f6f63)},
	{rgb(0xe7efe2), rgb(0xa8c09a), rgb(0x41573b), rgb(0xb5523b)},
	{rgb(0xfbe7d6), rgb(0xe0a47c), rgb(0x6a3a35), rgb(0x2f5674)},
}

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func fillRect(m *image.RGBA, x0, y0, x1, y1 int, c color.Color) {
	draw.Draw(m, image.Rect(x0, y0, x1, y1), image.NewUniform(c), image.Point{}, draw.Src)
}

// makeJPEG draws a "photo": a sash window for the workshop's pictures, hills for
// all others, with colours that follow from the name.
func makeJPEG(name string) ([]byte, error) {
	m := image.NewRGBA(image.Rect(0, 0, 640, 480))
	seed := hash(name)
	if strings.Contains(name, "sash") || strings.Contains(name, "window") || seed%3 == 0 {
		drawWindow(m, palettes[seed%4], 2+int(seed>>8%3), 2+int(seed>>12%2)*2)
	} else {
		drawHills(m, palettes[seed%4], float64(seed%97)/15)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 82})
	return b.Bytes(), err
}

// makePNG draws a barcode, or a small sign for logos.
func makePNG(name string) ([]byte, error) {
	var m *image.RGBA
	seed := hash(name)
	if strings.Contains(name, "barcode") || strings.Contains(name, "ticket") {
		m = image.NewRGBA(image.Rect(0, 0, 360, 120))
		drawBarcode(m, seed)
	} else {
		m = image.NewRGBA(image.Rect(0, 0, 160, 160))
		p := palettes[seed%4]
		drawWindow(m, palette{p.middle, p.accent, p.light, p.accent}, 2, 2)
	}
	var b bytes.Buffer
	err := png.Encode(&b, m)
	return b.Bytes(), err
}

func drawWindow(m *image.RGBA, p palette, columns, rows int) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	fillRect(m, 0, 0, w, h, p.middle)
	left, top, right, bottom := w/4, h/10, w*3/4, h*17/20
	bar := max(w/80, 2)
	fillRect(m, left-2*bar, top-2*bar, right+2*bar, bottom+2*bar, p.light)
	for c := range columns {
		for r := range rows {
			x0, x1 := left+(right-left)*c/columns, left+(right-left)*(c+1)/columns
			y0, y1 := top+(bottom-top)*r/rows, top+(bottom-top)*(r+1)/rows
			fillRect(m, x0+bar, y0+bar, x1-bar, y1-bar, p.dark)
			fillRect(m, x0+2*bar, y0+2*bar, x0+3*bar, y1-2*bar, p.accent)
		}
	}
	fillRect(m, left-5*bar, bottom+2*bar, right+5*bar, bottom+5*bar, p.dark)
}

func drawHills(m *image.RGBA, p palette, phase float64) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		t := float64(y) / float64(h)
		fillRect(m, 0, y, w, y+1, mix(p.light, p.middle, t))
	}
	for layer := range 3 {
		c := mix(p.middle, p.dark, float64(layer+1)/3)
		for x := range w {
			f := float64(x)/float64(w)*(5+float64(layer)*3) + phase*float64(layer+1)
			top := float64(h)*(0.5+0.15*float64(layer)) + math.Sin(f)*float64(h)/14 + math.Sin(f*2.7)*float64(h)/40
			fillRect(m, x, int(top), x+1, h, c)
		}
	}
	fillRect(m, w*3/5, h*3/5, w*3/5+w/14, h*3/5+h/9, p.accent)
}

func mix(a, b color.RGBA, t float64) color.RGBA {
	part := func(x, y uint8) uint8 { return uint8(float64(x)*(1-t) + float64(y)*t) }
	return color.RGBA{R: part(a.R, b.R), G: part(a.G, b.G), B: part(a.B, b.B), A: 0xff}
}

func drawBarcode(m *image.RGBA, seed uint32) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	fillRect(m, 0, 0, w, h, color.White)
	for x := 20; x < w-20; {
		seed = seed*1664525 + 1013904223 // Numerical Recipes' generator: stripes need no better
		bar := int(seed>>24%4) + 1
		fillRect(m, x, 12, min(x+bar, w-20), h-12, color.Black)
		x += bar + int(seed>>28%3) + 1
	}
}
