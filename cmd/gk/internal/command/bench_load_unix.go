//go:build unix

package command

import (
	"os"
	"runtime"
	"syscall"
)

// peakMegabytes is the most memory that a process had while it ran; 0 where the system does not tell.
func peakMegabytes(s *os.ProcessState) float64 {
	u, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return float64(u.Maxrss) / 1e6 // bytes there, units of 1024 elsewhere
	}
	return float64(u.Maxrss) * 1024 / 1e6
}
