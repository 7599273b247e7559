// Package ddsketch keeps the quantiles of a stream of latencies within 1 % of
// their true value, in counters that add up: two sketches merge by adding
// their counts, in any order, with the same result.
//
// Masson, Rim, Lee: DDSketch, PVLDB 12(12), 2019. Bucket i holds the values in
// (γⁱ⁻¹, γⁱ] with γ = (1+α)/(1−α), and answers with 2γⁱ/(γ+1), which is within
// α of every value in the bucket. The SQL side keeps the same buckets in a
// table; docs/adr/0003 says why this is not DataDog's own package.
package ddsketch

import (
	"math"
	"slices"
)

// RelativeError is the α of the sketch: a quantile is off by at most this
// share of its value, if that is above [MinValue].
const RelativeError = 0.01

// MinBucket is the bucket of everything at or below [MinValue], 0 among it.
const MinBucket = -692

// MinValue is about 10⁻⁶: in milliseconds, a nanosecond. Smaller values share
// a bucket and are answered as 0.
var MinValue = math.Pow(gamma, MinBucket)

const gamma = (1 + RelativeError) / (1 - RelativeError)

var invLogGamma = 1 / math.Log(gamma)

// Bucket returns the bucket of v, from 0 to 10³⁰⁰.
func Bucket(v float64) int32 {
	if v <= MinValue {
		return MinBucket
	}
	return int32(math.Ceil(math.Log(v) * invLogGamma))
}

// Value returns what a bucket answers with.
func Value(bucket int32) float64 {
	if bucket <= MinBucket {
		return 0
	}
	return 2 * math.Pow(gamma, float64(bucket)) / (gamma + 1)
}

// Sketch counts values by bucket. The zero value is empty and ready for use.
// It is not safe for concurrent use.
type Sketch struct {
	first  int32   // bucket of counts[0]
	counts []int64 // dense: latencies of one agent span few buckets
	total  int64
}

// Add counts one value. What [Bucket] has no place for is the caller's to
// refuse.
func (s *Sketch) Add(v float64) { s.AddBucket(Bucket(v), 1) }

// AddBucket adds n to the count of a bucket.
func (s *Sketch) AddBucket(bucket int32, n int64) {
	if len(s.counts) == 0 {
		s.first = bucket
	}
	switch i := int(bucket) - int(s.first); {
	case i < 0:
		s.counts = slices.Insert(s.counts, 0, make([]int64, -i)...)
		s.first = bucket
	case i >= len(s.counts):
		s.counts = append(s.counts, make([]int64, i+1-len(s.counts))...)
	}
	s.counts[bucket-s.first] += n
	s.total += n
}

// Merge adds the counts of o, which is left as it was.
func (s *Sketch) Merge(o *Sketch) {
	for i, n := range o.counts {
		if n != 0 {
			s.AddBucket(o.first+int32(i), n)
		}
	}
}

// Clone returns a copy that shares nothing with s.
func (s *Sketch) Clone() Sketch {
	return Sketch{first: s.first, counts: slices.Clone(s.counts), total: s.total}
}

// Count returns how many values were added.
func (s *Sketch) Count() int64 { return s.total }

// Quantile returns the smallest value that a share q in [0, 1] of the n values
// do not exceed, the one of rank ⌈qn⌉, within [RelativeError] of it; 0 when s
// is empty. With few values a high quantile is so the greatest of them.
func (s *Sketch) Quantile(q float64) float64 {
	if s.total == 0 {
		return 0
	}
	rank := max(1, int64(math.Ceil(q*float64(s.total))))
	for i, n := range s.counts {
		if rank -= n; rank <= 0 {
			return Value(s.first + int32(i))
		}
	}
	return Value(s.first + int32(len(s.counts)-1))
}
