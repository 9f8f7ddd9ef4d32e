package layers

import (
	"math"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// UpSampling2D enlarges images: with interpolation "nearest" it repeats each place size times along each axis, else it takes weighted
// sums of the places around, along one axis and then the other.
//
// Files of Keras 2 before 2.4, and of tf.keras before TensorFlow 1.13, mean by "bilinear" what TensorFlow 1 did: number i of the output lies at
// i/size among those of the input, and not at (i+1/2)/size - 1/2.
//
// Input (batch, height, width, channels), output (batch, height*size, width*size, channels); with data_format "channels_first"
// channels come second. Source: keras/src/layers/reshaping/up_sampling2d.py; the weights are those of TensorFlow's resize operations.
type UpSampling2D struct {
	core.Base
	Size          core.PerAxis `json:"size" want:">0"`
	DataFormat    string       `json:"data_format" want:"channels_last|channels_first"`
	Interpolation string       `json:"interpolation" want:"nearest|bilinear|bicubic|lanczos3|lanczos5"`

	corner bool // bilinear as in TensorFlow 1
}

// cornerAligned is an interpolation for resize that no config has: see UpSampling2D.
const cornerAligned = "bilinear of TensorFlow 1"

// SetOrigin is for the registry.
func (l *UpSampling2D) SetOrigin(from registry.Origin) {
	v := from.KerasVersion
	for _, old := range []string{"2.0.", "2.1.", "2.2.", "2.3."} {
		l.corner = l.corner || strings.HasPrefix(v, old) && (!strings.HasSuffix(v, "-tf") || old == "2.1.")
	}
}

func init() {
	registerUpgraded("UpSampling2D", func() *UpSampling2D {
		return &UpSampling2D{Size: core.AllAxes(2, 2), DataFormat: "channels_last", Interpolation: "nearest"}
	}, inheritedFormat)
}

// NewUpSampling2D makes an UpSampling2D layer. size is an int, or a list of one per axis.
func NewUpSampling2D(size any, with ...With) *UpSampling2D {
	return configure[*UpSampling2D]("UpSampling2D", With{"size": size}, with)
}

// Build checks the input.
func (l *UpSampling2D) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 4)
}

// Call enlarges. It drops masks.
func (l *UpSampling2D) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	x := inputs[0]
	for i, axis := range spatialAxes(4, l.DataFormat) {
		interpolation := l.Interpolation
		if interpolation == "bilinear" && l.corner {
			interpolation = cornerAligned
		}
		if interpolation == "nearest" || interpolation == "" {
			x = c.Graph.Repeat(x, axis, l.Size[i])
		} else {
			x = resize(c.Graph, x, axis, times(x.Dim(axis), l.Size[i]), interpolation, false)
		}
	}
	return []graph.Value{x}
}

// resize makes an axis of x size numbers long, by a product with a constant matrix.
func resize(g *graph.Graph, x graph.Value, axis, size int, interpolation string, antialias bool) graph.Value {
	n := x.Dim(axis)
	if !x.Shape().Known() { // only the shape is asked for
		return g.Full(0, x.Shape().With(axis, max(size, tensor.Unknown)))
	}
	if !g.Fits("resize", tensor.Shape{n, size}) {
		return x
	}
	moved := g.MoveAxis(x, axis, -1)
	y := g.MatMul(g.Flatten(moved, -1), g.Table(resizing(n, size, interpolation, antialias)), false, false)
	return g.MoveAxis(g.Reshape(y, moved.Shape().With(-1, size)...), -1, axis)
}

// resizing is the matrix (n, m) by which n numbers in a row become m. Number i of the result lies at (i+1/2) n/m - 1/2 among the n.
// Weights are those of a kernel around it, which with antialias is as many times wider as m is smaller; places that are not there do not
// count, but for bilinear ones, which the first and the last number stand for.
func resizing(n, m int, interpolation string, antialias bool) *tensor.Tensor {
	reach, weight := 1.0, func(d float64) float64 { return 1 - d }
	switch interpolation {
	case "bicubic":
		// Keys, IEEE Transactions on Acoustics, Speech, and Signal Processing 29, 1981, with a = -1/2.
		reach, weight = 2, func(d float64) float64 {
			if d < 1 {
				return (1.5*d-2.5)*d*d + 1
			}
			return ((-0.5*d+2.5)*d-4)*d + 2
		}
	case "mitchellcubic": // Mitchell and Netravali, SIGGRAPH 1988, with B = C = 1/3
		reach, weight = 2, func(d float64) float64 {
			if d < 1 {
				return ((7*d-12)*d*d + 16.0/3) / 6
			}
			return ((-7.0/3*d+12)*d-20)*d/6 + 16.0/9
		}
	case "gaussian": // with a standard deviation of half a place
		reach, weight = 1.5, func(d float64) float64 { return math.Exp(-2 * d * d) }
	case "lanczos3":
		reach, weight = 3, lanczos(3)
	case "lanczos5":
		reach, weight = 5, lanczos(5)
	}
	scale, wide := float64(n)/float64(max(1, m)), 1.0
	if antialias && interpolation != "nearest" {
		wide = max(1, scale)
	}
	matrix := make([]float64, n*m)
	for i := range m {
		at := (float64(i)+0.5)*scale - 0.5
		switch {
		case interpolation == "nearest":
			matrix[min(int((float64(i)+0.5)*scale), n-1)*m+i] = 1
			continue
		case interpolation == cornerAligned:
			at = min(float64(i)*scale, float64(n-1))
		case interpolation == "bilinear" && !antialias:
			at = min(max(at, 0), float64(n-1))
		case interpolation == "bicubic" && !antialias: // TensorFlow has a table of 1024 weights to a place
			at = math.RoundToEven(at*1024) / 1024
		}
		sum := 0.0
		for j := range n {
			if d := math.Abs(at-float64(j)) / wide; d < reach {
				sum += weight(d)
				matrix[j*m+i] = weight(d)
			}
		}
		for j := range n {
			matrix[j*m+i] /= sum
		}
	}
	return tensor.From(matrix, n, m)
}

// lanczos is sinc(d) sinc(d/a) for d < a, sinc(x) = sin(pi x)/(pi x).
func lanczos(a float64) func(float64) float64 {
	return func(d float64) float64 {
		if d < 1e-7 {
			return 1
		}
		return a * math.Sin(math.Pi*d) * math.Sin(math.Pi*d/a) / (math.Pi * math.Pi * d * d)
	}
}
