package dataset

// This file owns "digits", a stand-in for MNIST that needs neither file nor network: digits of four fonts, each drawn with its own
// slant, turn, size, place, bend, stroke width and ink.

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"github.com/gokeras/gk/core/tensor"
	"golang.org/x/sync/errgroup"
)

const (
	side   = 28 // pixels, as MNIST
	height = 20 // of a digit of scale 1, as MNIST
)

// loadDigits is the named set: as many as MNIST has.
func loadDigits(ctx context.Context, o Options) (*Split, error) {
	return Digits(ctx, 60000, 10000, o.Seed)
}

// Digits draws train and test labelled images of digits: X is uint8 (N, 28, 28), white on black, Y is uint8 (N,). An image depends
// on the seed and its index alone, so a smaller set is the beginning of a larger one as far as training data goes. With test 0
// there is one part.
func Digits(ctx context.Context, train, test int, seed uint64) (*Split, error) {
	if train <= 0 || test < 0 {
		return nil, fmt.Errorf("digits: got %d and %d samples, want some for training and none or more for testing", train, test)
	}
	s := &Split{Name: "digits", Origin: fmt.Sprintf("drawn with seed %d", seed)}
	var err error
	if s.Train, err = drawDigits(ctx, train, seed, 0); err == nil && test > 0 {
		s.Test, err = drawDigits(ctx, test, seed, 1<<32)
	}
	return s, err
}

// drawDigits draws images first, first+1, ... of a seed.
func drawDigits(ctx context.Context, n int, seed, first uint64) (*Dataset, error) {
	fonts, err := glyphs()
	if err != nil {
		return nil, fmt.Errorf("digits: %w", err)
	}
	x, y := make([]uint8, n*side*side), make([]uint8, n)
	g, failed := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	const block = 500
	for lo := 0; lo < n; lo += block {
		g.Go(func() error {
			var d dice
			for i := lo; i < min(lo+block, n) && failed.Err() == nil; i++ {
				d.Seed(seed, first+uint64(i))
				y[i] = uint8(below(&d.PCG, 10))
				glyph := &fonts[below(&d.PCG, uint64(len(fonts)))][y[i]]
				draw(x[i*side*side:(i+1)*side*side], glyph, &d)
			}
			return failed.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return &Dataset{
		X: []*tensor.Tensor{tensor.From(x, n, side, side)}, XNames: []string{"x"},
		Y: []*tensor.Tensor{tensor.From(y)}, YNames: []string{"y"},
	}, nil
}

// draw draws one digit. Each pixel asks how far it is from the outline after undoing turn, slant, size and bend.
func draw(pix []uint8, g *glyph, d *dice) {
	turn, slant := d.about(0, 0.45), d.about(0.1, 0.65)
	tall := d.about(0.95, 0.18)
	wide := tall * d.about(1, 0.4)
	sin, cos := float32(math.Sin(float64(turn))), float32(math.Cos(float64(turn)))
	// A leaning digit is as wide as itself and its lean together; what would leave the image is drawn smaller.
	if w := wide*g.aspect + abs(sin*tall+slant*wide); w > 1 {
		tall, wide = tall/w, wide/w
	}
	shiftX, shiftY := d.about(0, 1.8), d.about(0, 1.8)
	stroke := d.between(-0.2, 1) // pixels that the outline moves outwards
	ink := d.between(215, 255)
	var bendX, bendY [side]float32 // of each row and column
	d.wave(&bendX)
	d.wave(&bendY)

	// Pixels of the image to cells of the glyph: the inverse of slant, then turn, then size.
	cells := g.perHeight / height
	xx, xy := cells/wide*cos, cells/wide*sin
	yx, yy := -cells/tall*sin, cells/tall*cos
	xx, xy = xx+slant*yx, xy+slant*yy
	unit := height * tall // pixels in the glyph's height
	for row := range side {
		for col := range side {
			px := float32(col) + 0.5 - side/2 - shiftX + bendX[row]
			py := float32(row) + 0.5 - side/2 - shiftY + bendY[col]
			cover := 0.5 + stroke + unit*g.distance(g.cx+xx*px+xy*py, g.cy+yx*px+yy*py)
			if cover <= 0 {
				continue
			}
			grain := d.between(0.82, 1) // uneven ink
			pix[row*side+col] = uint8(ink * grain * min(cover, 1))
		}
	}
}

func abs(v float32) float32 { return float32(math.Abs(float64(v))) }

// dice is randomness that stays the same for a seed whatever the release of Go.
type dice struct{ rand.PCG }

// between is uniform in [lo, hi).
func (d *dice) between(lo, hi float32) float32 {
	return lo + (hi-lo)*float32(d.Uint64()>>40)/(1<<24)
}

// about is a bell around the middle, never farther from it than spread.
func (d *dice) about(middle, spread float32) float32 {
	return middle + spread/3*(d.between(-1, 1)+d.between(-1, 1)+d.between(-1, 1))
}

// wave is a gentle bend, half a turn to one turn of a sine over the image.
func (d *dice) wave(bend *[side]float32) {
	high := float64(d.about(0, 3.2))
	step := float64(d.between(0.5, 1)) * 2 * math.Pi / side
	phase := float64(d.between(0, 2*math.Pi))
	for i := range bend {
		bend[i] = float32(high * math.Sin(phase+float64(i)*step))
	}
}
