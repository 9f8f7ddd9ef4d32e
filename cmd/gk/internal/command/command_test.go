package command

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/tensor"
)

// What the tests of the verbs share: runs in this process, and small data to run on.

// TestMain lets this program be gk where a test that starts gk itself says so, in the environment.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(Run(context.Background(), os.Args, Streams{Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

const asCommand = "GK_TEST_AS_COMMAND"

// gk runs a command line and gives all that it leaves.
func gk(args ...string) (code int, stdout, stderr string) {
	return gkIn(context.Background(), args...)
}

func gkIn(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = Run(ctx, append([]string{"gk"}, args...), Streams{Out: &out, Err: &err})
	return code, out.String(), err.String()
}

// ok runs a command line that must succeed and gives what it writes.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	code, out, stderr := gk(args...)
	if code != exitOK || stderr != "" {
		t.Fatalf("gk %q: exit code %d, stderr %q", args, code, stderr)
	}
	return out
}

// okJSON is ok with --json.
func okJSON(t *testing.T, args ...string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(ok(t, append(args, "--json")...)), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// fails runs a command line that must fail, with and without --json, and checks the line and the object about it.
func fails(t *testing.T, code int, kind string, wants []string, args ...string) {
	t.Helper()
	got, _, stderr := gk(args...)
	if got != code {
		t.Errorf("gk %q: exit code %d, want %d", args, got, code)
	}
	if !strings.HasPrefix(stderr, "gk: ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("gk %q: got %q on stderr, want one line", args, stderr)
	}
	for _, w := range wants {
		if !strings.Contains(stderr, w) {
			t.Errorf("gk %q: got %q on stderr, want %q in it", args, stderr, w)
		}
	}
	got, _, stderr = gk(append(args, "--json")...)
	var o struct {
		Error struct{ Kind, File, Where, Message string }
	}
	if err := json.Unmarshal([]byte(stderr), &o); err != nil {
		t.Errorf("gk %q --json: stderr %q: %v", args, stderr, err)
	}
	if got != code || o.Error.Kind != kind || o.Error.Message == "" {
		t.Errorf("gk %q --json: exit code %d, error %+v, want %d and kind %s", args, got, o.Error, code, kind)
	}
}

// inTemp works in an empty folder.
func inTemp(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
}

// blobs writes samples of three classes that are easy to tell apart, four numbers each, to FILE.npz.
func blobs(t *testing.T, file string) {
	t.Helper()
	part := func(n int) (x, y *tensor.Tensor) {
		xs, ys := make([]float32, n*4), make([]uint8, n)
		for i := range n {
			ys[i] = uint8(i % 3)
			for j := range 4 {
				xs[i*4+j] = float32((i*31+j*17)%13)/26 - 0.25
			}
			xs[i*4+i%3] += 2
		}
		return tensor.From(xs, n, 4), tensor.From(ys)
	}
	x, y := part(300)
	xt, yt := part(60)
	write(t, file, []string{"x_train", "y_train", "x_test", "y_test"}, x, y, xt, yt)
}

func write(t *testing.T, file string, names []string, arrays ...*tensor.Tensor) {
	t.Helper()
	if err := dataset.Write(file, names, arrays); err != nil {
		t.Fatal(err)
	}
}

func writeText(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// files lists the folder that the test works in.
func files(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(".*")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(found, hidden...), " ")
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"help"}, {"--help"}} {
		out := ok(t, args...)
		for _, want := range []string{"gk train", "evaluate", "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted"} {
			if !strings.Contains(out, want) {
				t.Errorf("gk %q: got\n%s\nwant %q in it", args, out, want)
			}
		}
	}
	for _, verb := range []string{"train", "save", "load", "inspect", "diff", "predict", "evaluate", "summary", "version", "completion"} {
		out := ok(t, verb, "--help")
		for _, want := range []string{"gk " + verb, "Exit codes:", "--json"} {
			if !strings.Contains(out, want) {
				t.Errorf("gk %s --help: got\n%s\nwant %q in it", verb, out, want)
			}
		}
		if out != ok(t, "help", verb) {
			t.Errorf("gk help %s differs from gk %s --help", verb, verb)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"trian"}, `gk: no command "trian" (did you mean "train"?)`},
		{[]string{"xyzzy"}, `gk: no command "xyzzy" (gk help lists them)`},
		{[]string{"train", "--epoch", "3"}, `gk: --epoch: no such flag (did you mean "--epochs"?)`},
		{[]string{"train", "--epochs", "many"}, `gk: --epochs: got "many", want a whole number (gk train --help)`},
		{[]string{"train", "--dropout", "x"}, `gk: --dropout: got "x", want a number (gk train --help)`},
		{[]string{"train", "a", "b"}, "gk: train: got 2 arguments, want [MODEL] (gk train --help)"},
		{[]string{"summary"}, "gk: summary: got 0 arguments, want MODEL (gk summary --help)"},
		{[]string{"version", "1"}, "gk: version: got 1 arguments, want none (gk version --help)"},
	} {
		fails(t, exitUsage, "ErrUsage", []string{c.want + "\n"}, c.args...)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "x", Err: errors.New("no space left on device")}
}

// What cannot be written must not look like success.
func TestStdoutFull(t *testing.T) {
	var stderr strings.Builder
	code := Run(context.Background(), []string{"gk", "version"}, Streams{Out: full{}, Err: &stderr})
	if want := "gk: stdout: no space left on device\n"; code != exitFailure || stderr.String() != want {
		t.Errorf("got exit code %d and %q, want %d and %q", code, stderr.String(), exitFailure, want)
	}
}
