package dataset

// This file owns fetching files of named sets: streamed, hashed, and in their place only when they are whole.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gokeras/gk/core/atomicfile"
)

// BaseURL is where Keras keeps the files of its data sets.
const BaseURL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

// Download says how files of named sets are fetched where they are not on the machine.
type Download struct {
	Offline bool   // fail instead
	BaseURL string // by default BaseURL
	Folder  string // where files are kept; by default $GK_DATA, else Keras' cache ~/.keras/datasets
	// Progress, where set, is told the bytes that have come and the total, -1 where the server does not say.
	Progress func(done, total int64)
	Client   *http.Client // by default one that gives up on silent servers
}

// remote is a file that can be fetched.
type remote struct {
	path     string // below the base URL, and in the folder
	sha256   string // of the contents, in hex
	maxBytes int64  // more than the file has
}

// stall is how long a server may be silent. Tests shorten it.
var stall = 60 * time.Second

// download fetches a file into the folder and returns its path. On any error the folder has no new file.
func download(ctx context.Context, file remote, d Download) (path string, err error) {
	if d.BaseURL == "" {
		d.BaseURL = BaseURL
	}
	address := strings.TrimSuffix(d.BaseURL, "/") + "/" + file.path
	folders := d.folders()
	if len(folders) == 0 {
		return "", errors.New("no home folder to keep the file in; set GK_DATA to a folder")
	}
	path = filepath.Join(folders[0], file.path)
	if d.Offline {
		return "", fmt.Errorf("not on this machine and downloads are off; put %s at %s", address, path)
	}
	if err := os.MkdirAll(folders[0], 0o777); err != nil {
		return "", err
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Abort()
	if err := fetch(ctx, f, address, file, d); err != nil {
		return "", fmt.Errorf("download %s: %w", address, err)
	}
	return path, f.Commit()
}

// fetch streams the file into w and checks its hash.
func fetch(ctx context.Context, w io.Writer, address string, file remote, d Download) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(stall, func() { cancel(fmt.Errorf("the server was silent for %v", stall)) })
	defer silent.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := d.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("got status %s, want 200 OK", resp.Status)
	}
	if resp.ContentLength > file.maxBytes {
		return fmt.Errorf("got %d bytes, want at most %d", resp.ContentLength, file.maxBytes)
	}
	hash, done, buf := sha256.New(), int64(0), make([]byte, 1<<16)
	for {
		n, err := resp.Body.Read(buf)
		silent.Reset(stall)
		hash.Write(buf[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if done += int64(n); done > file.maxBytes {
			return fmt.Errorf("got more than %d bytes", file.maxBytes)
		}
		if d.Progress != nil && n > 0 {
			d.Progress(done, resp.ContentLength)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return cause(ctx, fmt.Errorf("after %d bytes: %w", done, err))
		}
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != file.sha256 {
		return fmt.Errorf("got a file of %d bytes with SHA-256 %s, want %s", done, got, file.sha256)
	}
	return nil
}

// cause is why the context ended, if it did, rather than what broke because of it.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}
