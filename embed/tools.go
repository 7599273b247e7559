package embed

import "strings"

// toolMark begins a line of a request's text that names a tool.
const toolMark = "[tool] "

// Tool is a function that is offered to an agent together with a prompt.
type Tool struct {
	Name        string
	Description string
}

// WithTools returns the text of a request that offers tools: the prompt and,
// for each tool, a line
//
//	[tool] name: description
//
// [Fitted] tells such lines from the prompt and reads them apart. Line breaks
// within a name or a description become spaces. Where texts are composed
// elsewhere, in SQL for one, they are to be composed in the same way.
func WithTools(prompt string, tools []Tool) string {
	if len(tools) == 0 {
		return prompt
	}
	var b strings.Builder
	b.WriteString(prompt)
	for _, t := range tools {
		b.WriteByte('\n')
		b.WriteString(toolMark)
		b.WriteString(oneLine(t.Name))
		b.WriteString(": ")
		b.WriteString(oneLine(t.Description))
	}
	return b.String()
}

var lineBreaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

func oneLine(s string) string { return lineBreaks.Replace(s) }
