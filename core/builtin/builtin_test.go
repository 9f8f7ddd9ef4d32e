package builtin_test

import (
	"testing"

	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/registry"
)

// Everything of the standard set can be made by name, and knows its name.
func TestStandardSet(t *testing.T) {
	r := registry.Default
	whole(t, r.Activations, 31) // 32 of Keras, less the aliases swish and hard_swish, and hard_sigmoid_legacy
	whole(t, r.Callbacks, 7)
	whole(t, r.Constraints, 4)
	whole(t, r.Datasets, 1)
	whole(t, r.Initializers, 15) // with STFT
	whole(t, r.Layers, 1)
	whole(t, r.Losses, 20)
	whole(t, r.Metrics, 30)
	whole(t, r.Optimizers, 14)
	whole(t, r.Regularizers, 4)
	whole(t, r.Schedules, 6)
}

// whole checks a table, which has at least so many names.
func whole[T any](t *testing.T, table *registry.Table[T], least int) {
	t.Helper()
	names := table.Names()
	if len(names) < least {
		t.Errorf("%s: got %d names, want at least %d", table.Kind(), len(names), least)
	}
	for _, name := range names {
		v, err := table.New(name)
		if err != nil {
			t.Errorf("%s %q: %v", table.Kind(), name, err)
		} else if got := table.NameOf(v); got != name && table.Lookup(name).Module != registry.LegacyModule { // what Keras 3 has no more may be another class today
			t.Errorf("%s %q: what it makes has the name %q", table.Kind(), name, got)
		}
	}
}
