package fastgrnn

import "math"

// squash sets dst = n(pre + bias), component by component, for the float32
// cell: within 1e-7 of the true value, and the same bits on every machine.
// The three slices have one length; dst may be pre. NaN gives NaN.
func squash(n Nonlinearity, dst, pre, bias []float32) {
	pre, bias = pre[:len(dst)], bias[:len(dst)]
	switch n {
	case Sigmoid: // σ(x) = 1/2 + tanh(x/2)/2
		squashTanh(dst, pre, bias, 0.5, 0.5)
	case Tanh:
		squashTanh(dst, pre, bias, 1, 0)
	case QuantSigm:
		for i := range dst {
			dst[i] = min(max((pre[i]+bias[i]+1)*0.5, 0), 1)
		}
	default:
		for i := range dst {
			dst[i] = min(max(pre[i]+bias[i], -1), 1)
		}
	}
}

// squashTanh sets dst = add + scale·tanh(scale·(pre + bias)).
//
// With t = tanh(a) at the nearest node a of the table and d = x−a, the
// derivatives of tanh are polynomials in t, so that its Taylor series is
//
//	tanh(a+d) = t + (1−t²)d(1 − d(t − d(t²−1/3))) + O(d⁴)
//
// and needs neither exp nor a division: a sixth of the time of [math.Tanh].
// |d| ≤ 1/64 leaves an error below 1.1e-8; rounding to float32 is 3e-8.
func squashTanh(dst, pre, bias []float32, scale, add float64) {
	pre, bias = pre[:len(dst)], bias[:len(dst)]
	for i := range dst {
		// float64(…) around products: see the remark in exp.go.
		x := float64(float64(pre[i]+bias[i]) * scale)
		if x > tanhLimit {
			x = tanhLimit
		} else if x < -tanhLimit {
			x = -tanhLimit
		}
		shifted := float64(x*tanhNodes) + roundToInt
		t := tanhTable[math.Float64bits(shifted)%uint64(len(tanhTable))]
		d := x - float64((shifted-roundToInt)*(1./tanhNodes))
		tt := float64(t * t)
		p := 1 - float64(d*(t-float64(d*(tt-1./3))))
		y := t + float64(float64((1-tt)*d)*p)
		dst[i] = float32(float64(y*scale) + add)
	}
}

const (
	tanhNodes = 32 // nodes for each unit of x
	tanhLimit = 10 // tanh(10) = 1 − 4e-9, which is 1 in float32
)

// tanhTable[k mod 1024] is tanh(k/tanhNodes), for k of either sign.
var tanhTable = func() (table [1024]float64) {
	for k := -tanhLimit * tanhNodes; k <= tanhLimit*tanhNodes; k++ {
		table[uint(k)%1024] = tanh(float64(k) / tanhNodes)
	}
	return table
}()
