package initializers

import (
	"maps"
	"math"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns STFT.

func init() {
	register("STFT", func() core.Initializer { return &STFT{Side: "real", Window: "hann", Scaling: new("density")} }, "STFTInitializer")
}

// STFT is the kernel of a convolution that computes a short-time Fourier transform, of shape (steps, 1, frequencies):
//
//	real: cos(-2 pi t f/n) w(t)/s, imag: sin(-2 pi t f/n) w(t)/s, n = 2 (frequencies - 1)
//
// with the window w and s = sqrt(sum w^2) for the scaling "density", sum |w| for "spectrum", 1 without scaling or window.
type STFT struct {
	Side     string  `json:"side" want:"real|imag"`
	Window   any     `json:"window"`                          // the name of one of Windows, a list of numbers, or nil
	Scaling  *string `json:"scaling" want:"density|spectrum"` // nil: none
	Periodic bool    `json:"periodic"`                        // the window is one period of a periodic function rather than symmetric
}

// cosines are the coefficients of windows that are sums of cosines: w(t) = a0 - a1 cos(x) + a2 cos(2x) - ..., x = 2 pi t/(size-1).
// Source: scipy/signal/windows/_windows.py; Harris, "On the Use of Windows for Harmonic Analysis", 1978.
var cosines = map[string][]float64{
	"boxcar":         {1},
	"hann":           {0.5, 0.5},
	"hamming":        {0.54, 0.46},
	"blackman":       {0.42, 0.5, 0.08},
	"nuttall":        {0.3635819, 0.4891775, 0.1365995, 0.0106411},
	"blackmanharris": {0.35875, 0.48829, 0.14128, 0.01168},
	"flattop":        {0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368},
}

// Windows are the names that NewWindow knows, sorted.
func Windows() []string { return slices.Sorted(maps.Keys(cosines)) }

// NewWindow is a window by its name. A periodic one is a symmetric one of one more place without its last place.
func NewWindow(name string, size int, periodic bool) ([]float64, error) {
	a, ok := cosines[name]
	if !ok {
		return nil, core.Errorf(core.ErrLayerConfig, "window", "got %q, want one of %v", name, Windows())
	}
	last := float64(size - 1)
	if periodic {
		last++
	}
	w := make([]float64, size)
	for t := range w {
		if size == 1 { // scipy has 1 for the only place
			w[t] = 1
			break
		}
		x, sign := 2*math.Pi*float64(t)/last, 1.0
		for k, c := range a {
			w[t] += sign * c * math.Cos(float64(k)*x)
			sign = -sign
		}
	}
	return w, nil
}

// window is the window of a size, or nil.
func (i *STFT) window(size int) ([]float64, error) {
	switch w := i.Window.(type) {
	case nil:
		return nil, nil
	case string:
		return NewWindow(w, size, i.Periodic)
	default:
		var v Value
		if err := v.SetConfig(w); err != nil {
			return nil, core.In("window", core.ErrLayerConfig, err)
		}
		if !v.shape.Equal(tensor.Shape{size}) {
			return nil, core.Errorf(core.ErrLayerConfig, "window", "got shape %v, want %v", v.shape, tensor.Shape{size})
		}
		return v.numbers, nil
	}
}

// CheckShape refuses what is not (steps, 1, frequencies), and a window of another size.
func (i *STFT) CheckShape(shape tensor.Shape) error {
	if err := wantRank(shape, 3); err != nil {
		return err
	}
	_, err := i.window(shape[0])
	return err
}

// Fill sets dst to the kernel.
func (i *STFT) Fill(dst []float32, shape tensor.Shape, _ core.Rand) {
	if i.CheckShape(shape) != nil {
		return
	}
	w, _ := i.window(shape[0])
	scale := 1.0
	if i.Scaling != nil && w != nil {
		var squares, sum float64
		for _, x := range w {
			squares, sum = squares+x*x, sum+math.Abs(x)
		}
		if scale = sum; *i.Scaling == "density" {
			scale = math.Sqrt(squares)
		}
	}
	f := math.Cos
	if i.Side == "imag" {
		f = math.Sin
	}
	n := float64(2 * (shape[2] - 1))
	at := 0
	for t := range shape[0] {
		for range shape[1] {
			for k := range shape[2] {
				v := f(-2 * math.Pi * float64(t) * float64(k) / n)
				if w != nil {
					v *= w[t] / scale
				}
				dst[at] = float32(v)
				at++
			}
		}
	}
}
