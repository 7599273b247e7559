package main

import (
	"math"
	"unicode/utf8"

	"github.com/tinydancer/tinydancer/internal/outcomes"
)

// costLine expects of a request what a model's price and the request's length
// make it cost: base + rate·length.
type costLine struct{ base, rate float64 }

func (l costLine) at(row outcomes.Row) float64 {
	return math.Max(0, l.base+l.rate*textLength(row))
}

// textLength is in characters, tools included.
func textLength(row outcomes.Row) float64 { return float64(utf8.RuneCountInString(row.Text())) }

// fitCost fits each model's line by least squares; nil where the file has no
// costs.
func fitCost(train *outcomes.Set) []costLine {
	if len(train.Rows) == 0 || train.Rows[0].CostUSD == nil {
		return nil
	}
	n := float64(len(train.Rows))
	var mean, square float64
	lengths := make([]float64, len(train.Rows))
	for i, row := range train.Rows {
		lengths[i] = textLength(row)
		mean += lengths[i] / n
	}
	for _, x := range lengths {
		square += (x - mean) * (x - mean)
	}
	lines := make([]costLine, len(train.Models))
	for m := range lines {
		var cost, product float64
		for i, row := range train.Rows {
			cost += row.CostUSD[m] / n
			product += (lengths[i] - mean) * row.CostUSD[m]
		}
		rate := 0.0
		if square > 0 {
			rate = math.Max(0, product/square)
		}
		lines[m] = costLine{cost - rate*mean, rate}
	}
	return lines
}
