package model

import (
	"fmt"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/losses"
	"github.com/gokeras/gk/core/metrics"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what a model is trained with.

// Compile says how a model is trained: Keras' arguments of compile. Values are names ("adam"), serialised objects, or objects.
type Compile struct {
	Optimizer any // default "rmsprop"
	// Loss is one loss for all outputs, a list with one for each output, or a map by output name. An output whose loss is nil is
	// not trained.
	Loss any
	// LossWeights multiply the losses of the outputs: a list, a map by output name, or nil.
	LossWeights any
	// Metrics is a list for all outputs where there is one; with several, a list of lists or a map by output name. WeightedMetrics
	// likewise, for metrics that take sample weights into account.
	Metrics, WeightedMetrics any
}

// compiled is a model's Compile with everything made.
type compiled struct {
	options   Compile
	optimizer core.Optimizer
	losses    []*outputLoss // per output; nil: none
	metrics   []*outputMetric
	names     []string // of the logs; nil until losses and metrics are made, which takes the shapes of the targets
}

type outputLoss struct {
	core.Loss
	identifier any
	weight     float64
	name       string
}

type outputMetric struct {
	core.Metric
	output   int
	weighted bool
	name     string // in logs
}

// Compile makes the optimizer, the losses and the metrics. It forgets what the model was compiled with before.
func (m *Model) Compile(o Compile) error {
	if o.Optimizer == nil {
		o.Optimizer = "rmsprop"
	}
	d := m.decoder()
	opt, err := d.Optimizer(o.Optimizer)
	if err != nil {
		return core.In("compile: optimizer", core.ErrLayerConfig, err)
	}
	if opt.Common().Name == "" {
		opt.Common().Name = registry.SnakeCase(m.registry.Optimizers.NameOf(opt))
	}
	if err := knownLosses(d, list(o.Loss)); err != nil {
		return core.In("compile: loss", core.ErrLayerConfig, err)
	}
	m.compiled = &compiled{options: o, optimizer: opt}
	m.programs = map[string]*program{}
	return nil
}

// knownLosses reports a name in the loss argument that is none. Which loss some names mean is decided when shapes are known.
func knownLosses(d *registry.Decoder, v any) error {
	switch v := v.(type) {
	case string:
		if d.Losses.Lookup(v) == nil && !losses.ByShapes(v) {
			return d.Losses.Unknown(v)
		}
	case []any:
		for _, x := range v {
			if err := knownLosses(d, x); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Model) decoder() *registry.Decoder {
	return m.registry.Decoder(registry.Origin{KerasVersion: m.origin.KerasVersion, Backend: m.origin.Backend})
}

// Compiled reports whether the model has been compiled.
func (m *Model) Compiled() bool { return m.compiled != nil }

// CompileOptions is what the model was compiled with, and whether it was.
func (m *Model) CompileOptions() (Compile, bool) {
	if m.compiled == nil {
		return Compile{}, false
	}
	return m.compiled.options, true
}

// Optimizer is the optimizer of a compiled model, or nil.
func (m *Model) Optimizer() core.Optimizer {
	if m.compiled == nil {
		return nil
	}
	return m.compiled.optimizer
}

// perOutput splits an argument of compile by outputs. with says whether a plain list goes to every output rather than item by item.
func (m *Model) perOutput(what string, v any, listIsOne bool) ([]any, error) {
	n := len(m.outputs)
	out := make([]any, n)
	switch v := v.(type) {
	case nil:
		return out, nil
	case map[string]any:
		if _, isObject := v["class_name"]; isObject {
			break
		}
		names := m.OutputNames()
		for key, x := range v {
			i := slices.Index(names, key)
			if i < 0 {
				err := core.Errorf(core.ErrLayerConfig, "compile: "+what, "no output is named %q, outputs are %q", key, names)
				err.Hint = registry.DidYouMean(key, names)
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	case []any:
		if listIsOne && n == 1 {
			if len(v) == 1 {
				if inner, ok := v[0].([]any); ok { // [["accuracy"]]
					v = inner
				}
			}
			out[0] = v
			return out, nil
		}
		if len(v) != n {
			return nil, core.Errorf(core.ErrLayerConfig, "compile: "+what, "got %d, want one for each of %d outputs", len(v), n)
		}
		copy(out, v)
		return out, nil
	}
	if listIsOne && n > 1 {
		return nil, core.Errorf(core.ErrLayerConfig, "compile: "+what, "got %v, want a list with a list for each of %d outputs", v, n)
	}
	for i := range out {
		out[i] = v
	}
	return out, nil
}

// list turns the lists that Go code has into []any.
func list(v any) any {
	switch v := v.(type) {
	case []string:
		return listOf(v)
	case []float64:
		return listOf(v)
	case [][]string:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = listOf(x)
		}
		return out
	case []core.Loss:
		return listOf(v)
	case []core.Metric:
		return listOf(v)
	}
	return v
}

func listOf[T any](v []T) []any {
	out := make([]any, len(v))
	for i, x := range v {
		out[i] = x
	}
	return out
}

// prepare makes losses and metrics once the shapes of the targets are known, with the batch Unknown.
func (m *Model) prepare(targets []tensor.Shape) error {
	c := m.compiled
	if c == nil {
		return core.Errorf(core.ErrUsage, m.Place(), "is not compiled, so it cannot be trained or evaluated")
	}
	if c.names != nil {
		return nil
	}
	wanted, err := m.perOutput("loss", list(c.options.Loss), false)
	if err != nil {
		return err
	}
	weights, err := m.perOutput("loss_weights", list(c.options.LossWeights), false)
	if err != nil {
		return err
	}
	d := m.decoder()
	names := m.OutputNames()
	trained := 0
	c.losses = make([]*outputLoss, len(wanted))
	for i, v := range wanted {
		if v == nil {
			continue
		}
		var target tensor.Shape
		if trained < len(targets) {
			target = targets[trained]
		}
		l, err := losses.Resolve(d, v, target, m.outputs[i].shape)
		if err != nil {
			return core.In("compile: loss", core.ErrLayerConfig, err)
		}
		w := 1.0
		switch n := weights[i].(type) {
		case nil:
		case float64:
			w = n
		case int:
			w = float64(n)
		default:
			return core.Errorf(core.ErrLayerConfig, "compile: loss_weights", "got %v, want numbers", n)
		}
		c.losses[i] = &outputLoss{Loss: l, identifier: v, weight: w, name: names[i] + "_loss"}
		trained++
	}
	if trained == 0 {
		return core.Errorf(core.ErrUsage, "compile: loss", "none is given, so there is nothing to train")
	}
	if trained != len(targets) {
		return core.Errorf(core.ErrData, "targets", "got %d arrays, want one for each of %d outputs with a loss", len(targets), trained)
	}
	logs := []string{"loss"}
	if trained > 1 {
		for _, l := range c.losses {
			if l != nil {
				logs = append(logs, l.name)
			}
		}
	}
	for _, set := range []struct {
		what     string
		v        any
		weighted bool
	}{{"metrics", c.options.Metrics, false}, {"weighted_metrics", c.options.WeightedMetrics, true}} {
		each, err := m.perOutput(set.what, list(set.v), true)
		if err != nil {
			return err
		}
		target := -1
		for i, v := range each {
			if c.losses[i] != nil {
				target++
			}
			ids, isList := list(v).([]any)
			if !isList && v != nil {
				ids = []any{v}
			}
			for _, id := range ids {
				if c.losses[i] == nil {
					return core.Errorf(core.ErrUsage, "compile: "+set.what, "output %q has a metric and no loss", names[i])
				}
				out := m.outputs[i].shape
				metric, err := metrics.Resolve(m.registry, id, c.losses[i].Loss, targets[target], out)
				if err != nil {
					return core.In("compile: "+set.what, core.ErrLayerConfig, err)
				}
				prefix := ""
				if len(m.outputs) > 1 {
					prefix = names[i] + "_"
				}
				name := prefix + metric.Common().Name
				if slices.Contains(logs, name) && set.weighted {
					name = prefix + "weighted_" + metric.Common().Name
				}
				for n, base := 1, name; slices.Contains(logs, name); n++ {
					name = fmt.Sprintf("%s_%d", base, n)
				}
				if err := core.BuildMetric(metric, targets[target], out); err != nil {
					return err
				}
				logs = append(logs, name)
				c.metrics = append(c.metrics, &outputMetric{metric, i, set.weighted, name})
			}
		}
	}
	c.names = logs
	return core.BuildOptimizer(c.optimizer, m.TrainableWeights())
}

// BuildOptimizer declares the state of the optimizer, for files that hold one.
func (m *Model) BuildOptimizer() error {
	if m.compiled != nil && m.Built() {
		return core.BuildOptimizer(m.compiled.optimizer, m.TrainableWeights())
	}
	return nil
}

// ResetMetrics starts the metrics anew.
func (m *Model) ResetMetrics() {
	if m.compiled != nil {
		for _, x := range m.compiled.metrics {
			x.Common().Reset()
		}
	}
}
