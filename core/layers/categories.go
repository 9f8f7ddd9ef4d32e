package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the layers that make categories of numbers share: in which form a category comes out.

// categories encodes numbers of categories, 0 to depth-1, as output_mode says:
//
//	int        the number itself
//	one_hot    a new last axis with 1 for the category; an old last axis of size 1 goes
//	multi_hot  a new last axis with 1 for each category that there is along axis 1, which goes
//	count      likewise with how many there are of each, or with the sum of their weights, which may be "none"
//
// Another number counts nowhere. Source: encode_categorical_inputs of keras/src/utils/numerical_utils.py.
func categories(g *graph.Graph, x graph.Value, mode string, depth int, weights graph.Value) graph.Value {
	switch mode {
	case "int":
		return x
	case "one_hot":
		if x.Dim(-1) == 1 {
			x = g.Squeeze(x, -1)
		}
		return g.OneHot(x, depth)
	}
	hot := g.OneHot(x, depth)
	if weights.Valid() {
		hot = g.Mul(hot, g.ExpandDims(weights, -1))
	}
	if mode == "multi_hot" {
		return g.Max(hot, []int{1}, false)
	}
	return g.Sum(hot, []int{1}, false)
}

// wantCategories checks the input and that categories come out as a dense tensor.
func wantCategories(inputs []tensor.Shape, mode string, sparse bool) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	if sparse {
		return core.Errorf(core.ErrUnsupported, "sparse", "got true, but gk has dense tensors only")
	}
	if mode != "int" && len(inputs[0]) < 2 {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want (batch, ...)", inputs[0])
	}
	return nil
}

// maxCategories bounds how many categories there are: float32 has all whole numbers up to there.
const maxCategories = 1 << 24

// oldModes: multi_hot was called binary.
func oldModes(c core.Config) {
	if c["output_mode"] == "binary" {
		c["output_mode"] = "multi_hot"
	}
}

// renameOld gives what an older TensorFlow wrote under another key its key of today.
func renameOld(c core.Config, old, key string) {
	if v, ok := c[old]; ok {
		delete(c, old)
		c[key] = v
	}
}
