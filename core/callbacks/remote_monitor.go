package callbacks

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gokeras/gk/core"
)

// RemoteMonitor posts the logs of each epoch to a server as a JSON object with "epoch" and the values by name: as the body, or as a field
// of a form. A server that cannot be reached is a warning. Values that are no finite numbers are null.
// Source: keras/src/callbacks/remote_monitor.py.
type RemoteMonitor struct {
	base
	Root       string         `json:"root"`
	Path       string         `json:"path"`
	Field      string         `json:"field"`
	Headers    map[string]any `json:"headers"`
	SendAsJSON bool           `json:"send_as_json"`
}

func init() {
	register("RemoteMonitor", func() *RemoteMonitor {
		return &RemoteMonitor{Root: "http://localhost:9000", Path: "/publish/epoch/end/", Field: "data"}
	})
}

// NewRemoteMonitor makes a RemoteMonitor.
func NewRemoteMonitor(with ...With) *RemoteMonitor {
	return configure[*RemoteMonitor]("RemoteMonitor", nil, with)
}

// remoteTimeout is how long training waits for the server.
const remoteTimeout = 10 * time.Second

// OnEpochEnd posts the logs.
func (c *RemoteMonitor) OnEpochEnd(t core.Trainer, epoch int, logs core.Logs) error {
	send := map[string]any{"epoch": epoch}
	for i, name := range logs.Names {
		send[name] = nil
		if v := logs.Values[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			send[name] = v
		}
	}
	body, err := json.Marshal(send)
	if err != nil {
		return core.In("callback \"RemoteMonitor\"", core.ErrUsage, err)
	}
	kind := "application/json"
	if !c.SendAsJSON {
		kind = "application/x-www-form-urlencoded"
		body = []byte(url.Values{c.Field: {string(body)}}.Encode())
	}
	request, err := http.NewRequest(http.MethodPost, c.Root+c.Path, bytes.NewReader(body))
	if err != nil {
		return usage("RemoteMonitor", "root", "%v", err)
	}
	request.Header.Set("Content-Type", kind)
	for key, v := range c.Headers {
		switch v := v.(type) {
		case string:
			request.Header.Set(key, v)
		case float64:
			request.Header.Set(key, strconv.FormatFloat(v, 'g', -1, 64))
		default:
			return usage("RemoteMonitor", "headers", "%s: got %v, want a string", key, v)
		}
	}
	client := http.Client{Timeout: remoteTimeout}
	response, err := client.Do(request)
	if err != nil {
		t.Warn("RemoteMonitor: %s cannot be reached: %s", c.Root, strings.TrimSpace(err.Error()))
		return nil
	}
	return response.Body.Close()
}
