package kernel

import (
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// Convolution over images whose channels are last, and its gradient with respect to the image. Both are products whose left
// factor is read straight from the image: a row of that factor is the neighbourhood of a place, which lies there as a few
// contiguous segments.

// ConvSpec says what a convolution computes. It has three spatial dimensions: those that are missing come first, with size,
// kernel, stride and dilation 1 and no padding. Per image, with o, t and i in three dimensions,
//
//	y[o, f] = sum over t, c of x[o*Strides + t*Dilation - PadLo, c] k[t, c, f]
//
// where x is 0 outside of In and, with groups, c runs over the channels of the group of f. Layouts are those of Keras: x is
// (Batch, In..., Channels), y (Batch, Out..., Filters), k (Kernel..., Channels/Groups, Filters).
type ConvSpec struct {
	Batch                                     int
	In, Out, Kernel, Strides, Dilation, PadLo [3]int
	Channels, Filters, Groups                 int // Groups divides both; 0 is 1

	// Epilogue, if not nil, is called once for every rectangle of the result when its elements have their final values, as in
	// GemmSpec, with batch 0. Columns are filters and rows are the places of all images, of Conv; columns are channels and rows
	// are the places of all images, of ConvGradInput; columns are filters and rows are Kernel... times Channels/Groups, of
	// ConvGradKernel.
	Epilogue func(worker, batch, row0, row1, col0, col1 int)
}

func volume(size [3]int) int { return size[0] * size[1] * size[2] }

func (s *ConvSpec) checked(y, x, k int) ConvSpec {
	c := *s
	if c.Groups == 0 {
		c.Groups = 1
	}
	for i := range 3 {
		if c.In[i] < 0 || c.Out[i] < 0 || c.Kernel[i] < 1 || c.Strides[i] < 1 || c.Dilation[i] < 1 {
			panic("kernel: conv: bad size")
		}
	}
	if c.Batch < 0 || c.Channels < 1 || c.Filters < 1 || c.Groups < 1 || c.Channels%c.Groups != 0 || c.Filters%c.Groups != 0 {
		panic("kernel: conv: bad channels, filters or groups")
	}
	if y < c.Batch*volume(c.Out)*c.Filters || x < c.Batch*volume(c.In)*c.Channels || k < volume(c.Kernel)*c.Channels/c.Groups*c.Filters {
		panic("kernel: conv: short operand")
	}
	return c
}

// flat joins dimensions that the convolution treats as one: those of the image and the channels where the kernel covers the image
// exactly, neighbouring dimensions, and at last the batch, where the kernel has size 1. input says that the epilogue is for the
// image.
func (s *ConvSpec) flat(input bool) {
	one := [3]int{1, 1, 1}
	if s.Kernel == s.In && s.Out == one && s.PadLo == [3]int{} && s.Dilation == one && s.Groups == 1 {
		if input && s.Epilogue != nil {
			s.Epilogue = rowByRow(s.Epilogue, volume(s.In), s.Channels)
		}
		s.Channels *= volume(s.In)
		s.In, s.Kernel, s.Strides = one, one, one
	}
	plain := func(d int) bool {
		return s.Kernel[d] == 1 && s.Strides[d] == 1 && s.PadLo[d] == 0 && s.In[d] == s.Out[d]
	}
	for d := range 2 {
		if plain(d) && plain(d+1) {
			s.In[d+1] *= s.In[d]
			s.Out[d+1] *= s.Out[d]
			s.In[d], s.Out[d] = 1, 1
		}
	}
	if plain(2) && s.In[0]*s.In[1] == 1 && s.Out[0]*s.Out[1] == 1 && s.Kernel[0]*s.Kernel[1] == 1 && s.PadLo[0] == 0 && s.PadLo[1] == 0 {
		s.In[2] *= s.Batch
		s.Out[2] *= s.Batch
		s.Batch = 1
	}
}

// rowByRow is an epilogue for rows that are so many of those that do wants, each of so many columns.
func rowByRow(do func(worker, batch, row0, row1, col0, col1 int), rows, cols int) func(worker, batch, row0, row1, col0, col1 int) {
	return func(worker, batch, row0, row1, col0, col1 int) {
		for row := row0; row < row1; row++ {
			for i := col0 / cols; i*cols < col1; i++ {
				do(worker, batch, row*rows+i, row*rows+i+1, max(0, col0-i*cols), min(cols, col1-i*cols))
			}
		}
	}
}

// convAxis is one dimension of a pass: output place start + q*step, for q in [0, count), sums over the taps t with what is at
// source place origin + q*stride + t*dilation.
type convAxis struct {
	start, step, count       int
	origin, stride, dilation int
	taps                     []int // the place in the kernel of each tap
}

// forwardAxis is dimension d of a convolution.
func forwardAxis(s *ConvSpec, d int) []convAxis {
	a := convAxis{step: 1, count: s.Out[d], origin: -s.PadLo[d], stride: s.Strides[d], dilation: s.Dilation[d]}
	for t := range s.Kernel[d] {
		a.taps = append(a.taps, t)
	}
	return []convAxis{a}
}

// backwardAxis is dimension d of the gradient with respect to the input. Input place i got something from output place (i + PadLo
// - t*Dilation)/Strides where that is whole, so i mod Strides decides which t count: one pass for each remainder.
func backwardAxis(s *ConvSpec, d int) []convAxis {
	var all []convAxis
	stride := s.Strides[d]
	for start := range min(stride, s.In[d]) {
		a := convAxis{start: start, step: stride, count: ceilDiv(s.In[d]-start, stride), stride: 1, dilation: 1}
		for t := s.Kernel[d] - 1; t >= 0; t-- {
			place := start + s.PadLo[d] - t*s.Dilation[d]
			if place%stride != 0 {
				continue
			}
			switch len(a.taps) {
			case 0:
				a.origin = place / stride
			case 1:
				a.dilation = place/stride - a.origin
			}
			a.taps = append(a.taps, t)
		}
		all = append(all, a)
	}
	return all
}

// within is the range of q whose output places are in [from, to).
func (a *convAxis) within(from, to int) (int, int) {
	return max(0, ceilDiv(max(0, from-a.start), a.step)), min(a.count, ceilDiv(max(0, to-a.start), a.step))
}

// reach is the range of source places that output places [from, to) need, if there are any.
func reach(axes []convAxis, from, to int) (lo, hi int, some bool) {
	for i := range axes {
		a := &axes[i]
		q0, q1 := a.within(from, to)
		if q0 >= q1 || len(a.taps) == 0 {
			continue
		}
		least, most := a.origin+q0*a.stride, a.origin+(q1-1)*a.stride+(len(a.taps)-1)*a.dilation+1
		if !some {
			lo, hi = least, most
		}
		lo, hi, some = min(lo, least), max(hi, most), true
	}
	return lo, hi, some
}

// convPass is a part of the output places whose sums have the same taps.
type convPass struct {
	axes   [3]convAxis
	row    int         // of the kernel matrix: where the pass begins
	terms  int         // of a sum
	wide   int         // segments for a line of taps
	blocks []convBlock // of the sum
}

// convBlock is a part of the sums of a pass: segments of the source, rows of the kernel matrix.
type convBlock struct {
	row, k  int      // k is the number of terms in each segment
	first   int      // segment of the pass
	offsets [2][]int // of each segment, for a view in place and a copied one
	jumps   [2][]int // see tile
}

// How a pass is multiplied.
type convWay uint8

const (
	byTiles convWay = iota
	byLanes         // depthwise
	byDots          // very few filters: the kernel is transposed, the filters of a pass one after the other
)

// makeBlocks cuts the sum of a pass. There are so many channels in a group; whole says that it is the only one.
func (p *convPass) makeBlocks(v *convView, way convWay, channels int, whole bool, size int) {
	d, h, w := &p.axes[0], &p.axes[1], &p.axes[2]
	length := channels
	step := [2]int{1, 1} // from term to term
	p.wide = len(w.taps)
	switch {
	case way == byLanes: // the terms are the taps of a line
		length, p.wide = len(w.taps), 1
		step = [2]int{w.dilation * v.strides[inPlace][2], w.dilation * v.strides[copied][2]}
	case whole && v.pitch == channels && w.dilation == 1: // channels of neighbours lie together
		length, p.wide = channels*len(w.taps), 1
	}
	n := len(d.taps) * len(h.taps) * p.wide
	p.terms = n * length
	if p.terms == 0 {
		return // no tap meets these places
	}
	most := maxBlockK
	if way != byTiles {
		most = p.terms // lanes and dots need no blocks
	}
	each := max(1, most/length)
	each = ceilDiv(n, ceilDiv(n, each))
	part := length
	if part > most {
		part = blockOfK(length)
	}
	for first := 0; first < n; first += each {
		for from := 0; from < length; from += part {
			b := convBlock{row: p.row + first*length + from, k: min(part, length-from), first: first}
			for kind, s := range v.strides {
				for i := first; i < min(first+each, n); i++ {
					line := i / p.wide
					offset := line/len(h.taps)*d.dilation*s[0] + line%len(h.taps)*h.dilation*s[1] + i%p.wide*w.dilation*s[2] + from
					if i > first {
						b.jumps[kind] = append(b.jumps[kind], (offset-b.offsets[kind][i-first-1]-b.k*step[kind])*size)
					}
					b.offsets[kind] = append(b.offsets[kind], offset)
				}
			}
			p.blocks = append(p.blocks, b)
		}
	}
}

// inside is the range of the segments of a block that output line h meets within a source of so many lines. What lies outside is
// 0.
func (p *convPass) inside(b *convBlock, h, lines int) (int, int) {
	n := len(b.offsets[0])
	if len(p.axes[0].taps) > 1 {
		return 0, n
	}
	a := &p.axes[1]
	top := a.origin + h*a.stride
	from, to := 0, len(a.taps)
	if top < 0 {
		from = ceilDiv(-top, a.dilation)
	}
	if room := lines - top; room < (to-1)*a.dilation+1 {
		to = ceilDiv(max(0, room), a.dilation)
	}
	from, to = max(0, from*p.wide-b.first), min(n, to*p.wide-b.first)
	return min(from, n), max(to, 0)
}

// The two kinds of view.
const (
	inPlace = iota
	copied
)

// convView gives access to a region of an image that may reach beyond its edges, where it is 0.
type convView struct {
	size     [3]int
	channels int
	pitch    int // numbers from one place to the next, in a copy
	room     int // numbers in a copy
	strides  [2][3]int
}

// newConvView makes a view for regions of at most such an extent; step is how far apart the rows of a tile are in the last
// dimension.
func newConvView(size [3]int, channels int, extent [3]int, step, bytes int) *convView {
	v := &convView{size: size, channels: channels, pitch: channels}
	if step*channels*bytes%4096 == 0 {
		v.pitch += alignment / bytes // places a page apart would drive each other out of the level 1 cache
	}
	v.strides[inPlace] = [3]int{size[1] * size[2] * channels, size[2] * channels, channels}
	v.strides[copied] = [3]int{extent[1] * extent[2] * v.pitch, extent[2] * v.pitch, v.pitch}
	v.room = volume(extent) * v.pitch
	return v
}

// viewOf is the region [lo, hi) of an image: its numbers, and their kind. It uses room if it has to.
func viewOf[T tensor.Float](v *convView, room, image []T, lo, hi [3]int) ([]T, int) {
	inside := v.pitch == v.channels
	for d := range 3 {
		inside = inside && lo[d] >= 0 && hi[d] <= v.size[d]
	}
	from := v.strides[inPlace]
	if inside {
		return image[lo[0]*from[0]+lo[1]*from[1]+lo[2]*from[2]:], inPlace
	}
	to := v.strides[copied]
	for d := lo[0]; d < hi[0]; d++ {
		for h := lo[1]; h < hi[1]; h++ {
			line := room[(d-lo[0])*to[0]+(h-lo[1])*to[1]:][:(hi[2]-lo[2])*v.pitch]
			w0, w1 := min(max(lo[2], 0), hi[2]), max(min(hi[2], v.size[2]), lo[2])
			if d < 0 || d >= v.size[0] || h < 0 || h >= v.size[1] || w0 >= w1 {
				clear(line)
				continue
			}
			source := image[d*from[0]+h*from[1]+w0*from[2]:]
			clear(line[:(w0-lo[2])*v.pitch])
			if v.pitch == v.channels {
				copy(line[(w0-lo[2])*v.pitch:], source[:(w1-w0)*v.channels])
			} else {
				for w := range w1 - w0 {
					copy(line[(w0-lo[2]+w)*v.pitch:], source[w*v.channels:][:v.channels])
				}
			}
			clear(line[(w1-lo[2])*v.pitch:])
		}
	}
	return room, copied
}

// depthwise reports whether every group is one channel that goes to one filter, while there are more: then channels are not
// summed over, and all are done side by side.
func (s *ConvSpec) depthwise() bool {
	return s.Groups > 1 && s.Groups == s.Channels && s.Groups == s.Filters
}

// columnPiece is a range of output columns in one group.
type columnPiece struct{ group, from, to int }

// columnPieces cuts the columns of all groups; no piece is wider than maxCols.
func columnPieces(groups, columns int) []columnPiece {
	var all []columnPiece
	each := min(columns, roundUp(ceilDiv(columns, ceilDiv(columns, maxCols)), panelCols))
	for g := range groups {
		for from := 0; from < columns; from += each {
			all = append(all, columnPiece{g, g*columns + from, g*columns + min(from+each, columns)})
		}
	}
	return all
}

// conv is a prepared convolution in the general sense of convPass.
type conv[T tensor.Float] struct {
	level            level
	pool             *Pool
	y, x, k          []T
	out              [3]int
	channels         int // of x
	filters          int // columns of y
	groups           int
	epilogue         func(worker, batch, row0, row1, col0, col1 int)
	axes             [3][]convAxis
	passes           []convPass // all combinations of axes
	way              convWay
	view             *convView
	pieces           []columnPiece
	lines, width     int // of the output of a task: width is less than all only if lines is 1
	columns          int // pieces of a task
	perDepth, across int // tasks for the lines of one depth, for the width of one line
	perPlace         int // tasks for the columns of one place
	tasks            int
}

const convTaskFlops = 2e6

// newConv plans a convolution whose passes are all combinations of the axes.
func newConv[T tensor.Float](p *Pool, s *ConvSpec, axes [3][]convAxis, in, out [3]int, channels, filters int, y, x, k []T) *conv[T] {
	c := &conv[T]{level: levelOf[T](p), pool: p, y: y, x: x, k: k, out: out, channels: channels, filters: filters, groups: s.Groups,
		epilogue: s.Epilogue, axes: axes, pieces: columnPieces(s.Groups, filters/s.Groups)}
	if s.depthwise() {
		c.way, c.pieces = byLanes, columnPieces(1, filters)
	}
	row, mostTaps := 0, 0
	for _, d := range axes[0] {
		for _, h := range axes[1] {
			for _, w := range axes[2] {
				taps := len(d.taps) * len(h.taps) * len(w.taps)
				c.passes = append(c.passes, convPass{axes: [3]convAxis{d, h, w}, row: row})
				row += taps * channels / s.Groups
				mostTaps = max(mostTaps, taps)
			}
		}
	}
	if s.Groups == 1 && canDot(c.level, filters, mostTaps*channels) {
		c.way = byDots
	}
	// A task does some lines of one depth of one image, or a part of one line.
	c.columns = max(1, min(len(c.pieces), maxCols/(c.pieces[0].to-c.pieces[0].from)))
	c.perPlace = ceilDiv(len(c.pieces), c.columns)
	place := 2 * float64(mostTaps) * float64(channels/s.Groups) * float64(min(filters, c.columns*(c.pieces[0].to-c.pieces[0].from)))
	if c.way == byLanes {
		place *= 4 // memory is what it waits for
	}
	step := axes[2][0].step
	c.lines, c.width = 1, out[2]
	if places := int(convTaskFlops / (place + 1)); places >= 2*out[2] {
		c.lines = min(out[1], places/out[2])
	} else if places < out[2]/2 {
		c.width = min(out[2], max(4*tileRows*step, roundUp(places, tileRows*step)))
	}
	c.lines = ceilDiv(out[1], ceilDiv(out[1], c.lines))
	c.perDepth, c.across = ceilDiv(out[1], c.lines), ceilDiv(out[2], c.width)
	c.tasks = s.Batch * out[0] * c.perDepth * c.across * c.perPlace

	var extent [3]int
	for d, each := range [3]int{1, c.lines, c.width} {
		for from := 0; from < out[d]; from += each {
			if lo, hi, some := reach(axes[d], from, min(from+each, out[d])); some {
				extent[d] = max(extent[d], hi-lo)
			}
		}
	}
	bytes := int(unsafe.Sizeof(T(0)))
	c.view = newConvView(in, channels, extent, axes[2][0].stride, bytes)
	for i := range c.passes {
		c.passes[i].makeBlocks(c.view, c.way, channels/s.Groups, s.Groups == 1, bytes)
	}
	p.panels.reserve(c.view.room * bytes)
	return c
}

func (c *conv[T]) task(worker, i int) {
	piece := i % c.perPlace * c.columns
	pieces := c.pieces[piece:min(piece+c.columns, len(c.pieces))]
	i /= c.perPlace
	w0 := i % c.across * c.width
	i /= c.across
	h0 := i % c.perDepth * c.lines
	i /= c.perDepth
	d0, image := i%c.out[0], i/c.out[0]
	from := [3]int{d0, h0, w0}
	to := [3]int{d0 + 1, min(h0+c.lines, c.out[1]), min(w0+c.width, c.out[2])}

	// The region of the source that all passes together read.
	var lo, hi [3]int
	some := true
	for d := range 3 {
		var here bool
		lo[d], hi[d], here = reach(c.axes[d], from[d], to[d])
		some = some && here
	}
	var source []T
	var kind int
	if some {
		pixels := volume(c.view.size) * c.channels
		source, kind = viewOf(c.view, numbers[T](c.pool.panels.buffer(worker), c.view.room), c.x[image*pixels:(image+1)*pixels], lo, hi)
	}
	y := c.y[image*volume(c.out)*c.filters:]
	for p := range c.passes {
		var q0, q1 [3]int
		if c.passes[p].within(from, to, &q0, &q1) {
			c.pass(&c.passes[p], pieces, y, source, kind, lo, q0, q1)
		}
	}
	if c.epilogue != nil {
		line := ((image*c.out[0]+d0)*c.out[1] + h0) * c.out[2]
		c.epilogue(worker, 0, line+w0, line+(to[1]-h0-1)*c.out[2]+to[2], pieces[0].from, pieces[len(pieces)-1].to)
	}
}

// within finds the ranges of q whose output places are in [from, to) and reports whether there are any.
func (p *convPass) within(from, to [3]int, q0, q1 *[3]int) bool {
	some := true
	for d := range 3 {
		q0[d], q1[d] = p.axes[d].within(from[d], to[d])
		some = some && q0[d] < q1[d]
	}
	return some
}

// pass computes the columns of pieces for the output places q0 to q1 of a pass, from a view that begins at lo.
func (c *conv[T]) pass(p *convPass, pieces []columnPiece, y, source []T, kind int, lo, q0, q1 [3]int) {
	size := int(unsafe.Sizeof(T(0)))
	strides := &c.view.strides[kind]
	ad, ah, aw := &p.axes[0], &p.axes[1], &p.axes[2]
	width := q1[2] - q0[2]
	high := c.level.rowsAtOnce()
	if c.way == byLanes {
		high = tileRows
	}
	tiles := ceilDiv(width, high)
	t := tile{aRow: aw.stride * strides[2] * size, aStep: size, bStep: c.filters * size, cRow: aw.step * c.filters * size}
	if c.way == byLanes {
		t.aStep = aw.dilation * strides[2] * size
	}
	places := func(h, w int) int { // of output
		return (((ad.start+q0[0]*ad.step)*c.out[1]+ah.start+h*ah.step)*c.out[2] + aw.start + w*aw.step) * c.filters
	}
	clearLine := func(h int) {
		for w := q0[2]; w < q1[2]; w++ {
			clear(y[places(h, w):][pieces[0].from:pieces[len(pieces)-1].to])
		}
	}
	if len(p.blocks) == 0 {
		for h := q0[1]; h < q1[1]; h++ {
			clearLine(h)
		}
	}
	for i := range p.blocks {
		b := &p.blocks[i]
		t.k, t.add = b.k, min(1, i)
		for h := q0[1]; h < q1[1]; h++ {
			s0, s1 := p.inside(b, h, c.view.size[1])
			if s0 >= s1 {
				if i == 0 {
					clearLine(h)
				}
				continue
			}
			t.segments = s1 - s0
			if t.segments > 1 {
				t.jumps = &b.jumps[kind][s0]
			}
			row := b.row + s0*b.k
			line := b.offsets[kind][s0] + (ad.origin+q0[0]*ad.stride-lo[0])*strides[0] + (ah.origin+h*ah.stride-lo[1])*strides[1]
			if c.way == byDots {
				d := dots{k: t.k, segments: t.segments, jumps: t.jumps, cols: c.filters, bCol: p.terms * size, cCol: size}
				d.b = unsafe.Pointer(&c.k[p.row*c.filters+row-p.row])
				at := line + (aw.origin+q0[2]*aw.stride-lo[2])*strides[2]
				mulDots(c.level, &d, source[at:], aw.stride*strides[2], y[places(h, q0[2]):], aw.step*c.filters, width)
				continue
			}
			for n := range tiles {
				w := q0[2] + width*n/tiles
				t.rows = width*(n+1)/tiles - width*n/tiles
				at := line + (aw.origin+w*aw.stride-lo[2])*strides[2]
				for _, piece := range pieces {
					k, to := c.k[row*c.filters+piece.from:], y[places(h, w)+piece.from:]
					if c.way == byLanes {
						mulLanes(c.level, &t, source[at+piece.from:], k, to, piece.to-piece.from)
					} else {
						mulColumns(c.level, &t, source[at+piece.group*(c.channels/c.groups):], k, to, piece.to-piece.from)
					}
				}
			}
		}
	}
}

// Conv prepares y = the convolution of x with the kernel k. A depthwise convolution, with k of (Kernel..., Channels, multiplier)
// numbers, is one with Groups = Channels and Filters = Channels*multiplier: the layouts are the same. So it is for the gradients.
func Conv[T tensor.Float](p *Pool, spec ConvSpec, y, x, k []T) func() {
	s := spec.checked(len(y), len(x), len(k))
	if s.Batch*volume(s.Out) == 0 {
		return func() {}
	}
	s.flat(false)
	axes := [3][]convAxis{forwardAxis(&s, 0), forwardAxis(&s, 1), forwardAxis(&s, 2)}
	c := newConv(p, &s, axes, s.In, s.Out, s.Channels, s.Filters, y, x, k)
	task := c.task
	if c.way != byDots {
		return func() { p.Run(c.tasks, task) }
	}
	rows := volume(s.Kernel) * s.Channels
	size := rows * s.Filters
	p.shared.reserve(size * int(unsafe.Sizeof(T(0))))
	return func() {
		c.k = numbers[T](p.shared.buffer(0), size)
		transpose(c.level, c.k, rows, k, s.Filters, rows, s.Filters)
		p.Run(c.tasks, task)
	}
}

// ConvGradInput prepares dx = the gradient of a convolution with respect to its input x, given dy, that with respect to y, and
// the kernel:
//
//	dx[i, c] = sum over o, t with o*Strides + t*Dilation - PadLo = i, and over f, of dy[o, f] k[t, c, f]
//
// It is also the transposed convolution of dy, whose output is dx.
func ConvGradInput[T tensor.Float](p *Pool, spec ConvSpec, dx, dy, k []T) func() {
	s := spec.checked(len(dy), len(dx), len(k))
	if s.Batch*volume(s.In) == 0 {
		return func() {}
	}
	s.flat(true)
	axes := [3][]convAxis{backwardAxis(&s, 0), backwardAxis(&s, 1), backwardAxis(&s, 2)}
	c := newConv(p, &s, axes, s.Out, s.In, s.Filters, s.Channels, dx, dy, nil)
	// Its kernel is k with the channels and filters of each place transposed, the places in the order of the passes. By dots that
	// is transposed again for each pass, so channels and filters stay as they are.
	size := volume(s.Kernel) * s.Channels / s.Groups * s.Filters
	p.shared.reserve(size * int(unsafe.Sizeof(T(0))))
	channels, filters := s.Channels/s.Groups, s.Filters/s.Groups
	var turns []kernelTurn
	for i := range c.passes {
		turns = c.passes[i].turns(turns, s.Kernel, filters)
	}
	const grain = 1 << 15 // numbers of the kernel for one task
	each := max(1, grain*len(turns)/size)
	turn := func(_, i int) {
		for n := i * each; n < min((i+1)*each, len(turns)); n++ {
			t := &turns[n]
			from := k[t.place*channels*s.Filters:]
			if c.way == byDots {
				to := c.k[t.pass*s.Channels+t.row:]
				for ch := range channels {
					copy(to[ch*t.rows:], from[ch*filters:][:filters])
				}
				continue
			}
			to := c.k[(t.pass+t.row)*s.Channels:]
			for g := range s.Groups {
				transpose(c.level, to[g*channels:], s.Channels, from[g*filters:], s.Filters, channels, filters)
			}
		}
	}
	task := c.task
	return func() {
		c.k = numbers[T](p.shared.buffer(0), size)
		p.Run(ceilDiv(len(turns), each), turn)
		p.Run(c.tasks, task)
	}
}

// kernelTurn says where the channels and filters of a place of the kernel go for a gradient: to the rows from row on, of so many
// rows of a pass, which begins at row pass.
type kernelTurn struct{ place, pass, row, rows int }

// turns appends those of the taps of a pass, in a kernel of such a size.
func (p *convPass) turns(all []kernelTurn, kernel [3]int, filters int) []kernelTurn {
	row, rows := 0, len(p.axes[0].taps)*len(p.axes[1].taps)*len(p.axes[2].taps)*filters
	for _, d := range p.axes[0].taps {
		for _, h := range p.axes[1].taps {
			for _, w := range p.axes[2].taps {
				all = append(all, kernelTurn{place: (d*kernel[1]+h)*kernel[2] + w, pass: p.row, row: row, rows: rows})
				row += filters
			}
		}
	}
	return all
}
