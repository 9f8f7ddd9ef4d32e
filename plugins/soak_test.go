//go:build linux

package plugins

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what must hold over a long time, and when gk itself is killed.

// beHost loads the plugin, says which process it is, and waits to be killed.
func beHost() {
	path, err := os.Executable()
	if err == nil {
		var m *Manager
		if m, err = Load(registry.Default, Options{}, path); err == nil {
			fmt.Println(m.Plugins()[0].proc.child.pid)
			time.Sleep(time.Hour)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

func TestHostIsKilled(t *testing.T) {
	cmd := exec.Command(self(t))
	cmd.Env = append(os.Environ(), "GK_TEST_HOST=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, _ := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid == 0 {
		t.Fatalf("the host says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil || zombie(pid) {
			return
		}
	}
	t.Errorf("plugin %d lives on after its host was killed", pid)
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// zombie reports whether a process has ended and nobody has asked how.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

// usage is what a process holds.
type usage struct{ files, goroutines, memory int }

func usageNow() usage {
	runtime.GC()
	runtime.GC()
	files, _ := filepath.Glob("/proc/self/fd/*")
	b, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(b))
	pages := 0
	if len(fields) > 1 {
		pages, _ = strconv.Atoi(fields[1])
	}
	return usage{len(files), runtime.NumGoroutine(), pages * os.Getpagesize()}
}

// settled waits for what ends by itself.
func settled(before usage) usage {
	var now usage
	for range 50 {
		if now = usageNow(); now.files <= before.files && now.goroutines <= before.goroutines {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return now
}

// TestSoak starts and ends a plugin many times and calls one many times: 1,000 and 100,000 times with GK_SOAK=1, as CI does.
func TestSoak(t *testing.T) {
	restarts, calls := 40, 10_000
	if os.Getenv("GK_SOAK") != "" {
		restarts, calls = 1000, 100_000
	}
	const megabyte = 1 << 20
	once := func() {
		m, err := Load(registry.Default, Options{}, self(t))
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
	}
	for range 10 {
		once()
	}
	before := usageNow()
	for range restarts {
		once()
	}
	after := settled(before)
	if after.files > before.files || after.goroutines > before.goroutines || after.memory > before.memory+10*megabyte {
		t.Errorf("%d restarts: %+v became %+v", restarts, before, after)
	}

	m := load(t, Options{})
	p := m.Plugins()[0]
	call, err := p.CallOf("test>Computed", core.Config{}, []tensor.Shape{{32, 64}})
	if err != nil {
		t.Fatal(err)
	}
	defer call.Release()
	run := func(n int) {
		for range n {
			if err := call.Run(); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(1000)
	there, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	before = usageNow()
	if n := testing.AllocsPerRun(100, func() { run(1) }); n != 0 {
		t.Errorf("a call allocates %v times", n)
	}
	run(calls)
	after = settled(before)
	if after.files > before.files || after.goroutines > before.goroutines || after.memory > before.memory+10*megabyte {
		t.Errorf("%d calls: %+v became %+v", calls, before, after)
	}
	now, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	if now.GetObjects() != there.GetObjects() || now.GetBindings() != there.GetBindings() || now.GetMemory() > there.GetMemory()+10*megabyte {
		t.Errorf("%d calls in the plugin: %v became %v", calls, there, now)
	}
	if got := now.GetCalls() - there.GetCalls(); got < uint64(calls) {
		t.Errorf("the plugin counts %d calls, want at least %d", got, calls)
	}
}
