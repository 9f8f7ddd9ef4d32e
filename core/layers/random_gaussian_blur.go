package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// RandomGaussianBlur blurs images in training, each with a random probability between the two numbers of factor, by a kernel of kernel_size places with the
// weights of normal distributions, whose standard deviations along width and height are random, between the two numbers of sigma, and the same for
// all images. What comes out is cut to value_range. Otherwise the layer does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_gaussian_blur.py.
type RandomGaussianBlur struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	KernelSize core.PerAxis    `json:"kernel_size" want:">0"`
	Sigma      core.Range      `json:"sigma"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomGaussianBlur", func() *RandomGaussianBlur {
		to1 := core.Range{High: 1, Max: 1}
		return &RandomGaussianBlur{imageLayer: newImageLayer(), Factor: to1, KernelSize: core.AllAxes(2, 3), Sigma: to1, ValueRange: bytes}
	})
}

// NewRandomGaussianBlur makes a RandomGaussianBlur layer. factor is a number or two.
func NewRandomGaussianBlur(factor any, with ...With) *RandomGaussianBlur {
	return configure[*RandomGaussianBlur]("RandomGaussianBlur", With{"factor": factor}, with)
}

// Build checks the kernel.
func (l *RandomGaussianBlur) Build(b *core.Builder, inputs []tensor.Shape) error {
	for _, n := range l.KernelSize {
		if n%2 == 0 {
			return core.Errorf(core.ErrLayerConfig, "kernel_size", "got %d, want odd numbers", n)
		}
	}
	return l.imageLayer.Build(b, inputs)
}

// Call blurs in training.
func (l *RandomGaussianBlur) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change blurs.
func (l *RandomGaussianBlur) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	sigma := func() graph.Value { return oneBetween(g, l.Sigma.Low+1e-6, l.Sigma.High+1e-6) }
	blurred := gaussianBlur(c, x, l.KernelSize, [2]graph.Value{sigma(), sigma()})
	x = g.Select(chance(g, x, l.Factor.Low, l.Factor.High), blurred, x)
	return clip(g, x, l.ValueRange.Low, l.ValueRange.High)
}

// oneBetween is one random number between two: (1).
func oneBetween(g *graph.Graph, low, high float64) graph.Value {
	return g.Add(g.Const(low), g.Mul(g.Random(tensor.Shape{1}), g.Const(high-low)))
}

// gaussianBlur moves a kernel with the weights of normal distributions over images, with what is outside 0. Size and standard deviations are those
// along width and height; the kernel, height by width numbers, is read as width by height of them, as in Keras.
func gaussianBlur(c *core.Call, x graph.Value, size core.PerAxis, sigma [2]graph.Value) graph.Value {
	g := c.Graph
	across, down := gaussian(g, size[0], sigma[0]), gaussian(g, size[1], sigma[1])
	kernel := g.Reshape(g.Mul(g.ExpandDims(down, -1), across), size[0], size[1], 1, 1)
	kernel = g.BroadcastTo(kernel, tensor.Shape{size[0], size[1], x.Dim(-1), 1})
	return depthwise(c, x, kernel, core.AllAxes(2, 1), core.AllAxes(2, 1), "same")
}

// gaussian is n weights of a normal distribution around their middle, which add up to 1.
func gaussian(g *graph.Graph, n int, sigma graph.Value) graph.Value {
	d := g.Div(g.Sub(counting(g, n), g.Const(float64(n-1)/2)), sigma)
	w := g.Exp(g.Mul(g.Square(d), g.Const(-0.5)))
	return g.Div(w, g.Sum(w, nil, true))
}
