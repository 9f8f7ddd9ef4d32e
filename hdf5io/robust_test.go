package hdf5io_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/hdf5io"
)

// This file owns loading in a child process with little time and memory, so that a crash, a hang or a bomb is seen as what it is.

// What a child may take to open a small file, whatever is in it.
const (
	childTime   = 2 * time.Second
	childMemory = 256 << 20 // bytes resident at the peak
)

// childFile is the environment variable that makes the test binary load a file, say what came of it, and end.
const childFile, childUntrusted = "GK_TEST_LOAD", "GK_TEST_UNTRUSTED"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		limitProcess()
		report := loadReport(path, os.Getenv(childUntrusted) != "")
		report.Peak = peakMemory()
		if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// report is what came of loading a file.
type report struct {
	Model              bool
	Kind, Where, Error string
	Foreign            string // the type of an error that is no core.Error
	Peak               int64  // bytes resident at the peak; 0 if the system does not say

	time time.Duration // of the whole process, seen from outside
}

func loadReport(path string, untrusted bool) report {
	r, err := hdf5io.Load(path, hdf5io.Options{Untrusted: untrusted})
	out := report{Model: r.Model != nil}
	if err != nil {
		out.Error = err.Error()
		var e *core.Error
		if errors.As(err, &e) {
			out.Kind, out.Where = string(e.Kind), e.Where
		} else {
			out.Foreign = fmt.Sprintf("%T", err)
		}
	}
	return out
}

// loadInChild loads a file in a process of its own. It fails where the process does not end by itself, in time, with an answer.
func loadInChild(path string, untrusted bool) (report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*childTime) // a machine at work may be slow; what counts is measured
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	if untrusted {
		cmd.Env = append(cmd.Env, childUntrusted+"=1")
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	var r report
	if err != nil {
		return r, fmt.Errorf("the process: %w: %s", err, firstLines(stderr.Bytes()))
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		return r, fmt.Errorf("no answer: %w", err)
	}
	r.time = time.Since(began)
	// Time on the processor does not depend on what else the machine does.
	if used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); used > childTime {
		return r, fmt.Errorf("took %v on the processor, want at most %v", used, childTime)
	}
	if r.Peak > childMemory {
		return r, fmt.Errorf("took %d MiB, want at most %d", r.Peak>>20, childMemory>>20)
	}
	return r, nil
}

func firstLines(b []byte) []byte { return b[:min(len(b), 1500)] }

var peakLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory is the most memory that this process had. Linux says so in a file; what getrusage says there includes the parent.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	m := peakLine.FindSubmatch(text)
	if m == nil {
		return 0
	}
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10
}
