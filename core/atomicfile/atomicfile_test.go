package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// files lists a folder, so that a test sees what was left behind.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, path, text string) *File {
	t.Helper()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCommit(t *testing.T) {
	for _, before := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "w.bin")
		if before {
			put(t, path, "old")
		}
		f := start(t, path, "new contents")
		if _, err := f.WriteAt([]byte("N"), 0); err != nil {
			t.Fatal(err)
		}
		if before && contents(t, path) != "old" {
			t.Error("target changed before Commit")
		}
		if !before && slices.Contains(files(t, dir), "w.bin") {
			t.Error("target there before Commit")
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		f.Abort() // must do nothing now
		if got := contents(t, path); got != "New contents" {
			t.Errorf("got %q", got)
		}
		if got := files(t, dir); len(got) != 1 {
			t.Errorf("left behind: %q", got)
		}
		if err := f.Commit(); err == nil {
			t.Error("second Commit: no error")
		}
	}
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.bin")
	put(t, path, "old")
	f := start(t, path, "new")
	if _, err := os.Stat(f.Name()); err != nil {
		t.Errorf("Name is not where the bytes are: %v", err)
	}
	f.Abort()
	f.Abort()
	if got := contents(t, path); got != "old" {
		t.Errorf("target changed: %q", got)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("left behind: %q", got)
	}
	if err := f.Commit(); err == nil {
		t.Error("Commit after Abort: no error")
	}
}

func TestSyncBeforeAndAfterRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.bin")
	defer func(a func(*os.File) error, b func(string) error) { syncFile, syncFolder = a, b }(syncFile, syncFolder)
	var order []string
	there := func() string {
		if slices.Contains(files(t, dir), "w.bin") {
			return " after rename"
		}
		return " before rename"
	}
	syncFile = func(f *os.File) error { order = append(order, "file"+there()); return f.Sync() }
	syncFolder = func(d string) error { order = append(order, "folder"+there()); return syncDir(d) }
	if err := start(t, path, "x").Commit(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ", "); got != "file before rename, folder after rename" {
		t.Errorf("got %s", got)
	}
}

func TestFailedCommitLeavesTarget(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.bin")
	put(t, path, "old")
	defer func(f func(*os.File) error) { syncFile = f }(syncFile)
	full := errors.New("no space left")
	syncFile = func(*os.File) error { return full }
	if err := start(t, path, "new").Commit(); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if got := files(t, dir); len(got) != 1 || contents(t, path) != "old" {
		t.Errorf("target %q, files %q", contents(t, path), got)
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]string{
		"":                                  "not exist",
		dir:                                 "folder",
		filepath.Join(dir, "none", "w.bin"): "no such file",
	}
	if runtime.GOOS != "windows" {
		cases["/dev/null"] = "device"
		link := filepath.Join(dir, "dangling")
		if err := os.Symlink("nowhere", link); err != nil {
			t.Fatal(err)
		}
		cases[link] = "nowhere"
	}
	before := files(t, dir)
	for path, want := range cases {
		f, err := Create(path)
		if err == nil {
			f.Abort()
			t.Errorf("%q: no error", path)
		} else if runtime.GOOS != "windows" && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", path, err, want)
		}
	}
	if got := files(t, dir); !slices.Equal(got, before) {
		t.Errorf("left behind: %q", got)
	}
}

func TestPermissionsAndLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no Unix permissions here")
	}
	dir := t.TempDir()
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	plain, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	plain.Close()
	path := filepath.Join(dir, "w.bin")
	if err := start(t, path, "x").Commit(); err != nil {
		t.Fatal(err)
	}
	if got, want := mode(path), mode(plain.Name()); got != want {
		t.Errorf("new file: got %v, os.Create gives %v", got, want)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("w.bin", link); err != nil {
		t.Fatal(err)
	}
	if err := start(t, link, "through the link").Commit(); err != nil {
		t.Fatal(err)
	}
	if got := mode(path); got != 0o640 {
		t.Errorf("existing file: got %v, want the mode that it had", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v %v", info, err)
	}
	if got := contents(t, path); got != "through the link" {
		t.Errorf("got %q", got)
	}
}
