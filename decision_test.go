package tinydancer

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	gocmp "github.com/google/go-cmp/cmp"
)

var (
	leadPattern  = regexp.MustCompile(`^(lowest predicted cost|lowest predicted latency|highest expected quality|best balance of quality, cost, latency and similarity: score):? (\$?)(\S+?)( ms)?, (\$?)(\S+)( ms)? (less|more) than (\S+)( among the eligible)?$`)
	levelPattern = regexp.MustCompile(`^(.*), level with (\S+); chosen (?:for its (quality|cost|latency)|by (name))( among the eligible)?$`)
)

// Reasoning is read by people who believe it. So what it says must be so: this
// parses the sentences and holds them against the decision.
func TestReasoningIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := drawFleet(t, 2)
		for i := range agents { // figures that are close, besides those that tie
			if rapid.Bool().Draw(t, "nudge") {
				agents[i].Cost.PerRequest += rapid.Float64Range(0, 1e-9).Draw(t, "cost")
				agents[i].Performance.Quality *= 1 - rapid.Float64Range(0, 1e-9).Draw(t, "quality")
			}
		}
		request := drawRequest(t, agents, 2)
		if !slices.ContainsFunc(agents, func(a Agent) bool { return a.Embedding != nil }) {
			agents[0].Embedding = []float32{1, 1}
		}
		d, err := newTestRouterErr(agents, request)
		if IsNoMatch(err) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		checkReasoning(t, &d)
		for i := range d.Alternatives() {
			a := &d.Alternatives()[i]
			checkReason(t, &d, a, string(d.AppendReason([]byte("> "), a)))
		}
	})
}

func checkReasoning(t *rapid.T, d *Decision) {
	said := d.Reasoning()
	if strings.Contains(said, "-") && !strings.Contains(said, "e-") {
		t.Fatalf("%q: a negative figure", said)
	}
	own, lead := figuresOf(d, d.alternativeOrNil(0))
	if len(d.Alternatives()) == 0 {
		if !strings.HasSuffix(said, "; no other active agent") && !strings.HasSuffix(said, "; no other eligible agent") {
			t.Fatalf("%q, without alternatives", said)
		}
		return
	}
	second := d.Alternatives()[0]
	if m := leadPattern.FindStringSubmatch(said); m != nil {
		if lead <= 0 || m[9] != second.AgentName || !reads(m[3], own) || !reads(m[6], lead) {
			t.Fatalf("%q, but the figure is %g and the lead before %s is %g", said, own, second.AgentName, lead)
		}
		if less := m[8] == "less"; less != (d.Target == Cost || d.Target == Latency) {
			t.Fatalf("%q for %v", said, d.Target)
		}
		if dollars := m[2] == "$" && m[5] == "$"; dollars != (d.Target == Cost) {
			t.Fatalf("%q for %v", said, d.Target)
		}
		if ms := m[4] == " ms" && m[7] == " ms"; ms != (d.Target == Latency) {
			t.Fatalf("%q for %v", said, d.Target)
		}
		return
	}
	m := levelPattern.FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("%q has neither form", said)
	}
	if lead != 0 || m[2] != second.AgentName {
		t.Fatalf("%q, but the lead before %s is %g", said, second.AgentName, lead)
	}
	switch m[3] + m[4] {
	case "quality":
		if d.ExpectedQuality <= second.ExpectedQuality {
			t.Fatalf("%q: %g and %g", said, d.ExpectedQuality, second.ExpectedQuality)
		}
	case "cost":
		if d.EstimatedCostUSD >= second.EstimatedCostUSD || d.ExpectedQuality != second.ExpectedQuality {
			t.Fatalf("%q: %+v and %+v", said, d, second)
		}
	case "latency":
		if d.EstimatedLatencyMS >= second.EstimatedLatencyMS || d.EstimatedCostUSD != second.EstimatedCostUSD {
			t.Fatalf("%q: %+v and %+v", said, d, second)
		}
	case "name":
		if d.AgentName >= second.AgentName || d.EstimatedLatencyMS != second.EstimatedLatencyMS {
			t.Fatalf("%q: %+v and %+v", said, d, second)
		}
	}
}

// alternativeOrNil returns alternative i, if there is one.
func (d *Decision) alternativeOrNil(i int) *Alternative {
	if i < len(d.Alternatives()) {
		return &d.Alternatives()[i]
	}
	return nil
}

// figuresOf returns what the target looks at, and by how much the choice is
// ahead.
func figuresOf(d *Decision, a *Alternative) (own, lead float64) {
	if a == nil {
		a = &Alternative{}
	}
	switch d.Target {
	case Cost:
		return d.EstimatedCostUSD, a.EstimatedCostUSD - d.EstimatedCostUSD
	case Latency:
		return d.EstimatedLatencyMS, a.EstimatedLatencyMS - d.EstimatedLatencyMS
	case Quality:
		return d.ExpectedQuality, d.ExpectedQuality - a.ExpectedQuality
	}
	return d.Score, d.Score - a.Score
}

// reads reports whether a figure in a sentence is v in four digits.
func reads(figure string, v float64) bool {
	shown, err := strconv.ParseFloat(figure, 64)
	return err == nil && math.Abs(shown-v) <= 0.5e-3*v
}

var reasonPattern = regexp.MustCompile(`^> (?:expected quality |score )?(\$?)(\S+?)( ms)?, (?:level|(\$?)(\S+?)( ms)? (more|less))$`)

func checkReason(t *rapid.T, d *Decision, a *Alternative, said string) {
	own, lead := figuresOf(d, a)
	m := reasonPattern.FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("%q does not have the form of a reason", said)
	}
	theirs := map[Target]float64{Cost: own + lead, Latency: own + lead, Quality: own - lead, Balanced: own - lead}[d.Target]
	if lead < 0 || !reads(m[2], theirs) && math.Abs(theirs) > 1e-12 {
		t.Fatalf("%q of %s, whose figure is %g, the choice being ahead by %g", said, a.AgentName, theirs, lead)
	}
	if level := strings.HasSuffix(said, ", level"); level != (lead == 0) || !level && !reads(m[5], lead) {
		t.Fatalf("%q, but the choice is ahead by %g", said, lead)
	}
}

func TestReasoningWords(t *testing.T) {
	a, b := scenarioAgent("a", 0.02, 1234.56, 0.9), scenarioAgent("b", 0.021, 20_000, 0.85)
	asleep := scenarioAgent("asleep", 0, 1, 1)
	asleep.Inactive = true
	for _, c := range []struct {
		agents  []Agent
		request Request
		want    string
	}{
		{[]Agent{a, b}, Request{Target: Cost}, "lowest predicted cost: $0.02, $0.001 less than b"},
		{[]Agent{a, b}, Request{Target: Latency}, "lowest predicted latency: 1235 ms, 18765 ms less than b"},
		{[]Agent{a, b}, Request{Target: Quality}, "highest expected quality: 0.9, 0.05 more than b"},
		{[]Agent{a}, Request{Target: Quality}, "highest expected quality: 0.9; no other active agent"},
		{[]Agent{a, asleep}, Request{Target: Cost}, "lowest predicted cost: $0.02; no other active agent"},
		{[]Agent{a, b, asleep}, Request{Target: Cost, Constraints: Constraints{ExcludedAgents: []string{"b"}}}, "lowest predicted cost: $0.02; no other eligible agent"},
		{
			[]Agent{a, b, asleep},
			Request{Target: Quality, Constraints: Constraints{MinQuality: LimitTo(0.1)}},
			"highest expected quality: 0.9, 0.05 more than b among the eligible",
		},
		{
			[]Agent{a, scenarioAgent("b", 0.02, 9, 0.8)},
			Request{Target: Cost},
			"lowest predicted cost: $0.02, level with b; chosen for its quality",
		},
		{
			[]Agent{a, scenarioAgent("b", 0.02, 1234.56, 0.9)},
			Request{},
			"best balance of quality, cost, latency and similarity: score 0.7162, level with b; chosen by name",
		},
	} {
		c.request.Embedding = sameDirection()
		d, err := newTestRouterErr(c.agents, c.request)
		if err != nil || d.Reasoning() != c.want {
			t.Errorf("got  %s, %v\nwant %s", d.Reasoning(), err, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	for want, v := range map[string]float64{
		"0": 0, "1": 1, "0.5": 0.5, "0.03": 0.03, "0.1235": 0.123456, "12.35": 12.3456, "1235": 1234.56, "10000": 9999.7, "12346": 12345.6,
		"1e-05": 1e-5, "1.235e-09": 1.23456e-9, "0.0001": 1e-4, "1000": 1000, "100000000000000": 1e14, "1e+15": 1e15, "1.798e+308": math.MaxFloat64,
		"4.941e-324": math.SmallestNonzeroFloat64, "0.7": 0.7, "0.001": 0.00099996,
	} {
		if got := string(appendFigure(nil, v)); got != want {
			t.Errorf("%g: got %s, want %s", v, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := math.Abs(math.Float64frombits(rapid.Uint64().Draw(t, "bits")))
		if !(v < 1.797e308) { // or four digits say more than float64 holds
			return
		}
		if s := string(appendFigure(nil, v)); !reads(s, v) || len(s) > 16 {
			t.Fatalf("%g reads %s", v, s)
		}
	})
}

func TestMaxAlternatives(t *testing.T) {
	router := newTestRouter(t, fleet(30, 4, 1))
	for _, target := range []Target{Balanced, Cost} {
		for asked, want := range map[int]int{0: 3, 1: 1, 2: 2, 3: 3, 4: 4, 29: 29, 30: 29, 1000: 29, math.MaxInt32: 29, -1: 29} {
			d, err := router.Route(Request{Embedding: []float32{1, 0, 0, 0}, Target: target, MaxAlternatives: asked})
			if got := len(d.Alternatives()); err != nil || got != want {
				t.Errorf("%v, %d asked for: got %d and %v, want %d", target, asked, got, err, want)
			}
		}
	}
	for _, asked := range []int{-2, math.MinInt, math.MaxInt32 + 1, math.MaxInt} {
		_, err := router.Route(Request{Embedding: []float32{1, 0, 0, 0}, MaxAlternatives: asked})
		want := fmt.Sprintf("max_alternatives: got %d, want 0 to 2147483647, or -1 for all", asked)
		if !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("%d: got %v, want %s", asked, err, want)
		}
	}
}

// A decision is a value: a copy keeps its alternatives when the original is
// used again.
func TestDecisionIsAValue(t *testing.T) {
	router := newTestRouter(t, fleet(30, 4, 1))
	for _, alternatives := range []int{0, 10} {
		request := Request{Embedding: []float32{1, 0, 0, 0}, Target: Quality, MaxAlternatives: alternatives}
		d, err := router.Route(request)
		if err != nil {
			t.Fatal(err)
		}
		kept, reasoning, want := d, d.Reasoning(), slices.Clone(d.Alternatives())

		request.Target = Cost
		if d, err = router.Route(request); err != nil || gocmp.Equal(want, d.Alternatives()) {
			t.Fatal("the second decision should differ", err)
		}
		if diff := gocmp.Diff(want, kept.Alternatives()); diff != "" || kept.Reasoning() != reasoning {
			t.Errorf("%d alternatives: the copy changed:\n%s", len(want), diff)
		}
	}
	var zero Decision
	if len(zero.Alternatives()) != 0 {
		t.Error("the zero value has alternatives")
	}
}
