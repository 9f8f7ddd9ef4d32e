package command

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/gokeras/gk/core"
)

// This file owns what is seen of a long run: bars on a terminal, one line for each epoch everywhere.

// redraw is how often a bar changes: often enough to look alive, too seldom to cost time.
const redraw = 100 * time.Millisecond

func newBar(w io.Writer, total int64, description string, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(description), progressbar.OptionSetWidth(24),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "━", SaucerHead: "╸", SaucerPadding: " ", BarStart: "", BarEnd: ""}),
	}, more...)...)
}

// epochs shows a training run.
type epochs struct {
	core.NopCallback
	e     *env
	bar   *progressbar.ProgressBar
	began time.Time
	drawn time.Time
	epoch string
	took  time.Duration // by the epoch that ended last
}

// OnEpochBegin starts a bar.
func (p *epochs) OnEpochBegin(t core.Trainer, epoch int) error {
	p.began = time.Now()
	p.epoch = fmt.Sprintf("epoch %d/%d", epoch+1, t.Epochs())
	if p.e.terminal && !p.e.json && !p.e.quiet {
		p.bar = newBar(p.e.out, int64(t.BatchesPerEpoch()), p.epoch)
	}
	return nil
}

// OnBatchEnd moves the bar.
func (p *epochs) OnBatchEnd(_ core.Trainer, batch int, logs core.Logs) error {
	if p.bar == nil {
		return nil
	}
	if now := time.Now(); now.Sub(p.drawn) >= redraw {
		p.drawn = now
		p.bar.Describe(p.epoch + "  " + metricsLine(logs) + " ")
		_ = p.bar.Set(batch + 1) // fails only beyond the end
	}
	return nil
}

// OnEpochEnd puts a line in the place of the bar.
func (p *epochs) OnEpochEnd(_ core.Trainer, _ int, logs core.Logs) error {
	p.close()
	p.took = time.Since(p.began)
	p.e.say("%s  %s  %s", p.epoch, seconds(p.took), metricsLine(logs))
	return nil
}

// OnTrainEnd takes the bar of an epoch that did not end away.
func (p *epochs) OnTrainEnd(core.Trainer, core.Logs) error {
	p.close()
	return nil
}

func (p *epochs) close() {
	if p.bar != nil {
		_ = p.bar.Clear() // nothing more is to be drawn
		p.bar = nil
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func metricsLine(l core.Logs) string {
	parts := make([]string, len(l.Names))
	for i, n := range l.Names {
		parts[i] = n + " " + number(l.Values[i])
	}
	return strings.Join(parts, "  ")
}

// transfer shows a download.
type transfer struct {
	e    *env
	name string
	bar  *progressbar.ProgressBar
	said bool
}

func (e *env) download(name string) *transfer { return &transfer{e: e, name: name} }

func (t *transfer) update(done, total int64) {
	if !t.said {
		t.said = true
		if !t.e.terminal || t.e.json || t.e.quiet {
			t.e.say("downloading %s", t.name)
		} else {
			t.bar = newBar(t.e.out, total, "downloading "+t.name, progressbar.OptionShowBytes(true), progressbar.OptionThrottle(redraw))
		}
	}
	if t.bar != nil {
		_ = t.bar.Set64(done) // fails only beyond the end
	}
}

func (t *transfer) close() {
	if t.bar != nil {
		_ = t.bar.Clear() // nothing more is to be drawn
	}
}

// counter shows how many samples are done.
func (e *env) counter(name string) func(done, total int) {
	if !e.terminal || e.json || e.quiet {
		return nil
	}
	began := time.Now()
	var bar *progressbar.ProgressBar
	return func(done, total int) {
		if bar == nil {
			if time.Since(began) < time.Second {
				return // too short to watch
			}
			bar = newBar(e.out, int64(total), name, progressbar.OptionThrottle(redraw))
		}
		_ = bar.Set(done) // fails only beyond the end
		if done >= total {
			_ = bar.Clear() // nothing more is to be drawn
		}
	}
}
