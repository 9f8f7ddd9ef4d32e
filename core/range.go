package core

import "math"

// This file owns config values that say between which numbers something lies.

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
	numbers, ok := floats(list)
	for _, n := range numbers {
		ok = ok && n >= r.Min && n <= r.Max
	}
	switch {
	case !ok:
		return wrong
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

// ValueRange is the lowest and the highest number that images hold, such as 0 and 255. In configs it is two numbers, in any order.
type ValueRange struct{ Low, High float64 }

// Width is how far apart the two are.
func (r ValueRange) Width() float64 { return r.High - r.Low }

// SetConfig takes two numbers.
func (r *ValueRange) SetConfig(v any) error {
	list, _ := listOf(v)
	numbers, ok := floats(list)
	if !ok || len(numbers) != 2 {
		return Errorf(ErrLayerConfig, "", "got %v, want two numbers", shown(v))
	}
	r.Low, r.High = min(numbers[0], numbers[1]), max(numbers[0], numbers[1])
	return nil
}

// Config is the two numbers.
func (r ValueRange) Config(Dialect) any { return []float64{r.Low, r.High} }

// floats are the numbers of a list; ok is false if something else is there.
func floats(list []any) (numbers []float64, ok bool) {
	for _, x := range list {
		switch n := x.(type) {
		case float64:
			numbers = append(numbers, n)
		case int:
			numbers = append(numbers, float64(n))
		default:
			return nil, false
		}
	}
	return numbers, true
}
