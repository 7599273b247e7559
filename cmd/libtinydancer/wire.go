package main

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/tinydancer/tinydancer"
)

// errWire says that rows from C do not have the form that is read here, which
// only a mix of two builds can bring about.
var errWire = errors.New("tinydancer: rows from PostgreSQL are broken; the two libraries come from different builds")

// wire reads what pg/src/load.c writes: integers and floats of eight bytes,
// and runs of bytes after a count of four, all in the machine's own order
// (amd64 and arm64 are little-endian). The first value that does not fit
// makes every later one zero, and is reported by err.
type wire struct {
	rest []byte
	bad  bool
}

func (w *wire) more() bool { return len(w.rest) > 0 && !w.bad }

func (w *wire) err() error {
	if w.bad {
		return errWire
	}
	return nil
}

func (w *wire) take(n int) []byte {
	if w.bad || n < 0 || n > len(w.rest) {
		w.bad = true
		return nil
	}
	b := w.rest[:n]
	w.rest = w.rest[n:]
	return b
}

func (w *wire) int64() int64 {
	if b := w.take(8); b != nil {
		return int64(binary.NativeEndian.Uint64(b))
	}
	return 0
}

func (w *wire) float64() float64 { return math.Float64frombits(uint64(w.int64())) }

func (w *wire) count() int {
	if b := w.take(4); b != nil {
		return int(int32(binary.NativeEndian.Uint32(b)))
	}
	return 0
}

func (w *wire) text() string { return string(w.take(w.count())) }

func (w *wire) texts() []string {
	n := w.count()
	if n < 0 || n > len(w.rest)/4 { // each has at least its own count
		w.bad = true
		return nil
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = w.text()
	}
	return texts
}

func (w *wire) floats() []float32 {
	b := w.take(w.count())
	if len(b)%4 != 0 {
		w.bad = true
		return nil
	}
	floats := make([]float32, len(b)/4)
	for i := range floats {
		floats[i] = math.Float32frombits(binary.NativeEndian.Uint32(b[4*i:]))
	}
	return floats
}

// row is an agent and the id of its row.
type row struct {
	id    int64
	agent tinydancer.Agent
}

func readAgents(data []byte) ([]row, error) {
	var rows []row
	w := wire{rest: data}
	for w.more() {
		var r row
		a := &r.agent
		r.id = w.int64()
		a.Performance.TotalRequests = w.int64()
		a.Inactive = w.int64() == 0
		a.Cost.PerRequest = w.float64()
		a.Cost.PerToken = w.float64()
		a.Cost.MonthlyFixed = w.float64()
		a.Performance.AvgLatencyMS = w.float64()
		a.Performance.Quality = w.float64()
		a.Performance.SuccessRate = w.float64()
		if a.Performance.SuccessRate == 0 {
			// In the table 0 is a rate that was declared. The library takes it
			// for none, unless a request stands behind it.
			a.Performance.TotalRequests = max(1, a.Performance.TotalRequests)
		}
		a.Name = w.text()
		a.Type = tinydancer.AgentType(w.text())
		a.Capabilities = w.texts()
		a.Embedding = w.floats()
		rows = append(rows, r)
	}
	return rows, w.err()
}

func readTallies(data []byte) (map[int64]tinydancer.Tally, error) {
	tallies := map[int64]tinydancer.Tally{}
	w := wire{rest: data}
	for w.more() {
		id := w.int64()
		tallies[id] = tinydancer.Tally{
			Requests:          w.int64(),
			Successes:         w.int64(),
			RatedSuccesses:    w.int64(),
			RatedFailures:     w.int64(),
			Latencies:         w.int64(),
			SuccessQualitySum: w.float64(),
			FailureQualitySum: w.float64(),
			QualitySquareSum:  w.float64(),
			LatencySum:        w.float64(),
			LatencySquareSum:  w.float64(),
		}
	}
	return tallies, w.err()
}

// configNumbers is how many settings pg/src/settings.c passes.
const configNumbers = 13

// leastShare is the least that a Config takes for Config.ChallengerShare.
const leastShare = 1e-12

// readConfig also returns tinydancer.max_alternatives.
func readConfig(data []byte) (tinydancer.Config, int, error) {
	w := wire{rest: data}
	var v [configNumbers]float64
	for i := range v {
		v[i] = w.float64()
	}
	c := tinydancer.Config{
		Weights:            tinydancer.Weights{Quality: v[0], Cost: v[1], Latency: v[2], Similarity: v[3]},
		ReferenceCostUSD:   v[4],
		ReferenceLatencyMS: v[5],
		PriorWeight:        v[6],
		Tokens:             v[7],
		ExplorationFloor:   v[8],
		ExplorationScale:   v[9],
		Optimism:           v[10],
		ChallengerShare:    max(v[11], leastShare), // 0 would be the default; C brings no challenger then
	}
	alternatives := v[12]
	if w.bad || w.more() || alternatives != math.Trunc(alternatives) || math.Abs(alternatives) > math.MaxInt32 {
		return c, 0, errWire
	}
	if c.Weights == (tinydancer.Weights{}) { // which the library takes for "the defaults"
		return c, 0, report{
			state:   stateInvalid,
			message: "tinydancer.weight_*: got 0 for all four, want one above 0",
		}
	}
	return c, int(alternatives), nil
}
