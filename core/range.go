package core

import "math"

// This file owns config values that say between which numbers a random one lies.

// Range is the two numbers between which a random one lies. In configs and Go code one number x stands for -|x| to |x|, cut at Min.
type Range struct {
	Low, High float64
	Min, Max  float64 // what a config may say
	AsGiven   bool    // it is written as it was given, which may be null, and not as two numbers

	given any
}

// Null reports whether the value is null.
func (r Range) Null() bool { return r.AsGiven && r.given == nil }

// SetConfig takes a number or two.
func (r *Range) SetConfig(v any) error {
	if v == nil && r.AsGiven {
		r.given = nil
		return nil
	}
	wrong := Errorf(ErrLayerConfig, "", "got %v, want a number or two between %v and %v", shown(v), r.Min, r.Max)
	list, isList := listOf(v)
	if !isList {
		list = []any{v}
	}
	numbers := make([]float64, len(list))
	for i, x := range list {
		switch n := x.(type) {
		case float64:
			numbers[i] = n
		case int:
			numbers[i] = float64(n)
		default:
			return wrong
		}
		if !(numbers[i] >= r.Min && numbers[i] <= r.Max) {
			return wrong
		}
	}
	switch {
	case isList && len(numbers) == 2:
		r.Low, r.High = min(numbers[0], numbers[1]), max(numbers[0], numbers[1])
	case !isList:
		r.High = math.Abs(numbers[0])
		r.Low = max(-r.High, r.Min)
	default:
		return wrong
	}
	r.given = v
	return nil
}

// Config is two numbers, or what was given.
func (r Range) Config(Dialect) any {
	if r.AsGiven {
		return r.given
	}
	return []float64{r.Low, r.High}
}
