//go:build !amd64 || noasm

package kernel

// forceLevel has nothing to switch off.
func forceLevel(_, _ bool) (restore func()) { return func() {} }
