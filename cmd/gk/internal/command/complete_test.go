package command

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		words    []string
		has, not string
	}{
		{[]string{""}, "train", "--json"},
		{[]string{"ev"}, "evaluate", "train"},
		{[]string{"help", "pre"}, "predict", "train"},
		{[]string{"inspect", "model.h5", "--v"}, "--values", "--attr"},
		{[]string{"train", "--ep"}, "--epochs", "--out"},
		{[]string{"train", "model.h5", "--"}, "--early-stopping", "train"},
		{[]string{"train", "--data", ""}, "digits", "--data"},
		{[]string{"train", "--optimizer", "a"}, "adam", "sgd"},
		{[]string{"train", "--loss", "categorical_c"}, "categorical_crossentropy", "mean_squared_error"},
		{[]string{"train", "--callback", "Early"}, "EarlyStopping", "CSVLogger"},
		{[]string{"completion", ""}, "fish", "train"},
	} {
		got := strings.Fields(ok(t, append([]string{askFlag}, c.words...)...))
		if !slices.Contains(got, c.has) || slices.Contains(got, c.not) {
			t.Errorf("%q: got %q, want %q and not %q", c.words, got, c.has, c.not)
		}
	}
	for _, words := range [][]string{{"summary", ""}, {"train", "--out", ""}, {"nonsense", ""}, {}} {
		if got := ok(t, append([]string{askFlag}, words...)...); got != "" {
			t.Errorf("%q: got %q, want nothing: files", words, got)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := ok(t, "completion", shell)
		if !strings.Contains(script, askFlag) {
			t.Errorf("%s: got\n%s\nwant it to ask gk", shell, script)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // this machine has no such shell to ask
		}
		check := exec.Command(path, "-n")
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v: %s", shell, err, out)
		}
	}
	fails(t, exitUsage, "ErrUsage", []string{`got shell "bahs", want bash, zsh or fish (did you mean "bash"?)`}, "completion", "bahs")
}
