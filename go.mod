module github.com/gokeras/gk

go 1.26.0

require (
	github.com/hashicorp/go-hclog v1.6.3 // go-plugin wants a logger; it gets one that says nothing
	github.com/hashicorp/go-plugin v1.8.0 // starts plugins and shakes hands with them
	github.com/jedib0t/go-pretty/v6 v6.8.3 // tables on a terminal
	github.com/mattn/go-isatty v0.0.22 // no colour and no bars where there is no terminal
	github.com/mmcloughlin/avo v0.5.0 // writes the assembly of core/internal/kernel
	github.com/sbinet/npyio v0.6.0 // reads in tests what gk writes for numpy
	github.com/schollz/progressbar/v3 v3.19.1 // the bar of training
	github.com/urfave/cli/v2 v2.27.7 // the command
	go.yaml.in/yaml/v3 v3.0.4 // architectures of Keras 1 and 2
	golang.org/x/image v0.47.0 // the fonts of the digits, resizing and BMP
	golang.org/x/sync v0.24.0 // images and weights are read side by side
	golang.org/x/sys v0.50.0 // what the processor can do
	gonum.org/v1/gonum v0.17.0 // transforms and matrices of the plugins in contrib
	gonum.org/v1/hdf5 v0.0.0-20210714002203-8c5d23bc6946 // HDF5; this version exactly, its list of versions cannot be had
	gonum.org/v1/plot v0.17.0 // training curves
	google.golang.org/grpc v1.85.0 // calls of plugins
	google.golang.org/protobuf v1.36.12 // messages of plugins
	pgregory.net/rapid v1.3.0 // property tests
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	codeberg.org/go-pdf/fpdf v0.11.1 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/ajstarks/svgo v0.0.0-20211024235047-1546f124cd8b // indirect
	github.com/campoy/embedmd v1.0.0 // indirect
	github.com/cpuguy83/go-md2man/v2 v2.0.7 // indirect
	github.com/fatih/color v1.13.0 // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	github.com/hashicorp/yamux v0.1.2 // indirect
	github.com/mattn/go-colorable v0.1.12 // indirect
	github.com/mattn/go-runewidth v0.0.16 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/oklog/run v1.1.0 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/xrash/smetrics v0.0.0-20240521201337-686a1a2994c1 // indirect
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/term v0.48.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
)
