package plan

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns where values lie in memory: which share a place because one takes over from another, and the offsets in the arena,
// where places are used again as soon as what lies in them is not read any more.

// storage is a place in memory.
type storage struct {
	size        int
	first, last int // the steps between which it is in use
	fixed       bool
	device      graph.Device // whose memory it is to be; nil: the program's
	offset      int          // in the arena, unless fixed
}

// layout is where everything lies.
type layout struct {
	of    map[*value]*storage // of roots that are computed and not written into variables
	arena int                 // numbers
}

// numbersPerLine is how many numbers are so much as to fill a cache line, to which places are aligned.
func numbersPerLine[T tensor.Float]() int { return 64 / int(unsafe.Sizeof(T(0))) }

// lay finds places for what units write. direct values have theirs in variables.
func (q *planner) lay(direct map[*value]*graph.Variable, line int) *layout {
	l := &layout{of: map[*value]*storage{}}
	end := len(q.units)
	last := map[*value]int{}
	for t, u := range q.units {
		for _, at := range u.reads {
			last[at.v] = t
		}
		for _, v := range u.takes {
			last[v] = t
		}
	}
	fixed := map[*value]bool{}
	for _, v := range q.outputs {
		fixed[v.root()] = true
	}
	for _, a := range q.assigns {
		last[a.x.root()] = end
	}
	devices := q.devices()
	for v := range devices {
		fixed[v] = true
	}
	var all []*storage
	give := func(v *value, t int) *storage {
		s := &storage{size: v.size, first: t, last: max(t, last[v]), fixed: fixed[v] || q.plain || q.units[t].once, device: devices[v]}
		l.of[v] = s
		all = append(all, s)
		return s
	}
	for t, u := range q.units {
		if u.heavy != nil {
			for i, v := range u.heavy.out {
				if direct[v] == nil && (slices.Contains(u.writes, v) || mustWrite(u.heavy.op, i)) {
					give(v, t)
				}
			}
		}
		taken := map[*storage]bool{}
		for _, v := range u.takes {
			taken[l.of[v]] = true
		}
		for _, at := range u.reads {
			if !at.a.identical() {
				taken[l.of[at.v]] = true
			}
		}
		over := func(v *value, s *storage) bool { // v takes over s
			if s == nil || s.fixed || s.last > t || s.size != v.size || taken[s] {
				return false
			}
			taken[s] = true
			s.last = max(t, last[v])
			l.of[v] = s
			return true
		}
		for _, v := range u.writes {
			if direct[v] != nil || l.of[v] != nil {
				continue
			}
			if slices.Contains(u.loop, v.def) && !fixed[v] && !q.plain && !u.once {
				if u.heavy != nil && over(v, l.of[u.heavy.out[0]]) {
					continue
				}
				if slices.ContainsFunc(u.reads, func(at place) bool { return over(v, l.of[at.v]) }) {
					continue
				}
			}
			give(v, t)
		}
	}
	l.pack(all, line)
	return l
}

// mustWrite reports whether a kernel wants memory for a result that nobody reads.
func mustWrite(op string, result int) bool {
	switch op {
	case "RNN", "BatchNormGrad":
		return false
	case "RNNGrad", "LayerNormGrad", "SoftmaxCrossEntropy", "SparseSoftmaxCrossEntropy":
		return result == 0
	}
	return true
}

// pack gives the largest places their offsets first, each where it fits best between those that are in use at the same time.
func (l *layout) pack(all []*storage, line int) {
	all = slices.DeleteFunc(all, func(s *storage) bool { return s.fixed })
	slices.SortStableFunc(all, func(a, b *storage) int { return cmp.Compare(b.size, a.size) })
	var placed []*storage // by offset
	round := func(n int) int { return (n + line - 1) / line * line }
	for _, s := range all {
		best, bestGap, at := -1, 0, 0
		for _, o := range placed {
			if o.last < s.first || s.last < o.first {
				continue
			}
			if gap := o.offset - at; gap >= round(s.size) && (best < 0 || gap < bestGap) {
				best, bestGap = at, gap
			}
			at = max(at, o.offset+round(o.size))
		}
		if best < 0 {
			best = at
		}
		s.offset = best
		l.arena = max(l.arena, best+round(s.size))
		k, _ := slices.BinarySearchFunc(placed, s.offset, func(o *storage, at int) int { return cmp.Compare(o.offset, at) })
		placed = slices.Insert(placed, k, s)
	}
}
