// Package plan turns a graph of operations with concrete sizes into a program: kernel calls in a fixed order over memory that is laid
// out once. A program runs many times and allocates nothing while it does.
//
// The way from graph to program: ir.go copies what is needed of the graph, simplify.go and rewrite.go make it simpler on the way;
// unit.go puts operations together that are to be one step; schedule.go orders the steps and decides what is written straight into
// variables; storage.go gives values their places in memory; lower.go makes kernels of the steps, and loopcompile.go the loops over
// elementwise operations, which loop.go runs.
package plan

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// Options say what a program computes and how.
type Options[T tensor.Float] struct {
	// Outputs are what Output returns after a run, besides the Assigns of the graph, which are always done.
	Outputs []graph.Value
	// Variables returns the memory of a variable, of its size, the same for the life of the program. Programs may share it.
	Variables func(v *graph.Variable) []T
	// Pool runs the kernels; nil is kernel.Default().
	Pool *kernel.Pool
	// Constant says that no variable changes between runs until Invalidate, so that what depends on variables alone, like packed
	// weights, is computed once. Variables that the graph itself assigns to are not meant.
	Constant bool
	// Plain makes one kernel call per operation and reuses no memory: the reference that checks compare with.
	Plain bool
	// Poison fills the memory of intermediate values with NaN before each run, for tests.
	Poison bool
}

// Step is one kernel call of a program, with the operations fused into it.
type Step struct {
	Name  string        // its operations: "MatMul+add+relu"
	Scope string        // the layer that wrote the first of them
	Bytes int           // that it reads and writes
	Flops int           // floating point operations, a transcendental function counted as one
	Time  time.Duration // that it took in all runs while Profile was on
	Best  time.Duration // that it took in the fastest of them
}

// RangeError says that an index or a label is not in [0, Limit).
type RangeError struct {
	Op, Scope string
	What      string // "index" or "label"
	Got       int    // math.MinInt for NaN and infinities
	Limit     int
}

func (e *RangeError) Error() string {
	got := fmt.Sprint(e.Got)
	if e.Got == math.MinInt {
		got = "no finite number"
	}
	s := fmt.Sprintf("%s: got %s, want 0 to %d", e.What, got, e.Limit-1)
	if e.Limit == 0 {
		s = fmt.Sprintf("%s: got %s, want none as there are no rows", e.What, got)
	}
	if e.Scope != "" {
		return e.Scope + ": " + e.Op + ": " + s
	}
	return e.Op + ": " + s
}

// Program is a compiled graph. Its methods are not for use by several goroutines at a time; different programs are, even over the
// same variables, as long as no two of them run at once.
type Program[T tensor.Float] struct {
	pool    *kernel.Pool
	state   runState
	steps   []step[T]
	inputs  map[string][]T
	outputs [][]T
	arena   []T
	stores  []store[T]
	poison  bool
	profile bool
	stale   bool // what does not change between runs must be computed
	guards  bool
	held    *resources
	err     error
}

// store is an assignment that is done when all steps are.
type store[T tensor.Float] struct{ to, from []T }

// Compile plans g. It fails with the error of the graph, and where a size is Unknown or a variable has no memory of its size.
func Compile[T tensor.Float](g *graph.Graph, o Options[T]) (*Program[T], error) {
	held := &resources{}
	p, err := compile(g, o, held)
	if err != nil {
		held.release()
		return nil, err
	}
	keep(p, held)
	return p, nil
}

func compile[T tensor.Float](g *graph.Graph, o Options[T], held *resources) (*Program[T], error) {
	if g.Err() != nil {
		return nil, g.Err()
	}
	r, err := newIR(g, o.Outputs, o.Plain)
	if err != nil {
		return nil, err
	}
	r.copyAssigned()
	constant := o.Constant && !o.Plain
	q := newPlanner(r, constant)
	q.traffic()
	direct := map[*value]*graph.Variable{}
	if !o.Plain {
		direct = q.inPlace()
	}
	q.inOrder()
	places := q.lay(direct, numbersPerLine[T]())

	p := &Program[T]{pool: o.Pool, inputs: map[string][]T{}, poison: o.Poison, stale: true, held: held}
	if p.pool == nil {
		p.pool = kernel.Default()
	}
	p.arena = kernel.Aligned[T](places.arena)
	m := &memories[T]{p: p, places: places, direct: direct, variables: o.Variables, fixed: map[*storage][]T{}, leaves: map[*value][]T{}, devices: r.devices()}
	for _, n := range r.nodes {
		if n.kind == leafNode {
			if err := m.leaf(n); err != nil {
				return nil, err
			}
		}
	}
	for _, a := range r.assigns {
		if _, err := m.variable(a.to); err != nil {
			return nil, err
		}
	}
	p.pool.Lock()
	defer p.pool.Unlock()
	l := &lowerer[T]{q: q, p: p, pool: p.pool, memory: m.of, constant: constant}
	for _, u := range q.units {
		s, err := l.step(u)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, s)
	}
	p.together()
	for _, v := range r.outputs {
		p.outputs = append(p.outputs, m.of(v.root())[:v.size])
	}
	for _, a := range r.assigns {
		to, _ := m.variable(a.to)
		if from := m.of(a.x.root()); !same(to, from) {
			p.stores = append(p.stores, store[T]{to, from[:len(to)]})
		}
	}
	return p, nil
}

// memories knows where each root lies.
type memories[T tensor.Float] struct {
	p         *Program[T]
	places    *layout
	direct    map[*value]*graph.Variable
	variables func(v *graph.Variable) []T
	fixed     map[*storage][]T
	leaves    map[*value][]T
	devices   map[*value]graph.Device
}

func (m *memories[T]) variable(v *graph.Variable) ([]T, error) {
	var data []T
	if m.variables != nil {
		data = m.variables(v)
	}
	if len(data) < v.Shape.Size() || !v.Shape.Known() {
		return nil, fmt.Errorf("variable %q: got memory of %d numbers, want %d for shape %v", v.Name, len(data), v.Shape.Size(), v.Shape)
	}
	return data[:v.Shape.Size()], nil
}

// leaf finds or makes the memory of an input, a variable or a table.
func (m *memories[T]) leaf(n *node) error {
	v := n.out[0]
	switch a := n.attr.(type) {
	case graph.VariableAttr:
		data, err := m.variable(a.Var)
		if err != nil {
			return err
		}
		m.leaves[v] = data
	case graph.InputAttr:
		data, ok := m.p.inputs[a.Name]
		if !ok {
			data = m.alloc(m.devices[v], v.size)
			m.p.inputs[a.Name] = data
		}
		if len(data) != v.size {
			return fmt.Errorf("input %q: read as %d and as %d numbers", a.Name, len(data), v.size)
		}
		m.leaves[v] = data
	case graph.TableAttr:
		data := kernel.Aligned[T](v.size)
		tensor.CopyTo(data, a.Values, 0)
		m.leaves[v] = data
	}
	return nil
}

// alloc makes memory that a device sees, if there is one and it computes in the same type.
func (m *memories[T]) alloc(d graph.Device, n int) []T {
	if d != nil && numberSize[T]() == 4 {
		if data, ok := any(m.p.held.alloc(d, n)).([]T); ok && len(data) == n {
			return data
		}
	}
	return kernel.Aligned[T](n)
}

// of is the memory of a root.
func (m *memories[T]) of(v *value) []T {
	if data, ok := m.leaves[v]; ok {
		return data
	}
	if to := m.direct[v]; to != nil {
		data, _ := m.variable(to) // checked where the variable is assigned
		return data
	}
	s := m.places.of[v]
	if s == nil {
		return nil
	}
	if !s.fixed {
		return m.p.arena[s.offset : s.offset+s.size]
	}
	if m.fixed[s] == nil {
		m.fixed[s] = m.alloc(s.device, s.size)
	}
	return m.fixed[s]
}

func numberSize[T tensor.Float]() int { return int(unsafe.Sizeof(T(0))) }

// Input is the memory of the named input, to be filled before Run; nil if nothing that is computed reads it.
func (p *Program[T]) Input(name string) []T { return p.inputs[name] }

// Output is value i of Options.Outputs, valid until the next Run.
func (p *Program[T]) Output(i int) []T { return p.outputs[i] }

// Run computes the outputs and stores what is assigned. Random numbers depend on seed and step. It fails where an index or a label is
// out of range, with a RangeError; all variables are then as they were before. It allocates nothing unless it fails.
func (p *Program[T]) Run(seed, step uint64) error {
	p.pool.Lock()
	defer p.pool.Unlock()
	p.state = runState{seed, step}
	p.err = nil
	if p.poison {
		nan := T(math.NaN())
		for i := range p.arena {
			p.arena[i] = nan
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		if s.once && !p.stale {
			continue
		}
		if p.profile {
			start := time.Now()
			s.run()
			took := time.Since(start)
			s.Time += took
			if s.Best == 0 || took < s.Best {
				s.Best = took
			}
		} else {
			s.run()
		}
		if p.err != nil {
			return p.err
		}
	}
	p.stale = false
	for _, s := range p.stores {
		copy(s.to, s.from)
	}
	return nil
}

// Invalidate says that variables have changed, for programs with Constant.
func (p *Program[T]) Invalidate() {
	p.stale = true
	for _, s := range p.steps {
		if s.invalidate != nil {
			s.invalidate()
		}
	}
}

// ArenaBytes is the size of the memory for intermediate values.
func (p *Program[T]) ArenaBytes() int { return len(p.arena) * numberSize[T]() }

// Steps are the kernel calls in order.
func (p *Program[T]) Steps() []Step {
	all := make([]Step, len(p.steps))
	for i, s := range p.steps {
		all[i] = s.Step
	}
	return all
}

// Profile switches the measuring of the time of each step on, from zero, or off.
func (p *Program[T]) Profile(on bool) {
	p.profile = on
	for i := range p.steps {
		if on {
			p.steps[i].Time, p.steps[i].Best = 0, 0
		}
	}
}
