// Package template is where new plugins start: gk plugin new fills in a name, and the author changes the formula. Each folder is a whole
// plugin with its test.
package template

import (
	"embed"
	"io/fs"
	"strings"
	"text/template"
	"unicode"
)

//go:embed go python
var files embed.FS

// Languages are those that plugins can be started in.
var Languages = []string{"go", "python"}

// Plugin is what the files are filled in with.
type Plugin struct {
	Name    string // of the plugin: "soft-step"
	Package string // of its classes: "soft-step" of "soft-step>SoftStep"
	Class   string // "SoftStep"
	Module  string // of Go: what go.mod says
}

// NewPlugin is a plugin of that name, with a class named alike.
func NewPlugin(name string) Plugin {
	class := ""
	for _, word := range strings.Split(name, "-") {
		if word != "" {
			class += string(unicode.ToUpper(rune(word[0]))) + word[1:]
		}
	}
	if class == "" || unicode.IsDigit(rune(class[0])) {
		class = "Layer" + class
	}
	return Plugin{Name: name, Package: name, Class: class, Module: name}
}

// Render gives the files of a new plugin by name.
func Render(language string, p Plugin) (map[string]string, error) {
	out := map[string]string{}
	err := fs.WalkDir(files, language, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		t, err := template.New(path).Delims("[[", "]]").Parse(string(text))
		if err != nil {
			return err
		}
		var b strings.Builder
		if err := t.Execute(&b, p); err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, language+"/"), ".tmpl")
		out[name] = b.String()
		return nil
	})
	return out, err
}
