package embed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/binfile"
)

// kindsOfText are requests of three kinds, n of each, that share words within
// their kind.
func kindsOfText(n int) (texts []string) {
	state := uint64(1)
	word := func(kind string, from int) string {
		state = mix(state + 1)
		return fmt.Sprintf("%s%d", kind, from+int(state%40))
	}
	for i := range n {
		texts = append(texts,
			fmt.Sprintf("Write a function that takes %s and returns %s.\ndef f(x):\n    return x[%d]", word("list", 0), word("string", 0), i),
			fmt.Sprintf("What is %d plus %d? %s %s Answer with a number.", i, 3*i, word("sum", 0), word("sum", 0)),
			fmt.Sprintf("Tell me about %s and %s, please, in the style of %s", word("river", 0), word("mountain", 0), word("poet", 0)))
	}
	return texts
}

func fitTexts(t testing.TB, texts []string, o FitOptions) *Fitted {
	t.Helper()
	f, err := Fit(context.Background(), texts, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func embedded(t testing.TB, e Embedder, text string) []float32 {
	t.Helper()
	v := make([]float32, e.Dimensions())
	if err := e.Embed(v, text); err != nil {
		t.Fatal(err)
	}
	return v
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

func TestFittedTellsKindsApart(t *testing.T) {
	texts := kindsOfText(100)
	f := fitTexts(t, texts, FitOptions{Latent: 16})
	var vectors [][]float32
	for _, text := range texts {
		v := embedded(t, f, text)
		if norm := math.Sqrt(dot(v, v)); math.Abs(norm-1) > 1e-6 {
			t.Fatalf("norm %g, want 1", norm)
		}
		vectors = append(vectors, v)
	}
	for i, v := range vectors {
		best, nearest := -2.0, 0
		for j, w := range vectors {
			if c := dot(v, w); j != i && c > best {
				best, nearest = c, j
			}
		}
		if i%3 != nearest%3 {
			t.Errorf("nearest to %q is %q", texts[i], texts[nearest])
		}
	}
}

func TestFitIsRepeatable(t *testing.T) {
	texts := kindsOfText(60)
	a, _ := fitTexts(t, texts, FitOptions{Latent: 16}).MarshalBinary()
	b, _ := fitTexts(t, texts, FitOptions{Latent: 16}).MarshalBinary()
	c, _ := fitTexts(t, texts, FitOptions{Latent: 16, Seed: 1}).MarshalBinary()
	if !bytes.Equal(a, b) {
		t.Error("fitted twice to the same texts, the embedders differ")
	}
	if bytes.Equal(a, c) {
		t.Error("the seed changes nothing")
	}
	// What every CPU must compute: one that fuses a product into a sum would not.
	if got, want := crc32.ChecksumIEEE(a), uint32(pinnedFit); got != want {
		t.Errorf("checksum of the embedder %#08x, want %#08x", got, want)
	}
}

func TestFitRefuses(t *testing.T) {
	texts := kindsOfText(60)
	for _, o := range []FitOptions{{Latent: 7}, {Latent: 12}, {Latent: 4096}, {Terms: 10}, {Terms: 1 << 20}, {SurfaceWeight: -1}, {SurfaceWeight: math.NaN()}} {
		if _, err := Fit(context.Background(), texts, o); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v, want ErrConfig", o, err)
		}
	}
	for what, texts := range map[string][]string{
		"no texts":          nil,
		"few texts":         texts[:MinTexts-1],
		"empty texts":       make([]string, 500),
		"nothing in common": strings.Fields(noise(1000)),
	} {
		if _, err := Fit(context.Background(), texts, FitOptions{}); !errors.Is(err, ErrTooFewTexts) {
			t.Errorf("%s: %v, want ErrTooFewTexts", what, err)
		}
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	if _, err := Fit(ctx, texts, FitOptions{}); !errors.Is(err, why) {
		t.Errorf("cancelled: %v, want %v", err, why)
	}
}

func TestFewTextsSuffice(t *testing.T) {
	f := fitTexts(t, kindsOfText(40)[:MinTexts], FitOptions{})
	if f.latent > MinTexts/4 {
		t.Errorf("%d latent dimensions of %d texts", f.latent, MinTexts)
	}
}

func TestFittedEmbedsAnything(t *testing.T) {
	f := fitTexts(t, kindsOfText(60), FitOptions{Latent: 16})
	v := make([]float32, f.Dimensions())
	for _, text := range []string{"x", "質問", "\xff?", strings.Repeat("a", 1<<20), "\n\n[tool] ", "[tool] f: g", "?!", "[tool] x\n[tool] y"} {
		err := f.Embed(v, text)
		if text == "\n\n[tool] " {
			if !errors.Is(err, ErrNoFeatures) {
				t.Errorf("%q: %v, want ErrNoFeatures", text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	for _, text := range []string{"", " \n\t", "\xff"} {
		v[0] = 7
		if err := f.Embed(v, text); !errors.Is(err, ErrNoFeatures) || v[0] != 7 {
			t.Errorf("%q: %v, want ErrNoFeatures", text, err)
		}
	}
	if err := f.Embed(v[1:], "x"); !errors.Is(err, ErrDimensions) {
		t.Errorf("a short vector: %v, want ErrDimensions", err)
	}
}

// A tool is read apart from the prompt.
func TestFittedReadsToolsApart(t *testing.T) {
	var a, b, prompt surfaceCounts
	for text, s := range map[string]*surfaceCounts{
		"Do it!\n[tool] send_mail: Sends a mail.\n[tool] read: Reads.": &a,
		"Do it!\nsend_mail: Sends a mail.\nread: Reads.":               &b,
		"Do it!": &prompt,
	} {
		terms := newTerms()
		terms.read(text)
		*s = terms.surface
	}
	if a.tools != 2 || a.toolWords != 7 || a.words != prompt.words || a.visible != prompt.visible || a.lastMark != '!' {
		t.Errorf("with tools: %+v", a)
	}
	if b.tools != 0 || b.words != 9 {
		t.Errorf("without marks: %+v", b)
	}
}

func TestFittedFile(t *testing.T) {
	texts := kindsOfText(60)
	f := fitTexts(t, texts, FitOptions{Latent: 16})
	data, err := f.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var read Fitted
	if err := read.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts[:20] {
		if a, b := embedded(t, f, text), embedded(t, &read, text); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%q: %v, of the embedder that was read %v", text, a, b)
		}
	}
	again, _ := read.MarshalBinary()
	if !bytes.Equal(data, again) {
		t.Error("an embedder that was read is written otherwise")
	}
	for i := 0; i < len(data); i += 1 + len(data)/200 {
		bad := bytes.Clone(data)
		bad[i] ^= 0x40
		for what, b := range map[string][]byte{"with a bit turned": bad, "cut short": data[:i], "too long": append(bytes.Clone(data), 0)} {
			if err := read.UnmarshalBinary(b); !errors.Is(err, binfile.ErrFile) {
				t.Fatalf("a file %s at %d: %v, want ErrFile", what, i, err)
			}
		}
	}
}

func FuzzFittedFile(f *testing.F) {
	data, _ := fitTexts(f, kindsOfText(30), FitOptions{Latent: 8, Terms: 256}).MarshalBinary()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 20 { // past the checksum
			data = bytes.Clone(data)
			body := data[:len(data)-4]
			binary.LittleEndian.PutUint32(data[12:], uint32(len(body)-16))
			binary.LittleEndian.PutUint32(data[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
		}
		var read Fitted
		if err := read.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, binfile.ErrFile) {
				t.Fatalf("%v, want ErrFile", err)
			}
			return
		}
		for _, v := range embedded(t, &read, "Write a function that takes list1 [tool]\n[tool] f: g") {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatal("a component is not finite")
			}
		}
	})
}

func FuzzFittedText(f *testing.F) {
	fitted := fitTexts(f, kindsOfText(30), FitOptions{Latent: 8})
	for _, text := range append(kindsOfText(2), "\n[tool] a: b\n[tool]", "A. x\n(B) y\n- z\n1) 12.5") {
		f.Add(text)
	}
	v := make([]float32, fitted.Dimensions())
	f.Fuzz(func(t *testing.T, text string) {
		if err := fitted.Embed(v, text); err != nil {
			if !errors.Is(err, ErrNoFeatures) {
				t.Fatal(err)
			}
			return
		}
		if norm := dot(v, v); math.Abs(norm-1) > 1e-5 {
			t.Fatalf("norm %g, want 1", norm)
		}
	})
}

func TestFittedAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("TestFittedAllocatesNothing: the race detector empties pools")
	}
	f := fitTexts(t, kindsOfText(60), FitOptions{Latent: 16})
	v := make([]float32, f.Dimensions())
	if n := testing.AllocsPerRun(100, func() {
		if err := f.Embed(v, request); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations, want 0", n)
	}
}

func BenchmarkFitted(b *testing.B) {
	f := fitTexts(b, kindsOfText(1000), FitOptions{})
	text := strings.Repeat(request, 3)[:500]
	v := make([]float32, f.Dimensions())
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Embed(v, text); err != nil {
			b.Fatal(err)
		}
	}
}

// pinnedFit is the checksum of the embedder of TestFitIsRepeatable.
const pinnedFit = 0xa96a2002

// A name stands for the vectors: the same for the same embedder, read from its
// file too, and another for every other one.
func TestNamesTellEmbeddersApart(t *testing.T) {
	texts := kindsOfText(80)
	a, again, other := fitTexts(t, texts, FitOptions{Latent: 16}), fitTexts(t, texts, FitOptions{Latent: 16}), fitTexts(t, texts, FitOptions{Latent: 16, Seed: 1})
	data, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var read Fitted
	if err := read.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if a.Name() != again.Name() || a.Name() != read.Name() {
		t.Errorf("one embedder has the names %q, %q and %q", a.Name(), again.Name(), read.Name())
	}
	if a.Name() == other.Name() || len(a.Name()) != len("fitted-")+16 {
		t.Errorf("names of two embedders: %q and %q", a.Name(), other.Name())
	}
	if err := read.UnmarshalBinary(mustMarshal(t, other)); err != nil || read.Name() != other.Name() {
		t.Errorf("read anew it is %q, want %q, %v", read.Name(), other.Name(), err)
	}
	h, err := NewHashing(Config{})
	if err != nil || h.Name() != "hashing-1" {
		t.Errorf("the hashing embedder is %q, %v", h.Name(), err)
	}
}

func mustMarshal(t *testing.T, f *Fitted) []byte {
	t.Helper()
	data, err := f.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
