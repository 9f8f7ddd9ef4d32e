//go:build !unix

package plugins

import (
	"os"
	"os/exec"
)

// This file owns processes elsewhere.

func isolate(*exec.Cmd) {}

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func limit(int, Options) {}

func machineMemory() int64 { return 64 << 30 }

func tooMany(int, Options) string { return "" }

func sealed(f *os.File) (path string, keep *os.File, err error) { return f.Name(), nil, nil }
