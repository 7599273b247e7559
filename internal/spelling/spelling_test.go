package spelling

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	keys := []string{"max_cost", "max_latency_ms", "min_quality", "required_capabilities", "excluded_agents"}
	for word, want := range map[string]string{
		"max_cost":              "max_cost",
		"MAX_COST":              "max_cost",
		"max_cots":              "max_cost", // swapped
		"maxcost":               "max_cost",
		"max_costs":             "max_cost",
		"min_cost":              "max_cost",
		"max_latency":           "max_latency_ms",
		"max_latencyms":         "max_latency_ms",
		"exclude_agents":        "excluded_agents",
		"excluded":              "",
		"required_capability":   "required_capabilities",
		"quality":               "",
		"":                      "",
		"something else":        "",
		strings.Repeat("m", 65): "",
	} {
		if got := Nearest(word, keys); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	for word, want := range map[string]string{"cots": "cost", "csot": "cost", "cso": "", "Kost": "cost"} {
		if got := Nearest(word, []string{"cost"}); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := Nearest("gpt", nil); got != "" {
		t.Errorf("got %q among none", got)
	}
	if got := Nearest("gpt-3", []string{"gpt-4", "GPT-2", "gpt-3o"}); got != "gpt-4" {
		t.Errorf("got %q, want the first of the equally near", got)
	}
	if got := Nearest("übersetzen", []string{"ÜBERSETZEN"}); got != "ÜBERSETZEN" {
		t.Errorf("got %q: candidates are returned as they are written", got)
	}
}

// One slip of the finger is always forgiven, and what is returned is near.
func TestOneSlipIsForgiven(t *testing.T) {
	letters := rapid.SampledFrom([]byte("abcde_"))
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SliceOfN(letters, 1, 20).Draw(t, "word")
		slip := slices.Clone(word)
		at := rapid.IntRange(0, len(word)-1).Draw(t, "at")
		switch rapid.IntRange(0, 3).Draw(t, "slip") {
		case 0:
			slip[at] = letters.Draw(t, "instead")
		case 1:
			slip = slices.Delete(slip, at, at+1)
		case 2:
			slip = slices.Insert(slip, at, letters.Draw(t, "too many"))
		case 3:
			if at > 0 {
				slip[at], slip[at-1] = slip[at-1], slip[at]
			}
		}
		if got := Nearest(string(slip), []string{string(word)}); got != string(word) {
			t.Fatalf("%q for %q: got %q", slip, word, got)
		}
	})
}

func TestNearestIsTheNearest(t *testing.T) {
	letters := rapid.SampledFrom([]rune("abc"))
	rapid.Check(t, func(t *rapid.T) {
		word := func(label string) string { return string(rapid.SliceOfN(letters, 1, 9).Draw(t, label)) }
		s := word("s")
		candidates := []string{word("a"), word("b"), word("c")}
		got := Nearest(s, candidates)
		distance := func(c string) int { return plainDistance(s, c) }
		for _, c := range candidates {
			if d := distance(c); d <= max(1, len(c)/3) && (got == "" || d < distance(got)) {
				t.Fatalf("%q among %q: got %q, but %q is %d away", s, candidates, got, c, d)
			}
		}
		if got != "" && distance(got) > max(1, len(got)/3) {
			t.Fatalf("%q among %q: got %q, which is %d away", s, candidates, got, distance(got))
		}
	})
}

// plainDistance is the definition, word by word, without a table.
func plainDistance(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	last, before := len(a)-1, len(b)-1
	change := 1
	if a[last] == b[before] {
		change = 0
	}
	d := plainDistance(a[:last], b[:before]) + change
	if change == 0 {
		return d // nothing is nearer than to leave equal ends alone
	}
	d = min(d, plainDistance(a[:last], b)+1, plainDistance(a, b[:before])+1)
	if last > 0 && before > 0 && a[last] == b[before-1] && a[last-1] == b[before] {
		d = min(d, plainDistance(a[:last-1], b[:before-1])+1)
	}
	return d
}

func FuzzNearest(f *testing.F) {
	f.Add("max_cots", "max_cost")
	f.Add("", "\xff")
	f.Add(strings.Repeat("é", 32), "İ")
	f.Fuzz(func(t *testing.T, s, candidate string) {
		if got := Nearest(s, []string{candidate}); got != "" && got != candidate {
			t.Fatalf("%q is not the candidate %q", got, candidate)
		}
		if len(s) <= 64 && s != "" && Nearest(s, []string{s}) != s {
			t.Fatalf("%q is not near itself", s)
		}
	})
}
