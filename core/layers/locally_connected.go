package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what LocallyConnected1D and LocallyConnected2D have in common.

// locallyConnected is a convolution with a kernel of its own at each place of the output.
//
// implementation says in which form the kernel is kept: 1 by place, 2 as the matrix from all of the input to all of the output, of
// which only what lies in windows counts, 3 as those numbers of the transposed matrix that count, row by row. Only 2 and 3 have
// padding "same"; its windows have their middle, rounded up, at a multiple of the strides.
type locallyConnected struct {
	core.Base
	Filters           int              `json:"filters" want:">0"`
	KernelSize        core.PerAxis     `json:"kernel_size" want:">0"`
	Strides           core.PerAxis     `json:"strides" want:">0"`
	Padding           string           `json:"padding" want:"valid|same"`
	DataFormat        string           `json:"data_format" want:"channels_last|channels_first"`
	Activation        core.Activation  `json:"activation"`
	UseBias           bool             `json:"use_bias"`
	KernelInitializer core.Initializer `json:"kernel_initializer"`
	BiasInitializer   core.Initializer `json:"bias_initializer"`
	KernelRegularizer core.Regularizer `json:"kernel_regularizer"`
	BiasRegularizer   core.Regularizer `json:"bias_regularizer"`
	KernelConstraint  core.Constraint  `json:"kernel_constraint"`
	BiasConstraint    core.Constraint  `json:"bias_constraint"`
	Implementation    int              `json:"implementation" want:">0" keras:"3"` // tf.keras alone has it

	kernel, bias *core.Weight
	in, out      []int // places per spatial axis
	channels     int
}

func newLocallyConnected(rank int) locallyConnected {
	return locallyConnected{
		KernelSize: core.AllAxes(rank, 1), Strides: core.AllAxes(rank, 1), Padding: "valid", DataFormat: "channels_last", UseBias: true,
		Activation: activation("linear"), KernelInitializer: initializer("GlorotUniform"), BiasInitializer: initializer("Zeros"), Implementation: 1,
	}
}

// before is how many places of the first window along spatial axis i lie before the input.
func (l *locallyConnected) before(i int) int {
	if l.Padding == "same" {
		return l.KernelSize[i] / 2
	}
	return 0
}

// product is that of sizes.
func product(sizes []int) int { return tensor.Shape(sizes).Size() }

// Build declares kernel and bias.
func (l *locallyConnected) Build(b *core.Builder, inputs []tensor.Shape) error {
	rank := len(l.KernelSize)
	if err := core.WantInputs(inputs, 1, rank+2); err != nil {
		return err
	}
	var err error
	if l.channels, err = core.WantDim(inputs[0], channelAxis(l.DataFormat)); err != nil {
		return err
	}
	l.in, l.out = make([]int, rank), make([]int, rank)
	for i, axis := range spatialAxes(rank+2, l.DataFormat) {
		n, err := core.WantDim(inputs[0], axis)
		if err != nil {
			return err
		}
		k, s := l.KernelSize[i], l.Strides[i]
		if l.in[i], l.out[i] = n, graph.WindowSize(n, k, s, 1, 0, 0); l.Padding == "same" {
			l.out[i] = graph.WindowSize(n, 1, s, 1, 0, 0)
		}
		if l.out[i] == 0 {
			return core.Errorf(core.ErrShapeMismatch, "input", "got %d along axis %d, want at least %d", n, axis, k)
		}
	}
	var shape tensor.Shape
	switch {
	case l.Implementation == 1 && l.Padding != "valid":
		return core.Errorf(core.ErrLayerConfig, "padding", "got %q with implementation 1, want valid", l.Padding)
	case l.tooLarge():
		return core.Errorf(core.ErrUnsupported, "kernel", "got output %v, kernel_size %v, %d channels and %d filters, want fewer numbers (%d with implementation 2 or 3)",
			l.out, []int(l.KernelSize), l.channels, l.Filters, mostCounted)
	case l.Implementation == 1:
		shape = l.byPlace()
	case l.Implementation == 2 && l.DataFormat == channelsFirst:
		shape = append(append(append(tensor.Shape{l.channels}, l.in...), l.Filters), l.out...)
	case l.Implementation == 2:
		shape = append(append(append(append(tensor.Shape{}, l.in...), l.channels), l.out...), l.Filters)
	case l.Implementation == 3:
		shape = tensor.Shape{l.pairs() * l.channels * l.Filters}
	default:
		return core.Errorf(core.ErrLayerConfig, "implementation", "got %d, want 1, 2 or 3", l.Implementation)
	}
	l.kernel = b.Weight(core.WeightSpec{Name: "kernel", Shape: shape,
		Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	if l.UseBias {
		l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: append(append(tensor.Shape{}, l.out...), l.Filters),
			Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// mostCounted is how far a float32, in which graphs have indices, counts without gaps.
const mostCounted = 1 << 24

// tooLarge reports whether the numbers of the kernel cannot be counted, before anything is made of so many.
func (l *locallyConnected) tooLarge() bool {
	numbers := func(lists ...[]int) float64 {
		n := 1.0
		for _, list := range lists {
			for _, d := range list {
				n *= float64(d)
			}
		}
		return n
	}
	deep := []int{l.channels, l.Filters}
	if l.Implementation == 1 {
		return numbers(l.out, l.KernelSize, deep) > 1<<40
	}
	return numbers(l.out, l.KernelSize, deep) > mostCounted || l.Implementation == 2 && numbers(l.out, l.in, deep) > mostCounted
}

// pairs is how many pairs of a place of the output and a place of the input are connected.
func (l *locallyConnected) pairs() int {
	pairs := 1
	for i, n := range l.in {
		connected := 0
		for place := range l.out[i] {
			start := place*l.Strides[i] - l.before(i)
			connected += min(n, start+l.KernelSize[i]) - max(0, start)
		}
		pairs *= connected
	}
	return pairs
}

// byPlace is the shape of the kernel of implementation 1: for each place of the output, from its window to filters.
func (l *locallyConnected) byPlace() tensor.Shape {
	return tensor.Shape{product(l.out), product(append(append([]int{}, l.KernelSize...), l.channels)), l.Filters}
}

// eachPlace calls f with every place of a box, last axis first, and its number.
func eachPlace(box []int, f func(at []int, number int)) {
	at := make([]int, len(box))
	for number := range product(box) {
		f(at, number)
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < box[i] {
				break
			}
			at[i] = 0
		}
	}
}

// indices say where in the kernel of implementation 2 or 3 each number of the kernel of implementation 1 is; what lies beside the input,
// which is 0 there, is anywhere.
func (l *locallyConnected) indices() *tensor.Tensor {
	table := tensor.New(tensor.Float32, l.byPlace()...)
	index := tensor.Data[float32](table)
	first := l.DataFormat == channelsFirst
	window, inputs, outputs := product(l.KernelSize), product(l.in), product(l.out)
	// each calls f for all inputs of a window, in the order of the input: j is the place in the window, from that in the input.
	each := func(out []int, f func(j, from, channel int)) {
		walk := func(do func(j, from int)) {
			eachPlace(l.KernelSize, func(at []int, j int) {
				from := 0
				for i, o := range at {
					place := out[i]*l.Strides[i] + o - l.before(i)
					if place < 0 || place >= l.in[i] {
						return
					}
					from = from*l.in[i] + place
				}
				do(j, from)
			})
		}
		if !first {
			walk(func(j, from int) {
				for c := range l.channels {
					f(j, from, c)
				}
			})
			return
		}
		for c := range l.channels {
			walk(func(j, from int) { f(j, from, c) })
		}
	}
	next := 0
	put := func(out []int, place, filter int) {
		each(out, func(j, from, c int) {
			feature := j*l.channels + c
			at := ((from*l.channels+c)*outputs+place)*l.Filters + filter
			if first {
				feature = c*window + j
				at = ((c*inputs+from)*l.Filters+filter)*outputs + place
			}
			if l.Implementation == 3 {
				at = next
				next++
			}
			index[(place*window*l.channels+feature)*l.Filters+filter] = float32(at)
		})
	}
	if first {
		for filter := range l.Filters {
			eachPlace(l.out, func(out []int, place int) { put(out, place, filter) })
		}
	} else {
		eachPlace(l.out, func(out []int, place int) {
			for filter := range l.Filters {
				put(out, place, filter)
			}
		})
	}
	return table
}

// windows are the windows of x, one after the other: (places, batch, numbers of a window), in the order that data_format has them.
func (l *locallyConnected) windows(g *graph.Graph, x graph.Value) graph.Value {
	rank := len(l.KernelSize)
	axes := spatialAxes(rank+2, l.DataFormat)
	lo, hi := make([]int, rank+2), make([]int, rank+2)
	for i, axis := range axes {
		lo[axis] = l.before(i)
		hi[axis] = max(0, (l.out[i]-1)*l.Strides[i]+l.KernelSize[i]-lo[axis]-l.in[i])
	}
	x = g.Pad(x, lo, hi)
	var parts []graph.Value // one per place in the window: (batch, channels, places)
	eachPlace(l.KernelSize, func(at []int, _ int) {
		start, count, step := make([]int, rank+2), x.Shape().Clone(), []int{}
		for range start {
			step = append(step, 1)
		}
		for i, axis := range axes {
			start[axis], count[axis], step[axis] = at[i], l.out[i], l.Strides[i]
		}
		part := g.Slice(x, start, count, step)
		if l.DataFormat != channelsFirst {
			part = g.MoveAxis(part, -1, 1)
		}
		parts = append(parts, g.Reshape(part, x.Dim(0), 1, l.channels, product(l.out)))
	})
	all := g.Concat(1, parts...) // (batch, window, channels, places)
	if l.DataFormat == channelsFirst {
		all = g.Transpose(all, 3, 0, 2, 1)
	} else {
		all = g.Transpose(all, 3, 0, 1, 2)
	}
	return g.Reshape(all, product(l.out), x.Dim(0), len(parts)*l.channels)
}

// Call multiplies each window by its kernel. It drops masks.
func (l *locallyConnected) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g, kernel, batch := c.Graph, c.Read(l.kernel), inputs[0].Dim(0)
	if l.Implementation > 1 {
		kernel = g.Gather(g.Reshape(kernel, l.kernel.Shape.Size(), 1), g.Table(l.indices()))
		kernel = g.Reshape(kernel, l.byPlace()...)
	}
	y := g.MatMul(l.windows(g, inputs[0]), kernel, false, false) // (places, batch, filters)
	shape := append(tensor.Shape{batch}, l.out...)
	if l.DataFormat == channelsFirst {
		y = g.Transpose(y, 1, 2, 0)
		shape = append(tensor.Shape{batch, l.Filters}, l.out...)
	} else {
		y = g.Transpose(y, 1, 0, 2)
		shape = append(shape, l.Filters)
	}
	y = g.Reshape(y, shape...)
	if l.bias != nil { // with channels_first, Keras reads the numbers of the bias in the order of the output, whatever their axes
		y = g.Add(y, g.Reshape(c.Read(l.bias), append(tensor.Shape{1}, shape[1:]...)...))
	}
	return activate(c, l.Activation, y)
}
