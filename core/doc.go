// Package core holds the contracts of gk: what a layer, activation, initializer, optimizer, loss, metric, regularizer, constraint,
// schedule, callback and dataset are, and the errors that all of gk returns.
//
// # The one idea
//
// A layer is a declaration; a graph is what runs. A layer holds its Keras config and declares its weights, and its Call writes
// operations into a graph. Everything else is derived from that graph, once, for all layers:
//
//	Keras config --registry--> layers --Call--> graph of operations --gradients--> training graph --plan--> steps over one arena --kernels-->
//
// Gradients come from one rule per operation (core/graph), never from a layer. Speed comes from the plan (core/internal/plan): fused
// loops, epilogues of matrix products and convolutions, memory that is reused, no allocation in a step. If a layer is slow, the plan
// or a kernel gets better, not the layer.
//
// # Packages
//
//	core/tensor           dense arrays, shapes, element types; no maths
//	core/graph            operations, shape rules, gradient rules, builder
//	core/internal/kernel  the loops: generic Go, assembly beside them
//	core/internal/plan    graph -> fused, scheduled steps
//	core                  this package: contracts and errors
//	registry              a table per kind of thing, strict config decoding, "did you mean"
//	core/layers, ...      the standard set, one file per layer, optimizer or callback
//	core/builtin          imports the standard set
//	core/model            Sequential and Functional, compile, fit, evaluate, predict, summary
//	core/dataset          data sets, loaders, batches
//	core/bench            what gk bench measures
//	core/coretest         the conformance suite: a layer and a case in, every violation out
//	hdf5io                Keras files
//	plugins               layers from other processes
//	cmd/gk                the command
//
// # Adding a layer
//
// One file, core/layers/NAME.go: a struct whose exported, JSON-tagged fields are exactly the Keras config keys, registered in init;
// Build declares the weights in Keras' order; Call writes the operations. And one row in testdata/cases/layers.jsonl, for which real
// Keras writes the golden. go test ./... then checks shapes, values, gradients, round trips of config and files; a registered layer
// without a row fails.
package core
