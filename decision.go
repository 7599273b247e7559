package tinydancer

import (
	"math"
	"strconv"
)

// Decision is the answer to a request. It is a value; beyond three
// alternatives, copies of it share those.
type Decision struct {
	AgentName string
	Target    Target

	// Confidence is the probability, under the router's own uncertainty, that
	// the agent satisfies the constraints and is the best of the eligible; to
	// four decimals.
	Confidence float64

	EstimatedCostUSD   float64
	EstimatedLatencyMS float64
	ExpectedQuality    float64 // in [0, 1]

	// Similarity is the cosine between the request and the agent's embedding,
	// in [−1, 1]. It is 0, and Embedded is false, for an agent without one.
	Similarity float64
	Embedded   bool

	// Score is what the target maximises, as a utility in [0, 1].
	Score float64

	// ModelVersion is the version of the model that judged the agents; 0 is
	// none.
	ModelVersion int64

	few         [defaultAlternatives]Alternative
	many        []Alternative
	alternative int // how many there are
	constrained bool
	held        bool // the others were held below this agent

	explored   string  // the agent that looked best, if another one was drawn
	propensity float64 // likewise
}

// Alternative is an agent that was eligible and not chosen.
type Alternative struct {
	AgentName string
	Score     float64 // on the scale of Decision.Score

	EstimatedCostUSD   float64
	EstimatedLatencyMS float64
	ExpectedQuality    float64
	Similarity         float64 // 0, and Embedded false, without an embedding
	Embedded           bool
}

// Alternatives returns the runners-up, best first. The slice belongs to d: it
// changes when d is assigned to, and must not be written to.
func (d *Decision) Alternatives() []Alternative {
	if d.many != nil {
		return d.many
	}
	return d.few[:d.alternative]
}

func (d *Decision) fill(p *plan, req *Request, s *scratch) {
	winner := s.picks[0]
	e := &p.estimates[winner.agent]
	d.AgentName, d.Target = p.agents[winner.agent].Name, req.Target
	d.EstimatedCostUSD, d.EstimatedLatencyMS, d.ExpectedQuality = e.CostUSD, e.LatencyMS, e.Quality
	d.Similarity, d.Embedded = winner.cosine, p.row[winner.agent] >= 0
	d.Score = winner.score
	d.Confidence = roundConfidence(s.confidence(p, req.Target, e))
	d.constrained = !s.filter.open
	d.ModelVersion, d.held = p.ModelVersion(), s.held == winner.agent
	others := s.picks[1:]
	alternatives := d.few[:]
	if len(others) > len(d.few) {
		d.many = make([]Alternative, len(others))
		alternatives = d.many
	}
	for k, o := range others {
		e := &p.estimates[o.agent]
		alternatives[k] = Alternative{
			p.agents[o.agent].Name, o.score, e.CostUSD, e.LatencyMS, e.Quality, o.cosine, p.row[o.agent] >= 0,
		}
	}
	d.alternative = len(others)
}

// confidence is P(feasible and best). The race knows the limit on the target
// itself; the other limits multiply, as the estimates are independent. In the
// balanced score quality and latency have a part, so there the winner's score
// is first shifted to what it is when the limits hold (the moments of a normal
// that is cut off).
func (s *scratch) confidence(p *plan, t Target, e *Estimate) float64 {
	feasible := 1.0
	quality := cut(e.Quality-s.filter.minQuality, e.QualitySD)
	latency := cut(s.filter.maxLatency-e.LatencyMS, e.LatencySDMS)
	switch t {
	case Quality:
		feasible = latency.probability
	case Latency:
		feasible = quality.probability
	case Cost:
		feasible = quality.probability * latency.probability
	case Balanced:
		feasible = quality.probability * latency.probability
		w := &p.config.Weights
		slope := w.Latency * p.config.latencyUtilitySlope(e.LatencyMS)
		s.race.shift(
			w.Quality*quality.rise+slope*latency.rise,
			sq(w.Quality)*quality.narrowing+sq(slope)*latency.narrowing,
		)
	}
	return feasible * s.race.probability()
}

// tail is what is left of a normal variable when it must not fall by more
// than a margin below its mean.
type tail struct {
	probability float64 // of satisfying the limit
	rise        float64 // of the mean, given that it is satisfied
	narrowing   float64 // of the variance, likewise
}

func cut(margin, sd float64) tail {
	z := margin / sd
	if sd == 0 || math.IsInf(z, 1) {
		return tail{probability: 1}
	}
	h := normalHazard(-z)
	return tail{normalCDF(z), sd * h, sq(sd) * h * (h + z)}
}

func sq(v float64) float64 { return v * v }

// Reasoning says in one sentence what decided, and by how much.
func (d *Decision) Reasoning() string { return string(d.AppendReasoning(nil)) }

// AppendReasoning appends [Decision.Reasoning] to b.
func (d *Decision) AppendReasoning(b []byte) []byte {
	if d.explored != "" {
		b = append(b, "tried to learn about it, as one in "...)
		b = appendFigure(b, 1/d.propensity)
		return append(append(append(b, " such requests is; "...), d.explored...), " looks best"...)
	}
	switch d.Target {
	case Cost:
		b = append(b, "lowest predicted cost: "...)
		b = appendUSD(b, d.EstimatedCostUSD)
	case Latency:
		b = append(b, "lowest predicted latency: "...)
		b = appendMS(b, d.EstimatedLatencyMS)
	case Quality:
		b = append(b, "highest expected quality: "...)
		b = appendShare(b, d.ExpectedQuality)
	default:
		b = append(b, "best balance of quality, cost, latency and similarity: score "...)
		b = appendShare(b, d.Score)
	}
	if d.alternative == 0 {
		if d.constrained {
			return append(b, "; no other eligible agent"...)
		}
		return append(b, "; no other active agent"...)
	}
	second := &d.Alternatives()[0]
	b = append(b, ", "...)
	b = d.appendLead(b, second)
	if d.constrained {
		b = append(b, " among the eligible"...)
	}
	if d.held && (d.Target == Balanced || d.Target == Quality) {
		b = append(b, "; the best on the whole serves, as model "...)
		b = strconv.AppendInt(b, d.ModelVersion, 10)
		b = append(b, " has not shown that it knows better here"...)
	}
	return b
}

// appendLead says how far the choice is ahead of another agent.
func (d *Decision) appendLead(b []byte, a *Alternative) []byte {
	var lead float64
	at := len(b)
	switch d.Target {
	case Cost:
		lead = a.EstimatedCostUSD - d.EstimatedCostUSD
		b = append(appendUSD(b, lead), " less than "...)
	case Latency:
		lead = a.EstimatedLatencyMS - d.EstimatedLatencyMS
		b = append(appendMS(b, lead), " less than "...)
	case Quality:
		lead = d.ExpectedQuality - a.ExpectedQuality
		b = append(appendShare(b, lead), " more than "...)
	default:
		lead = d.Score - a.Score
		b = append(appendShare(b, lead), " more than "...)
	}
	if lead == 0 {
		b = append(b[:at], "level with "...)
		b = append(b, a.AgentName...)
		return append(append(b, "; "...), d.tieBreak(a)...)
	}
	return append(b, a.AgentName...)
}

// tieBreak names what decided between agents of equal worth.
func (d *Decision) tieBreak(a *Alternative) string {
	switch {
	case d.ExpectedQuality != a.ExpectedQuality:
		return "chosen for its quality"
	case d.EstimatedCostUSD != a.EstimatedCostUSD:
		return "chosen for its cost"
	case d.EstimatedLatencyMS != a.EstimatedLatencyMS:
		return "chosen for its latency"
	}
	return "chosen by name"
}

// AppendReason appends how an alternative compares with the choice.
func (d *Decision) AppendReason(b []byte, a *Alternative) []byte {
	switch d.Target {
	case Cost:
		b = appendUSD(b, a.EstimatedCostUSD)
		return appendDistance(b, a.EstimatedCostUSD-d.EstimatedCostUSD, appendUSD, "more")
	case Latency:
		b = appendMS(b, a.EstimatedLatencyMS)
		return appendDistance(b, a.EstimatedLatencyMS-d.EstimatedLatencyMS, appendMS, "more")
	case Quality:
		b = append(b, "expected quality "...)
		b = appendShare(b, a.ExpectedQuality)
		return appendDistance(b, d.ExpectedQuality-a.ExpectedQuality, appendShare, "less")
	}
	b = append(b, "score "...)
	b = appendShare(b, a.Score)
	return appendDistance(b, d.Score-a.Score, appendShare, "less")
}

func appendDistance(b []byte, by float64, unit func([]byte, float64) []byte, direction string) []byte {
	if by == 0 {
		return append(b, ", level"...)
	}
	b = unit(append(b, ", "...), by)
	return append(append(b, ' '), direction...)
}

// Figures in sentences have four significant digits; the exact ones stand in
// the fields.
func appendUSD(b []byte, v float64) []byte { return appendFigure(append(b, '$'), v) }

func appendMS(b []byte, v float64) []byte { return append(appendFigure(b, v), " ms"...) }

func appendShare(b []byte, v float64) []byte { return appendFigure(b, v) }

func appendFigure(b []byte, v float64) []byte {
	if v == 0 {
		return append(b, '0')
	}
	if v >= 1e4 && v < 1e15 {
		return strconv.AppendFloat(b, v, 'f', 0, 64)
	}
	if v < 1e-4 || v >= 1e15 {
		return strconv.AppendFloat(b, v, 'g', 4, 64)
	}
	// 'f' with as many decimals as four digits need, zeros cut off.
	decimals := 0
	for _, least := range [...]float64{1e3, 1e2, 1e1, 1, 1e-1, 1e-2, 1e-3} {
		if v >= least {
			break
		}
		decimals++
	}
	b = strconv.AppendFloat(b, v, 'f', decimals, 64)
	for decimals > 0 && b[len(b)-1] == '0' {
		b, decimals = b[:len(b)-1], decimals-1
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}
