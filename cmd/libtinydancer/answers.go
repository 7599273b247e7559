package main

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/tinydancer/tinydancer"
)

// decision writes a decision in the shape that ruvector_route promises.
func (t *tape) decision(d *tinydancer.Decision, noAlternatives bool) {
	t.object(d, nil, [16]byte{}, noAlternatives)
}

// chosen writes a choice in the shape that ruvector_decide promises.
func (t *tape) chosen(c *tinydancer.Choice, id [16]byte, noAlternatives bool) {
	t.object(&c.Decision, c, id, noAlternatives)
}

// object writes keys in the order in which jsonb keeps them, by length and then
// by bytes, so that PostgreSQL finds nothing to sort.
func (t *tape) object(d *tinydancer.Decision, c *tinydancer.Choice, id [16]byte, noAlternatives bool) {
	t.tag('{')
	if c != nil {
		t.key("explored")
		t.boolean(c.Explored)
	}
	t.key("reasoning")
	t.written(d.AppendReasoning)
	t.key("agent_name")
	t.text(d.AgentName)
	t.key("confidence")
	t.number(d.Confidence)
	if c != nil {
		t.key("propensity")
		t.number(c.Propensity)
		t.key("decision_id")
		t.text(uuid(id))
	}
	t.key("alternatives")
	t.alternatives(d, noAlternatives)
	t.key("estimated_cost")
	t.number(d.EstimatedCostUSD)
	if c != nil {
		t.key("policy_version")
		t.number(float64(c.ModelVersion))
	}
	t.key("expected_quality")
	t.number(d.ExpectedQuality)
	t.key("similarity_score")
	if d.Embedded {
		t.number(d.Similarity)
	} else {
		t.tag('0')
	}
	t.key("estimated_latency_ms")
	t.number(d.EstimatedLatencyMS)
	t.tag('}')
}

// uuid is the text of an id.
func uuid(id [16]byte) string {
	text := make([]byte, 0, 36)
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, []byte{b})
	}
	return string(text)
}

// choice writes what pg/src/decide.c records of a decision.
func (t *tape) choice(c *tinydancer.Choice, ids map[string]int64) {
	t.long(ids[c.AgentName])
	t.float(c.Propensity)
	t.long(c.ModelVersion)
	t.boolean(c.Explored)
	t.text(c.Target.String())
	t.float(c.ExpectedQuality)
	t.float(c.EstimatedCostUSD)
	t.float(c.EstimatedLatencyMS)
	t.long(int64(len(c.Eligible)))
	for _, name := range c.Eligible {
		t.long(ids[name])
	}
	t.long(int64(len(c.Features)))
	for _, v := range c.Features {
		t.float(float64(v))
	}
	if c.Features != nil {
		t.float(c.ModelQuality)
	}
	t.long(c.ChallengerVersion)
}

// state writes the hidden state after a decision; nothing without one.
func (t *tape) state(s *tinydancer.Session) {
	var state []float32
	if s != nil {
		_, state, _ = s.State()
	}
	t.written(func(b []byte) []byte {
		for _, v := range state {
			b = binary.NativeEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	})
}

func (t *tape) alternatives(d *tinydancer.Decision, none bool) {
	t.tag('[')
	if !none {
		all := d.Alternatives()
		for i := range all {
			a := &all[i]
			t.tag('{')
			t.key("name")
			t.text(a.AgentName)
			t.key("score")
			t.number(a.Score)
			t.key("reason")
			t.written(func(b []byte) []byte { return d.AppendReason(b, a) })
			t.tag('}')
		}
	}
	t.tag(']')
}

// decisionRows writes a decision as rows: the choice, then the alternatives.
func (t *tape) decisionRows(d *tinydancer.Decision, noAlternatives bool) {
	t.tag('r')
	t.integer(1)
	t.text(d.AgentName)
	t.float(d.Score)
	t.float(d.Confidence)
	t.float(d.EstimatedCostUSD)
	t.float(d.EstimatedLatencyMS)
	t.float(d.ExpectedQuality)
	t.cosine(d.Similarity, d.Embedded)
	t.written(d.AppendReasoning)
	if noAlternatives {
		return
	}
	all := d.Alternatives()
	for i := range all {
		a := &all[i]
		t.tag('r')
		t.integer(int64(i) + 2)
		t.text(a.AgentName)
		t.float(a.Score)
		t.tag('0')
		t.float(a.EstimatedCostUSD)
		t.float(a.EstimatedLatencyMS)
		t.float(a.ExpectedQuality)
		t.cosine(a.Similarity, a.Embedded)
		t.written(func(b []byte) []byte { return d.AppendReason(b, a) })
	}
}

func (t *tape) cosine(v float64, embedded bool) {
	if embedded {
		t.float(v)
	} else {
		t.tag('0')
	}
}

// explanation writes one row of ruvector_explain.
func (t *tape) explanation(e *tinydancer.Explanation) {
	t.tag('r')
	t.text(e.AgentName)
	t.boolean(e.Eligible)
	t.text(e.Reason)
	if e.Rank > 0 {
		t.integer(int64(e.Rank))
	} else {
		t.tag('0')
	}
	t.float(e.Score)
	t.float(e.Estimate.CostUSD)
	t.float(e.Estimate.LatencyMS)
	t.float(e.Estimate.Quality)
	t.cosine(e.Similarity, e.Embedded)
	t.tag('{')
	for _, c := range e.Contributions {
		t.key(c.Name)
		t.number(c.Value)
	}
	t.tag('}')
}
