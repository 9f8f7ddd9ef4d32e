package callbacks

import "github.com/gokeras/gk/core"

// LambdaCallback is a callback of Go functions; those that are nil do nothing. It cannot be made by name, because functions have no
// config.
type LambdaCallback struct {
	TrainBegin func(t core.Trainer) error
	TrainEnd   func(t core.Trainer, logs core.Logs) error
	EpochBegin func(t core.Trainer, epoch int) error
	EpochEnd   func(t core.Trainer, epoch int, logs core.Logs) error
	BatchBegin func(t core.Trainer, batch int) error
	BatchEnd   func(t core.Trainer, batch int, logs core.Logs) error
}

// OnTrainBegin calls TrainBegin.
func (c *LambdaCallback) OnTrainBegin(t core.Trainer) error {
	if c.TrainBegin == nil {
		return nil
	}
	return c.TrainBegin(t)
}

// OnTrainEnd calls TrainEnd.
func (c *LambdaCallback) OnTrainEnd(t core.Trainer, logs core.Logs) error {
	if c.TrainEnd == nil {
		return nil
	}
	return c.TrainEnd(t, logs)
}

// OnEpochBegin calls EpochBegin.
func (c *LambdaCallback) OnEpochBegin(t core.Trainer, epoch int) error {
	if c.EpochBegin == nil {
		return nil
	}
	return c.EpochBegin(t, epoch)
}

// OnEpochEnd calls EpochEnd.
func (c *LambdaCallback) OnEpochEnd(t core.Trainer, epoch int, logs core.Logs) error {
	if c.EpochEnd == nil {
		return nil
	}
	return c.EpochEnd(t, epoch, logs)
}

// OnBatchBegin calls BatchBegin.
func (c *LambdaCallback) OnBatchBegin(t core.Trainer, batch int) error {
	if c.BatchBegin == nil {
		return nil
	}
	return c.BatchBegin(t, batch)
}

// OnBatchEnd calls BatchEnd.
func (c *LambdaCallback) OnBatchEnd(t core.Trainer, batch int, logs core.Logs) error {
	if c.BatchEnd == nil {
		return nil
	}
	return c.BatchEnd(t, batch, logs)
}
