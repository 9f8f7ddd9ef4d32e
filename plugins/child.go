package plugins

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// This file owns the process of a plugin: its group, its pipes, its end. It is the runner that go-plugin is given.

// child is a process.
type child struct {
	cmd      *exec.Cmd
	limits   Options
	tail     *tail
	stdout   *io.PipeReader // what go-plugin reads: the first line
	stdoutW  *io.PipeWriter
	stderr   *io.PipeReader // nothing; it ends when the process does
	stderrW  *io.PipeWriter
	done     chan struct{} // closed when the process is gone
	drained  chan struct{} // closed when all that it wrote to stderr has been read
	watching chan struct{} // closed to stop the watch
	pid      int
	err      error // how it ended
}

func newChild(cmd *exec.Cmd, o Options, t *tail) *child {
	c := &child{cmd: cmd, limits: o, tail: t, done: make(chan struct{}), drained: make(chan struct{}), watching: make(chan struct{})}
	c.stdout, c.stdoutW = io.Pipe()
	c.stderr, c.stderrW = io.Pipe()
	return c
}

// maxFirstLine bounds the line in which a plugin says where it listens.
const maxFirstLine = 16 << 10

// Start starts the process.
func (c *child) Start(context.Context) error {
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		outW.Close()
		return err
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = nil, outW, errW
	isolate(c.cmd)
	started := make(chan error)
	go func() {
		// Where the system kills children whose parent dies, the parent is this thread: it must live as long as they do.
		runtime.LockOSThread()
		err := c.cmd.Start()
		if err == nil {
			c.pid = c.cmd.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		c.err = c.cmd.Wait()
		killGroup(c.pid) // what it left behind
		close(c.done)
		c.lastWords()
		time.Sleep(20 * time.Millisecond) // those of stdout
		outR.Close()
		errR.Close()
	}()
	err = <-started
	outW.Close()
	errW.Close()
	if err != nil {
		outR.Close()
		errR.Close()
		close(c.done)
		c.stdoutW.Close()
		c.stderrW.Close()
		return err
	}
	limit(c.pid, c.limits)
	go c.readStdout(outR)
	go c.readStderr(errR)
	go c.watch()
	return nil
}

// readStdout hands on the first line and drops the rest.
func (c *child) readStdout(r io.Reader) {
	defer c.stdoutW.Close()
	line := make([]byte, 0, 512)
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		line = append(line, b[:n]...)
		if i := bytes.IndexByte(line, '\n'); i >= 0 || len(line) > maxFirstLine {
			if i < 0 {
				i = min(len(line), 200)
			}
			_, _ = c.stdoutW.Write(append(line[:i:i], '\n'))
			break
		}
		if err != nil {
			if len(line) > 0 {
				_, _ = c.stdoutW.Write(append(line, '\n'))
			}
			return
		}
	}
	for {
		if _, err := r.Read(b); err != nil {
			return
		}
	}
}

// readStderr keeps the last lines. Who writes very much is slowed down.
func (c *child) readStderr(r io.Reader) {
	defer c.stderrW.Close()
	defer close(c.drained)
	b := make([]byte, 64<<10)
	for {
		n, err := r.Read(b)
		_, _ = c.tail.Write(b[:n])
		if err != nil {
			return
		}
		if n == len(b) {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// watch ends a plugin that starts too many processes or threads.
func (c *child) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-c.watching:
			return
		case <-tick.C:
			if what := tooMany(c.pid, c.limits); what != "" {
				_, _ = fmt.Fprintf(c.tail, "gk: ended: %s\n", what)
				killGroup(c.pid)
			}
		}
	}
}

// Wait waits for the end.
func (c *child) Wait(context.Context) error {
	<-c.done
	return c.err
}

// Kill ends the process and all that it started.
func (c *child) Kill(context.Context) error {
	if c.pid > 0 {
		killGroup(c.pid)
		select {
		case <-c.done:
		case <-time.After(3 * time.Second):
			return fmt.Errorf("process %d does not end", c.pid)
		}
	}
	return nil
}

// exited reports whether the process is gone.
func (c *child) exited() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// ending says how the process ended: "signal: killed"; it waits a moment for that.
func (c *child) ending() string {
	select {
	case <-c.done:
	case <-time.After(time.Second):
		return "its connection broke"
	}
	c.lastWords()
	if c.err == nil {
		return "exited with status 0"
	}
	return strings.Replace(c.err.Error(), "exit status", "exited with status", 1)
}

// lastWords waits for the end of stderr, which comes right after that of the process, unless somebody else has it open.
func (c *child) lastWords() {
	select {
	case <-c.drained:
	case <-time.After(200 * time.Millisecond):
	}
}

// The methods of go-plugin's runner that have nothing to do here.

func (c *child) Stdout() io.ReadCloser           { return c.stdout }
func (c *child) Stderr() io.ReadCloser           { return c.stderr }
func (c *child) Name() string                    { return c.cmd.Path }
func (c *child) ID() string                      { return fmt.Sprint(c.pid) }
func (c *child) Diagnose(context.Context) string { return "" }

func (c *child) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// tail keeps the last bytes that are written to it, and hands on lines.
type tail struct {
	mu   sync.Mutex
	kept []byte
	line []byte
	log  func(line string)
	left int       // lines that may still be logged in this second
	at   time.Time // when that began
}

const (
	keptBytes     = 4096
	linesASecond  = 100
	maxLoggedLine = 2000
)

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b[max(0, len(b)-keptBytes):]...)
	if n := len(t.kept); n > 2*keptBytes {
		t.kept = append(t.kept[:0], t.kept[n-keptBytes:]...)
	}
	if t.log == nil {
		return len(b), nil
	}
	for _, part := range bytes.SplitAfter(b, []byte("\n")) {
		if room := maxLoggedLine - len(t.line); room > 0 {
			t.line = append(t.line, part[:min(room, len(part))]...)
		}
		if bytes.HasSuffix(part, []byte("\n")) {
			t.emit()
		}
	}
	return len(b), nil
}

func (t *tail) emit() {
	line := strings.TrimRight(string(t.line), "\r\n")
	t.line = t.line[:0]
	if time.Since(t.at) > time.Second {
		t.at, t.left = time.Now(), linesASecond
	}
	switch t.left--; {
	case t.left > 0:
		t.log(line)
	case t.left == 0:
		t.log("(more lines are dropped)")
	}
}

// last is the end of what was written, as one line of at most n bytes.
func (t *tail) last(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?"))
	lines := strings.Split(text, "\n")
	s := ""
	for _, l := range lines {
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") {
			return l[:min(len(l), n)] // what Go writes after that is where, from the inside out
		}
	}
	for i := len(lines) - 1; i >= 0; i-- {
		l := strings.TrimSpace(lines[i])
		if l == "" {
			continue
		}
		if s != "" && len(l)+len(s)+3 > n {
			break
		}
		s = strings.TrimSuffix(l[:min(len(l), n)]+" | "+s, " | ")
	}
	return s
}
