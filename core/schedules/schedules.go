// Package schedules is Keras' learning rate schedules: learning rates that depend on the number of steps taken. Each is a struct whose
// JSON-tagged fields are its Keras config. They compute in float32, operation by operation as Keras does, because training does.
//
//	optimizers.NewSGD(0, optimizers.With{"learning_rate": &schedules.ExponentialDecay{
//		InitialLearningRate: 0.1, DecaySteps: 1000, DecayRate: 0.96}})
//
// Source: keras/src/optimizers/schedules/learning_rate_schedule.py.
package schedules

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

func init() {
	rate, steps := "initial_learning_rate", "decay_steps"
	register("ExponentialDecay", func() core.Schedule { return &ExponentialDecay{Name: "ExponentialDecay"} }, rate, steps, "decay_rate")
	register("InverseTimeDecay", func() core.Schedule { return &InverseTimeDecay{Name: "InverseTimeDecay"} }, rate, steps, "decay_rate")
	register("PiecewiseConstantDecay", func() core.Schedule { return &PiecewiseConstantDecay{Name: "PiecewiseConstant"} }, "boundaries", "values")
	register("PolynomialDecay", func() core.Schedule {
		return &PolynomialDecay{EndLearningRate: 0.0001, Power: 1, Name: "PolynomialDecay"}
	}, rate, steps)
	register("CosineDecay", func() core.Schedule { return &CosineDecay{Name: "CosineDecay"} }, rate, steps)
	register("CosineDecayRestarts", func() core.Schedule {
		return &CosineDecayRestarts{TMul: 2, MMul: 1, Name: "SGDRDecay"}
	}, rate, "first_decay_steps")
}

// register adds a schedule to the standard set; a config must have the keys that have no default in Keras.
func register(name string, newSchedule func() core.Schedule, required ...string) {
	registry.Default.Schedules.MustAdd(registry.Entry[core.Schedule]{
		Name: name, New: newSchedule, Upgrade: func(c core.Config, _ registry.Origin) error {
			for _, key := range required {
				if c[key] == nil {
					return core.Errorf(core.ErrLayerConfig, key, "missing, and has no default")
				}
			}
			if v, b := length(c["values"]), length(c["boundaries"]); v != b+1 && name == "PiecewiseConstantDecay" {
				return core.Errorf(core.ErrLayerConfig, "values", "got %d for %d boundaries, want %d", v, b, b+1)
			}
			return nil
		},
	})
}

// length is the number of numbers in a list of a config.
func length(v any) int {
	switch l := v.(type) {
	case []any:
		return len(l)
	case []float64:
		return len(l)
	case []int:
		return len(l)
	}
	return 0
}

func pow(x, y float32) float32 { return float32(math.Pow(float64(x), float64(y))) }

func floor(x float32) float32 { return float32(math.Floor(float64(x))) }

// cosine is (1 + cos(pi x))/2, which goes from 1 to 0.
func cosine(x float32) float32 {
	return 0.5 * (1 + float32(math.Cos(float64(float32(math.Pi)*x))))
}

// ExponentialDecay is
//
//	initial_learning_rate decay_rate^(step/decay_steps)
//
// with the exponent rounded down for a staircase.
type ExponentialDecay struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	DecaySteps          float64 `json:"decay_steps" want:">0"`
	DecayRate           float64 `json:"decay_rate"`
	Staircase           bool    `json:"staircase"`
	Name                string  `json:"name"`
}

// At is the learning rate of a step.
func (s *ExponentialDecay) At(step int64) float64 {
	p := float32(step) / float32(s.DecaySteps)
	if s.Staircase {
		p = floor(p)
	}
	return float64(float32(s.InitialLearningRate) * pow(float32(s.DecayRate), p))
}

// InverseTimeDecay is
//
//	initial_learning_rate/(1 + decay_rate step/decay_steps)
//
// with the quotient of the steps rounded down for a staircase.
type InverseTimeDecay struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	DecaySteps          float64 `json:"decay_steps" want:">0"`
	DecayRate           float64 `json:"decay_rate"`
	Staircase           bool    `json:"staircase"`
	Name                string  `json:"name"`
}

// At is the learning rate of a step.
func (s *InverseTimeDecay) At(step int64) float64 {
	p := float32(step) / float32(s.DecaySteps)
	if s.Staircase {
		p = floor(p)
	}
	return float64(float32(s.InitialLearningRate) / (1 + float32(float32(s.DecayRate)*p)))
}

// PiecewiseConstantDecay is values[i] for steps up to and including boundaries[i], and the last value, of which there is one more,
// after all of them.
type PiecewiseConstantDecay struct {
	Boundaries []float64 `json:"boundaries"`
	Values     []float64 `json:"values"`
	Name       string    `json:"name"`
}

// At is the learning rate of a step.
func (s *PiecewiseConstantDecay) At(step int64) float64 {
	i := 0
	for i < len(s.Boundaries) && float64(step) > math.Trunc(s.Boundaries[i]) {
		i++
	}
	if i >= len(s.Values) {
		return 0
	}
	return float64(float32(s.Values[i]))
}

// PolynomialDecay goes from the initial to the end learning rate in decay_steps and stays there:
//
//	(initial_learning_rate - end_learning_rate) (1 - step/decay_steps)^power + end_learning_rate
//
// With cycle, decay_steps is multiplied by the least whole number that makes it no less than step, so that the learning rate jumps up
// and falls again, more slowly.
type PolynomialDecay struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	DecaySteps          float64 `json:"decay_steps" want:">0"`
	EndLearningRate     float64 `json:"end_learning_rate"`
	Power               float64 `json:"power"`
	Cycle               bool    `json:"cycle"`
	Name                string  `json:"name"`
}

// At is the learning rate of a step.
func (s *PolynomialDecay) At(step int64) float64 {
	at, steps := float32(step), float32(s.DecaySteps)
	if s.Cycle {
		if at != 0 {
			steps *= -floor(-(at / steps)) // rounded up
		}
	} else {
		at = min(at, steps)
	}
	end := float32(s.EndLearningRate)
	return float64(float32((float32(s.InitialLearningRate)-end)*pow(1-at/steps, float32(s.Power))) + end)
}

// CosineDecay follows half a cosine from the initial learning rate to alpha times it in decay_steps and stays there:
//
//	initial_learning_rate ((1 - alpha) (1 + cos(pi step/decay_steps))/2 + alpha)
//
// With a warmup target, it first goes to the target in a straight line in warmup_steps, and then falls from there.
// Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
type CosineDecay struct {
	InitialLearningRate float64  `json:"initial_learning_rate"`
	DecaySteps          float64  `json:"decay_steps" want:">0"`
	Alpha               float64  `json:"alpha"`
	Name                string   `json:"name"`
	WarmupTarget        *float64 `json:"warmup_target" keras:"3"` // nil: no warmup
	WarmupSteps         float64  `json:"warmup_steps" keras:"3"`
}

// At is the learning rate of a step.
func (s *CosineDecay) At(step int64) float64 {
	at, steps, from := float32(step), float32(s.DecaySteps), float32(s.InitialLearningRate)
	if s.WarmupTarget != nil {
		warmup, target := float32(s.WarmupSteps), float32(*s.WarmupTarget)
		if at < warmup {
			return float64(float32((target-from)*(at/warmup)) + from)
		}
		at, from = at-warmup, target
	}
	alpha := float32(s.Alpha)
	return float64(from * (float32(float32(1-s.Alpha)*cosine(min(at, steps)/steps)) + alpha))
}

// CosineDecayRestarts is CosineDecay over and over again: the first time in first_decay_steps, then each time in t_mul times as many
// as before and from m_mul times the learning rate before. alpha is that of CosineDecay, of the initial learning rate.
// Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
type CosineDecayRestarts struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	FirstDecaySteps     float64 `json:"first_decay_steps" want:">0"`
	TMul                float64 `json:"t_mul"`
	MMul                float64 `json:"m_mul"`
	Alpha               float64 `json:"alpha"`
	Name                string  `json:"name"`
}

// At is the learning rate of a step.
func (s *CosineDecayRestarts) At(step int64) float64 {
	done, t, alpha := float32(step)/float32(s.FirstDecaySteps), float32(s.TMul), float32(s.Alpha)
	// How many restarts there were, and which part of the current decay is done.
	var restarts float32
	if t == 1 {
		restarts = floor(done)
		done -= restarts
	} else {
		restarts = floor(log(1-float32(done*(1-t))) / log(t))
		before := (1 - pow(t, restarts)) / (1 - t) // the sum of 1, t, t^2, ...
		done = (done - before) / pow(t, restarts)
	}
	decayed := pow(float32(s.MMul), restarts) * cosine(done)
	return float64(float32(s.InitialLearningRate) * (float32((1-alpha)*decayed) + alpha))
}

func log(x float32) float32 { return float32(math.Log(float64(x))) }
