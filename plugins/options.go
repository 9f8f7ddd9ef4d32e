package plugins

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"time"
)

// This file owns how plugins are run: deadlines, limits, environment.

// Options say how plugins are run. The zero Options are the defaults.
type Options struct {
	// Timeout bounds every call; 0 is one minute.
	Timeout time.Duration
	// StartTimeout bounds the time from the start of the process to its first word; 0 is ten seconds, a minute for Python.
	StartTimeout time.Duration
	// Transport is how tensors travel: "futex", "fdbell" or "stream"; "" is the fastest that both sides have.
	Transport string
	// Memory bounds the address space of a plugin, Shared the memory that it shares with gk, in bytes; 0 is all of the machine's memory.
	Memory, Shared int64
	// Files, Processes and Threads bound what a plugin may have open and running; 0 is 1,024, 64 and 1,024.
	Files, Processes, Threads int
	// Env are variables for plugins, "NAME=value", besides those of gk's own environment that programs need to run (see PassedOn).
	Env []string
	// Python is the interpreter for plugins in Python; "" is $GK_PYTHON, else python3.
	Python string
	// Log gets what plugins write to stderr, line by line; nil drops all but the last lines, which errors show.
	Log func(plugin, line string)
	// Check, if not nil, is told the SHA-256 of a plugin before it is run; an error keeps it from running.
	Check func(path, sha256 string) error
}

// PassedOn are the variables of gk's own environment that plugins get: what programs need to run, and what a Keras backend reads.
// Nothing else, tokens and keys least of all, reaches them.
var PassedOn = []string{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "KERAS_BACKEND",
	"KERAS_HOME", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS", "OMP_NUM_THREADS", "TF_CPP_MIN_LOG_LEVEL", "GOMAXPROCS", "GOMEMLIMIT"}

func (o Options) timeout() time.Duration { return cmp.Or(o.Timeout, time.Minute) }

func (o Options) startTimeout(python bool) time.Duration {
	if python {
		return cmp.Or(o.StartTimeout, time.Minute)
	}
	return cmp.Or(o.StartTimeout, 10*time.Second)
}

func (o Options) python() string { return cmp.Or(o.Python, os.Getenv("GK_PYTHON"), "python3") }

// environment is what a plugin gets.
func (o Options) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains(PassedOn, strings.ToUpper(name)) {
			env = append(env, v)
		}
	}
	return append(env, o.Env...)
}

// features are what gk offers a plugin.
func (o Options) features() []string {
	switch o.Transport {
	case "stream":
		return []string{"stream"}
	case "futex", "fdbell":
		return []string{"stream", "shm", o.Transport}
	}
	return []string{"stream", "shm", "futex", "fdbell"}
}
