// Package metrics is Keras' metrics. A metric is a struct whose exported, JSON-tagged fields are exactly its Keras config; Build declares
// its state in Keras' order, Update writes the operations that add a batch to the state, Result those that compute the metric from it.
//
// In formulas t is y_true and p is y_pred. A metric that is the mean of a value per sample weighs it with the sample weights and leaves
// out what the mask of the predictions hides.
//
// Every metric goes by the name of its class ("MeanSquaredError"), by that name in snake case ("mean_squared_error") and by the short
// names that Keras 1 to 3 know ("mse", "MSE").
package metrics

import (
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/losses"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// With is settings of a metric by Keras' keys: With{"num_classes": 3}.
type With = core.Config

// New makes a metric from its name and settings.
func New(name string, with ...With) (core.Metric, error) {
	c := With{}
	for _, w := range with {
		for k, v := range w {
			c[k] = v
		}
	}
	return registry.Default.Decoder(registry.Origin{}).Metric(With{"class_name": name, "config": c})
}

// register adds a metric to the standard set, under the name of its class, that in snake case, and others.
func register[M core.Metric](class string, newMetric func() M, aliases ...string) {
	registerUpgraded(class, newMetric, nil, aliases...)
}

// registerUpgraded is register for a metric whose config may be written in several ways.
func registerUpgraded[M core.Metric](class string, newMetric func() M, upgrade func(core.Config, registry.Origin) error, aliases ...string) {
	function := registry.SnakeCase(class)
	registry.Default.Metrics.MustAdd(registry.Entry[core.Metric]{
		Name: class, Aliases: append([]string{function}, aliases...), Upgrade: upgrade,
		New: func() core.Metric {
			m := newMetric()
			b := m.Common()
			if b.Name == "" {
				b.Name = function
			}
			if b.DType == "" {
				b.DType = "float32"
			}
			return m
		},
	})
}

// Resolve makes the metric that compile names: a string, {class_name, config} or a core.Metric. "accuracy" and "acc", and "crossentropy"
// and "ce", are the kind that goes with the shapes of targets and predictions; such a cross-entropy takes logits where the loss is the
// same one and does. What is no metric but a loss is averaged. A metric named by a string has that string as its name in logs.
// Source: keras/src/trainers/compile_utils.py, get_metric.
func Resolve(r *registry.Registry, identifier any, loss core.Loss, yTrue, yPred tensor.Shape) (core.Metric, error) {
	d := r.Decoder(registry.Origin{})
	name, isString := identifier.(string)
	if !isString {
		o, isObject := registry.ObjectOf(identifier)
		if isObject && r.Metrics.Lookup(o.Class) == nil && r.Losses.Lookup(o.Class) != nil {
			return average(d, o.Class, identifier)
		}
		if l, ok := identifier.(core.Loss); ok {
			return average(d, l.Common().Name, l)
		}
		return d.Metric(identifier)
	}
	known := name
	switch strings.ToLower(name) {
	case "accuracy", "acc":
		known = losses.KindOf(yTrue, yPred) + "_accuracy"
	case "crossentropy", "ce":
		known = losses.KindOf(yTrue, yPred) + "_crossentropy"
	}
	if r.Metrics.Lookup(known) == nil && r.Losses.Lookup(known) != nil {
		return average(d, name, known)
	}
	m, err := d.Metric(known)
	if err != nil {
		return nil, err
	}
	m.Common().Name = name
	if known != name {
		takeLogits(m, loss)
	}
	return m, nil
}

// average makes a metric of a loss.
func average(d *registry.Decoder, name string, loss any) (core.Metric, error) {
	l, err := d.Loss(loss)
	if err != nil {
		return nil, err
	}
	return &MeanMetricWrapper{MetricBase: core.MetricBase{Name: name, DType: "float32"}, Loss: l}, nil
}

// takeLogits makes a cross-entropy look at predictions as the loss does.
func takeLogits(m core.Metric, loss core.Loss) {
	switch m := m.(type) {
	case *BinaryCrossentropy:
		if l, ok := loss.(*losses.BinaryCrossentropy); ok {
			m.FromLogits = l.FromLogits
		}
	case *CategoricalCrossentropy:
		if l, ok := loss.(*losses.CategoricalCrossentropy); ok {
			m.FromLogits = l.FromLogits
		}
	case *SparseCategoricalCrossentropy:
		if l, ok := loss.(*losses.SparseCategoricalCrossentropy); ok {
			m.FromLogits = l.FromLogits
		}
	}
}

// epsilon is what Keras adds to what must not be 0.
const epsilon = 1e-7

var last = []int{-1}

// add adds to a state.
func add(s *core.States, w *core.Weight, v graph.Value) { s.Set(w, s.Add(s.Get(w), v)) }

// count is a number as a scalar.
func count(s *core.States, n int) graph.Value { return s.Const(float64(n)) }
