package learn

import (
	"fmt"
	"math"
	"testing"
)

// matched draws n decisions by probability matching: each agent as often as it
// is likely to be the best, given what came of the decisions before, and with
// probability floor any of them alike. Router.Decide does so under less doubt,
// and with hope.
func (w *world) matched(t testing.TB, n int, floor float64) (*Data, []Lesson, [][]float64) {
	t.Helper()
	d := &Data{Agents: names(w.agents), Dimensions: w.dimensions}
	var lessons []Lesson
	var truths [][]float64
	sum, count := make([]float64, w.agents), make([]float64, w.agents)
	eligible := make([]int32, w.agents)
	for a := range eligible {
		eligible[a] = int32(a)
	}
	for range n {
		x, truth := w.request()
		p := likelyBest(sum, count)
		for a := range p {
			p[a] = floor/float64(w.agents) + (1-floor)*p[a]
		}
		a, u := 0, w.random.unit()
		for ; a < w.agents-1 && u >= p[a]; a++ {
			u -= p[a]
		}
		y := w.outcome(truth[a])
		sum[a], count[a] = sum[a]+y, count[a]+1
		if err := d.Append(x, Cell{Agent: a, Outcome: y, Weight: math.Min(MaxWeight, 1/p[a])}); err != nil {
			t.Fatal(err)
		}
		lessons = append(lessons, Lesson{Agent: a, Propensity: p[a], Outcome: y, Eligible: eligible, CostUSD: float64(a) + y, LatencyMS: math.NaN()})
		truths = append(truths, truth)
	}
	return d, lessons, truths
}

// likelyBest is how likely each agent is the best, its worth taken to be normal
// after a prior of two outcomes of a half.
func likelyBest(sum, count []float64) []float64 {
	const cells = 96
	n := len(sum)
	mean, sd, p := make([]float64, n), make([]float64, n), make([]float64, n)
	for a := range mean {
		mean[a] = (1 + sum[a]) / (2 + count[a])
		sd[a] = math.Sqrt(mean[a] * (1 - mean[a]) / (3 + count[a]))
	}
	below := func(a int, x float64) float64 { return 0.5 * math.Erfc((mean[a]-x)/(math.Sqrt2*sd[a])) }
	total := 0.0
	for c := range cells {
		x := float64(c) / cells
		for a := range p {
			v := below(a, x+1.0/cells) - below(a, x)
			for b := range p {
				if b != a {
					v *= below(b, x+0.5/cells)
				}
			}
			p[a] += v
			total += v
		}
	}
	for a := range p {
		p[a] /= total
	}
	return p
}

// tally counts logs.
type tally struct{ logs, promoted, held, gains, heldEnough, enough, agents, heldAgents int }

func (k *tally) add(trial *Trial, c *court, truths [][]float64) {
	k.logs++
	if trial.Promote {
		k.promoted++
	}
	gain, alone := 0.0, make([]float64, len(trial.Agents))
	for row, truth := range truths {
		gain += (truth[c.learned[row]] - truth[c.fixed[row]]) / float64(len(truths))
		for a, v := range truth {
			alone[a] += v / float64(len(truths))
		}
	}
	for a, v := range alone {
		k.agents++
		if q := trial.Agents[a].Quality; v >= q.Low && v <= q.High {
			k.heldAgents++
		}
	}
	if trial.Differing == 0 {
		return
	}
	held := gain >= trial.Gain.Low && gain <= trial.Gain.High
	k.gains++
	if held {
		k.held++
	}
	if trial.EffectiveRows >= enoughRows && trial.Drawn >= enoughDrawn {
		k.enough++
		if held {
			k.heldEnough++
		}
	}
}

func (k *tally) String() string {
	return fmt.Sprintf("%d of %d promoted; of the gains' intervals %d of %d hold, of those with evidence enough %d of %d; of the agents' %d of %d",
		k.promoted, k.logs, k.held, k.gains, k.heldEnough, k.enough, k.heldAgents, k.agents)
}

// Logs as they come of deciding: propensities unequal, and moved by earlier
// outcomes. What is no better is promoted no more often than is promised, what
// is worse never, what is better sometimes; and intervals hold. The gains are
// those over the requests of the log.
func TestTrialOfMatchedLogs(t *testing.T) {
	if raceEnabled {
		t.Skip("too slow under the race detector")
	}
	t.Parallel()
	n := trials(2, 60)
	for _, floor := range []float64{0.02, 0.05, 0.1, 0.3} {
		for _, kind := range []string{"better", "unproven", "worse"} {
			var k tally
			for seed := range uint64(n) {
				w := newWorld(seed, 4, 4, 12)
				if kind == "unproven" {
					w.flat()
				}
				d, lessons, truths := w.matched(t, 2500, floor)
				m, report, err := Fit(t.Context(), d, Options{Trees: 15, Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				if kind == "worse" { // it expects the contrary
					for i := range report.expected {
						report.expected[i] = 1 - report.expected[i]
					}
				}
				trial, err := report.Try(m, lessons, TryOptions{Attempt: 1})
				if err != nil {
					t.Fatal(err)
				}
				k.add(trial, newCourt(report, m, lessons), truths)
			}
			t.Logf("floor %g, %s: %v", floor, kind, &k)
			limit := 0.025*float64(n) + 3*math.Sqrt(0.025*0.975*float64(n))
			if kind != "better" && float64(k.promoted) > math.Max(1, limit) {
				t.Errorf("floor %g, %s: %d of %d promoted, want at most %.0f", floor, kind, k.promoted, n, limit)
			}
			if kind == "better" && floor == 0.3 && k.promoted < n/4 {
				t.Errorf("floor %g, %s: %d of %d promoted, want a quarter at least", floor, kind, k.promoted, n)
			}
			if k.enough >= 20 && k.heldEnough*100 < 80*k.enough {
				t.Errorf("floor %g, %s: %d of %d intervals hold the gain", floor, kind, k.heldEnough, k.enough)
			}
		}
	}
}
