package optimizers

import "github.com/gokeras/gk/core"

// This file owns configs of optimizers that older Kerases wrote.

// modernise changes a config of Keras 1, Keras 2 or tf.keras into one of Keras 3:
//
//	lr                                 learning_rate
//	decay                              an InverseTimeDecay: learning_rate/(1 + decay iterations) is what these Kerases compute. Keras 3
//	                                   itself ignores it, and so trains on with another learning rate.
//	epsilon null                       the default
//	clipnorm, clipvalue 0              null
//	jit_compile, is_legacy_optimizer   dropped, as they are about how tf.keras runs
func modernise(c core.Config) error {
	if lr, ok := c["lr"]; ok {
		delete(c, "lr")
		if c["learning_rate"] == nil {
			c["learning_rate"] = lr
		}
	}
	delete(c, "jit_compile")
	delete(c, "is_legacy_optimizer")
	if v, ok := c["epsilon"]; ok && v == nil {
		delete(c, "epsilon")
	}
	for _, key := range []string{"clipnorm", "global_clipnorm", "clipvalue"} {
		if n, ok := numberOf(c[key]); ok && n == 0 {
			delete(c, key)
		}
	}
	decay, ok := c["decay"]
	delete(c, "decay")
	if !ok || decay == nil {
		return nil
	}
	rate, ok := numberOf(decay)
	if !ok || rate < 0 {
		return core.Errorf(core.ErrLayerConfig, "decay", "got %v, want a number >= 0", decay)
	}
	if rate == 0 {
		return nil
	}
	lr, ok := numberOf(c["learning_rate"])
	if !ok {
		return core.WithHint(core.Errorf(core.ErrLayerConfig, "decay", "got %v without a learning_rate that is a number", decay),
			"drop decay, or give a schedule that contains it as learning_rate")
	}
	c["learning_rate"] = core.Config{"class_name": "InverseTimeDecay",
		"config": core.Config{"initial_learning_rate": lr, "decay_steps": 1.0, "decay_rate": rate}}
	return nil
}

func numberOf(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	}
	return 0, false
}
