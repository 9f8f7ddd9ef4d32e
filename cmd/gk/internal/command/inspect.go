package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// This file owns gk inspect.

func (e *env) inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what is in a file: groups, datasets, attributes, archive members",
		ArgsUsage: "FILE [PATH]",
		Description: `It makes no model of the file, so that it works where gk load does not: on layers that gk does not know, on weights without an
architecture, on any sound HDF5 file. PATH is a group, a dataset or an archive member; what is below it is shown, and JSON is printed.

gk inspect model.h5
gk inspect model.h5 /model_weights/dense --values 5   a few numbers of each dataset, and minimum, maximum and mean
gk inspect model.h5 --attr model_config               the architecture, as JSON
gk inspect model.keras config.json                    the same
gk inspect model.keras /layers/dense                  groups of the weights inside`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "values", Usage: "read the datasets: `N` numbers of each, and minimum, maximum and mean of all"},
			&cli.StringFlag{Name: "attr", Usage: "print the attribute `NAME` of FILE or PATH alone"},
			untrustedFlag(),
			&cli.BoolFlag{Name: "allow-missing", Hidden: true}, // as gk load has it: inspect always does without layers
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 2); err != nil {
				return err
			}
			if n := c.Int("values"); n < 0 || c.IsSet("values") && n == 0 {
				return usage("--values", "got %d, want a number of values", n)
			}
			path := c.Args().First()
			in, err := hdf5io.Inspect(path, hdf5io.InspectOptions{Path: c.Args().Get(1), Values: c.Int("values"), Untrusted: c.Bool("untrusted")})
			if name := c.String("attr"); name != "" && err == nil {
				return core.InFile(path, e.showAttribute(in, name))
			}
			switch {
			case !e.json:
				e.showInspection(path, in)
			case err == nil:
				return e.result(map[string]any{"file": path, "form": in.Form, "bytes": in.Bytes, "entries": append([]hdf5io.Entry{}, in.Entries...)})
			}
			return err
		},
	}
}

func untrustedFlag() cli.Flag {
	return &cli.BoolFlag{Name: "untrusted", Usage: "read every byte with Go code, none with libhdf5"}
}

// showAttribute prints one attribute of the first entry: JSON over several lines, lists an item a line.
func (e *env) showAttribute(in *hdf5io.Inspection, name string) error {
	var names, elsewhere []string
	for i, x := range in.Entries {
		for _, a := range x.Attrs {
			if i == first(in) {
				names = append(names, a.Name)
				if a.Name == name {
					return e.printAttribute(x.Path, a)
				}
			} else if a.Name == name {
				elsewhere = append(elsewhere, x.Path)
			}
		}
	}
	where := "/"
	if len(in.Entries) > first(in) {
		where = in.Entries[first(in)].Path
	}
	x := core.Errorf(core.ErrNotFound, where, "has no attribute %q", name)
	switch x.Hint = registry.DidYouMean(name, names); {
	case len(elsewhere) > 0:
		x.Hint = elsewhere[0] + " has it"
	case x.Hint == "" && len(names) > 0:
		x.Hint = "it has " + strings.Join(names, ", ")
	}
	return x
}

// first is the entry that is meant where none is named: the root of HDF5, which in an archive comes behind members.
func first(in *hdf5io.Inspection) int {
	return max(0, slices.IndexFunc(in.Entries, func(x hdf5io.Entry) bool { return x.Kind == "group" || x.Kind == "dataset" }))
}

func (e *env) printAttribute(path string, a hdf5io.Attribute) error {
	if e.json {
		o := map[string]any{"path": path, "name": a.Name, "type": a.Type, "value": a.Value}
		if s, ok := a.Value.(string); ok && json.Valid([]byte(s)) {
			o["value"] = json.RawMessage(s)
		}
		return e.result(o)
	}
	switch v := a.Value.(type) {
	case string:
		e.say("%s", pretty(v))
	case []string:
		for _, s := range v {
			e.say("%s", printable(s))
		}
	case []hdf5io.Number:
		for _, n := range v {
			e.say("%v", n)
		}
	case nil:
		e.say("%s, which is not shown", a.Type)
	default:
		e.say("%v", v)
	}
	return nil
}

// pretty is JSON over several lines, and other text as it is.
func pretty(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") == nil {
		text = b.String()
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = printable(l)
	}
	return strings.Join(lines, "\n")
}

// printable escapes what a terminal might obey.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) < 0 {
		return s
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// showInspection draws the tree: a level of the path is two spaces.
func (e *env) showInspection(path string, in *hdf5io.Inspection) {
	if in.Form == "" {
		return
	}
	e.say("%s  %s, %s bytes", path, in.Form, model.Thousands(int(in.Bytes)))
	width := 0
	for _, x := range in.Entries {
		if x.Kind == "dataset" || x.Kind == "member" {
			width = max(width, len(treeName(in, x)))
		}
	}
	width = min(width, 48)
	for _, x := range in.Entries {
		name := treeName(in, x)
		switch x.Kind {
		case "group":
			if x.Path != "/" {
				name = strings.TrimSuffix(name, "/") + "/"
			}
			e.say("%s", name)
		case "member":
			size := model.Thousands(int(x.Bytes)) + " bytes"
			if x.Storage == "deflated" {
				size = fmt.Sprintf("%s of %s bytes", model.Thousands(int(x.Stored)), model.Thousands(int(x.Bytes)))
			}
			e.say("%-*s  %s  %s  CRC-32 %s", width, name, x.Storage, size, x.CRC32)
		case "dataset":
			e.say("%-*s  %-7s  %-14s  %s", width, name, x.Type, tensor.Shape(x.Shape), storageOf(x))
		}
		indent := strings.Repeat(" ", len(name)-len(strings.TrimLeft(name, " "))+2)
		for _, a := range x.Attrs {
			e.say("%s@%s  %s", indent, printable(a.Name), attributeText(a))
		}
		if v := x.Values; v != nil {
			e.say("%s%s", indent, valuesText(v, x))
		}
		if x.Problem != "" {
			e.say("%sno values: %s", indent, x.Problem)
		}
		if x.Content != nil {
			text, err := json.MarshalIndent(x.Content, "", "  ")
			if err == nil {
				e.say("%s", pretty(string(text)))
			}
		}
	}
}

// treeName is the last part of a path, as far to the right as it is deep. The first entry keeps the whole path.
func treeName(in *hdf5io.Inspection, x hdf5io.Entry) string {
	if x.Path == in.Entries[0].Path || x.Kind == "member" || strings.HasSuffix(x.Path, ":/") {
		return printable(x.Path)
	}
	root := in.Entries[first(in)].Path
	rest := strings.Trim(strings.TrimPrefix(x.Path, root), "/")
	parts := strings.Split(rest, "/")
	if rest == "" {
		return printable(x.Path)
	}
	return strings.Repeat("  ", len(parts)) + printable(parts[len(parts)-1])
}

func storageOf(x hdf5io.Entry) string {
	parts := []string{x.Storage}
	if len(x.Chunk) > 0 {
		parts[0] += " " + tensor.Shape(x.Chunk).String()
	}
	if len(x.Filters) > 0 {
		parts = append(parts, strings.Join(x.Filters, ", "))
	}
	size := model.Thousands(int(x.Bytes)) + " bytes"
	if x.Stored != x.Bytes {
		size = fmt.Sprintf("%s of %s bytes", model.Thousands(int(x.Stored)), model.Thousands(int(x.Bytes)))
	}
	return strings.Join(append(parts, size), "  ")
}

// The most that is shown of an attribute on its line.
const (
	shownText  = 60
	shownItems = 4
)

func attributeText(a hdf5io.Attribute) string {
	list := func(n int, item func(i int) string) string {
		var parts []string
		for i := range min(n, shownItems) {
			parts = append(parts, item(i))
		}
		if n > shownItems {
			return fmt.Sprintf("[%s, ...] (%d)", strings.Join(parts, ", "), n)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch v := a.Value.(type) {
	case string:
		return shorten(v)
	case []string:
		return list(len(v), func(i int) string { return shorten(v[i]) })
	case []hdf5io.Number:
		return list(len(v), func(i int) string { return fmt.Sprint(v[i]) })
	case nil:
		return a.Type
	default:
		return fmt.Sprint(v)
	}
}

func shorten(s string) string {
	if len(s) <= shownText {
		return `"` + printable(s) + `"`
	}
	return fmt.Sprintf("%s... (%s bytes)", printable(strings.ToValidUTF8(s[:shownText], "")), model.Thousands(len(s)))
}

func valuesText(v *hdf5io.Values, x hdf5io.Entry) string {
	parts := make([]string, len(v.First))
	for i, y := range v.First {
		switch y := y.(type) {
		case hdf5io.Number:
			parts[i] = strconv.FormatFloat(float64(y), 'g', 6, 64)
		case string:
			parts[i] = shorten(y)
		}
	}
	if n := tensor.Shape(x.Shape).Size(); n > len(parts) {
		parts = append(parts, "...")
	}
	s := strings.Join(parts, " ")
	if v.Numeric() && len(v.First) > 0 {
		s += fmt.Sprintf("   min %.6g, max %.6g, mean %.6g", float64(v.Min), float64(v.Max), float64(v.Mean))
		if v.NotFinite > 0 {
			s += fmt.Sprintf(", %s not finite", model.Thousands(v.NotFinite))
		}
	}
	return s
}
