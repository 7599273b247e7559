package learn

import (
	"context"
	"math"

	"github.com/tinydancer/tinydancer/internal/elementary"
)

// calibration takes pooled scores to probabilities, by their log odds: what the
// agents have in common times a slope, what a request changes between them times
// a slope of its own, plus an offset of all agents and one of each. An agent's
// own offset is drawn towards 0, so that it moves only as far as its outcomes
// carry it: Platt 1999, in the hierarchical form.
//
// Two slopes, because the two are not known alike: how hard a request is shows
// in the outcomes of all agents, who is better at it in differences between
// them. Experts that are right to say the first boldly would say the second too
// boldly, and be surer of their pick than they may. The second slope is at most
// the first: a pick is the highest of several, so what makes differences larger
// makes picks look better than they are.
type calibration struct {
	slope, contrast, offset float64
	own                     []float64 // of each agent
	usual                   []float64 // log odds of each agent's mean, less the mean of all
	bend                    *curve    // of what comes of it; nil for none
}

// ownPrecision is 1/variance of agents' own offsets, before anything is seen.
const ownPrecision = 25

// leastSlope bounds both slopes: what experts say may count for little, but
// never against them.
const leastSlope = 0.02

func newCalibration(mean []float64) *calibration {
	c := &calibration{slope: 1, contrast: 1, own: make([]float64, len(mean))}
	c.know(mean)
	return c
}

// know sets what is usual by the agents' means.
func (c *calibration) know(mean []float64) {
	c.usual = make([]float64, len(mean))
	var sum float64
	for a, m := range mean {
		c.usual[a] = elementary.Logit(bounded(m))
		sum += c.usual[a]
	}
	for a := range c.usual {
		c.usual[a] -= sum / float64(len(mean))
	}
}

// split sets dst, of a row, to what is special in each agent's score: its log
// odds less the level that it returns, the mean of all agents, and what is usual.
func (c *calibration) split(dst, score []float64) (level float64) {
	for a, p := range score {
		dst[a] = elementary.Logit(bounded(p))
	}
	return c.part(dst)
}

// part is split of log odds, in their place.
func (c *calibration) part(odds []float64) (level float64) {
	for _, v := range odds {
		level += v
	}
	level /= float64(len(odds))
	for a := range odds {
		odds[a] -= level + c.usual[a]
	}
	return level
}

// apply sets dst, of a row, to what is expected of each agent.
func (c *calibration) apply(dst, score []float64) { c.join(dst, c.split(dst, score)) }

// applyOdds is apply to log odds.
func (c *calibration) applyOdds(dst []float64, odds []float32) {
	for a, v := range odds {
		dst[a] = max(-mostOdds, min(mostOdds, float64(v)))
	}
	c.join(dst, c.part(dst))
}

// mostOdds are the log odds of the highest score.
var mostOdds = elementary.Logit(1 - scoreFloor)

// join turns what split has made into expectations.
func (c *calibration) join(dst []float64, level float64) {
	for a, special := range dst {
		dst[a] = c.bend.apply(elementary.Sigmoid(c.odds(a, level+c.usual[a], special)))
	}
}

func (c *calibration) odds(agent int, common, special float64) float64 {
	return float64(c.slope*common) + float64(c.contrast*special) + c.offset + c.own[agent]
}

// calibrate fits to what was said out of fold. It takes all cells, not only
// those of the agents that would have been picked.
func calibrate(ctx context.Context, t *table, score, mean []float64) (*calibration, error) {
	c := newCalibration(mean)
	if err := c.fit(ctx, t, score, false); err != nil {
		return nil, err
	}
	if c.contrast > c.slope {
		c = newCalibration(mean)
		if err := c.fit(ctx, t, score, true); err != nil {
			return nil, err
		}
	}
	c.slope = math.Max(leastSlope, c.slope)
	c.contrast = math.Min(c.slope, math.Max(leastSlope, c.contrast))
	return c, nil
}

// fit is the maximum of the likelihood, both slopes being one if tied.
func (c *calibration) fit(ctx context.Context, t *table, score []float64, tied bool) error {
	n := t.agents
	common, special := make([]float64, t.rows), make([]float64, len(score))
	for r := range t.rows {
		common[r] = c.split(special[r*n:][:n], score[r*n:][:n])
	}
	for range 12 { // Newton's method, the common three and the agents' own in turn
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// A prior of slopes 1 and offset 0, worth a few rows: all successes, or all
		// equal scores, leave the map as it is.
		const prior = 4
		step := []float64{prior * (1 - c.slope), prior * (1 - c.contrast), -prior * c.offset}
		hessian := []float64{prior, 0, 0, 0, prior, 0, 0, 0, prior} // its lower triangle
		own := make([][2]float64, n)
		for i, w := range t.weight {
			if w == 0 {
				continue
			}
			a := i % n
			x := [3]float64{common[i/n] + c.usual[a], special[i], 1}
			p := elementary.Sigmoid(c.odds(a, x[0], x[1]))
			if tied {
				x[0], x[1] = x[0]+x[1], 0
			}
			d := float64(float64(w) * (float64(t.outcome[i]) - p))
			h := float64(float64(w) * float64(p*(1-p)))
			for j, v := range x {
				step[j] += float64(d * v)
				for k := range j + 1 {
					hessian[3*j+k] += float64(h * float64(v*x[k]))
				}
			}
			own[a][0] += d
			own[a][1] += h
		}
		factorise(hessian, 3).solve(step)
		c.slope += limited(step[0])
		c.contrast += limited(step[1])
		if tied {
			c.contrast = c.slope
		}
		c.offset += limited(step[2])
		for a, o := range own {
			c.own[a] += limited((o[0] - float64(ownPrecision*c.own[a])) / (o[1] + ownPrecision) / 2)
		}
	}
	return nil
}

func limited(step float64) float64 { return math.Max(-1, math.Min(1, step)) }
