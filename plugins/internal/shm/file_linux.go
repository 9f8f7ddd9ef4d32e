package shm

import (
	"os"

	"golang.org/x/sys/unix"
)

// This file owns the file on Linux: memory without a name. It is sealed so that nobody makes it shorter: reading past the end of a file
// that was cut would kill the process.

func newFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("gk-plugin", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "gk-plugin"), nil
}

// newBells makes the descriptors of the bells: one end for gk, one for the plugin, for each direction.
func newBells() (host, plugin [2]int, err error) {
	// What gk reads does not block, whatever the other side does with it.
	for i, flags := range []int{unix.EFD_CLOEXEC, unix.EFD_CLOEXEC | unix.EFD_NONBLOCK} {
		fd, err := unix.Eventfd(0, flags)
		if err != nil {
			return host, plugin, os.NewSyscallError("eventfd", err)
		}
		host[i], plugin[i] = fd, fd
	}
	return host, plugin, nil
}
