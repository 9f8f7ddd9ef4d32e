package callbacks

import (
	"math"

	"github.com/gokeras/gk/core"
)

// TerminateOnNaN stops training after a batch with a loss that is NaN or infinite. Training that does not allow such losses fails by
// itself before.
// Source: keras/src/callbacks/terminate_on_nan.py.
type TerminateOnNaN struct {
	base
	RaiseError bool `json:"raise_error"` // fail rather than stop
}

func init() { register("TerminateOnNaN", func() *TerminateOnNaN { return &TerminateOnNaN{} }) }

// NewTerminateOnNaN makes a TerminateOnNaN.
func NewTerminateOnNaN(with ...With) *TerminateOnNaN {
	return configure[*TerminateOnNaN]("TerminateOnNaN", nil, with)
}

// OnBatchEnd looks at the loss.
func (c *TerminateOnNaN) OnBatchEnd(t core.Trainer, batch int, logs core.Logs) error {
	loss, ok := logs.Get("loss")
	if !ok || !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		return nil
	}
	if c.RaiseError {
		return core.Errorf(core.ErrNaN, "callback \"TerminateOnNaN\"", "batch %d: got loss %v, want a number", batch+1, loss)
	}
	t.Warn("batch %d: the loss is %v, training stops", batch+1, loss)
	t.Stop("the loss is no longer a number")
	return nil
}
