//go:build !amd64 || noasm

package kernel

// foldsVector has no assembly to return.
func foldsVector() *folds[float32] { return nil }
