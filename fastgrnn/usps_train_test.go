package fastgrnn

import (
	"math"
	"os"
	"testing"
	"time"
)

// What the authors train their cell on: digits of USPS, row by row, with 32
// hidden numbers. The settings were chosen on a random fifth of the training
// rows, splitmix64(99) mod 5 = 0, by the mean of three seeds; the test rows were
// looked at once they stood.
var uspsTraining = Training{Loss: CrossEntropy, Epochs: 30, BatchSize: 50, Rate: 0.01, WeightDecay: 0.2}

// digits returns training and test rows, standardised by the training rows.
func digits(t *testing.T) (train, test []Example) {
	t.Helper()
	images, labels := readUSPSImages(t, shared(t, "fixtures/usps.train.i16.gz"))
	unseen, unseenLabels := readUSPSImages(t, shared(t, "fixtures/usps.test.i16.gz"))
	mean, deviation := make([]float64, 256), make([]float64, 256)
	for i := range mean {
		for _, image := range images {
			mean[i] += image[i] / float64(len(images))
		}
		for _, image := range images {
			deviation[i] += (image[i] - mean[i]) * (image[i] - mean[i]) / float64(len(images))
		}
		deviation[i] = math.Sqrt(deviation[i])
	}
	examples := func(images [][]float64, labels []int) (list []Example) {
		for i, image := range images {
			for j := range image {
				image[j] = (image[j] - mean[j]) / deviation[j]
			}
			list = append(list, Example{rows(image, 16), []Target{{Step: 15, Output: labels[i], Weight: 1}}})
		}
		return list
	}
	return examples(images, labels), examples(unseen, unseenLabels)
}

// uspsModel has the authors' initial values; the head's matrix is N(0, 2/(32+10)).
func uspsModel(t *testing.T, c Config, seed uint64) *Model {
	t.Helper()
	c.InputDim, c.HiddenDim = 16, 32
	p, err := Initialise(c, EdgeML, seed)
	if err != nil {
		t.Fatal(err)
	}
	head, err := InitialiseLinear(32, 10, GlorotNormal, seed+1000)
	if err != nil {
		t.Fatal(err)
	}
	return &Model{Trunk: p, Head: head}
}

// inBytes is the model with all weights in int8: the cell by Quantise, the head
// as MarshalInt8 keeps it.
func inBytes(t *testing.T, m *Model) *Model {
	t.Helper()
	q, err := m.Trunk.(*Params).Quantise()
	if err != nil {
		t.Fatal(err)
	}
	file, err := m.Head.MarshalInt8()
	if err != nil {
		t.Fatal(err)
	}
	head := new(Linear)
	if err := head.UnmarshalBinary(file); err != nil {
		t.Fatal(err)
	}
	return &Model{Trunk: q.Dequantise(), Head: head}
}

func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skipf("skipping %s: training takes too long under the race detector", t.Name())
	}
}

// TINYDANCER_LONG=1 trains 30 epochs from three seeds and asks for the figures
// of the paper's authors and better. Without, five epochs must come to more
// than a cell without recurrence does in thirty.
func TestTrainedOnUSPS(t *testing.T) {
	skipUnderRace(t)
	learn, unseen := digits(t)
	if os.Getenv("TINYDANCER_LONG") == "" {
		c := uspsTraining
		c.Epochs = 5
		m := uspsModel(t, Config{}, 1)
		train(t, m, learn, c)
		a, b := accuracy(t, m, unseen), accuracy(t, inBytes(t, m), unseen)
		t.Logf("%.4f of the test rows right after 5 epochs, int8 %.4f", a, b)
		if a < 0.90 || b < a-0.01 {
			t.Errorf("%.4f of the test rows right, int8 %.4f, want at least 0.90 and 0.01 less", a, b)
		}
		return
	}
	mean := map[string]float64{}
	for name, v := range map[string]struct {
		config Config
		change func(*Params, *Training)
	}{
		"full":     {},
		"rank 5/5": {config: Config{RankW: 5, RankU: 5}},
		"keep 0.3": {change: func(_ *Params, c *Training) { c.KeepW, c.KeepU = 0.3, 0.3 }},
		"U = 0": {change: func(p *Params, c *Training) {
			u, _ := p.Tensor("U")
			clear(u.Data)
			c.Hold = []string{"U"}
		}},
		"piecewise": {config: Config{Gate: QuantSigm, Update: QuantTanh}},
	} {
		const seeds = 3
		for seed := uint64(1); seed <= seeds; seed++ {
			m, c := uspsModel(t, v.config, seed), uspsTraining
			c.Seed = seed
			if v.change != nil {
				v.change(m.Trunk.(*Params), &c)
			}
			start := time.Now()
			train(t, m, learn, c)
			took := time.Since(start)
			a, b := accuracy(t, m, unseen), accuracy(t, inBytes(t, m), unseen)
			t.Logf("%s, seed %d: %.4f of the test rows right, int8 %.4f, %v", name, seed, a, b, took.Round(time.Millisecond))
			mean[name] += a / seeds
			mean[name+", int8"] += b / seeds
		}
		t.Logf("%s: %.4f, int8 %+.4f", name, mean[name], mean[name+", int8"]-mean[name])
	}
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"full", mean["full"], 0.94},
		{"full, less U = 0", mean["full"] - mean["U = 0"], 0.03},
		{"rank 5/5", mean["rank 5/5"], 0.935},
		{"keep 0.3", mean["keep 0.3"], 0.927},
		{"int8, less full", mean["full, int8"] - mean["full"], -0.0025},
	} {
		if c.got < c.want {
			t.Errorf("%s: %.4f, want at least %.4f", c.what, c.got, c.want)
		}
	}
}
