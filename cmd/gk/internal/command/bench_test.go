package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBench(t *testing.T) {
	code, out, _ := gk("bench", "--only", "matmul", "--rounds", "1", "--json")
	var got struct{ Results []measurement }
	if code != 0 || json.Unmarshal([]byte(out), &got) != nil || len(got.Results) != 1 || got.Results[0].GK <= 0 {
		t.Errorf("got exit code %d and %s", code, out)
	}
}

func TestBenchBesideAnotherProcess(t *testing.T) {
	// A stand-in for Python that says it is a Keras which takes a second for 50 samples.
	fake := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho Keras 3 on paper\nwhile read name; do echo 0.5; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	code, out, errs := gk("bench", "--only", "matmul", "--rounds", "2", "--keras", fake)
	if code != 0 || !strings.Contains(out, "KERAS 3 ON PAPER") || !strings.Contains(out, "times as fast") {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
	code, _, errs = gk("bench", "--only", "matmul", "--keras", "/bin/true")
	if want := "gk: --keras: /bin/true ended without an answer, want a Python that can import keras\n"; code != 2 || errs != want {
		t.Errorf("got exit code %d, %q, want 2, %q", code, errs, want)
	}
}

func TestBenchLoad(t *testing.T) {
	t.Setenv(asCommand, "1") // the memory is that of another process, which must not run these tests again
	fake := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho h5py 9\nwhile read path; do test -f \"$path\" && echo 100; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	code, out, errs := gk("bench", "load", "--megabytes", "40", "--rounds", "1", "--python", fake, "--json")
	var got struct {
		Megabytes  float64
		OfWeights  float64 `json:"weights_megabytes"`
		Times      float64 `json:"times_plain_reading"`
		Seconds    map[string]float64
		PeakMemory float64 `json:"peak_megabytes"`
	}
	if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil {
		t.Fatalf("got exit code %d, %v, %s%s", code, err, out, errs)
	}
	if got.Megabytes < 30 || got.Megabytes > 45 || got.OfWeights > got.Megabytes || got.Times <= 0 || got.PeakMemory < got.OfWeights {
		t.Errorf("got %+v", got)
	}
	if s := got.Seconds; s["plain"] <= 0 || s["gk"] <= 0 || s["h5py"] != got.Megabytes/100 {
		t.Errorf("got %v", s)
	}
	if code, _, errs := gk("bench", "load", "--megabytes", "0"); code != 2 || !strings.Contains(errs, "want > 0") {
		t.Errorf("got exit code %d, %q", code, errs)
	}
}
