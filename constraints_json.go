package tinydancer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tinydancer/tinydancer/internal/spelling"
)

// MaxConstraintsBytes is the longest JSON that [ParseConstraints] reads.
const MaxConstraintsBytes = 64 << 10

// Options are what a JSON object of constraints can say.
type Options struct {
	Constraints     Constraints
	Tokens          float64 // 0 if not given
	MaxAlternatives *int    // nil if not given; -1 for all; 0, unlike in a Request, for none
	NullOnNoMatch   bool    // "on_no_match": "null" instead of "error"
}

var optionKeys = [...]string{
	"max_cost", "max_latency_ms", "min_quality", "required_capabilities", "excluded_agents",
	"tokens", "max_alternatives", "on_no_match",
}

// ParseConstraints reads constraints as SQL callers give them:
//
//	{"max_cost": 0.01, "max_latency_ms": 500, "min_quality": 0.8,
//	 "required_capabilities": ["coding"], "excluded_agents": ["gpt-4"],
//	 "tokens": 1200, "max_alternatives": 5, "on_no_match": "null"}
//
// Every key is optional, and null is as good as leaving it out. A key that is
// unknown, given twice or of the wrong type is an [*InvalidError]; its hint
// names the key that an unknown one was probably meant to be.
func ParseConstraints(text []byte) (Options, error) {
	o, err := parseConstraints(text)
	if err != nil {
		return Options{}, err
	}
	return o, nil
}

func parseConstraints(text []byte) (o Options, err error) {
	switch {
	case len(text) > MaxConstraintsBytes:
		return o, invalid("constraints", fmt.Sprintf("%d bytes", len(text)), fmt.Sprintf("at most %d", MaxConstraintsBytes))
	case len(text) == 0:
		return o, invalid("constraints", "nothing", "a JSON object")
	case !utf8.Valid(text): // which encoding/json would replace
		return o, invalid("constraints", strconv.QuoteToASCII(shorten(string(text))), "UTF-8")
	}
	var seen [len(optionKeys)]bool // by the key's place in optionKeys
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return o, invalid("constraints", shorten(string(text)), "a JSON object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return o, invalid("constraints", "broken JSON", "a JSON object")
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return o, invalid("constraints", "broken JSON", "a JSON object")
		}
		name := key.(string) // keys of an object are strings
		if i := slices.Index(optionKeys[:], name); i >= 0 {
			if seen[i] {
				return o, invalid("constraints", "key "+quote(name)+" twice", "each key once")
			}
			seen[i] = true
		}
		if err := o.set(name, value); err != nil {
			return o, err
		}
	}
	if _, err := d.Token(); err != nil {
		return o, invalid("constraints", "broken JSON", "a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return o, invalid("constraints", "more after the object", "one JSON object")
	}
	return o, o.Constraints.validate()
}

func (o *Options) set(key string, value any) (err error) {
	if value == nil && slices.Contains(optionKeys[:], key) {
		return nil
	}
	c := &o.Constraints
	switch key {
	case "max_cost":
		c.MaxCostUSD, err = limitFrom(key, value, math.MaxFloat64)
	case "max_latency_ms":
		c.MaxLatencyMS, err = limitFrom(key, value, math.MaxFloat64)
	case "min_quality":
		c.MinQuality, err = limitFrom(key, value, 1)
	case "required_capabilities":
		c.RequiredCapabilities, err = namesFrom(key, value)
	case "excluded_agents":
		c.ExcludedAgents, err = namesFrom(key, value)
	case "tokens":
		o.Tokens, err = numberFrom(key, value, math.MaxFloat64)
	case "max_alternatives":
		o.MaxAlternatives, err = countFrom(key, value)
	case "on_no_match":
		o.NullOnNoMatch, err = onNoMatchFrom(key, value)
	default:
		unknown := invalid("constraints", "unknown key "+quote(key), "one of "+joined(optionKeys[:]))
		if near := spelling.Nearest(key, optionKeys[:]); near != "" {
			unknown.Hint = "Did you mean " + quote(near) + "?"
		}
		return unknown
	}
	return err
}

func field(key string) string { return "constraint " + key }

func numberFrom(key string, value any, max float64) (float64, error) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, invalid(field(key), kind(value), "a number")
	}
	v, err := n.Float64()
	if err != nil { // out of the range of float64; v is ±Inf
		return 0, invalid(field(key), shorten(n.String()), rangeTo(max))
	}
	return v, inRange(field(key), v, max)
}

func limitFrom(key string, value any, max float64) (Limit, error) {
	v, err := numberFrom(key, value, max)
	return LimitTo(v), err
}

func countFrom(key string, value any) (*int, error) {
	if n, ok := value.(json.Number); ok {
		v, err := n.Float64() // 5.0 and 5e0 are whole, too
		if err == nil && v == math.Trunc(v) && v >= -1 && v <= math.MaxInt32 {
			count := int(v)
			return &count, nil
		}
	}
	return nil, invalid(field(key), kind(value), "a whole number of at least 0, or -1 for all")
}

func namesFrom(key string, value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, invalid(field(key), kind(value), "an array of strings")
	}
	names := make([]string, len(list))
	for i, v := range list {
		if names[i], ok = v.(string); !ok {
			return nil, invalid(field(key), kind(v)+" in the array", "strings")
		}
	}
	return names, nil
}

func onNoMatchFrom(key string, value any) (bool, error) {
	switch value {
	case "null":
		return true, nil
	case "error":
		return false, nil
	}
	return false, invalid(field(key), kind(value), `"error" or "null"`)
}

// kind describes a JSON value in an error.
func kind(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return "the string " + quote(v)
	case json.Number:
		return "the number " + shorten(v.String())
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "an array"
	}
	return "an object"
}

func joined(names []string) string {
	var b []byte
	for i, n := range names {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, n...)
	}
	return string(b)
}
