package embed

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// golden is a line of testdata/hashing-1.jsonl, which testdata/reference.py
// wrote: an implementation of its own, in another language.
type golden struct {
	Text       string `json:"text"`
	Dimensions int    `json:"dimensions"`
	Repeat     int    `json:"repeat,omitempty"` // 0 means 1
	Vector     string `json:"vector,omitempty"` // float32 bits, big-endian, in hexadecimal
}

func readGolden(t *testing.T, lines []byte) (all []golden) {
	t.Helper()
	s := bufio.NewScanner(bytes.NewReader(lines))
	for s.Scan() {
		var g golden
		if err := json.Unmarshal(s.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	if s.Err() != nil || len(all) == 0 {
		t.Fatalf("%d golden vectors, error %v", len(all), s.Err())
	}
	return all
}

func (g golden) check(t *testing.T) {
	t.Helper()
	text := strings.Repeat(g.Text, max(g.Repeat, 1))
	if got := bits(vector(t, g.Dimensions, text)); got != g.Vector {
		t.Errorf("vector of %q × %d in %d dimensions differs from HashingVersion %d:\n got %s\nwant %s",
			g.Text, max(g.Repeat, 1), g.Dimensions, HashingVersion, got, g.Vector)
	}
}

// A vector that changes makes every stored one worthless. When this fails and
// the change is wanted, HashingVersion has to be raised, and a file of that
// number written.
func TestHashingGolden(t *testing.T) {
	lines, err := os.ReadFile("testdata/hashing-1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range readGolden(t, lines) {
		g.check(t)
	}
}

func TestHashingAgreesWithReference(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("TestHashingAgreesWithReference needs python3")
	}
	alphabet := []rune("aaabcdeiorst      AEZ019.,?!(){}_=+-$éÉßñжЖωΩ語のカ€→∀مहि🙂\n\t")
	random := rand.New(rand.NewPCG(1, 2))
	var in bytes.Buffer
	for n := range 300 {
		text := []rune{'x'}
		for range random.IntN(1 + n*n/100) {
			text = append(text, alphabet[random.IntN(len(alphabet))])
		}
		if err := json.NewEncoder(&in).Encode(golden{Text: string(text), Dimensions: 16 + random.IntN(100)}); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(python, "testdata/reference.py")
	command.Stdin, command.Stderr = &in, os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := readGolden(t, out)
	if len(all) != 300 {
		t.Fatalf("the reference embedded %d texts, want 300", len(all))
	}
	for _, g := range all {
		g.check(t)
	}
}

func vector(t rapid.TB, dimensions int, text string) []float32 {
	t.Helper()
	h, err := NewHashing(Config{Dimensions: dimensions})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, h.Dimensions())
	if err := h.Embed(dst, text); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return dst
}

func bits(v []float32) string {
	var b []byte
	for _, x := range v {
		u := math.Float32bits(x)
		b = append(b, byte(u>>24), byte(u>>16), byte(u>>8), byte(u))
	}
	return hex.EncodeToString(b)
}
