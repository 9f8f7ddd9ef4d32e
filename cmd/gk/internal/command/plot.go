package command

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/atomicfile"
	"github.com/gokeras/gk/core/model"
)

// This file owns the curves of a training run.

var plotForms = []string{"png", "svg", "pdf", "jpg", "tiff", "eps"}

func plotForm(path string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
}

func checkPlot(path string) error {
	if slices.Contains(plotForms, plotForm(path)) {
		return nil
	}
	return &core.Error{Kind: core.ErrUsage, File: path, Where: "--plot", Msg: "no form of picture has this ending, want ." + strings.Join(plotForms, ", .")}
}

// plotHistory draws losses above and metrics below, each with that of the validation in dashes.
func plotHistory(path string, h *model.History) error {
	var losses, metrics []string
	for _, n := range h.Names {
		if strings.HasPrefix(n, "val_") {
			continue
		}
		if n == "loss" || strings.HasSuffix(n, "_loss") {
			losses = append(losses, n)
		} else {
			metrics = append(metrics, n)
		}
	}
	plots := [][]*plot.Plot{{curves("loss", losses, h)}}
	if len(metrics) > 0 {
		plots = append(plots, []*plot.Plot{curves(metricsTitle(metrics), metrics, h)})
	}
	width, height := 16*vg.Centimeter, vg.Length(len(plots))*8*vg.Centimeter
	canvas, err := draw.NewFormattedCanvas(width, height, plotForm(path))
	if err != nil {
		return core.InFile(path, &core.Error{Kind: core.ErrIO, Where: "--plot", Err: err})
	}
	tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadX: vg.Millimeter, PadY: 4 * vg.Millimeter, PadTop: 2 * vg.Millimeter,
		PadBottom: 2 * vg.Millimeter, PadLeft: 2 * vg.Millimeter, PadRight: 4 * vg.Millimeter}
	for i, row := range plot.Align(plots, tiles, draw.New(canvas)) {
		plots[i][0].Draw(row[0])
	}
	f, err := atomicfile.Create(path)
	if err == nil {
		defer f.Abort()
		if _, err = canvas.WriteTo(f); err == nil {
			err = f.Commit()
		}
	}
	if err != nil {
		x := *asError(err)
		x.File, x.Where = path, "--plot"
		return &x
	}
	return nil
}

func metricsTitle(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return "metrics"
}

func curves(title string, names []string, h *model.History) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "epoch", title
	p.X.Tick.Marker = wholeTicks{}
	p.Legend.Top = title == "loss" // where the curves leave room
	p.Legend.Padding = vg.Millimeter
	p.Add(plotter.NewGrid())
	for i, n := range names {
		for j, name := range []string{n, "val_" + n} {
			values, ok := h.Values[name]
			if !ok {
				continue
			}
			var points plotter.XYs
			for k, v := range values {
				if jsonNumber(v) != nil {
					points = append(points, plotter.XY{X: float64(h.Epochs[k] + 1), Y: v})
				}
			}
			line, dots, err := plotter.NewLinePoints(points)
			if err != nil {
				continue // nothing to draw
			}
			line.Color, dots.Color = plotutil.Color(i), plotutil.Color(i)
			line.Width = vg.Points(1.5)
			dots.Shape = draw.CircleGlyph{}
			dots.Radius = vg.Points(2)
			if j == 1 {
				line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
			}
			p.Add(line, dots)
			p.Legend.Add(name, line)
		}
	}
	return p
}

// wholeTicks marks whole epochs.
type wholeTicks struct{}

// Ticks labels about eight whole numbers.
func (wholeTicks) Ticks(lo, hi float64) []plot.Tick {
	step := 1
	for _, next := range []int{2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000} {
		if hi-lo > 8*float64(step) {
			step = next
		}
	}
	var ticks []plot.Tick
	for v := int(math.Ceil(lo/float64(step))) * step; float64(v) <= hi; v += step {
		ticks = append(ticks, plot.Tick{Value: float64(v), Label: strconv.Itoa(v)})
	}
	return ticks
}
