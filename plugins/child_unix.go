//go:build unix && !linux

package plugins

import (
	"os"
	"os/exec"
	"syscall"
)

// This file owns processes on other Unixes: a group of their own. A plugin ends with gk because its leash does.

func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func limit(int, Options) {}

func machineMemory() int64 { return 64 << 30 }

func tooMany(int, Options) string { return "" }

func sealed(f *os.File) (path string, keep *os.File, err error) { return f.Name(), nil, nil }
