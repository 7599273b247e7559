package fastgrnn

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tinydancer/tinydancer/internal/f64"
)

// Phase is a part of a training that ends with few weights.
type Phase uint8

const (
	Dense        Phase = iota // all weights move
	Thresholding              // every so often, the small ones are set to zero
	FixedSupport              // those that are not zero move
)

// Progress is how far a training has come.
type Progress struct {
	Batch, Batches int // batches done, and all
	Epoch, Epochs  int // whole epochs done, and all
	Phase          Phase
	// Loss is the mean over the examples of the last batch, before its step.
	Loss float64
}

// Trainer fits a [Model] to examples: batch after batch, the mean gradient of
// the examples' losses goes to [Adam].
//
//	           epochs 0 … n/3    … 2n/3            … n
//	KeepW = 0  one phase, dense
//	KeepW > 0  dense             thresholding      fixed support
//
// The three phases are those of section 3.2.1 of the paper: in the second, the
// matrices are thresholded every ThresholdEvery batches ([Params.HardThreshold])
// and dense in between; in the third, what is zero stays zero.
//
// The same model, examples and Training give the same weights to the bit, on
// every machine and with any number of workers. A batch is cut into pieces of
// which each has a gradient of its own, and these are added in their order.
//
// A Trainer changes its model in [Trainer.Step] alone, between two whole
// batches. It belongs to one goroutine at a time, and so does its model.
type Trainer struct {
	// Workers is how many goroutines compute. Defaults to GOMAXPROCS.
	Workers int

	config   Training
	model    *Model
	examples []Example
	checksum uint32 // of examples

	batch  int // done
	loss   float64
	adam   *Adam
	values []float64 // trunk, then head; as of the last step
	free   []bool    // of values: those that may move
	matrix []bool    // of values: those that decay

	order      []int // of the examples, in the epoch of orderEpoch
	orderEpoch int
	learners   [pieces]*learner
	losses     [pieces]float64
	gradient   []float64
}

// pieces of a batch: enough for eight cores, and few enough that adding up
// their gradients costs little.
const pieces = 8

// NewTrainer returns a Trainer that has made no step. It keeps m and examples,
// which must not change until training is over.
//
// The errors are [ConfigError], [DimensionError], [ValueError] and
// [ErrNoExamples], and say which example is wrong.
func NewTrainer(m *Model, examples []Example, c Training) (*Trainer, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	if len(examples) == 0 {
		return nil, ErrNoExamples
	}
	if len(examples) > maxCount {
		return nil, &ConfigError{"the number of examples", len(examples), fmt.Sprintf("at most %d", maxCount)}
	}
	in, _ := m.Trunk.Dims()
	for i := range examples {
		if err := examples[i].check(c.Loss, in, m.outputs()); err != nil {
			return nil, fmt.Errorf("example %d: %w", i, err)
		}
	}
	trunk, head := m.Trunk.Values(), m.Head.Values()
	t := &Trainer{
		config: c, model: m, examples: examples, checksum: checksum(examples),
		values:     append(slices.Clone(trunk), head...),
		free:       slices.Repeat([]bool{true}, len(trunk)+len(head)),
		matrix:     make([]bool, len(trunk)+len(head)),
		gradient:   make([]float64, len(trunk)+len(head)),
		orderEpoch: -1,
	}
	t.adam = NewAdam(len(t.values))
	for i := range t.learners {
		t.learners[i] = newLearner(m, c.Loss)
	}
	return t, t.hold()
}

// hold marks what decays and what does not move.
func (t *Trainer) hold() error {
	found, at := map[string]bool{}, 0
	for i, tensors := range [][]Tensor{t.model.Trunk.Tensors(), t.model.Head.Tensors()} {
		for _, tensor := range tensors {
			for j := range tensor.Data {
				t.matrix[at+j] = tensor.Kind == InputWeights || tensor.Kind == RecurrentWeights
				t.free[at+j] = i == 1 || !slices.Contains(t.config.Hold, tensor.Name)
			}
			if i == 0 {
				found[tensor.Name] = true
			}
			at += len(tensor.Data)
		}
	}
	for _, name := range t.config.Hold {
		if !found[name] {
			return &ConfigError{"Hold", name, "the name of a tensor of the trunk"}
		}
	}
	return nil
}

// Model returns what is trained, as of the last step.
func (t *Trainer) Model() *Model { return t.model }

// Progress returns how far it has come.
func (t *Trainer) Progress() Progress {
	perEpoch := t.perEpoch()
	return Progress{
		t.batch, t.config.Epochs * perEpoch, t.batch / perEpoch, t.config.Epochs,
		t.phase(t.batch), t.loss,
	}
}

// Done says whether all epochs are over.
func (t *Trainer) Done() bool { return t.batch >= t.config.Epochs*t.perEpoch() }

func (t *Trainer) perEpoch() int {
	return (len(t.examples) + t.config.BatchSize - 1) / t.config.BatchSize
}

// phase returns the phase in which a batch falls.
func (t *Trainer) phase(batch int) Phase {
	all := t.config.Epochs * t.perEpoch()
	switch {
	case t.config.KeepW == 0 || batch < all/3:
		return Dense
	case batch < all-all/3:
		return Thresholding
	}
	return FixedSupport
}

// Run trains to the end, or until ctx is done; it then returns ctx's error, and
// another Run, or one of a [ResumeTrainer] with [Trainer.MarshalBinary], goes on as if nothing had been.
// Other errors are those of [Trainer.Step].
func (t *Trainer) Run(ctx context.Context) error {
	for !t.Done() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.Step(); err != nil {
			return err
		}
	}
	return nil
}

// Step trains on one batch; it does nothing when training is over.
//
// A [BatchError] says that a loss, a gradient or a new weight would not be a
// finite number, and on which example if on one; model and Trainer are then as
// they were.
func (t *Trainer) Step() error {
	if t.Done() {
		return nil
	}
	perEpoch := t.perEpoch()
	batch := t.shuffled(t.batch / perEpoch)
	batch = batch[(t.batch%perEpoch)*t.config.BatchSize:]
	batch = batch[:min(t.config.BatchSize, len(batch))]
	loss, err := t.sum(batch)
	if err != nil {
		return err
	}
	if err := t.move(1 / float64(len(batch))); err != nil {
		return &BatchError{t.batch, -1, err}
	}
	t.loss = loss / float64(len(batch))
	t.batch++
	return nil
}

// sum leaves in t.gradient the sum over the batch, and returns that of the
// losses.
func (t *Trainer) sum(batch []int) (loss float64, err error) {
	var errs [pieces]error
	one := func(i int) {
		l := t.learners[i]
		clear(l.pass.Gradient())
		clear(l.dHead.values)
		t.losses[i] = 0
		for _, e := range batch[i*len(batch)/pieces : (i+1)*len(batch)/pieces] {
			loss, err := l.add(&t.examples[e])
			if err == nil && !(math.Abs(loss) <= math.MaxFloat64) {
				err = &ValueError{"loss", 0, loss}
			}
			if err != nil {
				errs[i] = &BatchError{t.batch, e, err}
				return
			}
			t.losses[i] += loss
		}
	}
	workers := t.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int32
	var wait sync.WaitGroup
	for range min(workers, pieces, len(batch)) - 1 {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < pieces; i = int(next.Add(1)) - 1 {
				one(i)
			}
		})
	}
	for i := int(next.Add(1)) - 1; i < pieces; i = int(next.Add(1)) - 1 {
		one(i)
	}
	wait.Wait()
	clear(t.gradient)
	for i, l := range t.learners {
		if errs[i] != nil {
			return 0, errs[i]
		}
		loss += t.losses[i]
		trunk := l.pass.Gradient()
		f64.AddScaled(t.gradient[:len(trunk)], trunk, 1)
		f64.AddScaled(t.gradient[len(trunk):], l.dHead.values, 1)
	}
	return loss, nil
}

// move takes one step of Adam along the mean gradient.
func (t *Trainer) move(scale float64) error {
	squares := 0.0
	for i, free := range t.free {
		if !free {
			t.gradient[i] = 0
		}
		t.gradient[i] *= scale
		squares += float64(t.gradient[i] * t.gradient[i])
	}
	if norm := math.Sqrt(squares); t.config.MaxNorm > 0 && norm > t.config.MaxNorm {
		for i := range t.gradient {
			t.gradient[i] = t.gradient[i] * (t.config.MaxNorm / norm)
		}
	}
	done := float64(t.batch) / float64(t.config.Epochs*t.perEpoch())
	rate := t.config.Rate + float64(done*(t.config.FinalRate-t.config.Rate))
	if err := t.adam.move(t.values, t.gradient, rate, t.config.WeightDecay, t.free, t.matrix); err != nil {
		return err
	}
	trunk := t.model.Trunk.Values()
	copy(trunk, t.values)
	copy(t.model.Head.Values(), t.values[len(trunk):])
	return t.thin(t.batch + 1)
}

// thin thresholds the matrices where that is due, done batches being done.
func (t *Trainer) thin(done int) error {
	before, now := t.phase(done-1), t.phase(done)
	begins := now == FixedSupport && before != now
	if !begins && !(now == Thresholding && (before != now || done%t.config.ThresholdEvery == 0)) {
		return nil
	}
	tensors := t.model.Trunk.Tensors()
	if err := hardThreshold(tensors, t.config.KeepW, t.config.KeepU); err != nil {
		return err
	}
	copy(t.values, t.model.Trunk.Values())
	if begins {
		at := 0
		for _, tensor := range tensors {
			if tensor.Kind == InputWeights || tensor.Kind == RecurrentWeights {
				for j, v := range tensor.Data {
					t.free[at+j] = t.free[at+j] && v != 0
				}
			}
			at += len(tensor.Data)
		}
	}
	return nil
}

// shuffled returns the order of the examples in an epoch, which depends on
// nothing but the seed and the epoch.
func (t *Trainer) shuffled(epoch int) []int {
	if t.orderEpoch == epoch {
		return t.order
	}
	if t.order == nil {
		t.order = make([]int, len(t.examples))
	}
	for i := range t.order {
		t.order[i] = i
	}
	source := splitmix64(t.config.Seed)
	source = splitmix64(source.next() + uint64(epoch))
	for i := len(t.order) - 1; i > 0; i-- { // Fisher and Yates
		j, _ := bits.Mul64(source.next(), uint64(i+1))
		t.order[i], t.order[j] = t.order[j], t.order[i]
	}
	t.orderEpoch = epoch
	return t.order
}
