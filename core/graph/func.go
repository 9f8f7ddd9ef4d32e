package graph

import "fmt"

// This file owns Func, a computation written in Go: what a layer uses whose formula is not made of operations.

// Func is a Computation of Go functions. The same Func serves in gk's process and in a plugin's.
type Func struct {
	// Label is the name.
	Label string
	// Forward fills the outputs from the inputs.
	Forward func(c *FuncCall) error
	// Backward fills the gradients of the inputs of which Gradients is true; nil: the computation has no gradient.
	Backward  func(c *FuncCall) error
	Gradients []bool
	// ReadsInputs and ReadsOutputs say what Backward wants to see.
	ReadsInputs, ReadsOutputs bool
}

// FuncCall is one call of a Func. The arrays are only to be used until the function returns.
type FuncCall struct {
	Seed, Step uint64
	In, Out    []Array
}

// Name is the Label.
func (f *Func) Name() string { return f.Label }

// Differentiable is Gradients, if there is a Backward.
func (f *Func) Differentiable() []bool {
	if f.Backward == nil {
		return nil
	}
	return f.Gradients
}

// GradientReads is what Backward wants to see.
func (f *Func) GradientReads() (inputs, outputs bool) { return f.ReadsInputs, f.ReadsOutputs }

// Device is none: it runs here.
func (f *Func) Device() Device { return nil }

// Bind prepares a call.
func (f *Func) Bind(b Binding) (Bound, error) {
	run := f.Forward
	if b.Backward {
		run = f.Backward
	}
	if run == nil {
		return nil, fmt.Errorf("%s: there is no such function", f.Label)
	}
	return &boundFunc{run: run, call: FuncCall{In: b.In, Out: b.Out}}, nil
}

type boundFunc struct {
	run  func(c *FuncCall) error
	call FuncCall
}

func (b *boundFunc) Run(seed, step uint64) error {
	b.call.Seed, b.call.Step = seed, step
	return b.run(&b.call)
}

func (b *boundFunc) Release() {}
