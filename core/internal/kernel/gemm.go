package kernel

import (
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// The matrix product: how it is cut in tasks and where each task finds its factors.

// GemmSpec says what a product multiplies: for every b in [0, Batch)
//
//	C[b] = op(A[b]) op(B[b])    or, with Accumulate,    C[b] += op(A[b]) op(B[b])
//
// with op(A) of M by K, op(B) of K by N and C of M by N numbers, row-major. Sizes may be 0; a sum of no terms is 0.
type GemmSpec struct {
	M, N, K        int
	TransA, TransB bool // A is stored as K by M; B is stored as N by K
	LDA, LDB, LDC  int  // numbers from one stored row to the next; 0: the rows follow each other

	Batch                     int // 0 is 1
	StrideA, StrideB, StrideC int // numbers from one matrix of the batch to the next; 0: A, B the same for all, C one after the other

	Accumulate bool

	// Epilogue, if not nil, is called once for every rectangle C[batch][row0:row1, col0:col1] when its elements have their final
	// values, by the worker that computed it, while it is in its cache. The rectangles cover C. It may use Pool.Scratch.
	Epilogue func(worker, batch, row0, row1, col0, col1 int)

	// ConstB says that B is the same in every run until Invalidate. If it has to be packed, which takes memory of its size, that
	// is done once.
	ConstB bool
}

// where a product finds its right factor
type source uint8

const (
	direct     source = iota // in the operand itself
	packed                   // packed as a whole before the tasks start
	packedByUs               // packed by each task for itself, one block of K at a time
)

// Product is a prepared matrix product.
type Product[T tensor.Float] struct {
	GemmSpec
	level    level
	pool     *Pool
	c, a, b  []T
	packLeft bool
	right    source
	dots     bool // done by mulDots
	flipped  bool // as C' = B' A'
	panels   []T  // B as packed
	keep     []T  // room for panels if ConstB
	valid    bool

	rows, cols             int // of the C of a task
	rowBlocks, colBlocks   int
	group, tasks           int // a task does so many matrices of the batch
	panelBatch, panelCount int // how many panels a task packs; how many there are
	room                   int // numbers a worker packs

	compute, pack func(worker, i int)
}

// How work is cut. That has no influence on the bits of the result.
const (
	taskFlops   = 1e6     // a task should do at most about so much: some 10 microseconds
	maxCols     = 256     // columns of a task; with maxBlockK lines they fill part of a level 2 cache
	dotFlops    = 400_000 // taskFlops of products that wait for memory
	enoughTasks = 8       // for each worker
	minRows     = 2 * tileRows
	maxRows     = 144 // rows of a task that packs its right factor, at least, if there are so many
)

// Gemm prepares a product. A, B and C must be as large as the spec says and C must not overlap the others.
func Gemm[T tensor.Float](p *Pool, s GemmSpec, c, a, b []T) *Product[T] {
	s.normalise()
	check := func(data []T, rows, cols, ld, stride int, what string) {
		if rows < 0 || cols < 0 || ld < cols && rows > 1 || stride < 0 {
			panic("kernel: gemm: bad size of " + what)
		}
		if rows > 0 && cols > 0 && s.Batch > 0 && len(data) < (s.Batch-1)*stride+(rows-1)*ld+cols {
			panic("kernel: gemm: short " + what)
		}
	}
	rowsA, colsA := either(s.TransA, s.M, s.K)
	rowsB, colsB := either(s.TransB, s.K, s.N)
	check(a, rowsA, colsA, s.LDA, s.StrideA, "a")
	check(b, rowsB, colsB, s.LDB, s.StrideB, "b")
	check(c, s.M, s.N, s.LDC, s.StrideC, "c")
	g := &Product[T]{GemmSpec: s, level: levelOf[T](p), pool: p, c: c, a: a, b: b}
	if s.M == 0 || s.N == 0 || s.Batch == 0 {
		return g
	}
	if !g.planDots() {
		g.plan()
	}
	g.tasks = ceilDiv(g.Batch, g.group) * g.rowBlocks * g.colBlocks
	g.reserve()
	g.compute, g.pack = g.computeTask, g.packTask
	return g
}

func (s *GemmSpec) normalise() {
	if s.Batch == 0 {
		s.Batch = 1
	}
	rowsA, colsA := either(s.TransA, s.M, s.K)
	_, colsB := either(s.TransB, s.K, s.N)
	defaultTo(&s.LDA, colsA)
	defaultTo(&s.LDB, colsB)
	defaultTo(&s.LDC, s.N)
	defaultTo(&s.StrideC, s.M*s.LDC)
	// One left factor after the other with the same right one is one high left factor.
	if s.Batch > 1 && s.StrideB == 0 && s.StrideA == rowsA*s.LDA && s.StrideC == s.M*s.LDC && !s.TransA && s.Epilogue == nil {
		s.M *= s.Batch
		s.Batch, s.StrideA, s.StrideC = 1, 0, s.M*s.LDC
	}
}

func either(swap bool, x, y int) (int, int) {
	if swap {
		return y, x
	}
	return x, y
}

func defaultTo(x *int, value int) {
	if *x == 0 {
		*x = value
	}
}

// plan chooses the blocks of C that tasks do and where they find their factors.
func (g *Product[T]) plan() {
	flops := func(rows, cols int) float64 { return 2 * float64(rows) * float64(cols) * float64(g.K) }
	evenly := func(n, most, multiple int) int { return min(n, roundUp(ceilDiv(n, ceilDiv(n, most)), multiple)) }
	lowest := minRows
	if g.TransB {
		lowest = maxRows // a packed right factor must pay for its packing
	}
	g.rows, g.cols, g.group = evenly(g.M, max(lowest, maxRows/2), tileRows), evenly(g.N, maxCols, panelCols), 1
	// Lower while there is too much in a task and too few tasks, then narrower.
	tooMuch := func() bool {
		return flops(g.rows, g.cols) > taskFlops && g.Batch*ceilDiv(g.M, g.rows)*ceilDiv(g.N, g.cols) < enoughTasks*g.pool.Workers()
	}
	for g.rows > lowest && tooMuch() {
		g.rows = max(lowest, roundUp(ceilDiv(g.rows, 2), tileRows))
	}
	for g.cols > panelCols && tooMuch() {
		g.cols = roundUp(ceilDiv(g.cols, 2), panelCols)
	}
	g.rowBlocks, g.colBlocks = ceilDiv(g.M, g.rows), ceilDiv(g.N, g.cols)
	if g.rowBlocks*g.colBlocks == 1 {
		g.group = int(min(float64(g.Batch), max(1, taskFlops/(flops(g.M, g.N)+1))))
	}

	// The tiles read B in place about as fast as they read panels, if only its rows are its rows.
	oneB := g.StrideB == 0 || g.Batch == 1
	switch {
	case !g.TransB:
		g.right = direct
	case oneB && (g.ConstB || g.Batch*g.rowBlocks > 2):
		g.right = packed
	default:
		g.right = packedByUs
	}
	// Rows of the left factor that lie a multiple of a page apart drive each other out of the level 1 cache.
	g.packLeft = g.level != goLoops && !g.TransA && g.cols >= 2*panelCols && g.LDA*4%4096 == 0
}

// planDots is plan for products that mulDots does, if this is one.
func (g *Product[T]) planDots() bool {
	narrow := g.N
	g.flipped = g.TransB && g.M <= dotCols && g.N > dotCols
	if g.flipped {
		narrow = g.M
	}
	if g.TransA || !canDot(g.level, narrow, g.K) {
		return false
	}
	g.dots, g.right = true, direct
	if !g.TransB && (g.N > 1 || g.LDB > 1) {
		g.right = packedByUs
	}
	g.rows, g.cols, g.group = g.M, g.N, 1
	each := max(16, roundUp(dotFlops/(2*narrow*g.K), 4))
	if g.flipped {
		g.cols = min(g.N, each)
	} else {
		g.rows = min(g.M, each)
	}
	g.rowBlocks, g.colBlocks = ceilDiv(g.M, g.rows), ceilDiv(g.N, g.cols)
	if g.rowBlocks*g.colBlocks == 1 {
		g.group = min(g.Batch, max(1, dotFlops/(2*g.M*g.N*g.K)))
	}
	return true
}

func roundUp(x, multiple int) int { return ceilDiv(x, multiple) * multiple }

func (g *Product[T]) reserve() {
	size := int(unsafe.Sizeof(T(0)))
	g.panelCount = ceilDiv(g.N, panelCols)
	all := g.panelCount * panelCols * g.K
	switch {
	case g.right == packed && g.ConstB:
		g.keep = alignedOf[T](all)
	case g.right == packed:
		g.pool.shared.reserve(all * size)
	}
	g.panelBatch = max(1, 16384/(panelCols*max(1, g.K)))
	switch {
	case !g.dots:
		g.room = packedLeft + roundUp(g.cols, panelCols)*blockOfK(g.K)
	case g.right == packedByUs:
		g.room = g.N * g.K
	}
	g.pool.panels.reserve(g.room * size)
}

// Run computes the product.
func (g *Product[T]) Run() {
	if g.tasks == 0 {
		return
	}
	if g.right == packed && !g.valid {
		g.panels = g.keep
		if g.keep == nil {
			g.panels = numbers[T](g.pool.shared.buffer(0), g.panelCount*panelCols*g.K)
		}
		g.pool.Run(ceilDiv(g.panelCount, g.panelBatch), g.pack)
		g.valid = g.ConstB
	}
	g.pool.Run(g.tasks, g.compute)
}

// Invalidate says that a constant B has changed.
func (g *Product[T]) Invalidate() { g.valid = false }

func (g *Product[T]) packTask(_, i int) {
	if g.K == 0 {
		return
	}
	for panel := i * g.panelBatch; panel < min((i+1)*g.panelBatch, g.panelCount); panel++ {
		g.packPanel(g.panels[panel*panelCols*g.K:], 0, panel*panelCols, min((panel+1)*panelCols, g.N), 0, g.K)
	}
}

// packPanel packs lines k0 to k0+k of columns j0 to j1 of a right factor.
func (g *Product[T]) packPanel(to []T, batch, j0, j1, k0, k int) {
	offset := batch * g.StrideB
	if g.TransB {
		offset += j0*g.LDB + k0
	} else {
		offset += k0*g.LDB + j0
	}
	packRight(g.level, to, g.b[offset:], g.LDB, g.TransB, k, j1-j0)
}

func (g *Product[T]) computeTask(worker, i int) {
	block := i % (g.rowBlocks * g.colBlocks)
	first := i / (g.rowBlocks * g.colBlocks) * g.group
	// Tasks that follow each other share the columns: those are what must come from far away.
	i0, j0 := block%g.rowBlocks*g.rows, block/g.rowBlocks*g.cols
	i1, j1 := min(i0+g.rows, g.M), min(j0+g.cols, g.N)
	for batch := first; batch < min(first+g.group, g.Batch); batch++ {
		if g.dots {
			g.computeDots(worker, batch, i0, i1, j0, j1)
		} else {
			g.computeBlock(worker, batch, i0, i1, j0, j1)
		}
		if g.Epilogue != nil {
			g.Epilogue(worker, batch, i0, i1, j0, j1)
		}
	}
}

func (g *Product[T]) computeBlock(worker, batch, i0, i1, j0, j1 int) {
	c := g.c[batch*g.StrideC+i0*g.LDC+j0:]
	if g.K == 0 && !g.Accumulate {
		clearBlock(c, g.LDC, i1-i0, j1-j0)
	}
	step := blockOfK(g.K)
	mine := numbers[T](g.pool.panels.buffer(worker), g.room)
	for k0 := 0; k0 < g.K; k0 += step {
		k := min(step, g.K-k0)
		a := left[T]{row: g.LDA, step: 1}
		if g.TransA {
			a.row, a.step = 1, g.LDA
		}
		a.data = g.a[batch*g.StrideA+i0*a.row+k0*a.step:]
		if g.packLeft {
			a.packed = mine[:packedLeft]
		}
		b := right[T]{step: panelCols, padded: true}
		switch g.right {
		case direct:
			b = right[T]{data: g.b[batch*g.StrideB+k0*g.LDB+j0:], step: g.LDB, panel: panelCols}
		case packed:
			b.data, b.panel = g.panels[(j0*g.K+k0*panelCols):], panelCols*g.K
		case packedByUs:
			b.data, b.panel = mine[packedLeft:], panelCols*k
			for j := j0; j < j1; j += panelCols {
				g.packPanel(b.data[(j-j0)*k:], batch, j, min(j+panelCols, j1), k0, k)
			}
		}
		mulBlock(g.level, i1-i0, j1-j0, k, a, b, c, g.LDC, g.Accumulate || k0 > 0)
	}
}

func (g *Product[T]) computeDots(worker, batch, i0, i1, j0, j1 int) {
	size := int(unsafe.Sizeof(T(0)))
	d := dots{k: g.K, segments: 1}
	if g.Accumulate {
		d.add = 1
	}
	a, b, c := g.a[batch*g.StrideA+i0*g.LDA:], g.b[batch*g.StrideB:], g.c[batch*g.StrideC+i0*g.LDC+j0:]
	if g.flipped {
		d.b, d.bCol, d.cCol, d.cols = unsafe.Pointer(&a[0]), g.LDA*size, g.LDC*size, g.M
		mulDots(g.level, &d, b[j0*g.LDB:], g.LDB, c, 1, j1-j0)
		return
	}
	bCol := g.LDB
	if g.right == packedByUs {
		mine := numbers[T](g.pool.panels.buffer(worker), g.room)
		transpose(g.level, mine, g.K, b, g.LDB, g.K, g.N)
		b, bCol = mine, g.K
	}
	d.b, d.bCol, d.cCol, d.cols = unsafe.Pointer(&b[0]), bCol*size, size, g.N
	mulDots(g.level, &d, a, g.LDA, c, g.LDC, i1-i0)
}
