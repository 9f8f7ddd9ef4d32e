package core_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
)

func ExampleError() {
	err := error(core.Errorf(core.ErrLayerConfig, "units", "got %d, want > 0", -3))
	err = core.In(`layer "dense_1" (Dense)`, core.ErrLayerConfig, err)
	err = core.InFile("model.h5", err)
	fmt.Println(err)
	fmt.Println(errors.Is(err, core.ErrLayerConfig), errors.Is(err, core.ErrGraph))
	// Output:
	// model.h5: layer "dense_1" (Dense): units: got -3, want > 0
	// true false
}

func TestErrorKeepsItsCause(t *testing.T) {
	err := core.InFile("a.h5", core.In("weights", core.ErrIO, fs.ErrNotExist))
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, core.ErrIO) {
		t.Errorf("%v: want both the cause and the kind", err)
	}
	if got, want := err.Error(), "a.h5: weights: file does not exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// The file in which an error was found is not replaced by one that merely led there.
	if got := core.InFile("b.h5", err).Error(); got != err.Error() {
		t.Errorf("got %q, want %q", got, err.Error())
	}
	if got, want := core.WithHint(err, "check the path").Error(), "a.h5: weights: file does not exist (check the path)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if core.In("x", core.ErrIO, nil) != nil || core.InFile("x", nil) != nil {
		t.Error("want no error of no error")
	}
}

func TestErrorTextIsOneShortLine(t *testing.T) {
	e := &core.Error{Where: "layer \x1b[2J\n\u202e", Msg: strings.Repeat("é", 600), Hint: "the end"}
	s := e.Error()
	if len(s) > 500 || strings.ContainsAny(s, "\x1b\n\u202e") || !strings.HasPrefix(s, `layer \x1b[2J\n\u202e: é`) || !strings.HasSuffix(s, "é (the end)") {
		t.Errorf("got %q", s)
	}
}
