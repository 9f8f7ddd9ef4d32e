package hdf5io_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Published and hostile files are kept beside the repository: they are data to test with, not part of the project.

// shared finds a folder of them, or skips the test.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "shared", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not there: it is kept beside the repository, as ../shared/%s", dir, name)
	}
	return dir
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}
