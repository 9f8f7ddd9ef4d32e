//go:build !cgo

// The gonum backend in builds without cgo: absent.

package h5

import "os"

const gonumBuilt = false

func openGonum(*os.File) library { return nil }

func createGonum(string, *GroupSpec) error {
	return fail(ErrUnsupported, "backend gonum", "this build has no cgo")
}
