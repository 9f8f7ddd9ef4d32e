// Package coretest is the conformance suite of gk: it takes a thing and a case, and returns every violation of what gk and Keras
// promise of such a thing. The cases are rows of testdata/cases, each with a golden that real Keras wrote.
package coretest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/tensor"
)

// Case is a row and what Keras makes of it.
type Case struct {
	Name   string
	Row    map[string]any
	Golden map[string]*tensor.Tensor
	Meta   map[string]any // the config that Keras gives back, weights, names of logs; see testdata/keras
}

// Testdata is the project's testdata folder, found from the folder that a test runs in.
func Testdata() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "testdata", "cases")); err == nil {
			return filepath.Join(dir, "testdata"), nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no testdata/cases above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Read reads all cases of a kind: the rows of testdata/cases/KIND.jsonl with testdata/golden/KIND/NAME.npz.
func Read(t testing.TB, kind string) []Case {
	t.Helper()
	cases, err := ReadCases(kind)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// ReadCases is Read outside of tests. A golden that was made from another text of its row is an error.
func ReadCases(kind string) ([]Case, error) {
	dir, err := Testdata()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "cases", kind+".jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var cases []Case
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		c := Case{Golden: map[string]*tensor.Tensor{}}
		if err := json.Unmarshal([]byte(line), &c.Row); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		c.Name, _ = c.Row["name"].(string)
		golden := filepath.Join(dir, "golden", kind, c.Name+".npz")
		names, arrays, err := dataset.ReadArrays(golden)
		if err != nil {
			return nil, fmt.Errorf("%w (make it with testdata/keras/gen.py)", err)
		}
		for i, name := range names {
			if name != "meta" {
				c.Golden[name] = arrays[i]
				continue
			}
			if err := json.Unmarshal(tensor.Data[uint8](arrays[i]), &c.Meta); err != nil {
				return nil, fmt.Errorf("%s: meta: %w", golden, err)
			}
		}
		hash := sha256.Sum256([]byte(line))
		if got := hex.EncodeToString(hash[:]); c.Meta["case_sha256"] != got {
			return nil, fmt.Errorf("%s: was made from another text of row %q of %s (make it again with testdata/keras/gen.py)", golden, c.Name, path)
		}
		cases = append(cases, c)
	}
	return cases, lines.Err()
}

// LayerCases reads the cases of all layers: every kind whose name begins with "layers".
func LayerCases(t testing.TB) []Case {
	t.Helper()
	dir, err := Testdata()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "cases", "layers*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []Case
	for _, f := range files {
		cases = append(cases, Read(t, strings.TrimSuffix(filepath.Base(f), ".jsonl"))...)
	}
	return cases
}

// List is the arrays prefix0, prefix1, ... of the golden.
func (c *Case) List(prefix string) []*tensor.Tensor {
	var out []*tensor.Tensor
	for i := 0; ; i++ {
		a := c.Golden[fmt.Sprint(prefix, i)]
		if a == nil {
			return out
		}
		out = append(out, a)
	}
}

// Arguments are the names of the arguments of the call that take the inputs, where the row has them.
func (c *Case) Arguments() []string {
	list, _ := c.Row["call"].([]any)
	names := make([]string, len(list))
	for i, name := range list {
		names[i], _ = name.(string)
	}
	return names
}

// Number is a number of the row, or what it is where the row does not say.
func (c *Case) Number(key string, otherwise float64) float64 {
	if n, ok := c.Row[key].(float64); ok {
		return n
	}
	return otherwise
}
