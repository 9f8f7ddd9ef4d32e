//go:build !unix

package plugins

import (
	"errors"
	"os"
)

// leash is none: descriptors cannot be passed here.
func leash() (ours, theirs *os.File, err error) { return nil, nil, nil }

// dup has no use here.
func dup(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }
