package model

import (
	"context"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns evaluation and prediction.

// Run says how data goes through a model.
type Run struct {
	BatchSize int     // 0: 32
	Scale     float64 // see Fit.Scale
	// Progress, if not nil, is told after each batch how many samples are done.
	Progress func(done, total int)
}

func (o Run) batch() int {
	if o.BatchSize == 0 {
		return 32
	}
	return o.BatchSize
}

func (o Run) scale() float32 {
	if o.Scale == 0 {
		return 1
	}
	return float32(o.Scale)
}

// Evaluate computes loss and metrics of the model for d.
func (m *Model) Evaluate(ctx context.Context, d *dataset.Dataset, o Run) (core.Logs, error) {
	if len(d.Y) == 0 {
		return core.Logs{}, core.Errorf(core.ErrData, "targets", "the data has none, evaluation needs them")
	}
	if err := d.Validate(); err != nil {
		return core.Logs{}, core.In("data", core.ErrData, err)
	}
	d, err := m.fitting(d)
	if err != nil {
		return core.Logs{}, err
	}
	return m.evaluate(ctx, d, o.batch(), float64(o.scale()))
}

func (m *Model) evaluate(ctx context.Context, d *dataset.Dataset, batch int, scale float64) (core.Logs, error) {
	m.ResetMetrics()
	defer m.ResetMetrics()
	logs := core.Logs{Names: m.compiled.names, Values: make([]float64, len(m.compiled.names))}
	var sums []float64
	var seen float64
	err := m.inBatches(ctx, evaluating, d, batch, func(p *program, first, n int) {
		if sums == nil {
			sums = make([]float64, p.losses)
		}
		m.tally(p, n, sums, &seen, logs.Values)
	}, float32(scale))
	return logs, err
}

// inBatches runs a program over all samples in order.
func (m *Model) inBatches(ctx context.Context, p purpose, d *dataset.Dataset, size int, done func(p *program, first, n int), scale float32) error {
	batches, err := dataset.NewBatches(d.Len(), size, false, 0)
	if err != nil {
		return core.In("", core.ErrData, err)
	}
	var prog *program
	samples := 0
	for step, rows := range batches.Epoch(0) {
		if len(rows) != samples {
			samples = len(rows)
			if prog, err = m.trainingProgram(p, d, samples); err != nil {
				return err
			}
			prog.scale = scale
		}
		if err := m.run(prog, d, rows, 0); err != nil {
			return err
		}
		done(prog, step*size, samples)
		if ctx.Err() != nil {
			return &core.Error{Kind: core.ErrInterrupted, Msg: "interrupted"}
		}
	}
	return nil
}

// Predict computes the outputs of the model for inputs of samples, one array for each output.
func (m *Model) Predict(ctx context.Context, x []*tensor.Tensor, o Run) ([]*tensor.Tensor, error) {
	d := &dataset.Dataset{X: x}
	if err := d.Validate(); err != nil {
		return nil, core.In("data", core.ErrData, err)
	}
	var err error
	if d.X, err = m.fitInputs(x); err != nil {
		return nil, err
	}
	var out []*tensor.Tensor
	var rows []int // elements per sample of each output
	total := d.Len()
	err = m.inBatches(ctx, predicting, d, o.batch(), func(p *program, first, n int) {
		for i := range m.outputs {
			y := p.Output(i)
			if len(out) <= i {
				shape := p.shapes[i]
				rows = append(rows, len(y)/n)
				out = append(out, tensor.New(tensor.Float32, shape.With(0, total)...))
			}
			copy(tensor.Data[float32](out[i])[first*rows[i]:], y)
		}
		if o.Progress != nil {
			o.Progress(first+n, total)
		}
	}, o.scale())
	if err != nil {
		return nil, err
	}
	return out, nil
}
