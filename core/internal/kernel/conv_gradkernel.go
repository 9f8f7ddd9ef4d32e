package kernel

import (
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// The gradient of a convolution with respect to its kernel: for each place of the kernel a product of the transposed image,
// shifted, with dy. Its sums run over all places of all images, so they are cut in chunks that are summed apart and then added in
// order.

// convSpot is a part of the output that is summed in one go: lines of one depth of one image, or a part of one line.
type convSpot struct{ image, depth, line, lines, at, width int }

// kernelPiece is a rectangle of the kernel's gradient that lies in one run of contiguous channels of the image.
type kernelPiece struct {
	tap      [3]int // where the run begins
	from, to int    // in the run, after the first channel of the group
	row      int    // of dk: that of from
	columns  columnPiece
}

type convGradKernel[T tensor.Float] struct {
	spec          ConvSpec
	level         level
	pool          *Pool
	dk, dy, x     []T
	view          *convView
	spots         []convSpot
	pieces        []kernelPiece
	chunk, chunks int // spots in a chunk; chunks
	share, shares int // pieces in a task; tasks for one chunk
	jumps         [2][]int
	lanes         bool // depthwise
	flipped       bool // very few filters: the sums are those of the transposed gradient
	partial       []T  // of all chunks; of all but the first, which is summed in dk, unless flipped
	size          int  // of dk
}

const (
	gradKernelChunks = 16      // so many chunks at most, fewer if the
	gradKernelRoom   = 1 << 20 // numbers of all their sums would be more than this
	gradKernelTasks  = 32      // with fewer chunks, the kernel is shared out for about so many tasks
	gradKernelRows   = 16 * tileRows
	addGrain         = 4096 // numbers of dk that are added up by one task
)

// ConvGradKernel prepares dk = the gradient of a convolution with respect to its kernel, given dy, that with respect to y, and
// the input x:
//
//	dk[t, c, f] = sum over images and o of x[o*Strides + t*Dilation - PadLo, c] dy[o, f]
func ConvGradKernel[T tensor.Float](p *Pool, spec ConvSpec, dk, dy, x []T) func() {
	s := spec.checked(len(dy), len(x), len(dk))
	s.flat(false)
	g := &convGradKernel[T]{spec: s, level: levelOf[T](p), pool: p, dk: dk, dy: dy, x: x, lanes: s.depthwise()}
	g.size = volume(s.Kernel) * s.Channels / s.Groups * s.Filters
	rows := g.size / s.Filters
	if s.Batch*volume(s.Out) == 0 {
		return func() {
			clear(dk[:g.size])
			if s.Epilogue != nil {
				s.Epilogue(0, 0, 0, rows, 0, s.Filters)
			}
		}
	}
	g.flipped = s.Groups == 1 && s.Filters <= dotCols && g.level != goLoops
	g.makeSpots()
	g.makePieces()
	g.chunks = max(1, min(len(g.spots), gradKernelChunks, gradKernelRoom/g.size))
	g.chunk = ceilDiv(len(g.spots), g.chunks)
	g.chunks = ceilDiv(len(g.spots), g.chunk)
	g.shares = 1
	if g.chunks < gradKernelChunks {
		g.shares = min(len(g.pieces), ceilDiv(gradKernelTasks, g.chunks))
	}
	g.share = ceilDiv(len(g.pieces), g.shares)
	g.shares = ceilDiv(len(g.pieces), g.share)

	bytes := int(unsafe.Sizeof(T(0)))
	p.panels.reserve(g.view.room * bytes)
	partials := g.chunks - 1
	if g.flipped {
		partials++
	}
	p.shared.reserve(partials * g.size * bytes)
	task, add := g.task, g.add
	rowsAtOnce := max(1, addGrain/s.Filters)
	finish := func(worker, i int) {
		row0, row1 := i*rowsAtOnce, min((i+1)*rowsAtOnce, rows)
		add(row0, row1)
		if s.Epilogue != nil {
			s.Epilogue(worker, 0, row0, row1, 0, s.Filters)
		}
	}
	return func() {
		g.partial = numbers[T](p.shared.buffer(0), partials*g.size)
		p.Run(g.chunks*g.shares, task)
		if partials > 0 || s.Epilogue != nil {
			p.Run(ceilDiv(rows, rowsAtOnce), finish)
		}
	}
}

// makeSpots cuts the output so that a spot has at most maxBlockK places.
func (g *convGradKernel[T]) makeSpots() {
	s := &g.spec
	lines, width := 1, s.Out[2]
	if width > maxBlockK {
		width = blockOfK(width)
	} else {
		lines = ceilDiv(s.Out[1], ceilDiv(s.Out[1], max(1, maxBlockK/width)))
	}
	for image := range s.Batch {
		for depth := range s.Out[0] {
			for line := 0; line < s.Out[1]; line += lines {
				for at := 0; at < s.Out[2]; at += width {
					g.spots = append(g.spots, convSpot{image, depth, line, min(lines, s.Out[1]-line), at, min(width, s.Out[2]-at)})
				}
			}
		}
	}
	var extent [3]int
	for d, most := range [3]int{1, lines, width} {
		extent[d] = (most-1)*s.Strides[d] + (s.Kernel[d]-1)*s.Dilation[d] + 1
	}
	bytes := int(unsafe.Sizeof(T(0)))
	g.view = newConvView(s.In, s.Channels, extent, s.Strides[2], bytes)
	for kind, strides := range g.view.strides {
		for range lines - 1 {
			g.jumps[kind] = append(g.jumps[kind], (s.Strides[1]*strides[1]-width*s.Strides[2]*strides[2])*bytes)
		}
	}
}

// makePieces cuts the kernel. Where neighbours in the last dimension lie together in the image and in the kernel, they are one
// run.
func (g *convGradKernel[T]) makePieces() {
	s := &g.spec
	if g.lanes { // the rows are the taps of a line
		for d := range s.Kernel[0] {
			for h := range s.Kernel[1] {
				for _, columns := range columnPieces(1, s.Filters) {
					row := (d*s.Kernel[1] + h) * s.Kernel[2]
					g.pieces = append(g.pieces, kernelPiece{[3]int{d, h, 0}, 0, s.Kernel[2], row, columns})
				}
			}
		}
		return
	}
	channels := s.Channels / s.Groups
	run, wide := channels, s.Kernel[2]
	if s.Groups == 1 && s.Dilation[2] == 1 && g.view.pitch == s.Channels {
		run, wide = channels*wide, 1
	}
	each := min(run, roundUp(ceilDiv(run, ceilDiv(run, gradKernelRows)), tileRows))
	for d := range s.Kernel[0] {
		for h := range s.Kernel[1] {
			for w := range wide {
				for from := 0; from < run; from += each {
					for _, columns := range columnPieces(s.Groups, s.Filters/s.Groups) {
						row := ((d*s.Kernel[1]+h)*s.Kernel[2]+w)*channels + from
						g.pieces = append(g.pieces, kernelPiece{[3]int{d, h, w}, from, min(from+each, run), row, columns})
					}
				}
			}
		}
	}
}

// task sums a chunk of the spots for a share of the kernel.
func (g *convGradKernel[T]) task(worker, i int) {
	s := &g.spec
	size := int(unsafe.Sizeof(T(0)))
	chunk := i / g.shares
	share := i % g.shares * g.share
	pieces := g.pieces[share:min(share+g.share, len(g.pieces))]
	sums := g.dk
	if g.flipped {
		sums = g.partial[chunk*g.size:]
	} else if chunk > 0 {
		sums = g.partial[(chunk-1)*g.size:]
	}
	room := numbers[T](g.pool.panels.buffer(worker), g.view.room)
	pixels := volume(s.In) * s.Channels
	first := chunk * g.chunk
	for n := first; n < min(first+g.chunk, len(g.spots)); n++ {
		spot := &g.spots[n]
		var lo, hi [3]int
		for d, place := range [3][2]int{{spot.depth, 1}, {spot.line, spot.lines}, {spot.at, spot.width}} {
			lo[d] = place[0]*s.Strides[d] - s.PadLo[d]
			hi[d] = lo[d] + (place[1]-1)*s.Strides[d] + (s.Kernel[d]-1)*s.Dilation[d] + 1
		}
		source, kind := viewOf(g.view, room, g.x[spot.image*pixels:(spot.image+1)*pixels], lo, hi)
		strides := &g.view.strides[kind]
		dy := g.dy[(((spot.image*s.Out[0]+spot.depth)*s.Out[1]+spot.line)*s.Out[2]+spot.at)*s.Filters:]
		t := tile{aRow: size, aStep: s.Strides[2] * strides[2] * size, bStep: s.Filters * size, cRow: s.Filters * size,
			k: spot.width, segments: spot.lines}
		if spot.lines > 1 {
			t.jumps = &g.jumps[kind][0]
		}
		if n > first {
			t.add = 1
		}
		for j := range pieces {
			g.piece(&pieces[j], t, sums, dy, source, strides)
		}
	}
}

// piece adds what a spot contributes to a piece of the kernel.
func (g *convGradKernel[T]) piece(p *kernelPiece, t tile, sums, dy, source []T, strides *[3]int) {
	s := &g.spec
	run := p.columns.group * (s.Channels / s.Groups)
	for d := range 3 {
		run += p.tap[d] * s.Dilation[d] * strides[d]
	}
	if g.flipped {
		rows := g.size / s.Filters
		t.rows, t.aStep, t.cRow = s.Filters, t.bStep, rows*int(unsafe.Sizeof(T(0)))
		t.bStep = s.Strides[2] * strides[2] * int(unsafe.Sizeof(T(0)))
		lines := t.segments
		t.segments = 1
		for line := range lines {
			from := source[run+p.from+line*s.Strides[1]*strides[1]:]
			mulColumns(g.level, &t, dy[line*t.k*s.Filters:], from, sums[p.row:], p.to-p.from)
			t.add = 1
		}
		return
	}
	step := 1 // from row to row, in the source
	if g.lanes {
		step = s.Dilation[2] * strides[2]
		t.aRow *= step
	}
	height := p.to - p.from
	tiles := ceilDiv(height, tileRows)
	for n := range tiles {
		r := height * n / tiles
		t.rows = height*(n+1)/tiles - r
		a, b := source[run+(p.from+r)*step:], dy[p.columns.from:]
		to := sums[(p.row+r)*s.Filters+p.columns.from:]
		if g.lanes {
			mulLanes(g.level, &t, a[p.columns.from:], b, to, p.columns.to-p.columns.from)
		} else {
			mulColumns(g.level, &t, a, b, to, p.columns.to-p.columns.from)
		}
	}
}

// add adds the sums of all chunks up in rows of dk.
func (g *convGradKernel[T]) add(row0, row1 int) {
	filters := g.spec.Filters
	sum := g.dk[row0*filters : row1*filters]
	if g.flipped {
		rows := g.size / filters
		for f := range filters {
			for row := row0; row < row1; row++ {
				var all T
				for chunk := range g.chunks {
					all += g.partial[chunk*g.size+f*rows+row]
				}
				g.dk[row*filters+f] = all
			}
		}
		return
	}
	for chunk := range g.chunks - 1 {
		for i, v := range g.partial[chunk*g.size:][row0*filters : row1*filters] {
			sum[i] += v
		}
	}
}
