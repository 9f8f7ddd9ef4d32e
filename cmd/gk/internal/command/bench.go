package command

import (
	"bufio"
	_ "embed" // the Python script
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/bench"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
)

// This file owns gk bench: how fast gk is, beside real Keras in the same run where there is one.

//go:embed bench.py
var kerasScript string

func (e *env) benchCommand() *cli.Command {
	return &cli.Command{
		Name:  "bench",
		Usage: "measure training, matrix products and predictions, beside Keras",
		Description: `Every workload is measured several times; with --keras the turns of gk and of Keras alternate, so that both see the same machine. The
best turn counts. Run it while nothing else does.

gk bench
gk bench --keras python3              Keras of that Python, with the backend that KERAS_BACKEND names
gk bench --only mlp,lstm --rounds 9 --json
gk bench load                         what opening a file of 500 MB costs
gk bench plugin                       what a layer of a plugin costs`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "only", Usage: "`NAMES` of workloads: " + strings.Join(workloadNames(), ", "), DefaultText: "all"},
			&cli.IntFlag{Name: "rounds", Value: 5, Usage: "turns of each workload"},
			&cli.StringFlag{Name: "keras", Usage: "a `PYTHON` with Keras to compare with"},
		},
		Action:      e.bench,
		Subcommands: []*cli.Command{e.benchLoadCommand(), e.benchPluginCommand()},
	}
}

// predictName is the workload that is a whole process.
const predictName = "predict"

func workloadNames() []string {
	var names []string
	for _, w := range bench.Workloads() {
		names = append(names, w.Name)
	}
	return append(names, predictName)
}

// measurement is the result of one workload.
type measurement struct {
	Name  string  `json:"name"`
	About string  `json:"about"`
	Unit  string  `json:"unit"`
	GK    float64 `json:"gk"`
	Keras float64 `json:"keras,omitempty"`
	Ratio float64 `json:"ratio,omitempty"` // how many times as fast gk is
}

func (e *env) bench(c *cli.Context) error {
	if err := wantArgs(c, 0, 0); err != nil {
		return err
	}
	rounds := c.Int("rounds")
	if rounds < 1 {
		return usage("--rounds", "got %d, want > 0", rounds)
	}
	only := workloadNames()
	if c.IsSet("only") {
		only = strings.Split(c.String("only"), ",")
		for _, name := range only {
			if !slices.Contains(workloadNames(), name) {
				return usage("--only", "got %q, want some of %s", name, strings.Join(workloadNames(), ", "))
			}
		}
	}
	keras, err := startPython("--keras", c.String("keras"), "keras", kerasScript)
	if err != nil {
		return err
	}
	defer keras.stop()
	var results []measurement
	for _, w := range bench.Workloads() {
		if !slices.Contains(only, w.Name) {
			continue
		}
		round, err := w.Start()
		if err != nil {
			return core.In(w.Name, core.ErrUsage, err)
		}
		r := measurement{Name: w.Name, About: w.About, Unit: w.Unit}
		for range rounds {
			rate, err := round()
			if err != nil {
				return core.In(w.Name, core.ErrUsage, err)
			}
			r.GK = max(r.GK, rate)
			if rate, err = keras.rate(w.Name); err != nil {
				return err
			}
			r.Keras = max(r.Keras, rate)
			if c.Context.Err() != nil {
				return &core.Error{Kind: core.ErrInterrupted, Where: w.Name, Msg: "interrupted"}
			}
		}
		if r.Keras > 0 {
			r.Ratio = r.GK / r.Keras
		}
		results = append(results, r)
	}
	if slices.Contains(only, predictName) {
		r, err := predictProcess(rounds)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if e.json {
		return e.result(map[string]any{"keras": keras.name(), "results": results})
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	header := table.Row{"workload", "gk"}
	if keras != nil {
		header = append(header, keras.about, "gk is")
	}
	t.AppendHeader(append(header, ""))
	for _, r := range results {
		row := table.Row{r.Name, rateText(r.GK, r.Unit)}
		if keras != nil {
			row = append(row, rateText(r.Keras, r.Unit), ratioText(r.Ratio))
		}
		t.AppendRow(append(row, r.About))
	}
	e.out.line("%s", t.Render())
	return nil
}

func rateText(rate float64, unit string) string {
	if rate == 0 {
		return ""
	}
	if rate >= 1000 {
		return fmt.Sprintf("%.0f %s", rate, unit)
	}
	return fmt.Sprintf("%.1f %s", rate, unit)
}

func ratioText(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f times as fast", ratio)
}

// predictProcess measures a whole process that loads a file of about 2.5 MB and predicts one sample.
func predictProcess(rounds int) (measurement, error) {
	r := measurement{Name: predictName, Unit: "ms", About: "a process that opens a 2.5 MB .h5 and predicts one sample"}
	self, err := os.Executable()
	if err != nil {
		return r, core.In(predictName, core.ErrIO, err)
	}
	dir, err := os.MkdirTemp("", "gk-bench")
	if err != nil {
		return r, core.In(predictName, core.ErrIO, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	m, err := model.NewSequential(
		layers.NewDense(784, layers.With{"activation": "relu", "input_shape": 784}),
		layers.NewDense(10, layers.With{"activation": "softmax"}))
	if err != nil {
		return r, err
	}
	file, input := filepath.Join(dir, "model.h5"), filepath.Join(dir, "x.csv")
	if err := m.Save(file); err != nil {
		return r, err
	}
	line := strings.Repeat("0.5,", 783) + "0.5\n"
	if err := os.WriteFile(input, []byte(line), 0o600); err != nil {
		return r, core.InFile(input, err)
	}
	for i := range rounds + 1 {
		cmd := exec.Command(self, "predict", file, input, "--json")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return r, core.Errorf(core.ErrIO, predictName, "%v: %s", err, firstLine(out))
		}
		if ms := float64(time.Since(start).Microseconds()) / 1000; i == 0 || ms < r.GK {
			r.GK = ms
		}
	}
	return r, nil
}

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// pythonProcess is a Python that measures what it is told on demand; nil does nothing.
type pythonProcess struct {
	flag  string // which named it
	needs string // what it imports
	about string // what it says of itself
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// startPython starts Python with a script that imports what it needs; without a name there is none.
func startPython(flag, python, needs, script string) (*pythonProcess, error) {
	if python == "" {
		return nil, nil
	}
	k := &pythonProcess{flag: flag, needs: needs, cmd: exec.Command(python, "-c", script)}
	var err error
	if k.in, err = k.cmd.StdinPipe(); err != nil {
		return nil, core.In(k.flag, core.ErrIO, err)
	}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, core.In(k.flag, core.ErrIO, err)
	}
	k.out = bufio.NewReader(out)
	if err := k.cmd.Start(); err != nil {
		return nil, core.In(k.flag, core.ErrUsage, err)
	}
	if k.about, err = k.line(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *pythonProcess) line() (string, error) {
	s, err := k.out.ReadString('\n')
	if err != nil {
		return "", core.Errorf(core.ErrUsage, k.flag, "%s ended without an answer, want a Python that can import %s", k.cmd.Path, k.needs)
	}
	return strings.TrimSpace(s), nil
}

// rate lets Python do a workload once; 0 where it does not know it.
func (k *pythonProcess) rate(name string) (float64, error) {
	if k == nil {
		return 0, nil
	}
	if _, err := fmt.Fprintln(k.in, name); err != nil {
		return 0, core.In(k.flag, core.ErrIO, err)
	}
	s, err := k.line()
	if err != nil || s == "none" {
		return 0, err
	}
	rate, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, core.Errorf(core.ErrUsage, k.flag, "got %q, want a number", s)
	}
	return rate, nil
}

func (k *pythonProcess) stop() {
	if k != nil {
		_ = k.in.Close()
		_ = k.cmd.Wait()
	}
}

// name says what is measured; "" if there is none.
func (k *pythonProcess) name() string {
	if k == nil {
		return ""
	}
	return k.about
}
