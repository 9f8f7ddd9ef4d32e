//go:build !amd64 || noasm

package kernel

import "unsafe"

const (
	useAVX2   = false
	useAVX512 = false
)

// pause waits for a moment: n turns of an empty loop.
func pause(n int) {
	for range n {
	}
}

// prefetch does nothing.
func prefetch(unsafe.Pointer, int) {}
