package spectral

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestEigenTakesTheMatrixApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "n")
		rank := rapid.IntRange(1, n).Draw(t, "rank")
		b := rapid.SliceOfN(rapid.Float64Range(-2, 2), rank*n, rank*n).Draw(t, "b")
		a := make([]float64, n*n) // bᵀb, positive semidefinite
		for k := range rank {
			for i := range n {
				for j := range n {
					a[i*n+j] += b[k*n+i] * b[k*n+j]
				}
			}
		}
		values, vectors, err := Eigen(context.Background(), slices.Clone(a), n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if i > 0 && values[i] > values[i-1] {
				t.Fatalf("values are not in order: %v", values)
			}
			for j := range n {
				var sum, dot float64
				for k := range n {
					sum += values[k] * vectors[k*n+i] * vectors[k*n+j]
					dot += vectors[i*n+k] * vectors[j*n+k]
				}
				if math.Abs(sum-a[i*n+j]) > 1e-9 {
					t.Fatalf("put together again, element %d,%d is %g, want %g", i, j, sum, a[i*n+j])
				}
				if want := map[bool]float64{true: 1}[i == j]; math.Abs(dot-want) > 1e-9 {
					t.Fatalf("vectors %d and %d have the product %g, want %g", i, j, dot, want)
				}
			}
		}
	})
}

// Columns that say the same again become zero, not noise.
func TestOrthonormaliseDropsWhatIsNotThere(t *testing.T) {
	const rows, width = 50, 4
	a := make([]float32, rows*width)
	for i := range rows {
		x, y := float32(math.Sin(float64(i))), float32(math.Cos(float64(i*i)))
		copy(a[i*width:], []float32{x, y, x + y, 2 * x})
	}
	values, err := Orthonormalise(context.Background(), a, width)
	if err != nil {
		t.Fatal(err)
	}
	if values[1] <= 0 || values[2] != 0 || values[3] != 0 {
		t.Fatalf("values %v, want two above 0", values)
	}
	for j := range width {
		for k := range width {
			var dot float64
			for i := range rows {
				dot += float64(a[i*width+j]) * float64(a[i*width+k])
			}
			want := 0.0
			if j == k && j < 2 {
				want = 1
			}
			if math.Abs(dot-want) > 1e-5 {
				t.Errorf("columns %d and %d have the product %g, want %g", j, k, dot, want)
			}
		}
	}
}

func TestEndsWhenTold(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	if _, err := Orthonormalise(ctx, make([]float32, 8), 2); !errors.Is(err, why) {
		t.Errorf("Orthonormalise: %v, want %v", err, why)
	}
	if _, _, err := Eigen(ctx, []float64{1, 0.5, 0.5, 1}, 2); !errors.Is(err, why) {
		t.Errorf("Eigen: %v, want %v", err, why)
	}
}
