package command

import (
	"strings"
	"testing"
)

func TestReorder(t *testing.T) {
	e := &env{}
	e.app = e.newApp()
	for _, c := range []struct{ in, want string }{
		{"gk", "gk"},
		{"gk --version", "gk --version"},
		{"gk nonsense a --b", "gk nonsense a --b"},
		{"gk summary m.h5", "gk summary -- m.h5"},
		{"gk summary m.h5 --nested", "gk summary --nested -- m.h5"},
		{"gk predict m.h5 x.npy --out y.npz", "gk predict --out y.npz -- m.h5 x.npy"},
		{"gk predict m.h5 --out=y.npz x.npy --json", "gk predict --out=y.npz --json -- m.h5 x.npy"},
		{"gk train -q m.h5 --epochs 3", "gk train -q --epochs 3 -- m.h5"},
		{"gk summary -- --odd.h5 --nested", "gk summary -- --odd.h5 --nested"},
		{"gk train --epochs", "gk train --epochs"},
	} {
		if got := strings.Join(e.reorder(strings.Fields(c.in)), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.in, got, c.want)
		}
	}
}
