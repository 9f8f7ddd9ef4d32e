package coretest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what is checked of a layer.

// Layers checks every case as a subtest, and that every layer of the registry that Keras 3 has (see registry.LegacyModule) has a case.
func Layers(t *testing.T, r *registry.Registry, cases []Case) {
	seen := map[string]bool{}
	for _, c := range cases {
		if e := r.Layers.Lookup(fmt.Sprint(c.Row["class_name"])); e != nil {
			seen[e.FullName()] = true
		}
		t.Run(c.Name, func(t *testing.T) {
			if err := Layer(r, c); err != nil {
				t.Error(err)
			}
		})
	}
	for _, name := range r.Layers.Names() {
		l, err := r.Layers.New(name)
		if err != nil {
			t.Error(err)
		}
		if _, ok := l.(interface{ InputShape() tensor.Shape }); ok {
			continue // an input computes nothing; the cases of models have it
		}
		if _, ok := l.(interface{ Layers() []core.Layer }); ok {
			continue // a model, if the test imports those
		}
		if r.Layers.Lookup(name).Module == registry.LegacyModule {
			continue
		}
		if !seen[name] && !strings.HasPrefix(name, registry.OperationName("")) {
			t.Errorf("layer %q has no case: add a row to testdata/cases/layers.jsonl and run testdata/keras/gen.py", name)
		}
	}
}

// Layer returns every violation of a case, joined: output shapes, weights, values with and without training, masks, gradients against
// Keras and against finite differences, updated state, config round trips, and that plan, kernels and number of threads do not matter.
func Layer(r *registry.Registry, c Case) error {
	run, err := newLayerRun(r, c)
	if err != nil {
		return err
	}
	errs := []error{run.config(), run.shapes(), run.weights()}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	errs = append(errs, run.inference())
	if c.Row["train"] != false {
		errs = append(errs, run.training())
	}
	return errors.Join(append(errs, run.modes())...)
}

type layerRun struct {
	Case
	r     *registry.Registry
	layer core.Layer
	tol   float64
	train []*core.Weight // all weights, in the order of files
	count int            // how many of them are trained
}

func newLayerRun(r *registry.Registry, c Case) (*layerRun, error) {
	run := &layerRun{Case: c, r: r, tol: c.Number("tol", 1e-5)}
	var err error
	if run.layer, err = r.Decoder(registry.Origin{}).Layer(c.Row); err != nil {
		return nil, err
	}
	if err := core.Build(run.layer, callInputs(run, run.inputShapes())); err != nil {
		return nil, err
	}
	trained, fixed := core.Weights(run.layer)
	run.train, run.count = append(trained, fixed...), len(trained)
	return run, nil
}

// inputShapes are those of the inputs, the batch unknown. Initial states are further inputs.
func (r *layerRun) inputShapes() []tensor.Shape {
	var shapes []tensor.Shape
	for _, x := range r.List("in_") {
		shapes = append(shapes, x.Shape().With(0, tensor.Unknown))
	}
	return shapes
}

// callInputs are those of a list, one for each array of the row, that are inputs of the layer and not further arguments of its call. They
// come first.
func callInputs[T any](r *layerRun, all []T) []T {
	l, ok := r.layer.(core.SideBySide)
	given := r.Arguments()
	if len(given) == 0 {
		return all
	}
	if !ok {
		return all[:1]
	}
	names, inputs := l.CallArguments()
	for i, name := range given {
		if !slices.Contains(names[:inputs], name) {
			return all[:i]
		}
	}
	return all
}

// states says how many of the last inputs are states, and which argument of the call takes them: the initial state of a recurrent layer,
// or the states of a cell.
func (r *layerRun) states() (name string, count int) {
	for _, name := range []string{"initial_state", "states"} {
		if n := int(r.Number(name, 0)); n > 0 {
			return name, n
		}
	}
	return "", 0
}

func (r *layerRun) config() error {
	want, _ := r.Meta["config"].(map[string]any)
	d := r.r.Decoder(registry.Origin{KerasVersion: "3.15.1"})
	var errs []error
	if l, err := d.Layer(r.Meta["config"]); err != nil {
		errs = append(errs, fmt.Errorf("reading the config that Keras wrote: %w", err))
	} else if back, err := r.encode(l, core.Keras3); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, SameConfig("config of Keras read back", back["config"], want["config"]))
	}
	for _, dialect := range []core.Dialect{core.Keras3, core.Legacy} {
		name := []string{"config", "legacy config"}[dialect]
		got, err := r.encode(r.layer, dialect)
		if err != nil {
			return err
		}
		if dialect == core.Keras3 {
			errs = append(errs, SameConfig(name, got["config"], want["config"]))
		}
		again, err := d.Layer(got)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: reading back what was written: %w", name, err))
			continue
		}
		back, err := r.encode(again, core.Keras3)
		errs = append(errs, err)
		first, _ := r.encode(r.layer, core.Keras3)
		errs = append(errs, SameConfig(name+" read back", back["config"], first["config"]))
	}
	return errors.Join(errs...)
}

func (r *layerRun) encode(l core.Layer, d core.Dialect) (map[string]any, error) {
	o, err := r.r.Encoder(d).Layer(l)
	if err != nil {
		return nil, err
	}
	return o, ThroughJSON(&o)
}

// ThroughJSON writes v as JSON and reads it back.
func ThroughJSON[T any](v *T) error {
	text, err := json.Marshal(*v)
	if err != nil {
		return err
	}
	var out T
	if err := json.Unmarshal(text, &out); err != nil {
		return err
	}
	*v = out
	return nil
}

// SameConfig reports the keys in which two configs differ; null is the same as missing, and names may differ.
func SameConfig(what string, got, want any) error {
	g, gok := got.(map[string]any)
	w, wok := want.(map[string]any)
	if !gok || !wok {
		if list, ok := got.([]any); ok {
			if wanted, ok := want.([]any); ok && len(list) == len(wanted) {
				var errs []error
				for i := range list {
					errs = append(errs, SameConfig(fmt.Sprintf("%s[%d]", what, i), list[i], wanted[i]))
				}
				return errors.Join(errs...)
			}
		}
		if x, ok := got.(float64); ok {
			if y, ok := want.(float64); ok && math.Abs(x-y) <= 1e-7*math.Abs(y) {
				return nil
			}
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Errorf("%s: got %v, want %v", what, got, want)
		}
		return nil
	}
	keys := maps.Clone(g)
	maps.Copy(keys, w)
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if k == "training" && w[k] == false { // recorded by Keras at every call of some layers, never read
			continue
		}
		if k != "name" && k != "build_config" && k != "compile_config" && k != "shared_object_id" && (g[k] != nil || w[k] != nil) {
			errs = append(errs, SameConfig(what+"."+k, g[k], w[k]))
		}
	}
	return errors.Join(errs...)
}

func (r *layerRun) shapes() error {
	shapes := r.inputShapes()
	if _, states := r.states(); states > 0 || r.Row["kwargs"] != nil {
		return nil // shapes are checked by the values
	}
	got, err := core.OutputShapes(r.layer, callInputs(r, shapes))
	if err != nil {
		return fmt.Errorf("output shapes: %w", err)
	}
	want, _ := r.Meta["output_shapes"].([]any)
	if len(got) != len(want) {
		return fmt.Errorf("got %d outputs, want %d", len(got), len(want))
	}
	var errs []error
	for i, w := range want {
		shape := tensor.Shape{}
		for _, d := range w.([]any) {
			if n, ok := d.(float64); ok {
				shape = append(shape, int(n))
			} else {
				shape = append(shape, tensor.Unknown)
			}
		}
		if !shape.Matches(got[i]) { // gk may know a size that Keras leaves open
			errs = append(errs, fmt.Errorf("output %d: got shape %v, want %v", i, got[i], shape))
		}
	}
	return errors.Join(errs...)
}

func (r *layerRun) weights() error {
	want, _ := r.Meta["weights"].([]any)
	if len(want) != len(r.train) {
		return fmt.Errorf("got %d weights, want %d", len(r.train), len(want))
	}
	var errs []error
	for i, w := range want {
		m := w.(map[string]any)
		got := r.train[i]
		if a, b := path.Base(got.Name), path.Base(fmt.Sprint(m["path"])); a != b {
			errs = append(errs, fmt.Errorf("weight %d: got name %q, want %q", i, a, b))
		}
		if a := fmt.Sprint(registry.ShapeConfig(got.Shape)); a != fmt.Sprint(m["shape"]) {
			errs = append(errs, fmt.Errorf("weight %q: got shape %v, want %v", got.Name, a, m["shape"]))
		}
		if trained := i < r.count; trained != m["trainable"].(bool) {
			errs = append(errs, fmt.Errorf("weight %q: got trainable %v, want %v", got.Name, trained, m["trainable"]))
		}
	}
	return errors.Join(errs...)
}

// layerGraph is the graph of one call.
type layerGraph struct {
	*graph.Graph
	inputs []graph.Value
	feeds  map[string]*tensor.Tensor
	out    core.Result
	shared *core.Shared
}

func (r *layerRun) graph(training bool) (*layerGraph, error) {
	g := &layerGraph{Graph: graph.New(), feeds: map[string]*tensor.Tensor{}, shared: core.NewShared()}
	var masks []graph.Value
	for i, x := range r.List("in_") {
		name := fmt.Sprint("in_", i)
		g.feeds[name] = x
		g.inputs = append(g.inputs, g.Input(name, x.Shape()))
		m := graph.Value{}
		if mask := r.Golden[fmt.Sprint("mask_", i)]; mask != nil {
			name := fmt.Sprint("mask_", i)
			g.feeds[name] = mask
			m = g.Input(name, mask.Shape())
		}
		masks = append(masks, m)
	}
	in, args := g.inputs, map[string]any{}
	if given := r.Arguments(); len(given) > 0 {
		in = callInputs(r, g.inputs)
		masks = masks[:len(in)]
		for i, name := range given[len(in):] {
			args[name] = g.inputs[len(in)+i]
		}
	}
	if more, ok := r.Row["kwargs"].(map[string]any); ok {
		maps.Copy(args, more)
	}
	if name, states := r.states(); states > 0 {
		args[name] = in[len(in)-states:]
		in, masks = in[:len(in)-states], masks[:len(in)-states]
	}
	var err error
	g.out, err = core.Apply(r.layer, g.Graph, training, g.shared, in, masks, args)
	return g, err
}

func memory[T tensor.Float](r *layerRun) Memory[T] {
	m := Memory[T]{}
	for i, w := range r.train {
		m[&w.Variable] = make([]T, w.Shape.Size())
		tensor.CopyTo(m[&w.Variable], r.Golden[fmt.Sprint("w_", i)], 0)
	}
	return m
}

func (r *layerRun) inference() error {
	g, err := r.graph(false)
	if err != nil {
		return err
	}
	outs := slices.Clone(g.out.Values)
	names := []string{}
	for i := range outs {
		names = append(names, fmt.Sprint("out_", i))
	}
	var errs []error
	for i, m := range g.out.Masks {
		name := fmt.Sprint("mask_out_", i)
		if want := r.Golden[name]; (want != nil) != m.Valid() {
			errs = append(errs, fmt.Errorf("output %d: got a mask: %v, want one: %v", i, m.Valid(), want != nil))
		} else if want != nil {
			outs, names = append(outs, m), append(names, name)
		}
	}
	got, err := Eval(g.Graph, outs, g.feeds, memory[float64](r), Mode{})
	if err != nil {
		return fmt.Errorf("inference: %w", err)
	}
	for i, name := range names {
		errs = append(errs, Near(name, got[i], r.Golden[name], r.tol))
	}
	return errors.Join(errs...)
}

func (r *layerRun) training() error {
	g, err := r.graph(true)
	if err != nil {
		return err
	}
	var wrt, seeds []graph.Value
	var names []string
	for i, x := range g.inputs {
		if r.Golden[fmt.Sprint("dx_", i)] != nil {
			wrt, names = append(wrt, x), append(names, fmt.Sprint("dx_", i))
		}
	}
	for i, w := range r.train[:r.count] {
		wrt, names = append(wrt, g.Read(&w.Variable)), append(names, fmt.Sprint("dw_", i))
	}
	for i := range g.out.Values {
		name := fmt.Sprint("dy_", i)
		g.feeds[name] = r.Golden[name]
		seeds = append(seeds, g.Input(name, r.Golden[name].Shape()))
	}
	// The scalar whose gradient is taken, for finite differences.
	total := g.Const(0)
	for i, y := range g.out.Values {
		total = g.Add(total, g.Sum(g.Mul(y, seeds[i]), nil, false))
	}
	outs := slices.Clone(g.out.Values)
	for _, w := range r.train[r.count:] {
		outs = append(outs, core.NewStates(g.Graph, g.shared).Get(w))
	}
	if want := r.Golden["losses"]; want != nil {
		losses := slices.Clone(g.shared.Losses)
		for _, w := range r.train[:r.count] {
			if w.Regularizer != nil {
				losses = append(losses, w.Regularizer.Penalty(g.Graph, g.Read(&w.Variable)))
			}
		}
		if len(losses) != want.Size() {
			return fmt.Errorf("got %d losses, want %d", len(losses), want.Size())
		}
		outs = append(outs, losses...)
	}
	before := len(outs)
	for i, d := range g.Gradients(g.out.Values, seeds, wrt) {
		if !d.Valid() {
			d = g.Full(0, wrt[i].Shape())
		}
		outs = append(outs, d)
	}
	outs = append(outs, total)
	got, err := Eval(g.Graph, outs, g.feeds, memory[float64](r), Mode{})
	if err != nil {
		return fmt.Errorf("training: %w", err)
	}
	var errs []error
	n := len(g.out.Values)
	for i := range g.out.Values {
		errs = append(errs, Near(fmt.Sprint("train_", i), got[i], r.Golden[fmt.Sprint("train_", i)], r.tol))
	}
	for i := range r.train[r.count:] {
		errs = append(errs, Near(fmt.Sprint("after_", i), got[n+i], r.Golden[fmt.Sprint("after_", i)], r.tol))
	}
	if want := r.Golden["losses"]; want != nil {
		// Their order says nothing.
		losses := []float64{}
		for i := range want.Size() {
			losses = append(losses, got[n+len(r.train)-r.count+i].Float64s()[0])
		}
		wanted := slices.Sorted(slices.Values(want.Float64s()))
		slices.Sort(losses)
		errs = append(errs, Near("losses", tensor.From(losses, len(losses)), tensor.From(wanted, len(wanted)), r.tol))
	}
	grads := got[before : len(got)-1]
	for i, name := range names {
		errs = append(errs, Near(name, grads[i], r.Golden[name], r.tol))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if r.Row["finite_differences"] == false { // gradients are stopped on purpose, or the function jumps
		return nil
	}
	return r.finiteDifferences(g, total, wrt, grads)
}

// finiteDifferences moves all inputs and weights along a random direction and compares the change of the total with the gradient.
func (r *layerRun) finiteDifferences(g *layerGraph, total graph.Value, wrt []graph.Value, grads []*tensor.Tensor) error {
	base := memory[float64](r)
	feeds := map[string]*tensor.Tensor{}
	for name, x := range g.feeds {
		feeds[name] = tensor.From(slices.Clone(x.Float64s()), x.Shape()...)
	}
	rng := kernel.NewRand(7)
	var slope, size float64
	var move []func(h float64)
	for i, v := range wrt {
		var data []float64
		switch a := v.Node().Attr.(type) {
		case graph.InputAttr:
			data = tensor.Data[float64](feeds[a.Name])
		case graph.VariableAttr:
			data = base[a.Var]
		}
		start, d := slices.Clone(data), make([]float64, len(data))
		for j := range d {
			d[j] = rng.NormFloat64()
			slope += d[j] * grads[i].Float64s()[j]
			size += math.Abs(d[j] * grads[i].Float64s()[j])
		}
		move = append(move, func(h float64) {
			for j := range d {
				data[j] = start[j] + h*d[j]
			}
		})
	}
	if len(wrt) == 0 {
		return nil
	}
	at := func(h float64) (float64, error) {
		for _, m := range move {
			m(h)
		}
		out, err := Eval(g.Graph, []graph.Value{total}, feeds, maps.Clone(base), Mode{})
		if err != nil {
			return 0, err
		}
		return out[0].Float64s()[0], nil
	}
	best := math.Inf(1)
	var found float64
	// A kink between two of the points spoils one step size, not all.
	for _, h := range []float64{1e-3, 1e-4, 1e-5} {
		var f [4]float64
		for i, k := range []float64{-2, -1, 1, 2} {
			var err error
			if f[i], err = at(k * h); err != nil {
				return fmt.Errorf("finite differences: %w", err)
			}
		}
		numeric := (f[0] - 8*f[1] + 8*f[2] - f[3]) / (12 * h)
		if e := math.Abs(numeric-slope) / max(size, 1e-3); e < best {
			best, found = e, numeric
		}
	}
	if !(best < 1e-6) {
		return fmt.Errorf("finite differences: gradient says %v, differences say %v (relative error %.3g, allowed 1e-6)", slope, found, best)
	}
	return nil
}

// modes checks that float32 gives the same with and without plan, assembly and threads.
func (r *layerRun) modes() error {
	g, err := r.graph(true)
	if err != nil {
		return err
	}
	outs := slices.Clone(g.out.Values)
	var wrt []graph.Value
	for _, w := range r.train[:r.count] {
		wrt = append(wrt, g.Read(&w.Variable))
	}
	for _, d := range g.Gradients(g.out.Values, nil, wrt) {
		if d.Valid() {
			outs = append(outs, d)
		}
	}
	eval := func(m Mode) ([]*tensor.Tensor, error) { return Eval(g.Graph, outs, g.feeds, memory[float32](r), m) }
	want, err := eval(Mode{Threads: 1})
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range []struct {
		name string
		Mode
		tol float64
	}{{"three threads", Mode{Threads: 3}, 0}, {"without a plan", Mode{Plain: true, Threads: 1}, 1e-5}, {"Go kernels", Mode{Reference: true, Threads: 1}, 1e-5}} {
		got, err := eval(m.Mode)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
			continue
		}
		for i := range want {
			errs = append(errs, Near(fmt.Sprintf("%s: output %d", m.name, i), got[i], want[i], m.tol))
		}
	}
	return errors.Join(errs...)
}
