package layers_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the tests of what is random about layers that move places of images, and that mix images of a batch.

// ramps is images whose channels are where a place lies, across and down, and 1.
func ramps(n, height, width int) *tensor.Tensor {
	data := make([]float64, 0, n*height*width*3)
	for i := range n * height * width {
		data = append(data, float64(i%width), float64(i/width%height), 1)
	}
	return tensor.From(data, n, height, width, 3)
}

// TestRandomShear checks both factors and that they have one sign.
func TestRandomShear(t *testing.T) {
	const n, width = 4000, 7
	l := layers.NewRandomShear([]float64{0.1, 0.3}, []float64{0.2, 0.4}, layers.With{"fill_mode": "nearest"})
	var across, down []float64
	positive := 0.0
	for _, y := range perImageOf(run(t, l, true, ramps(n, 7, width))) {
		middle := y[(3*width+3)*3:]
		a, b := (middle[0]-3)/3, (middle[1]-3)/3
		if a > 0 != (b > 0) {
			t.Fatalf("got factors %v and %v, want both above or both below 0", a, b)
		}
		if a > 0 {
			positive++
		}
		across, down = append(across, math.Abs(a)), append(down, math.Abs(b))
	}
	uniform(t, "across", across, 0.1, 0.3)
	uniform(t, "down", down, 0.2, 0.4)
	near(t, "sign", positive/n, 0.5, math.Sqrt(0.25/n))
}

// TestRandomPerspective finds for each image the map of places, which must be that of a perspective, and where it puts the corners.
func TestRandomPerspective(t *testing.T) {
	const n, height, width, scale = 2000, 6, 8, 0.6
	l := layers.NewRandomPerspective([]float64{0.2, 0.6}, layers.With{"scale": scale, "fill_value": -1})
	var numbers [4][]float64
	changed := 0.0
	x := ramps(n, height, width)
	for k, y := range perImageOf(run(t, l, true, x)) {
		if same(y, x.Float64s()[k*len(y):(k+1)*len(y)]) {
			continue
		}
		changed++
		// Place (i, j) comes from X = p i/(1 - r i - s j), Y = q j/(1 - r i - s j): linear in p, q, r, s.
		var m [4][5]float64
		add := func(row [4]float64, right float64) { // to the normal equations
			for a := range 4 {
				for b := range 4 {
					m[a][b] += row[a] * row[b]
				}
				m[a][4] += row[a] * right
			}
		}
		inside := func(i, j int) bool { return y[(j*width+i)*3+2] > 1-1e-9 }
		for i := range width {
			for j := range height {
				if at := y[(j*width+i)*3:]; inside(i, j) {
					add([4]float64{float64(i), 0, at[0] * float64(i), at[0] * float64(j)}, at[0])
					add([4]float64{0, float64(j), at[1] * float64(i), at[1] * float64(j)}, at[1])
				}
			}
		}
		p := solve4(m)
		for i := range width {
			for j := range height {
				rest := 1 - p[2]*float64(i) - p[3]*float64(j)
				at := y[(j*width+i)*3:]
				if inside(i, j) && (math.Abs(at[0]-p[0]*float64(i)/rest) > 1e-6 || math.Abs(at[1]-p[1]*float64(j)/rest) > 1e-6) {
					t.Fatalf("image %d: place (%d, %d) is not where a perspective has it", k, i, j)
				}
			}
		}
		// The place that comes from (X, Y) solves p i + r X i + s X j = X, q j + r Y i + s Y j = Y.
		w, h := float64(width-1), float64(height-1)
		place := func(x, y float64) (float64, float64) {
			a, b, c, d := p[0]+p[2]*x, p[3]*x, p[2]*y, p[1]+p[3]*y
			det := a*d - b*c
			return (x*d - b*y) / det, (a*y - c*x) / det
		}
		x1, y1 := place(w, 0)
		x3, y3 := place(0, h)
		x2, y2 := place(w, h)
		if math.Abs(y1)+math.Abs(x3) > 1e-6 {
			t.Fatalf("image %d: got corners (%v, %v) and (%v, %v), want them on their edges", k, x1, y1, x3, y3)
		}
		for i, v := range []float64{x1 / w, y3 / h, x2 / w, y2 / h} {
			numbers[i] = append(numbers[i], math.Round((v-1)*1e7)/1e7)
		}
	}
	near(t, "changed", changed/n, 0.4, math.Sqrt(0.24/n))
	for i, what := range []string{"right corner", "lower corner", "fourth corner across", "fourth corner down"} {
		uniform(t, what, numbers[i], -scale/2, scale/2)
	}
}

func same(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// solve4 solves four equations.
func solve4(m [4][5]float64) (x [4]float64) {
	for i := range 4 {
		best := i
		for k := i; k < 4; k++ {
			if math.Abs(m[k][i]) > math.Abs(m[best][i]) {
				best = k
			}
		}
		m[i], m[best] = m[best], m[i]
		for k := range 4 {
			if f := m[k][i] / m[i][i]; k != i {
				for j := i; j < 5; j++ {
					m[k][j] -= f * m[i][j]
				}
			}
		}
	}
	for i := range x {
		x[i] = m[i][4] / m[i][i]
	}
	return x
}

// TestRandomErasing checks how many images have a rectangle, how large it is, and what is in it.
func TestRandomErasing(t *testing.T) {
	const n, side = 2000, 40
	l := layers.NewRandomErasing([]float64{0.5, 0.9}, layers.With{"scale": []float64{0.25, 0.25}, "fill_value": 9, "value_range": []int{0, 5}})
	changed, lefts := 0.0, map[int]bool{}
	for k, y := range perImageOf(run(t, l, true, tensor.From(make([]float64, n*side*side), n, side, side, 1))) {
		left, top, right, bottom, count := side, side, -1, -1, 0
		for i, v := range y {
			if v == 5 {
				count++
				left, right = min(left, i%side), max(right, i%side)
				top, bottom = min(top, i/side), max(bottom, i/side)
			} else if v != 0 {
				t.Fatalf("got %v, want 0 or fill_value cut to 5", v)
			}
		}
		if count == 0 {
			continue
		}
		changed++
		lefts[left] = true
		if w, h := right-left+1, bottom-top+1; count != w*h || w != side/2 || h != side/2 {
			t.Fatalf("image %d: got %d numbers in %d x %d, want a rectangle of half the sides", k, count, w, h)
		}
	}
	near(t, "changed", changed/n, 0.7, math.Sqrt(0.21/n))
	if len(lefts) < side/2-1 {
		t.Errorf("got rectangles at %d places, want nearly all of %d", len(lefts), side/2)
	}
	noise := run(t, layers.NewRandomErasing([]int{1, 1}, layers.With{"scale": []int{1, 1}, "value_range": []int{-100, 2}}), true, full(0, 40, 30, 30, 1)).Float64s()
	mean, variance := moments(noise) // normal times 2, cut at 2
	phi := math.Exp(-0.5) / math.Sqrt(2*math.Pi)
	above := 0.5 * math.Erfc(1/math.Sqrt2)
	m, square := 2*(-phi+above), 4*((1-above)-phi+above)
	near(t, "mean of noise", mean, m, math.Sqrt((square-m*m)/36000))
	near(t, "variance of noise", variance, square-m*m, 4*math.Sqrt(2.0/36000))
}

// TestRandomElasticTransform checks that places move across as they do down, by numbers as large as the blurred noise is, which is smooth.
func TestRandomElasticTransform(t *testing.T) {
	const n, height, width, scale = 60, 60, 80, 0.8
	l := layers.NewRandomElasticTransform([]int{1, 1}, layers.With{"scale": []float64{scale, scale}, "fill_mode": "constant", "fill_value": -1e6, "value_range": []float64{-1e9, 1e9}})
	const sigma, alpha, reach = 0.05 * scale * height, 0.1 * scale * width, 6
	var moves, steps []float64
	for _, y := range perImageOf(run(t, l, true, ramps(n, height, width))) {
		before := math.NaN()
		for i := 20; i < width-20; i++ {
			for j := 20; j < height-20; j += 5 {
				at := y[(j*width+i)*3:]
				if math.Abs(at[2]-1) > 1e-9 { // from outside of the image
					continue
				}
				dx, dy := at[0]-float64(i), at[1]-float64(j)
				if math.Abs(dx-dy) > 1e-6 {
					t.Fatalf("place (%d, %d): got moved by %v and %v, want the same", i, j, dx, dy)
				}
				moves = append(moves, dx)
				if j == 20 {
					if !math.IsNaN(before) {
						steps = append(steps, dx-before)
					}
					before = dx
				}
			}
		}
	}
	var sum, squares, product float64 // of weights, and of weights beside each other
	weight := func(d int) float64 {
		if d > reach || d < -reach {
			return 0
		}
		return math.Exp(-0.5 * float64(d*d) / (sigma * sigma))
	}
	for d := -reach; d <= reach; d++ {
		sum += weight(d)
		squares += weight(d) * weight(d)
		product += weight(d) * weight(d+1)
	}
	share := squares / (sum * sum)
	want := alpha * alpha * sigma * sigma * share * share
	_, variance := moments(moves)
	near(t, "variance", variance/want, 1, 0.06)
	_, change := moments(steps)
	near(t, "variance of the change from place to place", change/want, 2*(1-product/squares), 0.02)
}

// TestMixUp finds for each image with which it was mixed, and how much.
func TestMixUp(t *testing.T) {
	const n = 1500
	data := make([]float64, 0, 2*n)
	for i := range n {
		data = append(data, float64(i), float64(i*i))
	}
	for _, alpha := range []float64{0.2, 1, 3} {
		seen, weights := map[float64]bool{}, []float64(nil)
		alone := 0
		for i, y := range perImageOf(run(t, layers.NewMixUp(layers.With{"alpha": alpha}), true, tensor.From(data, n, 1, 1, 2))) {
			k := float64(i)
			if math.Abs(y[0]-k) < 1e-3 { // mixed with itself, or hardly at all
				alone++
				continue
			}
			other := (y[1]-k*k)/(y[0]-k) - k
			if math.Abs(other-math.Round(other)) > 1e-4 || seen[math.Round(other)] {
				t.Fatalf("alpha %v: image %d: got mixed with image %v, want each once", alpha, i, other)
			}
			seen[math.Round(other)] = true
			weights = append(weights, (y[0]-other)/(k-other))
		}
		if alone > n/4 {
			t.Errorf("alpha %v: %d images of %d are as they were", alpha, alone, n)
		}
		if alpha < 1 { // w near 1 is among those that are as they were
			continue
		}
		mean, variance := moments(weights)
		want := 1 / (4 * (2*alpha + 1))
		near(t, "mean of the weights", mean, 0.5, math.Sqrt(want/n))
		near(t, "variance of the weights", variance, want, want*math.Sqrt(2.0/n))
	}
	// For small alpha: of numbers 0 and 1 side by side, which share of the mean comes from the first.
	var weights []float64
	for _, y := range perImageOf(run(t, layers.NewMixUp(layers.With{"alpha": 0.2}), true, tensor.From(data, n, 1, 1, 2))) {
		weights = append(weights, y[0])
	}
	mean, _ := moments(weights)
	near(t, "mean of what comes out", mean, (n-1)/2.0, n*math.Sqrt(1.0/12/n))
}

// TestCutMix checks that a rectangle of each image is that of another one, and how large it is: with factor 1 its share is uniform.
func TestCutMix(t *testing.T) {
	const n, side = 400, 50
	data := make([]float64, n*side*side)
	for i := range data {
		data[i] = float64(i / (side * side))
	}
	var shares []float64
	for k, y := range perImageOf(run(t, layers.NewCutMix(layers.With{"factor": []int{1, 1}}), true, tensor.From(data, n, side, side, 1))) {
		left, top, right, bottom, count, other := side, side, -1, -1, 0, -1.0
		for i, v := range y {
			if v == float64(k) {
				continue
			}
			if count++; other >= 0 && v != other {
				t.Fatalf("image %d: got numbers of images %v and %v, want those of one other", k, other, v)
			}
			other = v
			left, right = min(left, i%side), max(right, i%side)
			top, bottom = min(top, i/side), max(bottom, i/side)
		}
		if count > 0 && count != (right-left+1)*(bottom-top+1) {
			t.Fatalf("image %d: got %d numbers of another, want a rectangle", k, count)
		}
		shares = append(shares, float64(count)/(side*side))
	}
	mean, variance := moments(shares)
	near(t, "mean", mean, 0.5, 0.02)
	near(t, "variance", variance, 1.0/12, 0.01)
}

// TestRandomPlaceMistakes checks what is said of settings and images that make no sense.
func TestRandomPlaceMistakes(t *testing.T) {
	for _, c := range []struct{ class, config, want string }{
		{"RandomShear", `{"x_factor": 1.5}`, `x_factor: got 1.5, want a number or two between -1 and 1`},
		{"RandomShear", `{"fill_mode": "mirror"}`, `fill_mode: got "mirror", want one of`},
		{"RandomPerspective", `{"factor": [0, 2]}`, `factor: got [0 2], want a number or two between 0 and 1`},
		{"RandomPerspective", `{"scale": 1.5}`, `scale: got 1.5, want between 0 and 1`},
		{"RandomPerspective", `{"interpolation": "bicubic"}`, `interpolation: got "bicubic", want one of bilinear, nearest`},
		{"RandomErasing", `{"scale": [0.1, 1.2]}`, `scale: got [0.1 1.2], want a number or two between 0 and 1`},
		{"RandomErasing", `{"fill_value": [1, 2]}`, `fill_value: got [1 2], want a number or one for each of the 3 channels`},
		{"RandomErasing", `{"fill_value": "noise"}`, `fill_value: got noise, want a number or a list of numbers`},
		{"RandomGaussianBlur", `{"kernel_size": 4}`, `kernel_size: got 4, want odd numbers`},
		{"RandomGaussianBlur", `{"kernel_size": 0}`, `kernel_size: got 0, want > 0`},
		{"RandomGaussianBlur", `{"sigma": 2}`, `sigma: got 2, want a number or two between 0 and 1`},
		{"RandomElasticTransform", `{"scale": -1}`, `scale: got -1, want a number or two between 0 and 1`},
		{"RandomElasticTransform", `{"fill_mode": "mirror"}`, `fill_mode: got "mirror", which Keras takes but cannot run`},
		{"MixUp", `{"alpha": 0}`, `alpha: got 0, want > 0`},
		{"CutMix", `{"factor": "all"}`, `factor: got all, want a number or two between 0 and 1`},
	} {
		l, err := fromJSON(c.class, c.config)
		if err == nil {
			_, err = tryRun(l, true, ramps(1, 3, 3))
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "layer \"") {
			t.Errorf("%s %s: got %v, want layer ...: %s", c.class, c.config, err, c.want)
		}
	}
	if _, err := tryRun(layers.NewMixUp(), false, full(1, 2, 3)); err == nil || !strings.Contains(err.Error(), "want rank 4") {
		t.Errorf("rank 2: got %v", err)
	}
}
