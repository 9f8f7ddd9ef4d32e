// Storage: what there is to say about how a dataset is kept, for people.

package h5

import "fmt"

// Storage says how the elements of a dataset are kept in the file.
type Storage struct {
	Kind    string   // "compact", "contiguous", "chunked"
	Chunk   []int    // the shape of a chunk
	Filters []string // in the order of writing: "shuffle", "gzip 4", "fletcher32"
	Bytes   int64    // in the file; 0 where nothing has been written and every element has the fill value
}

// Storage describes how the elements are kept.
func (d *Dataset) Storage() Storage {
	s := Storage{Kind: [...]string{"compact", "contiguous", "chunked"}[d.lay.storage]}
	switch d.lay.storage {
	case compact:
		s.Bytes = int64(len(d.lay.inline))
	case contiguous:
		if d.lay.addr != undefined {
			s.Bytes = int64(d.Len()) * int64(d.Type.Size)
		}
	case chunked:
		for _, n := range d.lay.chunk {
			s.Chunk = append(s.Chunk, int(n))
		}
		for _, c := range d.lay.chunks {
			s.Bytes += int64(c.size)
		}
	}
	for _, f := range d.lay.filters {
		name := fmt.Sprintf("filter %d", f.id)
		switch f.id {
		case filterDeflate:
			name = "gzip"
			if len(f.values) > 0 {
				name = fmt.Sprintf("gzip %d", f.values[0])
			}
		case filterShuffle:
			name = "shuffle"
		case filterFletcher:
			name = "fletcher32"
		}
		s.Filters = append(s.Filters, name)
	}
	return s
}
