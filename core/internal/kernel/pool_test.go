package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

func TestPoolRunsEveryTaskOnce(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 3, 8} {
		p := NewPool(workers)
		if workers > 0 && p.Workers() != workers {
			t.Fatalf("Workers() = %d, want %d", p.Workers(), workers)
		}
		for round := range 2000 {
			n := round % 37
			seen := make([]atomic.Int32, n)
			inside := make([]atomic.Int32, p.Workers())
			p.Run(n, func(w, i int) {
				if inside[w].Add(1) != 1 {
					t.Error("two tasks at a time with the same worker")
				}
				seen[i].Add(1)
				inside[w].Add(-1)
			})
			for i := range seen {
				if seen[i].Load() != 1 {
					t.Fatalf("%d workers, n=%d: task %d ran %d times", workers, n, i, seen[i].Load())
				}
			}
			if round%500 == 0 {
				time.Sleep(200 * time.Microsecond) // workers fall asleep
			}
		}
		p.Close()
		ran := 0
		p.Run(5, func(w, i int) { ran++ })
		if ran != 5 {
			t.Errorf("closed pool ran %d of 5 tasks", ran)
		}
	}
}

func TestPoolUsesAllWorkers(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	var met sync.WaitGroup
	met.Add(3)
	p.Run(3, func(w, i int) { met.Done(); met.Wait() }) // hangs unless three workers are in it at the same time
}

func TestPoolOneAtATime(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	counter := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				p.Lock()
				var sum atomic.Int64
				p.Run(10, func(w, i int) { sum.Add(int64(i)) })
				counter += int(sum.Load())
				p.Unlock()
			}
		})
	}
	all.Wait()
	if counter != 8*200*45 {
		t.Errorf("sum %d, want %d", counter, 8*200*45)
	}
}

func TestPoolPanicReachesCaller(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		p := NewPool(workers)
		for bad := range 20 {
			func() {
				defer func() {
					if f := recover(); f != fmt.Sprint("task ", bad) {
						t.Errorf("recovered %v, want task %d", f, bad)
					}
				}()
				p.Run(20, func(w, i int) {
					if i == bad {
						panic(fmt.Sprint("task ", i))
					}
				})
			}()
			var ran atomic.Int32
			p.Run(20, func(w, i int) { ran.Add(1) })
			if ran.Load() != 20 {
				t.Fatalf("after a panic: %d of 20 tasks ran", ran.Load())
			}
		}
		p.Close()
	}
}

func TestPoolRefusesNestedRun(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	defer func() {
		if recover() == nil {
			t.Error("Run inside a task went through")
		}
	}()
	p.Run(2, func(w, i int) { p.Run(2, func(w, i int) {}) })
}

func TestPoolAllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	var sum atomic.Int64
	task := func(w, i int) { sum.Add(1) }
	if n := testing.AllocsPerRun(200, func() { p.Run(16, task) }); n != 0 {
		t.Errorf("Run allocates %v times", n)
	}
}

func TestPoolScratch(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	if p.Scratch(0) != nil {
		t.Error("scratch without Reserve")
	}
	p.Reserve(1000)
	old := p.Scratch(1)
	p.Reserve(100)
	if &old[0] != &p.Scratch(1)[0] {
		t.Error("a smaller Reserve replaced the scratch")
	}
	p.Reserve(5000)
	old[999] = 1 // stays valid
	for w := range 3 {
		s := p.Scratch(w)
		if len(s) < 5000 || uintptr(unsafe.Pointer(&s[0]))%alignment != 0 {
			t.Errorf("worker %d: %d bytes at %p", w, len(s), &s[0])
		}
		for v := range w {
			if &p.Scratch(v)[0] == &s[0] {
				t.Errorf("workers %d and %d share scratch", v, w)
			}
		}
	}
	if f := ScratchOf[float64](p, 2, 625); len(f) != 625 {
		t.Errorf("%d numbers", len(f))
	}
	defer func() {
		if recover() == nil {
			t.Error("more scratch than reserved was handed out")
		}
	}()
	ScratchOf[float64](p, 2, 1<<20)
}

func TestPoolGoroutinesEndWithPool(t *testing.T) {
	before := runtime.NumGoroutine()
	func() {
		for range 10 {
			p := NewPool(4)
			p.Run(8, func(w, i int) {})
		}
	}()
	for range 100 {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func BenchmarkPoolRun(b *testing.B) {
	for _, n := range []int{2, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := NewPool(0)
			defer p.Close()
			b.ReportAllocs()
			task := func(w, i int) {}
			for b.Loop() {
				p.Run(n, task)
			}
		})
	}
}
