package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serve answers every request by handle, and is a Download that asks it.
func serve(t *testing.T, handle http.HandlerFunc) Download {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return Download{BaseURL: server.URL, Folder: filepath.Join(t.TempDir(), "new", "folder"), Client: server.Client()}
}

func leftOver(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestDownload(t *testing.T) {
	text := strings.Repeat("0123456789", 30000)
	sum := sha256.Sum256([]byte(text))
	file := remote{path: "set.npz", sha256: hex.EncodeToString(sum[:]), maxBytes: 1 << 20}
	whole := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/set.npz" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.Write([]byte(text))
	}

	t.Run("good", func(t *testing.T) {
		d := serve(t, whole)
		var last, total int64
		d.Progress = func(done, all int64) {
			if done <= last {
				t.Errorf("progress went from %d to %d", last, done)
			}
			last, total = done, all
		}
		path, err := download(t.Context(), file, d)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if last != int64(len(text)) || total != last {
			t.Errorf("progress ended at %d of %d, want %d", last, total, len(text))
		}
		if got := leftOver(t, d.Folder); len(got) != 1 {
			t.Errorf("folder has %q", got)
		}
	})

	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(text[:1000]))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		d.Progress = func(done, total int64) {
			if total != -1 {
				t.Errorf("got total %d, want -1 where the server does not say", total)
			}
			cancel()
		}
		_, err := download(ctx, file, d)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if got := leftOver(t, d.Folder); len(got) > 0 {
			t.Errorf("left over: %q", got)
		}
	})

	t.Run("silent", func(t *testing.T) {
		defer func(d time.Duration) { stall = d }(stall)
		stall = 50 * time.Millisecond
		d := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(text[:1000]))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		_, err := download(t.Context(), file, d)
		wantError(t, err, "silent for 50ms")
		if got := leftOver(t, d.Folder); len(got) > 0 {
			t.Errorf("left over: %q", got)
		}
	})

	for name, c := range map[string]struct {
		handle http.HandlerFunc
		words  []string
	}{
		"wrong hash": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("other")) }, []string{"5 bytes", "SHA-256", file.sha256}},
		"truncated": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
			w.Write([]byte(text[:100000]))
		}, []string{"after 100000 bytes", "EOF"}},
		"missing":   {http.NotFound, []string{"404 Not Found"}},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "2000000") }, []string{"2000000 bytes", "1048576"}},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write([]byte(text))
			}
		}, []string{"more than 1048576"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := serve(t, c.handle)
			_, err := download(t.Context(), file, d)
			wantError(t, err, append(c.words, "download "+d.BaseURL+"/set.npz: ")...)
			if got := leftOver(t, d.Folder); len(got) > 0 {
				t.Errorf("left over: %q", got)
			}
		})
	}

	t.Run("no server", func(t *testing.T) {
		d := serve(t, whole)
		d.BaseURL = "http://127.0.0.1:1/"
		_, err := download(t.Context(), file, d)
		wantError(t, err, "127.0.0.1:1/set.npz")
		d.Offline = true
		_, err = download(t.Context(), file, d)
		wantError(t, err, "downloads are off", filepath.Join(d.Folder, "set.npz"))
	})
}

// The named set asks the network only where there is no local file, and says where it would be kept.
func TestMNISTIsLookedForLocallyFirst(t *testing.T) {
	root := t.TempDir()
	t.Setenv("GK_DATA", filepath.Join(root, "data"))
	t.Setenv("KERAS_HOME", filepath.Join(root, "keras"))
	asked := 0
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/mnist.npz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		http.NotFound(w, r)
	})
	d.Folder = ""
	_, err := Load(t.Context(), "mnist", Options{Download: d})
	wantError(t, err, `data "mnist"`, "404")
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	s, name, err := Default(t.Context(), Options{Download: d})
	if err != nil || name != "digits" || s.Name != "digits" || s.Train.Len() != 60000 || s.Test.Len() != 10000 {
		t.Errorf("default without MNIST: %s, %v", name, err)
	}

	for _, dir := range slices.Backward(d.folders()) { // the one that is looked at last first
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "mnist.npz")
		x := digits(t, 20, 10, 0)
		writeSplit(t, path, x)
		s, name, err := Default(t.Context(), Options{Download: d})
		if err != nil || name != "mnist" || s.Origin != path || s.Train.Len() != 20 {
			t.Errorf("default with %s: %s, %v", path, name, err)
		}
	}
	put(t, filepath.Join(root, "data", "mnist.npz"), "broken")
	_, err = Load(t.Context(), "mnist", Options{Download: d})
	wantError(t, err, "mnist.npz", "remove")
	if asked != 1 {
		t.Errorf("asked %d times, want only once when there was no file", asked)
	}
}
