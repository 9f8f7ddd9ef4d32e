package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/plugins/internal/shm"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns one run of a plugin: from the file on disk to a process that answers, and its end.

// process is a running plugin.
type process struct {
	child  *child
	client *goplugin.Client
	conn   *grpc.ClientConn
	rpc    pb.PluginClient
	tail   *tail
	leash  *os.File // the plugin has the other end
	bells  *shm.Bells
	shared bool   // tensors lie in shared memory
	number uint32 // of the last batch
	ended  atomic.Bool
	end    func() // of a loopback, which has no child
}

// host is what go-plugin makes a client of.
type host struct {
	goplugin.NetRPCUnsupportedPlugin
}

// GRPCServer is for plugins.
func (host) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return errors.New("this is gk") }

// GRPCClient hands over the connection.
func (host) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return c, nil
}

// FileHash is the SHA-256 of a file, in hexadecimal; of a folder, that of the hashes of its files.
func FileHash(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return folderHash(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return hashOf(f)
}

func hashOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// folderHash is the hash of the names and hashes of all files of a folder, but for what Python leaves there.
func folderHash(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "__pycache__":
			return filepath.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is no regular file", path)
		}
		one, err := FileHash(path)
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(h, "%s  %s\n", one, filepath.ToSlash(rel))
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// isPython reports whether a plugin is Python's: a file .py, or a folder with plugin.py in it.
func isPython(path string) (script string, ok bool) {
	if strings.HasSuffix(path, ".py") {
		return path, true
	}
	in := filepath.Join(path, "plugin.py")
	if info, err := os.Stat(in); err == nil && info.Mode().IsRegular() {
		return in, true
	}
	return "", false
}

// command is how a plugin is run. What is hashed is what is run: where the system can run an open file, it is opened once for both.
func command(path string, o Options) (cmd *exec.Cmd, keep *os.File, err error) {
	check := func(hash func() (string, error)) error {
		if o.Check == nil {
			return nil
		}
		h, err := hash()
		if err != nil {
			return startError("%v", unwrapPath(err))
		}
		return o.Check(path, h)
	}
	if script, ok := isPython(path); ok {
		if err := check(func() (string, error) { return FileHash(path) }); err != nil {
			return nil, nil, err
		}
		if script, err = filepath.Abs(script); err != nil { // it runs in its own folder
			return nil, nil, startError("%v", err)
		}
		cmd := exec.Command(o.python(), "-m", "gk_plugin", "serve", script)
		cmd.Dir = filepath.Dir(script)
		return cmd, nil, cmd.Err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, startError("%v", unwrapPath(err))
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, startError("%v", err)
	case !info.Mode().IsRegular():
		return nil, nil, startError("is no file that can be run (and no folder with a plugin.py)")
	case info.Mode()&0o111 == 0 && os.PathSeparator == '/':
		return nil, nil, startError("is not executable")
	}
	run, keep, err := sealed(f)
	if err != nil {
		return nil, nil, err
	}
	err = check(func() (string, error) {
		if keep == nil {
			return hashOf(f)
		}
		return hashOf(io.NewSectionReader(keep, 0, info.Size()))
	})
	if err != nil {
		if keep != nil {
			keep.Close()
		}
		return nil, nil, err
	}
	return &exec.Cmd{Path: run, Args: []string{path}}, keep, nil
}

func unwrapPath(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func startError(format string, args ...any) error {
	return core.Errorf(core.ErrPluginStart, "", format, args...)
}

// start runs a plugin and shakes hands with it. arena may be nil.
func start(path string, o Options, arena *shm.Arena) (_ *process, err error) {
	cmd, keep, err := command(path, o)
	if err != nil {
		return nil, err
	}
	if keep != nil {
		defer keep.Close()
	}
	name := filepath.Base(path)
	p := &process{tail: &tail{}}
	if o.Log != nil {
		p.tail.log = func(line string) { o.Log(name, line) }
	}
	passed, err := p.descriptors(arena)
	defer func() {
		for _, f := range passed {
			f.Close()
		}
		if err != nil {
			p.kill()
		}
	}()
	if err != nil {
		return nil, err
	}
	tls, certificate, err := newCertificate()
	if err != nil {
		return nil, err
	}
	_, python := isPython(path)
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{protocolVersion: {serviceName: host{}}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		TLSConfig:        tls,
		StartTimeout:     o.startTimeout(python),
		SkipHostEnv:      true,
		SyncStderr:       p.tail,
		Logger:           hclog.NewNullLogger(),
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage))},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
			cmd.Env = append(append(o.environment(), spec.Env...), "PLUGIN_CLIENT_CERT="+string(certificate), "GK_PLUGIN_FDS="+p.named(passed))
			cmd.ExtraFiles = passed
			p.child = newChild(cmd, o, p.tail)
			return p.child, nil
		},
	})
	protocol, err := p.client.Client()
	if err != nil {
		return nil, p.noStart(err)
	}
	conn, err := protocol.Dispense(serviceName)
	if err != nil {
		return nil, p.noStart(err)
	}
	p.conn = conn.(*grpc.ClientConn)
	p.rpc = pb.NewPluginClient(p.conn)
	return p, nil
}

// descriptors are the files that the plugin gets: shared memory, bells, and the leash.
func (p *process) descriptors(arena *shm.Arena) ([]*os.File, error) {
	ours, theirs, err := leash()
	if ours == nil || err != nil {
		return nil, err
	}
	p.leash = ours
	passed := []*os.File{theirs}
	if arena == nil {
		return passed, nil
	}
	if p.bells, err = shm.NewBells(); err != nil {
		return passed, err
	}
	bells := p.bells.Files()
	file, err := dup(arena.File())
	if err != nil {
		return passed, err
	}
	return append(passed, file, bells[0], bells[1]), nil
}

// named says which descriptor is what.
func (p *process) named(passed []*os.File) string {
	names := []string{"leash", "arena", "request", "reply"}[:len(passed)]
	for i := range names {
		names[i] = fmt.Sprintf("%s:%d", names[i], 3+i)
	}
	return strings.Join(names, ",")
}

// noStart says why a plugin did not start.
func (p *process) noStart(err error) error {
	text := err.Error()
	kind := core.ErrPluginStart
	hint := ""
	switch {
	case strings.Contains(text, "timeout while waiting"):
		text = "did not say in time where it listens"
	case strings.Contains(text, "ncompatible API version") || strings.Contains(text, "ncompatible core API"):
		kind = core.ErrPluginProtocol
		text = fmt.Sprintf("speaks another version of the protocol, gk speaks %d: %s", protocolVersion, firstLine(text))
	case strings.Contains(text, "Unrecognized remote plugin message"):
		silent := strings.Contains(text, "Failed to read any lines")
		text = "does not behave as a plugin: " + firstLine(strings.Replace(text, "Unrecognized remote plugin message", "its first line of output is", 1))
		if p.child != nil && silent {
			text = p.child.ending() + " before it said where it listens"
		}
	case strings.Contains(text, "exited before"):
		text = "exited before it said where it listens"
		if p.child != nil {
			text = p.child.ending() + " before it said where it listens"
		}
	case strings.Contains(text, "exec format error"):
		text, hint = "cannot run on this machine", "is it built for another system or processor?"
	default:
		text = firstLine(text)
	}
	e := &core.Error{Kind: kind, Msg: text, Hint: hint}
	if last := p.tail.last(300); last != "" {
		e.Hint = "stderr: " + last
	}
	return e
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s[:min(len(s), 200)]
}

// alive reports whether the process answers, as far as is known.
func (p *process) alive() bool {
	return !p.ended.Load() && (p.child == nil || !p.child.exited())
}

func (p *process) ending() string {
	if p.child == nil {
		return "its connection broke"
	}
	return p.child.ending()
}

// kill ends the process without asking.
func (p *process) kill() {
	if p.ended.Swap(true) {
		return
	}
	if p.child != nil {
		_ = p.child.Kill(context.Background())
	}
	p.close()
}

// stop asks the process to end, and ends it if it does not within a second.
func (p *process) stop() {
	if p.ended.Swap(true) {
		return
	}
	if p.client == nil {
		p.close()
		return
	}
	done := make(chan struct{})
	go func() {
		p.client.Kill() // says Shutdown
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
		_ = p.child.Kill(context.Background())
		<-done
	}
	p.close()
}

// close gives back what a process that is gone had.
func (p *process) close() {
	if p.client != nil {
		p.client.Kill()
	}
	if p.child != nil {
		p.child.stdout.Close()
		p.child.stderr.Close()
	}
	if p.end != nil {
		p.conn.Close()
		p.end()
	}
	if p.leash != nil {
		p.leash.Close()
	}
	if p.bells != nil {
		p.bells.Close()
	}
}
