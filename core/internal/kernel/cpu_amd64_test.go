//go:build amd64 && !noasm

package kernel

// forceLevel pretends that the processor has only these instruction sets.
func forceLevel(hasAVX2, hasAVX512 bool) (restore func()) {
	was2, was512 := useAVX2, useAVX512
	useAVX2, useAVX512 = hasAVX2, hasAVX512
	return func() { useAVX2, useAVX512 = was2, was512 }
}
