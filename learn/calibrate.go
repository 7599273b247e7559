package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/elementary"
)

// calibration takes pooled scores to probabilities: the log odds times a slope,
// plus an offset of all agents and one of each. An agent's own offset is drawn
// towards 0, so that it moves only as far as its outcomes carry it: Platt 1999,
// in the hierarchical form.
type calibration struct {
	slope, offset float64
	own           []float64 // of each agent
}

// ownPrecision is 1/variance of agents' own offsets, before anything is seen.
const ownPrecision = 25

func (c *calibration) at(agent int, score float64) float64 {
	return elementary.Sigmoid(float64(c.slope*elementary.Logit(bounded(score))) + c.offset + c.own[agent])
}

// calibrate fits to what was said out of fold. It takes all cells, not only
// those of the agents that would have been picked.
func calibrate(ctx context.Context, t *table, score []float64) (*calibration, error) {
	c := &calibration{slope: 1, own: make([]float64, t.agents)}
	odds := make([]float64, len(score))
	for i, p := range score {
		if t.weight[i] != 0 {
			odds[i] = elementary.Logit(bounded(p))
		}
	}
	for range 12 { // Newton's method, the common two and the agents' own in turn
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// A prior of slope 1 and offset 0, worth a few rows: all successes, or all
		// equal scores, leave the map as it is.
		const prior = 4
		gs, go_ := float64(prior*(1-c.slope)), float64(-prior*c.offset)
		hss, hso, hoo := float64(prior), 0.0, float64(prior)
		own := make([][2]float64, t.agents)
		for i, w := range t.weight {
			if w == 0 {
				continue
			}
			a := i % t.agents
			p := elementary.Sigmoid(float64(c.slope*odds[i]) + c.offset + c.own[a])
			d := float64(float64(w) * (float64(t.outcome[i]) - p))
			h := float64(float64(w) * float64(p*(1-p)))
			gs += float64(d * odds[i])
			go_ += d
			hss += float64(h * float64(odds[i]*odds[i]))
			hso += float64(h * odds[i])
			hoo += h
			own[a][0] += d
			own[a][1] += h
		}
		determinant := float64(hss*hoo) - float64(hso*hso)
		if determinant > 1e-9 {
			c.slope += limited((float64(hoo*gs) - float64(hso*go_)) / determinant)
			c.offset += limited((float64(hss*go_) - float64(hso*gs)) / determinant)
		}
		for a, o := range own {
			c.own[a] += limited((o[0] - float64(ownPrecision*c.own[a])) / (o[1] + ownPrecision) / 2)
		}
	}
	c.slope = math.Max(0.1, c.slope)
	return c, nil
}

func limited(step float64) float64 { return math.Max(-1, math.Min(1, step)) }
