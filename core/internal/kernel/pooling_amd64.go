//go:build amd64 && !noasm

package kernel

func poolSetOf(maximum, avg, maxGrad, avgGrad poolCode) poolSet {
	return poolSet{&maximum, &avg, &maxGrad, &avgGrad}
}

var (
	pool512 = poolSetOf(poolMaxAVX512, poolAvgAVX512, poolMaxGradAVX512, poolAvgGradAVX512)
	pool256 = poolSetOf(poolMaxAVX2, poolAvgAVX2, poolMaxGradAVX2, poolAvgGradAVX2)
)

// poolVector is the assembly that this processor runs.
func poolVector() poolSet {
	switch {
	case useAVX512:
		return pool512
	case useAVX2:
		return pool256
	}
	return poolSet{}
}
