//go:build !amd64 || noasm

package kernel

// Without assembly the level is always goLoops and these are never called.

func asmTile(level, *tile, int) { panic("kernel: gemm: no assembly in this build") }

func asmLanes(level, *tile, int) { panic("kernel: gemm: no assembly in this build") }

func transpose512(dst *float32, dstRow int, src *float32, srcRow, rows, n int) {
	panic("kernel: gemm: no assembly in this build")
}

func copyRows512(dst *float32, dstRow int, src *float32, srcRow, n int, mask uint64) {
	panic("kernel: gemm: no assembly in this build")
}

func asmDots(level, *dots) { panic("kernel: gemm: no assembly in this build") }
