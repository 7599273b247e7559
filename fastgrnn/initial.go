package fastgrnn

import "math"

// Initial is a way of choosing the values that training starts from.
// Matrices are random; ζ is 1 and ν is −4 in all of them, as the authors' are.
type Initial uint8

const (
	// EdgeML is the authors' own: matrices, or each factor of one, from
	// N(0, 0.1²), biases 1.
	EdgeML Initial = iota
	// GlorotUniform draws matrices uniformly from ±√(6/(in+out)), with biases 0;
	// in and out are how many numbers the matrix, or the factor, takes and gives.
	// Glorot and Bengio, "Understanding the difficulty of training deep
	// feedforward neural networks", AISTATS 2010, eq. 16. Also named after
	// Xavier Glorot's first name.
	GlorotUniform
	// GlorotNormal draws matrices from N(0, 2/(in+out)), with biases 0; the same
	// paper, eq. 12.
	GlorotNormal
)

// Initialise returns Params with initial values that depend on config, how and
// seed alone, to the bit, on every machine and in every later version.
//
// The numbers come from splitmix64 (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014) started at seed. Matrices are
// drawn in the order of [Params.Tensors], each row after row, as u in [0, 1)
// from the upper 53 bits of one output: uniform is (2u−1)a; normal is
// v√(−2 ln q/q) with v and w such uniforms on [−1, 1) and q = v²+w², drawn
// again until 0 < q < 1 (Marsaglia's polar method; the second value is dropped,
// so that there is no state but the generator's).
//
// The error is a [ConfigError].
func Initialise(config Config, how Initial, seed uint64) (*Params, error) {
	p, err := NewParams(config)
	if err != nil {
		return nil, err
	}
	if err := how.check(); err != nil {
		return nil, err
	}
	source := splitmix64(seed)
	for _, t := range p.tensors {
		switch {
		case t.Kind == InputWeights || t.Kind == RecurrentWeights:
			how.draw(t.Data, t.Rows, t.Cols, &source)
		case t.Kind == Bias && how == EdgeML:
			for i := range t.Data {
				t.Data[i] = 1
			}
		}
	}
	*p.zeta, *p.nu = 1, -4
	return p, nil
}

func (how Initial) check() error {
	if how > GlorotNormal {
		return &ConfigError{"Initial", uint8(how), "EdgeML, GlorotUniform or GlorotNormal"}
	}
	return nil
}

// draw fills a matrix. A factor R of L Rᵀ has rows inputs and cols outputs, L
// the reverse: the sum is the same.
func (how Initial) draw(data []float64, rows, cols int, source *splitmix64) {
	spread := 2 / float64(rows+cols)
	for i := range data {
		switch how {
		case EdgeML:
			data[i] = 0.1 * source.normal()
		case GlorotUniform:
			data[i] = source.symmetric() * math.Sqrt(3*spread)
		case GlorotNormal:
			data[i] = source.normal() * math.Sqrt(spread)
		}
	}
}

// splitmix64 is the generator's state.
type splitmix64 uint64

func (s *splitmix64) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	x := uint64(*s)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// symmetric returns a number from [−1, 1).
func (s *splitmix64) symmetric() float64 { return float64(float64(s.next()>>11)*0x1p-52) - 1 }

// normal returns a number from N(0, 1). Not rand.NormFloat64, whose tail asks
// math.Exp and math.Log, which are not the same on every machine.
func (s *splitmix64) normal() float64 {
	for {
		v, w := s.symmetric(), s.symmetric()
		if q := float64(v*v) + float64(w*w); q > 0 && q < 1 {
			return v * math.Sqrt(-2*log(q)/q)
		}
	}
}
