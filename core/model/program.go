package model

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/plan"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the compiled programs of a model: one for each purpose and each size of batch, made when first needed.

type purpose string

const (
	predicting purpose = "predict"
	evaluating purpose = "evaluate"
	training   purpose = "train"
)

// program is a planned graph with what is fed to it and read from it.
type program struct {
	*plan.Program[float32]
	purpose purpose
	x, y, w [][]float32    // the memory of inputs, targets and sample weights; nil where nothing reads it
	scale   float32        // see Fit.Scale
	rate    []float32      // learning rate
	step    []float32      // iteration
	shapes  []tensor.Shape // of the outputs
	losses  int            // outputs 0 to losses-1 are losses, then come metrics; of a predicting program all are predictions
}

// batchShapes are the shapes of one batch.
type batchShapes struct {
	x, y    []tensor.Shape
	weights []tensor.Shape // nil: no sample weights
}

func (b batchShapes) key(p purpose) string {
	var s strings.Builder
	fmt.Fprint(&s, p, b.x, b.y, b.weights)
	return s.String()
}

func (m *Model) program(p purpose, b batchShapes) (*program, error) {
	key := b.key(p)
	if found := m.programs[key]; found != nil {
		return found, nil
	}
	if len(b.x) != len(m.inputs) {
		return nil, core.Errorf(core.ErrData, "inputs", "got %d arrays, want %d: %q", len(b.x), len(m.inputs), m.InputNames())
	}
	for i, t := range m.inputs {
		if !t.shape.Matches(b.x[i]) {
			return nil, core.Errorf(core.ErrShapeMismatch, fmt.Sprintf("input %q", m.InputNames()[i]), "got shape %v, want %v", b.x[i], t.shape)
		}
	}
	w := &writer{Graph: graph.New(), m: m, shared: core.NewShared()}
	if len(b.x) > 0 {
		w.ForBatch(b.x[0].Dim(0))
	}
	prog := &program{purpose: p, scale: 1}
	var err error
	if p == predicting {
		err = w.predict(b)
	} else {
		err = w.train(b, p == training)
		prog.losses = w.losses
	}
	if err == nil {
		err = core.In(m.Place(), core.ErrGraph, w.Err())
	}
	if err != nil {
		return nil, err
	}
	prog.Program, err = plan.Compile(w.Graph, plan.Options[float32]{
		Outputs: w.outputs, Variables: w.memory, Constant: p == predicting,
	})
	if err != nil {
		return nil, core.In(m.Place(), core.ErrGraph, err)
	}
	for _, v := range w.outputs {
		prog.shapes = append(prog.shapes, v.Shape())
	}
	for i := range b.x {
		prog.x = append(prog.x, prog.Input(inputName("x", i)))
	}
	for i := range b.y {
		prog.y = append(prog.y, prog.Input(inputName("y", i)))
	}
	for i := range b.weights {
		prog.w = append(prog.w, prog.Input(inputName("w", i)))
	}
	prog.rate, prog.step = prog.Input("learning_rate"), prog.Input("iteration")
	m.programs[key] = prog
	return prog, nil
}

func inputName(kind string, i int) string { return fmt.Sprintf("%s_%d", kind, i) }

// writer writes the graph of a program.
type writer struct {
	*graph.Graph
	m       *Model
	shared  *core.Shared
	owners  map[*graph.Variable]*core.Weight
	outputs []graph.Value
	losses  int
}

// memory is the memory of a variable: that of the weight which it is.
func (w *writer) memory(v *graph.Variable) []float32 {
	if w.owners == nil {
		w.owners = map[*graph.Variable]*core.Weight{}
		for _, x := range w.m.stateWeights() {
			w.owners[&x.Variable] = x
		}
	}
	if x := w.owners[v]; x != nil {
		return x.Data()
	}
	return nil
}

// stateWeights is everything that the model, its optimizer and its metrics keep.
func (m *Model) stateWeights() []*core.Weight {
	all := append(m.AllWeights(), core.LayerStates(m)...)
	if m.compiled != nil {
		all = append(all, core.OptimizerSlots(m.compiled.optimizer)...)
		for _, x := range m.compiled.metrics {
			all = append(all, x.Common().Weights()...)
		}
	}
	return all
}

func (w *writer) forward(b batchShapes, train bool) (core.Result, error) {
	in := make([]graph.Value, len(b.x))
	for i, s := range b.x {
		in[i] = w.Input(inputName("x", i), s)
	}
	return core.Apply(w.m, w.Graph, train, w.shared, in, nil, nil)
}

func (w *writer) predict(b batchShapes) error {
	r, err := w.forward(b, false)
	if err != nil {
		return err
	}
	w.outputs = r.Values
	w.shared.Assign(w.Graph) // states of stateful layers
	return nil
}

// train writes the loss and the metrics of one batch, and the step of the optimizer where the model learns.
func (w *writer) train(b batchShapes, learn bool) error {
	c := w.m.compiled
	r, err := w.forward(b, learn)
	if err != nil {
		return err
	}
	g := w.Graph
	weight := make([]graph.Value, len(r.Values))
	targets := make([]graph.Value, len(r.Values))
	next := 0
	var total graph.Value
	var logs []graph.Value
	add := func(v graph.Value) {
		if total.Valid() {
			v = g.Add(total, v)
		}
		total = v
	}
	for i, l := range c.losses {
		if l == nil {
			continue
		}
		targets[i] = w.Input(inputName("y", next), b.y[next])
		if b.weights != nil {
			at := min(next, len(b.weights)-1)
			weight[i] = w.Input(inputName("w", at), b.weights[at])
		}
		next++
		value := core.ComputeLoss(g, l.Loss, targets[i], r.Values[i], weight[i], r.Masks[i])
		if value.Rank() > 0 { // reduction "none": Keras takes the mean to log it
			value = g.Mean(value, nil, false)
		}
		if err := w.Err(); err != nil {
			return core.In(fmt.Sprintf("loss of output %q", w.m.OutputNames()[i]), core.ErrShapeMismatch, err)
		}
		logs = append(logs, value)
		if l.weight != 1 {
			value = g.Mul(value, g.Const(l.weight))
		}
		add(value)
	}
	for _, v := range w.shared.Losses {
		add(v)
	}
	for _, x := range w.m.TrainableWeights() {
		if x.Regularizer != nil {
			add(x.Regularizer.Penalty(g, g.Read(&x.Variable)))
		}
	}
	total = g.Guard(total)
	w.outputs = []graph.Value{total}
	if len(logs) > 1 {
		w.outputs = append(w.outputs, logs...)
	}
	w.losses = len(w.outputs)
	s := core.NewStates(g, w.shared)
	for _, x := range c.metrics {
		sample := graph.Value{}
		if x.weighted {
			sample = weight[x.output]
		}
		before := g.Scope(x.name)
		s.Mask = r.Masks[x.output]
		x.Update(s, targets[x.output], r.Values[x.output], sample)
		w.outputs = append(w.outputs, x.Result(s))
		g.Scope(before)
		if err := w.Err(); err != nil {
			return core.In(fmt.Sprintf("metric %q", x.name), core.ErrShapeMismatch, err)
		}
	}
	if learn {
		w.learn(total)
	}
	w.shared.Assign(g)
	return nil
}

// learn writes the step of the optimizer.
func (w *writer) learn(total graph.Value) {
	g, o := w.Graph, w.m.compiled.optimizer
	weights := w.m.TrainableWeights()
	states := core.NewStates(g, w.shared)
	total = core.ScaleLoss(o, states, total)
	wrt := make([]graph.Value, len(weights))
	for i, x := range weights {
		wrt[i] = g.Read(&x.Variable)
	}
	grads := g.Gradients([]graph.Value{total}, nil, wrt)
	core.ApplyGradients(o, &core.Step{
		States:       states,
		LearningRate: g.Input("learning_rate", tensor.Shape{}),
		Iteration:    g.Input("iteration", tensor.Shape{}),
		Weights:      weights,
	}, grads)
}

// feed converts rows of a data set into the memory of the program.
func (p *program) feed(d *dataset.Dataset, rows []int) error {
	for i, dst := range p.x {
		if dst == nil {
			continue
		}
		if err := dataset.Gather(dst, d.X[i], rows, p.scale); err != nil {
			return core.In(fmt.Sprintf("input %d", i), core.ErrData, err)
		}
	}
	for i, dst := range p.y {
		if dst == nil {
			continue
		}
		if err := dataset.Gather(dst, d.Y[i], rows, 1); err != nil {
			return core.In(fmt.Sprintf("target %d", i), core.ErrData, err)
		}
	}
	for i, dst := range p.w {
		if dst == nil {
			continue
		}
		if err := dataset.Gather(dst, d.W[i], rows, 1); err != nil {
			return core.In(fmt.Sprintf("sample weight %d", i), core.ErrData, err)
		}
	}
	return nil
}

// invalidate says that weights have changed since predicting programs ran.
func (m *Model) invalidate() {
	for _, p := range m.programs {
		if p.purpose == predicting {
			p.Invalidate()
		}
	}
}

// WeightsChanged must be called after weights were set other than by the model's own methods.
func (m *Model) WeightsChanged() { m.invalidate() }

// run runs a program for one batch.
func (m *Model) run(p *program, d *dataset.Dataset, rows []int, step uint64) error {
	if err := p.feed(d, rows); err != nil {
		return err
	}
	if p.purpose == training {
		o := m.compiled.optimizer.Common()
		if p.rate != nil {
			p.rate[0] = float32(o.LearningRate.At(o.Iterations))
		}
		if p.step != nil {
			p.step[0] = float32(o.Iterations)
		}
	}
	if err := p.Run(m.seed, step); err != nil {
		return wrongRun(err)
	}
	if p.purpose == training {
		m.compiled.optimizer.Common().Iterations++
	}
	return nil
}

// wrongRun puts what went wrong in a step as an error of gk.
func wrongRun(err error) error {
	var guard *plan.GuardError
	if errors.As(err, &guard) {
		e := &core.Error{Kind: core.ErrNaN, Where: "loss", Msg: guard.Error(), Hint: "a smaller learning rate, clipping (clipnorm) or scaled inputs may help"}
		if guard.Sources != nil {
			e.Hint = strings.Join(guard.Sources, "; ")
		}
		return e
	}
	var c *plan.ComputeError
	if errors.As(err, &c) {
		phase := "forward"
		if c.Backward {
			phase = "backward"
		}
		return core.In(fmt.Sprintf("layer %q: %s", c.Scope, phase), core.ErrPlugin, c.Err)
	}
	return core.In("", core.ErrData, err)
}
