package extension_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// What README.md and docs/*.md show is run, file by file: the blocks of a file
// one after the other, in one session of psql, in an empty database of its
// own. What a block is, its first line says:
//
//	```sql          runs without an error
//	```sql error    is refused: at least one of its statements is
//	```sql ignore   is not run
//	```output       is what the block before it prints, errors included
//
// Any other block is left alone. In an output block a line that is only "…"
// stands for any lines, and "…" within a line for any text; space at the ends
// of lines and of the block does not count; tables have no footer with the
// number of rows.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "README.md")); err == nil {
		files = append(files, filepath.Join(root, "README.md"))
	}
	cluster := pgtest.Start(t, pgtest.Config{}) // examples may create roles
	ran := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples := examplesIn(string(text))
		if len(examples) == 0 {
			continue
		}
		ran++
		t.Run(filepath.Base(file), func(t *testing.T) { runExamples(t, cluster, file, examples) })
	}
	if ran == 0 {
		t.Errorf("no example in %d files", len(files))
	}
}

// example is a block that is run, and what it is to print, if that is shown.
type example struct {
	line    int // of the file
	sql     string
	refused bool
	output  *string
}

func examplesIn(text string) []example {
	var all []example
	var kind string // of the block that is open; empty outside of blocks
	var body strings.Builder
	begun := 0
	previous := "" // kind of the block before
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && kind == "":
			kind, begun = strings.Join(strings.Fields(fence), " "), i+1
			if kind == "" {
				kind = "plain"
			}
			body.Reset()
		case isFence:
			switch kind {
			case "sql", "sql error":
				all = append(all, example{line: begun, sql: body.String(), refused: kind == "sql error"})
			case "output":
				if previous == "sql" || previous == "sql error" {
					output := body.String()
					all[len(all)-1].output = &output
				}
			}
			previous, kind = kind, ""
		case kind != "":
			body.WriteString(line + "\n")
		}
	}
	return all
}

func runExamples(t *testing.T, cluster *pgtest.Cluster, file string, examples []example) {
	var script strings.Builder
	script.WriteString("\\pset footer off\n")
	for i, e := range examples {
		fmt.Fprintf(&script, "\\echo @@ begin %d\n%s\n\\echo @@ end %d\n", i, e.sql, i)
	}
	psql := cluster.Server.Command(t.Context(), "psql", "--no-psqlrc", "--quiet", "--file=-", "--dbname="+cluster.EmptyDatabase(t).Name)
	psql.Stdin = strings.NewReader(script.String())
	var printed bytes.Buffer
	psql.Stdout, psql.Stderr = &printed, &printed // psql keeps them in order
	if err := psql.Run(); err != nil {
		t.Fatalf("psql: %v\n%s", err, printed.String())
	}
	for i, e := range examples {
		_, rest, begun := strings.Cut(printed.String(), fmt.Sprintf("@@ begin %d\n", i))
		output, _, ended := strings.Cut(rest, fmt.Sprintf("@@ end %d\n", i))
		if !begun || !ended {
			t.Errorf("%s:%d: the example does not come to its end:\n%s", file, e.line, e.sql)
			return
		}
		output = placeOfError.ReplaceAllString(output, "")
		failed := strings.Contains("\n"+output, "\nERROR:")
		switch {
		case failed && !e.refused:
			t.Errorf("%s:%d: the example fails:\n%s\n%s", file, e.line, e.sql, output)
		case e.refused && !failed:
			t.Errorf("%s:%d: the example is not refused, as it says:\n%s\n%s", file, e.line, e.sql, output)
		case e.output != nil && !shows(*e.output, output):
			t.Errorf("%s:%d: the example prints\n%s\nwhere the page shows\n%s", file, e.line, output, *e.output)
		}
	}
}

// placeOfError is what psql puts before an error from a script.
var placeOfError = regexp.MustCompile(`(?m)^psql:<stdin>:\d+: `)

// shows reports whether want, in which "…" stands for anything, shows what was
// printed.
func shows(want, printed string) bool {
	var pattern strings.Builder
	for _, line := range linesOf(want) {
		if line == "…" {
			pattern.WriteString(`(.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + `\n`)
	}
	matched, err := regexp.MatchString("^"+pattern.String()+"$", strings.Join(linesOf(printed), "\n")+"\n")
	return err == nil && matched
}

// linesOf is the lines without what does not count.
func linesOf(text string) []string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// Examples are found, and a wrong one is told from a right one.
func TestExamplesAreFound(t *testing.T) {
	t.Parallel()
	page := "text\n```sql\nselect 1;\n```\n\n```output\n ?column?\n----------\n        1\n```\n```bash\nls\n```\n```output\nx\n```\n" +
		"```sql error\nselect 1/0;\n```\n```sql ignore\nselect;\n```\n```\nplain\n```\n"
	got := examplesIn(page)
	if len(got) != 2 || got[0].sql != "select 1;\n" || got[0].output == nil || got[0].refused || got[0].line != 2 ||
		!got[1].refused || got[1].output != nil {
		t.Fatalf("got %+v", got)
	}
	for _, c := range []struct {
		want, printed string
		shows         bool
	}{
		{"a\nb", "a  \nb\n\n", true},
		{"a\nb", "a\nc\n", false},
		{"a\n…\nd", "a\nb\nc\nd\n", true},
		{"a\n…\nd", "a\nb\nc\n", false},
		{"at …: ok", "at 12:00: ok\n", true},
		{"at …: ok", "at 12:00: no\n", false},
		{"(1)", "1\n", false},
	} {
		if got := shows(c.want, c.printed); got != c.shows {
			t.Errorf("shows(%q, %q): got %t, want %t", c.want, c.printed, got, c.shows)
		}
	}
}

// Whatever a user can call, look at or set is on the page that describes it.
func TestReferenceIsComplete(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "sql.md"))
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.Shared(t).Database(t)
	do(t, db, `load 'tinydancer'`)
	for _, name := range pgtest.All[string](t, db, `
		select proname::text from pg_proc where proname like 'ruvector\_%'
		union all select 'tinydancer.' || relname from pg_class where relnamespace = 'tinydancer'::regnamespace and relkind = 'v'
		                 and has_table_privilege('public', oid, 'select')
		union all select name from pg_settings where name like 'tinydancer.%'`) {
		// The function behind a view goes by the name of the view.
		view := strings.Replace(name, "ruvector_", "tinydancer.", 1)
		if !strings.Contains(string(page), name) && !strings.Contains(string(page), view) {
			t.Errorf("docs/sql.md does not mention %s", name)
		}
	}
}
