//go:build !amd64 || noasm

package kernel

// poolVector is empty: there is no assembly.
func poolVector() poolSet { return poolSet{} }
