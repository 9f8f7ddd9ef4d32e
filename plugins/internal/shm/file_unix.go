//go:build unix && !linux

package shm

import (
	"os"

	"golang.org/x/sys/unix"
)

// This file owns the file where there is no memory without a name: a temporary file that is unlinked at once.

func newFile() (*os.File, error) {
	f, err := os.CreateTemp("", "gk-plugin")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// newBells makes a pair of sockets for each direction.
func newBells() (host, plugin [2]int, err error) {
	for i := range 2 {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return host, plugin, os.NewSyscallError("socketpair", err)
		}
		unix.CloseOnExec(pair[0])
		unix.CloseOnExec(pair[1])
		host[i], plugin[i] = pair[0], pair[1]
		if err := unix.SetNonblock(pair[0], true); err != nil {
			return host, plugin, os.NewSyscallError("fcntl", err)
		}
	}
	return host, plugin, nil
}
