package f32

import "github.com/viterin/vek"

// accelerated asks vek, so that all kernels of a process are of one kind.
var accelerated = vek.Info().Acceleration

// matVec4 multiplies groups·4 rows, each stride components apart, by the first
// cols components of x. cols is a positive multiple of 8, groups positive.
//
//go:noescape
func matVec4(dst, m, x *float32, cols, stride, groups int)

// matVecInt8x4 is matVec4 for bytes.
//
//go:noescape
func matVecInt8x4(dst *float32, m *int8, x *float32, cols, stride, groups int)

// matVecFast does as many leading rows as the kernel can and returns how many.
func matVecFast(dst, m, x []float32) int {
	body, groups := len(x)&^7, len(dst)/4
	if !accelerated || body == 0 || groups == 0 {
		return 0
	}
	matVec4(&dst[0], &m[0], &x[0], body, len(x), groups)
	if body < len(x) {
		for i := range dst[:groups*4] {
			row := m[i*len(x) : (i+1)*len(x)]
			for j := body; j < len(x); j++ {
				dst[i] += row[j] * x[j]
			}
		}
	}
	return groups * 4
}

// matVecInt8Fast is matVecFast for bytes.
func matVecInt8Fast(dst []float32, m []int8, x []float32) int {
	body, groups := len(x)&^7, len(dst)/4
	if !accelerated || body == 0 || groups == 0 {
		return 0
	}
	matVecInt8x4(&dst[0], &m[0], &x[0], body, len(x), groups)
	if body < len(x) {
		for i := range dst[:groups*4] {
			row := m[i*len(x) : (i+1)*len(x)]
			for j := body; j < len(x); j++ {
				dst[i] += float32(row[j]) * x[j]
			}
		}
	}
	return groups * 4
}
