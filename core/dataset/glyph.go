package dataset

// This file owns the digits of the Go fonts as signed distance fields, from which a digit can be drawn at any size, slant and stroke
// width by one interpolated look-up for each pixel.

import (
	"fmt"
	"image"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

const (
	glyphSize   = 96 // height of a digit when its outline is drawn, in pixels
	glyphMargin = 28 // around it, so that strokes can grow
	glyphShrink = 2  // field cells are squares of so many pixels
)

// glyph is one digit of one font. field holds, for each cell, the distance to the outline in units of the digit's height, positive
// inside.
type glyph struct {
	field     []float32
	w, h      int
	cx, cy    float32 // centre of the ink, in cells
	perHeight float32 // cells in the digit's height
	edge      float32 // what lies outside the field
	aspect    float32 // width of the digit in its height
}

// glyphs are the digits 0 to 9 of each font.
var glyphs = sync.OnceValues(func() ([][10]glyph, error) {
	var all [][10]glyph
	for _, ttf := range [][]byte{goregular.TTF, goitalic.TTF, gobold.TTF, gomono.TTF} {
		parsed, err := opentype.Parse(ttf)
		if err != nil {
			return nil, err
		}
		// Digits of these fonts are 0.72 em high.
		face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: glyphSize / 0.72, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			return nil, err
		}
		var digits [10]glyph
		for i := range digits {
			bounds, mask, at, _, ok := face.Glyph(fixed.Point26_6{}, rune('0'+i))
			if !ok {
				return nil, fmt.Errorf("font has no digit %d", i)
			}
			digits[i] = newGlyph(mask, at, bounds.Dx(), bounds.Dy())
		}
		all = append(all, digits)
	}
	return all, nil
})

// newGlyph measures the distances of a drawn digit, w by h pixels of mask from at on.
func newGlyph(mask image.Image, at image.Point, w, h int) glyph {
	fw, fh := (w+2*glyphMargin)/glyphShrink, (h+2*glyphMargin)/glyphShrink
	pw, ph := fw*glyphShrink, fh*glyphShrink
	inside, outside := make([]float64, pw*ph), make([]float64, pw*ph)
	var sum, sumX, sumY float64
	for y := range ph {
		for x := range pw {
			gx, gy := x-glyphMargin, y-glyphMargin
			ink := false
			if gx >= 0 && gx < w && gy >= 0 && gy < h {
				_, _, _, a := mask.At(at.X+gx, at.Y+gy).RGBA()
				ink = a >= 0x8000
			}
			if ink {
				inside[y*pw+x] = math.Inf(1)
				sum, sumX, sumY = sum+1, sumX+float64(x)+0.5, sumY+float64(y)+0.5
			} else {
				outside[y*pw+x] = math.Inf(1)
			}
		}
	}
	squaredDistances(inside, pw, ph)
	squaredDistances(outside, pw, ph)
	g := glyph{
		field: make([]float32, fw*fh), w: fw, h: fh,
		cx: float32(sumX / sum / glyphShrink), cy: float32(sumY / sum / glyphShrink),
		perHeight: float32(h) / glyphShrink, aspect: float32(w) / float32(h), edge: -float32(glyphMargin) / float32(h),
	}
	for y := range ph {
		for x := range pw {
			d := math.Sqrt(inside[y*pw+x]) - math.Sqrt(outside[y*pw+x])
			g.field[y/glyphShrink*fw+x/glyphShrink] += float32(d / float64(h) / (glyphShrink * glyphShrink))
		}
	}
	return g
}

// squaredDistances replaces each element of a grid of zeros and infinities by its squared distance to the nearest zero, first down
// the columns, then along the rows: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, 2012.
func squaredDistances(grid []float64, w, h int) {
	n := max(w, h)
	line, at, cut := make([]float64, n), make([]int, n), make([]float64, n+1)
	pass := func(start, step, n int) {
		for i := range n {
			line[i] = grid[start+i*step]
		}
		// The lower envelope of parabolas rooted at the finite elements: at their roots, cut where one takes over from the next.
		k := -1
		for q := range n {
			if math.IsInf(line[q], 1) {
				continue
			}
			s := math.Inf(-1)
			for ; k >= 0; k-- {
				r := at[k]
				s = (line[q] + float64(q*q) - line[r] - float64(r*r)) / float64(2*(q-r))
				if s > cut[k] {
					break
				}
				s = math.Inf(-1)
			}
			k++
			at[k], cut[k] = q, s
		}
		if k < 0 {
			return
		}
		cut[k+1] = math.Inf(1)
		for q, j := 0, 0; q < n; q++ {
			for cut[j+1] < float64(q) {
				j++
			}
			d := q - at[j]
			grid[start+q*step] = float64(d*d) + line[at[j]]
		}
	}
	for x := range w {
		pass(x, w, h)
	}
	for y := range h {
		pass(y*w, 1, w)
	}
}

// distance is the field at a point in cells, interpolated between cell centres.
func (g *glyph) distance(x, y float32) float32 {
	x, y = x-0.5, y-0.5
	if !(x >= 0 && y >= 0 && x < float32(g.w-1) && y < float32(g.h-1)) {
		return g.edge
	}
	i, j := int(x), int(y)
	u, v := x-float32(i), y-float32(j)
	row := g.field[j*g.w+i:]
	return lerp(lerp(row[0], row[1], u), lerp(row[g.w], row[g.w+1], u), v)
}
