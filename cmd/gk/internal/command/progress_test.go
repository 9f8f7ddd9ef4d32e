package command

import (
	"strings"
	"testing"
	"time"

	"github.com/gokeras/gk/core"
)

type fakeTrainer struct{ core.Trainer }

func (fakeTrainer) Epochs() int          { return 2 }
func (fakeTrainer) BatchesPerEpoch() int { return 10 }

func epoch(t *testing.T, e *env) string {
	t.Helper()
	p := &epochs{e: e}
	logs := core.Logs{Names: []string{"loss", "accuracy"}, Values: []float64{0.5, 0.00001}}
	steps := []error{p.OnEpochBegin(fakeTrainer{}, 0)}
	for i := range 10 {
		p.drawn = time.Time{} // as if time had passed
		steps = append(steps, p.OnBatchEnd(fakeTrainer{}, i, logs))
	}
	steps = append(steps, p.OnEpochEnd(fakeTrainer{}, 0, logs), p.OnTrainEnd(fakeTrainer{}, logs))
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
	return e.out.w.(*strings.Builder).String()
}

// On a terminal a bar moves, and a line takes its place.
func TestProgressBar(t *testing.T) {
	out := epoch(t, &env{out: &printer{w: &strings.Builder{}}, terminal: true})
	for _, want := range []string{"epoch 1/2  loss 0.5000  accuracy 1e-05", "━", "(1/10)"} {
		if !strings.Contains(out, want) {
			t.Errorf("got %q, want %q in it", out, want)
		}
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	last := lines[len(lines)-1]
	if i := strings.LastIndexAny(last, "\r\x1b"); !strings.Contains(last[i:], "epoch 1/2  0.0 s  loss 0.5000  accuracy 1e-05") {
		t.Errorf("got %q, want a clear last line", last)
	}
}

// Elsewhere there is one line an epoch, and none beside JSON.
func TestProgressLines(t *testing.T) {
	if got, want := epoch(t, &env{out: &printer{w: &strings.Builder{}}}), "epoch 1/2  0.0 s  loss 0.5000  accuracy 1e-05\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, e := range []*env{{json: true, terminal: true}, {quiet: true, terminal: true}} {
		e.out = &printer{w: &strings.Builder{}}
		if got := epoch(t, e); got != "" {
			t.Errorf("got %q, want nothing", got)
		}
	}
}
