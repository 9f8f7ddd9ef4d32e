package command

import (
	"runtime"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	if out := ok(t, "version"); !strings.HasPrefix(out, "gk ") || !strings.Contains(out, runtime.GOARCH) {
		t.Errorf("got %q", out)
	}
	if o := okJSON(t, "version"); o["go"] != runtime.Version() || o["arch"] != runtime.GOARCH || o["version"] != version() {
		t.Errorf("got %v", o)
	}
}
