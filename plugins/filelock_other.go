//go:build !unix

package plugins

import (
	"errors"
	"os"
	"time"

	"github.com/gokeras/gk/core"
)

// lockFile waits until no other process has made the file, which is taken for forgotten after a minute.
func lockFile(path string) (unlock func(), err error) {
	for range 600 {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err == nil {
			f.Close()
			return func() { os.Remove(path) }, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, &core.Error{Kind: core.ErrIO, File: path, Err: unwrapPath(err)}
		}
		time.Sleep(100 * time.Millisecond)
	}
	os.Remove(path)
	return func() {}, nil
}
