package initializers

import (
	"reflect"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the initializers without chance.

func init() {
	register("Zeros", func() core.Initializer { return &Zeros{} }, "zero")
	register("Ones", func() core.Initializer { return &Ones{} }, "one")
	register("Constant", func() core.Initializer { return &Constant{} })
	register("Identity", func() core.Initializer { return &Identity{Gain: 1} }, "IdentityInitializer")
}

// Zeros is 0 everywhere.
type Zeros struct{}

// Fill sets dst to 0.
func (*Zeros) Fill(dst []float32, _ tensor.Shape, _ core.Rand) { clear(dst) }

// Ones is 1 everywhere.
type Ones struct{}

// Fill sets dst to 1.
func (*Ones) Fill(dst []float32, _ tensor.Shape, _ core.Rand) { fill(dst, 1) }

func fill(dst []float32, v float32) {
	for i := range dst {
		dst[i] = v
	}
}

// Constant is the same number everywhere, or a tensor, such as pretrained embeddings, that broadcasts to the shape of the weight.
type Constant struct {
	Value Value `json:"value"`
}

// CheckShape refuses a shape to which the value does not broadcast.
func (i *Constant) CheckShape(shape tensor.Shape) error {
	if out, ok := graph.Broadcast(i.Value.shape, shape); !ok || !out.Equal(shape) {
		return core.Errorf(core.ErrShapeMismatch, "value", "got shape %v, want %v", i.Value.shape, shape)
	}
	return nil
}

// Fill sets dst to the value.
func (i *Constant) Fill(dst []float32, shape tensor.Shape, _ core.Rand) {
	v := i.Value
	switch {
	case v.numbers == nil:
		clear(dst)
		return
	case i.CheckShape(shape) != nil:
		return
	}
	// The place in the value of each element of dst: axes of size 1 stay where they are.
	at := make([]int, len(shape))
	lead := len(shape) - len(v.shape)
	for k := range dst {
		from := 0
		for axis, n := range v.shape {
			from *= n
			if n > 1 {
				from += at[lead+axis]
			}
		}
		dst[k] = float32(v.numbers[from])
		for axis := len(at) - 1; axis >= 0; axis-- {
			if at[axis]++; at[axis] < shape[axis] {
				break
			}
			at[axis] = 0
		}
	}
}

// Value is a number or a tensor of a config; the zero Value is 0.
type Value struct {
	numbers []float64
	shape   tensor.Shape
	dtype   string // of an array as Keras 3 writes it
}

// Number is a Value of one number.
func Number(x float64) Value { return Value{numbers: []float64{x}} }

// Tensor is a Value of many numbers.
func Tensor(t *tensor.Tensor) Value {
	return Value{numbers: t.Float64s(), shape: t.Shape().Clone(), dtype: t.DType().String()}
}

// SetConfig takes a number, lists of numbers or of lists, or an array as Keras 3 writes it.
func (v *Value) SetConfig(x any) error {
	out := Value{}
	if o, ok := x.(map[string]any); ok && (o["class_name"] == "__numpy__" || o["class_name"] == "__tensor__") {
		c, _ := o["config"].(map[string]any)
		x = c["value"]
		out.dtype, _ = c["dtype"].(string)
	}
	if !out.add(reflect.ValueOf(x), 0) {
		return core.Errorf(core.ErrLayerConfig, "", "got %.80v, want a number, or lists of numbers of one shape", x)
	}
	*v = out
	return nil
}

// add appends what x holds and reports whether x fits the shape so far from axis depth on.
func (v *Value) add(x reflect.Value, depth int) bool {
	if x.Kind() == reflect.Interface {
		x = x.Elem()
	}
	switch {
	case x.IsValid() && x.CanFloat():
		v.numbers = append(v.numbers, x.Float())
	case x.IsValid() && x.CanInt():
		v.numbers = append(v.numbers, float64(x.Int()))
	case x.Kind() == reflect.Bool:
		n := 0.0
		if x.Bool() {
			n = 1
		}
		v.numbers = append(v.numbers, n)
	case x.Kind() == reflect.Slice:
		if depth == len(v.shape) {
			if len(v.numbers) > 0 { // where others had a number
				return false
			}
			v.shape = append(v.shape, x.Len())
		}
		if v.shape[depth] != x.Len() {
			return false
		}
		for i := range x.Len() {
			if !v.add(x.Index(i), depth+1) {
				return false
			}
		}
		return true
	default:
		return false
	}
	return depth == len(v.shape)
}

// Config is the number, or the array as Keras 3 writes it and as older Kerases do: as lists.
func (v Value) Config(d core.Dialect) any {
	if v.numbers == nil {
		return 0.0
	}
	list, _ := v.lists(v.numbers, v.shape)
	if len(v.shape) == 0 || d == core.Legacy {
		return list
	}
	dtype := v.dtype
	if dtype == "" {
		dtype = "float32"
	}
	return core.Config{"class_name": "__numpy__", "config": core.Config{"value": list, "dtype": dtype}}
}

// lists nests numbers into a shape and returns what is left of them.
func (v Value) lists(numbers []float64, shape tensor.Shape) (any, []float64) {
	if len(shape) == 0 {
		return numbers[0], numbers[1:]
	}
	out := make([]any, shape[0])
	for i := range out {
		out[i], numbers = v.lists(numbers, shape[1:])
	}
	return out, numbers
}

// Identity is gain on the diagonal of a matrix and 0 elsewhere.
type Identity struct {
	Gain float64 `json:"gain"`
}

// CheckShape refuses what is no matrix.
func (*Identity) CheckShape(shape tensor.Shape) error { return wantRank(shape, 2) }

func wantRank(shape tensor.Shape, rank int) error {
	if len(shape) != rank {
		return core.Errorf(core.ErrShapeMismatch, "", "got shape %v, want rank %d", shape, rank)
	}
	return nil
}

// Fill sets dst to gain times the identity matrix.
func (i *Identity) Fill(dst []float32, shape tensor.Shape, _ core.Rand) {
	clear(dst)
	for k := 0; k < len(dst); k += shape[len(shape)-1] + 1 {
		dst[k] = float32(i.Gain)
	}
}
