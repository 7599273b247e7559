package f32

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Every kernel that this processor has, not only the one that is used.
func TestCodeKernelsAgree(t *testing.T) {
	kernels := map[string]func(dst *int32, rows int, codes *uint8, query *int8, n int){}
	if hasAVX2 {
		kernels["AVX2"] = dotCodesAVX2
	}
	if hasVNNI {
		kernels["VNNI"] = dotCodesVNNI
	}
	if len(kernels) == 0 {
		t.Skip("this processor has neither AVX2 nor AVX-512 VNNI")
	}
	rapid.Check(t, func(t *rapid.T) {
		n := codeBlock * rapid.IntRange(1, 8).Draw(t, "blocks")
		rows := rapid.IntRange(1, 9).Draw(t, "rows")
		// The extremes, where 16 bits would overflow first, are common.
		code := rapid.SampledFrom([]uint8{0, 1, 127, 128, 255})
		value := rapid.SampledFrom([]int8{-queryMax, -1, 0, 1, queryMax})
		codes := rapid.SliceOfN(code, n*rows, n*rows).Draw(t, "codes")
		query := rapid.SliceOfN(value, n, n).Draw(t, "query")
		want := make([]int32, rows)
		dotCodesGeneric(want, codes, query)
		for name, kernel := range kernels {
			got := make([]int32, rows)
			kernel(&got[0], rows, &codes[0], &query[0], n)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
	})
}

// Nibbles likewise.
func TestNibbleKernelsAgree(t *testing.T) {
	kernels := map[string]func(dst *int32, rows int, codes *uint8, query *int8, n int){}
	if hasAVX2 {
		kernels["AVX2"] = dotNibblesAVX2
	}
	if hasNarrowVNNI {
		kernels["VNNI"] = dotNibblesVNNI
	}
	if len(kernels) == 0 {
		t.Skip("this processor has neither AVX2 nor AVX-512 VNNI and VL")
	}
	rapid.Check(t, func(t *rapid.T) {
		n := nibbleBlock * rapid.IntRange(1, 8).Draw(t, "blocks")
		rows := rapid.IntRange(1, 9).Draw(t, "rows")
		code := rapid.SampledFrom([]uint8{0, 1, 0x0f, 0xf0, 0x88, 0xff})
		value := rapid.SampledFrom([]int8{-queryMax, -1, 0, 1, queryMax})
		codes := rapid.SliceOfN(code, n/2*rows, n/2*rows).Draw(t, "codes")
		query := rapid.SliceOfN(value, n, n).Draw(t, "query")
		want := make([]int32, rows)
		dotNibblesGeneric(want, codes, query)
		for name, kernel := range kernels {
			got := make([]int32, rows)
			kernel(&got[0], rows, &codes[0], &query[0], n)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
	})
}
