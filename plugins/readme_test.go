package plugins_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write README.md")

// session is somebody at a terminal.
type session struct {
	t         *testing.T
	dir, home string
	env       []string
	out       strings.Builder
}

// do runs a line and writes down what is seen.
func (s *session) do(line string) {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	fmt.Fprintf(&s.out, "$ %s\n%s", strings.ReplaceAll(line, s.home, "~/gk"), strings.ReplaceAll(string(out), s.home, "~/gk"))
}

// edit changes a file and says how.
func (s *session) edit(file, from, to string) {
	s.t.Helper()
	path := filepath.Join(s.dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		s.t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(&s.out, "# in %s\n", file)
	for _, l := range strings.Split(from, "\n") {
		fmt.Fprintf(&s.out, "- %s\n", strings.TrimSpace(l))
	}
	for _, l := range strings.Split(to, "\n") {
		fmt.Fprintf(&s.out, "+ %s\n", strings.TrimSpace(l))
	}
}

const readmeModel = `{"class_name": "Sequential", "config": {"layers": [
    {"class_name": "Flatten", "config": {}},
    {"class_name": "Dense", "config": {"units": 64}},
    {"class_name": "soft-step>SoftStep", "config": {"start": 0.5}},
    {"class_name": "Dense", "config": {"units": 10, "activation": "softmax"}}]}}
`

// TestReadme does what README.md tells a new author to do, and compares with what it says one sees, but for numbers.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("builds gk and a plugin")
	}
	home, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "gk"), "../cmd/gk").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	begin := func() *session {
		s := &session{t: t, dir: t.TempDir(), home: home, env: append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GK_PLUGINS="+t.TempDir(), "TERM=dumb")}
		if err := os.WriteFile(filepath.Join(s.dir, "model.json"), []byte(readmeModel), 0o600); err != nil {
			t.Fatal(err)
		}
		return s
	}
	train := "gk train model.json --plugin %s --data digits --limit 2000 --epochs 1 --batch-size 50 --metrics accuracy --loss sparse_categorical_crossentropy"

	s := begin()
	s.do("gk plugin new soft-step --gk " + home)
	s.edit("soft-step/main.go", "y := g.Mul(x, g.Sigmoid(g.Mul(beta, x)))", "y := g.Tanh(g.Mul(beta, g.Mul(x, x)))")
	s.do("cd soft-step && go build -o soft-step . && gk plugin verify ./soft-step")
	s.do("cat model.json")
	s.do(fmt.Sprintf(train, "./soft-step/soft-step"))
	compare(t, "go", s.out.String())

	python := cmp.Or(os.Getenv("GK_PYTHON"), "python3")
	if exec.Command(python, "-c", "import gk_plugin").Run() != nil {
		t.Logf("%s has no gk_plugin: the part on Python is not checked", python)
		return
	}
	s = begin()
	s.do("gk plugin new soft-step --lang python")
	s.edit("soft-step/plugin.py", "return x / (1 + np.exp(-beta * x))", "return np.tanh(beta * x * x)")
	s.edit("soft-step/plugin.py", `s = 1 / (1 + np.exp(-beta * x))
        slope = s * (1 - s)
        dx = dy * (s + x * beta * slope)
        dbeta = (dy * x * x * slope).reshape(-1, beta.size).sum(0)`, `slope = 1 - np.tanh(beta * x * x) ** 2
        dx = dy * 2 * beta * x * slope
        dbeta = (dy * x * x * slope).reshape(-1, beta.size).sum(0)`)
	s.do("gk plugin verify soft-step")
	s.do(fmt.Sprintf(train, "soft-step"))
	compare(t, "python", s.out.String())
}

var numbers = regexp.MustCompile(`[0-9][0-9.,]*(e-?[0-9]+)?|-{3,}|[ \t]+`)

// compare finds the part of README.md between its marks.
func compare(t *testing.T, part, got string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	mark, end := []byte("<!-- "+part+": written by a test -->\n"), []byte("<!-- end -->")
	at := bytes.Index(text, mark)
	if at < 0 {
		t.Fatalf("README.md has no part %q", part)
	}
	at += len(mark)
	to := at + bytes.Index(text[at:], end)
	want := "\n```\n" + strings.TrimRight(got, "\n") + "\n```\n\n"
	if *update {
		text = bytes.Join([][]byte{text[:at], []byte(want), text[to:]}, nil)
		if err := os.WriteFile("README.md", text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	plain := func(s string) string { return numbers.ReplaceAllString(s, "#") }
	if plain(want) != plain(string(text[at:to])) {
		t.Errorf("README.md: the part %q is not what one sees (go test ./plugins -run Readme -update):\n%s", part, got)
	}
}
