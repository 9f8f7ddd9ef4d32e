package callbacks

import "github.com/gokeras/gk/core"

// LearningRateScheduler sets the learning rate at the beginning of each epoch: what the schedule says of the number of the epoch, or what
// a Go function makes of it and of the learning rate so far. A schedule that counts steps instead belongs into the optimizer.
// Source: keras/src/callbacks/learning_rate_scheduler.py.
type LearningRateScheduler struct {
	base
	Schedule core.Schedule                            `json:"schedule"`
	Func     func(epoch int, lr float64) (to float64) `json:"-"`       // instead of a schedule
	Verbose  int                                      `json:"verbose"` // above 0: say what happens
}

func init() {
	register("LearningRateScheduler", func() *LearningRateScheduler { return &LearningRateScheduler{} })
}

// NewLearningRateScheduler makes a LearningRateScheduler of a schedule: a core.Schedule, or {class_name, config}.
func NewLearningRateScheduler(schedule any, with ...With) *LearningRateScheduler {
	return configure[*LearningRateScheduler]("LearningRateScheduler", With{"schedule": schedule}, with)
}

// OnTrainBegin checks that there is a schedule.
func (c *LearningRateScheduler) OnTrainBegin(core.Trainer) error {
	if c.err == nil && c.Schedule == nil && c.Func == nil {
		return usage("LearningRateScheduler", "schedule", "got none, want a schedule or a function")
	}
	return c.err
}

// OnEpochBegin sets the learning rate.
func (c *LearningRateScheduler) OnEpochBegin(t core.Trainer, epoch int) error {
	var lr float64
	if c.Func != nil {
		lr = c.Func(epoch, t.LearningRate())
	} else {
		lr = c.Schedule.At(int64(epoch))
	}
	if c.Verbose > 0 {
		t.Warn("epoch %d: learning rate set to %v", epoch+1, lr)
	}
	return core.In("callback \"LearningRateScheduler\"", core.ErrUsage, t.SetLearningRate(lr))
}
