package layers

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns operations on images and signals. Images are (batch, height, width, channels), or without the batch. Source:
// keras/src/ops/image.py and math.py; for the transforms of signals keras/src/backend/tensorflow/math.py.

func init() {
	operation("image", "RGBToGrayscale(data_format=None)(images)", image("images", func(a *arguments, x graph.Value) graph.Value { return grayscale(a.g, x) }))
	operation("image", "RGBToHSV(data_format=None)(images)", image("images", func(a *arguments, x graph.Value) graph.Value { return rgbToHSV(a.g, x) }))
	operation("image", "HSVToRGB(data_format=None)(images)", image("images", func(a *arguments, x graph.Value) graph.Value { return hsvToRGB(a.g, x) }))
	operation("image", "Resize(size, interpolation='bilinear', antialias=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False, fill_mode='constant', fill_value=0.0, data_format=None)(images)",
		image("images", func(a *arguments, x graph.Value) graph.Value {
			size := a.perAxis("size", 2)
			method := a.oneOf("interpolation", "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
			if crop := a.flag("crop_to_aspect_ratio"); (crop || a.flag("pad_to_aspect_ratio")) && x.Dim(1) >= 0 && x.Dim(2) >= 0 {
				x = a.fit(x, size, crop)
			}
			for i := range 2 {
				x = resize(a.g, x, i+1, size[i], method, a.flag("antialias"))
			}
			return x
		}))
	operation("image", "ExtractPatches(size, strides=None, dilation_rate=1, padding='valid', data_format=None)(images)", one(func(a *arguments) graph.Value {
		x := a.tensor("images")
		rank := 2
		if len(a.ints("size")) == 3 {
			rank = 3
		}
		single := x.Rank() == rank+1
		if single {
			x = a.g.ExpandDims(x, 0)
		}
		x = toLast(a.g, x, a.format())
		if x.Rank() != rank+2 {
			a.fail("images", "got shape %v, want images", x.Shape())
			return x
		}
		size := a.perAxis("size", rank)
		strides := size
		if a.has("strides") {
			strides = a.perAxis("strides", rank)
		}
		y := a.windows(x, size, strides, a.perAxis("dilation_rate", rank), a.oneOf("padding", "valid", "same"))
		y = a.g.Reshape(y, append(y.Shape()[:rank+1].Clone(), y.Shape()[rank+1:].Size())...)
		y = fromLast(a.g, y, a.format())
		if single {
			y = a.g.Squeeze(y, 0)
		}
		return y
	}))
	const sides = "Images(top_%s=None, left_%s=None, bottom_%s=None, right_%s=None, target_height=None, target_width=None, data_format=None)(images)"
	edges := func(word string, f func(a *arguments, x graph.Value, axis, before, after, size int) graph.Value) func(a *arguments) []graph.Value {
		return image("images", func(a *arguments, x graph.Value) graph.Value {
			for i, names := range [][3]string{{"top_" + word, "bottom_" + word, "target_height"}, {"left_" + word, "right_" + word, "target_width"}} {
				value := func(name string) int {
					if a.has(name) {
						return a.int(name)
					}
					return tensor.Unknown
				}
				x = f(a, x, i+1, value(names[0]), value(names[1]), value(names[2]))
			}
			return x
		})
	}
	operation("image", "Pad"+replaced(sides, "padding"), edges("padding", func(a *arguments, x graph.Value, axis, before, after, size int) graph.Value {
		n := x.Dim(axis)
		if before < 0 && n >= 0 {
			before = size - after - n
		}
		if after < 0 && n >= 0 {
			after = size - before - n
		}
		if n < 0 {
			return a.shaped(x.Shape().With(axis, max(size, tensor.Unknown)))
		}
		if before < 0 || after < 0 {
			a.fail("images", "got %d and %d rows of padding along axis %d of shape %v", before, after, axis, x.Shape())
			return x
		}
		return a.pad(x, axis, before, after, "constant")
	}))
	operation("image", "Crop"+replaced(sides, "cropping"), edges("cropping", func(a *arguments, x graph.Value, axis, before, after, size int) graph.Value {
		n := x.Dim(axis)
		if n < 0 {
			return a.shaped(x.Shape().With(axis, max(size, tensor.Unknown)))
		}
		if before < 0 {
			before = n - size - after
		}
		if size < 0 {
			size = n - after - before
		}
		if before < 0 || size < 0 || before+size > n {
			a.fail("images", "got %d rows from %d on along axis %d of shape %v", size, before, axis, x.Shape())
			return x
		}
		return a.g.Narrow(x, axis, before, size)
	}))
	operation("image", "GaussianBlur(kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None)(images)", image("images", func(a *arguments, x graph.Value) graph.Value {
		size := a.perAxis("kernel_size", 2)
		sigma := a.tensor("sigma")
		sigma = a.g.Reshape(sigma, sigma.Shape().Size())
		if n := sigma.Dim(0); n < 1 || size[0] < 1 || size[1] < 1 {
			a.fail("sigma", "got %d numbers for a kernel of %v, want one or two", n, size)
			return x
		}
		if x.Dim(-1) < 0 {
			return x
		}
		return gaussianBlur(a.c, x, size, [2]graph.Value{a.g.Narrow(sigma, 0, 0, 1), a.g.Narrow(sigma, 0, min(1, sigma.Dim(0)-1), 1)})
	}))
	// The derivatives along height and width, smoothed across; the edge is reflected.
	operation("image", "SobelEdges(data_format=None)(images)", one(func(a *arguments) graph.Value {
		x := a.tensor("images")
		if x.Rank() != 4 {
			a.fail("images", "got shape %v, want (batch, height, width, channels)", x.Shape())
			return x
		}
		x = toLast(a.g, x, a.format())
		if x.Dim(1) < 0 || x.Dim(2) < 0 {
			return a.shaped(append(fromLast(a.g, x, a.format()).Shape().Clone(), 2))
		}
		x = a.pad(a.pad(x, 1, 1, 1, "reflect"), 2, 1, 1, "reflect")
		d, s := []float64{-1, 0, 1}, []float64{1, 2, 1}
		inside := func(v graph.Value) graph.Value {
			return a.g.Narrow(a.g.Narrow(v, 1, 1, v.Dim(1)-2), 2, 1, v.Dim(2)-2)
		}
		dy, dx := inside(a.filter(a.filter(x, 1, d), 2, s)), inside(a.filter(a.filter(x, 1, s), 2, d))
		return a.stack([]graph.Value{fromLast(a.g, dy, a.format()), fromLast(a.g, dx, a.format())}, 4)
	}))

	operation("math", "ExtractSequences(sequence_length, sequence_stride)(x)", one(func(a *arguments) graph.Value {
		return a.frames(a.tensor("x"), a.int("sequence_length"), a.int("sequence_stride"))
	}))
	// Transforms of Fourier, by a product with the matrix of sines and cosines: for signals of some thousand places at most. A complex
	// number is two tensors.
	operation("math", "FFT()(x)", func(a *arguments) []graph.Value {
		re, im := a.fourier(a.pair("x"), -1, -1)
		return []graph.Value{re, im}
	})
	operation("math", "FFT2()(x)", func(a *arguments) []graph.Value {
		re, im := a.fourier(a.pair("x"), -1, -1)
		re, im = a.fourier([2]graph.Value{re, im}, -2, -1)
		return []graph.Value{re, im}
	})
	operation("math", "IFFT2()(x)", func(a *arguments) []graph.Value {
		re, im := a.fourier(a.pair("x"), -1, 1)
		re, im = a.fourier([2]graph.Value{re, im}, -2, 1)
		n := a.g.Const(1 / float64(max(1, re.Dim(-1)*re.Dim(-2))))
		return []graph.Value{a.g.Mul(re, n), a.g.Mul(im, n)}
	})
	operation("math", "RFFT(fft_length=None)(x)", func(a *arguments) []graph.Value {
		x := a.tensor("x")
		n := x.Dim(-1)
		if a.has("fft_length") {
			n = a.int("fft_length")
		}
		re, im := a.realFourier(x, n)
		return []graph.Value{re, im}
	})
	operation("math", "IRFFT(fft_length=None)(x)", one(func(a *arguments) graph.Value {
		x := a.pair("x")
		n := 2 * (x[0].Dim(-1) - 1)
		if a.has("fft_length") {
			n = a.int("fft_length")
		}
		if x[0].Dim(-1) < 0 || n < 1 {
			return a.shaped(x[0].Shape().With(-1, tensor.Unknown))
		}
		// Places beyond the half are those before it, conjugated, so they count twice.
		half := n/2 + 1
		re, im := a.resized(x[0], half), a.resized(x[1], half)
		cos, sin := waves(half, n, n)
		for k := range half {
			count := 2.0
			if k == 0 || 2*k == n {
				count = 1
			}
			for j := range n {
				cos[k*n+j] *= count / float64(n)
				sin[k*n+j] *= -count / float64(n)
			}
		}
		return a.g.Add(a.rows(re, cos, half, n), a.rows(im, sin, half, n))
	}))
	operation("math", "STFT(sequence_length, sequence_stride, fft_length, window='hann', center=True)(x)", func(a *arguments) []graph.Value {
		x, g := a.tensor("x"), a.g
		length, n := a.int("sequence_length"), a.int("fft_length")
		if length < 1 || n < length {
			a.fail("fft_length", "got %d for sequences of %d", n, length)
			return []graph.Value{x, x}
		}
		if a.flag("center") {
			x = a.pad(x, x.Rank()-1, n/2, n/2, "reflect")
		}
		window := slices.Repeat([]float64{1}, n)
		if a.has("window") {
			window = make([]float64, n)
			own, isList := a.values["window"].([]any)
			for i := range length {
				var w float64
				switch t := 2 * math.Pi * float64(i) / float64(length); {
				case isList && i < len(own):
					w, _ = number(own[i])
				case !isList && a.oneOf("window", "hann", "hamming") == "hann":
					w = 0.5 - 0.5*math.Cos(t)
				default:
					w = 0.54 - 0.46*math.Cos(t)
				}
				window[(n-length)/2+i] = w
			}
		}
		frames := g.Mul(a.frames(x, n, a.int("sequence_stride")), g.Table(tensor.From(window)))
		re, im := a.realFourier(frames, n)
		return []graph.Value{re, im}
	})
}

func replaced(format, word string) string {
	var out []byte
	for i := 0; i < len(format); i++ {
		if format[i] == '%' {
			out = append(out, word...)
			i++
		} else {
			out = append(out, format[i])
		}
	}
	return string(out)
}

// image does what operations on images have in common: x has a batch and its channels last.
func image(name string, f func(a *arguments, x graph.Value) graph.Value) func(a *arguments) []graph.Value {
	return one(func(a *arguments) graph.Value {
		x := a.tensor(name)
		if x.Rank() != 3 && x.Rank() != 4 {
			a.fail(name, "got shape %v, want images", x.Shape())
			return x
		}
		single := x.Rank() == 3
		if single {
			x = a.g.ExpandDims(x, 0)
		}
		x = fromLast(a.g, f(a, toLast(a.g, x, a.format())), a.format())
		if single {
			x = a.g.Squeeze(x, 0)
		}
		return x
	})
}

// fit crops or pads images around their middle to the aspect ratio of a size.
func (a *arguments) fit(x graph.Value, size core.PerAxis, crop bool) graph.Value {
	height, width := x.Dim(1), x.Dim(2)
	h := int(float32(width*size[0]) / float32(size[1]))
	w := int(float32(height*size[1]) / float32(size[0]))
	if crop {
		h, w = max(1, min(height, h)), max(1, min(width, w))
		x = a.g.Narrow(x, 1, (height-h)/2, h)
		return a.g.Narrow(x, 2, (width-w)/2, w)
	}
	a.values["constant_values"] = a.values["fill_value"]
	top, left := (max(height, h)-height)/2, (max(width, w)-width)/2
	return a.pad(a.pad(x, 1, top, top, "constant"), 2, left, left, "constant")
}

// filter adds up neighbours along an axis with weights; places that are not there are 0.
func (a *arguments) filter(x graph.Value, axis int, weights []float64) graph.Value {
	n := x.Dim(axis)
	if n < 0 {
		return x
	}
	before := (len(weights) - 1) / 2
	padded := a.pad(x, axis, before, len(weights)-1-before, "constant")
	var y graph.Value
	for i, w := range weights {
		if w == 0 {
			continue
		}
		part := scaled(a.g, a.g.Narrow(padded, axis, i, n), w)
		if y.Valid() {
			part = a.g.Add(y, part)
		}
		y = part
	}
	if !y.Valid() {
		return a.g.Zeros(x)
	}
	return y
}

// frames cuts the last axis into sequences, stride apart.
func (a *arguments) frames(x graph.Value, length, stride int) graph.Value {
	if length < 1 || stride < 1 || length > 1<<16 {
		a.fail("sequence_length", "got %d, %d apart", length, stride)
		return x
	}
	n := x.Dim(-1)
	count := graph.WindowSize(n, length, stride, 1, 0, 0)
	if n < 0 {
		return a.shaped(append(x.Shape().With(-1, tensor.Unknown).Clone(), length))
	}
	if count*length > 1<<24 {
		a.fail("sequence_stride", "%d sequences of %d places", count, length)
		return x
	}
	index := make([]float64, count*length)
	for i := range index {
		index[i] = float64(i/length*stride + i%length)
	}
	return take(a.g, x, a.g.Table(tensor.From(index, count, length)), x.Rank()-1)
}

// pair is the real and the imaginary part of an argument.
func (a *arguments) pair(name string) [2]graph.Value {
	list := a.tensors(name)
	if len(list) != 2 {
		a.fail(name, "got %d tensors, want a real and an imaginary part", len(list))
		return [2]graph.Value{list[0], list[0]}
	}
	return [2]graph.Value{list[0], list[1]}
}

// maxFourier bounds the size of the matrices.
const maxFourier = 1 << 13

// waves are cos and sin of 2 pi k j / n for k below rows and j below columns.
func waves(rows, columns, n int) (cos, sin []float64) {
	cos, sin = make([]float64, rows*columns), make([]float64, rows*columns)
	for k := range rows {
		for j := range columns {
			s, c := math.Sincos(2 * math.Pi * float64(k*j%n) / float64(n))
			cos[k*columns+j], sin[k*columns+j] = c, s
		}
	}
	return cos, sin
}

// rows multiplies each row of x by a matrix.
func (a *arguments) rows(x graph.Value, m []float64, n, k int) graph.Value {
	return a.matmul(x, a.g.Table(tensor.From(m, n, k)))
}

// resized cuts the last axis to n places, or fills it up with zeros.
func (a *arguments) resized(x graph.Value, n int) graph.Value {
	if d := x.Dim(-1); d < n {
		return a.pad(x, x.Rank()-1, 0, n-d, "constant")
	}
	return a.g.Narrow(x, -1, 0, n)
}

// fourier is sum over j of x_j e^(sign 2 pi i j k / n) along an axis.
func (a *arguments) fourier(x [2]graph.Value, axis int, sign float64) (re, im graph.Value) {
	g, n := a.g, x[0].Dim(axis)
	if n < 0 {
		return x[0], x[1]
	}
	if n > maxFourier {
		a.fail("x", "got %d places, want at most %d", n, maxFourier)
		return x[0], x[1]
	}
	c, s := g.MoveAxis(x[0], axis, -1), g.MoveAxis(x[1], axis, -1)
	cos, sin := waves(n, n, n)
	for i := range sin {
		sin[i] *= sign
	}
	re = g.Sub(a.rows(c, cos, n, n), a.rows(s, sin, n, n))
	im = g.Add(a.rows(c, sin, n, n), a.rows(s, cos, n, n))
	return g.MoveAxis(re, -1, axis), g.MoveAxis(im, -1, axis)
}

// realFourier is fourier of n real numbers, of which the first half says all.
func (a *arguments) realFourier(x graph.Value, n int) (re, im graph.Value) {
	half := n/2 + 1
	if n < 1 || x.Dim(-1) < 0 {
		y := a.shaped(x.Shape().With(-1, tensor.Unknown))
		return y, y
	}
	if n > maxFourier {
		a.fail("fft_length", "got %d places, want at most %d", n, maxFourier)
		return x, x
	}
	cos, sin := waves(n, half, n)
	for i := range sin {
		sin[i] = -sin[i]
	}
	x = a.resized(x, n)
	return a.rows(x, cos, n, half), a.rows(x, sin, n, half)
}
