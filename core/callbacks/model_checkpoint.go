package callbacks

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/gokeras/gk/core"
)

// ModelCheckpoint saves the model, or its weights, after each epoch or after so many batches, always or when a value of the logs is
// better than before.
//
// The path may hold fields as Python's str.format has them: {epoch:02d} from 1, {batch} from 1 when batches are counted, and every value
// of the logs, {val_loss:.2f}.
// Source: keras/src/callbacks/model_checkpoint.py.
type ModelCheckpoint struct {
	base
	Filepath        string `json:"filepath"` // ends with .keras or .h5; with .weights.h5 for weights
	Monitor         string `json:"monitor"`
	Verbose         int    `json:"verbose"` // above 0: say what happens
	SaveBestOnly    bool   `json:"save_best_only"`
	SaveWeightsOnly bool   `json:"save_weights_only"`
	Mode            string `json:"mode" want:"auto|min|max"`
	SaveFreq        any    `json:"save_freq"` // "epoch", or a number of batches
	// InitialValueThreshold is what the first value must be better than.
	InitialValueThreshold *float64 `json:"initial_value_threshold"`

	monitor
	best         *float64 // kept from run to run
	every        int      // batches; 0: epochs
	seen         int      // batches since the last time
	epoch        int
	thresholdSet bool
}

func init() {
	register("ModelCheckpoint", func() *ModelCheckpoint {
		return &ModelCheckpoint{Monitor: "val_loss", Mode: "auto", SaveFreq: "epoch"}
	})
}

// NewModelCheckpoint makes a ModelCheckpoint.
func NewModelCheckpoint(path string, with ...With) *ModelCheckpoint {
	return configure[*ModelCheckpoint]("ModelCheckpoint", With{"filepath": path}, with)
}

// OnTrainBegin checks the settings.
func (c *ModelCheckpoint) OnTrainBegin(core.Trainer) error {
	if c.err != nil {
		return c.err
	}
	var ok bool
	switch c.every, ok = core.Whole(c.SaveFreq); {
	case c.SaveFreq == "epoch" || c.SaveFreq == nil:
		c.every = 0
	case !ok || c.every < 1:
		return usage("ModelCheckpoint", "save_freq", "got %v, want \"epoch\" or a number of batches", c.SaveFreq)
	}
	switch {
	case c.SaveWeightsOnly && !strings.HasSuffix(c.Filepath, ".weights.h5"):
		return usage("ModelCheckpoint", "filepath", "got %q, want one that ends with .weights.h5 for weights only", c.Filepath)
	case !strings.HasSuffix(c.Filepath, ".keras") && !strings.HasSuffix(c.Filepath, ".h5"):
		return usage("ModelCheckpoint", "filepath", "got %q, want one that ends with .keras or .h5", c.Filepath)
	}
	if !c.thresholdSet {
		c.best, c.thresholdSet = c.InitialValueThreshold, true
	}
	c.seen = 0
	if !c.SaveBestOnly {
		return nil
	}
	var err error
	c.monitor, err = newMonitor("ModelCheckpoint", c.Monitor, c.Mode, 0)
	return err
}

// OnEpochBegin remembers the epoch.
func (c *ModelCheckpoint) OnEpochBegin(_ core.Trainer, epoch int) error {
	c.epoch = epoch
	return nil
}

// OnBatchEnd saves if batches are counted and enough have passed.
func (c *ModelCheckpoint) OnBatchEnd(t core.Trainer, batch int, logs core.Logs) error {
	if c.every == 0 {
		return nil
	}
	if c.seen++; c.seen < c.every {
		return nil
	}
	c.seen = 0
	return c.save(t, batch, logs)
}

// OnEpochEnd saves if epochs are counted.
func (c *ModelCheckpoint) OnEpochEnd(t core.Trainer, epoch int, logs core.Logs) error {
	if c.every > 0 {
		return nil
	}
	c.epoch = epoch
	return c.save(t, -1, logs)
}

// save saves the model if it is to be saved; batch is -1 at the end of an epoch.
func (c *ModelCheckpoint) save(t core.Trainer, batch int, logs core.Logs) error {
	path, err := c.path(batch, logs)
	if err != nil {
		return err
	}
	if c.SaveBestOnly {
		value, ok := c.get(t, "ModelCheckpoint", logs) // without a value, it is saved
		if ok && !c.better(value, c.best) {
			if c.Verbose > 0 {
				t.Warn("epoch %d: %s did not get better than %.5f", c.epoch+1, c.name, *c.best)
			}
			return nil
		}
		if ok {
			c.best = &value
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return core.InFile(path, err)
	}
	write := t.Save
	if c.SaveWeightsOnly {
		write = t.SaveWeights
	}
	if err := write(path); err != nil {
		return core.InFile(path, err)
	}
	if c.Verbose > 0 {
		t.Warn("epoch %d: saved to %s", c.epoch+1, path)
	}
	return nil
}

// path fills the fields of the path in.
func (c *ModelCheckpoint) path(batch int, logs core.Logs) (string, error) {
	path, err := formatPath(c.Filepath, func(name string) (value float64, whole, ok bool) {
		switch {
		case name == "epoch":
			return float64(c.epoch + 1), true, true
		case name == "batch" && batch >= 0:
			return float64(batch + 1), true, true
		}
		value, ok = logs.Get(name)
		return value, false, ok
	})
	if err != nil {
		return "", usage("ModelCheckpoint", "filepath", "%q: %v; the fields are epoch, %s", c.Filepath, err, strings.Join(logs.Names, ", "))
	}
	return path, nil
}
