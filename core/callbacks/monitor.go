package callbacks

import (
	"math"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
)

// This file owns what the callbacks that watch a value of the logs share: which way it gets better, and whether it did.

// lower and higher are parts of the names of metrics that get better by falling and by rising, after the metrics of Keras that know
// their direction. They are looked for between the underscores of a name, in this order.
var (
	lower  = []string{"loss", "error", "hinge", "crossentropy", "mse", "mae", "mape", "msle", "rmse", "poisson", "kl_divergence", "log_cosh", "huber"}
	higher = []string{"acc", "accuracy", "auc", "precision", "recall", "score", "io_u", "iou", "correlation", "similarity", "sensitivity", "specificity"}
)

// monitor watches a value of the logs.
type monitor struct {
	name string
	up   bool
	// minDelta is by how much a value must be better to count.
	minDelta float64
}

// newMonitor finds the direction of a value: mode is "min", "max" or "auto", which goes by the name.
func newMonitor(callback, name, mode string, minDelta float64) (monitor, error) {
	m := monitor{name: name, minDelta: math.Abs(minDelta)}
	if m.name == "" {
		m.name = "val_loss"
	}
	switch mode {
	case "min":
		return m, nil
	case "max":
		m.up = true
		return m, nil
	}
	padded := "_" + strings.ToLower(strings.TrimPrefix(m.name, "val_")) + "_"
	has := func(word string) bool { return strings.Contains(padded, "_"+word+"_") }
	if slices.ContainsFunc(lower, has) {
		return m, nil
	}
	if slices.ContainsFunc(higher, has) {
		m.up = true
		return m, nil
	}
	err := usage(callback, "mode", "got \"auto\", which cannot tell whether %q gets better by rising or by falling", m.name)
	return m, core.WithHint(err, `set mode to "min" or "max"`)
}

// get is the value in the logs. Where it is missing, a warning says what there is.
func (m monitor) get(t core.Trainer, callback string, logs core.Logs) (float64, bool) {
	v, ok := logs.Get(m.name)
	if !ok {
		t.Warn("%s: %q is not in the logs, which have %s", callback, m.name, strings.Join(logs.Names, ", "))
	}
	return v, ok
}

// better reports whether a value is better than another one, in float32 as Keras compares them. Everything is better than nil.
func (m monitor) better(value float64, than *float64) bool {
	switch {
	case than == nil:
		return true
	case m.up:
		return float32(value-m.minDelta) > float32(*than)
	}
	return float32(value+m.minDelta) < float32(*than)
}
