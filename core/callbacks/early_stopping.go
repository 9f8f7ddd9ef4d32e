package callbacks

import "github.com/gokeras/gk/core"

// EarlyStopping stops training when a value of the logs has not got better for patience epochs.
// Source: keras/src/callbacks/early_stopping.py.
type EarlyStopping struct {
	base
	Monitor  string  `json:"monitor"`
	MinDelta float64 `json:"min_delta"` // by how much a value must be better to count
	Patience int     `json:"patience" want:">=0"`
	Verbose  int     `json:"verbose"` // above 0: say what happens
	Mode     string  `json:"mode" want:"auto|min|max"`
	// Baseline is what the value must be better than for patience to start anew.
	Baseline *float64 `json:"baseline"`
	// RestoreBestWeights gives the weights of the best epoch back when training ends, for whatever reason it does. They are kept in memory.
	RestoreBestWeights bool `json:"restore_best_weights"`
	// StartFromEpoch is how many epochs pass before any counts.
	StartFromEpoch int `json:"start_from_epoch" want:">=0"`

	monitor
	wait, bestEpoch, stoppedEpoch int
	best                          *float64
	bestWeights                   [][]float32
}

func init() {
	register("EarlyStopping", func() *EarlyStopping { return &EarlyStopping{Monitor: "val_loss", Mode: "auto"} })
}

// NewEarlyStopping makes an EarlyStopping.
func NewEarlyStopping(with ...With) *EarlyStopping {
	return configure[*EarlyStopping]("EarlyStopping", nil, with)
}

// OnTrainBegin forgets earlier runs.
func (c *EarlyStopping) OnTrainBegin(t core.Trainer) error {
	if c.err != nil {
		return c.err
	}
	c.wait, c.bestEpoch, c.stoppedEpoch, c.best, c.bestWeights = 0, 0, -1, nil, nil
	var err error
	c.monitor, err = newMonitor("EarlyStopping", c.Monitor, c.Mode, c.MinDelta)
	return err
}

// OnEpochEnd compares the value with the best so far.
func (c *EarlyStopping) OnEpochEnd(t core.Trainer, epoch int, logs core.Logs) error {
	value, ok := c.get(t, "EarlyStopping", logs)
	if !ok || epoch < c.StartFromEpoch {
		return nil
	}
	if c.RestoreBestWeights && c.bestWeights == nil { // even if the value never is better than anything, as NaN
		c.keep(t, epoch)
	}
	c.wait++
	if c.better(value, c.best) {
		c.best, c.bestEpoch = &value, epoch
		if c.RestoreBestWeights {
			c.keep(t, epoch)
		}
		if c.Baseline == nil || c.better(value, c.Baseline) {
			c.wait = 0
		}
		return nil
	}
	if c.wait >= c.Patience && epoch > 0 {
		c.stoppedEpoch = epoch
		t.Stop("early stopping: " + c.name + " does not get better")
	}
	return nil
}

// keep copies the weights.
func (c *EarlyStopping) keep(t core.Trainer, epoch int) {
	c.bestEpoch = epoch
	weights := t.Weights()
	if c.bestWeights == nil {
		c.bestWeights = make([][]float32, len(weights))
	}
	for i, w := range weights {
		c.bestWeights[i] = append(c.bestWeights[i][:0], w.Data()...)
	}
}

// OnTrainEnd gives the best weights back.
func (c *EarlyStopping) OnTrainEnd(t core.Trainer, _ core.Logs) error {
	if c.stoppedEpoch >= 0 && c.Verbose > 0 {
		t.Warn("epoch %d: early stopping", c.stoppedEpoch+1)
	}
	if c.bestWeights == nil {
		return nil
	}
	if c.Verbose > 0 {
		t.Warn("weights are again those from the end of epoch %d", c.bestEpoch+1)
	}
	for i, w := range t.Weights() {
		if i < len(c.bestWeights) {
			copy(w.Data(), c.bestWeights[i])
		}
	}
	c.bestWeights = nil
	return nil
}
