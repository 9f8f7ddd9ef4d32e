package core

// This file owns the contract of callbacks: what may happen around epochs and batches while a model trains.

// Callback is told where training stands. Embed NopCallback and write the methods that matter. An error stops training and is returned
// by Fit.
type Callback interface {
	OnTrainBegin(t Trainer) error
	OnTrainEnd(t Trainer, logs Logs) error
	OnEpochBegin(t Trainer, epoch int) error
	OnEpochEnd(t Trainer, epoch int, logs Logs) error
	OnBatchBegin(t Trainer, batch int) error
	OnBatchEnd(t Trainer, batch int, logs Logs) error
}

// Trainer is the training run as callbacks see it.
type Trainer interface {
	Epochs() int // how many epochs there will be at most
	BatchesPerEpoch() int
	Iterations() int64 // steps taken by the optimizer
	LearningRate() float64
	SetLearningRate(lr float64) error // error: the learning rate follows a schedule
	Stop(reason string)               // after the current batch, or at the end of the epoch from OnEpochEnd
	Weights() []*Weight               // all weights of the model, in Keras' order
	Save(path string) error           // the whole model, with the state of the optimizer
	SaveWeights(path string) error
	Warn(format string, args ...any) // a line for whoever watches
}

// Logs are losses and metrics by name, in Keras' order. The slices belong to the run; copy what must last.
type Logs struct {
	Names  []string
	Values []float64
}

// Get finds a value by name.
func (l Logs) Get(name string) (float64, bool) {
	for i, n := range l.Names {
		if n == name {
			return l.Values[i], true
		}
	}
	return 0, false
}

// NopCallback does nothing.
type NopCallback struct{}

// OnTrainBegin does nothing.
func (NopCallback) OnTrainBegin(Trainer) error { return nil }

// OnTrainEnd does nothing.
func (NopCallback) OnTrainEnd(Trainer, Logs) error { return nil }

// OnEpochBegin does nothing.
func (NopCallback) OnEpochBegin(Trainer, int) error { return nil }

// OnEpochEnd does nothing.
func (NopCallback) OnEpochEnd(Trainer, int, Logs) error { return nil }

// OnBatchBegin does nothing.
func (NopCallback) OnBatchBegin(Trainer, int) error { return nil }

// OnBatchEnd does nothing.
func (NopCallback) OnBatchEnd(Trainer, int, Logs) error { return nil }
