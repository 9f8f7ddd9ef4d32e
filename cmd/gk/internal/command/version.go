package command

import (
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// This file owns gk version.

func (e *env) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "show the version of gk",
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			if e.json {
				return e.result(map[string]any{"version": version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
					"threads": runtime.GOMAXPROCS(0)})
			}
			e.out.line("gk %s (%s %s/%s, %d threads)", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
			return nil
		},
	}
}

// version is that of the module, with the commit where the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
