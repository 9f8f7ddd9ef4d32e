// Package plan turns a graph of operations with concrete sizes into a program: kernel calls in a fixed order over memory that is laid
// out once. A program runs many times and allocates nothing while it does.
package plan

import (
	"errors"
	"time"

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
	// weights, is computed once.
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
}

// Program is a compiled graph. Its methods are not for use by several goroutines at a time; different programs are, even over the
// same variables, as long as no two of them run at once.
type Program[T tensor.Float] struct{}

// Compile plans g. It fails with the error of the graph, and where a size is Unknown or a variable has no memory of its size.
func Compile[T tensor.Float](g *graph.Graph, o Options[T]) (*Program[T], error) {
	return nil, errors.New("under construction")
}

// Input is the memory of the named input, to be filled before Run; nil if nothing that is computed reads it.
func (p *Program[T]) Input(name string) []T { return nil }

// Output is value i of Options.Outputs, valid until the next Run.
func (p *Program[T]) Output(i int) []T { return nil }

// Run computes the outputs and stores what is assigned. Random numbers depend on seed and step. It fails where an index or a label is
// out of range; all variables are then as they were before. It allocates nothing.
func (p *Program[T]) Run(seed, step uint64) error { return nil }

// Invalidate says that variables have changed, for programs with Constant.
func (p *Program[T]) Invalidate() {}

// ArenaBytes is the size of the memory for intermediate values.
func (p *Program[T]) ArenaBytes() int { return 0 }

// Steps are the kernel calls in order.
func (p *Program[T]) Steps() []Step { return nil }

// Profile switches the measuring of the time of each step on, from zero, or off.
func (p *Program[T]) Profile(on bool) {}
