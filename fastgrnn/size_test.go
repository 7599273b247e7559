package fastgrnn

import "testing"

// What a database or a page fault has to carry: a cell 384→64 with a head for
// 100 agents.
func TestModelSize(t *testing.T) {
	cell, err := Initialise(Config{InputDim: 384, HiddenDim: 64}, GlorotUniform, 1)
	if err != nil {
		t.Fatal(err)
	}
	head, err := InitialiseLinear(64, 100, GlorotUniform, 2)
	if err != nil {
		t.Fatal(err)
	}
	quantised, err := cell.Quantise()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		trunk, head func() ([]byte, error)
		most        int
	}{
		{"float32", cell.MarshalFloat32, head.MarshalFloat32, 150_000},
		{"int8", quantised.MarshalBinary, head.MarshalInt8, 40_000},
	} {
		trunk, err := c.trunk()
		if err != nil {
			t.Fatal(err)
		}
		head, err := c.head()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d + %d bytes", c.name, len(trunk), len(head))
		if n := len(trunk) + len(head); n > c.most {
			t.Errorf("%s: %d bytes, want at most %d", c.name, n, c.most)
		}
	}
}
