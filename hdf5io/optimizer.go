package hdf5io

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns the state of optimizers in files.
//
// Keras 3 has it as a list: iteration (int64), learning_rate unless that is a schedule, then the slots in the order in which the
// optimizer declares them, for most optimizers weight by weight: m of the first, v of the first, m of the second, ... tf.keras 2.11 and
// later has the same without learning_rate. Before that, in Keras 1, Keras 2 and tf.keras' legacy optimizers, the list goes slot by slot: m
// of all weights, then v of all. Names differ in every generation and are not compared.

// optimizerState is where gk keeps the list in a legacy .h5. Keras' own place is optimizer_weights, but Keras 3.15 cannot train a model
// on whose file has that group: it builds the optimizer for no weights at all and then finds every weight unknown (load_model_from_hdf5
// passes model._trainable_variables, which a Sequential or Functional model does not have). Without the group it starts the optimizer
// afresh and trains. SaveOptions.OptimizerWeights writes Keras' group for tf.keras, slot by slot: tf.keras makes one of its
// legacy optimizers of a config that does not say otherwise, and Keras 3 takes no config that does. Files that are to be of the package
// keras before it became tf.keras always have the group, as that reads no other.
const optimizerState = "optimizer_state"

// state is one entry of the list.
type state struct {
	name string
	slot *core.Weight // nil: a number
	iter *int64       // the number of steps
	rate *float64     // the learning rate
	skip bool         // a number that Keras keeps and never uses
	idle tensor.Shape // zeros of this shape, likewise
}

// states is the list of an optimizer that has been built. rates says whether learning rates are in it.
func states(o core.Optimizer, rates bool) []state {
	if around, ok := o.(core.OptimizerWrapper); ok {
		list := []state{{name: "loss_scale/iteration", iter: new(int64), skip: true}, {name: "loss_scale/learning_rate", rate: new(float64), skip: true}}
		for _, s := range around.OwnSlots() {
			list = append(list, state{name: s.Name, slot: s})
		}
		return append(list, states(around.Wrapped(), rates)...)
	}
	b := o.Common()
	list := []state{{name: stateName(o, "iteration"), iter: &b.Iterations}}
	if rates && b.LearningRate.Schedule == nil {
		list = append(list, state{name: stateName(o, "learning_rate"), rate: &b.LearningRate.Value})
	}
	for _, s := range b.Slots() {
		list = append(list, state{name: s.Name, slot: s})
	}
	return list
}

// dataset is an entry as files hold it.
func (s state) dataset() *h5.DatasetSpec {
	switch {
	case s.slot != nil:
		return dataset(s.slot)
	case s.idle != nil:
		return &h5.DatasetSpec{Shape: s.idle, Data: make([]float32, s.idle.Size())}
	case s.iter != nil:
		return &h5.DatasetSpec{Data: []int64{*s.iter}}
	}
	return &h5.DatasetSpec{Data: []float32{float32(*s.rate)}}
}

func (s state) shape() tensor.Shape {
	if s.slot != nil {
		return s.slot.Shape
	}
	return tensor.Shape{}
}

func (s state) read(a array) error {
	switch {
	case s.slot != nil:
		if err := a.ReadFloat32(s.slot.Data()); err != nil {
			return err
		}
		s.slot.SetReady()
		return nil
	case s.iter != nil:
		n := []int64{0}
		if err := a.ReadInt64(n); err != nil {
			// Old Kerases count in floats.
			f := []float64{0}
			if err := a.ReadFloat64(f); err != nil {
				return err
			}
			n[0] = int64(f[0])
		}
		if n[0] < 0 {
			n[0] = 0
		}
		*s.iter = n[0]
		return nil
	}
	f := []float64{0}
	if err := a.ReadFloat64(f); err != nil {
		return err
	}
	*s.rate = f[0]
	return nil
}

// restoreOptimizer reads the state of the optimizer of a compiled model. A state that does not fit is a warning: training can go on
// without it.
func (l *loader) restoreOptimizer(arrays []array) error {
	if len(arrays) == 0 {
		return nil
	}
	if err := l.Model.BuildOptimizer(); err != nil {
		l.warn("optimizer: its state is not restored: %v", err)
		return nil
	}
	o := l.Model.Optimizer()
	orders := l.orders(o, arrays)
	// Where gk or the same Keras wrote the file the names say which it is; shapes alone may fit more than one order.
	slices.SortStableFunc(orders, func(a, b []state) int { return sameNames(b, arrays) - sameNames(a, arrays) })
	for _, order := range orders {
		if !matches(order, arrays) {
			continue
		}
		for i, s := range order {
			if err := s.read(arrays[i]); err != nil {
				l.warn("optimizer: its state is restored only in part: %v", err)
				return nil
			}
		}
		if rest := arrays[len(order):]; len(rest) > 0 && !surplus(rest) && !l.unusedMomenta(o, rest) {
			l.warn("optimizer: %d arrays of its state have no place and are left out", len(arrays)-len(order))
		}
		l.HasOptimizer = true
		return nil
	}
	l.warn("optimizer: its state is not restored: got %d arrays, want %d of the shapes of the weights; training goes on with a fresh one",
		len(arrays), len(states(o, true)))
	return nil
}

// sameNames counts the entries that an array of the same name stands for.
func sameNames(list []state, arrays []array) int {
	n := 0
	for i, s := range list {
		if i < len(arrays) && arrays[i].name == s.name {
			n++
		}
	}
	return n
}

// orders are the lists that a file may have, the likeliest first.
func (l *loader) orders(o core.Optimizer, arrays []array) [][]state {
	rates := len(arrays) > 1 && len(arrays[1].Shape) == 0 && l.isLearningRate(arrays[1])
	as3 := states(o, rates)
	if _, wrapped := o.(core.OptimizerWrapper); wrapped {
		return [][]state{states(o, true), as3}
	}
	bySlot := slotBySlot(as3, l.Model.TrainableWeights())
	// tf.keras says so; of other old Kerases the version does.
	old := l.origin.Major() == 1 || l.origin.Major() == 2
	if legacy, ok := l.legacyOptimizer(); ok {
		old = legacy
	}
	if old && !rates {
		return [][]state{bySlot, scalarsFirst(bySlot), as3, withoutNumbers(bySlot), withoutScalars(bySlot)}
	}
	return [][]state{as3, bySlot, withoutNumbers(bySlot)}
}

// isLearningRate tells the learning rate from other single numbers; before Keras 3 it has a name that says so, if it is there.
func (l *loader) isLearningRate(a array) bool {
	old := l.origin.Major() == 1 || l.origin.Major() == 2
	return a.Type.Class == h5.ClassFloat && !old || strings.Contains(a.name, "learning_rate")
}

// legacyOptimizer is what the config of a tf.keras optimizer says of itself.
func (l *loader) legacyOptimizer() (legacy, ok bool) {
	o, _ := l.Model.CompileOptions()
	c, _ := o.Optimizer.(map[string]any)
	if c == nil {
		return false, false
	}
	config, _ := c["config"].(map[string]any)
	if legacy, ok = config["is_legacy_optimizer"].(bool); ok {
		return legacy, true
	}
	class, _ := c["class_name"].(string)
	return false, strings.HasPrefix(class, "Custom>")
}

// slotBySlot puts the slots in the order of old Kerases: all of the first kind, all of the second, ...
func slotBySlot(list []state, weights []*core.Weight) []state {
	var numbers []state
	var kinds []string
	byKind := map[string][]state{}
	for _, s := range list {
		if s.slot == nil {
			numbers = append(numbers, s)
			continue
		}
		kind := slotKind(s.slot, weights)
		if byKind[kind] == nil {
			kinds = append(kinds, kind)
		}
		byKind[kind] = append(byKind[kind], s)
	}
	out := numbers
	for _, k := range kinds {
		out = append(out, byKind[k]...)
	}
	return out
}

// standaloneStates is the list of the package keras before it became tf.keras: slot by slot, single numbers first, and last what it kept
// and did not use.
func standaloneStates(o core.Optimizer, weights []*core.Weight) []state {
	list := scalarsFirst(slotBySlot(states(o, false), weights))
	if i, ok := o.(core.Idler); ok {
		for n, w := range weights {
			if shape := i.IdleShape(w); shape != nil {
				list = append(list, state{name: stateName(o, fmt.Sprintf("idle_%d", n)), idle: shape})
			}
		}
	}
	return list
}

// slotKind is the name of a slot without that of its weight: "momentum".
func slotKind(slot *core.Weight, weights []*core.Weight) string {
	name := short(slot)
	kind, longest := name, 0
	for _, w := range weights {
		prefix := w.SlotName("")
		if rest, ok := strings.CutPrefix(name, prefix); ok && len(prefix) > longest {
			kind, longest = rest, len(prefix)
		}
	}
	return kind
}

// scalarsFirst puts slots that are single numbers before the others: Nadam of Keras 2.3 has its product of momenta there.
func scalarsFirst(list []state) []state {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b state) int { return min(1, len(a.shape())) - min(1, len(b.shape())) })
	return out
}

// withoutScalars leaves out slots that are single numbers: before 2.3 Nadam forgot its product of momenta and began at 1 again.
func withoutScalars(list []state) []state {
	return slices.DeleteFunc(slices.Clone(list), func(s state) bool { return s.slot != nil && len(s.shape()) == 0 })
}

func withoutNumbers(list []state) []state {
	var out []state
	for _, s := range list {
		if s.slot != nil {
			out = append(out, s)
		}
	}
	return out
}

// matches reports whether the arrays begin with what the list wants.
func matches(list []state, arrays []array) bool {
	if len(list) > len(arrays) {
		return false
	}
	for i, s := range list {
		if arrays[i].Null || !arrays[i].IsNumeric() || !s.shape().Equal(arrays[i].Shape) {
			return false
		}
	}
	return true
}

// unusedMomenta reports whether arrays are the momenta that tf.keras keeps for an SGD without momentum and does not use.
func (l *loader) unusedMomenta(o core.Optimizer, arrays []array) bool {
	weights := l.Model.TrainableWeights()
	if len(o.Common().Slots()) > 0 || len(arrays) != len(weights) {
		return false
	}
	for i, w := range weights {
		if !w.Shape.Equal(arrays[i].Shape) {
			return false
		}
	}
	return true
}

// surplus reports whether arrays are of a sort that old Kerases save and do not use, all 0: Adam's vhat, [0] for each weight, without
// amsgrad.
func surplus(arrays []array) bool {
	for _, a := range arrays {
		if a.Len() > 1<<24 {
			return false
		}
		x := make([]float32, a.Len())
		if a.Null || !a.IsNumeric() || a.ReadFloat32(x) != nil {
			return false
		}
		for _, v := range x {
			if v != 0 {
				return false
			}
		}
	}
	return true
}
