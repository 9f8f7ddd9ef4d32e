package model

import (
	"context"
	"fmt"
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns training.

// Fit says how a model is trained: Keras' arguments of fit. The zero Fit is Keras' defaults, one epoch.
type Fit struct {
	BatchSize    int // 0: 32
	Epochs       int // 0: 1
	InitialEpoch int
	NoShuffle    bool
	// Validation is evaluated after each epoch. ValidationSplit keeps the last part of the data for that instead.
	Validation      *dataset.Dataset
	ValidationSplit float64
	// ClassWeight multiplies the weights of samples by their class.
	ClassWeight map[int]float64
	// Scale multiplies the inputs as they are fed: 1/255 for images of bytes. 0 is 1.
	Scale     float64
	Callbacks []core.Callback
	// AllowNaN goes on when the loss is no longer a number.
	AllowNaN bool
	// Save and SaveWeights are what Trainer.Save does; by default the package's Save.
	Save, SaveWeights func(m *Model, path string) error
	// Warn gets warnings; nil drops them.
	Warn func(message string)
}

// History is the logs of a training run.
type History struct {
	Names  []string             // loss, metrics, and those of the validation with "val_", in the order of the logs
	Epochs []int                // the epochs, counted from 0
	Values map[string][]float64 // for each name a value per epoch
	// Stopped says why training ended before the last epoch; "" if it did not.
	Stopped string
}

// Last is the last value of a name; NaN if there is none.
func (h *History) Last(name string) float64 {
	if v := h.Values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return math.NaN()
}

func (h *History) add(epoch int, logs core.Logs) {
	h.Epochs = append(h.Epochs, epoch)
	h.Names = append(h.Names[:0], logs.Names...)
	for i, n := range logs.Names {
		h.Values[n] = append(h.Values[n], logs.Values[i])
	}
}

// Fit trains the model on d. A cancelled ctx ends training after the current step; what was learned so far stays, and the error is
// ErrInterrupted. The history is returned in every case.
func (m *Model) Fit(ctx context.Context, d *dataset.Dataset, o Fit) (*History, error) {
	h := &History{Values: map[string][]float64{}}
	r := &trainer{m: m, options: o, history: h}
	if r.options.BatchSize == 0 {
		r.options.BatchSize = 32
	}
	if r.options.Epochs == 0 {
		r.options.Epochs = 1
	}
	if r.options.Scale == 0 {
		r.options.Scale = 1
	}
	err := r.prepare(d)
	if err == nil {
		err = r.run(ctx)
	}
	m.invalidate()
	return h, err
}

// trainer is a training run; it is what callbacks see.
type trainer struct {
	m          *Model
	options    Fit
	history    *History
	data       *dataset.Dataset
	validation *dataset.Dataset
	batches    *dataset.Batches
	full, last *program // for whole batches and for the smaller last one
	logs       core.Logs
	sums       []float64 // of losses, weighted by batch size
	seen       float64
	stop       string
}

func (r *trainer) prepare(d *dataset.Dataset) error {
	m, o := r.m, r.options
	if len(d.Y) == 0 {
		return core.Errorf(core.ErrData, "targets", "the data has none, training needs them")
	}
	if err := d.Validate(); err != nil {
		return core.In("data", core.ErrData, err)
	}
	if o.ValidationSplit > 0 && o.Validation == nil {
		var err error
		if d, o.Validation, err = d.SplitLast(o.ValidationSplit); err != nil {
			return core.In("validation split", core.ErrData, err)
		}
	}
	var err error
	if r.data, err = m.fitting(d); err != nil {
		return err
	}
	if o.ClassWeight != nil {
		if err := r.weighClasses(); err != nil {
			return err
		}
	}
	if o.Validation != nil {
		if r.validation, err = m.fitting(o.Validation); err != nil {
			return core.In("validation data", core.ErrData, err)
		}
	}
	if r.batches, err = dataset.NewBatches(r.data.Len(), o.BatchSize, !o.NoShuffle, m.seed); err != nil {
		return core.In("", core.ErrData, err)
	}
	n := r.data.Len()
	if r.full, err = m.trainingProgram(training, r.data, min(o.BatchSize, n)); err != nil {
		return err
	}
	r.last = r.full
	if rest := n % o.BatchSize; rest != 0 && n > o.BatchSize {
		if r.last, err = m.trainingProgram(training, r.data, rest); err != nil {
			return err
		}
	}
	r.full.scale, r.last.scale = float32(o.Scale), float32(o.Scale)
	r.full.Guards(!o.AllowNaN)
	r.last.Guards(!o.AllowNaN)
	names := m.compiled.names
	r.logs = core.Logs{Names: names, Values: make([]float64, len(names))}
	r.sums = make([]float64, r.full.losses)
	return nil
}

// trainingProgram is the program for batches of n samples of d.
func (m *Model) trainingProgram(p purpose, d *dataset.Dataset, n int) (*program, error) {
	return m.program(p, shapesOf(d, n))
}

func shapesOf(d *dataset.Dataset, n int) batchShapes {
	shapes := func(ts []*tensor.Tensor) []tensor.Shape {
		var out []tensor.Shape
		for _, t := range ts {
			out = append(out, t.Shape().With(0, n))
		}
		return out
	}
	return batchShapes{shapes(d.X), shapes(d.Y), shapes(d.W)}
}

// fitting is d in the shapes that the model wants: the model is built for them if it has not been, and losses and metrics are made.
func (m *Model) fitting(d *dataset.Dataset) (*dataset.Dataset, error) {
	c := *d
	var err error
	if c.X, err = m.fitInputs(d.X); err != nil {
		return nil, err
	}
	if len(c.Y) > 0 {
		targets := make([]tensor.Shape, len(c.Y))
		for i, y := range c.Y {
			targets[i] = y.Shape().With(0, tensor.Unknown)
		}
		if err := m.prepare(targets); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// fitInputs gives inputs the shapes that the model wants, and the model values of its weights.
func (m *Model) fitInputs(x []*tensor.Tensor) ([]*tensor.Tensor, error) {
	if !m.Built() {
		shapes := make([]tensor.Shape, len(x))
		for i, t := range x {
			if len(t.Shape()) == 0 {
				return nil, core.Errorf(core.ErrData, fmt.Sprintf("input %d", i), "got a scalar, want samples along a first axis")
			}
			shapes[i] = t.Shape().With(0, tensor.Unknown)
		}
		if err := m.BuildFor(shapes...); err != nil {
			return nil, err
		}
	}
	if len(x) != len(m.inputs) {
		return nil, core.Errorf(core.ErrData, "inputs", "got %d arrays, want %d: %q", len(x), len(m.inputs), m.InputNames())
	}
	out := make([]*tensor.Tensor, len(x))
	for i, t := range x {
		var err error
		if out[i], err = dataset.Fit(t, m.inputs[i].shape); err != nil {
			return nil, core.In(fmt.Sprintf("input %q", m.InputNames()[i]), core.ErrShapeMismatch, err)
		}
	}
	m.Initialize()
	return out, nil
}

// Initialize gives first values to the weights that have none, from the model's seed.
func (m *Model) Initialize() {
	r := kernel.NewRand(m.seed)
	for _, w := range m.AllWeights() {
		if !w.Ready() {
			w.Initialize(r)
		}
	}
}

// weighClasses turns class weights into sample weights.
func (r *trainer) weighClasses() error {
	if len(r.data.Y) != 1 {
		return core.Errorf(core.ErrUsage, "class_weight", "is for models with one output, this one has %d", len(r.data.Y))
	}
	y := r.data.Y[0]
	n, classes := y.Shape()[0], 1
	if len(y.Shape()) > 1 {
		classes = y.Shape()[1:].Size()
	}
	values := y.Float64s()
	weights := make([]float32, n)
	for i := range n {
		class := 0
		row := values[i*classes : (i+1)*classes]
		if classes == 1 {
			class = int(row[0])
		}
		for j, v := range row {
			if classes > 1 && v > row[class] {
				class = j
			}
		}
		weights[i] = 1
		if w, ok := r.options.ClassWeight[class]; ok {
			weights[i] = float32(w)
		}
	}
	if len(r.data.W) > 0 {
		for i, w := range r.data.W[0].Float64s() {
			weights[i] *= float32(w)
		}
	}
	r.data.W = []*tensor.Tensor{tensor.From(weights)}
	return nil
}

func (r *trainer) run(ctx context.Context) error {
	for _, c := range r.options.Callbacks {
		if err := c.OnTrainBegin(r); err != nil {
			return err
		}
	}
	var last core.Logs
	var err error
	for epoch := r.options.InitialEpoch; epoch < r.options.Epochs && r.stop == "" && err == nil; epoch++ {
		last, err = r.epoch(ctx, epoch)
	}
	r.history.Stopped = r.stop
	core.FinalizeEMA(r.m.compiled.optimizer, r.m.TrainableWeights())
	for _, c := range r.options.Callbacks {
		if e := c.OnTrainEnd(r, last); err == nil {
			err = e
		}
	}
	return err
}

func (r *trainer) epoch(ctx context.Context, epoch int) (core.Logs, error) {
	m := r.m
	for _, c := range r.options.Callbacks {
		if err := c.OnEpochBegin(r, epoch); err != nil {
			return r.logs, err
		}
	}
	m.ResetMetrics()
	clear(r.sums)
	r.seen = 0
	for step, rows := range r.batches.Epoch(epoch) {
		for _, c := range r.options.Callbacks {
			if err := c.OnBatchBegin(r, step); err != nil {
				return r.logs, err
			}
		}
		if err := r.step(rows); err != nil {
			return r.logs, core.In(fmt.Sprintf("epoch %d, batch %d", epoch+1, step+1), core.ErrData, err)
		}
		for _, c := range r.options.Callbacks {
			if err := c.OnBatchEnd(r, step, r.logs); err != nil {
				return r.logs, err
			}
		}
		if ctx.Err() != nil {
			r.stop = "interrupted"
			return r.logs, &core.Error{Kind: core.ErrInterrupted, Where: fmt.Sprintf("epoch %d, batch %d of %d", epoch+1, step+1, r.batches.Len()),
				Msg: "interrupted"}
		}
		if r.stop != "" {
			break
		}
	}
	logs := core.Logs{Names: append([]string{}, r.logs.Names...), Values: append([]float64{}, r.logs.Values...)}
	if r.validation != nil {
		val, err := m.evaluate(ctx, r.validation, r.options.BatchSize, r.options.Scale)
		if err != nil {
			return logs, core.In("validation", core.ErrData, err)
		}
		for i, n := range val.Names {
			logs.Names, logs.Values = append(logs.Names, "val_"+n), append(logs.Values, val.Values[i])
		}
	}
	r.history.add(epoch, logs)
	for _, c := range r.options.Callbacks {
		if err := c.OnEpochEnd(r, epoch, logs); err != nil {
			return logs, err
		}
	}
	return logs, nil
}

// step takes one step and brings the logs up to date. It allocates nothing.
func (r *trainer) step(rows []int) error {
	p := r.full
	if len(rows) != r.options.BatchSize && r.last != nil {
		p = r.last
	}
	if err := r.m.run(p, r.data, rows, uint64(r.m.compiled.optimizer.Common().Iterations)); err != nil {
		return err
	}
	r.m.tally(p, len(rows), r.sums, &r.seen, r.logs.Values)
	return nil
}

// tally adds the losses of a batch to sums and writes means and metrics to logs.
func (m *Model) tally(p *program, n int, sums []float64, seen *float64, logs []float64) {
	*seen += float64(n)
	for i := range sums {
		sums[i] += float64(p.Output(i)[0]) * float64(n)
		logs[i] = sums[i] / *seen
	}
	for i := len(sums); i < len(logs); i++ {
		logs[i] = float64(p.Output(i)[0])
	}
}

// The methods of core.Trainer.

func (r *trainer) Epochs() int             { return r.options.Epochs }
func (r *trainer) BatchesPerEpoch() int    { return r.batches.Len() }
func (r *trainer) Iterations() int64       { return r.m.compiled.optimizer.Common().Iterations }
func (r *trainer) Stop(reason string)      { r.stop = reason }
func (r *trainer) Weights() []*core.Weight { return r.m.AllWeights() }

func (r *trainer) LearningRate() float64 {
	o := r.m.compiled.optimizer.Common()
	return o.LearningRate.At(o.Iterations)
}

func (r *trainer) SetLearningRate(lr float64) error {
	o := r.m.compiled.optimizer.Common()
	if o.LearningRate.Schedule != nil {
		return core.Errorf(core.ErrUsage, "learning rate", "follows a schedule and cannot be set")
	}
	o.LearningRate.Value = lr
	return nil
}

func (r *trainer) Save(path string) error {
	if r.options.Save == nil {
		return r.m.Save(path)
	}
	return r.options.Save(r.m, path)
}

func (r *trainer) SaveWeights(path string) error {
	if r.options.SaveWeights == nil {
		return r.m.SaveWeights(path)
	}
	return r.options.SaveWeights(r.m, path)
}

func (r *trainer) Warn(format string, args ...any) {
	if r.options.Warn != nil {
		r.options.Warn(fmt.Sprintf(format, args...))
	}
}
