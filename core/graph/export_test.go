package graph

// Undocumented are the operations that Append does not take.
func Undocumented() []string {
	var names []string
	for name, o := range ops {
		if o.Doc == "" {
			names = append(names, name)
		}
	}
	return names
}
