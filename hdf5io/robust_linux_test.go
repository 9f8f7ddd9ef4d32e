package hdf5io_test

import "syscall"

// limitProcess keeps this process from taking more than a loader of small files needs: processor time, address space, files to write.
func limitProcess() {
	for _, l := range []struct {
		what  int
		limit uint64
	}{
		{syscall.RLIMIT_CPU, 4}, // seconds, after which the process is killed; the test itself asks for less
		{syscall.RLIMIT_AS, 4 << 30},
		{syscall.RLIMIT_FSIZE, 0},
		{syscall.RLIMIT_CORE, 0},
	} {
		if err := syscall.Setrlimit(l.what, &syscall.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			panic(err)
		}
	}
}
