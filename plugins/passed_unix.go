//go:build unix

package plugins

import (
	"os"

	"golang.org/x/sys/unix"
)

// leash is a pipe to which nothing is ever written: the plugin's end can be read to its end when gk is gone.
func leash() (ours, theirs *os.File, err error) {
	theirs, ours, err = os.Pipe()
	return ours, theirs, err
}

// dup is another descriptor of an open file.
func dup(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
