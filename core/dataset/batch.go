package dataset

// This file owns the order of samples: batches, and shuffling that depends on nothing but the seed and the epoch.

import (
	"fmt"
	"iter"
	"math/bits"
	"math/rand/v2"
)

// Batches cuts n samples into batches of size samples; the last batch of an epoch is smaller where size does not divide n.
type Batches struct {
	n, size int
	shuffle bool
	seed    uint64
	order   []int
}

// NewBatches prepares batches of n samples. With shuffle each epoch has its own order, a function of (seed, epoch) only: it
// does not depend on the epochs before, so a run that resumes at epoch 5 sees what the unbroken run saw.
func NewBatches(n, size int, shuffle bool, seed uint64) (*Batches, error) {
	if n <= 0 {
		return nil, fmt.Errorf("batches: got %d samples, want > 0", n)
	}
	if size <= 0 {
		return nil, fmt.Errorf("batch size: got %d, want > 0", size)
	}
	return &Batches{n: n, size: size, shuffle: shuffle, seed: seed, order: make([]int, n)}, nil
}

// Len is the number of batches in an epoch (Keras' steps_per_epoch): n/size rounded up.
func (b *Batches) Len() int { return (b.n-1)/b.size + 1 }

// Samples is the number of samples in an epoch.
func (b *Batches) Samples() int { return b.n }

// Order is all samples in the order of an epoch. The slice is valid until the next call of Order or Epoch.
func (b *Batches) Order(epoch int) []int {
	for i := range b.order {
		b.order[i] = i
	}
	if b.shuffle {
		shuffle(b.order, rand.NewPCG(b.seed, uint64(epoch)))
	}
	return b.order
}

// Epoch gives step and sample indices of each batch of an epoch. The slices are valid until the next call of Order or Epoch, so
// two epochs cannot run at once over one Batches.
func (b *Batches) Epoch(epoch int) iter.Seq2[int, []int] {
	return func(yield func(int, []int) bool) {
		order := b.Order(epoch)
		for step := range b.Len() {
			if !yield(step, order[step*b.size:min((step+1)*b.size, b.n)]) {
				return
			}
		}
	}
}

// shuffle is Fisher and Yates' shuffle. rand.Shuffle is not used because its order for a seed may change with the Go release.
func shuffle(order []int, src *rand.PCG) {
	for i := len(order) - 1; i > 0; i-- {
		j := below(src, uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
}

// below is a uniform number in [0, n) without division in the common case (Lemire, Fast random integer generation in an interval,
// 2019): the high word of a random word times n, redrawn where the low word shows a bias.
func below(src *rand.PCG, n uint64) uint64 {
	hi, lo := bits.Mul64(src.Uint64(), n)
	if lo < n {
		for least := -n % n; lo < least; {
			hi, lo = bits.Mul64(src.Uint64(), n)
		}
	}
	return hi
}
