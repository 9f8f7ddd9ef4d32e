package metrics

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what is counted at thresholds: true and false positives and negatives, precision, recall, and one of two at a given
// value of the other. A prediction is positive where it is above the threshold, a target where it is not 0.
// Sources: keras/src/metrics/confusion_metrics.py, keras/src/metrics/metrics_utils.py.

func init() {
	register("TruePositives", func() *TruePositives { return &TruePositives{} })
	register("FalsePositives", func() *FalsePositives { return &FalsePositives{} })
	register("TrueNegatives", func() *TrueNegatives { return &TrueNegatives{} })
	register("FalseNegatives", func() *FalseNegatives { return &FalseNegatives{} })
	register("Precision", func() *Precision { return &Precision{} })
	register("Recall", func() *Recall { return &Recall{} })
	at := func() atThresholds { return atThresholds{NumThresholds: 200} }
	register("SensitivityAtSpecificity", func() *SensitivityAtSpecificity { return &SensitivityAtSpecificity{atThresholds: at()} })
	register("SpecificityAtSensitivity", func() *SpecificityAtSensitivity { return &SpecificityAtSensitivity{atThresholds: at()} })
	register("PrecisionAtRecall", func() *PrecisionAtRecall { return &PrecisionAtRecall{atThresholds: at()} })
	register("RecallAtPrecision", func() *RecallAtPrecision { return &RecallAtPrecision{atThresholds: at()} })
}

// Thresholds are numbers from 0 to 1: one, a list, or null for the default.
type Thresholds struct {
	List []float64
	one  bool // written as a number
}

// SetConfig takes a number, a list of numbers, and null.
func (t *Thresholds) SetConfig(v any) error {
	*t = Thresholds{}
	items, isList := v.([]any)
	switch x := v.(type) {
	case nil:
		return nil
	case []float64:
		for _, n := range x {
			items = append(items, n)
		}
	default:
		if !isList {
			t.one, items = true, []any{v}
		}
	}
	for _, item := range items {
		n, ok := item.(float64)
		if i, isInt := item.(int); isInt {
			n, ok = float64(i), true
		}
		if !ok || !(n >= 0 && n <= 1) {
			return core.Errorf(core.ErrLayerConfig, "", "got %v, want numbers from 0 to 1", v)
		}
		t.List = append(t.List, n)
	}
	if len(t.List) == 0 {
		return core.Errorf(core.ErrLayerConfig, "", "got no numbers, want some from 0 to 1, or null")
	}
	return nil
}

// Config is the thresholds as JSON.
func (t Thresholds) Config(core.Dialect) any {
	switch {
	case t.List == nil:
		return nil
	case t.one:
		return t.List[0]
	}
	out := make([]any, len(t.List))
	for i, x := range t.List {
		out[i] = x
	}
	return out
}

// The four that are counted, in the order in which metrics that count all of them keep them.
const (
	truePositives = iota
	falsePositives
	trueNegatives
	falseNegatives
)

var countNames = [...]string{"true_positives", "false_positives", "true_negatives", "false_negatives"}

// counts is how often each of the four came about at each threshold, or those of the four that are kept.
type counts struct {
	thresholds []float64
	labels     int // 0, or the number of labels that are counted apart: the state is (thresholds, labels)
	kept       [4]*core.Weight
}

func (c *counts) build(s *core.State, thresholds []float64, labels int, keep ...int) {
	c.thresholds, c.labels = thresholds, labels
	shape := tensor.Shape{len(thresholds)}
	if labels > 0 {
		shape = append(shape, labels)
	}
	for _, k := range keep {
		c.kept[k] = s.New(countNames[k], shape, nil)
	}
}

// get is one of the counts.
func (c *counts) get(s *core.States, k int) graph.Value { return s.Get(c.kept[k]) }

// share is a/(a+b), 0 where both are 0.
func (c *counts) share(s *core.States, a, b int) graph.Value {
	return s.DivNoNaN(c.get(s, a), s.Add(c.get(s, a), c.get(s, b)))
}

// single drops the axis of thresholds where there is but one.
func (c *counts) single(s *core.States, v graph.Value) graph.Value {
	if len(c.thresholds) == 1 && s.Err() == nil {
		return s.Reshape(v)
	}
	return v
}

// evenly reports whether thresholds go from 0 to 1 in equal steps.
func evenly(thresholds []float64) bool {
	if len(thresholds) < 3 {
		return false
	}
	for i, t := range thresholds {
		want := float64(i) / float64(len(thresholds)-1)
		if math.Abs(t-want) > epsilon+1e-5*want {
			return false
		}
	}
	return true
}

// evenThresholds are n numbers from 0 to 1 in equal steps.
func evenThresholds(n int) []float64 {
	if n == 1 {
		return []float64{0.5}
	}
	t := make([]float64, n)
	for i := range t {
		t[i] = float64(i) / float64(n-1)
	}
	return t
}

// notTop stands for predictions that are not among the k largest.
const notTop = -1e10

// onlyTop keeps the k largest of the last axis, the first of equal ones.
func onlyTop(s *core.States, x graph.Value, k int) graph.Value {
	n := x.Dim(-1)
	if k > n {
		s.Fail(core.Errorf(core.ErrShapeMismatch, "top_k", "got %d, want at most %d, the last size of y_pred", k, n))
		return x
	}
	left, taken := x, s.Zeros(x)
	for range k {
		hit := s.OneHot(s.ArgMax(left, -1), n)
		taken = s.Or(taken, hit)
		left = s.Select(hit, s.Const(math.Inf(-1)), left)
	}
	return s.Select(taken, x, s.Const(notTop))
}

// pickClass takes one class of the last axis, as an axis of size 1.
func pickClass(s *core.States, x graph.Value, class int) graph.Value {
	if x.Rank() < 2 || class < 0 || class >= x.Dim(-1) {
		s.Fail(core.Errorf(core.ErrShapeMismatch, "class_id", "got %d for shape %v, want a class of (batch, classes)", class, x.Shape()))
		return x
	}
	return s.Narrow(x, -1, class, 1)
}

// update counts a batch. topK and class may be nil, weight and labelWeights "none".
func (c *counts) update(s *core.States, yTrue, yPred, weight, labelWeights graph.Value, topK, class *int) {
	yPred, yTrue = core.MatchRanks(s.Graph, yPred, yTrue)
	if s.Err() != nil {
		return
	}
	if topK != nil {
		yPred = onlyTop(s, yPred, *topK)
	}
	if class != nil {
		yTrue, yPred = pickClass(s, yTrue, *class), pickClass(s, yPred, *class)
	}
	if s.Err() != nil {
		return
	}
	shape := yPred.Shape()
	if !shape.Equal(yTrue.Shape()) {
		s.Fail(core.Errorf(core.ErrShapeMismatch, "y_true", "got shape %v, want %v, that of y_pred", yTrue.Shape(), shape))
		return
	}
	// Everything becomes (samples, labels): one label, or those that are counted apart.
	labels := max(1, c.labels)
	if c.labels > 0 && shape.Dim(-1) != labels {
		s.Fail(core.Errorf(core.ErrShapeMismatch, "y_pred", "got shape %v, want %d labels", shape, labels))
		return
	}
	flat := func(x graph.Value) graph.Value { return s.Reshape(x, shape.Size()/labels, labels) }
	w := graph.Value{}
	if weight.Valid() {
		w = s.ExpandDims(weight, -1)
		for w.Rank() > len(shape) && w.Dim(-1) == 1 {
			w = s.Squeeze(w, -1)
		}
		w = flat(s.BroadcastTo(w, shape))
	}
	if labelWeights.Valid() {
		l := flat(s.BroadcastTo(labelWeights, shape))
		if w.Valid() {
			l = s.Mul(w, l)
		}
		w = l
	}
	yes := s.NotEqual(flat(yTrue), s.Const(0))
	no := s.Not(yes)
	if w.Valid() {
		yes, no = s.Mul(yes, w), s.Mul(no, w)
	}
	tp, fp := c.above(s, flat(yPred), yes, no)
	for k, v := range [...]func() graph.Value{
		truePositives:  func() graph.Value { return tp },
		falsePositives: func() graph.Value { return fp },
		trueNegatives:  func() graph.Value { return s.Sub(s.Sum(no, []int{0}, true), fp) },
		falseNegatives: func() graph.Value { return s.Sub(s.Sum(yes, []int{0}, true), tp) },
	} {
		if c.kept[k] != nil && s.Err() == nil {
			add(s, c.kept[k], s.Reshape(v(), c.kept[k].Shape...))
		}
	}
}

// above adds up yes and no (samples, labels) where p is above each threshold: (thresholds, labels).
func (c *counts) above(s *core.States, p, yes, no graph.Value) (tp, fp graph.Value) {
	n, labels := len(c.thresholds), p.Dim(1)
	inner := append([]float64{0}, c.thresholds[1:n]...)
	inner[n-1] = math.Round(inner[n-1]) // AUC moves both ends a little outward
	if !evenly(inner) || math.Abs(c.thresholds[0]) > 2*epsilon || math.Abs(c.thresholds[n-1]-1) > 2*epsilon {
		t := s.Table(tensor.From(c.thresholds, n, 1, 1))
		positive := s.Greater(s.ExpandDims(p, 0), t)
		sum := func(x graph.Value) graph.Value { return s.Sum(s.Mul(positive, s.ExpandDims(x, 0)), []int{1}, false) }
		return sum(yes), sum(no)
	}
	// With equal steps, each prediction is counted once, in the step where it lies, and counts are added up from the last step down.
	// Row 0 is for predictions that are above no threshold.
	step := s.Ceil(s.Mul(s.Minimum(s.Maximum(p, s.Const(0)), s.Const(1)), s.Const(float64(n-1))))
	if c.thresholds[0] < 0 {
		step = s.Maximum(step, s.Const(1))
	}
	step = s.Select(s.IsNaN(p), s.Const(0), step)
	offset, below := make([]float64, labels), make([]float64, n*(n+1))
	for i := range offset {
		offset[i] = float64(i * (n + 1))
	}
	for i := range n {
		for j := i + 1; j <= n; j++ {
			below[i*(n+1)+j] = 1
		}
	}
	row := s.Reshape(s.Add(step, s.Table(tensor.From(offset, 1, labels))), p.Shape().Size())
	up := s.Table(tensor.From(below, n, n+1))
	sum := func(x graph.Value) graph.Value {
		steps := s.ScatterAdd(s.Reshape(x, x.Shape().Size(), 1), row, labels*(n+1))
		return s.MatMul(up, s.Reshape(steps, labels, n+1), false, true)
	}
	return sum(yes), sum(no)
}

// one is a metric that is a count.
type one struct {
	counts
	Thresholds Thresholds `json:"thresholds"`
}

func (m *one) build(s *core.State, k int) {
	thresholds := m.Thresholds.List
	if thresholds == nil {
		thresholds = []float64{0.5}
	}
	m.thresholds = thresholds
	m.kept[k] = s.New("accumulator", tensor.Shape{len(thresholds)}, nil)
}

// Update counts a batch of any shape.
func (m *one) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.update(s, yTrue, yPred, weight, graph.Value{}, nil, nil)
}

// TruePositives is how often t is positive and p is: a number, or one for each threshold.
type TruePositives struct {
	core.MetricBase
	one
}

// Build declares accumulator (thresholds,).
func (m *TruePositives) Build(s *core.State, _, _ tensor.Shape) error {
	m.build(s, truePositives)
	return nil
}

// Result is the count.
func (m *TruePositives) Result(s *core.States) graph.Value {
	return m.single(s, m.get(s, truePositives))
}

// FalsePositives is how often t is negative and p is positive: a number, or one for each threshold.
type FalsePositives struct {
	core.MetricBase
	one
}

// Build declares accumulator (thresholds,).
func (m *FalsePositives) Build(s *core.State, _, _ tensor.Shape) error {
	m.build(s, falsePositives)
	return nil
}

// Result is the count.
func (m *FalsePositives) Result(s *core.States) graph.Value {
	return m.single(s, m.get(s, falsePositives))
}

// TrueNegatives is how often t is negative and p is: a number, or one for each threshold.
type TrueNegatives struct {
	core.MetricBase
	one
}

// Build declares accumulator (thresholds,).
func (m *TrueNegatives) Build(s *core.State, _, _ tensor.Shape) error {
	m.build(s, trueNegatives)
	return nil
}

// Result is the count.
func (m *TrueNegatives) Result(s *core.States) graph.Value {
	return m.single(s, m.get(s, trueNegatives))
}

// FalseNegatives is how often t is positive and p is negative: a number, or one for each threshold.
type FalseNegatives struct {
	core.MetricBase
	one
}

// Build declares accumulator (thresholds,).
func (m *FalseNegatives) Build(s *core.State, _, _ tensor.Shape) error {
	m.build(s, falseNegatives)
	return nil
}

// Result is the count.
func (m *FalseNegatives) Result(s *core.States) graph.Value {
	return m.single(s, m.get(s, falseNegatives))
}

// share is a metric that is a part of a sum of two counts. With top_k, the k largest predictions of a sample are positive; with class_id,
// only that class counts.
type share struct {
	counts
	Thresholds Thresholds `json:"thresholds"`
	TopK       *int       `json:"top_k" want:">0"`
	ClassID    *int       `json:"class_id" want:">=0"`
}

func (m *share) build(s *core.State, other int) {
	thresholds := m.Thresholds.List
	if thresholds == nil {
		thresholds = []float64{0.5}
		if m.TopK != nil {
			thresholds[0] = notTop
		}
	}
	m.counts.build(s, thresholds, 0, truePositives, other)
}

// Update counts a batch (batch, ..., classes).
func (m *share) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.update(s, yTrue, yPred, weight, graph.Value{}, m.TopK, m.ClassID)
}

// Precision is TP/(TP + FP): how often a positive prediction is right. A number, or one for each threshold.
type Precision struct {
	core.MetricBase
	share
}

// Build declares true_positives and false_positives, (thresholds,) each.
func (m *Precision) Build(s *core.State, _, _ tensor.Shape) error {
	m.build(s, falsePositives)
	return nil
}

// Result is the precision.
func (m *Precision) Result(s *core.States) graph.Value {
	return m.single(s, m.counts.share(s, truePositives, falsePositives))
}

// Recall is TP/(TP + FN): how many of the positive targets are found. A number, or one for each threshold.
type Recall struct {
	core.MetricBase
	share
}

// Build declares true_positives and false_negatives, (thresholds,) each.
func (m *Recall) Build(s *core.State, _, _ tensor.Shape) error {
	m.build(s, falseNegatives)
	return nil
}

// Result is the recall.
func (m *Recall) Result(s *core.States) graph.Value {
	return m.single(s, m.counts.share(s, truePositives, falseNegatives))
}

// atThresholds is a metric that looks for the best threshold among some at equal steps.
type atThresholds struct {
	counts
	NumThresholds int  `json:"num_thresholds" want:">0"`
	ClassID       *int `json:"class_id" want:">=0"`
}

// Build declares true_positives, false_positives, true_negatives and false_negatives, (num_thresholds,) each.
func (m *atThresholds) Build(s *core.State, _, _ tensor.Shape) error {
	m.counts.build(s, evenThresholds(m.NumThresholds), 0, truePositives, falsePositives, trueNegatives, falseNegatives)
	return nil
}

// Update counts a batch (batch, ..., classes).
func (m *atThresholds) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.update(s, yTrue, yPred, weight, graph.Value{}, nil, m.ClassID)
}

// best is the largest of one statistic where the other is at least so much; 0 if that is nowhere.
func (m *atThresholds) best(s *core.States, statistic, other graph.Value, least float64) graph.Value {
	ok := s.GreaterEqual(other, s.Const(least))
	return s.Maximum(s.Max(s.Select(ok, statistic, s.Const(0)), nil, false), s.Const(0))
}

func (m *atThresholds) recalls(s *core.States) graph.Value {
	return m.share(s, truePositives, falseNegatives)
}

func (m *atThresholds) precisions(s *core.States) graph.Value {
	return m.share(s, truePositives, falsePositives)
}

func (m *atThresholds) specificities(s *core.States) graph.Value {
	return m.share(s, trueNegatives, falsePositives)
}

// SensitivityAtSpecificity is the largest TP/(TP + FN) among thresholds at which TN/(TN + FP) is at least specificity.
type SensitivityAtSpecificity struct {
	core.MetricBase
	atThresholds
	Specificity float64 `json:"specificity" want:"0..1"`
}

// Result is the sensitivity.
func (m *SensitivityAtSpecificity) Result(s *core.States) graph.Value {
	return m.best(s, m.recalls(s), m.specificities(s), m.Specificity)
}

// SpecificityAtSensitivity is the largest TN/(TN + FP) among thresholds at which TP/(TP + FN) is at least sensitivity.
type SpecificityAtSensitivity struct {
	core.MetricBase
	atThresholds
	Sensitivity float64 `json:"sensitivity" want:"0..1"`
}

// Result is the specificity.
func (m *SpecificityAtSensitivity) Result(s *core.States) graph.Value {
	return m.best(s, m.specificities(s), m.recalls(s), m.Sensitivity)
}

// PrecisionAtRecall is the largest TP/(TP + FP) among thresholds at which TP/(TP + FN) is at least recall.
type PrecisionAtRecall struct {
	core.MetricBase
	atThresholds
	Recall float64 `json:"recall" want:"0..1"`
}

// Result is the precision.
func (m *PrecisionAtRecall) Result(s *core.States) graph.Value {
	return m.best(s, m.precisions(s), m.recalls(s), m.Recall)
}

// RecallAtPrecision is the largest TP/(TP + FN) among thresholds at which TP/(TP + FP) is at least precision.
type RecallAtPrecision struct {
	core.MetricBase
	atThresholds
	Precision float64 `json:"precision" want:"0..1"`
}

// Result is the recall.
func (m *RecallAtPrecision) Result(s *core.States) graph.Value {
	return m.best(s, m.recalls(s), m.precisions(s), m.Precision)
}
