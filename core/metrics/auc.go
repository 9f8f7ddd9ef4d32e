package metrics

import (
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the area under a curve.

func init() {
	registerUpgraded("AUC", func() *AUC {
		return &AUC{NumThresholds: 200, Curve: "ROC", SummationMethod: "interpolation"}
	}, spellAUC)
}

// spellAUC changes what may be written in several ways into the one that is stored: names of curves and methods, sorted thresholds, which
// make num_thresholds what it is, and weights of labels as a list.
func spellAUC(c core.Config, _ registry.Origin) error {
	if s, ok := c["curve"].(string); ok {
		c["curve"] = strings.ToUpper(s)
	}
	if s, ok := c["summation_method"].(string); ok {
		c["summation_method"] = strings.ToLower(s)
	}
	if c["thresholds"] != nil {
		var t Thresholds
		if err := t.SetConfig(c["thresholds"]); err != nil {
			return core.In("thresholds", core.ErrLayerConfig, err)
		}
		slices.Sort(t.List)
		c["thresholds"], c["num_thresholds"] = t.List, len(t.List)+2 // both ends come on top of them
	}
	if o, ok := registry.ObjectOf(c["label_weights"]); ok && o.Class == "__tensor__" {
		c["label_weights"] = o.Config["value"]
	}
	return nil
}

// AUC is the area under the curve of two statistics over thresholds, from trapezoids ("interpolation"), or rectangles of the smaller
// ("minoring") or larger ("majoring") of two neighbours:
//
//	ROC     TP/(TP + FN) over FP/(FP + TN)
//	PR      TP/(TP + FP) over TP/(TP + FN); interpolation is that of Davis and Goadrich, ICML 2006
//	PRGAIN  1 - r FP/TP over 1 - r FN/TP, r = (TP + FN)/(TN + FP); Flach and Kull, NeurIPS 2015
//
// With multi_label, each column of t and p (batch, labels) has a curve of its own, and the result is their mean, weighted by
// label_weights. Source: keras/src/metrics/confusion_metrics.py.
type AUC struct {
	core.MetricBase
	counts
	NumThresholds   int        `json:"num_thresholds" want:">1"`
	Curve           string     `json:"curve" want:"ROC|PR|PRGAIN"`
	SummationMethod string     `json:"summation_method" want:"interpolation|minoring|majoring"`
	Thresholds      Thresholds `json:"thresholds" keras:"omitnull"`
	MultiLabel      bool       `json:"multi_label"`
	NumLabels       *int       `json:"num_labels" want:">0"`
	LabelWeights    []float64  `json:"label_weights"`
	FromLogits      bool       `json:"from_logits"`
}

// Build declares true_positives, false_positives, true_negatives and false_negatives, each (num_thresholds,), or (num_thresholds, labels)
// with multi_label.
func (m *AUC) Build(s *core.State, _, yPred tensor.Shape) error {
	thresholds := evenThresholds(m.NumThresholds)
	if list := m.Thresholds.List; list != nil {
		thresholds = slices.Concat([]float64{0}, slices.Sorted(slices.Values(list)), []float64{1})
	}
	thresholds[0], thresholds[len(thresholds)-1] = -epsilon, 1+epsilon
	labels := 0
	switch {
	case !m.MultiLabel && m.NumLabels != nil:
		return core.Errorf(core.ErrLayerConfig, "num_labels", "got %d without multi_label", *m.NumLabels)
	case m.MultiLabel && m.NumLabels != nil:
		labels = *m.NumLabels
	case m.MultiLabel:
		if labels = yPred.Dim(-1); len(yPred) != 2 || labels <= 0 {
			return core.Errorf(core.ErrShapeMismatch, "y_pred", "got shape %v, want (batch, labels) for multi_label", yPred)
		}
	}
	if n := len(m.LabelWeights); m.LabelWeights != nil && labels > 0 && n != labels {
		return core.Errorf(core.ErrLayerConfig, "label_weights", "got %d numbers, want %d, one for each label", n, labels)
	}
	m.counts.build(s, thresholds, labels, truePositives, falsePositives, trueNegatives, falseNegatives)
	return nil
}

// Update counts a batch.
func (m *AUC) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	if m.FromLogits {
		yPred = s.Sigmoid(yPred)
	}
	labelWeights := graph.Value{}
	if !m.MultiLabel && m.LabelWeights != nil {
		labelWeights = m.labelWeights(s)
	}
	m.update(s, yTrue, yPred, weight, labelWeights, nil, nil)
}

func (m *AUC) labelWeights(s *core.States) graph.Value {
	return s.Table(tensor.From(m.LabelWeights, len(m.LabelWeights)))
}

// Result is the area.
func (m *AUC) Result(s *core.States) graph.Value {
	n := len(m.thresholds)
	left := func(x graph.Value) graph.Value { return s.Narrow(x, 0, 0, n-1) }
	right := func(x graph.Value) graph.Value { return s.Narrow(x, 0, 1, n-1) }
	if m.Curve == "PR" && m.SummationMethod == "interpolation" {
		return m.total(s, m.interpolated(s, left, right))
	}
	tp, fp, tn, fn := m.get(s, truePositives), m.get(s, falsePositives), m.get(s, trueNegatives), m.get(s, falseNegatives)
	zero, one := s.Const(0), s.Const(1)
	var x, y graph.Value
	switch m.Curve {
	case "PR":
		x, y = m.share(s, truePositives, falseNegatives), m.share(s, truePositives, falsePositives)
	case "PRGAIN":
		r, none := s.DivNoNaN(s.Add(tp, fn), s.Add(tn, fp)), s.Equal(tp, zero)
		gain := func(wrong graph.Value) graph.Value { return s.Sub(one, s.Mul(r, s.DivNoNaN(wrong, tp))) }
		x = s.Maximum(s.Select(none, zero, gain(fn)), zero)
		y = s.Select(none, one, gain(fp))
	default:
		x, y = m.share(s, falsePositives, trueNegatives), m.share(s, truePositives, falseNegatives)
	}
	var height graph.Value
	switch m.SummationMethod {
	case "minoring":
		height = s.Minimum(left(y), right(y))
	case "majoring":
		height = s.Maximum(left(y), right(y))
	default:
		height = s.Mul(s.Add(left(y), right(y)), s.Const(0.5))
	}
	return m.total(s, s.Mul(s.Sub(left(x), right(x)), height))
}

// interpolated is the area between each two neighbours on the precision-recall curve. Between them, TP grows with the number P of
// positive predictions by a constant slope, which makes precision (slope P + intercept)/P.
func (m *AUC) interpolated(s *core.States, left, right func(graph.Value) graph.Value) graph.Value {
	zero := s.Const(0)
	tp, p := m.get(s, truePositives), s.Add(m.get(s, truePositives), m.get(s, falsePositives))
	dtp := s.Sub(left(tp), right(tp))
	slope := s.DivNoNaN(dtp, s.Maximum(s.Sub(left(p), right(p)), zero))
	intercept := s.Sub(right(tp), s.Mul(slope, right(p)))
	both := s.And(s.Greater(left(p), zero), s.Greater(right(p), zero))
	ratio := s.Select(both, s.DivNoNaN(left(p), s.Maximum(right(p), zero)), s.Const(1))
	return s.DivNoNaN(s.Mul(slope, s.Add(dtp, s.Mul(intercept, s.Log(ratio)))),
		s.Maximum(s.Add(right(tp), right(m.get(s, falseNegatives))), zero))
}

// total adds up the areas between neighbours, and averages those of labels.
func (m *AUC) total(s *core.States, areas graph.Value) graph.Value {
	if !m.MultiLabel {
		return s.Sum(areas, nil, false)
	}
	byLabel := s.Sum(areas, []int{0}, false)
	if m.LabelWeights == nil {
		return s.Mean(byLabel, nil, false)
	}
	w := m.labelWeights(s)
	return s.DivNoNaN(s.Sum(s.Mul(byLabel, w), nil, false), s.Sum(w, nil, false))
}
