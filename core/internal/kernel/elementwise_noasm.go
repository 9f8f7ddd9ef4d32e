//go:build !amd64 || noasm

package kernel

// elementwise is empty: there is no assembly.
func elementwise() *elementwiseCode { return &elementwiseCode{} }
