//go:build linux || darwin

package dataset

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// A limit on the size of files makes writes fail half-way, as a full disk does.
func TestFullDiskLeavesNothing(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Skip("no limits here:", err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "p.npz")
	put(t, path, "old")
	limit := before
	limit.Cur = 200000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skip("no limits here:", err)
	}
	err := Write(path, nil, []*tensor.Tensor{counting(100000)})
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got %v, want %v", err, syscall.EFBIG)
	}
	if got := leftOver(t, dir); len(got) != 1 {
		t.Errorf("left over: %q", got)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("the old file has %d bytes, %v", len(got), err)
	}
}
