// Package kernel holds the loops that do the arithmetic: matrix products, convolutions, elementwise chains, reductions and the
// other operations of a graph, over dense row-major slices.
//
// A kernel is made once and run many times. Its constructor takes a Pool, sizes and the slices it reads and writes, checks them,
// decides how to split the work, and returns a func() (or a value with a Run method) that does it; running allocates nothing. The
// contents of the slices may change between runs, their place may not.
//
// Every kernel is a Go loop generic over float32 and float64. That loop is the reference. On amd64, float32 is also done in
// assembly: AVX-512 or AVX2 with FMA, whichever the processor has, chosen once at start. The build tag noasm leaves the assembly
// out, Pool.SetReference switches it off for the kernels made afterwards.
//
// The same input gives the same bits whatever the number of workers of the pool: work is split over outputs, and a sum that must
// be split is cut in chunks whose size depends on the shapes only, combined in order.
package kernel
