package fastgrnn

import "fmt"

// Limits of what can be built, so that a weight file or a setting cannot ask
// for more memory than any model of this kind needs.
const (
	MaxDim        = 1 << 16 // of an input or of a hidden state
	MaxParameters = 1 << 26 // 512 MiB of float64
)

// Form says which matrices the gate and the update multiply by.
type Form uint8

// The numbers are those of the weight file.
const (
	// Tied is the paper's cell: gate and update share W and U.
	Tied Form = 0
	// Untied gives the gate and the update a W and a U each, at twice the size
	// and twice the time.
	Untied Form = 1
)

const formChoice = "tied or untied"

// String returns "tied" or "untied".
func (f Form) String() string {
	switch f {
	case Tied:
		return "tied"
	case Untied:
		return "untied"
	}
	return fmt.Sprintf("Form(%d)", uint8(f))
}

// MarshalText returns the name of f.
func (f Form) MarshalText() ([]byte, error) {
	if f > Untied {
		return nil, &ConfigError{"form", uint8(f), formChoice}
	}
	return []byte(f.String()), nil
}

// UnmarshalText sets f to the form of that name.
func (f *Form) UnmarshalText(text []byte) error {
	switch string(text) {
	case "tied":
		*f = Tied
	case "untied":
		*f = Untied
	default:
		return &ConfigError{"form", string(text), formChoice}
	}
	return nil
}

// Config is the shape of a cell. A [State] fits every cell of equal Config;
// what it means is up to the weights.
type Config struct {
	// InputDim is D, the length of an input, from 1 to [MaxDim].
	InputDim int
	// HiddenDim is H, the length of the hidden state, from 1 to [MaxDim].
	HiddenDim int
	// Form defaults to [Tied].
	Form Form
	// Gate defaults to [Sigmoid]. With [Tanh] or [QuantTanh] the gate can be
	// negative, and the hidden state is not bounded as [Params.Bound] says.
	Gate Nonlinearity
	// Update defaults to [Tanh].
	Update Nonlinearity
	// RankW is the rank of W, from 1 to min(D, H). Defaults to 0: W is full.
	// It saves anything only below DH/(D+H).
	RankW int
	// RankU is the rank of U, from 1 to H. Defaults to 0: U is full.
	RankU int
}

// String describes c on one line.
func (c Config) String() string {
	return fmt.Sprintf("%d→%d %v, gate %v, update %v, ranks %d and %d",
		c.InputDim, c.HiddenDim, c.Form, c.Gate, c.Update, c.RankW, c.RankU)
}

// Check returns a [ConfigError] for the first setting that is out of range.
func (c Config) Check() error {
	_, err := c.complete()
	return err
}

// complete fills in the defaults and checks the rest.
func (c Config) complete() (Config, error) {
	if c.Gate == 0 {
		c.Gate = Sigmoid
	}
	if c.Update == 0 {
		c.Update = Tanh
	}
	if err := c.checkFields(); err != nil {
		return c, err
	}
	if n := c.parameters(); n > MaxParameters {
		return c, &ConfigError{"the number of parameters", n, fmt.Sprintf("at most %d", MaxParameters)}
	}
	return c, nil
}

// checkFields checks each setting by itself, without defaults.
func (c Config) checkFields() error {
	dim := fmt.Sprintf("1 to %d", MaxDim)
	switch {
	case c.InputDim < 1 || c.InputDim > MaxDim:
		return &ConfigError{"InputDim", c.InputDim, dim}
	case c.HiddenDim < 1 || c.HiddenDim > MaxDim:
		return &ConfigError{"HiddenDim", c.HiddenDim, dim}
	case c.Form > Untied:
		return &ConfigError{"Form", c.Form, formChoice}
	case !c.Gate.known():
		return &ConfigError{"Gate", c.Gate, nonlinearityChoice}
	case !c.Update.known():
		return &ConfigError{"Update", c.Update, nonlinearityChoice}
	}
	if most := min(c.InputDim, c.HiddenDim); c.RankW < 0 || c.RankW > most {
		return &ConfigError{"RankW", c.RankW, fmt.Sprintf("0 (full) or 1 to %d", most)}
	}
	if c.RankU < 0 || c.RankU > c.HiddenDim {
		return &ConfigError{"RankU", c.RankU, fmt.Sprintf("0 (full) or 1 to %d", c.HiddenDim)}
	}
	return nil
}

// Parameters returns how many numbers a cell of this shape has, ζ and ν among
// them. The Config must pass [Config.Check].
func (c Config) Parameters() int { return int(c.parameters()) }

// parameters counts in 64 bits: two dimensions of MaxDim overflow 32.
func (c Config) parameters() int64 {
	n := int64(2)
	for _, s := range c.tensors() {
		n += int64(s.rows) * int64(s.cols)
	}
	return n
}

// Kind says what a tensor multiplies, and so what compression may do to it.
type Kind uint8

const (
	InputWeights     Kind = iota // W or a factor of it: multiplies the input
	RecurrentWeights             // U or a factor of it: multiplies the hidden state
	Bias                         // bz or bh
	Scalar                       // ζ or ν, before the logistic
)

type tensorShape struct {
	name       string
	kind       Kind
	rows, cols int
}

// tensors lists the matrices and biases in the order of storage, which is also
// the order of drawing initial values: EdgeML's getVars for the tied form, the
// same for the other. ζ and ν follow.
func (c Config) tensors() []tensorShape {
	list := make([]tensorShape, 0, 10)
	product := func(name string, kind Kind, cols, rank int) {
		if rank == 0 {
			list = append(list, tensorShape{name, kind, c.HiddenDim, cols})
			return
		}
		list = append(list,
			tensorShape{name + "1", kind, c.HiddenDim, rank},
			tensorShape{name + "2", kind, cols, rank})
	}
	w, u, b := []string{"W"}, []string{"U"}, []string{"bz", "bh"}
	if c.Form == Untied {
		w, u, b = []string{"w_gate", "w_update"}, []string{"u_gate", "u_update"}, []string{"b_gate", "b_update"}
	}
	for i := range w {
		product(w[i], InputWeights, c.InputDim, c.RankW)
		product(u[i], RecurrentWeights, c.HiddenDim, c.RankU)
	}
	for _, name := range b {
		list = append(list, tensorShape{name, Bias, c.HiddenDim, 1})
	}
	return list
}
