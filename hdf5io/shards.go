package hdf5io

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns weights in shards: a .weights.json that says in which .weights.h5 beside it each group of arrays lies. The arrays of
// one group may be spread over several.

type shards struct {
	files  map[string]*h5.File
	places map[string][]string // path to files
}

func (l *loader) loadShards(list map[string]any) error {
	where, ok := list["weight_map"].(map[string]any)
	if !ok {
		return core.Errorf(core.ErrConfigJSON, "weight_map", "want an object")
	}
	s := &shards{map[string]*h5.File{}, map[string][]string{}}
	defer func() {
		for _, f := range s.files {
			_ = f.Close() // it was only read
		}
	}()
	for _, path := range slices.Sorted(maps.Keys(where)) {
		names, ok := where[path].([]any)
		if !ok {
			names = []any{where[path]}
		}
		key := strings.Trim(strings.TrimSuffix(path, "vars"), "/")
		for _, n := range names {
			name, ok := n.(string)
			if !ok {
				return core.Errorf(core.ErrConfigJSON, fmt.Sprintf("weight_map %q", path), "got %v, want names of files", n)
			}
			if name == "" || name == ".." || strings.ContainsAny(name, "/\\:\x00") {
				return core.Errorf(core.ErrUnsafePath, fmt.Sprintf("weight_map %q", path), "got %q, want the name of a file beside this one", name)
			}
			if s.files[name] == nil {
				f, err := h5.Open(filepath.Join(filepath.Dir(l.path), name), l.h5Options()...)
				if err != nil {
					return core.In(fmt.Sprintf("shard %q", name), core.ErrCorrupt, fromH5(err))
				}
				s.files[name] = f
			}
			s.places[key] = append(s.places[key], name)
		}
	}
	if err := l.givenConfig(); err != nil {
		return err
	}
	return l.loadPaths(s)
}

func (s *shards) vars(path string) ([]array, bool, error) {
	names := s.places[path]
	var parts []*h5.Group
	count := 0
	for _, n := range names {
		g, err := s.files[n].Root().Group(join(path, "vars"))
		if isMissing(err) {
			continue
		}
		if err != nil {
			return nil, false, core.In(fmt.Sprintf("shard %q", n), core.ErrCorrupt, fromH5(err))
		}
		parts = append(parts, g)
		count += len(g.Members())
	}
	if parts == nil {
		return nil, false, nil
	}
	arrays := make([]array, count)
	for i := range arrays {
		name := fmt.Sprint(i)
		for _, g := range parts {
			if d, err := g.Dataset(name); err == nil {
				arrays[i] = array{name, d}
				break
			}
		}
		if arrays[i].Dataset == nil {
			return nil, false, core.Errorf(core.ErrMissingWeights, join(path, "vars/"+name), "is in no shard")
		}
	}
	return arrays, true, nil
}

func (s *shards) all() []string { return slices.Sorted(maps.Keys(s.places)) }
