package embed

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNewHashingRefusesDimensionsOutOfRange(t *testing.T) {
	for _, n := range []int{-1, 1, MinDimensions - 1, MaxDimensions + 1} {
		h, err := NewHashing(Config{Dimensions: n})
		if h != nil || !errors.Is(err, ErrConfig) {
			t.Errorf("%d dimensions: got %v, want ErrConfig", n, err)
		}
	}
	for n, want := range map[int]int{0: 384, MinDimensions: 16, MaxDimensions: 16384} {
		if h, err := NewHashing(Config{Dimensions: n}); err != nil || h.Dimensions() != want {
			t.Errorf("%d dimensions: error %v, want an embedder of %d", n, err, want)
		}
	}
}

func TestEmbedRefusesTextWithoutFeatures(t *testing.T) {
	h, _ := NewHashing(Config{})
	for _, text := range []string{"", " ", "\t\r\n", "\u00a0\u3000\u2028", "\x00\x07\x7f", "\xff\xfe", "\ufffd", "\u200b\ufeff\ufe0f"} {
		dst := slices.Repeat([]float32{7}, h.Dimensions())
		if err := h.Embed(dst, text); !errors.Is(err, ErrNoFeatures) {
			t.Errorf("%q: got %v, want ErrNoFeatures", text, err)
		}
		if dst[0] != 7 || dst[383] != 7 {
			t.Errorf("%q: Embed wrote to dst although it failed", text)
		}
	}
}

func TestEmbedRefusesWrongDimensions(t *testing.T) {
	h, _ := NewHashing(Config{})
	for _, n := range []int{0, 383, 768} {
		dst := slices.Repeat([]float32{7}, n)
		err := h.Embed(dst, "text")
		if !errors.Is(err, ErrDimensions) {
			t.Errorf("dst of %d: got %v, want ErrDimensions", n, err)
		}
		if slices.ContainsFunc(dst, func(x float32) bool { return x != 7 }) {
			t.Errorf("dst of %d: Embed wrote to it although it failed", n)
		}
	}
	if err := h.Embed(make([]float32, 768), "text"); !strings.Contains(err.Error(), "768") || !strings.Contains(err.Error(), "384") {
		t.Errorf("%v: want it to say 768 and 384", err)
	}
}

func TestInvalidUTF8SeparatesWords(t *testing.T) {
	if !slices.Equal(vector(t, 0, "left\xffright \xc3"), vector(t, 0, "left right")) {
		t.Error("an invalid byte is not read as white space")
	}
}

func TestOnlyTheFirstMaxTextBytesAreRead(t *testing.T) {
	head := strings.Repeat("some words ", MaxTextBytes/11+1)[:MaxTextBytes]
	want := vector(t, 0, head)
	if !slices.Equal(vector(t, 0, head+" and, then, some more"), want) {
		t.Error("text behind MaxTextBytes changes the vector")
	}
	if slices.Equal(vector(t, 0, head[:MaxTextBytes-40]+"!"), want) {
		t.Error("text before MaxTextBytes does not change the vector")
	}
}

// The memory of a call must be as it was before: a bin that is not cleared
// leaks one text into the vector of the next.
func TestEmbedRemembersNothing(t *testing.T) {
	h, _ := NewHashing(Config{})
	got := make([]float32, h.Dimensions())
	for _, text := range []string{noise(5000), "a question", "", noise(100_000), "?", "a question"} {
		if err := h.Embed(got, text); err != nil {
			if text == "" {
				continue
			}
			t.Fatal(err)
		}
		if !slices.Equal(got, vector(t, 0, text)) {
			t.Fatalf("%.20q: the vector depends on what was embedded before", text)
		}
	}
}

func TestEmbedIsSafeForConcurrentUse(t *testing.T) {
	h, _ := NewHashing(Config{})
	texts := []string{"one text", "another, longer text", noise(300), noise(3000)}
	want := make([][]float32, len(texts))
	for i, text := range texts {
		want[i] = vector(t, 0, text)
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			dst := make([]float32, h.Dimensions())
			for i := range 200 {
				k := (i + n) % len(texts)
				if err := h.Embed(dst, texts[k]); err != nil || !slices.Equal(dst, want[k]) {
					t.Errorf("text %d: vector differs when embedded concurrently, error %v", k, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestEmbedDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("TestEmbedDoesNotAllocate: under -race, sync.Pool drops items at random")
	}
	h, _ := NewHashing(Config{})
	dst := make([]float32, h.Dimensions())
	for _, text := range []string{"a short question", request, noise(100_000)} {
		allocs := testing.AllocsPerRun(50, func() {
			if err := h.Embed(dst, text); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%.20q: %g allocations a call, want 0", text, allocs)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	h, _ := NewHashing(Config{})
	dst, text := make([]float32, h.Dimensions()), noise(MaxTextBytes)
	if err := h.Embed(dst, text); err != nil {
		t.Fatal(err)
	}
	s := h.scratch.Get().(*scratch)
	bytes := 8 * cap(s.sum)
	for _, g := range s.features.groups {
		bytes += 4*cap(g.counts) + 2*cap(g.seen)
	}
	if bytes > 700_000 {
		t.Errorf("128 KiB of distinct words took %d bytes of working memory, want at most 700,000", bytes)
	}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := h.Embed(dst, text); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// The lists of bins grow by copying: about four times what they end with.
	if total := after.TotalAlloc - before.TotalAlloc; total > 2_000_000 {
		t.Errorf("a first call on 128 KiB of distinct words allocated %d bytes, want at most 2,000,000", total)
	}
}

// Four times the text in a good four times the time: nothing is quadratic,
// neither in the number of words nor in the length of one. Other work on the
// machine can slow a call down but not speed it up, so the fastest of a few
// counts, and more are made only while they do not convince.
func TestTimeIsLinear(t *testing.T) {
	h, _ := NewHashing(Config{})
	dst := make([]float32, h.Dimensions())
	elapsed := func(text string) time.Duration {
		start := time.Now()
		if err := h.Embed(dst, text); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	for name, text := range map[string]string{
		"distinct words": noise(MaxTextBytes),
		"one word":       strings.Repeat("a", MaxTextBytes),
		"marks":          strings.Repeat("?", MaxTextBytes),
	} {
		short, long := elapsed(text[:MaxTextBytes/4]), elapsed(text)
		for attempt := 0; attempt < 20 && long > 10*short; attempt++ {
			short, long = min(short, elapsed(text[:MaxTextBytes/4])), min(long, elapsed(text))
		}
		if long > 10*short {
			t.Errorf("%s: %v for 32 KiB, %v for 128 KiB", name, short, long)
		}
	}
}

func TestLogarithm(t *testing.T) {
	for _, n := range []uint32{1, 2, 3, 5, 10, 63, 64, 100, 255, 256, 257, 1000, 65535, 1 << 20, math.MaxUint32} {
		got, want := logTF(n), 1+math.Log(float64(n))
		if math.Abs(got-want) > 4e-16*want {
			t.Errorf("logTF(%d) = %.17g, want %.17g", n, got, want)
		}
	}
	if ln(0) != 0 {
		t.Error("ln(0) must be 0: the table starts there")
	}
}

func TestHalfOctave(t *testing.T) {
	for x, want := range map[float64]int{1: 0, 1.4: 0, 1.42: 1, 1.99: 1, 2: 2, 3: 3, 4: 4, 1 << 20: 40} {
		if got := halfOctave(x); got != want {
			t.Errorf("halfOctave(%g) = %d, want %d", x, got, want)
		}
	}
}
