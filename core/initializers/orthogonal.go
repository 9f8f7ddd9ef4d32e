package initializers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns Orthogonal.

func init() {
	register("Orthogonal", func() core.Initializer { return &Orthogonal{Gain: 1} }, "OrthogonalInitializer")
}

// Orthogonal is gain times a random matrix with orthogonal columns of length 1, or rows, whichever there are fewer of. All axes but the
// last are the rows.
// Source: Saxe et al., "Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural Networks", 2014.
type Orthogonal struct {
	Gain float64 `json:"gain"`
	Seed *int64  `json:"seed"`
}

// CheckShape refuses what has no rows.
func (*Orthogonal) CheckShape(shape tensor.Shape) error {
	if len(shape) < 2 {
		return core.Errorf(core.ErrShapeMismatch, "", "got shape %v, want rank 2 or more", shape)
	}
	return nil
}

// Fill sets dst to gain times the Q of a matrix of normal numbers.
func (i *Orthogonal) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	if len(dst) == 0 || len(shape) == 0 {
		return
	}
	r = source(i.Seed, r)
	columns := shape[len(shape)-1]
	rows := len(dst) / columns
	q := make([][]float64, min(rows, columns))
	for j := range q {
		q[j] = make([]float64, max(rows, columns))
		for k := range q[j] {
			q[j][k] = r.NormFloat64()
		}
	}
	orthonormalize(q)
	for j, column := range q {
		for k, x := range column {
			if rows < columns { // the rows are what is orthogonal
				dst[j*columns+k] = float32(i.Gain * x)
			} else {
				dst[k*columns+j] = float32(i.Gain * x)
			}
		}
	}
}

// orthonormalize replaces the columns a by the Q of their QR decomposition in which the diagonal of R is positive: with it, Q is one
// matrix only, and every orthogonal matrix is as likely as the others (Mezzadri, "How to Generate Random Matrices from the Classical
// Compact Groups", 2007). It takes Householder reflections (Golub and Van Loan, "Matrix Computations", 5.2).
func orthonormalize(a [][]float64) {
	// Column j becomes the vector of reflection j from place j on; the reflection turns column j of what is left into diagonal[j] at
	// place j. A few columns at a time undergo the reflections found so far, so that they stay in the cache meanwhile.
	const together = 8
	diagonal := make([]float64, len(a))
	for first := 0; first < len(a); first += together {
		panel := a[first:min(first+together, len(a))]
		for i, v := range a[:first] {
			mirrorAll(panel, v, i)
		}
		for p, column := range panel {
			j := first + p
			v := column[j:]
			length := math.Sqrt(dot(v, v))
			if length == 0 {
				continue
			}
			diagonal[j] = math.Copysign(length, -v[0])
			v[0] -= diagonal[j]
			norm := 1 / math.Sqrt(dot(v, v))
			for k := range v {
				v[k] *= norm
			}
			mirrorAll(panel[p+1:], column, j)
		}
	}
	// Column j of Q is unit vector j after the reflections j to 0: later ones do not touch it.
	q := make([][]float64, len(a))
	for first := 0; first < len(a); first += together {
		panel := q[first:min(first+together, len(a))]
		for p := range panel {
			panel[p] = make([]float64, len(a[0]))
			panel[p][first+p] = math.Copysign(1, diagonal[first+p])
		}
		for i := first + len(panel) - 1; i >= 0; i-- {
			mirrorAll(panel[max(0, i-first):], a[i], i)
		}
	}
	copy(a, q)
}

// mirrorAll mirrors columns from place i on at the plane to which v is normal.
func mirrorAll(columns [][]float64, v []float64, i int) {
	for _, column := range columns {
		mirror(column[i:], v[i:])
	}
}

// mirror reflects x at the plane to which the unit vector v is normal.
func mirror(x, v []float64) {
	s := -2 * dot(x, v)
	for k, w := range v {
		x[k] += s * w
	}
}

// dot is the scalar product. Four sums at a time keep the processor from waiting for each addition.
func dot(x, y []float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	k := 0
	for ; k+4 <= len(x); k += 4 {
		s0 += x[k] * y[k]
		s1 += x[k+1] * y[k+1]
		s2 += x[k+2] * y[k+2]
		s3 += x[k+3] * y[k+3]
	}
	for ; k < len(x); k++ {
		s0 += x[k] * y[k]
	}
	return s0 + s1 + (s2 + s3)
}
