package core

import (
	"fmt"
	"math"
	"reflect"
	"slices"
)

// This file owns config values that say something of axes: a number per spatial axis, margins around an image, a choice of axes.

// PerAxis is one whole number for each spatial axis: kernel_size, strides, pool_size. Its length is the number of axes, which the
// layer's constructor sets. In configs and Go code one number stands for all axes. Where its default is null (-1 everywhere), null is
// taken, and written back.
type PerAxis []int

// AllAxes is n for each of rank axes.
func AllAxes(rank, n int) PerAxis { return slices.Repeat(PerAxis{n}, rank) }

// NoAxes is null for each of rank axes.
func NoAxes(rank int) PerAxis { return AllAxes(rank, -1) }

// Null reports whether the value is null.
func (p PerAxis) Null() bool { return len(p) > 0 && p[0] == -1 }

// SetConfig takes one whole number, or a list of one per axis.
func (p *PerAxis) SetConfig(v any) error {
	rank := len(*p)
	wrong := func() error {
		return Errorf(ErrLayerConfig, "", "got %v, want a whole number%s", shown(v), map[bool]string{true: fmt.Sprintf(" or %d of them", rank)}[rank > 1])
	}
	if v == nil {
		if !p.Null() {
			return wrong()
		}
		return nil
	}
	list, ok := listOf(v)
	if !ok {
		list = []any{v}
	}
	if len(list) != rank && (ok || len(list) != 1) {
		return wrong()
	}
	out := make(PerAxis, rank)
	for i := range out {
		n, ok := Whole(list[min(i, len(list)-1)])
		if !ok || n < 0 {
			return wrong()
		}
		if err := fitsAxis(n); err != nil {
			return err
		}
		out[i] = n
	}
	*p = out
	return nil
}

// Config is the list, or null.
func (p PerAxis) Config(Dialect) any {
	if p.Null() {
		return nil
	}
	return slices.Clone([]int(p))
}

// Margins is a number of rows before and one after, for each spatial axis: padding and cropping. Its length is the number of axes. In
// configs and Go code one number stands for all, one per axis for both sides of it; along a single axis a pair is before and after.
type Margins [][2]int

// SetConfig takes any of those forms.
func (m *Margins) SetConfig(v any) error {
	rank := len(*m)
	want := "a pair of whole numbers"
	if rank > 1 {
		want = fmt.Sprintf("%d numbers or %d pairs", rank, rank)
	}
	wrong := Errorf(ErrLayerConfig, "", "got %v, want a whole number >= 0 or %s", shown(v), want)
	out := make(Margins, rank)
	list, ok := listOf(v)
	switch {
	case !ok:
		list = slices.Repeat([]any{v}, rank)
	case rank == 1 && len(list) == 2: // before and after
		list = []any{list}
	case len(list) != rank:
		return wrong
	}
	for i, side := range list {
		pair, ok := listOf(side)
		if !ok {
			pair = []any{side, side}
		}
		if len(pair) != 2 {
			return wrong
		}
		for j, x := range pair {
			n, ok := Whole(x)
			if !ok || n < 0 {
				return wrong
			}
			if err := fitsAxis(n); err != nil {
				return err
			}
			out[i][j] = n
		}
	}
	*m = out
	return nil
}

// Config is a pair per axis; along a single axis the pair itself.
func (m Margins) Config(Dialect) any {
	if len(m) == 1 {
		return []int{m[0][0], m[0][1]}
	}
	out := make([]any, len(m))
	for i, p := range m {
		out[i] = []int{p[0], p[1]}
	}
	return out
}

// fitsAxis refuses a number of places along an axis that makes a tensor too large for memory whatever its other axes are. Sums and
// products of two numbers that pass do not overflow.
func fitsAxis(n int) error {
	if n > math.MaxInt32 {
		return Errorf(ErrTooLarge, "", "got %d along an axis, want at most %d", n, math.MaxInt32)
	}
	return nil
}

// Axes is an axis, or several, in the form in which the config has it: -1 or [1, 2]. Negative axes count from the end.
type Axes struct {
	List []int
	many bool // written as a list
}

// OneAxis is a single axis.
func OneAxis(axis int) Axes { return Axes{List: []int{axis}} }

// SetConfig takes a whole number or a list of them.
func (a *Axes) SetConfig(v any) error {
	list, many := listOf(v)
	if !many {
		list = []any{v}
	}
	out := make([]int, len(list))
	for i, x := range list {
		n, ok := Whole(x)
		if !ok {
			return Errorf(ErrLayerConfig, "", "got %v, want an axis or a list of axes", shown(v))
		}
		out[i] = n
	}
	*a = Axes{out, many}
	return nil
}

// Config is the axis or the list.
func (a Axes) Config(Dialect) any {
	if !a.many && len(a.List) == 1 {
		return a.List[0]
	}
	return slices.Clone(a.List)
}

// Resolve counts axes of a tensor of a rank from its beginning and sorts them. An axis that is not there, or there twice, is an error.
func Resolve(axes []int, rank int) ([]int, error) {
	out := make([]int, len(axes))
	for i, a := range axes {
		if a < -rank || a >= rank {
			return nil, Errorf(ErrLayerConfig, "axis", "got %d, want one of the axes of a rank %d input", a, rank)
		}
		out[i] = (a + rank) % rank
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		return nil, Errorf(ErrLayerConfig, "axis", "got %v, want each axis once", axes)
	}
	return out, nil
}

// Whole is the int that a JSON or Go number is.
func Whole(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case int64:
		return int(n), true
	case float64:
		if n == float64(int(n)) {
			return int(n), true
		}
	}
	return 0, false
}

// listOf is the items of a JSON list, of a tuple as Keras writes it, or of a Go slice or array.
func listOf(v any) ([]any, bool) {
	switch l := v.(type) {
	case []any:
		return l, true
	case map[string]any:
		items, ok := l["items"].([]any)
		return items, ok && l["class_name"] == "__tuple__"
	}
	r := reflect.ValueOf(v)
	if k := r.Kind(); k != reflect.Slice && k != reflect.Array {
		return nil, false
	}
	out := make([]any, r.Len())
	for i := range out {
		out[i] = r.Index(i).Interface()
	}
	return out, true
}

func shown(v any) any {
	if v == nil {
		return "null"
	}
	return v
}
