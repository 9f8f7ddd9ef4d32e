package layers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns how weights of other Kerases become those of today: axes in another order, kernels of Theano, gates in arrays of their
// own. Source: preprocess_weights_for_loading of keras/engine/saving.py, Keras 2.2.5.

// rearranged copies t with its axes in another order, and with the order along some of the new axes reversed.
func rearranged(t *tensor.Tensor, perm []int, reversed ...int) *tensor.Tensor {
	from := t.Shape()
	shape, stride := make([]int, len(perm)), make([]int, len(perm))
	start := 0
	for i, axis := range perm {
		shape[i], stride[i] = from[axis], tensor.Shape(from[axis+1:]).Size()
		if slices.Contains(reversed, i) {
			start, stride[i] = start+(shape[i]-1)*stride[i], -stride[i]
		}
	}
	out := tensor.New(tensor.Float32, shape...)
	src, dst := tensor.Data[float32](t), tensor.Data[float32](out)
	at := make([]int, len(perm))
	for k := range dst {
		place := start
		for i, n := range at {
			place += n * stride[i]
		}
		dst[k] = src[place]
		for i := len(at) - 1; i >= 0; i-- { // count on, last axis first
			if at[i]++; at[i] < shape[i] {
				break
			}
			at[i] = 0
		}
	}
	return out
}

// firstAxes are 0 to n-1: the spatial axes of a kernel, or the order that changes nothing.
func firstAxes(n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// fromTheano turns a kernel (spatial..., in, out) around along its spatial axes, where a file was written by Theano: its convolution
// is the mathematical one, which goes through the kernel backwards.
func fromTheano(kernel *tensor.Tensor, from registry.Origin) (*tensor.Tensor, string) {
	rank := len(kernel.Shape())
	if from.Backend != "theano" || rank < 3 {
		return kernel, ""
	}
	return rearranged(kernel, firstAxes(rank), firstAxes(rank-2)...), "kernel of Theano turned around"
}

// joinGates makes one array of those of the gates, side by side along the last axis; nil if their shapes differ.
func joinGates(gates []*tensor.Tensor) *tensor.Tensor {
	shape := gates[0].Shape()
	if len(shape) == 0 {
		return nil
	}
	for _, g := range gates {
		if !g.Shape().Equal(shape) {
			return nil
		}
	}
	u := shape.Dim(-1)
	wide := u * len(gates)
	out := tensor.New(tensor.Float32, shape.With(-1, wide)...)
	dst := tensor.Data[float32](out)
	for i, g := range gates {
		src := tensor.Data[float32](g)
		for row := 0; row*u < len(src); row++ {
			copy(dst[row*wide+i*u:], src[row*u:(row+1)*u])
		}
	}
	return out
}

// gatesOfKeras1 joins the arrays W, U, b that Keras 1 had for each gate to kernel, recurrent_kernel and bias. order says which gate of
// the file comes where. Other arrays come back as they are.
func gatesOfKeras1(arrays []*tensor.Tensor, order ...int) (values []*tensor.Tensor, what string, err error) {
	if len(arrays) != 3*len(order) {
		return arrays, "", nil
	}
	for kind := range 3 {
		var gates []*tensor.Tensor
		for _, gate := range order {
			gates = append(gates, arrays[3*gate+kind])
		}
		joined := joinGates(gates)
		if joined == nil {
			return nil, "", fmt.Errorf("got gates of different shapes, such as %v and %v, want all the same", gates[0].Shape(), gates[1].Shape())
		}
		values = append(values, joined)
	}
	return values, fmt.Sprintf("%d arrays of Keras 1 joined to three", len(arrays)), nil
}

// The gates of Keras 1 are i, c, f, o for what is i, f, c, o today.
var lstmOfKeras1 = []int{0, 2, 1, 3}

// oldGateCount is how many arrays Keras 1 had for so many gates, with a bias.
func oldGateCount(from registry.Origin, gates int) int {
	if from.Major() != 1 {
		return 0
	}
	return 3 * gates
}

// UpgradeWeights joins the twelve arrays of Keras 1, and takes those of cuDNN.
func (l *LSTM) UpgradeWeights(arrays []*tensor.Tensor, _ registry.Origin) ([]*tensor.Tensor, string, error) {
	if values, what := fromCuDNN(arrays, 4, true); what != "" {
		return values, what, nil
	}
	return gatesOfKeras1(arrays, lstmOfKeras1...)
}

// OldWeightCount is twelve in Keras 1.
func (l *LSTM) OldWeightCount(from registry.Origin) int { return oldGateCount(from, 4) }

// UpgradeWeights joins the nine arrays of Keras 1, and takes those of cuDNN, which resets after the product.
func (l *GRU) UpgradeWeights(arrays []*tensor.Tensor, _ registry.Origin) ([]*tensor.Tensor, string, error) {
	if l.ResetAfter {
		if values, what := fromCuDNN(arrays, 3, false); what != "" {
			return values, what, nil
		}
	}
	return gatesOfKeras1(arrays, 0, 1, 2)
}

// OldWeightCount is nine in Keras 1.
func (l *GRU) OldWeightCount(from registry.Origin) int { return oldGateCount(from, 3) }

// UpgradeWeights turns kernels of Keras 1 and Theano, and joins the twelve arrays of Keras 1.
func (l *convLSTM) UpgradeWeights(arrays []*tensor.Tensor, from registry.Origin) ([]*tensor.Tensor, string, error) {
	values, what := slices.Clone(arrays), ""
	for i := range values {
		if i%3 == 2 { // a bias
			continue
		}
		var did string
		if values[i], did = kernelOf(values[i], from, l.DataFormat, l.KernelSize); did != "" {
			what = did
		}
	}
	values, did, err := gatesOfKeras1(values, lstmOfKeras1...)
	if err != nil {
		return nil, "", err
	}
	if did != "" {
		return values, strings.TrimSuffix(did+", "+what, ", "), nil
	}
	for i, w := range []*core.Weight{l.kernel, l.recurrent}[:min(2, len(values))] {
		values[i], what = fitted(values[i], what, w)
	}
	return values, what, nil
}

// OldWeightCount is twelve in Keras 1.
func (l *convLSTM) OldWeightCount(from registry.Origin) int { return oldGateCount(from, 4) }

// kernelOf is the kernel (spatial..., in, out) of a convolution with a kernel of so many places per spatial axis, of the one that a file has. Keras 1 kept
// those of channels_first as (out, in, spatial...), and those of sequences as images (steps, 1, in, out), or (out, in, steps, 1) before
// 1.1.
func kernelOf(kernel *tensor.Tensor, from registry.Origin, format string, size []int) (*tensor.Tensor, string) {
	shape, what, rank := kernel.Shape(), "", len(size)
	if from.Major() == 1 {
		switch {
		case rank == 1 && len(shape) == 4:
			what = "kernel of Keras 1 without the axis of 1"
			if shape[0] != size[0] || shape[1] != 1 {
				kernel = rearranged(kernel, []int{2, 3, 1, 0})
				shape = kernel.Shape()
			}
			flat, err := kernel.Reshape(shape[0], shape[2], shape[3])
			if err != nil { // not that form either; the check of shapes says so
				return kernel, ""
			}
			kernel = flat
		case rank > 1 && len(shape) == rank+2 && format == channelsFirst:
			what = "kernel of Keras 1 with its axes in today's order"
			perm := make([]int, 0, rank+2)
			for i := range rank {
				perm = append(perm, i+2)
			}
			kernel = rearranged(kernel, append(perm, 1, 0))
		}
	}
	turned, did := fromTheano(kernel, from)
	switch {
	case what == "":
		what = did
	case did != "":
		what += ", turned around as of Theano"
	}
	return turned, what
}

// fitted gives a kernel of images that has not the shape of its weight another order of its axes, if that fits: first the one that Keras 2
// tries, then that of Keras 1 for channels_first, which some tools keep.
func fitted(kernel *tensor.Tensor, what string, w *core.Weight) (*tensor.Tensor, string) {
	if w == nil || len(kernel.Shape()) != 4 || kernel.Shape().Equal(w.Shape) {
		return kernel, what
	}
	for _, perm := range [][]int{{3, 2, 0, 1}, {2, 3, 1, 0}} {
		s := kernel.Shape()
		if (tensor.Shape{s[perm[0]], s[perm[1]], s[perm[2]], s[perm[3]]}).Equal(w.Shape) {
			return rearranged(kernel, perm), strings.TrimPrefix(what+", kernel with its axes in another order", ", ")
		}
	}
	return kernel, what
}

// UpgradeWeights turns kernels of Keras 1 and Theano.
func (l *conv) UpgradeWeights(arrays []*tensor.Tensor, from registry.Origin) ([]*tensor.Tensor, string, error) {
	return upgradeKernel(arrays, func(k *tensor.Tensor) (*tensor.Tensor, string) {
		k, what := kernelOf(k, from, l.DataFormat, l.KernelSize)
		return fitted(k, what, l.kernel)
	})
}

// UpgradeWeights puts the axes of kernels of Keras 1 and channels_first, (multiplier, in, rows, columns) and (out, in multiplier, 1, 1),
// in the order of today.
func (l *separableConv) UpgradeWeights(arrays []*tensor.Tensor, from registry.Origin) ([]*tensor.Tensor, string, error) {
	if from.Major() != 1 || l.DataFormat != channelsFirst || len(arrays) < 2 || len(arrays[0].Shape()) != 4 || len(arrays[1].Shape()) != 4 {
		return arrays, "", nil
	}
	values := slices.Clone(arrays)
	for i := range 2 {
		values[i] = rearranged(arrays[i], []int{2, 3, 1, 0})
	}
	return values, "kernels of Keras 1 with their axes in today's order", nil
}

// OldWeightCount is 0: every Keras has the same arrays.
func (l *separableConv) OldWeightCount(registry.Origin) int { return 0 }

// OldWeightCount is 0: every Keras has kernel and bias.
func (l *conv) OldWeightCount(registry.Origin) int { return 0 }

// UpgradeWeights turns kernels of Keras 1 and Theano. Keras 1 kept those of channels_last as (spatial..., in, out), where today has
// (spatial..., out, in), and those of channels_first as (out, in, spatial...).
func (l *convTranspose) UpgradeWeights(arrays []*tensor.Tensor, from registry.Origin) ([]*tensor.Tensor, string, error) {
	rank := len(l.KernelSize)
	return upgradeKernel(arrays, func(k *tensor.Tensor) (*tensor.Tensor, string) {
		if len(k.Shape()) != rank+2 {
			return k, ""
		}
		did := ""
		if from.Major() == 1 {
			did = "kernel of Keras 1 with its axes in today's order"
			perm := append(firstAxes(rank), rank+1, rank)
			if l.DataFormat == channelsFirst {
				for i := range rank {
					perm[i] = i + 2
				}
				perm[rank], perm[rank+1] = 0, 1
			}
			k = rearranged(k, perm)
		}
		turned, what := fromTheano(k, from)
		if did == "" || what == "" {
			did += what
		} else {
			did += ", turned around as of Theano"
		}
		return fitted(turned, did, l.kernel)
	})
}

// OldWeightCount is 0: every Keras has kernel and bias.
func (l *convTranspose) OldWeightCount(registry.Origin) int { return 0 }

// upgradeKernel converts the first array of a layer.
func upgradeKernel(arrays []*tensor.Tensor, convert func(*tensor.Tensor) (*tensor.Tensor, string)) ([]*tensor.Tensor, string, error) {
	if len(arrays) == 0 {
		return arrays, "", nil
	}
	values := slices.Clone(arrays)
	var what string
	values[0], what = convert(values[0])
	return values, what, nil
}

// shareAlong repeats arrays of one number along axes where the weights have more: configs of Keras 1 do not say which axes share weights.
// Arrays of other shapes come back as they are.
func shareAlong(arrays []*tensor.Tensor, weights []*core.Weight) ([]*tensor.Tensor, string, error) {
	if len(arrays) != len(weights) {
		return arrays, "", nil
	}
	values, what := slices.Clone(arrays), ""
	for i, a := range arrays {
		from, to := a.Shape(), weights[i].Shape
		if from.Equal(to) || len(from) != len(to) {
			continue
		}
		fits := true
		for k := range from {
			fits = fits && (from[k] == to[k] || from[k] == 1)
		}
		if fits {
			values[i], what = repeated(a, to), "weights of Keras 1 that axes share, once for each place"
		}
	}
	return values, what, nil
}

// repeated is t with its numbers repeated along axes of size 1 until it has a shape.
func repeated(t *tensor.Tensor, shape tensor.Shape) *tensor.Tensor {
	from := t.Shape()
	out := tensor.New(tensor.Float32, shape...)
	src, dst := tensor.Data[float32](t), tensor.Data[float32](out)
	for k := range dst {
		place, stride := 0, 1
		for i, rest := len(shape)-1, k; i >= 0; i-- {
			if from[i] > 1 {
				place += rest % shape[i] * stride
			}
			rest /= shape[i]
			stride *= from[i]
		}
		dst[k] = src[place]
	}
	return out
}

// UpgradeWeights repeats what axes share.
func (l *PReLU) UpgradeWeights(arrays []*tensor.Tensor, from registry.Origin) ([]*tensor.Tensor, string, error) {
	if from.Major() != 1 {
		return arrays, "", nil
	}
	return shareAlong(arrays, l.Weights())
}

// OldWeightCount is 0: every Keras has alpha.
func (l *PReLU) OldWeightCount(registry.Origin) int { return 0 }

// UpgradeWeights repeats what axes share.
func (l *SReLU) UpgradeWeights(arrays []*tensor.Tensor, _ registry.Origin) ([]*tensor.Tensor, string, error) {
	return shareAlong(arrays, l.Weights())
}

// OldWeightCount is 0: every Keras has the four.
func (l *SReLU) OldWeightCount(registry.Origin) int { return 0 }

// UpgradeWeights repeats what axes share.
func (l *ParametricSoftplus) UpgradeWeights(arrays []*tensor.Tensor, _ registry.Origin) ([]*tensor.Tensor, string, error) {
	return shareAlong(arrays, l.Weights())
}

// OldWeightCount is 0: every Keras has both.
func (l *ParametricSoftplus) OldWeightCount(registry.Origin) int { return 0 }

// InputOf is the input that a Dense with such a kernel most likely has.
func (l *Dense) InputOf(kernel tensor.Shape) tensor.Shape { return guessed(kernel, 2, -2, 0) }

// InputOf is the input that a convolution with such a kernel has.
func (l *conv) InputOf(kernel tensor.Shape) tensor.Shape {
	rank := len(l.KernelSize)
	s := guessed(kernel, rank+2, -2, rank)
	if s != nil && l.DataFormat == channelsFirst {
		s = append(tensor.Shape{tensor.Unknown, s.Dim(-1)}, s[1:rank+1]...)
	}
	return s
}

// InputOf is the input that a recurrent layer with such a kernel has.
func (l *SimpleRNN) InputOf(kernel tensor.Shape) tensor.Shape { return guessed(kernel, 2, -2, 1) }

// InputOf is the input that a recurrent layer with such a kernel has.
func (l *GRU) InputOf(kernel tensor.Shape) tensor.Shape { return guessed(kernel, 2, -2, 1) }

// InputOf is the input that a recurrent layer with such a kernel has.
func (l *LSTM) InputOf(kernel tensor.Shape) tensor.Shape { return guessed(kernel, 2, -2, 1) }

// InputOf is the input that an Embedding most likely has: sequences.
func (l *Embedding) InputOf(tensor.Shape) tensor.Shape {
	return tensor.Shape{tensor.Unknown, tensor.Unknown}
}

// InputOf is the input that the layer which goes forwards has: its arrays come first.
func (l *Bidirectional) InputOf(kernel tensor.Shape) tensor.Shape {
	if inner, ok := l.Layer.(registry.InputGuesser); ok {
		return inner.InputOf(kernel)
	}
	return nil
}

// KeepsShape says that the next layer has the same input.
func (*Activation) KeepsShape() {}

// KeepsShape says that the next layer has the same input.
func (*ActivityRegularization) KeepsShape() {}

// KeepsShape says that the next layer has the same input.
func (*Dropout) KeepsShape() {}

// KeepsShape says that the next layer has the same input.
func (*GaussianDropout) KeepsShape() {}

// KeepsShape says that the next layer has the same input.
func (*GaussianNoise) KeepsShape() {}

// KeepsShape says that the next layer has the same input.
func (*Masking) KeepsShape() {}

// KeepsShape says that the next layer has the same input.
func (*spatialDropout) KeepsShape() {}

// guessed is an input with as many channels as axis of a kernel of the given rank has, and further axes between them and the batch.
func guessed(kernel tensor.Shape, rank, axis, further int) tensor.Shape {
	if len(kernel) != rank {
		return nil
	}
	s := tensor.Shape{tensor.Unknown}
	for range further {
		s = append(s, tensor.Unknown)
	}
	return append(s, kernel.Dim(axis))
}
