//go:build amd64 && !noasm

package kernel

// uniformVector is uniform in assembly; false if there is none for this processor.
func uniformVector(dst []float32, first, key0, key1 uint32) bool {
	switch {
	case len(dst) == 0:
	case useAVX512:
		vecUniformAVX512(&dst[0], first, key0, key1, len(dst))
	case useAVX2:
		vecUniformAVX2(&dst[0], first, key0, key1, len(dst))
	default:
		return false
	}
	return true
}
