package kernel

// Which assembly this processor runs. Both are constant false where there is no assembly (cpu_noasm.go); tests may switch them
// off.

// Features names the instruction sets the float32 kernels use: "avx512", "avx2" or "go".
func Features() string {
	switch {
	case useAVX512:
		return "avx512"
	case useAVX2:
		return "avx2"
	}
	return "go"
}
