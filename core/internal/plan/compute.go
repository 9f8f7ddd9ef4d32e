package plan

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns operations whose body is not made of operations: Compute, which may run in another process, and Guard.

// ComputeError says which computation failed.
type ComputeError struct {
	Name, Scope string
	Backward    bool
	Err         error
}

func (e *ComputeError) Error() string {
	phase := "forward"
	if e.Backward {
		phase = "backward"
	}
	if e.Scope == "" {
		return fmt.Sprintf("%s: %s: %v", e.Name, phase, e.Err)
	}
	return fmt.Sprintf("%s: %s: %s: %v", e.Scope, e.Name, phase, e.Err)
}

// Unwrap gives the cause.
func (e *ComputeError) Unwrap() error { return e.Err }

// GuardError says that a guarded scalar is not finite.
type GuardError struct {
	Value float64
	// Sources are the computations outside of the graph that gave NaN: the likely cause.
	Sources []string
}

func (e *GuardError) Error() string { return fmt.Sprintf("got %v, want a number", e.Value) }

// compute is what a Compute operation is in a program.
type compute[T tensor.Float] struct {
	body     graph.Computation
	device   graph.Device
	scope    string
	backward bool
	bound    graph.Bound
	before   []func() // of a program that does not compute in float32: conversions
	after    []func()
	results  [][]T
}

// resources are what a program holds outside of Go's memory.
type resources struct {
	bound []graph.Bound
	owned []block
}

type block struct {
	device graph.Device
	data   []float32
}

// alloc gives memory of a device, or Go's where the device has none.
func (r *resources) alloc(d graph.Device, n int) []float32 {
	if d != nil && n > 0 {
		if data := d.Alloc(n); data != nil {
			r.owned = append(r.owned, block{d, data})
			return data
		}
	}
	return kernel.Aligned[float32](n)
}

func (r *resources) release() {
	for _, b := range r.bound {
		b.Release()
	}
	for _, b := range r.owned {
		b.device.Free(b.data)
	}
	r.bound, r.owned = nil, nil
}

// keep has the resources released once nobody uses the program any more.
func keep[T tensor.Float](p *Program[T], r *resources) {
	if len(r.bound)+len(r.owned) > 0 {
		runtime.AddCleanup(p, func(r *resources) { r.release() }, r)
	}
}

// devices are the devices that want to see values: those which computations read and write.
func (p *ir) devices() map[*value]graph.Device {
	seen := map[*value]graph.Device{}
	for _, n := range p.nodes {
		a, ok := n.attr.(graph.ComputeAttr)
		if !ok || a.Body.Device() == nil {
			continue
		}
		n.takes(func(v *value) { seen[v] = a.Body.Device() })
		for _, v := range n.out {
			seen[v] = a.Body.Device()
		}
	}
	return seen
}

func (k *kernelCall[T]) compute() (func(), error) {
	a := k.attr.(graph.ComputeAttr)
	c := &compute[T]{body: a.Body, device: a.Body.Device(), scope: k.scope, backward: k.op == "ComputeGrad"}
	b := graph.Binding{Backward: c.backward}
	for i, v := range k.in {
		data := k.operand(i)
		own := k.float32s(c, data)
		if wide, ok := any(data).([]float64); ok {
			c.before = append(c.before, func() { convert(own, wide) })
		}
		b.In = append(b.In, graph.Array{Shape: v.shape, Data: own})
	}
	for i, v := range k.out {
		data := k.result(i)
		own := k.float32s(c, data)
		if wide, ok := any(data).([]float64); ok {
			c.after = append(c.after, func() { convert(wide, own) })
		}
		c.results = append(c.results, data)
		b.Out = append(b.Out, graph.Array{Shape: v.shape, Data: own})
	}
	var err error
	if c.bound, err = a.Body.Bind(b); err != nil {
		return nil, err
	}
	k.p.held.bound = append(k.p.held.bound, c.bound)
	k.step.compute = c
	return func() {
		for _, f := range c.before {
			f()
		}
		if err := c.bound.Run(k.p.state.seed, k.p.state.step); err != nil {
			k.p.err = c.wrong(err)
			return
		}
		for _, f := range c.after {
			f()
		}
	}, nil
}

// float32s is data itself, or memory for it in float32.
func (k *kernelCall[T]) float32s(c *compute[T], data []T) []float32 {
	if own, ok := any(data).([]float32); ok {
		return own
	}
	return k.p.held.alloc(c.device, len(data))
}

func convert[D, S tensor.Float](dst []D, src []S) {
	for i, v := range src {
		dst[i] = D(v)
	}
}

func (c *compute[T]) wrong(err error) error {
	return &ComputeError{Name: c.body.Name(), Scope: c.scope, Backward: c.backward, Err: err}
}

// together makes one step of neighbouring steps on one device: they cost one message.
func (p *Program[T]) together() {
	var steps []step[T]
	for i := 0; i < len(p.steps); {
		s := p.steps[i]
		end := i + 1
		if s.alone() {
			for end < len(p.steps) && end-i < maxTogether && p.steps[end].alone() && p.steps[end].compute.device == s.compute.device {
				end++
			}
		}
		if end > i+1 {
			s = p.batch(p.steps[i:end])
		}
		steps = append(steps, s)
		i = end
	}
	p.steps = steps
}

// maxTogether is how many calls one message carries: what the protocol of plugins allows.
const maxTogether = 256

// alone reports whether a step is nothing but a computation on a device.
func (s *step[T]) alone() bool {
	return s.compute != nil && s.compute.device != nil && len(s.compute.before)+len(s.compute.after) == 0
}

func (p *Program[T]) batch(steps []step[T]) step[T] {
	all := make([]*compute[T], len(steps))
	calls := make([]graph.Bound, len(steps))
	s := step[T]{Step: steps[0].Step}
	for i := range steps {
		all[i], calls[i] = steps[i].compute, steps[i].compute.bound
		if i > 0 {
			s.Name += ", " + steps[i].Name
			s.Bytes += steps[i].Bytes
		}
	}
	device := all[0].device
	s.group = all
	s.run = func() {
		if i, err := device.Run(calls, p.state.seed, p.state.step); err != nil {
			p.err = all[min(max(i, 0), len(all)-1)].wrong(err)
		}
	}
	return s
}

// guard checks a scalar, if guards are on.
func (k *kernelCall[T]) guard() func() {
	x, y, p := k.operand(0), k.result(0), k.p
	return func() {
		y[0] = x[0]
		if p.guards && x[0]-x[0] != 0 { // NaN or infinite
			p.err = &GuardError{Value: float64(x[0]), Sources: p.sources()}
		}
	}
}

// sources are the computations whose results of this run hold NaN.
func (p *Program[T]) sources() []string {
	var names []string
	check := func(c *compute[T]) {
		for _, r := range c.results {
			for _, v := range r {
				if v != v {
					names = append(names, c.wrong(errors.New("gave NaN")).Error())
					return
				}
			}
		}
	}
	for i := range p.steps {
		if c := p.steps[i].compute; c != nil && !c.backward {
			check(c)
		}
		for _, c := range p.steps[i].group {
			if !c.backward {
				check(c)
			}
		}
	}
	return names
}

// Guards says whether a Guard that finds a number that is not finite fails the run.
func (p *Program[T]) Guards(on bool) { p.guards = on }
