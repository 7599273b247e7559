package main

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// chart is a picture with two axes, drawn as SVG. Colours are the page's.
type chart struct {
	title, xLabel, yLabel  string
	xMin, xMax, yMin, yMax float64
	logX                   bool
	lines                  []chartLine
	marks                  []chartMark
	levels                 []chartLevel
}

// chartLine joins points, or stands as dots where it is dotted.
type chartLine struct {
	class  string // of the page's style
	points [][2]float64
	dots   bool
}

// chartMark is a point with a name beside it.
type chartMark struct {
	x, y  float64
	label string
	class string
}

// chartLevel is a height that is crossed or not.
type chartLevel struct {
	y     float64
	label string
	class string
}

const (
	chartWidth, chartHeight         = 640, 380
	chartLeft, chartRight           = 62, 18
	chartTop, chartBottom           = 16, 48
	plotWidth                       = chartWidth - chartLeft - chartRight
	plotHeight                      = chartHeight - chartTop - chartBottom
	labelHeight             float64 = 13
)

func (c *chart) x(v float64) float64 {
	if c.logX {
		return chartLeft + plotWidth*math.Log(v/c.xMin)/math.Log(c.xMax/c.xMin)
	}
	return chartLeft + plotWidth*(v-c.xMin)/(c.xMax-c.xMin)
}

func (c *chart) y(v float64) float64 {
	return chartTop + plotHeight*(1-(v-c.yMin)/(c.yMax-c.yMin))
}

// fit makes the axes hold all that is to be drawn, with some room.
func (c *chart) fit() {
	c.xMin, c.xMax, c.yMin, c.yMax = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	add := func(x, y float64) {
		c.xMin, c.xMax = math.Min(c.xMin, x), math.Max(c.xMax, x)
		c.yMin, c.yMax = math.Min(c.yMin, y), math.Max(c.yMax, y)
	}
	for _, l := range c.lines {
		for _, p := range l.points {
			add(p[0], p[1])
		}
	}
	for _, m := range c.marks {
		add(m.x, m.y)
	}
	for _, l := range c.levels {
		c.yMin, c.yMax = math.Min(c.yMin, l.y), math.Max(c.yMax, l.y)
	}
	room := math.Max(0.06*(c.yMax-c.yMin), 1e-6)
	c.yMin, c.yMax = c.yMin-room, c.yMax+room
	if c.logX {
		c.xMin, c.xMax = c.xMin/1.25, c.xMax*1.25
	} else if c.xMax > c.xMin {
		room := 0.03 * (c.xMax - c.xMin)
		c.xMin, c.xMax = c.xMin-room, c.xMax+room
	} else {
		c.xMin, c.xMax = c.xMin-1, c.xMax+1
	}
}

// ticks are round numbers between low and high, about six.
func ticks(low, high float64) (at []float64) {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, factor := range []float64{5, 2, 1} {
		if (high-low)/(step*factor) >= 4 {
			step *= factor
			break
		}
	}
	for v := math.Ceil(low/step) * step; v <= high+1e-12; v += step {
		at = append(at, v)
	}
	return at
}

func logTicks(low, high float64) (at []float64) {
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= low && v <= high {
				at = append(at, v)
			}
		}
	}
	return at
}

// svg draws the chart.
func (c *chart) svg() template.HTML {
	var b strings.Builder
	text := func(x, y float64, class, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(s))
	}
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, html.EscapeString(c.title))
	for _, v := range ticks(c.yMin, c.yMax) {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, chartLeft, chartWidth-chartRight, c.y(v), c.y(v))
		text(chartLeft-8, c.y(v)+4, "tick", "end", fmt.Sprintf("%.4g", v))
	}
	xTicks := ticks(c.xMin, c.xMax)
	if c.logX {
		xTicks = logTicks(c.xMin, c.xMax)
	}
	for _, v := range xTicks {
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, c.x(v), c.x(v), chartTop, chartHeight-chartBottom)
		text(c.x(v), chartHeight-chartBottom+18, "tick", "middle", fmt.Sprintf("%.4g", v))
	}
	text(chartLeft+plotWidth/2, chartHeight-10, "axis", "middle", c.xLabel)
	fmt.Fprintf(&b, `<text class="axis" text-anchor="middle" transform="translate(15 %d) rotate(-90)">%s</text>`, chartTop+plotHeight/2, html.EscapeString(c.yLabel))

	for _, l := range c.levels {
		fmt.Fprintf(&b, `<line class="level %s" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, l.class, chartLeft, chartWidth-chartRight, c.y(l.y), c.y(l.y))
	}
	for _, l := range c.lines {
		if !l.dots {
			fmt.Fprintf(&b, `<polyline class="line %s" points="`, l.class)
			for _, p := range l.points {
				fmt.Fprintf(&b, "%.1f,%.1f ", c.x(p[0]), c.y(p[1]))
			}
			b.WriteString(`"/>`)
		}
		if l.dots || len(l.points) < 12 && !strings.HasSuffix(l.class, " faint") {
			for _, p := range l.points {
				fmt.Fprintf(&b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="3.5"/>`, l.class, c.x(p[0]), c.y(p[1]))
			}
		}
	}
	c.labels(&b, text)
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// labels writes names where they do not cover one another; one for which there
// is no room is left to the title that a pointer shows.
func (c *chart) labels(b *strings.Builder, text func(x, y float64, class, anchor, s string)) {
	type box struct{ left, right, top, bottom float64 }
	var taken []box
	place := func(x, y float64, anchor, class, s string) bool {
		width := 6.2 * float64(len([]rune(s)))
		k := box{x, x + width, y - labelHeight, y + 2}
		if anchor == "end" {
			k.left, k.right = x-width, x
		}
		if k.left < chartLeft || k.right > chartWidth-2 || k.top < 0 || k.bottom > chartHeight-chartBottom+2 {
			return false
		}
		for _, t := range taken {
			if k.left < t.right && t.left < k.right && k.top < t.bottom && t.top < k.bottom {
				return false
			}
		}
		taken = append(taken, k)
		text(x, y, class, anchor, s)
		return true
	}
	for _, l := range c.levels {
		if !place(chartWidth-chartRight-4, c.y(l.y)-4, "end", "name "+l.class, l.label) {
			place(chartWidth-chartRight-4, c.y(l.y)+labelHeight, "end", "name "+l.class, l.label)
		}
	}
	for _, m := range c.marks {
		x, y := c.x(m.x), c.y(m.y)
		fmt.Fprintf(b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="4"><title>%s</title></circle>`, m.class, x, y, html.EscapeString(m.label))
		taken = append(taken, box{x - 4, x + 4, y - 4, y + 4})
	}
	for _, m := range c.marks {
		x, y := c.x(m.x), c.y(m.y)
		_ = place(x+7, y+4, "start", "name", m.label) || place(x-7, y+4, "end", "name", m.label) ||
			place(x+7, y+15, "start", "name", m.label) || place(x+7, y-8, "start", "name", m.label)
	}
}
