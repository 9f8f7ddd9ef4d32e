// Package atomicfile writes whole files: readers of the target see the old contents or the new ones, never a part of either,
// also after a crash, a full disk or a cancelled command.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// File is a file on its way to a target. It is written under another name in the target's folder until Commit.
// The usual use is
//
//	f, err := atomicfile.Create(path)
//	if err != nil { ... }
//	defer f.Abort()
//	... write to f ...
//	return f.Commit()
type File struct {
	f      *os.File
	target string
	done   bool
}

// What the tests watch and break: the calls that make bytes and names durable.
var (
	syncFile   = (*os.File).Sync
	syncFolder = syncDir
)

// Create starts a new version of path. The file gets the permissions that os.Create would leave: those of an existing target,
// else 0666 before the umask. A symbolic link is followed, so that the link stays one. A target that is there but is no regular
// file (a folder, a device, a pipe) is an error, because renaming over it would destroy it.
func Create(path string) (*File, error) {
	target, mode, err := resolve(path)
	if err != nil {
		return nil, err
	}
	f, err := createBeside(target)
	if err != nil {
		return nil, err
	}
	if mode != 0 {
		if err := f.Chmod(mode); err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}
	return &File{f: f, target: target}, nil
}

// resolve is the file that a write to path would change, and its permissions where it exists.
func resolve(path string) (target string, mode fs.FileMode, err error) {
	if path == "" {
		return "", 0, &fs.PathError{Op: "create", Path: path, Err: fs.ErrNotExist}
	}
	target, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if link, err := os.Readlink(path); err == nil {
			return "", 0, fmt.Errorf("%s: link to %s, which does not exist", path, link)
		}
		return path, 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s: got a %s, want a regular file or none", path, kind(info.Mode()))
	}
	return target, info.Mode().Perm(), nil
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeDevice != 0:
		return "device"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	}
	return "special file"
}

// createBeside makes a new file in target's folder. os.CreateTemp is not used because its files are private (0600). The name does
// not hold the target's, which may already be as long as names can be.
func createBeside(target string) (*os.File, error) {
	folder, _ := filepath.Split(target)
	for {
		name := folder + ".new-" + strconv.FormatUint(rand.Uint64(), 36) + ".tmp"
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// Name is where the bytes are until Commit, for libraries that insist on opening the file themselves.
func (f *File) Name() string { return f.f.Name() }

// Write appends at the current offset.
func (f *File) Write(p []byte) (int, error) { return f.f.Write(p) }

// WriteAt writes at an offset of the new file.
func (f *File) WriteAt(p []byte, off int64) (int, error) { return f.f.WriteAt(p, off) }

// ReadAt reads back what was written.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// Seek moves the offset of the next Write, as os.File.Seek does.
func (f *File) Seek(offset int64, whence int) (int64, error) { return f.f.Seek(offset, whence) }

// Commit makes the bytes durable and puts the file in the target's place. After an error the target is as it was, except that a
// folder that cannot be synced is reported after the new file is already in place. Committing twice, or after Abort, is an error.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("%s: commit: already committed or aborted", f.target)
	}
	f.done = true
	err := syncFile(f.f)
	if e := f.f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.f.Name(), f.target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.f.Name()))
	}
	return syncFolder(filepath.Dir(f.target))
}

// Abort drops the new file and leaves the target alone. After Commit or another Abort it does nothing, so it can be deferred.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	// Nothing to tell: the caller is already failing, and a file that cannot be closed or removed changes no result.
	_ = f.f.Close()
	_ = os.Remove(f.f.Name())
}
