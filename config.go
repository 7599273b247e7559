package tinydancer

import (
	"math"
	"strings"

	"github.com/tinydancer/tinydancer/internal/spelling"
)

// Target is what a request is optimised for.
type Target uint8

// The four targets. Ties are broken by quality, cost, latency, then name.
const (
	Balanced Target = iota // maximise the weighted sum of utilities
	Cost                   // minimise the predicted cost
	Latency                // minimise the predicted latency
	Quality                // maximise the expected quality
	numTargets
)

var targetNames = [numTargets]string{"balanced", "cost", "latency", "quality"}

// String returns the name that [ParseTarget] reads.
func (t Target) String() string {
	if t < numTargets {
		return targetNames[t]
	}
	return "unknown"
}

// ParseTarget reads a target in either case. Its error lists the four.
func ParseTarget(s string) (Target, error) {
	for t, name := range targetNames {
		if strings.EqualFold(s, name) {
			return Target(t), nil
		}
	}
	err := invalid("target", quote(s), "one of balanced, cost, latency, quality")
	if near := spelling.Nearest(s, targetNames[:]); near != "" {
		err.Hint = "Did you mean " + quote(near) + "?"
	}
	return 0, err
}

// Weights say how much each utility counts in the [Balanced] score. They need
// not sum to 1: the score is divided by their sum. Each must be finite and at
// least 0, one of them above 0.
type Weights struct {
	Quality    float64
	Cost       float64
	Latency    float64
	Similarity float64
}

// Config holds what a [Router] needs to know besides the agents. The zero
// value means the defaults, and so does each field that is zero.
type Config struct {
	// Weights of the balanced target. All zero, they default to 0.4 quality,
	// 0.2 cost, 0.2 latency, 0.2 similarity; with one set, the others count
	// as the zeros that they are.
	Weights Weights

	// ReferenceCostUSD is the price with utility ½: U = ref/(ref + cost).
	// The scale is absolute, so that an agent that joins never changes who
	// wins between two others. From 1e-12 to 1e12; defaults to 0.01.
	ReferenceCostUSD float64

	// ReferenceLatencyMS is the latency with utility ½, likewise. From 1e-12
	// to 1e12; defaults to 1000.
	ReferenceLatencyMS float64

	// PriorWeight is how many observations a declared quality or latency is
	// worth, unless more requests stand behind it. From 1e-12, which is next
	// to none, to 1e12; defaults to 10.
	PriorWeight float64

	// ExplorationFloor is the share of decisions, from 1e-12 to 1, in which
	// [Router.Decide] tries any eligible agent alike, so that none is ever
	// beyond recovery. Defaults to 0.02.
	ExplorationFloor float64

	// Tokens is how long a request is taken to be where it does not say so,
	// for agents that charge by the token. Defaults to 1000.
	Tokens float64

	// ExplorationScale is how far from what is expected of them [Router.Decide]
	// takes agents to be, as a share of the deviation of what is known, from
	// 1e-12 to 1: 1 is Thompson's rule, which, of many agents, keeps trying one
	// that may be lucky. Among more than ten eligible agents it falls with the
	// root of their number. Defaults to 0.35.
	ExplorationScale float64

	// Optimism is how much better than expected [Router.Decide] takes an agent
	// to be of which nothing was observed, as a share of the way to quality 1,
	// from 1e-12 to 1: each is tried until it has disappointed. It fades as a
	// declaration does, with outcomes. Defaults to 0.15.
	Optimism float64

	// ChallengerShare is the share of decisions, from 1e-12 to 1, that
	// [Router.Decide] leaves to a model that has not shown yet that it is
	// better; see [Snapshot.WithChallenger]. What was told near a request leads the
	// draw whatever the share. Defaults to 0.1.
	ChallengerShare float64
}

// The defaults of [Config].
const (
	DefaultReferenceCostUSD   = 0.01
	DefaultReferenceLatencyMS = 1000
	DefaultPriorWeight        = 10
	DefaultExplorationFloor   = 0.02
	DefaultTokens             = 1000
	DefaultExplorationScale   = 0.35
	DefaultOptimism           = 0.15
	DefaultChallengerShare    = 0.1
)

// DefaultWeights returns the weights of the balanced target unless set.
func DefaultWeights() Weights {
	return Weights{Quality: 0.4, Cost: 0.2, Latency: 0.2, Similarity: 0.2}
}

func (c Config) withDefaults() (Config, error) {
	if c.Weights == (Weights{}) {
		c.Weights = DefaultWeights()
	}
	for _, w := range []struct {
		name  string
		value float64
	}{
		{"quality weight", c.Weights.Quality},
		{"cost weight", c.Weights.Cost},
		{"latency weight", c.Weights.Latency},
		{"similarity weight", c.Weights.Similarity},
	} {
		if err := inRange(w.name, w.value, math.MaxFloat64); err != nil {
			return c, err
		}
	}
	sum := c.Weights.Quality + c.Weights.Cost + c.Weights.Latency + c.Weights.Similarity
	if !(sum > 0 && sum <= math.MaxFloat64) {
		return c, invalid("sum of the weights", formatNumber(sum), "a finite number above 0")
	}
	c.Weights.Quality /= sum
	c.Weights.Cost /= sum
	c.Weights.Latency /= sum
	c.Weights.Similarity /= sum
	for _, s := range []struct {
		name     string
		value    *float64
		fallback float64
		most     float64
	}{
		{"reference cost", &c.ReferenceCostUSD, DefaultReferenceCostUSD, 1e12},
		{"reference latency", &c.ReferenceLatencyMS, DefaultReferenceLatencyMS, 1e12},
		{"prior weight", &c.PriorWeight, DefaultPriorWeight, 1e12},
		{"tokens", &c.Tokens, DefaultTokens, math.MaxFloat64},
		{"exploration floor", &c.ExplorationFloor, DefaultExplorationFloor, 1},
		{"exploration scale", &c.ExplorationScale, DefaultExplorationScale, 1},
		{"optimism", &c.Optimism, DefaultOptimism, 1},
		{"challenger share", &c.ChallengerShare, DefaultChallengerShare, 1},
	} {
		if *s.value == 0 {
			*s.value = s.fallback
		}
		if !(*s.value >= 1e-12 && *s.value <= s.most) {
			want := "a finite number of at least 1e-12"
			if s.most < math.MaxFloat64 {
				want = "a number from 1e-12 to " + formatNumber(s.most)
			}
			return c, invalid(s.name, formatNumber(*s.value), want)
		}
	}
	return c, nil
}

// costUtility is in (0, 1]: 1 for a free agent, ½ at the reference price.
func (c *Config) costUtility(usd float64) float64 {
	return c.ReferenceCostUSD / (c.ReferenceCostUSD + usd)
}

func (c *Config) latencyUtility(ms float64) float64 {
	return c.ReferenceLatencyMS / (c.ReferenceLatencyMS + ms)
}

// latencyUtilitySlope is |dU/dlatency|, which carries the uncertainty of a
// latency over to its utility (delta method).
func (c *Config) latencyUtilitySlope(ms float64) float64 {
	u := c.latencyUtility(ms)
	return u * u / c.ReferenceLatencyMS
}

// similarityUtility maps a cosine to [0, 1]. An agent without an embedding
// counts as one at a right angle: ½.
func similarityUtility(cosine float64) float64 { return (1 + cosine) / 2 }
