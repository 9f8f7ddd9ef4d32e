package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ContrastLimitedAdaptiveHistogramEqualization spreads the numbers of images evenly over value_range, here more and there less, in prediction as in
// training. A grid of tiles, tile_grid_size[0] down and tile_grid_size[1] across, lies over each channel. The histogram of a tile, 256 bins of which what is
// above clip_limit times the mean goes to all bins evenly, gives a table from numbers to the share of numbers below; a number becomes what the tables
// of the four tiles around it say, the nearer ones more. clip_limit 0 or less does not limit.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/clahe.py; Zuiderveld, Graphics Gems IV, 1994.
type ContrastLimitedAdaptiveHistogramEqualization struct {
	imageLayer
	ValueRange   core.ValueRange `json:"value_range"`
	ClipLimit    float64         `json:"clip_limit"`
	TileGridSize core.PerAxis    `json:"tile_grid_size" want:">0"`
}

func init() {
	register("ContrastLimitedAdaptiveHistogramEqualization", func() *ContrastLimitedAdaptiveHistogramEqualization {
		return &ContrastLimitedAdaptiveHistogramEqualization{imageLayer: newImageLayer(), ValueRange: bytes, ClipLimit: 4, TileGridSize: core.AllAxes(2, 8)}
	})
}

// NewContrastLimitedAdaptiveHistogramEqualization makes a ContrastLimitedAdaptiveHistogramEqualization layer.
func NewContrastLimitedAdaptiveHistogramEqualization(with ...With) *ContrastLimitedAdaptiveHistogramEqualization {
	return configure[*ContrastLimitedAdaptiveHistogramEqualization]("ContrastLimitedAdaptiveHistogramEqualization", nil, with)
}

// Call equalizes.
func (l *ContrastLimitedAdaptiveHistogramEqualization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.images(c, inputs[0], func(g *graph.Graph, x graph.Value) graph.Value {
		if !x.Shape().Known() {
			return x
		}
		return inRange(g, l.equalize(g, inRange(g, x, l.ValueRange, bytes)), bytes, l.ValueRange)
	})
}

// equalize does it to bytes, to as many images at a time as have their tables in places that float32 can count.
func (l *ContrastLimitedAdaptiveHistogramEqualization) equalize(g *graph.Graph, x graph.Value) graph.Value {
	const levels, most = 256, 1 << 24
	n, height, width, channels := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	gridY, gridX := l.TileGridSize[0], l.TileGridSize[1]
	tileY, tileX := (height+gridY-1)/gridY, (width+gridX-1)/gridX
	if padY, padX := tileY*gridY-height, tileX*gridX-width; padY > height || padX > width || height*width == 0 {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "tile_grid_size", "got %v for images of %d x %d, want tiles of at least half a place", l.TileGridSize, height, width))
		return x
	}
	strideX := levels * channels
	strideY := strideX * gridX
	image := strideY * gridY
	if gridX > most || gridY > most || image > most {
		g.Fail(core.Errorf(core.ErrUnsupported, "tile_grid_size", "got %v for %d channels, want fewer than %d tiles in all", l.TileGridSize, channels, most/levels))
		return x
	}
	// What is missing at the end of the last tiles is there as in a mirror.
	x = take(g, take(g, x, mirroredAtEnd(g, height, tileY*gridY), 1), mirroredAtEnd(g, width, tileX*gridX), 2)
	// The tile of each place, and the four around it with their weights.
	down, across := tilesAround(g, tileY, gridY, strideY, 1), tilesAround(g, tileX, gridX, strideX, 2)
	column := make([]float64, channels)
	for i := range column {
		column[i] = float64(i * levels)
	}
	channel := g.Table(tensor.From(column, 1, 1, 1, channels))
	var parts []graph.Value
	for from := 0; from < n; from += max(1, most/image) {
		count := min(max(1, most/image), n-from)
		part := g.Narrow(x, 0, from, count)
		level := g.Add(g.Floor(clip(g, part, 0, levels-1)), channel)
		level = g.Add(level, g.Mul(g.Reshape(counting(g, count), count, 1, 1, 1), g.Const(float64(image))))
		place := g.Add(g.Add(level, down.own), across.own)
		histogram := g.ScatterAdd(g.Full(1, place.Shape()), place, count*image)
		tables := g.Reshape(l.tables(g, g.Reshape(histogram, -1, levels), float64(tileY*tileX)), count*image)
		read := func(y, x graph.Value) graph.Value { return g.Gather(tables, g.Add(g.Add(level, y), x)) }
		between := func(a, b, weight graph.Value) graph.Value { return g.Add(a, g.Mul(weight, g.Sub(b, a))) }
		row := func(y graph.Value) graph.Value {
			return between(read(y, across.before), read(y, across.after), across.weight)
		}
		parts = append(parts, between(row(down.before), row(down.after), down.weight))
	}
	if len(parts) == 0 {
		return x
	}
	return g.Narrow(g.Narrow(g.Concat(0, parts...), 1, 0, height), 2, 0, width)
}

// tables makes of histograms (tiles, levels) of so many numbers what each level becomes.
func (l *ContrastLimitedAdaptiveHistogramEqualization) tables(g *graph.Graph, histogram graph.Value, numbers float64) graph.Value {
	if l.ClipLimit > 0 {
		limit := g.Const(l.ClipLimit * numbers / float64(histogram.Dim(1)))
		limited := g.Minimum(histogram, limit)
		excess := g.Sum(g.Sub(histogram, limited), []int{1}, true)
		histogram = g.Add(limited, g.Mul(excess, g.Const(1/float64(histogram.Dim(1)))))
	}
	sums := running(g, histogram)
	first := g.Min(sums, []int{1}, true)
	rest := g.Sub(g.Const(numbers), first)
	rest = g.Select(g.Equal(rest, g.Const(0)), g.Const(1), rest)
	return clip(g, g.Div(g.Mul(g.Sub(sums, first), g.Const(bytes.High)), rest), bytes.Low, bytes.High)
}

// mirroredAtEnd is 0, 1, ... n-1, n-1, n-2, ... up to size numbers.
func mirroredAtEnd(g *graph.Graph, n, size int) graph.Value {
	at := make([]float64, size)
	for i := range at {
		at[i] = float64(min(i, 2*n-1-i))
	}
	return g.Table(tensor.From(at, size))
}

// around says for each place along an axis where the tables of tiles begin: of its own one, of the last whose middle is not after it, and of the next,
// whose weight comes with them. All broadcast to images.
type around struct{ own, before, after, weight graph.Value }

func tilesAround(g *graph.Graph, size, count, stride, axis int) around {
	var columns [4][]float64
	for i := range size * count {
		middle := (float64(i) - float64(size)/2) / float64(size)
		before := int(math.Floor(middle))
		at := func(tile int) float64 { return float64(min(max(tile, 0), count-1) * stride) }
		for k, v := range []float64{at(i / size), at(before), at(before + 1), middle - float64(before)} {
			columns[k] = append(columns[k], v)
		}
	}
	shape := []int{1, 1, 1, 1}
	shape[axis] = size * count
	table := func(k int) graph.Value { return g.Table(tensor.From(columns[k], shape...)) }
	return around{table(0), table(1), table(2), table(3)}
}
