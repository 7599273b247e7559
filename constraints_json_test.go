package tinydancer

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func allows[T any](v T) *T { return &v }

func TestParseConstraints(t *testing.T) {
	for text, want := range map[string]Options{
		`{}`:                                   {},
		" {\n}\t":                              {},
		`{"max_cost": 0.01}`:                   {Constraints: Constraints{MaxCostUSD: LimitTo(0.01)}}, // which the reference refuses
		`{"max_cost": 0}`:                      {Constraints: Constraints{MaxCostUSD: LimitTo(0)}},
		`{"max_cost": -0}`:                     {Constraints: Constraints{MaxCostUSD: LimitTo(0)}},
		`{"max_cost": 1e-999}`:                 {Constraints: Constraints{MaxCostUSD: LimitTo(0)}},
		`{"max_cost": 1.7976931348623157e308}`: {Constraints: Constraints{MaxCostUSD: LimitTo(math.MaxFloat64)}},
		`{"max_latency_ms": 5e2}`:              {Constraints: Constraints{MaxLatencyMS: LimitTo(500)}},
		`{"min_quality": 1}`:                   {Constraints: Constraints{MinQuality: LimitTo(1)}},
		`{"required_capabilities": []}`:        {Constraints: Constraints{RequiredCapabilities: []string{}}},
		`{"required_capabilities": ["coding", "\u00fcbersetzen"]}`: {Constraints: Constraints{RequiredCapabilities: []string{"coding", "übersetzen"}}},
		`{"excluded_agents": ["gpt-4", "gpt-4"]}`:                  {Constraints: Constraints{ExcludedAgents: []string{"gpt-4", "gpt-4"}}},
		`{"tokens": 1200}`:                 {Tokens: 1200},
		`{"tokens": 0}`:                    {},
		`{"max_alternatives": 5}`:          {MaxAlternatives: allows(5)},
		`{"max_alternatives": 5.0}`:        {MaxAlternatives: allows(5)},
		`{"max_alternatives": 5e0}`:        {MaxAlternatives: allows(5)},
		`{"max_alternatives": 0}`:          {MaxAlternatives: allows(0)},
		`{"max_alternatives": -1}`:         {MaxAlternatives: allows(-1)},
		`{"max_alternatives": 2147483647}`: {MaxAlternatives: allows(math.MaxInt32)},
		`{"on_no_match": "null"}`:          {NullOnNoMatch: true},
		`{"on_no_match": "error"}`:         {},
		`{"max_cost": null, "max_latency_ms": null, "min_quality": null, "required_capabilities": null,
		  "excluded_agents": null, "tokens": null, "max_alternatives": null, "on_no_match": null}`: {},
		`{"max_cost": 0.01, "max_latency_ms": 500, "min_quality": 0.8, "required_capabilities": ["coding"],
		  "excluded_agents": ["gpt-4"], "tokens": 1200, "max_alternatives": 5, "on_no_match": "null"}`: {
			Constraints:     Constraints{LimitTo(0.01), LimitTo(500), LimitTo(0.8), []string{"coding"}, []string{"gpt-4"}},
			Tokens:          1200,
			MaxAlternatives: allows(5),
			NullOnNoMatch:   true,
		},
	} {
		got, err := ParseConstraints([]byte(text))
		if d := gocmp.Diff(want, got, gocmp.AllowUnexported(Limit{})); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", text, err, d)
		}
	}
}

func TestParseConstraintsRefuses(t *testing.T) {
	known := "max_cost, max_latency_ms, min_quality, required_capabilities, excluded_agents, tokens, max_alternatives, on_no_match"
	notObject := func(got string) string { return "constraints: got " + got + ", want a JSON object" }
	for text, want := range map[string]string{
		``:         notObject("nothing"),
		` `:        notObject(" "),
		`null`:     notObject("null"),
		`[]`:       notObject("[]"),
		`7`:        notObject("7"),
		`"a"`:      notObject(`"a"`),
		`nonsense`: notObject("nonsense"),
		`}`:        notObject("}"),

		`{`:                           notObject("broken JSON"),
		`{"max_cost"`:                 notObject("broken JSON"),
		`{"max_cost":`:                notObject("broken JSON"),
		`{"max_cost": 1`:              notObject("broken JSON"),
		`{"max_cost": 1,}`:            notObject("broken JSON"),
		`{"max_cost": 01}`:            notObject("broken JSON"),
		`{"max_cost": NaN}`:           notObject("broken JSON"),
		`{"max_cost" 1}`:              notObject("broken JSON"),
		`{"max_cost": 1 "tokens": 1}`: notObject("broken JSON"),
		`{1: 2}`:                      notObject("broken JSON"),
		`{"max_cost": 1]`:             notObject("broken JSON"),
		`{"max_cost": ` + strings.Repeat("[", 60_000) + `}`: notObject("broken JSON"),
		`{} {}`:                             "constraints: got more after the object, want one JSON object",
		`{}}`:                               "constraints: got more after the object, want one JSON object",
		`{"max_cost": 1} x`:                 "constraints: got more after the object, want one JSON object",
		"{\"max_cost\": 1}\x00":             "constraints: got more after the object, want one JSON object",
		"{\"excluded_agents\": [\"\xff\"]}": `constraints: got "{\"excluded_agents\": [\"\xff\"]}", want UTF-8`,

		`{"max_cots": 1}`:          `constraints: got unknown key "max_cots", want one of ` + known + ` | Did you mean "max_cost"?`,
		`{"MAX_COST": 1}`:          `constraints: got unknown key "MAX_COST", want one of ` + known + ` | Did you mean "max_cost"?`,
		`{"max_latency": 1}`:       `constraints: got unknown key "max_latency", want one of ` + known + ` | Did you mean "max_latency_ms"?`,
		`{"excluded_agent": null}`: `constraints: got unknown key "excluded_agent", want one of ` + known + ` | Did you mean "excluded_agents"?`,
		`{"whatever": 1}`:          `constraints: got unknown key "whatever", want one of ` + known,
		`{"": 1}`:                  `constraints: got unknown key "", want one of ` + known,

		`{"max_cost": 1, "max_cost": 2}`:                       `constraints: got key "max_cost" twice, want each key once`,
		`{"max_cost": 1, "max_cost": null}`:                    `constraints: got key "max_cost" twice, want each key once`,
		`{"tokens": null, "max_cost": 1, "\u0074okens": null}`: `constraints: got key "tokens" twice, want each key once`,

		`{"max_cost": "1"}`:          `constraint max_cost: got the string "1", want a number`,
		`{"max_cost": -1}`:           "constraint max_cost: got -1, want a finite number of at least 0",
		`{"max_cost": 1e999}`:        "constraint max_cost: got 1e999, want a finite number of at least 0",
		`{"max_cost": -1e999}`:       "constraint max_cost: got -1e999, want a finite number of at least 0",
		`{"max_cost": [1]}`:          "constraint max_cost: got an array, want a number",
		`{"max_cost": {}}`:           "constraint max_cost: got an object, want a number",
		`{"max_latency_ms": true}`:   "constraint max_latency_ms: got true, want a number",
		`{"max_latency_ms": -0.001}`: "constraint max_latency_ms: got -0.001, want a finite number of at least 0",
		`{"min_quality": 1.5}`:       "constraint min_quality: got 1.5, want a number from 0 to 1",
		`{"min_quality": 1e400}`:     "constraint min_quality: got 1e400, want a number from 0 to 1",
		`{"min_quality": -0.1}`:      "constraint min_quality: got -0.1, want a number from 0 to 1",
		`{"tokens": -5}`:             "constraint tokens: got -5, want a finite number of at least 0",
		`{"tokens": false}`:          "constraint tokens: got false, want a number",

		`{"required_capabilities": "coding"}`:                       `constraint required_capabilities: got the string "coding", want an array of strings`,
		`{"required_capabilities": [1]}`:                            "constraint required_capabilities: got the number 1 in the array, want strings",
		`{"required_capabilities": ["a", null]}`:                    "constraint required_capabilities: got null in the array, want strings",
		`{"required_capabilities": [" "]}`:                          `required_capabilities: got " ", want at least one visible character`,
		`{"excluded_agents": {}}`:                                   "constraint excluded_agents: got an object, want an array of strings",
		`{"excluded_agents": [["a"]]}`:                              "constraint excluded_agents: got an array in the array, want strings",
		`{"excluded_agents": ["a\u0000b"]}`:                         `excluded_agents: got "a\x00b", want UTF-8 without NUL`,
		`{"excluded_agents": ["` + strings.Repeat("x", 256) + `"]}`: "excluded_agents: got 256 bytes, want at most 255",

		`{"max_alternatives": -2}`:         "constraint max_alternatives: got the number -2, want a whole number of at least 0, or -1 for all",
		`{"max_alternatives": 1.5}`:        "constraint max_alternatives: got the number 1.5, want a whole number of at least 0, or -1 for all",
		`{"max_alternatives": 2147483648}`: "constraint max_alternatives: got the number 2147483648, want a whole number of at least 0, or -1 for all",
		`{"max_alternatives": 1e999}`:      "constraint max_alternatives: got the number 1e999, want a whole number of at least 0, or -1 for all",
		`{"max_alternatives": "3"}`:        `constraint max_alternatives: got the string "3", want a whole number of at least 0, or -1 for all`,
		`{"on_no_match": "ignore"}`:        `constraint on_no_match: got the string "ignore", want "error" or "null"`,
		`{"on_no_match": 0}`:               `constraint on_no_match: got the number 0, want "error" or "null"`,
		`{"on_no_match": ["null"]}`:        `constraint on_no_match: got an array, want "error" or "null"`,

		`{"excluded_agents": ["` + strings.Repeat("x", 1<<20) + `"]}`: "constraints: got 1048601 bytes, want at most 65536",
	} {
		got, err := ParseConstraints([]byte(text))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !errors.Is(err, ErrInvalid) {
			t.Errorf("%.80s: got %v, want an InvalidError", text, err)
			continue
		}
		said := err.Error()
		if invalid.Hint != "" {
			said += " | " + invalid.Hint
		}
		if said != want {
			t.Errorf("%.80s:\n got %s\nwant %s", text, said, want)
		}
		if d := gocmp.Diff(Options{}, got, gocmp.AllowUnexported(Limit{})); d != "" {
			t.Errorf("%.80s: refused, and returned all the same:\n%s", text, d)
		}
	}
}

// FuzzParseConstraints looks for input that panics, that is accepted though a
// router would refuse it, or that means something else when it is said anew.
func FuzzParseConstraints(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"max_cost": 0.01, "max_latency_ms": 500, "min_quality": 0.8}`, `{"required_capabilities": ["coding"]}`,
		`{"excluded_agents": ["gpt-4", "\ud83d\ude00"], "tokens": 12e2, "max_alternatives": 5.0, "on_no_match": "null"}`,
		`{"max_cost": null}`, `{"max_cost": -0}`, `{"max_cost": 1e999}`, `{"max_cost": 1e-999}`, `{"max_cots": 1}`, `{"max_cost": 1, "max_cost": 2}`,
		`[]`, `null`, `{`, `{} {}`, `{"required_capabilities": [[[[]]]]}`, `{"excluded_agents": ["\u0000", "\ud800"]}`, "{\"tokens\": 1}\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseConstraints(text)
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(err.Error()) > 1000 {
				t.Fatalf("%d bytes of error, or no InvalidError: %.2000s", len(err.Error()), err)
			}
			return
		}
		r := Request{Constraints: o.Constraints, Tokens: o.Tokens, MaxAlternatives: 0}
		if o.MaxAlternatives != nil {
			r.MaxAlternatives = *o.MaxAlternatives
		}
		if err := r.validate(); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		anew := said(t, o)
		if len(anew) > MaxConstraintsBytes {
			return
		}
		again, err := ParseConstraints(anew)
		if d := gocmp.Diff(o, again, gocmp.AllowUnexported(Limit{})); err != nil || d != "" {
			t.Fatalf("said anew: %v\n%s", err, d)
		}
	})
}

// said writes options as JSON.
func said(t *testing.T, o Options) []byte {
	object := map[string]any{
		"required_capabilities": o.Constraints.RequiredCapabilities, "excluded_agents": o.Constraints.ExcludedAgents,
		"tokens": o.Tokens, "max_alternatives": o.MaxAlternatives, "on_no_match": "error",
	}
	for key, limit := range map[string]Limit{
		"max_cost": o.Constraints.MaxCostUSD, "max_latency_ms": o.Constraints.MaxLatencyMS, "min_quality": o.Constraints.MinQuality,
	} {
		if v, ok := limit.Value(); ok {
			object[key] = v
		}
	}
	if o.NullOnNoMatch {
		object["on_no_match"] = "null"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(object); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
