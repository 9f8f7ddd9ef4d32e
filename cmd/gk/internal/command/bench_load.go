package command

import (
	_ "embed" // the Python script
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
)

// This file owns gk bench load: what opening a large file costs, in time and in memory, beside plain reading and h5py.

//go:embed bench_load.py
var h5pyScript string

func (e *env) benchLoadCommand() *cli.Command {
	return &cli.Command{
		Name:      "load",
		Usage:     "measure what opening a file costs",
		ArgsUsage: "[MODEL]",
		Description: `Reading the bytes of the file into memory, opening the model with gk, and reading its arrays with h5py, turn by turn; the best turn counts.
The memory is the most that a process had which opened the file and nothing else. Without MODEL it is a dense network of --megabytes, in a
temporary folder. Run it while nothing else does.

gk bench load --python python3
gk bench load vgg16.h5`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "megabytes", Value: 500, Usage: "the size of the file that is made"},
			&cli.IntFlag{Name: "rounds", Value: 5, Usage: "turns of each"},
			&cli.StringFlag{Name: "python", Usage: "a `PYTHON` with h5py to compare with"},
		},
		Action: e.benchLoad,
	}
}

func (e *env) benchLoad(c *cli.Context) error {
	if err := wantArgs(c, 0, 1); err != nil {
		return err
	}
	rounds, megabytes := c.Int("rounds"), c.Int("megabytes")
	if rounds < 1 {
		return usage("--rounds", "got %d, want > 0", rounds)
	}
	if megabytes < 1 {
		return usage("--megabytes", "got %d, want > 0", megabytes)
	}
	path := c.Args().First()
	if path == "" {
		dir, err := os.MkdirTemp("", "gk-bench")
		if err != nil {
			return asError(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		path = filepath.Join(dir, "model.h5")
		if err := writeLarge(path, megabytes); err != nil {
			return err
		}
	}
	peak, err := peakOfLoad(path) // first, as Linux counts what a process had when it started another one as the other's
	if err != nil {
		return err
	}
	python, err := startPython("--python", c.String("python"), "h5py", h5pyScript)
	if err != nil {
		return err
	}
	defer python.stop()
	info, err := os.Stat(path)
	if err != nil {
		return asError(err)
	}
	size := float64(info.Size()) / 1e6
	var plain, gk, h5py float64
	weights := 0
	for range rounds {
		began := time.Now()
		if err := readPlain(path, info.Size()); err != nil {
			return err
		}
		plain = max(plain, size/time.Since(began).Seconds())
		began = time.Now()
		r, err := hdf5io.Load(path, hdf5io.Options{})
		if err != nil {
			return err
		}
		gk = max(gk, size/time.Since(began).Seconds())
		weights = 0
		for _, w := range r.Model.AllWeights() {
			weights += 4 * w.Shape.Size()
		}
		rate, err := python.rate(path)
		if err != nil {
			return err
		}
		h5py = max(h5py, rate)
	}
	inWeights := float64(weights) / 1e6
	if e.json {
		return e.result(map[string]any{"file": path, "megabytes": size, "weights_megabytes": inWeights, "peak_megabytes": peak, "seconds": map[string]any{
			"plain": size / plain, "gk": size / gk, "h5py": secondsOf(size, h5py)}, "times_plain_reading": plain / gk, "times_weights": peak / inWeights})
	}
	t := e.table()
	t.AppendHeader(table.Row{"", "seconds", "MB/s"})
	t.AppendRow(table.Row{"reading the bytes", fmt.Sprintf("%.3f", size/plain), fmt.Sprintf("%.0f", plain)})
	t.AppendRow(table.Row{"gk", fmt.Sprintf("%.3f", size/gk), fmt.Sprintf("%.0f", gk)})
	if python != nil {
		t.AppendRow(table.Row{python.about + ", arrays alone", fmt.Sprintf("%.3f", size/h5py), fmt.Sprintf("%.0f", h5py)})
	}
	e.out.line("%s", t.Render())
	e.out.line("%.0f MB: gk takes %.2f times as long as reading the bytes", size, plain/gk)
	if peak > 0 {
		e.out.line("a process that opens it has %.0f MB at most, %.2f times its weights", peak, peak/inWeights)
	}
	return nil
}

// secondsOf is how long a file of so many megabytes takes; nil where nothing was measured.
func secondsOf(size, rate float64) any {
	if rate == 0 {
		return nil
	}
	return size / rate
}

// writeLarge writes a dense network with about so many megabytes of weights.
func writeLarge(path string, megabytes int) error {
	const units = 2048 // 16.8 MB for each layer
	list := []core.Layer{layers.NewDense(units, layers.With{"input_shape": units})}
	for i := 1; i < megabytes*1_000_000/(4*units*units); i++ {
		list = append(list, layers.NewDense(units, layers.With{"activation": "relu"}))
	}
	m, err := model.NewSequential(list...)
	if err != nil {
		return err
	}
	return m.Save(path)
}

// readPlain reads a file into memory that nothing has used yet.
func readPlain(path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return asError(err)
	}
	defer func() { _ = f.Close() }()
	_, err = io.ReadFull(f, make([]byte, size))
	return err
}

// peakOfLoad is the memory of a process that opens the file, in megabytes; 0 where the system does not tell.
func peakOfLoad(path string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, asError(err)
	}
	cmd := exec.Command(self, "load", path, "--json")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, core.Errorf(core.ErrIO, "gk load", "%v: %s", err, firstLine(out))
	}
	return peakMegabytes(cmd.ProcessState), nil
}
