// Package command is the gk command: one file for each verb, with what they share beside them.
//
//	command.go    Run: verbs, streams, exit codes
//	arguments.go  flags wherever they stand
//	complete.go   what a shell offers next
//	failure.go    errors on one line, or as JSON
//	progress.go   what is seen of a long run
//	source.go     models and data from files and flags
//	experiment.go what a training run is made of
package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	_ "github.com/gokeras/gk/core/builtin" // Keras' standard set
	"github.com/gokeras/gk/plugins"
)

// This file owns the way from arguments to an exit code.

// The exit codes of gk.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells count SIGINT
)

// exitCodes is what the help of every command says of them.
const exitCodes = `Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
With --json the result is JSON on stdout, and an error {"error": {"kind", "file", "where", "message"}} on stderr.`

// Streams are where a run writes: results to Out, errors and the progress of what is not the result to Err.
type Streams struct{ Out, Err io.Writer }

// printer writes lines and remembers the first failure, so that a full disk behind stdout is not taken for success.
type printer struct {
	w   io.Writer
	err error
}

// Write passes text on.
func (p *printer) Write(text []byte) (int, error) {
	n, err := p.w.Write(text)
	if err != nil && p.err == nil {
		p.err = err
	}
	return n, err
}

func (p *printer) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format+"\n", args...) // p.err has the error
}

// terminal reports whether a stream is one, and a capable one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

// env is what all verbs work with.
type env struct {
	out, err *printer
	json     bool // the result is JSON, and nothing else is written
	quiet    bool // no more than results
	terminal bool // bars may be drawn on out
	app      *cli.App
	plugins  *plugins.Manager // of this run; nil until a model is made
}

// Run runs gk with the arguments of a process and gives its exit code.
func Run(ctx context.Context, args []string, s Streams) int {
	e := &env{out: &printer{w: s.Out}, err: &printer{w: s.Err}, terminal: terminal(s.Out)}
	e.json = slices.Contains(args, "--json")
	e.app = e.newApp()
	if words, ok := completing(args); ok {
		e.complete(words)
		return exitOK
	}
	defer e.endPlugins()
	err := e.app.RunContext(ctx, e.reorder(args))
	if err == nil && e.out.err != nil {
		err = writeError(e.out.err)
	}
	return e.report(err)
}

// withSubcommands are verbs and the verbs below them.
func withSubcommands(all []*cli.Command) []*cli.Command {
	out := slices.Clone(all)
	for _, c := range all {
		out = append(out, c.Subcommands...)
	}
	return out
}

// Interruptible is a context that the first Ctrl-C cancels, so that a run can save what it has. The second ends the process at once.
func Interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-c:
			signal.Stop(c) // from here on signals do what they do to any process
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(c); cancel() }
}

func (e *env) newApp() *cli.App {
	app := &cli.App{
		Name:  "gk",
		Usage: "Keras in Go: train, open, convert and run Keras models",
		Description: `gk train                              trains a network on MNIST, or on digits of its own, and saves model.h5
gk summary model.h5                   shows the layers
gk predict model.h5 images.npy        shows what the model makes of data
gk evaluate model.h5                  shows loss and metrics
gk load model.h5                      opens a file, checks it and shows what is inside
gk save model.h5 model.keras          writes a model in another form
gk inspect model.h5                   shows what is in a file, without making a model of it
gk diff a.h5 b.keras                  compares two models
gk plugin new my-layer                starts a plugin: a layer that Keras does not have

` + exitCodes,
		HideHelpCommand:           false,
		Version:                   version(),
		DisableSliceFlagSeparator: true,
		Writer:                    e.out,
		ErrWriter:                 e.err,
		ExitErrHandler:            func(*cli.Context, error) {}, // Run does it
		OnUsageError:              e.onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return e.unknownVerb(c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			e.trainCommand(), e.evaluateCommand(), e.predictCommand(), e.summaryCommand(), e.loadCommand(), e.saveCommand(), e.inspectCommand(), e.diffCommand(),
			e.pluginCommand(), e.benchCommand(), e.versionCommand(), e.completionCommand(),
		},
	}
	for _, c := range withSubcommands(app.Commands) {
		c.HideHelpCommand = true
		c.OnUsageError = e.onUsageError
		c.Flags = append(c.Flags, &cli.BoolFlag{Name: "json", Usage: "write the result as JSON"})
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
		c.Description = strings.TrimSpace(c.Description) + "\n\n" + exitCodes
	}
	return app
}

// result writes v as JSON.
func (e *env) result(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	e.out.line("%s", text)
	return nil
}

// say writes a line for people.
func (e *env) say(format string, args ...any) {
	if !e.json && !e.quiet {
		e.out.line(format, args...)
	}
}

// note writes a line about something that people may want to know, or may have missed.
func (e *env) note(format string, args ...any) { e.say("note   "+format, args...) }
