package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// The pool: a fixed crew of goroutines that share out the tasks of one parallel loop after another, and the memory they work in.

// spinFor is how long an idle worker, or a caller that waits for the last task, looks before it sleeps. Waking a sleeper costs
// some microseconds, so the workers stay awake between the kernels of one program.
const spinFor = 50 * time.Microsecond

// alignment of all scratch memory, in bytes: a cache line, which is also an AVX-512 register.
const alignment = 64

// Pool runs parallel loops on a fixed number of workers: the caller of Run is worker 0, the others are goroutines that live as
// long as the pool. One loop runs at a time: programs that share a pool take turns with Lock and Unlock, which the kernels
// themselves leave alone.
type Pool struct {
	*crew
	turn      sync.Mutex
	reference atomic.Bool
	scratch   arena // for the body of a task: Scratch
	panels    arena // per worker, for products: epilogues called from them may still use Scratch
	shared    arena // one buffer for all workers, for products
}

// NewPool makes a pool of so many workers, the caller of Run included; workers <= 0 means one per processor Go may use
// (GOMAXPROCS). Its goroutines end with Close, or when the pool is no longer reachable.
func NewPool(workers int) *Pool {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, joinedMask)
	c := &crew{workers: make([]sleeper, workers), done: make(chan struct{}, 1)}
	if workers <= runtime.GOMAXPROCS(0) {
		c.spin = spinFor // more workers than processors would only steal each other's time
	}
	for w := 1; w < workers; w++ {
		c.workers[w].wake = make(chan struct{}, 1)
		go c.live(w)
	}
	p := &Pool{crew: c}
	p.scratch.buffers, p.panels.buffers, p.shared.buffers = workers, workers, 1
	runtime.AddCleanup(p, (*crew).Close, c)
	return p
}

var defaultPool = sync.OnceValue(func() *Pool { return NewPool(0) })

// Default is the pool that all models share unless told otherwise: one worker per processor. It is made on first use.
func Default() *Pool { return defaultPool() }

// Workers is the number of workers, the caller of Run included. Worker numbers are 0 to Workers()-1.
func (p *Pool) Workers() int { return len(p.workers) }

// Run calls task(worker, i) once for every i in [0, n) and returns when all calls have. Idle workers take the next i, so neither
// the order nor the worker of an i is fixed; no two calls that run at the same time have the same worker. With n = 1 or one
// worker all calls are made in order by the caller, as worker 0. Run allocates nothing; a task that is a closure should be made
// beforehand. A task must not call Run. If a task panics, the remaining ones are dropped and Run panics with the same value.
func (p *Pool) Run(n int, task func(worker, i int)) {
	if n <= 1 || len(p.workers) == 1 {
		for i := range n {
			task(0, i)
		}
		return
	}
	p.crew.run(n, task)
	// The workers' goroutines hold the crew, the crew must not hold the pool: see AddCleanup above.
	runtime.KeepAlive(p)
}

// Lock waits until no other program runs on the pool and keeps others out until Unlock.
func (p *Pool) Lock() { p.turn.Lock() }

// Unlock lets the next program run.
func (p *Pool) Unlock() { p.turn.Unlock() }

// SetReference makes the constructors called from now on choose the generic Go loops instead of assembly (true), or not (false).
func (p *Pool) SetReference(on bool) { p.reference.Store(on) }

// Reference reports whether constructors are to choose the generic Go loops.
func (p *Pool) Reference() bool { return p.reference.Load() }

// Reserve sees to it that every worker has at least so many bytes of Scratch. Constructors call it; it may allocate.
func (p *Pool) Reserve(bytes int) { p.scratch.reserve(bytes) }

// Scratch is the memory of a worker, aligned to 64 bytes, with anything in it; it is the worker's own until the task returns.
func (p *Pool) Scratch(worker int) []byte { return p.scratch.buffer(worker) }

// ScratchOf is the beginning of the Scratch of a worker as n numbers. It panics if fewer were reserved.
func ScratchOf[T tensor.Float](p *Pool, worker, n int) []T {
	return numbers[T](p.scratch.buffer(worker), n)
}

// numbers is the beginning of b as n numbers; b must be aligned.
func numbers[T tensor.Float](b []byte, n int) []T {
	var zero T
	if n == 0 {
		return nil
	}
	if n < 0 || len(b)/int(unsafe.Sizeof(zero)) < n {
		panic("kernel: pool: more scratch wanted than reserved")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// arena is a set of equally large aligned buffers that can grow while others use the ones they got before.
type arena struct {
	buffers int
	grow    sync.Mutex
	now     atomic.Pointer[[][]byte]
}

func (a *arena) reserve(bytes int) {
	a.grow.Lock()
	defer a.grow.Unlock()
	if now := a.now.Load(); now != nil && len((*now)[0]) >= bytes || bytes <= 0 {
		return
	}
	bytes = (bytes + alignment - 1) &^ (alignment - 1)
	all := make([][]byte, a.buffers)
	for i := range all {
		all[i] = alignedBytes(bytes)
	}
	a.now.Store(&all)
}

func (a *arena) buffer(i int) []byte {
	if now := a.now.Load(); now != nil {
		return (*now)[i]
	}
	return nil
}

// alignedBytes makes a slice whose first byte is on a cache line. Memory at both ends is left over so that no two share a line.
func alignedBytes(n int) []byte {
	b := make([]byte, n+2*alignment)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (alignment - 1)
	return b[skip : skip+n : skip+n]
}

// alignedOf makes a slice of n zeros whose first is on a cache line.
func alignedOf[T tensor.Float](n int) []T {
	var zero T
	return numbers[T](alignedBytes(n*int(unsafe.Sizeof(zero))), n)
}

// crew is the part of a pool that its goroutines know.
//
// A loop is open to workers while the open bit of gate is set. A worker joins by adding one to the count in gate, so that the
// caller, who clears the bit when no task is left to hand out, knows whom to wait for. It never waits for a worker that has not
// joined, which is what keeps a pool quick when the machine is busy with something else.
type crew struct {
	workers []sleeper // [0] is the caller, which never sleeps here
	spin    time.Duration

	// Written by the caller while the gate is shut, read by workers that have joined.
	n     int
	task  func(worker, i int)
	fault atomic.Pointer[any] // what a task panicked with

	_       [alignment]byte
	gate    atomic.Uint64 // generation<<genShift | open | number of workers that joined
	_       [alignment - 8]byte
	next    atomic.Int64 // the next i to hand out
	_       [alignment - 8]byte
	left    atomic.Uint64 // workers that joined and are done
	want    atomic.Uint64 // how many must be done before the caller is to be woken
	waiting atomic.Uint64 // the generation for which the caller sleeps, or 0
	_       [alignment - 24]byte

	done   chan struct{} // wakes the caller
	busy   atomic.Bool
	closed atomic.Bool
}

const (
	joinedMask = 1<<16 - 1
	open       = 1 << 16
	genShift   = 17
)

type sleeper struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [alignment - 16]byte
}

func (c *crew) run(n int, task func(worker, i int)) {
	if !c.busy.CompareAndSwap(false, true) {
		panic("kernel: pool: Run while another Run is under way")
	}
	gen := c.gate.Load()>>genShift + 1
	c.n, c.task = n, task
	c.next.Store(0)
	c.left.Store(0)
	c.gate.Store(gen<<genShift | open)
	for w := 1; w < min(n, len(c.workers)); w++ {
		c.rouse(w)
	}
	c.work(0)

	joined := c.gate.And(^uint64(open)) & joinedMask
	if c.left.Load() != joined {
		c.await(gen, joined)
	}
	c.task = nil
	fault := c.fault.Swap(nil)
	c.busy.Store(false)
	if fault != nil {
		panic(*fault)
	}
}

// await waits, at first awake, until so many workers are done.
func (c *crew) await(gen, joined uint64) {
	for start := time.Now(); ; {
		for range 16 {
			pause(4)
			if c.left.Load() == joined {
				return
			}
		}
		if time.Since(start) >= c.spin {
			break
		}
	}
	c.want.Store(joined)
	c.waiting.Store(gen)
	if c.left.Load() == joined && c.waiting.CompareAndSwap(gen, 0) {
		return
	}
	<-c.done
}

// work does tasks of the open loop until none is left.
func (c *crew) work(worker int) {
	defer func() {
		if f := recover(); f != nil {
			fault := f // only a panic is to cost an allocation
			c.fault.CompareAndSwap(nil, &fault)
			c.next.Store(int64(c.n))
		}
	}()
	for {
		i := int(c.next.Add(1)) - 1
		if i >= c.n {
			return
		}
		c.task(worker, i)
	}
}

// rouse wakes a worker that sleeps, or is about to.
func (c *crew) rouse(w int) {
	if s := &c.workers[w]; s.asleep.Load() && s.asleep.CompareAndSwap(true, false) {
		s.wake <- struct{}{}
	}
}

// live is a worker's life: it joins every open loop it sees, and sleeps when it has seen none for a while.
func (c *crew) live(w int) {
	var last uint64 // the generation it joined last
	for !c.closed.Load() {
		gen := c.join(&last)
		if gen == 0 {
			c.sleep(w, last)
			continue
		}
		c.work(w)
		left := c.left.Add(1)
		// A caller of a later generation must not be woken by this one: hence the generation in waiting.
		if c.waiting.Load() == gen && left == c.want.Load() && c.waiting.CompareAndSwap(gen, 0) {
			c.done <- struct{}{}
		}
	}
}

// join enters the first loop that opens within the spinning time, if it is not the one entered last, and returns its generation,
// or 0.
func (c *crew) join(last *uint64) uint64 {
	for start := time.Now(); ; {
		for range 16 {
			g := c.gate.Load()
			if g&open != 0 && g>>genShift != *last {
				if c.gate.CompareAndSwap(g, g+1) {
					*last = g >> genShift
					return *last
				}
				continue
			}
			pause(4)
		}
		if time.Since(start) >= c.spin || c.closed.Load() {
			return 0
		}
	}
}

// sleep waits for rouse, unless a loop opened meanwhile.
func (c *crew) sleep(w int, last uint64) {
	s := &c.workers[w]
	s.asleep.Store(true)
	g := c.gate.Load()
	if (g&open != 0 && g>>genShift != last || c.closed.Load()) && s.asleep.CompareAndSwap(true, false) {
		return
	}
	<-s.wake
}

// Close ends the goroutines of the pool once they are idle. A closed pool still works, with the caller as its only worker.
func (c *crew) Close() {
	c.closed.Store(true)
	for w := 1; w < len(c.workers); w++ {
		c.rouse(w)
	}
}

// Aligned makes a slice of n zeros whose first is on a cache line.
func Aligned[T tensor.Float](n int) []T { return alignedOf[T](n) }
