package main

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tinydancer/tinydancer"
)

// pen writes what wire reads, as the put_ functions of pg/src/load.c do.
type pen []byte

func (p *pen) int64(v int64) { *p = binary.NativeEndian.AppendUint64(*p, uint64(v)) }

func (p *pen) float64(v float64) { p.int64(int64(math.Float64bits(v))) }

func (p *pen) count(n int) { *p = binary.NativeEndian.AppendUint32(*p, uint32(int32(n))) }

func (p *pen) text(s string) {
	p.count(len(s))
	*p = append(*p, s...)
}

func (p *pen) row(r row) {
	a := &r.agent
	p.int64(r.id)
	p.int64(a.Performance.TotalRequests)
	if a.Inactive {
		p.int64(0)
	} else {
		p.int64(1)
	}
	for _, v := range []float64{
		a.Cost.PerRequest, a.Cost.PerToken, a.Cost.MonthlyFixed,
		a.Performance.AvgLatencyMS, a.Performance.Quality, a.Performance.SuccessRate,
	} {
		p.float64(v)
	}
	p.text(a.Name)
	p.text(string(a.Type))
	p.count(len(a.Capabilities))
	for _, c := range a.Capabilities {
		p.text(c)
	}
	p.count(4 * len(a.Embedding))
	for _, v := range a.Embedding {
		*p = binary.NativeEndian.AppendUint32(*p, math.Float32bits(v))
	}
}

func (p *pen) tally(id int64, t tinydancer.Tally) {
	for _, v := range []int64{id, t.Requests, t.Successes, t.RatedSuccesses, t.RatedFailures, t.Latencies} {
		p.int64(v)
	}
	for _, v := range []float64{t.SuccessQualitySum, t.FailureQualitySum, t.QualitySquareSum, t.LatencySum, t.LatencySquareSum} {
		p.float64(v)
	}
}

func drawRow(t *rapid.T) row {
	number := rapid.OneOf(rapid.Just(0.0), rapid.Float64())
	draw := func(what string) float64 { return number.Draw(t, what) }
	rate := draw("success")
	if rate == 0 {
		rate = 0.5 // 0 has a test of its own
	}
	return row{rapid.Int64().Draw(t, "id"), tinydancer.Agent{
		Name: rapid.String().Draw(t, "name"), Type: tinydancer.AgentType(rapid.String().Draw(t, "type")),
		Capabilities: rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "capabilities"),
		Cost:         tinydancer.CostModel{PerRequest: draw("request"), PerToken: draw("token"), MonthlyFixed: draw("month")},
		Performance: tinydancer.Performance{
			AvgLatencyMS: draw("latency"), Quality: draw("quality"), SuccessRate: rate, TotalRequests: rapid.Int64().Draw(t, "requests"),
		},
		Embedding: rapid.SliceOfN(rapid.Float32(), 0, 5).Draw(t, "embedding"),
		Inactive:  rapid.Bool().Draw(t, "inactive"),
	}}
}

func TestAgentsCross(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pen
		var want []row
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			r := drawRow(t)
			p.row(r)
			want = append(want, r)
		}
		got, err := readAgents(p)
		if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); err != nil || d != "" {
			t.Fatalf("%v\n%s", err, d)
		}
		if len(p) > 0 { // whatever is cut off the end is missed, but for a whole row
			cut := rapid.IntRange(0, len(p)-1).Draw(t, "cut")
			if got, err := readAgents(p[:cut]); err == nil && len(got) >= len(want) || err != nil && !errors.Is(err, errWire) {
				t.Fatalf("%d of %d bytes: %d rows, %v", cut, len(p), len(got), err)
			}
		}
	})
}

// A success rate of 0 in the table was declared: nothing may take it for 1.
func TestDeclaredFailureCrosses(t *testing.T) {
	var p pen
	p.row(row{1, tinydancer.Agent{Name: "a", Type: "llm", Performance: tinydancer.Performance{Quality: 0.9}}})
	rows, err := readAgents(p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tinydancer.NewSnapshot([]tinydancer.Agent{rows[0].agent}, nil)
	if err != nil {
		t.Fatal(err)
	}
	router, err := tinydancer.NewRouter(s, tinydancer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := router.Route(tinydancer.Request{Embedding: []float32{1}}); err != nil || d.ExpectedQuality != 0 {
		t.Errorf("expected quality %g, %v; want 0", d.ExpectedQuality, err)
	}
}

func TestTalliesCross(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pen
		want := map[int64]tinydancer.Tally{}
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			id := rapid.Int64().Draw(t, "id")
			n, x := rapid.Int64(), rapid.Float64()
			want[id] = tinydancer.Tally{
				Requests: n.Draw(t, "requests"), Successes: n.Draw(t, "successes"),
				RatedSuccesses: n.Draw(t, "rated"), RatedFailures: n.Draw(t, "failed"),
				SuccessQualitySum: x.Draw(t, "good"), FailureQualitySum: x.Draw(t, "bad"), QualitySquareSum: x.Draw(t, "squares"),
				Latencies: n.Draw(t, "latencies"), LatencySum: x.Draw(t, "latency"), LatencySquareSum: x.Draw(t, "latency squares"),
			}
		}
		for id, tally := range want {
			p.tally(id, tally)
		}
		got, err := readTallies(p)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Fatalf("%v\n%s", err, d)
		}
		if len(p) > 0 {
			if _, err := readTallies(p[:len(p)-1]); !errors.Is(err, errWire) {
				t.Fatalf("a byte short: %v", err)
			}
		}
	})
}

func TestConfigCrosses(t *testing.T) {
	settings := func(v ...float64) (p pen) {
		for _, v := range v {
			p.float64(v)
		}
		return p
	}
	c, n, err := readConfig(settings(0.1, 0.2, 0.3, 0.4, 5, 6, 7, 8, 0.5, 0.6, 0.7, 0.25, -1))
	want := tinydancer.Config{
		Weights:          tinydancer.Weights{Quality: 0.1, Cost: 0.2, Latency: 0.3, Similarity: 0.4},
		ReferenceCostUSD: 5, ReferenceLatencyMS: 6, PriorWeight: 7, Tokens: 8,
		ExplorationFloor: 0.5, ExplorationScale: 0.6, Optimism: 0.7, ChallengerShare: 0.25,
	}
	if err != nil || c != want || n != -1 {
		t.Errorf("got %+v, %d and %v", c, n, err)
	}
	// Nothing is no default.
	c, _, err = readConfig(settings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1))
	if err != nil || !(c.ChallengerShare > 0 && c.ChallengerShare <= 1e-12) {
		t.Errorf("a share of 0 is %g, %v", c.ChallengerShare, err)
	}
	for name, p := range map[string]pen{
		"nothing":          nil,
		"a number short":   settings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
		"a byte short":     settings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)[:103],
		"a byte more":      append(settings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 0),
		"half alternative": settings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5),
		"NaN alternatives": settings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, math.NaN()),
		"too many":         settings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1e300),
	} {
		if _, _, err := readConfig(p); !errors.Is(err, errWire) {
			t.Errorf("%s: got %v, want broken rows", name, err)
		}
	}
	_, _, err = readConfig(settings(0, 0, 0, 0, 1, 1, 1, 1, 0.02, 1, 1, 1, 3))
	if r := reportOf(err); r.state != stateInvalid || r.message != "tinydancer.weight_*: got 0 for all four, want one above 0" {
		t.Errorf("weights of 0: %+v", r)
	}
}

// The other end of the wire is in C: what it writes must come in the order in
// which it is read here.
func TestColumnsComeInTheOrderOfC(t *testing.T) {
	quoted := func(file, from, to string) string {
		t.Helper()
		source, err := os.ReadFile("../../pg/src/" + file)
		if err != nil {
			t.Skip("the C sources are not here: ", err)
		}
		_, rest, _ := strings.Cut(string(source), from)
		part, _, found := strings.Cut(rest, to)
		if !found {
			t.Fatalf("%s has no %q before %q", file, from, to)
		}
		return strings.Join(regexp.MustCompile(`[a-z_0-9]{4,}`).FindAllString(part, -1), " ")
	}
	for _, c := range []struct{ file, from, to, want string }{
		{
			"load.c", "const numbers[] = {", "}",
			"cost_per_request cost_per_token monthly_fixed declared_latency_ms declared_quality declared_success_rate",
		},
		{"load.c", "const counts[] = {", "}", "agent_id requests successes rated_successes rated_failures latencies"},
		{
			"load.c", "const sums[] = {", "}",
			"success_quality_sum failure_quality_sum quality_square_sum latency_sum latency_square_sum",
		},
		{
			"settings.c", "static struct\n{", "}",
			"double weight_quality double weight_cost double weight_latency double weight_similarity double reference_cost " +
				"double reference_latency_ms double prior_weight double expected_tokens double exploration_floor " +
				"double exploration_scale double optimism double challenger_share double max_alternatives",
		},
	} {
		if got := quoted(c.file, c.from, c.to); got != c.want {
			t.Errorf("%s, %s\n got %s\nwant %s", c.file, c.from, got, c.want)
		}
	}
}

// After the first value that is missing, all are: what is left over is not
// read as something else.
func TestNothingIsReadBehindAGap(t *testing.T) {
	w := wire{rest: []byte{1, 2, 3, 4, 5}}
	if v := w.int64(); v != 0 || w.err() == nil {
		t.Fatalf("8 bytes of 5: %d, %v", v, w.err())
	}
	if n, s, f := w.count(), w.text(), w.floats(); n != 0 || s != "" || len(f) != 0 || w.more() {
		t.Errorf("behind the gap: %d, %q, %v", n, s, f)
	}
}

// Counts that promise gigabytes get none.
func TestHostileCountsTakeNoMemory(t *testing.T) {
	for _, count := range []int32{math.MaxInt32, math.MinInt32, -1, 1 << 28} {
		var p pen
		for range 9 {
			p.int64(1)
		}
		head := slices.Clone(p)
		head.count(int(count)) // the name
		p.text("a")
		p.text("llm")
		p.count(int(count)) // the capabilities
		padded := append(slices.Clone(p), make([]byte, 100)...)
		for _, data := range []pen{head, p, padded, append(slices.Clone(p[:len(p)-4]), pen{0, 0, 0, 0, 255, 255, 255, 127}...)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readAgents(data)
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, errWire) || grown > 1<<16 {
				t.Errorf("count %d: %v, and %d bytes allocated for %d", count, err, grown, len(data))
			}
		}
	}
}
