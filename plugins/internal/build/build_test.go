package main

import (
	"strings"
	"testing"
)

// TestRebuild holds that the committed modules are what their source gives.
func TestRebuild(t *testing.T) {
	if testing.Short() {
		t.Skip("building every module takes ten seconds")
	}
	tool, err := find()
	if err != nil {
		t.Skipf("go generate ./plugins sets TinyGo up: %v", err)
	}
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := rebuild(t.Context(), tool, root, true); err != nil {
		t.Fatal(err)
	}
}

func TestOutput(t *testing.T) {
	err := output(command(t.Context(), "", "go", "no-such-command"), nil)
	if err == nil || !strings.Contains(err.Error(), "no-such-command") {
		t.Errorf("a failed command gives %v", err)
	}
}
