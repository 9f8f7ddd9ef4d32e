package plugins

import "github.com/gokeras/gk/core/graph"

func beFaulty(string) {}

func misbehave(*graph.FuncCall, string) error { return nil }
