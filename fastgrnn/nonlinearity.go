package fastgrnn

import "fmt"

// Nonlinearity is one of the four functions that the paper's gate and update
// choose from. The two piecewise linear ones stand in for the smooth ones
// where all arithmetic is to be done in integers (section 3.2 of the paper).
type Nonlinearity uint8

// The numbers are those of the weight file. Zero is the default of its place
// in [Config]: Sigmoid for the gate, Tanh for the update.
const (
	Sigmoid   Nonlinearity = 1 // 1/(1+exp(−x)), in [0, 1]
	Tanh      Nonlinearity = 2 // in [−1, 1]
	QuantSigm Nonlinearity = 3 // clip((x+1)/2, 0, 1)
	QuantTanh Nonlinearity = 4 // clip(x, −1, 1)
)

// The names are those of EdgeML, the authors' implementation.
var nonlinearityNames = [...]string{Sigmoid: "sigmoid", Tanh: "tanh", QuantSigm: "quantSigm", QuantTanh: "quantTanh"}

// String returns the name that [Nonlinearity.UnmarshalText] reads.
func (n Nonlinearity) String() string {
	if n.known() {
		return nonlinearityNames[n]
	}
	return fmt.Sprintf("Nonlinearity(%d)", uint8(n))
}

// MarshalText returns the name of n.
func (n Nonlinearity) MarshalText() ([]byte, error) {
	if !n.known() {
		return nil, &ConfigError{"nonlinearity", uint8(n), nonlinearityChoice}
	}
	return []byte(n.String()), nil
}

const nonlinearityChoice = "sigmoid, tanh, quantSigm or quantTanh"

// UnmarshalText sets n to the nonlinearity of that name.
func (n *Nonlinearity) UnmarshalText(text []byte) error {
	for i, name := range nonlinearityNames {
		if name != "" && name == string(text) {
			*n = Nonlinearity(i)
			return nil
		}
	}
	return &ConfigError{"nonlinearity", string(text), nonlinearityChoice}
}

func (n Nonlinearity) known() bool { return n >= Sigmoid && n <= QuantTanh }

// at returns the function's value in float64. NaN gives NaN.
func (n Nonlinearity) at(x float64) float64 {
	switch n {
	case Sigmoid:
		return sigmoid(x)
	case Tanh:
		return tanh(x)
	case QuantSigm:
		return min(max((x+1)/2, 0), 1)
	default:
		return min(max(x, -1), 1)
	}
}

// slope returns the derivative where the value is y; 0 at the kinks.
func (n Nonlinearity) slope(y float64) float64 {
	switch n {
	case Sigmoid:
		return y * (1 - y)
	case Tanh:
		return 1 - float64(y*y)
	case QuantSigm:
		if y > 0 && y < 1 {
			return 0.5
		}
	default:
		if y > -1 && y < 1 {
			return 1
		}
	}
	return 0
}
