package callbacks

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gokeras/gk/core"
)

// CSVLogger writes the logs of each epoch as a line of a CSV file: the number of the epoch from 0 and the values sorted by name, "NA"
// where one is missing. Lines end with CR LF. Without values of a validation there are columns for them all the same, so that a file can
// be continued by a run with one.
// Source: keras/src/callbacks/csv_logger.py.
type CSVLogger struct {
	base
	Filename  string `json:"filename"`
	Separator string `json:"separator"`
	Append    bool   `json:"append"` // to a file that is there, rather than writing it anew

	header bool // still to be written
	keys   []string
}

func init() { register("CSVLogger", func() *CSVLogger { return &CSVLogger{Separator: ","} }) }

// NewCSVLogger makes a CSVLogger.
func NewCSVLogger(filename string, with ...With) *CSVLogger {
	return configure[*CSVLogger]("CSVLogger", With{"filename": filename}, with)
}

// OnTrainBegin makes the file.
func (c *CSVLogger) OnTrainBegin(core.Trainer) error {
	if c.err != nil {
		return c.err
	}
	if c.Filename == "" {
		return usage("CSVLogger", "filename", "got none")
	}
	if utf8.RuneCountInString(c.Separator) != 1 || strings.ContainsAny(c.Separator, "\"\r\n\uFFFD") {
		return usage("CSVLogger", "separator", "got %q, want one character that is no quote or line break", c.Separator)
	}
	c.keys, c.header = nil, true
	if !c.Append {
		return core.InFile(c.Filename, os.WriteFile(c.Filename, nil, 0o644))
	}
	info, err := os.Stat(c.Filename)
	if err == nil {
		c.header = info.Size() == 0
	} else if !errors.Is(err, fs.ErrNotExist) {
		return core.InFile(c.Filename, err)
	}
	return nil
}

// OnEpochEnd appends a line.
func (c *CSVLogger) OnEpochEnd(_ core.Trainer, epoch int, logs core.Logs) error {
	if c.keys == nil {
		c.keys = slices.Sorted(slices.Values(logs.Names))
		if !slices.ContainsFunc(c.keys, func(k string) bool { return strings.HasPrefix(k, "val_") }) {
			for _, k := range slices.Clone(c.keys) {
				c.keys = append(c.keys, "val_"+k)
			}
		}
	}
	f, err := os.OpenFile(c.Filename, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return core.InFile(c.Filename, err)
	}
	w := csv.NewWriter(f)
	w.UseCRLF = true
	w.Comma, _ = utf8.DecodeRuneInString(c.Separator)
	row := []string{strconv.Itoa(epoch)}
	for _, k := range c.keys {
		if v, ok := logs.Get(k); ok {
			row = append(row, repr(v))
		} else {
			row = append(row, "NA")
		}
	}
	rows := [][]string{row}
	if c.header {
		rows = [][]string{append([]string{"epoch"}, c.keys...), row}
		c.header = false
	}
	err = w.WriteAll(rows)
	return core.InFile(c.Filename, errors.Join(err, f.Close()))
}
