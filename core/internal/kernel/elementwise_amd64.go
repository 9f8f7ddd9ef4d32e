//go:build amd64 && !noasm

package kernel

// elementwise is the assembly that this processor runs.
func elementwise() *elementwiseCode {
	switch {
	case useAVX512:
		return &elementwiseAVX512
	case useAVX2:
		return &elementwiseAVX2
	}
	return &elementwiseCode{}
}
