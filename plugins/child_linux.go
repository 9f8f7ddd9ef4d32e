package plugins

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file owns processes on Linux: a group of their own that dies with gk, limits, and running the very file that was opened.

func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// limit sets what the process may use. Some of it is refused where gk itself may not have so much; then that stays.
func limit(pid int, o Options) {
	set := func(what int, n uint64) {
		var old unix.Rlimit
		if unix.Prlimit(pid, what, nil, &old) == nil {
			n = min(n, old.Max)
		}
		_ = unix.Prlimit(pid, what, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
	set(unix.RLIMIT_CORE, 0)
	set(unix.RLIMIT_NOFILE, uint64(o.files()))
	set(unix.RLIMIT_AS, uint64(o.memory()))
	set(unix.RLIMIT_MEMLOCK, 0)
}

func (o Options) files() int {
	if o.Files > 0 {
		return o.Files
	}
	return 1024
}

func (o Options) memory() int64 {
	if o.Memory > 0 {
		return o.Memory
	}
	return machineMemory()
}

// machineMemory is how much memory the machine has.
func machineMemory() int64 {
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) != nil {
		return 64 << 30
	}
	return int64(i.Totalram) * int64(i.Unit)
}

// tooMany says of what a group of processes has too many; "" if of nothing.
func tooMany(group int, o Options) string {
	maxProcesses, maxThreads := 64, 1024
	if o.Processes > 0 {
		maxProcesses = o.Processes
	}
	if o.Threads > 0 {
		maxThreads = o.Threads
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	processes, threads := 0, 0
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // after the name: state, parent, group, ..., threads is the 18th
		if len(fields) < 18 || string(fields[2]) != strconv.Itoa(group) {
			continue
		}
		n, _ := strconv.Atoi(string(fields[17]))
		processes, threads = processes+1, threads+n
	}
	switch {
	case processes > maxProcesses:
		return fmt.Sprintf("%d processes, at most %d are allowed", processes, maxProcesses)
	case threads > maxThreads:
		return fmt.Sprintf("%d threads, at most %d are allowed", threads, maxThreads)
	}
	return ""
}

// sealed is a path that leads to an open file whatever happens to its name, for a program; a script is run by its name.
func sealed(f *os.File) (path string, keep *os.File, err error) {
	var start [2]byte
	if _, err := f.ReadAt(start[:], 0); err == nil && string(start[:]) == "#!" {
		return f.Name(), nil, nil
	}
	// A high number: low ones are taken by what the process is given.
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 100)
	if err != nil {
		return "", nil, os.NewSyscallError("fcntl", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd), os.NewFile(uintptr(fd), f.Name()), nil
}
