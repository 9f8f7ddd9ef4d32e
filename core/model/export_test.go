package model

import "github.com/gokeras/gk/core/dataset"

// StepForTest is one training step and one prediction of m on all of d, as Fit and Predict take them.
func StepForTest(m *Model, d *dataset.Dataset) (step, predict func(), err error) {
	r := &trainer{m: m, options: Fit{BatchSize: d.Len(), Epochs: 1, Scale: 1}, history: &History{Values: map[string][]float64{}}}
	if err := r.prepare(d); err != nil {
		return nil, nil, err
	}
	rows := r.batches.Order(0)
	p, err := m.trainingProgram(predicting, &dataset.Dataset{X: r.data.X}, d.Len())
	if err != nil {
		return nil, nil, err
	}
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	return func() { must(r.step(rows)) }, func() { must(m.run(p, r.data, rows, 0)) }, nil
}
