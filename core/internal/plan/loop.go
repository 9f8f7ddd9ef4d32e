package plan

import (
	"unsafe"

	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the running of loops. A loop is a small program over vectors. It is run tile by tile, so that what goes from one
// operation to the next stays in the fastest cache, over any stretch of its domain: the tasks of a loop of its own, or the parts of a
// kernel's result as they are finished. Random numbers depend on the place in the tensor alone, so neither tiles nor tasks change bits.

const (
	maxTile        = 1024 // places of a tile
	tileRoom       = 6144 // numbers in all temporary vectors of a tile
	minSinkColumns = 8    // of a sum over rows that a loop takes along
	maxSinkColumns = 512
	loopTask       = 1 << 17 // operations on single numbers in a task
)

// slotKind says what a vector of a loop is.
type slotKind uint8

const (
	bufferSlot   slotKind = iota // a temporary of the worker
	memorySlot                   // a stretch of an operand or result that has an element for each place
	fixedSlot                    // one number repeated, for operations that want a vector
	periodicSlot                 // a vector that the domain repeats, repeated
	runSlot                      // a stretch of an operand that is contiguous over each cut of the domain
)

type slot[T tensor.Float] struct {
	kind   slotKind
	memory []T
	buffer int // number of the temporary
	period int
	access access
	source []T // of a fixed or periodic slot: what is repeated
	value  T   // of a fixed slot without source
}

// scalar is a number that all places of a tile share.
type scalar[T tensor.Float] struct {
	value  T
	memory []T // where it is, nil: value
	access access
	moves  bool // differs between cuts of the domain
}

type form uint8

const (
	unaryForm form = iota
	binaryForm
	rightForm // the right operand is a scalar
	leftForm
	ternaryForm
	fillForm
	randomForm
	copyForm
	gatherForm
	fusedForm
)

// instruction is one vector operation.
type instruction[T tensor.Float] struct {
	form    form
	dst     int
	a, b, c int // slots, or -1
	s, t    int // scalars
	unary   func(dst, x []T)
	binary  func(dst, x, y []T)
	withOne func(dst, x []T, y T)
	ternary func(dst, a, b, c []T)
	fill    func(dst []T, v T)
	fused   kernel.FusedLoop[T]
	stream  uint64 // of random numbers
	access  access // of what is gathered
	memory  []T
}

// loop is a compiled loop.
type loop[T tensor.Float] struct {
	pool    *kernel.Pool
	run     *runState
	size    int
	tile    int
	cut     int // tiles do not cross its multiples; 0: none
	slots   []slot[T]
	scalars []scalar[T]
	code    []instruction[T]
	buffers int
	streams [][]T // memory with an element for each place that is read
	sinks   []*sink[T]
	chunk   int // places of a task
	chunks  int
	workers []loopWorker[T]
	task    func(worker, i int)
}

// runState is what differs between runs.
type runState struct{ seed, step uint64 }

type loopWorker[T tensor.Float] struct {
	v []([]T)
	s []T
	_ [64]byte // workers do not share cache lines
}

// sink adds up the elements of a vector: of all places, or of those in each of so many columns.
type sink[T tensor.Float] struct {
	slot    int
	columns int
	dst     []T
	partial []T // columns > 1: of each task
	totals  []float64
	scale   float64
	sum     func(x []T) T
	columnS func(dst, x []T, rows, stride int)
	add     func(dst, x, y []T)
	room    [][]T // of each worker
}

// seedOf is the seed of a stream in a run: a hash, so that neighbouring runs have unlike numbers.
func (r *runState) seedOf(stream uint64) uint64 {
	return hash(hash(hash(r.seed)+r.step) + stream)
}

// hash is the output function of SplitMix64 (Steele, Lea and Flood, 2014) after one step.
func hash(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// prepare reads what the whole run shares: scalars, and vectors that are repeated.
func (l *loop[T]) prepare() {
	for i := range l.slots {
		s := &l.slots[i]
		switch {
		case s.kind == fixedSlot && s.source != nil && s.memory[0] != s.source[0]:
			repeat(s.memory, s.source[:1])
		case s.kind == periodicSlot:
			repeat(s.memory, s.source[:s.period])
		}
	}
	for i := range l.scalars {
		s := &l.scalars[i]
		if s.memory == nil || s.moves {
			continue
		}
		v := s.memory[s.access.offset]
		for w := range l.workers {
			l.workers[w].s[i] = v
		}
	}
}

// repeat fills dst with copies of src.
func repeat[T tensor.Float](dst, src []T) {
	n := copy(dst, src)
	for n < len(dst) {
		n += copy(dst[n:], dst[:n])
	}
}

// all runs the whole domain.
func (l *loop[T]) all() {
	l.prepare()
	l.pool.Run(l.chunks, l.task)
	for _, s := range l.sinks {
		s.finish()
	}
}

func (l *loop[T]) doTask(worker, i int) {
	from, to := i*l.chunk, min((i+1)*l.chunk, l.size)
	for _, s := range l.sinks {
		s.begin(i)
	}
	for from < to {
		end := l.end(from, to)
		l.do(worker, from, end)
		for _, s := range l.sinks {
			s.take(i, s.room[worker], l.workers[worker].v[s.slot])
		}
		from = end
	}
}

// end is where the tile that begins at from ends.
func (l *loop[T]) end(from, to int) int {
	end := min(to, from+l.tile)
	if l.cut > 0 {
		end = min(end, (from/l.cut+1)*l.cut)
	}
	return end
}

// stretch runs the places from from to to.
func (l *loop[T]) stretch(worker, from, to int) {
	for from < to {
		end := l.end(from, to)
		l.do(worker, from, end)
		from = end
	}
}

// epilogue is a loop as kernels call it for a part of a result of so many columns and so many numbers in a batch.
func (l *loop[T]) epilogue(columns, batchSize int) func(worker, batch, row0, row1, col0, col1 int) {
	return func(worker, batch, row0, row1, col0, col1 int) {
		from := batch * batchSize
		if col0 == 0 && col1 == columns {
			l.stretch(worker, from+row0*columns, from+row1*columns)
			return
		}
		l.prefetch(from+row0*columns+col0, col1-col0)
		for row := row0; row < row1; row++ {
			if row+1 < row1 {
				l.prefetch(from+(row+1)*columns+col0, col1-col0)
			}
			l.stretch(worker, from+row*columns+col0, from+row*columns+col1)
		}
	}
}

// prefetch asks for what n places read from memory. Rows of a part of a result are too short for the processor to find out by itself.
func (l *loop[T]) prefetch(from, n int) {
	for _, x := range l.streams {
		kernel.Prefetch(x[from : from+n])
	}
}

// do runs one tile.
func (l *loop[T]) do(worker, from, to int) {
	w, n := &l.workers[worker], to-from
	room := kernel.ScratchOf[T](l.pool, worker, l.buffers*l.tile)
	for i := range l.slots {
		s := &l.slots[i]
		switch s.kind {
		case bufferSlot:
			w.v[i] = room[s.buffer*l.tile:][:n:n]
		case memorySlot:
			w.v[i] = s.memory[from:to:to]
		case fixedSlot:
			w.v[i] = s.memory[:n:n]
		case periodicSlot:
			w.v[i] = s.memory[from%s.period:][:n:n]
		case runSlot:
			w.v[i] = s.memory[s.access.at(from):][:n:n]
		}
	}
	for i := range l.scalars {
		if s := &l.scalars[i]; s.moves {
			w.s[i] = s.memory[s.access.at(from)]
		}
	}
	v := w.v
	for i := range l.code {
		in := &l.code[i]
		switch in.form {
		case unaryForm:
			in.unary(v[in.dst], v[in.a])
		case binaryForm:
			in.binary(v[in.dst], v[in.a], v[in.b])
		case rightForm, leftForm:
			in.withOne(v[in.dst], v[in.a], w.s[in.s])
		case ternaryForm:
			in.ternary(v[in.dst], v[in.a], v[in.b], v[in.c])
		case fillForm:
			in.fill(v[in.dst], w.s[in.s])
		case randomForm:
			kernel.RandomUniform(v[in.dst], l.run.seedOf(in.stream), uint64(from))
		case copyForm:
			copy(v[in.dst], v[in.a])
		case fusedForm:
			var third []T
			if in.c >= 0 {
				third = v[in.c]
			}
			in.fused(v[in.dst], v[in.a], v[in.b], third, w.s[in.s], w.s[in.t])
		case gatherForm:
			gather(v[in.dst], in.memory, in.access, from)
		}
	}
}

// gather copies the elements of the places from from on.
func gather[T tensor.Float](dst, memory []T, a access, from int) {
	in := a.inner()
	for len(dst) > 0 {
		phase := from % in.n
		n := min(len(dst), in.n-phase)
		at := a.at(from)
		switch in.stride {
		case 1:
			copy(dst[:n], memory[at:])
		case 0:
			v := memory[at]
			for i := range dst[:n] {
				dst[i] = v
			}
		default:
			for i := range dst[:n] {
				dst[i] = memory[at]
				at += in.stride
			}
		}
		dst, from = dst[n:], from+n
	}
}

func (s *sink[T]) begin(task int) {
	if s.columns == 1 {
		s.totals[task] = 0
		return
	}
	clear(s.partial[task*s.columns:][:s.columns])
}

func (s *sink[T]) take(task int, room, x []T) {
	if s.columns == 1 {
		s.totals[task] += float64(s.sum(x))
		return
	}
	part, rows := s.partial[task*s.columns:][:s.columns], len(x)/s.columns
	s.columnS(room, x, rows, s.columns)
	s.add(part, part, room)
}

func (s *sink[T]) finish() {
	if s.columns == 1 {
		total := 0.0
		for _, v := range s.totals {
			total += v
		}
		s.dst[0] = T(total / s.scale)
		return
	}
	dst := s.dst[:s.columns]
	copy(dst, s.partial)
	for i := s.columns; i < len(s.partial); i += s.columns {
		s.add(dst, dst, s.partial[i:])
	}
	if s.scale != 1 {
		for i := range dst {
			dst[i] /= T(s.scale)
		}
	}
}

// same reports whether two slices begin at the same place.
func same[T tensor.Float](a, b []T) bool {
	return len(a) > 0 && len(b) > 0 && unsafe.SliceData(a) == unsafe.SliceData(b)
}
