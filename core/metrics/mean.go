package metrics

import (
	"reflect"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns sums and means, and what all metrics that are the mean of a value per sample share.
// Source: keras/src/metrics/reduction_metrics.py.

func init() {
	register("Mean", func() *Mean { return &Mean{} })
	register("Sum", func() *Sum { return &Sum{} })
	register("MeanMetricWrapper", func() *MeanMetricWrapper { return &MeanMetricWrapper{} })
}

// mean is the state of a mean: the sum of weighted values, and that of the weights.
type mean struct{ total, count *core.Weight }

// Build declares total and count, both ().
func (m *mean) Build(s *core.State, _, _ tensor.Shape) error {
	m.total, m.count = s.New("total", tensor.Shape{}, nil), s.New("count", tensor.Shape{}, nil)
	return nil
}

// Result is total/count, 0 before there is anything.
func (m *mean) Result(s *core.States) graph.Value { return s.DivNoNaN(s.Get(m.total), s.Get(m.count)) }

// add adds values (batch, ...) with their weights.
func (m *mean) add(s *core.States, values, weight graph.Value) {
	v, w := perSample(s, values, weight, s.Mean)
	add(s, m.total, s.Sum(v, nil, false))
	n := s.Const(1)
	switch {
	case w.Valid():
		n = s.Sum(w, nil, false)
	case v.Rank() > 0:
		n = count(s, v.Dim(0))
	}
	add(s, m.count, n)
}

// addMasked adds values of predictions with the states' mask.
func (m *mean) addMasked(s *core.States, values, weight graph.Value) {
	m.add(s, values, core.ApplyMask(s.Graph, weight, s.Mask, false))
}

// addLoss adds what a loss gives, without what it leaves out.
func (m *mean) addLoss(s *core.States, l core.Loss, yTrue, yPred, weight graph.Value) {
	values := l.Call(s.Graph, yTrue, yPred)
	weight = core.ApplyMask(s.Graph, weight, s.Mask, false)
	// Keras looks at the loss' own mask only where there are weights.
	if masker, ok := l.(core.LossMasker); ok && weight.Valid() {
		weight = core.ApplyMask(s.Graph, weight, masker.LossMask(s.Graph, yTrue, values), false)
	}
	m.add(s, values, weight)
}

// perSample reduces values and weights to one number per sample, and weighs the values.
func perSample(s *core.States, values, weight graph.Value, reduce func(x graph.Value, axes []int, keep bool) graph.Value) (v, w graph.Value) {
	if s.Err() != nil {
		return values, weight
	}
	tail := func(x graph.Value, first int) graph.Value {
		var axes []int
		for i := first; i < x.Rank(); i++ {
			axes = append(axes, i)
		}
		if axes == nil {
			return x
		}
		return reduce(x, axes, false)
	}
	if weight.Valid() {
		values, weight = core.MatchRanks(s.Graph, values, weight)
		values = tail(values, weight.Rank())
		weight = s.BroadcastTo(weight, values.Shape())
		values = s.Mul(values, weight)
		weight = tail(weight, 1)
	}
	return tail(values, 1), weight
}

// Mean is the weighted mean of what it is given as y_pred; it does not look at y_true.
type Mean struct {
	core.MetricBase
	mean
}

// Update adds y_pred (batch, ...), or a scalar.
func (m *Mean) Update(s *core.States, _, yPred, weight graph.Value) { m.add(s, yPred, weight) }

// Sum is the weighted sum of what it is given as y_pred; it does not look at y_true.
type Sum struct {
	core.MetricBase
	total *core.Weight
}

// Build declares total ().
func (m *Sum) Build(s *core.State, _, _ tensor.Shape) error {
	m.total = s.New("total", tensor.Shape{}, nil)
	return nil
}

// Update adds y_pred (batch, ...), or a scalar.
func (m *Sum) Update(s *core.States, _, yPred, weight graph.Value) {
	v, _ := perSample(s, yPred, weight, s.Sum)
	add(s, m.total, s.Sum(v, nil, false))
}

// Result is the sum.
func (m *Sum) Result(s *core.States) graph.Value { return s.Get(m.total) }

// MeanMetricWrapper is the mean of a function over samples: a loss, or what a metric averages. That is how Keras saves a metric that it
// was given as a function; tf.keras saves "accuracy" so.
type MeanMetricWrapper struct {
	core.MetricBase
	mean
	Loss   core.Loss
	Metric core.Metric // instead of a loss
}

// Build checks that there is something to average.
func (m *MeanMetricWrapper) Build(s *core.State, yTrue, yPred tensor.Shape) error {
	switch {
	case m.Metric != nil:
		return m.Metric.Build(s, yTrue, yPred)
	case m.Loss == nil:
		return core.Errorf(core.ErrLayerConfig, "fn", "is missing, want a loss or a metric")
	}
	return m.mean.Build(s, yTrue, yPred)
}

// Update adds a batch.
func (m *MeanMetricWrapper) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	if m.Metric != nil {
		m.Metric.Update(s, yTrue, yPred, weight)
		return
	}
	m.addLoss(s, m.Loss, yTrue, yPred, weight)
}

// Result is the mean.
func (m *MeanMetricWrapper) Result(s *core.States) graph.Value {
	if m.Metric != nil {
		return m.Metric.Result(s)
	}
	return m.mean.Result(s)
}

// DecodeConfig takes name, dtype, the function fn, and the settings of fn.
func (m *MeanMetricWrapper) DecodeConfig(d *registry.Decoder, c core.Config) error {
	base, settings := core.Config{}, core.Config{}
	for k, v := range c {
		switch k {
		case "name", "dtype":
			base[k] = v
		case "fn":
		default:
			settings[k] = v
		}
	}
	if err := d.Into(&m.MetricBase, base); err != nil {
		return err
	}
	if c["fn"] == nil {
		return core.Errorf(core.ErrLayerConfig, "fn", "is missing, want a loss or a metric")
	}
	l, err := d.Loss(c["fn"])
	if err == nil {
		m.Loss = l
		return d.Into(l, settings)
	}
	inner, notMetric := d.Metric(c["fn"])
	if notMetric != nil {
		return core.In("fn", core.ErrLayerConfig, err)
	}
	m.Metric = inner
	return d.Into(inner, settings)
}

// EncodeConfig writes the function that Keras has for what is averaged, with the settings that are not the usual ones.
func (m *MeanMetricWrapper) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	c, err := e.Config(&m.MetricBase)
	if err != nil {
		return nil, err
	}
	var inner, fresh any
	var class string
	if m.Metric != nil {
		class = e.Metrics.NameOf(m.Metric)
		inner = m.Metric
		fresh, err = e.Metrics.New(class)
	} else {
		class = e.Losses.NameOf(m.Loss)
		inner = m.Loss
		fresh, err = e.Losses.New(class)
	}
	if err != nil {
		return nil, err
	}
	settings, err := e.Config(inner)
	if err != nil {
		return nil, err
	}
	usual, err := e.Config(fresh)
	if err != nil {
		return nil, err
	}
	for k, v := range settings {
		if k != "name" && k != "reduction" && k != "dtype" && !reflect.DeepEqual(v, usual[k]) {
			c[k] = v
		}
	}
	function := registry.SnakeCase(class)
	if e.Dialect == core.Legacy {
		c["fn"] = function
		return c, nil
	}
	c["fn"] = core.Config{"module": "builtins", "class_name": "function", "config": function, "registered_name": "function"}
	return c, nil
}
