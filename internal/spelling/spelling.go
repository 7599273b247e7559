// Package spelling finds the word that a mistyped one was meant to be.
package spelling

import "strings"

// Nearest returns the candidate with the smallest edit distance to s, without
// regard to case, or "" if none is near enough to be what was meant: a third
// of its letters may differ, and at least one.
func Nearest(s string, candidates []string) string {
	const tooLong = 64 // nobody mistypes a kilobyte
	if len(s) > tooLong {
		return ""
	}
	s = strings.ToLower(s)
	best, bestDistance := "", tooLong
	for _, c := range candidates {
		limit, lower := max(1, len(c)/3), strings.ToLower(c)
		if len(lower)-len(s) > limit || len(s)-len(lower) > limit {
			continue // so many letters would have to be added or dropped
		}
		if d := editDistance(s, lower); d <= limit && d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// editDistance is the number of bytes to insert, delete, replace or swap with
// their neighbour to turn a into b (Damerau 1964, each stretch edited once).
func editDistance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			replace := row[j]
			if a[i] != b[j] {
				replace++
			}
			next[j+1] = min(replace, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
