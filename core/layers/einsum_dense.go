package layers

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// EinsumDense is a layer of weights that are multiplied and added up as an equation says:
//
//	output = activation(einsum(equation, input, kernel) + bias)
//
// equation is "[input],[kernel]->[output]" with a letter for each axis: "abc,cd->abd" is Dense over sequences. "..." first or last in
// input and output stands for further axes. output_shape is the output without the batch and these axes, null where the input says
// it. Letters in bias_axes are axes of the output that the bias has.
//
// Weights: kernel, bias. Source: keras/src/layers/core/einsum_dense.py.
type EinsumDense struct {
	core.Base
	OutputShape       tensor.Shape     `json:"output_shape"`
	Equation          string           `json:"equation"`
	Activation        core.Activation  `json:"activation"`
	BiasAxes          *string          `json:"bias_axes"`
	KernelInitializer core.Initializer `json:"kernel_initializer"`
	BiasInitializer   core.Initializer `json:"bias_initializer"`
	KernelRegularizer core.Regularizer `json:"kernel_regularizer"`
	BiasRegularizer   core.Regularizer `json:"bias_regularizer"`
	KernelConstraint  core.Constraint  `json:"kernel_constraint"`
	BiasConstraint    core.Constraint  `json:"bias_constraint"`

	kernel, bias *core.Weight
}

func init() {
	registerUpgraded("EinsumDense", func() *EinsumDense {
		return &EinsumDense{Activation: activation("linear"), KernelInitializer: initializer("GlorotUniform"), BiasInitializer: initializer("Zeros")}
	}, func(c core.Config, _ registry.Origin) error {
		if n, ok := core.Whole(c["output_shape"]); ok { // one axis may be a number
			c["output_shape"] = []any{n}
		}
		return nil
	})
}

// NewEinsumDense makes an EinsumDense layer. outputShape has tensor.Unknown for null.
func NewEinsumDense(equation string, outputShape []int, with ...With) *EinsumDense {
	return configure[*EinsumDense]("EinsumDense", With{"equation": equation, "output_shape": outputShape}, with)
}

var einsumEquation = regexp.MustCompile(`^(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?$`)

// labels are the letters of an equation; the axes that "..." stands for are digits.
type labels struct {
	in, kernel, out string
	elided          int
	left            bool // "..." comes first
}

func (l *EinsumDense) labels(rank int) (labels, error) {
	m := einsumEquation.FindStringSubmatch(l.Equation)
	if m == nil || m[1] != m[5] || m[3] != m[7] || m[1] != "" && m[3] != "" {
		return labels{}, core.Errorf(core.ErrLayerConfig, "equation", "got %q, want [X],[Y]->[Z], ...[X],[Y]->...[Z] or [X]...,[Y]->[Z]...", l.Equation)
	}
	e := labels{in: m[2], kernel: m[4], out: m[6], elided: rank - len(m[2]), left: m[1] != ""}
	if e.elided < 0 || e.elided > 9 || e.elided > 0 && m[1] == "" && m[3] == "" {
		return labels{}, core.Errorf(core.ErrLayerConfig, "equation", "got %q for an input of rank %d", l.Equation, rank)
	}
	for _, s := range []string{e.in, e.kernel, e.out} {
		for i, r := range s {
			if strings.ContainsRune(s[i+1:], r) {
				return labels{}, core.Errorf(core.ErrLayerConfig, "equation", "got %q, want each axis once in %q", l.Equation, s)
			}
		}
	}
	dots := "012345678"[:e.elided]
	if e.left {
		e.in, e.out = dots+e.in, dots+e.out
	} else {
		e.in, e.out = e.in+dots, e.out+dots
	}
	for _, r := range e.out {
		if !strings.ContainsRune(e.in+e.kernel, r) {
			return labels{}, core.Errorf(core.ErrLayerConfig, "equation", "got %q, want %q in the input or the kernel", l.Equation, string(r))
		}
	}
	return e, nil
}

// sizes is the size of each axis by its letter.
func (l *EinsumDense) sizes(e labels, input tensor.Shape) (map[rune]int, error) {
	out := tensor.Shape{input[0]}
	if e.left && e.elided > 0 {
		out = append(out, input[1:e.elided]...)
	}
	out = append(out, l.OutputShape...)
	if !e.left {
		out = append(out, input[len(input)-e.elided:]...)
	}
	if len(out) != len(e.out) {
		return nil, core.Errorf(core.ErrLayerConfig, "output_shape", "got %v, want %d numbers for equation %q", l.OutputShape, len(l.OutputShape)+len(e.out)-len(out), l.Equation)
	}
	size := map[rune]int{}
	for i, r := range e.in {
		size[r] = input[i]
	}
	for i, r := range e.out {
		if known, ok := size[r]; !ok || known == tensor.Unknown {
			size[r] = out[i]
		} else if out[i] >= 0 && known != out[i] {
			return nil, core.Errorf(core.ErrLayerConfig, "output_shape", "got %d for axis %q, but the input has %d", out[i], string(r), known)
		}
	}
	return size, nil
}

// Build declares kernel and bias.
func (l *EinsumDense) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	if len(inputs[0]) == 0 {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want a batch", inputs[0])
	}
	e, err := l.labels(len(inputs[0]))
	if err != nil {
		return err
	}
	size, err := l.sizes(e, inputs[0])
	if err != nil {
		return err
	}
	var shape tensor.Shape
	var in, out []int
	for i, r := range e.kernel {
		n, ok := size[r]
		if !ok || n == tensor.Unknown {
			return core.Errorf(core.ErrLayerConfig, "equation", "got %q, want a known size of axis %q in the input or the output", l.Equation, string(r))
		}
		shape = append(shape, n)
		if strings.ContainsRune(e.out, r) {
			out = append(out, i)
		} else {
			in = append(in, i)
		}
	}
	l.kernel = b.Weight(core.WeightSpec{Name: "kernel", Shape: shape,
		Initializer: withAxes(l.KernelInitializer, in, out), Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	if l.BiasAxes == nil {
		return nil
	}
	shape = nil
	for _, r := range e.out {
		if strings.ContainsRune(*l.BiasAxes, r) {
			shape = append(shape, size[r])
		} else if shape != nil {
			shape = append(shape, 1)
		}
	}
	for _, r := range *l.BiasAxes {
		if n, ok := size[r]; !ok || n == tensor.Unknown || !strings.ContainsRune(e.out, r) {
			return core.Errorf(core.ErrLayerConfig, "bias_axes", "got %q, want axes of the output of a known size", *l.BiasAxes)
		}
	}
	l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: shape,
		Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	return nil
}

// withAxes tells an initializer that scales by the number of inputs and outputs which axes these are, unless its config says so.
func withAxes(i core.Initializer, in, out []int) core.Initializer {
	r := registry.Default
	c, err := r.Encoder(core.Keras3).Config(i)
	entry := r.Initializers.Lookup(r.Initializers.NameOf(i))
	if _, has := c["input_axes"]; err != nil || entry == nil || !has || c["input_axes"] != nil && c["output_axes"] != nil {
		return i
	}
	c["input_axes"], c["output_axes"] = append([]int{}, in...), append([]int{}, out...)
	told := entry.New()
	if r.Decoder(registry.Origin{}).Into(told, c) != nil {
		return i
	}
	return told
}

// Call multiplies. It drops masks.
func (l *EinsumDense) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	e, err := l.labels(inputs[0].Rank())
	if err != nil {
		c.Graph.Fail(err)
		return inputs
	}
	y := einsum(c.Graph, e, inputs[0], c.Read(l.kernel))
	if l.bias != nil {
		y = c.Graph.Add(y, c.Read(l.bias))
	}
	return activate(c, l.Activation, y)
}

// einsum multiplies x and k and adds up along the axes that the result lacks, by one product of matrices.
func einsum(g *graph.Graph, e labels, x, k graph.Value) graph.Value {
	has := func(s string, r rune) bool { return strings.ContainsRune(s, r) }
	var batch, rows, inner, columns string // in both operands and the result; in x and the result; in both operands; in k and the result
	in := ""
	for axis, r := range slices.Backward([]rune(e.in)) {
		if !has(e.kernel, r) && !has(e.out, r) {
			x = g.Sum(x, []int{axis}, false)
		} else {
			in = string(r) + in
		}
	}
	for _, r := range in {
		switch {
		case has(e.kernel, r) && has(e.out, r):
			batch += string(r)
		case has(e.kernel, r):
			inner += string(r)
		default:
			rows += string(r)
		}
	}
	for _, r := range e.kernel {
		if !has(in, r) {
			columns += string(r)
		}
	}
	bx, rx, ix := sizesBy(x, in, batch), sizesBy(x, in, rows), sizesBy(x, in, inner)
	cx := sizesBy(k, e.kernel, columns)
	x, k = reorder(g, x, in, batch+rows+inner), reorder(g, k, e.kernel, batch+inner+columns)
	xs, ks := tensor.Shape{rx.Size(), ix.Size()}, tensor.Shape{ix.Size(), cx.Size()}
	if batch != "" {
		xs, ks = append(tensor.Shape{bx.Size()}, xs...), append(tensor.Shape{bx.Size()}, ks...)
	}
	y := g.MatMul(g.Reshape(x, xs...), g.Reshape(k, ks...), false, false)
	return reorder(g, g.Reshape(y, slices.Concat(bx, rx, cx)...), batch+rows+columns, e.out)
}

// sizesBy is the sizes of some axes of x, whose axes have letters.
func sizesBy(x graph.Value, axes, some string) tensor.Shape {
	out := tensor.Shape{}
	for _, r := range some {
		out = append(out, x.Dim(strings.IndexRune(axes, r)))
	}
	return out
}

// reorder puts the axes of x in another order.
func reorder(g *graph.Graph, x graph.Value, from, to string) graph.Value {
	perm := make([]int, 0, len(to))
	for _, r := range to {
		perm = append(perm, strings.IndexRune(from, r))
	}
	return g.Transpose(x, perm...)
}
