//go:build unix && !linux

package shm

import "time"

// This file owns what stands for futexes where there are none: nothing, as bells with descriptors are used there.

// HasFutex says that this system has none.
const HasFutex = false

func futexWait(_ *uint32, _ uint32, timeout time.Duration) {
	time.Sleep(min(timeout, 50*time.Microsecond))
}
func futexWake(*uint32) {}
