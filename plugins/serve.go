package plugins

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/gokeras/gk/core"
	pb "github.com/gokeras/gk/plugins/proto/v1"
	"github.com/gokeras/gk/registry"
)

// This file owns the author's side of starting: Serve, and what a plugin says of itself when somebody runs it by hand.

// Config says what a plugin is.
type Config struct {
	Name    string // of the plugin: [a-z0-9-]{1,64}
	Version string // semantic: "1.0.0"
	About   string // one line
	// Registry has what the plugin provides: all entries with a Package. nil is registry.Default, where init functions register.
	Registry *registry.Registry
	// Examples are tried by gk plugin verify: at least one for each class is good manners.
	Examples []Example
	// Threads is how many threads computations (graph.Func) keep busy; 0 is 1.
	Threads int
}

// Example is a config of a class and the shapes of inputs, batch included, for which it is to be tried.
type Example struct {
	Class  string // full name: "acme>Rational"
	Config core.Config
	Inputs [][]int
}

const (
	protocolVersion = 1
	cookieKey       = "GK_PLUGIN"
	cookieValue     = "keras-in-go"
	serviceName     = "gk"
	// maxMessage bounds what either side sends in one message; tensors travel in smaller pieces.
	maxMessage = 64 << 20
)

var handshake = goplugin.HandshakeConfig{ProtocolVersion: protocolVersion, MagicCookieKey: cookieKey, MagicCookieValue: cookieValue}

// Serve makes a plugin of the program: it serves what c describes until gk ends it, and does not return. Run by hand, the program
// explains itself and exits with 1.
func Serve(c Config) { serve(c, func(s *server) pb.PluginServer { return s }) }

// serve lets tests put something between gk and the server.
func serve(c Config, around func(s *server) pb.PluginServer) {
	if os.Getenv(cookieKey) != cookieValue {
		explain(os.Stderr, c)
		os.Exit(1)
	}
	fds := descriptors(os.Getenv("GK_PLUGIN_FDS"))
	if leash := fds["leash"]; leash != nil {
		go func() {
			_, _ = io.Copy(io.Discard, leash) // it ends when gk does, however that came about
			os.Exit(0)
		}()
	}
	s := newServer(c, fds)
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{protocolVersion: {serviceName: &service{server: around(s)}}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
				grpc.ChainUnaryInterceptor(unaryErrors), grpc.ChainStreamInterceptor(streamErrors))...)
		},
		Logger: hclog.NewNullLogger(),
	})
	os.Exit(0)
}

// service is what go-plugin hands over.
type service struct {
	goplugin.NetRPCUnsupportedPlugin
	server pb.PluginServer
}

// descriptors reads "arena:3,request:4": what was passed to this process.
func descriptors(s string) map[string]*os.File {
	m := map[string]*os.File{}
	for _, part := range strings.Split(s, ",") {
		name, number, ok := strings.Cut(part, ":")
		fd, err := strconv.Atoi(number)
		if ok && err == nil && fd > 2 {
			m[name] = os.NewFile(uintptr(fd), name)
		}
	}
	return m
}

// explain says what the program is and how it is used.
func explain(w io.Writer, c Config) {
	me := cmp.Or(os.Args[0], c.Name)
	fmt.Fprintf(w, "%s %s is a plugin for gk, Keras in Go: gk starts it by itself.\n", c.Name, c.Version)
	if c.About != "" {
		fmt.Fprintln(w, c.About)
	}
	fmt.Fprintln(w, "\nIt provides")
	for _, class := range newServer(c, nil).classes() {
		about, _, _ := strings.Cut(class.About, "\n")
		fmt.Fprintf(w, "  %-12s %s  %s\n", KindName(class.Kind), ClassName(class), about)
	}
	fmt.Fprintf(w, `
Try it out:      gk plugin verify %[1]s
For one command: gk train model.json --plugin %[1]s
For good:        gk plugin install %[1]s
`, me)
}

// entries calls f for everything in a table that is not Keras' own.
func entries[T any](t *registry.Table[T], f func(e *registry.Entry[T])) {
	names := slices.DeleteFunc(t.Names(), func(n string) bool { return t.Lookup(n).Package == "" })
	for _, n := range names {
		f(t.Lookup(n))
	}
}
