package metrics

import (
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the intersection over union of classes. Source: keras/src/metrics/iou_metrics.py.

func init() {
	whole := core.MetricBase{DType: "int64"} // Keras counts in whole numbers
	register("IoU", func() *IoU { return &IoU{MetricBase: whole, SparseYTrue: true, SparseYPred: true, Axis: -1} })
	register("MeanIoU", func() *MeanIoU { return &MeanIoU{MetricBase: whole, SparseYTrue: true, SparseYPred: true, Axis: -1} })
	register("OneHotIoU", func() *OneHotIoU { return &OneHotIoU{MetricBase: whole, Axis: -1} })
	register("OneHotMeanIoU", func() *OneHotMeanIoU { return &OneHotMeanIoU{MetricBase: whole, Axis: -1} })
	register("BinaryIoU", func() *BinaryIoU { return &BinaryIoU{MetricBase: whole, TargetClassIDs: []int{0, 1}, Threshold: 0.5} })
}

// confusion is how often each class was taken for each: (classes, classes), targets down, predictions across.
type confusion struct{ matrix *core.Weight }

func (c *confusion) build(s *core.State, classes int, targets []int) error {
	if classes <= 0 {
		return core.Errorf(core.ErrLayerConfig, "num_classes", "got %d, want > 0", classes)
	}
	if len(targets) == 0 {
		return core.Errorf(core.ErrLayerConfig, "target_class_ids", "is missing, want a list of classes")
	}
	for _, t := range targets {
		if t < 0 || t >= classes {
			return core.Errorf(core.ErrLayerConfig, "target_class_ids", "got %d, want 0 to %d", t, classes-1)
		}
	}
	c.matrix = s.New("total_confusion_matrix", tensor.Shape{classes, classes}, nil)
	return nil
}

// trunc drops what is behind the point.
func trunc(s *core.States, x graph.Value) graph.Value { return s.Mul(s.Sign(x), s.Floor(s.Abs(x))) }

// update counts class numbers of one shape; those that are no class, and targets to ignore, are left out.
func (c *confusion) update(s *core.States, b *core.MetricBase, t, p, weight graph.Value, ignore *int) {
	if s.Err() != nil {
		return
	}
	if t.Shape().Size() != p.Shape().Size() {
		s.Fail(core.Errorf(core.ErrShapeMismatch, "", "got y_true %v and y_pred %v, want as many class numbers in both", t.Shape(), p.Shape()))
		return
	}
	w := s.Const(1)
	if weight.Valid() {
		if w = weight; strings.Contains(b.DType, "int") {
			w = trunc(s, w)
		}
		if w.Shape().Size() != t.Shape().Size() {
			for w.Rank() < t.Rank() {
				w = s.ExpandDims(w, -1)
			}
			w = s.BroadcastTo(w, t.Shape())
		}
		w = s.Reshape(w, w.Shape().Size())
	}
	n := c.matrix.Shape[0]
	t, p = trunc(s, s.Reshape(t, t.Shape().Size())), trunc(s, s.Reshape(p, p.Shape().Size()))
	zero, classes := s.Const(0), count(s, n)
	within := func(x graph.Value) graph.Value { return s.And(s.GreaterEqual(x, zero), s.Less(x, classes)) }
	counts := s.And(within(t), within(p))
	if ignore != nil {
		counts = s.And(counts, s.NotEqual(t, s.Const(float64(*ignore))))
	}
	place := s.Select(counts, s.Add(s.Mul(t, classes), p), zero)
	hits := s.ScatterAdd(s.ExpandDims(s.Select(counts, w, zero), 1), place, n*n)
	add(s, c.matrix, s.Reshape(hits, n, n))
}

// result is the mean of TP/(TP + FP + FN) of the target classes that came about.
func (c *confusion) result(s *core.States, targets []int) graph.Value {
	n := c.matrix.Shape[0]
	diagonal, times := make([]float64, n*n), make([]float64, n)
	for i := range n {
		diagonal[i*n+i] = 1
	}
	for _, t := range targets {
		times[t]++
	}
	m := s.Get(c.matrix)
	tp := s.Sum(s.Mul(m, s.Table(tensor.From(diagonal, n, n))), []int{1}, false)
	union := s.Sub(s.Add(s.Sum(m, []int{0}, false), s.Sum(m, []int{1}, false)), tp)
	there := s.Mul(s.Greater(union, s.Const(1e-9)), s.Table(tensor.From(times, n)))
	little := s.Const(epsilon)
	sum := s.Sum(s.Mul(s.Div(tp, s.Add(union, little)), there), nil, false)
	return s.Div(sum, s.Add(s.Sum(there, nil, false), little))
}

// classOf is class numbers, or the place of the largest along an axis.
func classOf(s *core.States, x graph.Value, sparse bool, axis int) graph.Value {
	if sparse {
		return x
	}
	return s.ArgMax(x, axis)
}

// all are the classes 0 to n-1.
func all(n int) []int {
	ids := make([]int, max(0, n))
	for i := range ids {
		ids[i] = i
	}
	return ids
}

// IoU is the mean over some classes of TP/(TP + FP + FN). t and p are class numbers of one shape, or have an axis of classes where they
// are not sparse. Classes that never came about do not count. Counts are whole numbers in the dtypes int32 and int64.
type IoU struct {
	core.MetricBase
	confusion
	NumClasses     int   `json:"num_classes" want:">0"`
	TargetClassIDs []int `json:"target_class_ids"`
	IgnoreClass    *int  `json:"ignore_class"`
	SparseYTrue    bool  `json:"sparse_y_true"`
	SparseYPred    bool  `json:"sparse_y_pred"`
	Axis           int   `json:"axis"`
}

// Build declares total_confusion_matrix (num_classes, num_classes).
func (m *IoU) Build(s *core.State, _, _ tensor.Shape) error {
	return m.build(s, m.NumClasses, m.TargetClassIDs)
}

// Update counts a batch.
func (m *IoU) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	t, p := classOf(s, yTrue, m.SparseYTrue, m.Axis), classOf(s, yPred, m.SparseYPred, m.Axis)
	m.update(s, &m.MetricBase, t, p, weight, m.IgnoreClass)
}

// Result is the mean over the target classes.
func (m *IoU) Result(s *core.States) graph.Value { return m.result(s, m.TargetClassIDs) }

// MeanIoU is IoU over all classes.
type MeanIoU struct {
	core.MetricBase
	confusion
	NumClasses  int  `json:"num_classes" want:">0"`
	IgnoreClass *int `json:"ignore_class"`
	SparseYTrue bool `json:"sparse_y_true"`
	SparseYPred bool `json:"sparse_y_pred"`
	Axis        int  `json:"axis"`
}

// Build declares total_confusion_matrix (num_classes, num_classes).
func (m *MeanIoU) Build(s *core.State, _, _ tensor.Shape) error {
	return m.build(s, m.NumClasses, all(m.NumClasses))
}

// Update counts a batch.
func (m *MeanIoU) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	t, p := classOf(s, yTrue, m.SparseYTrue, m.Axis), classOf(s, yPred, m.SparseYPred, m.Axis)
	m.update(s, &m.MetricBase, t, p, weight, m.IgnoreClass)
}

// Result is the mean over all classes.
func (m *MeanIoU) Result(s *core.States) graph.Value { return m.result(s, all(m.NumClasses)) }

// OneHotIoU is IoU for one-hot targets.
type OneHotIoU struct {
	core.MetricBase
	confusion
	NumClasses     int   `json:"num_classes" want:">0"`
	TargetClassIDs []int `json:"target_class_ids"`
	IgnoreClass    *int  `json:"ignore_class"`
	SparseYPred    bool  `json:"sparse_y_pred"`
	Axis           int   `json:"axis"`
}

// Build declares total_confusion_matrix (num_classes, num_classes).
func (m *OneHotIoU) Build(s *core.State, _, _ tensor.Shape) error {
	return m.build(s, m.NumClasses, m.TargetClassIDs)
}

// Update counts a batch.
func (m *OneHotIoU) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	t, p := classOf(s, yTrue, false, m.Axis), classOf(s, yPred, m.SparseYPred, m.Axis)
	m.update(s, &m.MetricBase, t, p, weight, m.IgnoreClass)
}

// Result is the mean over the target classes.
func (m *OneHotIoU) Result(s *core.States) graph.Value { return m.result(s, m.TargetClassIDs) }

// OneHotMeanIoU is MeanIoU for one-hot targets.
type OneHotMeanIoU struct {
	core.MetricBase
	confusion
	NumClasses  int  `json:"num_classes" want:">0"`
	IgnoreClass *int `json:"ignore_class"`
	SparseYPred bool `json:"sparse_y_pred"`
	Axis        int  `json:"axis"`
}

// Build declares total_confusion_matrix (num_classes, num_classes).
func (m *OneHotMeanIoU) Build(s *core.State, _, _ tensor.Shape) error {
	return m.build(s, m.NumClasses, all(m.NumClasses))
}

// Update counts a batch.
func (m *OneHotMeanIoU) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	t, p := classOf(s, yTrue, false, m.Axis), classOf(s, yPred, m.SparseYPred, m.Axis)
	m.update(s, &m.MetricBase, t, p, weight, m.IgnoreClass)
}

// Result is the mean over all classes.
func (m *OneHotMeanIoU) Result(s *core.States) graph.Value { return m.result(s, all(m.NumClasses)) }

// BinaryIoU is IoU for two classes: t is 0 or 1, and p is class 1 where it is at least the threshold.
type BinaryIoU struct {
	core.MetricBase
	confusion
	TargetClassIDs []int   `json:"target_class_ids"`
	Threshold      float64 `json:"threshold"`
}

// Build declares total_confusion_matrix (2, 2).
func (m *BinaryIoU) Build(s *core.State, _, _ tensor.Shape) error {
	return m.build(s, 2, m.TargetClassIDs)
}

// Update counts a batch.
func (m *BinaryIoU) Update(s *core.States, yTrue, yPred, weight graph.Value) {
	m.update(s, &m.MetricBase, yTrue, s.GreaterEqual(yPred, s.Const(m.Threshold)), weight, nil)
}

// Result is the mean over the target classes.
func (m *BinaryIoU) Result(s *core.States) graph.Value { return m.result(s, m.TargetClassIDs) }
