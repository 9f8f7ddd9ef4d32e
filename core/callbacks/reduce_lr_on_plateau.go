package callbacks

import "github.com/gokeras/gk/core"

// ReduceLROnPlateau multiplies the learning rate by factor when a value of the logs has not got better for patience epochs.
// Source: keras/src/callbacks/reduce_lr_on_plateau.py.
type ReduceLROnPlateau struct {
	base
	Monitor  string  `json:"monitor"`
	Factor   float64 `json:"factor" want:"0..<1"`
	Patience int     `json:"patience" want:">=0"`
	Verbose  int     `json:"verbose"` // above 0: say what happens
	Mode     string  `json:"mode" want:"auto|min|max"`
	MinDelta float64 `json:"min_delta"`           // by how much a value must be better to count
	Cooldown int     `json:"cooldown" want:">=0"` // epochs that do not count after a change
	MinLR    float64 `json:"min_lr" want:">=0"`

	monitor
	wait, cooling int
	best          *float64
}

func init() {
	register("ReduceLROnPlateau", func() *ReduceLROnPlateau {
		return &ReduceLROnPlateau{Monitor: "val_loss", Factor: 0.1, Patience: 10, Mode: "auto", MinDelta: 1e-4}
	})
}

// NewReduceLROnPlateau makes a ReduceLROnPlateau.
func NewReduceLROnPlateau(with ...With) *ReduceLROnPlateau {
	return configure[*ReduceLROnPlateau]("ReduceLROnPlateau", nil, with)
}

// OnTrainBegin forgets earlier runs.
func (c *ReduceLROnPlateau) OnTrainBegin(core.Trainer) error {
	if c.err != nil {
		return c.err
	}
	c.wait, c.cooling, c.best = 0, 0, nil
	var err error
	c.monitor, err = newMonitor("ReduceLROnPlateau", c.Monitor, c.Mode, c.MinDelta)
	return err
}

// OnEpochEnd compares the value with the best so far.
func (c *ReduceLROnPlateau) OnEpochEnd(t core.Trainer, epoch int, logs core.Logs) error {
	value, ok := c.get(t, "ReduceLROnPlateau", logs)
	if !ok {
		return nil
	}
	if c.cooling > 0 {
		c.cooling--
		c.wait = 0
	}
	if c.better(value, c.best) {
		c.best, c.wait = &value, 0
		return nil
	}
	if c.cooling > 0 {
		return nil
	}
	c.wait++
	old := float64(float32(t.LearningRate()))
	if c.wait < c.Patience || old <= float64(float32(c.MinLR)) {
		return nil
	}
	lr := max(old*c.Factor, c.MinLR)
	if err := t.SetLearningRate(lr); err != nil {
		return core.In("callback \"ReduceLROnPlateau\"", core.ErrUsage, err)
	}
	c.cooling, c.wait = c.Cooldown, 0
	if c.Verbose > 0 {
		t.Warn("epoch %d: learning rate reduced to %v", epoch+1, lr)
	}
	return nil
}
