package f64

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// addMatVec4 adds to groups·4 numbers the products of as many rows of cols
// components with x. cols is at least 4, groups at least 1.
//
//go:noescape
func addMatVec4(dst, m, x *float64, cols, groups int)

// addScaled4 takes n that is a positive multiple of 4.
//
//go:noescape
func addScaled4(dst, r0, r1, r2, r3 *float64, x0, x1, x2, x3 float64, n int)

// addScaled1 takes n that is a positive multiple of 4.
//
//go:noescape
func addScaled1(dst, row *float64, x float64, n int)

// addMatVecFast does as many leading rows as the kernel can and returns how many.
func addMatVecFast(dst, m, x []float64) int {
	groups := len(dst) / 4
	if !hasAVX2 || len(x) < 4 || groups == 0 {
		return 0
	}
	addMatVec4(&dst[0], &m[0], &x[0], len(x), groups)
	return groups * 4
}

// addScaled4Fast does as many leading components as the kernel can.
func addScaled4Fast(dst, r0, r1, r2, r3 []float64, x0, x1, x2, x3 float64) int {
	n := len(dst) &^ 3
	if !hasAVX2 || n == 0 {
		return 0
	}
	addScaled4(&dst[0], &r0[0], &r1[0], &r2[0], &r3[0], x0, x1, x2, x3, n)
	return n
}

// addScaledFast does as many leading components as the kernel can.
func addScaledFast(dst, row []float64, x float64) int {
	n := len(dst) &^ 3
	if !hasAVX2 || n == 0 {
		return 0
	}
	addScaled1(&dst[0], &row[0], x, n)
	return n
}
