// Spectrum is a plugin for gk: features of signals by Fourier transforms, computed in Go by gonum.
package main

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/registry"
)

// LogPower is the logarithm of the power spectrum of each channel:
//
//	X[k] = sum_n x[n] exp(-2 pi i k n/steps), y[k] = log(epsilon + |X[k]|^2/steps), k = 0 ... steps/2
//
// x (batch, steps, channels), y (batch, steps/2 + 1, channels). There is no operation of gk for it, so it runs as Go code, in the plugin.
type LogPower struct {
	core.Base
	Epsilon float64 `json:"epsilon" want:">0"`
}

// Build checks the input.
func (l *LogPower) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 3); err != nil {
		return err
	}
	_, err := core.WantDim(inputs[0], 1)
	return err
}

// Call writes one operation, whose body is Go.
func (l *LogPower) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	x := inputs[0]
	t := &transform{steps: x.Dim(1), channels: x.Dim(2), epsilon: l.Epsilon}
	return c.Graph.Compute(&graph.Func{Label: "log power", Gradients: []bool{true}, ReadsInputs: true, Forward: t.forward, Backward: t.backward},
		[]tensor.Shape{{x.Dim(0), t.steps/2 + 1, t.channels}}, x)
}

// transform is the transforms of signals of one length.
type transform struct {
	steps, channels int
	epsilon         float64
	fft             *fourier.FFT
	signal          []float64
	bins            []complex128
}

// spectrum transforms one channel of one sample.
func (t *transform) spectrum(x []float32, channel int) {
	if t.fft == nil { // at the first call: a graph is also written where nothing runs
		t.fft, t.signal, t.bins = fourier.NewFFT(t.steps), make([]float64, t.steps), make([]complex128, t.steps/2+1)
	}
	for n := range t.signal {
		t.signal[n] = float64(x[n*t.channels+channel])
	}
	t.fft.Coefficients(t.bins, t.signal)
}

func (t *transform) power(k int) float64 {
	re, im := real(t.bins[k]), imag(t.bins[k])
	return t.epsilon + (re*re+im*im)/float64(t.steps)
}

func (t *transform) forward(c *graph.FuncCall) error {
	in, out := t.steps*t.channels, (t.steps/2+1)*t.channels
	x, y := c.In[0].Data, c.Out[0].Data
	if len(x)*out != len(y)*in {
		return fmt.Errorf("got %d numbers for %d", len(x), len(y))
	}
	for s := 0; s*in < len(x); s++ {
		for ch := range t.channels {
			t.spectrum(x[s*in:(s+1)*in], ch)
			for k := range t.bins {
				y[s*out+k*t.channels+ch] = float32(math.Log(t.power(k)))
			}
		}
	}
	return nil
}

// backward is the transform of dy[k] 2 X[k]/(steps (epsilon + |X[k]|^2/steps)) back, over the half of the spectrum that y has.
func (t *transform) backward(c *graph.FuncCall) error {
	in, out := t.steps*t.channels, (t.steps/2+1)*t.channels
	x, dy, dx := c.In[0].Data, c.In[1].Data, c.Out[0].Data
	for s := 0; s*in < len(x); s++ {
		for ch := range t.channels {
			t.spectrum(x[s*in:(s+1)*in], ch)
			for k := range t.bins {
				w := 2 * float64(dy[s*out+k*t.channels+ch]) / (float64(t.steps) * t.power(k))
				if k > 0 && 2*k < t.steps {
					w /= 2 // Sequence takes these twice: as k and as steps-k
				}
				t.bins[k] *= complex(w, 0)
			}
			t.fft.Sequence(t.signal, t.bins)
			for n, v := range t.signal {
				dx[s*in+n*t.channels+ch] = float32(v)
			}
		}
	}
	return nil
}

func init() {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{Name: "LogPower", Package: "spectrum", About: "The logarithm of the power spectrum of each channel.",
		New: func() core.Layer { return &LogPower{Epsilon: 1e-3} }})
}

var config = plugins.Config{Name: "spectrum", Version: "1.0.0", About: "Features of signals by Fourier transforms.",
	Examples: []plugins.Example{{Class: "spectrum>LogPower", Config: core.Config{"epsilon": 0.1}, Inputs: [][]int{{3, 16, 2}}}}}

func main() { plugins.Serve(config) }
