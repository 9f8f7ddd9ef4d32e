package proto_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/graph"
)

// This file keeps the table of operations of README.md: go test ./plugins/proto -update writes it.

var update = flag.Bool("update", false, "write the table of operations in README.md")

const (
	begin = "<!-- operations: written by go test -update -->\n"
	end   = "<!-- end of operations -->\n"
)

// table describes all operations.
func table() string {
	var b strings.Builder
	b.WriteString("| operation | inputs | settings | outputs | what it computes |\n|---|---|---|---|---|\n")
	for _, op := range graph.Operations() {
		var inputs, settings []string
		for _, in := range op.Inputs {
			name := in.Name
			switch {
			case in.Optional:
				name += "?"
			case in.Many:
				name += "..."
			}
			inputs = append(inputs, name)
		}
		for _, s := range op.Settings {
			settings = append(settings, fmt.Sprintf("%s: %s", s.Name, s.Type))
		}
		doc := op.Doc
		if !op.Gradient && len(op.Inputs) > 0 {
			doc += "; no gradient"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", op.Name, strings.Join(inputs, ", "), strings.Join(settings, "; "),
			strings.Join(op.Outputs, ", "), doc)
	}
	fmt.Fprintf(&b, "\nActivations of `RNN`: %s. Its cells: simple, lstm, gru, with 1, 4 and 3 gates.\n", strings.Join(graph.RNNActivations(), ", "))
	return b.String()
}

func TestOperationsTable(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(readme, []byte(begin))
	old, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		t.Fatal("README.md: the lines around the table are not there")
	}
	want := table()
	if *update {
		text := bytes.Join([][]byte{before, []byte(begin), []byte(want), []byte(end), after}, nil)
		if err := os.WriteFile("README.md", text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(old) != want {
		t.Error("the table of operations in README.md is not that of core/graph: run go test ./plugins/proto -update")
	}
}
