package plan

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gokeras/gk/core/graph"
)

// This file owns training steps that are written directly in operations, as layers and Adam would write them: what they must
// compute, what must have been fused in them, and how many samples a second they train.

// trainer writes a training step.
type trainer struct {
	*bench
	weights []*graph.Variable
}

func newTrainer() *trainer { return &trainer{bench: newBench(11)} }

// param is a weight with small random numbers.
func (b *trainer) param(shape ...int) graph.Value {
	w := b.weight(shape...)
	fan := max(1, w.Shape.Size()/w.Shape[len(w.Shape)-1])
	for i := range b.variables[w] {
		b.variables[w][i] = float64(float32(b.variables[w][i] / float64(fan)))
	}
	b.weights = append(b.weights, w)
	return b.Read(w)
}

func (b *trainer) dense(x graph.Value, units int) graph.Value {
	return b.Add(b.MatMul(x, b.param(x.Dim(1), units), false, false), b.param(units))
}

func (b *trainer) conv(x graph.Value, size, filters int) graph.Value {
	a := graph.ConvAttr{Strides: []int{1, 1}, Dilation: []int{1, 1}, PadLo: []int{0, 0}, PadHi: []int{0, 0}, Groups: 1}
	return b.Add(b.Conv(x, b.param(size, size, x.Dim(-1), filters), a), b.param(filters))
}

func (b *trainer) dropout(x graph.Value, rate float64) graph.Value {
	keep := b.GreaterEqual(b.Random(x.Shape()), b.Const(rate))
	return b.Mul(x, b.Mul(keep, b.Const(1/(1-rate))))
}

// finish adds the loss of logits and an Adam step.
func (b *trainer) finish(logits graph.Value) {
	labels := b.index(logits.Dim(1), logits.Dim(0))
	loss := b.Mean(b.SparseSoftmaxCrossEntropy(logits, labels), nil, false)
	b.out(loss, b.Mean(b.Equal(b.ArgMax(logits, 1), labels), nil, false))
	var reads []graph.Value
	for _, w := range b.weights {
		reads = append(reads, b.Read(w))
	}
	grads := b.Gradient(loss, reads...)
	t := b.Add(b.data(func() float64 { return 4 }), b.Const(1))
	rate := b.data(func() float64 { return 0.001 })
	correction := func(beta float64) graph.Value { return b.Sub(b.Const(1), b.Pow(b.Const(beta), t)) }
	alpha := b.Div(b.Mul(rate, b.Sqrt(correction(0.999))), correction(0.9))
	toward := func(w *graph.Variable, x graph.Value, part float64) graph.Value {
		slot := &graph.Variable{Name: fmt.Sprint("slot", len(b.variables)), Shape: w.Shape}
		b.variables[slot] = make([]float64, w.Shape.Size())
		old := b.Read(slot)
		v := b.Add(old, b.Mul(b.Sub(x, old), b.Const(part)))
		b.Assign(slot, v)
		return v
	}
	for i, w := range b.weights {
		m := toward(w, grads[i], 0.1)
		v := toward(w, b.Square(grads[i]), 0.001)
		b.Assign(w, b.Sub(reads[i], b.Div(b.Mul(m, alpha), b.Add(b.Sqrt(v), b.Const(1e-7)))))
	}
}

// mlp is a perceptron of one hidden layer.
func mlp(batch, in, hidden int) *trainer {
	b := newTrainer()
	b.finish(b.dense(b.Relu(b.dense(b.in(batch, in), hidden)), 10))
	return b
}

// cnn has two convolutions, a maximum pooling, dropout and two dense layers.
func cnn(batch, size, filters int) *trainer {
	b := newTrainer()
	x := b.Relu(b.conv(b.in(batch, size, size, 1), 3, filters))
	x = b.Relu(b.conv(x, 3, 2*filters))
	x = b.MaxPool(x, graph.PoolAttr{Size: []int{2, 2}, Strides: []int{2, 2}, PadLo: []int{0, 0}, PadHi: []int{0, 0}})
	x = b.dropout(x, 0.25)
	x = b.Relu(b.dense(b.Flatten(x, 1), 4*filters))
	b.finish(b.dense(b.dropout(x, 0.5), 10))
	return b
}

// lstm is a recurrent layer over the lines of an image, and a dense one.
func lstm(batch, size, units int) *trainer {
	b := newTrainer()
	x := b.in(batch, size, size)
	z := b.Reshape(b.dense(b.Reshape(x, batch*size, size), 4*units), batch, size, 4*units)
	_, h, _ := b.RNN(graph.RNNAttr{Cell: "lstm", Activation: "tanh", RecurrentActivation: "sigmoid"}, graph.RNNInputs{X: z, R: b.param(units, 4*units)})
	b.finish(b.dense(h, 10))
	return b
}

// convSame is a convolution without bias whose result is as large as x.
func (b *trainer) convSame(x graph.Value, size, filters int) graph.Value {
	p := size / 2
	a := graph.ConvAttr{Strides: []int{1, 1}, Dilation: []int{1, 1}, PadLo: []int{p, p}, PadHi: []int{p, p}, Groups: 1}
	return b.Conv(x, b.param(size, size, x.Dim(-1), filters), a)
}

// bn is batch normalisation with moving averages.
func (b *trainer) bn(x graph.Value) graph.Value {
	c := x.Dim(-1)
	y, mean, variance := b.BatchNorm(x, b.param(c), b.param(c), 1e-3)
	for _, v := range []graph.Value{mean, variance} {
		m := b.weight(c)
		b.Assign(m, b.Add(b.Mul(b.Read(m), b.Const(0.99)), b.Mul(v, b.Const(0.01))))
	}
	return y
}

// resnet has two residual blocks with batch normalisation.
func resnet(batch, size, filters int) *trainer {
	b := newTrainer()
	x := b.Relu(b.bn(b.convSame(b.in(batch, size, size, 3), 3, filters)))
	for range 2 {
		y := b.Relu(b.bn(b.convSame(x, 3, filters)))
		y = b.bn(b.convSame(y, 3, filters))
		x = b.Relu(b.Add(x, y))
	}
	b.finish(b.dense(b.Mean(x, []int{1, 2}, false), 10))
	return b
}

// transformer is an encoder block of so many heads, with GELU.
func transformer(batch, steps, width, heads int) *trainer {
	b := newTrainer()
	x := b.in(batch, steps, width)
	ln := func(x graph.Value) graph.Value {
		return b.Reshape(b.LayerNorm(b.Reshape(x, batch*steps, width), b.param(width), b.param(width), 1e-6), batch, steps, width)
	}
	proj := func(x graph.Value) graph.Value {
		return b.Transpose(b.Reshape(b.dense(b.Reshape(x, batch*steps, width), width), batch, steps, heads, width/heads), 0, 2, 1, 3)
	}
	n := ln(x)
	q, k, v := proj(n), proj(n), proj(n)
	s := b.Softmax(b.MatMul(b.Mul(q, b.Const(0.25)), k, false, true))
	s = b.dropout(s, 0.1)
	a := b.Reshape(b.Transpose(b.MatMul(s, v, false, false), 0, 2, 1, 3), batch*steps, width)
	x = b.Add(x, b.Reshape(b.dropout(b.dense(a, width), 0.1), batch, steps, width))
	n = ln(x)
	h := b.dense(b.Reshape(n, batch*steps, width), 4*width)
	h = b.Mul(b.Mul(h, b.Const(0.5)), b.Add(b.Const(1), b.Erf(b.Div(h, b.Const(1.4142135)))))
	x = b.Add(x, b.Reshape(b.dense(h, width), batch, steps, width))
	b.finish(b.dense(b.Mean(x, []int{1}, false), 10))
	return b
}

var models = []struct {
	name         string
	small, large func() *trainer
	samples      int
}{
	{"MLP", func() *trainer { return mlp(6, 9, 7) }, func() *trainer { return mlp(128, 784, 784) }, 128},
	{"CNN", func() *trainer { return cnn(3, 8, 4) }, func() *trainer { return cnn(128, 28, 32) }, 128},
	{"LSTM", func() *trainer { return lstm(3, 5, 6) }, func() *trainer { return lstm(128, 28, 128) }, 128},
	{"ResNet", func() *trainer { return resnet(2, 5, 4) }, func() *trainer { return resnet(32, 16, 32) }, 32},
	{"Transformer", func() *trainer { return transformer(2, 3, 8, 2) }, func() *trainer { return transformer(8, 32, 64, 4) }, 8},
}

func TestTraining(t *testing.T) {
	for _, m := range models {
		t.Run(m.name, func(t *testing.T) { m.small().check(t) })
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	for _, m := range models {
		t.Run(m.name, func(t *testing.T) {
			p, _ := compiled(t, m.small().bench, Options[float32]{Pool: pools[2]})
			step := uint64(0)
			if n := testing.AllocsPerRun(20, func() {
				step++
				if err := p.Run(1, step); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations a run", n)
			}
		})
	}
}

func benchmarkTrain(b *testing.B, build func() *trainer, samples int) {
	p, _ := compiled(b, build().bench, Options[float32]{})
	run := func() {
		if err := p.Run(1, 1); err != nil {
			b.Fatal(err)
		}
	}
	run()
	profiled := os.Getenv("GK_PLAN_PROFILE") != ""
	p.Profile(profiled)
	b.ResetTimer()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(samples)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
	if !profiled {
		return
	}
	var table strings.Builder
	var total time.Duration
	for _, s := range p.Steps() {
		took := s.Best
		total += took
		fmt.Fprintf(&table, "%8.1fus %6.1f GFLOPS %6.1f GB/s  %s\n", float64(took.Nanoseconds())/1e3, float64(s.Flops)/float64(took.Nanoseconds()), float64(s.Bytes)/float64(took.Nanoseconds()), s.Name)
	}
	fmt.Fprintf(os.Stderr, "arena %.1f MB, %.0f samples/s if all steps are at their best\n%s", float64(p.ArenaBytes())/1e6,
		float64(samples)/total.Seconds(), table.String())
}

func BenchmarkTrainMLP(b *testing.B)  { benchmarkTrain(b, models[0].large, models[0].samples) }
func BenchmarkTrainCNN(b *testing.B)  { benchmarkTrain(b, models[1].large, models[1].samples) }
func BenchmarkTrainLSTM(b *testing.B) { benchmarkTrain(b, models[2].large, models[2].samples) }

// BenchmarkTrainOther is for what the three above do not have: batch normalisation, residuals, attention.
func BenchmarkTrainOther(b *testing.B) {
	for _, m := range models[3:] {
		b.Run(m.name, func(b *testing.B) { benchmarkTrain(b, m.large, m.samples) })
	}
}
