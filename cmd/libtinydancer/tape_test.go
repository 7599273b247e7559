package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestShortestReadsBack(t *testing.T) {
	readsBack := func(t interface{ Fatalf(string, ...any) }, v float64) {
		mantissa, decimals := shortest(v)
		back, err := strconv.ParseFloat(fmt.Sprintf("%de%d", mantissa, -decimals), 64)
		if err != nil || back != v {
			t.Fatalf("%b: %d·10^%d reads as %g, %v; want %g", v, mantissa, -decimals, back, err, v)
		}
		if decimals < 0 && mantissa != 0 && mantissa/10*10 == mantissa && mantissa < math.MaxInt64/10 && mantissa > math.MinInt64/10 {
			t.Fatalf("%g: %d·10^%d, where the mantissa could have grown", v, mantissa, -decimals)
		}
	}
	for _, v := range []float64{
		0, 1, -1, 10, 100, 0.1, 0.03, 1.0 / 3, 2.0 / 3, 0.029999999329447746, 123456789, -0.5, 1e15, 1e16, 1e17, 1e18, 9e18, 1e19, 1e22, 1e23,
		math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 - 1, 1<<53 + 2, math.MaxFloat64, -math.MaxFloat64, math.MaxFloat32,
		math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 2.2250738585072014e-308, 2.225073858507201e-308, math.Pi, 5e-324 * 3,
	} {
		readsBack(t, v)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			readsBack(t, v)
		}
		readsBack(t, math.Float64frombits(rapid.Uint64Range(0, 1<<52-1).Draw(t, "subnormal")))
		readsBack(t, float64(rapid.Int64().Draw(t, "integer")))
		readsBack(t, float64(rapid.Int64Range(-1e6, 1e6).Draw(t, "thousandths"))/1000)
	})
}

// The numbers of answers look as people write them.
func TestShortestIsShort(t *testing.T) {
	for v, want := range map[float64]struct {
		mantissa int64
		decimals int
	}{
		0: {0, 0}, 1: {1, 0}, 0.03: {3, 2}, -0.5: {-5, 1}, 500: {500, 0}, 1234.5: {12345, 1}, 1e-9: {1, 9}, 1e18: {1e18, 0}, 1e20: {1e18, -2},
	} {
		if mantissa, decimals := shortest(v); mantissa != want.mantissa || decimals != want.decimals {
			t.Errorf("%g: got %d and %d, want %+v", v, mantissa, decimals, want)
		}
	}
	if mantissa, decimals := shortest(math.Copysign(0, -1)); mantissa != 0 || decimals != 0 {
		t.Errorf("−0: %d and %d", mantissa, decimals)
	}
}

// object is a JSON object with its keys in the order in which they came.
type object struct {
	keys   []string
	values map[string]any
}

// played reads a tape as pg/src/tape.c does, into rows of objects ([]any for
// an array, float64 for numbers), and fails where that would.
func played(t testing.TB, tape []byte) (values []any) {
	t.Helper()
	p := player{t: t, rest: tape}
	for len(p.rest) > 0 {
		values = append(values, p.value())
	}
	return values
}

type player struct {
	t    testing.TB
	rest []byte
}

func (p *player) take(n int) []byte {
	if n > len(p.rest) {
		p.t.Fatalf("the tape ends %d bytes early", n-len(p.rest))
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *player) word() uint64 { return binary.NativeEndian.Uint64(p.take(8)) }

func (p *player) half() uint32 { return binary.NativeEndian.Uint32(p.take(4)) }

// row is what begins one.
type rowBegins struct{}

func (p *player) value() any {
	switch tag := p.take(1)[0]; tag {
	case 'r':
		return rowBegins{}
	case 's':
		return string(p.take(int(p.half())))
	case 'n':
		mantissa := int64(p.word())
		v, err := strconv.ParseFloat(fmt.Sprintf("%de%d", mantissa, -int32(p.half())), 64)
		if err != nil {
			p.t.Fatal(err)
		}
		return v
	case 'd':
		return math.Float64frombits(p.word())
	case 'i':
		return int64(p.word())
	case 't', 'f':
		return tag == 't'
	case '0':
		return nil
	case '[':
		all := []any{}
		for p.rest[0] != ']' {
			all = append(all, p.value())
		}
		p.take(1)
		return all
	case '{':
		o := object{values: map[string]any{}}
		for p.take(1)[0] == 'k' {
			key := string(p.take(int(p.half())))
			o.keys = append(o.keys, key)
			o.values[key] = p.value()
		}
		return o
	default:
		p.t.Fatalf("tag %q", tag)
		return nil
	}
}
