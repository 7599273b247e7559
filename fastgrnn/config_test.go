package fastgrnn

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestConfigRefusesWhatCannotBeBuilt(t *testing.T) {
	for _, c := range []struct {
		config  Config
		message string
	}{
		{Config{HiddenDim: 2}, "fastgrnn: InputDim is 0, want 1 to 65536"},
		{Config{InputDim: -1, HiddenDim: 2}, "fastgrnn: InputDim is -1, want 1 to 65536"},
		{Config{InputDim: 3}, "fastgrnn: HiddenDim is 0, want 1 to 65536"},
		{Config{InputDim: 3, HiddenDim: MaxDim + 1}, "fastgrnn: HiddenDim is 65537, want 1 to 65536"},
		{Config{InputDim: 3, HiddenDim: 2, Form: 2}, "fastgrnn: Form is Form(2), want tied or untied"},
		{Config{InputDim: 3, HiddenDim: 2, Gate: 5}, "fastgrnn: Gate is Nonlinearity(5), want sigmoid, tanh, quantSigm or quantTanh"},
		{Config{InputDim: 3, HiddenDim: 2, Update: 99}, "fastgrnn: Update is Nonlinearity(99), want sigmoid, tanh, quantSigm or quantTanh"},
		{Config{InputDim: 3, HiddenDim: 2, RankW: 3}, "fastgrnn: RankW is 3, want 0 (full) or 1 to 2"},
		{Config{InputDim: 3, HiddenDim: 2, RankW: -1}, "fastgrnn: RankW is -1, want 0 (full) or 1 to 2"},
		{Config{InputDim: 3, HiddenDim: 2, RankU: 3}, "fastgrnn: RankU is 3, want 0 (full) or 1 to 2"},
		{Config{InputDim: MaxDim, HiddenDim: MaxDim}, "fastgrnn: the number of parameters is 8590065666, want at most 67108864"},
	} {
		_, err := NewParams(c.config)
		if !errors.Is(err, ErrConfig) || err.Error() != c.message {
			t.Errorf("%+v: got %v, want %s", c.config, err, c.message)
		}
		if check := c.config.Check(); check == nil || check.Error() != c.message {
			t.Errorf("%+v: Check says %v, want %s", c.config, check, c.message)
		}
	}
}

func TestConfigFillsInItsDefaults(t *testing.T) {
	p, err := NewParams(Config{InputDim: 3, HiddenDim: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{InputDim: 3, HiddenDim: 2, Form: Tied, Gate: Sigmoid, Update: Tanh}
	if p.Config() != want {
		t.Fatalf("got %v, want %v", p.Config(), want)
	}
}

func TestConfigSurvivesJSON(t *testing.T) {
	want := Config{InputDim: 3, HiddenDim: 2, Form: Untied, Gate: QuantSigm, Update: QuantTanh, RankU: 1}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"InputDim":3,"HiddenDim":2,"Form":"untied","Gate":"quantSigm","Update":"quantTanh","RankW":0,"RankU":1}`
	if string(data) != text {
		t.Fatalf("got %s, want %s", data, text)
	}
	var got Config
	if err := json.Unmarshal(data, &got); err != nil || got != want {
		t.Fatalf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{`{"Gate":"relu"}`, `{"Gate":""}`, `{"Form":"tide"}`} {
		if err := json.Unmarshal([]byte(bad), &got); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

// The layout is public: an optimiser walks Values, a file lists Tensors.
func TestTensorsCoverTheValuesInOrder(t *testing.T) {
	names := map[Form]map[bool][]string{
		Tied: {
			false: {"W", "U", "bz", "bh", "zeta", "nu"},
			true:  {"W1", "W2", "U1", "U2", "bz", "bh", "zeta", "nu"},
		},
		Untied: {
			false: {"w_gate", "u_gate", "w_update", "u_update", "b_gate", "b_update", "zeta", "nu"},
			true: {
				"w_gate1", "w_gate2", "u_gate1", "u_gate2", "w_update1", "w_update2", "u_update1", "u_update2",
				"b_gate", "b_update", "zeta", "nu",
			},
		},
	}
	for _, config := range everyForm(5, 4) {
		p, err := NewParams(config)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Values() {
			p.Values()[i] = float64(i)
		}
		if n := config.Parameters(); n != len(p.Values()) {
			t.Errorf("%v: Parameters() = %d, there are %d", config, n, len(p.Values()))
		}
		next := 0.0
		var got []string
		for _, tensor := range p.Tensors() {
			got = append(got, tensor.Name)
			if len(tensor.Data) != tensor.Rows*tensor.Cols {
				t.Errorf("%v: %s is %dx%d and has %d numbers", config, tensor.Name, tensor.Rows, tensor.Cols, len(tensor.Data))
			}
			for _, v := range tensor.Data {
				if v != next {
					t.Fatalf("%v: %s holds %v where %v is next", config, tensor.Name, v, next)
				}
				next++
			}
		}
		if (config.RankW > 0) != (config.RankU > 0) {
			continue // mixtures have parts of both lists
		}
		if want := names[config.Form][config.RankW > 0]; !equal(got, want) {
			t.Errorf("%v: tensors %v, want %v", config, got, want)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	p, err := Initialise(Config{InputDim: 3, HiddenDim: 2, Form: Untied, RankW: 1}, EdgeML, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Clone()
	before := append([]float64(nil), p.Values()...)
	for i := range c.Values() {
		c.Values()[i]++
	}
	if !equal(p.Values(), before) {
		t.Fatal("changing the clone changed the original")
	}
}
