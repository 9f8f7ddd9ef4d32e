//go:build unix

package plugins

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/gokeras/gk/core"
)

// lockFile waits until no other process holds the lock.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, &core.Error{Kind: core.ErrIO, File: path, Err: unwrapPath(err)}
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, &core.Error{Kind: core.ErrIO, File: path, Err: err}
	}
	return func() { f.Close() }, nil
}
