package outcomes

import (
	"errors"
	"strings"
	"testing"
)

func FuzzRead(f *testing.F) {
	f.Add(header)
	f.Add(header + "\n" + `{"id":"1","task":"t","p":"x","s":[1,0,0.5],"c":[1,0,null],"l":[1,1,1]}` + "\n" + `{"id":"2","task":"t","p":"y","s":[1,0,0.5],"c":[1,1,1]}`)
	f.Add(header + "\r\n" + `{"id":"1","task":"t","p":"x","s":[1,0,0],"fns":["f"],"fdesc":["g"],"nf":1}` + "\r\n")
	f.Add(header + "\n" + `{"id":"1","task":"t","p":"\ud800","s":[1e-400,0,0],"fns":[]}`)
	f.Add("\n\xff")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text))
		if err != nil {
			if s != nil || !errors.Is(err, ErrFormat) {
				t.Fatalf("got %v, want ErrFormat", err)
			}
			return
		}
		seen := map[string]bool{}
		hasCost, hasLatency := s.Rows[0].CostUSD != nil, s.Rows[0].LatencySeconds != nil
		for _, row := range s.Rows {
			if seen[row.ID] || row.ID == "" {
				t.Fatalf("id %q is empty or there twice", row.ID)
			}
			seen[row.ID] = true
			if len(row.Quality) != len(s.Models) {
				t.Fatalf("%d scores for %d models", len(row.Quality), len(s.Models))
			}
			for _, q := range row.Quality {
				if !(0 <= q && q <= 1) {
					t.Fatalf("score %g", q)
				}
			}
			for _, column := range []struct {
				values []float64
				want   bool
			}{{row.CostUSD, hasCost}, {row.LatencySeconds, hasLatency}} {
				if !column.want && column.values != nil || column.want && len(column.values) != len(s.Models) {
					t.Fatalf("row %q: %v, where the first row has numbers: %v", row.ID, column.values, column.want)
				}
				for _, v := range column.values {
					if !(v > 0) {
						t.Fatalf("cost or latency %g", v)
					}
				}
			}
			if !strings.HasPrefix(row.Text(), row.Prompt) {
				t.Fatalf("text %q does not begin with the prompt %q", row.Text(), row.Prompt)
			}
		}
		train, test := s.Split(0)
		if len(train.Rows)+len(test.Rows) != len(s.Rows) || len(s.Stream(0).Rows) != len(s.Rows) {
			t.Fatal("a row is lost")
		}
		if best, oracle := s.Means()[s.BestSingle()], s.Oracle(); best.Quality > oracle.Quality+1e-12 {
			t.Fatalf("best single %g, oracle %g", best.Quality, oracle.Quality)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString(header + "\n")
	for i := range 1000 {
		id := strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)
		text.WriteString(`{"id":"` + id + `","task":"t","p":"` + strings.Repeat(id+" ", 10) + `","s":[1,0,0.5],"c":[0.1,0.2,0.3]}` + "\n")
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(strings.NewReader(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}
