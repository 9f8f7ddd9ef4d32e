package dataset

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

func digits(t testing.TB, train, test int, seed uint64) *Split {
	t.Helper()
	s, err := Digits(context.Background(), train, test, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pixels(d *Dataset) []uint8 { return tensor.Data[uint8](d.X[0]) }

func TestDigitsAreLikeMNIST(t *testing.T) {
	s := digits(t, 6000, 1000, 0)
	if err := likeMNIST(s); err != nil {
		t.Fatal(err)
	}
	counts := [10]int{}
	for _, v := range tensor.Data[uint8](s.Train.Y[0]) {
		counts[v]++
	}
	for digit, n := range counts {
		if n < 500 || n > 700 { // 600 expected, standard deviation 23
			t.Errorf("digit %d: got %d of 6000", digit, n)
		}
	}
	cut := 0
	for i := range s.Train.Len() {
		img := pixels(s.Train)[i*784 : (i+1)*784]
		var sum, sumX, sumY, bright, gray, border float64
		for p, v := range img {
			x, y := p%side, p/side
			sum += float64(v)
			sumX += float64(v) * float64(x)
			sumY += float64(v) * float64(y)
			if v >= 150 {
				bright++
			} else if v > 0 {
				gray++
			}
			if x == 0 || y == 0 || x == side-1 || y == side-1 {
				border += float64(v)
			}
		}
		// MNIST: a fifth of the pixels has ink, in a centred box.
		if bright < 20 || bright > 300 || gray < 10 {
			t.Fatalf("image %d: %v bright and %v gray pixels", i, bright, gray)
		}
		if cx, cy := sumX/sum-13.5, sumY/sum-13.5; math.Abs(cx) > 5 || math.Abs(cy) > 5 {
			t.Fatalf("image %d: centre of ink is off by %.1f, %.1f pixels", i, cx, cy)
		}
		if border > 0.15*sum {
			t.Fatalf("image %d: %.0f of %.0f ink is at the border", i, border, sum)
		}
		if border > 0.03*sum {
			cut++
		}
	}
	if cut > s.Train.Len()/100 {
		t.Errorf("%d of %d images touch the border, want at most one in a hundred", cut, s.Train.Len())
	}
}

func TestDigitsAreDeterministic(t *testing.T) {
	a := digits(t, 1200, 300, 7)
	procs := runtime.GOMAXPROCS(1)
	b := digits(t, 1200, 300, 7)
	runtime.GOMAXPROCS(procs)
	if !bytes.Equal(pixels(a.Train), pixels(b.Train)) || !bytes.Equal(pixels(a.Test), pixels(b.Test)) {
		t.Error("the same seed gave other images")
	}
	if small := digits(t, 100, 0, 7); !bytes.Equal(pixels(small.Train), pixels(a.Train)[:100*784]) || small.Test != nil {
		t.Error("a smaller set is not the beginning of the larger one")
	}
	if c := digits(t, 1200, 300, 8); bytes.Equal(pixels(a.Train), pixels(c.Train)) {
		t.Error("another seed gave the same images")
	}
	if bytes.Equal(pixels(a.Train)[:300*784], pixels(a.Test)) {
		t.Error("test images are training images")
	}
}

func TestDigitsStopWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Digits(ctx, 60000, 10000, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if _, err := Digits(context.Background(), 0, 0, 0); err == nil {
		t.Error("no samples: no error")
	}
}

// The task must be learnable but not trivial: simple classifiers reach less than what MNIST's best do, and far more than chance.
func TestDigitsAreLearnable(t *testing.T) {
	s := digits(t, 6000, 1000, 0)
	x, y := pixels(s.Train), tensor.Data[uint8](s.Train.Y[0])
	testX, testY := pixels(s.Test), tensor.Data[uint8](s.Test.Y[0])
	accuracy := func(class func(img []uint8) int) float64 {
		right := 0
		for i, label := range testY {
			if class(testX[i*784:(i+1)*784]) == int(label) {
				right++
			}
		}
		return float64(right) / float64(len(testY))
	}

	var centroid [10][784]float64
	var n [10]float64
	for i, label := range y {
		n[label]++
		for p, v := range x[i*784 : (i+1)*784] {
			centroid[label][p] += float64(v)
		}
	}
	nearest := accuracy(func(img []uint8) int {
		best, at := math.Inf(1), 0
		for c := range centroid {
			d := 0.0
			for p, v := range img {
				e := float64(v) - centroid[c][p]/n[c]
				d += e * e
			}
			if d < best {
				best, at = d, c
			}
		}
		return at
	})

	var w [10][785]float64
	scores := func(img []uint8) (p [10]float64) {
		for c := range p {
			p[c] = w[c][784]
			for i, v := range img {
				p[c] += w[c][i] * float64(v) / 255
			}
		}
		return p
	}
	batches, err := NewBatches(len(y), 1, true, 1)
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range 3 {
		for _, i := range batches.Order(epoch) {
			img := x[i*784 : (i+1)*784]
			p, sum := scores(img), 0.0
			for c := range p {
				p[c] = math.Exp(p[c])
				sum += p[c]
			}
			for c := range p {
				g := p[c] / sum
				if c == int(y[i]) {
					g--
				}
				g *= 0.01
				for j, v := range img {
					if v > 0 {
						w[c][j] -= g * float64(v) / 255
					}
				}
				w[c][784] -= g
			}
		}
	}
	softmax := accuracy(func(img []uint8) int {
		p, at := scores(img), 0
		for c := range p {
			if p[c] > p[at] {
				at = c
			}
		}
		return at
	})
	t.Logf("nearest centroid %.3f, softmax regression %.3f", nearest, softmax)
	for name, got := range map[string]float64{"nearest centroid": nearest, "softmax regression": softmax} {
		if got < 0.6 || got > 0.99 {
			t.Errorf("%s: accuracy %.3f, want 0.60 to 0.99", name, got)
		}
	}
}

func BenchmarkDigits(b *testing.B) {
	for b.Loop() {
		digits(b, 60000, 10000, 0)
	}
}
