package shm

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file owns futexes, which live in memory that processes share.

// HasFutex says that this system has them.
const HasFutex = true

const (
	futexOpWait = 0
	futexOpWake = 1
)

// futexWait sleeps until the word is woken, if it is still value. It may return early.
func futexWait(word *uint32, value uint32, timeout time.Duration) {
	t := unix.NsecToTimespec(int64(timeout))
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexOpWait, uintptr(value), uintptr(unsafe.Pointer(&t)), 0, 0)
}

func futexWake(word *uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexOpWake, 1, 0, 0, 0)
}
