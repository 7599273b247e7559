package outcomes

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

const header = `{"models":["a","b","c"]}`

func read(t *testing.T, lines ...string) *Set {
	t.Helper()
	s, err := Read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadFillsEveryField(t *testing.T) {
	s := read(t,
		`{"models":["a","b"],"price":{"a":1}}`,
		`{"id":"1","task":"maths","p":"2+2?","s":[1,0.5],"c":[0.02,0.01],"l":[2,0.5],"fns":["add","sub"],"fdesc":["adds","subtracts"],"nf":2,"other":{"x":[]}}`,
		`{"id":"2","task":"chat","p":"hi","s":[0,1e-3],"c":[0.04,0.03],"l":[1,1],"fns":["now"]}`,
	)
	want := &Set{
		Models: []string{"a", "b"},
		Rows: []Row{
			{
				ID: "1", Task: "maths", Prompt: "2+2?",
				Functions: []string{"add", "sub"}, FunctionDescriptions: []string{"adds", "subtracts"}, FunctionCount: 2,
				Quality: []float64{1, 0.5}, CostUSD: []float64{0.02, 0.01}, LatencySeconds: []float64{2, 0.5},
			},
			{
				ID: "2", Task: "chat", Prompt: "hi", Functions: []string{"now"}, FunctionCount: 1,
				Quality: []float64{0, 1e-3}, CostUSD: []float64{0.04, 0.03}, LatencySeconds: []float64{1, 1},
			},
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestReadNeedsNoCostAndNoLatency(t *testing.T) {
	s := read(t, header,
		`{"id":"1","task":"t","p":"x","s":[1,0,0]}`,
		`{"id":"2","task":"t","p":"y","s":[1,0,0],"c":null,"l":null,"fns":null,"fdesc":null,"nf":null}`)
	for _, row := range s.Rows {
		if row.CostUSD != nil || row.LatencySeconds != nil || row.Functions != nil || row.FunctionCount != 0 {
			t.Errorf("row %s has what was not recorded: %+v", row.ID, row)
		}
	}
}

func TestMalformedLines(t *testing.T) {
	good := `{"id":"1","task":"t","p":"x","s":[1,0,0]}`
	for name, test := range map[string]struct {
		lines []string
		want  string // part of the message
	}{
		"empty file":         {nil, "the file is empty"},
		"no models":          {[]string{`{}`}, `line 1: "models" is missing`},
		"null":               {[]string{`null`}, `line 1: "models" is missing`},
		"zero models":        {[]string{`{"models":[]}`}, "line 1: \"models\" names no model"},
		"models of numbers":  {[]string{`{"models":[1]}`}, "line 1: \"models\" is [1]"},
		"null model":         {[]string{`{"models":["a",null]}`}, "item 1 is null"},
		"unnamed model":      {[]string{`{"models":["a",""]}`}, "the name of model 1 is empty"},
		"model twice":        {[]string{`{"models":["a","b","a"]}`}, `line 1: "models" has "a" twice`},
		"key in capitals":    {[]string{`{"Models":["a"]}`}, `line 1: "models" is missing`},
		"no rows":            {[]string{header}, "no query"},
		"empty line":         {[]string{header, "", good}, "line 2: empty"},
		"array":              {[]string{header, "[]"}, "line 2: want a JSON object"},
		"cut off":            {[]string{header, good[:20]}, "line 2: want a JSON object"},
		"two objects":        {[]string{header, good + good}, "line 2: want a JSON object"},
		"invalid UTF-8":      {[]string{header, good, "{\"id\":\"\xff\"}"}, "line 3: not valid UTF-8"},
		"no id":              {[]string{header, `{"task":"t","p":"x","s":[1,0,0]}`}, `line 2: "id" is missing`},
		"empty id":           {[]string{header, `{"id":"","task":"t","p":"x","s":[1,0,0]}`}, `line 2: "id" is empty`},
		"number as id":       {[]string{header, `{"id":7,"task":"t","p":"x","s":[1,0,0]}`}, `line 2: "id" is 7; want a string`},
		"no task":            {[]string{header, `{"id":"1","p":"x","s":[1,0,0]}`}, `line 2: "task" is missing`},
		"no prompt":          {[]string{header, `{"id":"1","task":"t","s":[1,0,0]}`}, `line 2: "p" is missing`},
		"null prompt":        {[]string{header, `{"id":"1","task":"t","p":null,"s":[1,0,0]}`}, `line 2: "p" is missing`},
		"id twice":           {[]string{header, good, `{"id":"1","task":"t","p":"y","s":[1,0,0]}`}, `line 3: id "1" is on line 2 already`},
		"row twice":          {[]string{header, good, good}, `line 3: id "1" is on line 2 already`},
		"no scores":          {[]string{header, `{"id":"1","task":"t","p":"x"}`}, `line 2: "s" is missing; want 3 numbers`},
		"too few scores":     {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0]}`}, `line 2: "s" has 2 numbers, the file has 3 models`},
		"too many scores":    {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0,0]}`}, `line 2: "s" has 4 numbers, the file has 3 models`},
		"score above 1":      {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,1.01,0]}`}, `line 2: "s": number 1 is 1.01; want 0 to 1`},
		"score below 0":      {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,-0.1]}`}, `line 2: "s": number 2 is -0.1; want 0 to 1`},
		"score NaN":          {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,NaN,0]}`}, "JSON has no NaN"},
		"score Infinity":     {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,Infinity,0]}`}, "no Infinity"},
		"score too large":    {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,1e999,0]}`}, `line 2: "s": want a list of 3 numbers`},
		"score null":         {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,null,0]}`}, `line 2: "s": score 1 is null`},
		"score as text":      {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,"0",0]}`}, `line 2: "s": want a list of 3 numbers`},
		"negative cost":      {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"c":[1,-2,1]}`}, `line 2: "c": number 1 is -2; want at least 0`},
		"too few costs":      {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"c":[1]}`}, `line 2: "c" has 1 numbers, the file has 3 models`},
		"negative latency":   {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"l":[1,1,-1]}`}, `line 2: "l": number 2 is -1; want at least 0`},
		"no cost of b":       {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"c":[1,0,1]}`}, `model "b" has no cost above 0`},
		"no latency of a":    {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"l":[null,1,1]}`}, `model "a" has no latency above 0`},
		"functions as text":  {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"fns":"f"}`}, `line 2: "fns" is "f"`},
		"a null description": {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"fdesc":["f",null]}`}, `line 2: "fdesc": item 1 is null`},
		"missing functions":  {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"fns":["f"],"fdesc":["f","g"]}`}, `line 2: "fdesc" has 2 descriptions, "fns" 1 names`},
		"negative count":     {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"nf":-1}`}, `line 2: "nf" is -1`},
		"fractional count":   {[]string{header, `{"id":"1","task":"t","p":"x","s":[1,0,0],"nf":1.5}`}, `line 2: "nf" is 1.5`},
		"endless line":       {[]string{header, good, strings.Repeat(" ", maxLine+1)}, "line 3: longer than 16777216 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read(strings.NewReader(strings.Join(test.lines, "\n")))
			if s != nil || !errors.Is(err, ErrFormat) {
				t.Fatalf("got %v, want an error that wraps ErrFormat", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant …%s…", err, test.want)
			}
		})
	}
}

func TestNextRepeatsItsError(t *testing.T) {
	good := `{"id":"1","task":"t","p":"x","s":[1,0,0]}`
	for _, bad := range []string{`[]`, `{"id":"0","task":"t","p":"x","s":[1,0]}`} {
		r, err := NewReader(strings.NewReader(header + "\n" + bad + "\n" + good))
		if err != nil {
			t.Fatal(err)
		}
		_, first := r.Next()
		_, second := r.Next()
		if first == nil || first != second {
			t.Errorf("after %s: got %v, then %v; want the same error", bad, first, second)
		}
	}
}

type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrClosedPipe
	}
	return n, err
}

func TestReadPassesErrorsOfItsSource(t *testing.T) {
	_, err := Read(broken{strings.NewReader(header + "\n" + `{"id":"1","task":"t","p":"x","s":[1,0,0]}` + "\n")})
	if !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want the source's error, not ErrFormat", err)
	}
}

func TestFirstOfRepeatedPromptsCounts(t *testing.T) {
	row := func(id, rest string) string { return `{"id":"` + id + `","task":"t","s":[1,0,0],` + rest + `}` }
	s := read(t, header,
		row("first", `"p":"x"`),
		row("repeat", `"p":"x"`),
		row("null functions repeat", `"p":"x","fns":null`),
		row("no functions", `"p":"x","fns":[],"fdesc":[]`),
		row("function", `"p":"x","fns":["f"]`),
		row("function repeat", `"p":"x","fns":["f"],"nf":3`),
		row("description", `"p":"x","fdesc":["f"]`),
		row("described", `"p":"x","fns":["f"],"fdesc":["g"]`),
		row("other description", `"p":"x","fns":["f"],"fdesc":["h"]`),
		row("split names", `"p":"x","fns":["f","g"],"fdesc":["h","i"]`),
		row("split elsewhere", `"p":"x","fns":["fg",""],"fdesc":["h","i"]`),
		row("space", `"p":"x "`),
	)
	var ids []string
	for _, row := range s.Rows {
		ids = append(ids, row.ID)
	}
	want := []string{"first", "no functions", "function", "description", "described", "other description", "split names", "split elsewhere", "space"}
	if !reflect.DeepEqual(ids, want) {
		t.Errorf("got  %q\nwant %q", ids, want)
	}
}

// The upper median, over the rows that are kept: 4 of 1, 2, 4, 8.
func TestMedianReplacesWhatIsNotRecorded(t *testing.T) {
	s := read(t, `{"models":["a","b"]}`,
		`{"id":"1","task":"t","p":"1","s":[1,0],"c":[8,1],"l":[1,9]}`,
		`{"id":"2","task":"t","p":"2","s":[1,0],"c":[0,1],"l":[null,9]}`,
		`{"id":"3","task":"t","p":"3","s":[1,0],"c":[1,1],"l":[3,9]}`,
		`{"id":"4","task":"t","p":"4","s":[1,0],"c":[null,1]}`,
		`{"id":"5","task":"t","p":"5","s":[1,0],"c":[4,1],"l":[2,9]}`,
		`{"id":"6","task":"t","p":"6","s":[1,0],"c":[2,1],"l":[2,9]}`,
		`{"id":"7","task":"t","p":"6","s":[1,0],"c":[5,1],"l":[7,9]}`,
		`{"id":"8","task":"t","p":"8","s":[1,0],"l":[0,0]}`,
	)
	var costs, latencies []float64
	for _, row := range s.Rows {
		costs, latencies = append(costs, row.CostUSD...), append(latencies, row.LatencySeconds...)
	}
	if want := []float64{8, 1, 4, 1, 1, 1, 4, 1, 4, 1, 2, 1, 4, 1}; !reflect.DeepEqual(costs, want) {
		t.Errorf("costs\ngot  %v\nwant %v", costs, want)
	}
	if want := []float64{1, 9, 2, 9, 3, 9, 2, 9, 2, 9, 2, 9, 2, 9}; !reflect.DeepEqual(latencies, want) {
		t.Errorf("latencies\ngot  %v\nwant %v", latencies, want)
	}
}

func TestPoolOfModels(t *testing.T) {
	text := header + "\n" + `{"id":"1","task":"t","p":"x","s":[0.1,0.2,0.3],"c":[0,2,3],"l":[4,5,6]}`
	s, err := Read(strings.NewReader(text), "c", "b")
	if err != nil {
		t.Fatal(err) // a, whose cost is not recorded, is not in the pool
	}
	if got, want := s.Models, []string{"c", "b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("models %q, want %q", got, want)
	}
	want := Row{
		ID: "1", Task: "t", Prompt: "x",
		Quality: []float64{0.3, 0.2}, CostUSD: []float64{3, 2}, LatencySeconds: []float64{6, 5},
	}
	if !reflect.DeepEqual(s.Rows[0], want) {
		t.Errorf("got  %+v\nwant %+v", s.Rows[0], want)
	}
	if _, err := Read(strings.NewReader(text), "b", "d"); !errors.Is(err, ErrUnknownModel) || !strings.Contains(err.Error(), `"d" is not one of the 3 models of the file: a, b, c`) {
		t.Errorf("got %v, want ErrUnknownModel that names d and what there is", err)
	}
	if _, err := Read(strings.NewReader(text), "b", "c", "b"); err == nil || !strings.Contains(err.Error(), `"b" is asked for twice`) {
		t.Errorf("got %v, want that b is asked for twice", err)
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	if _, err := Open("no-such-file.jsonl"); err == nil || !strings.Contains(err.Error(), "no-such-file.jsonl") {
		t.Errorf("got %v, want the name of the file", err)
	}
	if _, err := Open("split.go"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "split.go: ") {
		t.Errorf("got %v, want ErrFormat with the name of the file", err)
	}
}

func TestText(t *testing.T) {
	for want, row := range map[string]Row{
		"hi":                           {Prompt: "hi"},
		"hi\n[tool] f: \n[tool] g: ":   {Prompt: "hi", Functions: []string{"f", "g"}},
		"hi\n[tool] f: F\n[tool] g: G": {Prompt: "hi", Functions: []string{"f", "g"}, FunctionDescriptions: []string{"F", "G"}},
		"hi\n[tool] : F":               {Prompt: "hi", FunctionDescriptions: []string{"F"}},
		"hi ":                          {Prompt: "hi ", Functions: []string{}},
	} {
		if got := row.Text(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
