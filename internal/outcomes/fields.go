package outcomes

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// object is a line. Its keys are looked up by hand: encoding/json would take
// "C" for "c", null for 0 and a missing key for an empty value.
type object map[string]json.RawMessage

// row checks a query about so many models.
func (o object) row(models int) (row Row, err error) {
	if row.ID, err = o.text("id"); err != nil {
		return Row{}, err
	}
	if row.Task, err = o.text("task"); err != nil {
		return Row{}, err
	}
	if row.Prompt, err = o.text("p"); err != nil {
		return Row{}, err
	}
	if row.ID == "" {
		return Row{}, errors.New(`"id" is empty; want a name that no other line has`)
	}
	if row.Functions, err = o.optionalNames("fns"); err != nil {
		return Row{}, err
	}
	if row.FunctionDescriptions, err = o.optionalNames("fdesc"); err != nil {
		return Row{}, err
	}
	if names, descriptions := len(row.Functions), len(row.FunctionDescriptions); row.Functions != nil && row.FunctionDescriptions != nil && names != descriptions {
		return Row{}, fmt.Errorf(`"fdesc" has %d descriptions, "fns" %d names`, descriptions, names)
	}
	row.FunctionCount = len(row.Functions)
	if o.has("nf") {
		if err := json.Unmarshal(o["nf"], &row.FunctionCount); err != nil || row.FunctionCount < 0 {
			return Row{}, fmt.Errorf(`"nf" is %.20s; want a whole number of at least 0`, o["nf"])
		}
	}

	scores, err := o.numbers("s", models, 1)
	if err != nil {
		return Row{}, err
	}
	row.Quality = make([]float64, models)
	for i, score := range scores {
		if score == nil {
			return Row{}, fmt.Errorf(`"s": score %d is null; want a number from 0 to 1`, i)
		}
		row.Quality[i] = *score
	}
	if row.CostUSD, err = o.optionalNumbers("c", models); err != nil {
		return Row{}, err
	}
	if row.LatencySeconds, err = o.optionalNumbers("l", models); err != nil {
		return Row{}, err
	}
	return row, nil
}

// has tells a value from a missing key and null.
func (o object) has(key string) bool {
	value, ok := o[key]
	return ok && string(value) != "null"
}

func (o object) text(key string) (text string, err error) {
	if !o.has(key) {
		return "", fmt.Errorf("%q is missing; want a string", key)
	}
	if err := json.Unmarshal(o[key], &text); err != nil {
		return "", fmt.Errorf("%q is %.20s; want a string", key, o[key])
	}
	return text, nil
}

// names returns a list of strings, not nil.
func (o object) names(key string) ([]string, error) {
	if !o.has(key) {
		return nil, fmt.Errorf("%q is missing; want a list of strings", key)
	}
	var list []*string
	if err := json.Unmarshal(o[key], &list); err != nil {
		return nil, fmt.Errorf("%q is %.20s…; want a list of strings", key, o[key])
	}
	names := make([]string, len(list))
	for i, name := range list {
		if name == nil {
			return nil, fmt.Errorf("%q: item %d is null; want a string", key, i)
		}
		names[i] = *name
	}
	return names, nil
}

func (o object) optionalNames(key string) ([]string, error) {
	if !o.has(key) {
		return nil, nil
	}
	return o.names(key)
}

// numbers returns a number from 0 to limit for each model, nil for null.
func (o object) numbers(key string, models int, limit float64) ([]*float64, error) {
	if !o.has(key) {
		return nil, fmt.Errorf("%q is missing; want %d numbers, one a model", key, models)
	}
	var list []*float64
	if err := json.Unmarshal(o[key], &list); err != nil {
		return nil, fmt.Errorf("%q: want a list of %d numbers: %w", key, models, err)
	}
	if len(list) != models {
		return nil, fmt.Errorf("%q has %d numbers, the file has %d models", key, len(list), models)
	}
	for i, v := range list {
		if v != nil && !(0 <= *v && *v <= limit) {
			if limit == 1 {
				return nil, fmt.Errorf("%q: number %d is %g; want 0 to 1", key, i, *v)
			}
			return nil, fmt.Errorf("%q: number %d is %g; want at least 0", key, i, *v)
		}
	}
	return list, nil
}

// optionalNumbers returns nil where there is no list, and 0 for null.
func (o object) optionalNumbers(key string, models int) ([]float64, error) {
	if !o.has(key) {
		return nil, nil
	}
	list, err := o.numbers(key, models, math.MaxFloat64)
	if err != nil {
		return nil, err
	}
	values := make([]float64, models)
	for i, v := range list {
		if v != nil {
			values[i] = *v
		}
	}
	return values, nil
}
