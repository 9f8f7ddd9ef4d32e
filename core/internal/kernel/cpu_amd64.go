//go:build amd64 && !noasm

package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

var (
	// useAVX2 says that AVX2 and FMA3 are there.
	useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	// useAVX512 says that the foundation, 128/256-bit, byte/word and doubleword/quadword parts of AVX-512 are there; it implies
	// useAVX2.
	useAVX512 = useAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ
)

// pause executes n PAUSE instructions (n > 0): it lets a waiting loop use little power and leaves the core to its hyperthread.
//
//go:noescape
func pause(n int)

// prefetch asks for so many cache lines, lines > 0, from p on. They need not be memory of the program.
//
//go:noescape
func prefetch(p unsafe.Pointer, lines int)
