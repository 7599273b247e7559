package fastgrnn

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// grid calls f with numbers of both signs from 1e-300 to 800, closely spaced.
func grid(f func(x float64)) {
	f(0)
	for x := 1e-300; x < 1e-3; x *= 7.3 {
		f(x)
		f(-x)
	}
	for x := 1e-3; x < 800; x *= 1.00037 {
		f(x)
		f(-x)
	}
}

func relativeError(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / math.Abs(want)
}

func TestExpFunctionsAgreeWithPackageMath(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want func(float64) float64
		limit     float64
	}{
		{"expm1", expm1, func(x float64) float64 { return math.Expm1(min(max(x, -700), 700)) }, 1e-14},
		{"tanh", tanh, math.Tanh, 2e-14},
		{"sigmoid", sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(min(-x, 700))) }, 1e-15},
	} {
		t.Run(c.name, func(t *testing.T) {
			worst, at := 0.0, 0.0
			grid(func(x float64) {
				if e := relativeError(c.got(x), c.want(x)); !(e <= worst) {
					worst, at = e, x
				}
			})
			t.Logf("worst relative error %.2g at %g", worst, at)
			if worst > c.limit {
				t.Fatalf("the worst relative error is %g at %g, want at most %g", worst, at, c.limit)
			}
		})
	}
}

func TestLogAgreesWithPackageMath(t *testing.T) {
	for x := 1e-300; x < 1e300; x *= 1.0071 {
		if got, want := log(x), math.Log(x); math.Abs(got-want) > 1e-15*max(1, math.Abs(want)) {
			t.Fatalf("log(%g) = %v, want %v", x, got, want)
		}
	}
	if log(1) != 0 {
		t.Fatalf("log(1) = %v", log(1))
	}
}

func TestFunctionsAtTheEdges(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		n         Nonlinearity
		low, high float64
	}{{Sigmoid, 0, 1}, {Tanh, -1, 1}, {QuantSigm, 0, 1}, {QuantTanh, -1, 1}} {
		if got := c.n.at(inf); got != c.high {
			t.Errorf("%v(+Inf) = %v, want %v", c.n, got, c.high)
		}
		if got := c.n.at(-inf); math.Abs(got-c.low) > 1e-300 {
			t.Errorf("%v(-Inf) = %v, want %v", c.n, got, c.low)
		}
		if got := c.n.at(nan); !math.IsNaN(got) {
			t.Errorf("%v(NaN) = %v, want NaN", c.n, got)
		}
	}
	if got := tanh(math.Copysign(0, -1)); !math.Signbit(got) || got != 0 {
		t.Errorf("tanh(-0) = %v, want -0", got)
	}
}

// fingerprint is a hash of the exact bits of a sequence of numbers.
type fingerprint struct{ bytes []byte }

func (f *fingerprint) add(values ...float64) {
	for _, v := range values {
		f.bytes = fmt.Appendf(f.bytes, "%016x", math.Float64bits(v))
	}
}

func (f *fingerprint) sum() string {
	h := fnv.New64a()
	h.Write(f.bytes)
	return fmt.Sprintf("%016x", h.Sum64())
}

// A machine that fuses multiply and add, or has its own exponential, must come
// to the very same bits. These were computed on amd64 without fusing.
func TestResultsHaveTheSameBitsOnEveryMachine(t *testing.T) {
	for _, c := range []struct {
		name, want string
		values     func(*fingerprint)
	}{
		{"exp functions", "085e4580e0a6ea86", func(f *fingerprint) {
			grid(func(x float64) { f.add(expm1(x), sigmoid(x), tanh(x), log(math.Abs(x)+1)) })
		}},
		{"squash", "72bfcafcc12365c8", func(f *fingerprint) {
			for x := float32(-12); x < 12; x += 1. / 512 {
				v := []float32{x}
				for n := Sigmoid; n <= QuantTanh; n++ {
					dst := []float32{0}
					squash(n, dst, v, []float32{0.1})
					f.add(float64(dst[0]))
				}
			}
		}},
		{"initial values", "d7f7ccf3eed3d1ea", func(f *fingerprint) {
			for how := EdgeML; how <= GlorotNormal; how++ {
				p, err := Initialise(Config{InputDim: 9, HiddenDim: 7, RankU: 3}, how, 42)
				if err != nil {
					t.Fatal(err)
				}
				f.add(p.Values()...)
			}
		}},
		{"forward", "f403fc241b4289ec", func(f *fingerprint) {
			for _, config := range everyForm(37, 11) {
				p, err := Initialise(config, EdgeML, 7)
				if err != nil {
					t.Fatal(err)
				}
				hs, err := p.ForwardSequence(randomInputs(splitmix64(3), 4, 37))
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range hs {
					f.add(h...)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f fingerprint
			c.values(&f)
			if got := f.sum(); got != c.want {
				t.Fatalf("fingerprint %s, want %s", got, c.want)
			}
		})
	}
}

// The fingerprints are only compared on machines that run the tests, and a
// compiler need not fuse whatever it may. So look at what it makes of the
// package and its kernels for a machine that fuses readily.
func TestNothingIsFusedOnARM64(t *testing.T) {
	if testing.Short() {
		t.Skip("skipping TestNothingIsFusedOnARM64: it compiles the package, and this is -short")
	}
	build := exec.Command("go", "build", "-gcflags=-S", ".", "../internal/f64")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	assembly, err := build.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("skipping TestNothingIsFusedOnARM64: there is no go command")
	} else if err != nil {
		t.Fatalf("%v\n%s", err, assembly)
	}
	if !bytes.Contains(assembly, []byte("FMULD")) {
		t.Fatal("the compiler printed no assembly to look at")
	}
	fused := regexp.MustCompile(`\sFN?M(ADD|SUB)[SD]\s`)
	for line := range bytes.Lines(assembly) {
		if fused.Match(line) {
			t.Errorf("fused: %s", line)
		}
	}
}
