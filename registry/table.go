package registry

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
)

// This file owns the table of one kind of thing: names, aliases, constructors.

// Entry is one thing that can be made by name.
type Entry[T any] struct {
	Name    string   // Keras' name: the class ("Dense"), or the function ("relu") where Keras has functions
	Aliases []string // other names that files and people use
	Package string   // "" for Keras' own; "acme" makes the full name "acme>Name"
	Module  string   // where Keras 3 keeps it, for files; "" means the table's module
	// Class is the class_name in files where that is not the name: operations and layers may have the same one.
	Class string
	// Legacy is the class_name in legacy files where Keras 2 has the thing under another name; "" is Class. Later Kerases know that name, too.
	Legacy string
	// Registered is the registered_name of a class that Keras does not export; "" for the others.
	Registered string
	New        func() T // with Keras' defaults
	// Upgrade, if not nil, changes the config that a file of another Keras generation holds into today's, in place.
	Upgrade func(c core.Config, from Origin) error
	// Becomes, if not nil, is for a name that only old files have: it changes the config, in place, into that of another entry, and says
	// which one: Merge of Keras 1 is an Add, a Concatenate, ... New makes what it mostly is.
	Becomes func(c core.Config, from Origin) (name string, err error)
	// Before3, if not "", is the name of the entry that files of Keras 1 and 2 mean by this entry's names.
	Before3 string
	Yields  bool   // another entry of the same name takes its place
	From    string // what provides it, for errors about duplicate names: "gk", or a plugin's binary
	About   string // what it is, for those who meet it in a plugin; the first line is a summary
}

// LegacyModule is the Module of what Keras 3 has no more. Real Keras 3 makes no goldens of it, so that tests compare with numbers of
// tf_keras instead.
const LegacyModule = "keras.legacy"

// FullName is the name with its package, as files have it.
func (e *Entry[T]) FullName() string {
	if e.Package == "" {
		return e.Name
	}
	return e.Package + ">" + e.Name
}

// Origin says where a config comes from, for what differs between Keras' generations.
type Origin struct {
	KerasVersion string // "2.3.1", "" if unknown
	Backend      string // "tensorflow", "theano", "" if unknown
	// DataFormat is that of the layers that do not say where their channels are; "" if nothing says so. Keras 1 leaves it out for some.
	DataFormat string
	// Note, if not nil, is told what had to be converted.
	Note func(what string)
	// Missing, if not nil, allows layers that nothing provides, and is told of each: see Missing.
	Missing func(l *Missing)
}

// Major is the first number of the Keras version: 1, 2, 3; 0 if unknown.
func (o Origin) Major() int {
	if o.KerasVersion == "" || o.KerasVersion[0] < '0' || o.KerasVersion[0] > '9' {
		return 0
	}
	return int(o.KerasVersion[0] - '0')
}

// Table holds the things of one kind by name.
type Table[T any] struct {
	kind, module string // "layer", "keras.layers"
	entries      map[string]*Entry[T]
	names        map[string]string // every name and alias, to the full name
	types        map[reflect.Type]string
}

func newTable[T any](kind, module string) *Table[T] {
	return &Table[T]{kind, module, map[string]*Entry[T]{}, map[string]string{}, map[reflect.Type]string{}}
}

func (t *Table[T]) clone() *Table[T] {
	return &Table[T]{t.kind, t.module, maps.Clone(t.entries), maps.Clone(t.names), maps.Clone(t.types)}
}

// onlyKeras drops what is of a package.
func (t *Table[T]) onlyKeras() {
	maps.DeleteFunc(t.entries, func(_ string, e *Entry[T]) bool { return e.Package != "" })
	gone := func(full string) bool { return t.entries[full] == nil }
	maps.DeleteFunc(t.names, func(_, full string) bool { return gone(full) })
	maps.DeleteFunc(t.types, func(_ reflect.Type, full string) bool { return gone(full) })
}

// Add adds an entry. A name that is taken is an error that says by whom, unless the entry that has it yields.
func (t *Table[T]) Add(e Entry[T]) error {
	full := e.FullName()
	for _, n := range append([]string{full}, e.Aliases...) {
		at, ok := t.names[n]
		if ok && t.entries[at].Yields {
			t.remove(at)
		} else if ok {
			return core.Errorf(core.ErrUsage, "", "%s %q is provided twice: by %s and by %s", t.kind, n, orGK(t.entries[at].From), orGK(e.From))
		}
	}
	if e.Module == "" {
		e.Module = t.module
	}
	if e.Class == "" {
		e.Class = e.Name
	}
	t.entries[full] = &e
	t.names[full] = full
	for _, a := range e.Aliases {
		t.names[a] = full
	}
	if e.Becomes == nil { // what it makes goes by another name
		if v := any(e.New()); v != nil {
			t.types[reflect.TypeOf(v)] = full
		}
	}
	return nil
}

func (t *Table[T]) remove(full string) {
	delete(t.entries, full)
	maps.DeleteFunc(t.names, func(_, of string) bool { return of == full })
	maps.DeleteFunc(t.types, func(_ reflect.Type, of string) bool { return of == full })
}

// MustAdd is Add for the standard set, whose names are free.
func (t *Table[T]) MustAdd(e Entry[T]) {
	if err := t.Add(e); err != nil {
		panic(err)
	}
}

func orGK(from string) string {
	if from == "" {
		return "gk"
	}
	return from
}

// named is a value whose type serves several names, or that can be written as a name alone. "" says that the name does not say all: the
// value is found by its type, and has a config.
type named interface{ RegistryName() string }

// Lookup finds an entry by name or alias; nil if there is none.
func (t *Table[T]) Lookup(name string) *Entry[T] { return t.entries[t.names[name]] }

// New makes a thing by name or alias. The error has the nearest names.
func (t *Table[T]) New(name string) (T, error) {
	if e := t.Lookup(name); e != nil {
		return e.New(), nil
	}
	var none T
	return none, t.Unknown(name)
}

// Unknown is the error for a name that is not in the table.
func (t *Table[T]) Unknown(name string) error {
	kind := core.ErrLayerConfig
	if t.kind == "layer" {
		kind = core.ErrUnknownLayer
	}
	err := core.Errorf(kind, "", "unknown %s %q", t.kind, name)
	err.Hint = DidYouMean(name, slices.Collect(maps.Keys(t.names)))
	return err
}

// NameOf is the full name under which the table makes things like v; "" if it makes none.
func (t *Table[T]) NameOf(v T) string {
	if n, ok := any(v).(interface{ RegistryEntry() string }); ok {
		return n.RegistryEntry() // one type serves many entries
	}
	if n, ok := any(v).(named); ok && n.RegistryName() != "" {
		return n.RegistryName()
	}
	return t.types[reflect.TypeOf(v)]
}

// Names are all full names, sorted, without aliases.
func (t *Table[T]) Names() []string { return slices.Sorted(maps.Keys(t.entries)) }

// Kind says what the table holds: "layer", "optimizer".
func (t *Table[T]) Kind() string { return t.kind }

// DidYouMean is a hint with the names that are most like the one that was not found; "" if none is.
func DidYouMean(name string, names []string) string {
	type near struct {
		name string
		d    int
	}
	var found []near
	for _, n := range names {
		d := distance(strings.ToLower(name), strings.ToLower(n))
		if d <= max(1, len(name)/3) {
			found = append(found, near{n, d})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		if a.d != b.d {
			return a.d - b.d
		}
		return strings.Compare(a.name, b.name)
	})
	var quoted []string
	for _, n := range found[:min(2, len(found))] {
		if n.d > found[0].d {
			break
		}
		quoted = append(quoted, fmt.Sprintf("%q", n.name))
	}
	if quoted == nil {
		return ""
	}
	return "did you mean " + strings.Join(quoted, " or ") + "?"
}

// distance is the number of letters to add, drop, change or swap with a neighbour to make one word of the other (Damerau, 1964,
// restricted form).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		now := make([]int, len(b)+1)
		now[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			now[j+1] = min(change, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last = last, now
	}
	return last[len(b)]
}
