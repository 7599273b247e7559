package embed_test

import (
	"testing"

	"github.com/tinydancer/tinydancer/embed"
	"github.com/tinydancer/tinydancer/internal/outcomes"
)

// Recorded outcomes are embedded as requests are, so both must compose tools
// alike.
func TestToolsAreComposedAlike(t *testing.T) {
	for _, test := range []struct {
		names, descriptions []string
		want                string
	}{
		{nil, nil, "hi"},
		{[]string{"f"}, []string{"does\r\nthis\nand that"}, "hi\n[tool] f: does this and that"},
		{[]string{"f", "g"}, []string{"F", "G"}, "hi\n[tool] f: F\n[tool] g: G"},
	} {
		var tools []embed.Tool
		for i, name := range test.names {
			tools = append(tools, embed.Tool{Name: name, Description: test.descriptions[i]})
		}
		row := outcomes.Row{Prompt: "hi", Functions: test.names, FunctionDescriptions: test.descriptions}
		if got := embed.WithTools("hi", tools); got != test.want || row.Text() != test.want {
			t.Errorf("WithTools gives %q, a recorded row %q, want %q", got, row.Text(), test.want)
		}
	}
}
