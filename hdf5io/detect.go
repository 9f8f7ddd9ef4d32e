package hdf5io

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// This file owns telling by its content what a file is.

type content int

const (
	contentUnknown content = iota
	contentHDF5
	contentZip
	contentJSON
	contentYAML
)

const hdf5Signature = "\x89HDF\r\n\x1a\n"

// sniff looks at the beginning of a file, and for HDF5 behind a user block.
func sniff(path string) (c content, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, openError(err)
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err != nil {
		return 0, 0, openError(err)
	}
	if info.IsDir() {
		return 0, 0, openError(errors.New("is a folder, want a file"))
	}
	head := make([]byte, 1024)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, 0, openError(err)
	}
	head, size = head[:n], info.Size()
	switch {
	case bytes.HasPrefix(head, []byte(hdf5Signature)):
		return contentHDF5, size, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return contentZip, size, nil
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(text) > 0 && (text[0] == '{' || text[0] == '"') {
		return contentJSON, size, nil
	}
	if isYAML(head) {
		return contentYAML, size, nil
	}
	at := make([]byte, len(hdf5Signature))
	for offset := int64(512); offset+int64(len(at)) <= size; offset *= 2 {
		if _, err := f.ReadAt(at, offset); err != nil {
			return 0, 0, openError(err)
		}
		if string(at) == hdf5Signature {
			return contentHDF5, size, nil
		}
	}
	return contentUnknown, size, nil
}
