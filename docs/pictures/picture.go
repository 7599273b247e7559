package main

import (
	"bytes"
	"fmt"
	"html"
)

// picture is a plot of data coordinates, with axes.
type picture struct {
	title, across, up      string
	left, right, low, high float64 // data coordinates of the frame
	body                   bytes.Buffer
}

// Sizes in pixels: of the picture, and of its frame's margins.
const (
	width, height = 640, 360
	marginLeft    = 60
	marginRight   = 20
	marginTop     = 40
	marginBottom  = 50
)

const blue, orange, grey = "#1f6fb2", "#c8561b", "#777777"

func (p *picture) x(v float64) float64 {
	return marginLeft + (v-p.left)/(p.right-p.left)*(width-marginLeft-marginRight)
}

func (p *picture) y(v float64) float64 {
	return height - marginBottom - (v-p.low)/(p.high-p.low)*(height-marginTop-marginBottom)
}

func (p *picture) line(x1, y1, x2, y2 float64, colour, style string) {
	fmt.Fprintf(&p.body, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" %s/>`+"\n",
		p.x(x1), p.y(y1), p.x(x2), p.y(y2), colour, style)
}

func (p *picture) dot(x, y float64, colour string) {
	fmt.Fprintf(&p.body, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", p.x(x), p.y(y), colour)
}

func (p *picture) curve(xs, ys []float64, colour string) {
	fmt.Fprintf(&p.body, `<polyline fill="none" stroke-width="2" stroke="%s" points="`, colour)
	for i := range xs {
		fmt.Fprintf(&p.body, "%.1f,%.1f ", p.x(xs[i]), p.y(ys[i]))
	}
	p.body.WriteString("\"/>\n")
}

func (p *picture) label(x, y float64, colour, text string) {
	fmt.Fprintf(&p.body, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", p.x(x), p.y(y), colour, html.EscapeString(text))
}

// ticks writes the values of n steps along both axes.
func (p *picture) ticks(n int, across, up string) {
	for k := range n + 1 {
		share := float64(k) / float64(n)
		x, y := p.left+share*(p.right-p.left), p.low+share*(p.high-p.low)
		if across != "" {
			fmt.Fprintf(&p.body, `<text x="%.1f" y="%d" text-anchor="middle" fill="%s">`+across+"</text>\n", p.x(x), height-marginBottom+17, grey, x)
		}
		if up != "" {
			fmt.Fprintf(&p.body, `<text x="%d" y="%.1f" text-anchor="end" fill="%s">`+up+"</text>\n", marginLeft-6, p.y(y)+4, grey, y)
		}
	}
}

func (p *picture) svg() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#cccccc"/>`+"\n",
		marginLeft, marginTop, width-marginLeft-marginRight, height-marginTop-marginBottom)
	fmt.Fprintf(&out, `<text x="%d" y="22" font-size="14">%s</text>`+"\n", marginLeft, html.EscapeString(p.title))
	fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (width+marginLeft-marginRight)/2, height-12, html.EscapeString(p.across))
	fmt.Fprintf(&out, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n",
		(height+marginTop-marginBottom)/2, html.EscapeString(p.up))
	out.Write(p.body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}
