// Command gk trains, opens, converts and runs Keras models: see gk help.
package main

import (
	"context"
	"os"

	"github.com/gokeras/gk/cmd/gk/internal/command"
)

func main() {
	command.ServePlugin() // gk bench plugin measures gk itself
	ctx, stop := command.Interruptible(context.Background())
	code := command.Run(ctx, os.Args, command.Streams{Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
