package initializers_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/initializers"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func decode(t *testing.T, class string, config any) core.Initializer {
	t.Helper()
	i, err := registry.Default.Decoder(registry.Origin{}).Initializer(map[string]any{"class_name": class, "config": config})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func shapeOf(row map[string]any) tensor.Shape {
	var s tensor.Shape
	for _, d := range row["shape"].([]any) {
		s = append(s, int(d.(float64)))
	}
	return s
}

func fill(i core.Initializer, shape tensor.Shape, seed uint64) []float32 {
	dst := make([]float32, shape.Size())
	i.Fill(dst, shape, kernel.NewRand(seed))
	return dst
}

func TestInitializersAgainstKeras(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range coretest.Read(t, "initializers") {
		class := c.Row["class_name"].(string)
		seen[class] = true
		t.Run(c.Name, func(t *testing.T) {
			i, shape := decode(t, class, c.Row["config"]), shapeOf(c.Row)
			got, err := registry.Default.Encoder(core.Keras3).Config(i)
			check(t, err)
			check(t, coretest.ThroughJSON(&got))
			if class == "Identity" { // Keras reads the gain but forgets to write it
				delete(got, "gain")
			}
			check(t, coretest.SameConfig("config", got, c.Meta["config"].(map[string]any)["config"]))
			if fans, ok := c.Meta["fans"].([]any); ok {
				in, out := initializers.Fans(shape, nil, nil)
				if in != int(fans[0].(float64)) || out != int(fans[1].(float64)) {
					t.Errorf("fans: got %d and %d, want %v", in, out, fans)
				}
			}
			values := tensor.From(fill(i, shape, 1), shape...)
			switch {
			case c.Golden["value"] != nil:
				check(t, coretest.Near("value", values, c.Golden["value"], 1e-5))
			case c.Golden["theory"] != nil:
				theory(t, values.Float64s(), c.Golden["theory"].Float64s())
			default:
				o := c.Meta["orthogonal"].(map[string]any)
				orthogonal(t, values, o["gain"].(float64))
			}
		})
	}
	for _, name := range registry.Default.Initializers.Names() {
		if !seen[name] {
			t.Errorf("initializer %q has no case: add a row to testdata/cases/initializers.jsonl and run testdata/keras/gen.py", name)
		}
	}
}

// theory compares numbers with mean, standard deviation, lower and upper bound, within five standard errors. Without a bound the kurtosis
// must be that of a normal distribution.
func theory(t *testing.T, x, want []float64) {
	t.Helper()
	n := float64(len(x))
	mean, low, high := 0.0, math.Inf(1), math.Inf(-1)
	for _, v := range x {
		mean += v / n
		low, high = min(low, v), max(high, v)
	}
	var m2, m4 float64
	for _, v := range x {
		d := v - mean
		m2 += d * d / n
		m4 += d * d * d * d / n
	}
	std := math.Sqrt(m2)
	if e := 5 * want[1] / math.Sqrt(n); math.Abs(mean-want[0]) > e {
		t.Errorf("mean: got %v, want %v within %v", mean, want[0], e)
	}
	if e := 5 * want[1] / math.Sqrt(2*n); math.Abs(std-want[1]) > e {
		t.Errorf("standard deviation: got %v, want %v within %v", std, want[1], e)
	}
	if math.IsInf(want[3], 1) {
		if k := m4 / (m2 * m2); math.Abs(k-3) > 5*math.Sqrt(24/n) {
			t.Errorf("kurtosis: got %v, want 3", k)
		}
		return
	}
	slack := 1e-6 * (want[3] - want[2])
	if low < want[2]-slack || high > want[3]+slack {
		t.Errorf("got numbers from %v to %v, want %v to %v", low, high, want[2], want[3])
	}
	if reach := 0.01 * (want[3] - want[2]); low > want[2]+5*reach || high < want[3]-5*reach {
		t.Errorf("got numbers from %v to %v, which leaves much of %v to %v out", low, high, want[2], want[3])
	}
}

// orthogonal checks that the columns, or the rows if there are fewer, have the length gain and are orthogonal.
func orthogonal(t *testing.T, m *tensor.Tensor, gain float64) {
	t.Helper()
	columns := m.Shape().Dim(-1)
	rows := m.Size() / columns
	x, at := m.Float64s(), func(j, k int) int { return k*columns + j }
	count, length := columns, rows
	if rows < columns {
		count, length, at = rows, columns, func(j, k int) int { return j*columns + k }
	}
	for a := range count {
		for b := range count {
			sum, want := 0.0, 0.0
			for k := range length {
				sum += x[at(a, k)] * x[at(b, k)]
			}
			if a == b {
				want = gain * gain
			}
			if math.Abs(sum-want) > 1e-6 {
				t.Fatalf("product of %d and %d: got %v, want %v", a, b, sum, want)
			}
		}
	}
}

// The matrix from which Orthogonal starts is Q R with an upper triangular R with a positive diagonal.
func TestOrthogonalIsTheQ(t *testing.T) {
	const rows, columns = 7, 4
	r := kernel.NewRand(5)
	a := make([][]float64, columns)
	for j := range a {
		a[j] = make([]float64, rows)
		for k := range a[j] {
			a[j][k] = r.NormFloat64()
		}
	}
	q := fill(decode(t, "Orthogonal", map[string]any{}), tensor.Shape{rows, columns}, 5)
	for i := range columns {
		for j := range columns {
			sum := 0.0
			for k := range rows {
				sum += float64(q[k*columns+i]) * a[j][k]
			}
			if i == j && sum <= 0 || i > j && math.Abs(sum) > 1e-5 {
				t.Errorf("R[%d][%d]: got %v", i, j, sum)
			}
		}
	}
}

func TestSeeds(t *testing.T) {
	shape := tensor.Shape{3, 4}
	for _, name := range registry.Default.Initializers.Names() {
		plain := decode(t, name, map[string]any{})
		first := fill(plain, shape, 1)
		if !slices.Equal(first, fill(plain, shape, 1)) {
			t.Errorf("%s: the same random numbers give other values", name)
		}
		if slices.Equal(first, fill(plain, shape, 2)) {
			continue // nothing random
		}
		seeded := decode(t, name, map[string]any{"seed": 3.0})
		if !slices.Equal(fill(seeded, shape, 1), fill(seeded, shape, 2)) {
			t.Errorf("%s: the values with a seed depend on the random numbers given", name)
		}
		other := decode(t, name, map[string]any{"seed": map[string]any{"class_name": "SeedGenerator", "config": map[string]any{"seed": 4.0}}})
		if slices.Equal(fill(seeded, shape, 1), fill(other, shape, 1)) {
			t.Errorf("%s: two seeds give the same values", name)
		}
	}
}

// Names and configs that files of any Keras hold.
func TestOldForms(t *testing.T) {
	d := registry.Default.Decoder(registry.Origin{KerasVersion: "2.2.4"})
	for name, want := range map[string]string{
		"zero": "Zeros", "zeros": "Zeros", "one": "Ones", "ones": "Ones", "normal": "RandomNormal", "uniform": "RandomUniform",
		"glorot_uniform": "GlorotUniform", "he_normal": "HeNormal", "lecun_uniform": "LecunUniform", "orthogonal": "Orthogonal",
		"identity": "Identity", "random_uniform": "RandomUniform", "variance_scaling": "VarianceScaling", "GlorotUniformV2": "GlorotUniform",
		"ZerosV2": "Zeros", "IdentityInitializer": "Identity", "truncated_normal": "TruncatedNormal", "stft": "STFT",
	} {
		i, err := d.Initializer(name)
		check(t, err)
		if got := registry.Default.Initializers.NameOf(i); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	i, err := d.Initializer(map[string]any{"class_name": "VarianceScaling", "config": map[string]any{
		"scale": 2.0, "mode": "fan_in", "distribution": "normal", "seed": nil, "dtype": "float32"}})
	check(t, err)
	if v, ok := i.(*initializers.VarianceScaling); !ok || v.Distribution != "truncated_normal" || v.Scale != 2 {
		t.Errorf("got %+v", i)
	}
	c, err := registry.Default.Encoder(core.Legacy).Config(&initializers.GlorotUniform{})
	check(t, err)
	if len(c) != 1 {
		t.Errorf("legacy config: got %v, want a seed alone", c)
	}
}

func TestConstantTensors(t *testing.T) {
	matrix := []any{[]any{1.0, 2.0, 3.0}, []any{4.0, 5.0, 6.0}}
	keras3 := map[string]any{"class_name": "__numpy__", "config": map[string]any{"value": matrix, "dtype": "float64"}}
	for name, value := range map[string]any{"lists": matrix, "array": keras3} {
		i := decode(t, "Constant", map[string]any{"value": value})
		if got := fill(i, tensor.Shape{2, 3}, 1); !slices.Equal(got, []float32{1, 2, 3, 4, 5, 6}) {
			t.Errorf("%s: got %v", name, got)
		}
		got, err := registry.Default.Encoder(core.Keras3).Config(i)
		check(t, err)
		check(t, coretest.ThroughJSON(&got))
		if name == "array" {
			check(t, coretest.SameConfig(name, got["value"], keras3))
		}
		got, err = registry.Default.Encoder(core.Legacy).Config(i)
		check(t, err)
		check(t, coretest.ThroughJSON(&got))
		check(t, coretest.SameConfig(name+" legacy", got["value"], matrix))
	}
	column := decode(t, "Constant", map[string]any{"value": []any{[]any{1.0}, []any{2.0}}})
	if got := fill(column, tensor.Shape{2, 2, 3}, 1); !slices.Equal(got, []float32{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}) {
		t.Errorf("column: got %v", got)
	}
	fromGo := &initializers.Constant{Value: initializers.Tensor(tensor.From([]float32{7, 8}, 2))}
	if got := fill(fromGo, tensor.Shape{2, 2}, 1); !slices.Equal(got, []float32{7, 8, 7, 8}) {
		t.Errorf("from Go: got %v", got)
	}
}

func TestErrors(t *testing.T) {
	d := registry.Default.Decoder(registry.Origin{})
	for want, v := range map[string]map[string]any{
		`initializer "VarianceScaling": mode: got "fan_on", want one of fan_in, fan_out, fan_avg (did you mean "fan_in"`: {
			"class_name": "VarianceScaling", "config": map[string]any{"mode": "fan_on"}},
		`initializer "VarianceScaling": scale: got -1, want > 0`: {"class_name": "VarianceScaling", "config": map[string]any{"scale": -1.0}},
		`initializer "Constant": value: got map[]`:               {"class_name": "Constant", "config": map[string]any{"value": map[string]any{}}},
		`initializer "Constant": value: got [[1] 2]`:             {"class_name": "Constant", "config": map[string]any{"value": []any{[]any{1.0}, 2.0}}},
		`initializer "Constant": value: got [1 [2]]`:             {"class_name": "Constant", "config": map[string]any{"value": []any{1.0, []any{2.0}}}},
		`initializer "HeNormal": seed: got "x"`:                  {"class_name": "HeNormal", "config": map[string]any{"seed": "x"}},
	} {
		if _, err := d.Initializer(v); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	for want, c := range map[string]struct {
		i     core.Initializer
		shape tensor.Shape
	}{
		"got shape (3,), want rank 2 or more":             {&initializers.Orthogonal{Gain: 1}, tensor.Shape{3}},
		"got shape (3, 3, 3), want rank 2":                {&initializers.Identity{Gain: 1}, tensor.Shape{3, 3, 3}},
		"input_axes: got 2, want an axis of shape (4, 5)": {&initializers.HeNormal{InputAxes: []int{2}}, tensor.Shape{4, 5}},
		`window: got "square", want one of [blackman blackmanharris boxcar flattop hamming hann nuttall]`: {
			&initializers.STFT{Side: "real", Window: "square"}, tensor.Shape{8, 1, 5}},
		"window: got shape (2,), want (8,)":  {&initializers.STFT{Side: "real", Window: []any{1.0, 2.0}}, tensor.Shape{8, 1, 5}},
		"value: got shape (2,), want (4, 3)": {&initializers.Constant{Value: initializers.Tensor(tensor.From([]float32{1, 2}, 2))}, tensor.Shape{4, 3}},
	} {
		err := c.i.(core.ShapeChecker).CheckShape(c.shape)
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
		fill(c.i, c.shape, 1) // must not panic
	}
}

// scipy.signal.get_window(name, 5, periodic) printed these.
func TestWindows(t *testing.T) {
	for name, want := range map[string][2][]float64{
		"boxcar":         {{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}},
		"hann":           {{0, 0.5, 1, 0.5, 0}, {0, 0.3454915, 0.9045085, 0.9045085, 0.3454915}},
		"hamming":        {{0.08, 0.54, 1, 0.54, 0.08}, {0.08, 0.3978522, 0.9121478, 0.9121478, 0.3978522}},
		"blackman":       {{0, 0.34, 1, 0.34, 0}, {0, 0.2007701, 0.8492299, 0.8492299, 0.2007701}},
		"nuttall":        {{0.0003628, 0.2269824, 1, 0.2269824, 0.0003628}, {0.0003628, 0.1105153, 0.7982581, 0.7982581, 0.1105153}},
		"blackmanharris": {{6e-05, 0.21747, 1, 0.21747, 6e-05}, {6e-05, 0.1030115, 0.7938335, 0.7938335, 0.1030115}},
		"flattop":        {{-0.0004211, -0.0547368, 1, -0.0547368, -0.0004211}, {-0.0004211, -0.0677143, 0.6068722, 0.6068722, -0.0677143}},
	} {
		for k, periodic := range []bool{false, true} {
			got, err := initializers.NewWindow(name, 5, periodic)
			check(t, err)
			check(t, coretest.Near(name, tensor.From(got, 5), tensor.From(want[k], 5), 1e-7))
		}
		if got, err := initializers.NewWindow(name, 1, false); err != nil || len(got) != 1 || got[0] != 1 {
			t.Errorf("%s of size 1: got %v, %v", name, got, err)
		}
	}
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		shape     tensor.Shape
		in, out   []int
		fin, out2 int
	}{
		{tensor.Shape{}, nil, nil, 1, 1},
		{tensor.Shape{7}, nil, nil, 7, 7},
		{tensor.Shape{2, 3, 4, 5}, nil, nil, 24, 30},
		{tensor.Shape{2, 3, 4, 5}, []int{0}, []int{-1, -2}, 2, 20},
	} {
		if in, out := initializers.Fans(c.shape, c.in, c.out); in != c.fin || out != c.out2 {
			t.Errorf("%v: got %d and %d, want %d and %d", c.shape, in, out, c.fin, c.out2)
		}
	}
}

func ExampleHeNormal() {
	seed := int64(1)
	i := &initializers.HeNormal{Seed: &seed}
	w := make([]float32, 6)
	i.Fill(w, tensor.Shape{2, 3}, nil) // a seed needs no other numbers
	again := make([]float32, 6)
	i.Fill(again, tensor.Shape{2, 3}, nil)
	fmt.Println(slices.Equal(w, again))
	// Output: true
}
