//go:build ignore

// Simulates what six invented agents make of requests.jsonl, and writes
// recorded outcomes. README.md says which rule it follows.
//
//	go run generate.go > support.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"hash/fnv"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"unicode/utf8"
)

const seed = 20240817

// Shared shocks are a request's own: what is worded badly is worded badly for
// everyone. The others are an agent's luck with a request.
const (
	sharedShock = 0.4
	ownShock    = 0.6
)

type agent struct {
	name string

	// Price in USD for a million tokens.
	inputUSD, outputUSD float64

	// The answer has verbosity × the usual tokens of the task. It begins after
	// firstSeconds and comes at so many tokens a second.
	verbosity, firstSeconds, tokensPerSecond float64

	// skill is the log-odds of a good answer to a request of difficulty 3, by
	// task; other for the tasks without an entry.
	other float64
	skill map[string]float64
}

var agents = []agent{
	{
		name: "swift-mini", inputUSD: 0.10, outputUSD: 0.40, verbosity: 0.8, firstSeconds: 0.25, tokensPerSecond: 180, other: 0.2,
		skill: map[string]float64{"support": 0.9, "summary": 0.7, "maths": -0.9, "coding": -0.5, "analysis": -0.5},
	},
	{
		name: "atlas-grand", inputUSD: 3.00, outputUSD: 15.00, verbosity: 1.2, firstSeconds: 0.90, tokensPerSecond: 55, other: 1.6,
		skill: map[string]float64{"coding": 1.1, "maths": 0.8, "translation": 1.1, "extraction": 1.0, "analysis": 1.0},
	},
	{
		name: "forge-code", inputUSD: 0.80, outputUSD: 3.20, verbosity: 1.0, firstSeconds: 0.50, tokensPerSecond: 90, other: -0.7,
		skill: map[string]float64{"coding": 2.8, "extraction": 0.6, "maths": 0.3},
	},
	{
		name: "abacus-reason", inputUSD: 1.10, outputUSD: 4.40, verbosity: 4.0, firstSeconds: 0.80, tokensPerSecond: 110, other: -0.3,
		skill: map[string]float64{"maths": 2.9, "analysis": 1.7, "coding": 0.7},
	},
	{
		name: "lingua-pro", inputUSD: 0.50, outputUSD: 1.50, verbosity: 0.9, firstSeconds: 0.35, tokensPerSecond: 120, other: -0.6,
		skill: map[string]float64{"translation": 2.6, "writing": 1.0, "summary": 0.5, "maths": -2},
	},
	{
		name: "ledger-extract", inputUSD: 0.30, outputUSD: 0.90, verbosity: 0.7, firstSeconds: 0.30, tokensPerSecond: 150, other: -1.1,
		skill: map[string]float64{"extraction": 2.8, "summary": 0.4},
	},
}

// tasks has the usual length of an answer in tokens, and whether answers are
// right or wrong rather than better or worse.
var tasks = map[string]struct {
	tokens float64
	exact  bool
}{
	"coding":      {420, true},
	"maths":       {260, true},
	"extraction":  {110, true},
	"translation": {90, false},
	"summary":     {120, false},
	"support":     {180, false},
	"writing":     {230, false},
	"analysis":    {380, false},
}

type request struct {
	ID   string `json:"id"`
	Task string `json:"task"`
	Hard int    `json:"hard"` // from 1, easy, to 5
	P    string `json:"p"`
}

type outcome struct {
	ID   string    `json:"id"`
	Task string    `json:"task"`
	P    string    `json:"p"`
	S    []float64 `json:"s"`
	C    []float64 `json:"c"`
	L    []float64 `json:"l"`
}

func main() {
	file, err := os.Open("requests.jsonl")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()

	w := bufio.NewWriter(os.Stdout)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	var header struct {
		Models []string `json:"models"`
	}
	for _, a := range agents {
		header.Models = append(header.Models, a.name)
	}
	write := func(v any) {
		if err := out.Encode(v); err != nil {
			log.Fatal(err)
		}
	}
	write(header)

	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			log.Fatal(err)
		}
		write(simulate(r))
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
}

func simulate(r request) outcome {
	task, ok := tasks[r.Task]
	if !ok || r.Hard < 1 || r.Hard > 5 {
		log.Fatalf("%s: task %q, difficulty %d", r.ID, r.Task, r.Hard)
	}
	o := outcome{ID: r.ID, Task: r.Task, P: r.P}
	shared := sharedShock * source(r.ID, "").NormFloat64()
	for _, a := range agents {
		random := source(r.ID, a.name)
		skill, ok := a.skill[r.Task]
		if !ok {
			skill = a.other
		}
		odds := skill - 0.7*float64(r.Hard-3) + shared + ownShock*random.NormFloat64()
		quality := 1 / (1 + math.Exp(-odds))
		if luck := random.Float64(); task.exact {
			quality = 0
			if luck < 1/(1+math.Exp(-odds)) {
				quality = 1
			}
		}

		input := 60 + float64(utf8.RuneCountInString(r.P))/4 // the instructions, and about 4 characters a token
		output := task.tokens * a.verbosity * (0.4 + 0.2*float64(r.Hard)) * math.Exp(0.25*random.NormFloat64())
		cost := (input*a.inputUSD + output*a.outputUSD) / 1e6
		latency := a.firstSeconds + input/4000 + output/a.tokensPerSecond
		latency *= math.Exp(0.15 * random.NormFloat64())

		o.S = append(o.S, math.Round(quality*20)/20)
		o.C = append(o.C, math.Round(cost*1e7)/1e7)
		o.L = append(o.L, math.Round(latency*100)/100)
	}
	return o
}

// source is random in its own right for each request and agent, so that one
// more request changes no other number.
func source(request, agent string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(request + "|" + agent))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
