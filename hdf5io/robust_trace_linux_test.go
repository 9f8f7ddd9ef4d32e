package hdf5io_test

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// This file owns what loading does to the system: strace watches gk load of every malformed and every published file.

// openedAtStart are the files that a process opens before it looks at its arguments: what the dynamic linker needs, and what the Go
// runtime asks the kernel. /proc/self/fd is libhdf5 opening once more the file that gk has open and has checked.
var openedAtStart = regexp.MustCompile(`^(/etc/ld\.so\.(cache|preload)` +
	`|(/usr)?/lib(64)?/.*\.so(\.[0-9.]+)?` +
	`|/proc/(self|\d+)/(maps|cgroup|mountinfo|auxv|stat)` +
	`|/sys/kernel/mm/transparent_hugepage/hpage_pmd_size` +
	`|/sys/fs/cgroup/.*cpu\.(max|cfs_quota_us|cfs_period_us)` +
	`|/proc/self/fd/\d+)$`)

// watched are the system calls that open or change files, start processes, or make sockets; ? is for those that some machines lack.
const watched = "?open,openat,?openat2,?creat,?mkdir,mkdirat,?mknod,mknodat,?link,linkat,?symlink,symlinkat,?rename,?renameat,?renameat2," +
	"?unlink,unlinkat,?rmdir,truncate,?memfd_create,execve,?execveat,?fork,?vfork,clone,?clone3,socket,socketpair,connect,bind,?chmod,?fchmodat," +
	"?chown,?fchownat,?mount,ptrace"

var (
	tracedCall = regexp.MustCompile(`^\d+ +(\w+)\((.*)`)
	quotedPath = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	writing    = regexp.MustCompile(`O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)`)
)

// sideEffects lists what a traced process did beyond starting and opening the named files. opened is every other file that it opened.
func sideEffects(trace []byte, named []string) (bad, opened []string) {
	execs := 0
	lines := bufio.NewScanner(bytes.NewReader(trace))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := tracedCall.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		switch call, args := m[1], m[2]; call {
		case "open", "openat", "openat2":
			path := ""
			if q := quotedPath.FindStringSubmatch(args); q != nil {
				path = q[1]
			}
			if !slices.Contains(opened, path) && !slices.Contains(named, path) {
				opened = append(opened, path)
			}
			if writing.MatchString(args) || !slices.Contains(named, path) && !openedAtStart.MatchString(path) {
				bad = append(bad, lines.Text())
			}
		case "execve":
			if execs++; execs > 1 { // the first one is gk itself
				bad = append(bad, lines.Text())
			}
		case "clone", "clone3":
			if !strings.Contains(args, "CLONE_THREAD") {
				bad = append(bad, lines.Text())
			}
		default:
			bad = append(bad, lines.Text())
		}
	}
	return bad, opened
}

// TestSideEffects loads every malformed and every published file under strace: no file but those named on the command line is opened, none
// is created or changed, no process is started, no socket made. Filter plugins of libhdf5 count as files.
func TestSideEffects(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	if out, err := exec.Command(strace, "-f", "-o", filepath.Join(t.TempDir(), "trace"), "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v: %s", err, out)
	}
	dir, files := malformedFiles(t)
	gk := filepath.Join(t.TempDir(), "gk")
	if out, err := exec.Command("go", "build", "-o", gk, "../cmd/gk").CombinedOutput(); err != nil {
		t.Fatalf("building gk: %v\n%s", err, out)
	}
	var runs [][]string // arguments, the named files last
	for _, f := range files {
		runs = append(runs, []string{filepath.Join(dir, f.File)})
	}
	published := shared(t, "keras-files")
	var manifest []struct {
		File     string
		ArchFile string `json:"arch_file"`
	}
	readJSON(t, filepath.Join(published, "manifest.json"), &manifest)
	for _, f := range manifest {
		run := []string{filepath.Join(published, f.File)}
		if f.ArchFile != "" {
			run = append(run, filepath.Join(published, f.ArchFile))
		}
		runs = append(runs, run)
	}
	if testing.Short() {
		runs = runs[:20]
	}
	filters, store := t.TempDir(), filepath.Join(t.TempDir(), "none")
	trace := func(named []string) ([]byte, error) {
		out, err := os.CreateTemp(t.TempDir(), "trace")
		if err != nil {
			return nil, err
		}
		defer out.Close()
		args := []string{"-f", "-qq", "-s", "4096", "-e", "trace=" + watched, "-e", "signal=none", "-o", out.Name(), gk, "load", "--json"}
		if len(named) > 1 {
			args = append(args, "--config", named[1])
		}
		cmd := exec.Command(strace, append(args, named[0])...)
		cmd.Env = append(os.Environ(), "HDF5_PLUGIN_PATH="+filters, "GK_PLUGINS="+store)
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: it does not load
			return nil, err
		}
		return os.ReadFile(out.Name())
	}
	var wait sync.WaitGroup
	var lock sync.Mutex
	slots := make(chan bool, 2)
	watchedFiles := 0
	var atStart []string
	for _, named := range runs {
		wait.Go(func() {
			slots <- true
			defer func() { <-slots }()
			text, err := trace(named)
			lock.Lock()
			defer lock.Unlock()
			if err != nil {
				t.Errorf("%s: %v", named[0], err)
				return
			}
			// gk's own binary is read when it starts, by protobuf, to choose an order that nobody is to rely on.
			// A file with a class that is not Keras' own has it look for a plugin: in the lock of the project, and in the user's store.
			bad, opened := sideEffects(text, append(slices.Clone(named), gk, "gk.lock", store))
			if len(bad) > 0 {
				t.Errorf("%s: %s", named[0], strings.Join(bad[:min(len(bad), 5)], "\n"))
			}
			if strings.Contains(string(text), `"`+named[0]+`"`) {
				watchedFiles++
			}
			for _, path := range opened {
				path = regexp.MustCompile(`\d+$`).ReplaceAllString(path, "N")
				if !strings.Contains(path, ".so") && !slices.Contains(atStart, path) {
					atStart = append(atStart, path)
				}
			}
		})
	}
	wait.Wait()
	if watchedFiles != len(runs) {
		t.Errorf("strace saw the file opened in %d of %d runs", watchedFiles, len(runs))
	}
	slices.Sort(atStart)
	t.Logf("%d files; besides them, shared libraries and %s", len(runs), strings.Join(atStart, ", "))
}

// TestSideEffectsSeen checks the check: what must not happen is found in a trace of it.
func TestSideEffectsSeen(t *testing.T) {
	for line, want := range map[string]bool{
		`1 openat(AT_FDCWD, "/m.h5", O_RDONLY|O_CLOEXEC) = 3`:                            false,
		`1 openat(AT_FDCWD, "/lib/x86_64-linux-gnu/libz.so.1", O_RDONLY|O_CLOEXEC) = 3`:  false,
		`1 openat(AT_FDCWD, "/proc/self/fd/5", O_RDONLY) = 3`:                            false,
		`1 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SYSVSEM, stack=0x1}, 88) = 7`:       false,
		`1 openat(AT_FDCWD, "/m.h5", O_RDWR|O_CLOEXEC) = 3`:                              true,
		`1 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC <unfinished ...>`:          true,
		`1 openat(AT_FDCWD, "/tmp/lib/evil.so", O_RDONLY) = -1 ENOENT (No such file)`:    true,
		`1 openat(AT_FDCWD, "/tmp/gk1", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3`:      true,
		`1 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3`:                                true,
		`1 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, ptid=0x1) = 1234`: true,
		`1 unlinkat(AT_FDCWD, "/m.h5", 0) = 0`:                                           true,
		`1 memfd_create("x", 0) = 4`:                                                     true,
	} {
		if bad, _ := sideEffects([]byte(line+"\n"), []string{"/m.h5"}); (len(bad) > 0) != want {
			t.Errorf("%s: found %v, want %v", line, bad, want)
		}
	}
}
