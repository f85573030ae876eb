package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long waitfor waits: far longer than anything here takes on a
// busy machine.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mmgw": main, unsyncedProgram: unsyncedMain})
}

// TestScripts runs mmgw as its users do. Besides testscript's own commands
// there are waitfor and exits, see below.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state-home"))
			root, err := filepath.Abs("../..")
			e.Setenv("PLUSTAG", filepath.Join(root, "wasm-examples", "plus-tag", "plus-tag.wasm"))
			e.Setenv("REFUSE", filepath.Join(root, "wasm-examples", "refuse", "refuse.wasm"))
			e.Setenv("FILTER", filepath.Join(root, "gateway", "sandbox", "testdata", "filter.wasm"))
			e.Setenv("PIGEON", filepath.Join(root, "wasm-examples", "pigeon", "pigeon.wasm"))
			e.Setenv("SPIN", filepath.Join(root, "wasm-examples", "spin", "spin.wasm"))
			e.Setenv("CARELESS", filepath.Join(root, "gateway", "conformance", "testdata"))
			return err
		},
		Condition: func(condition string) (bool, error) {
			if condition != "root" {
				return false, fmt.Errorf("there is no condition %q", condition)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfor": waitFor, "exits": exits, "closedport": closedPort, "envsubst": substitute,
		},
	})
}

// waitFor waits until a file has a match of a regular expression: waitfor FILE
// PATTERN [VARIABLE]. The variable gets the first group.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waitfor FILE PATTERN [VARIABLE]")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		text, _ := os.ReadFile(ts.MkAbs(args[0]))
		if found := pattern.FindSubmatch(text); found != nil {
			if len(args) > 2 {
				ts.Setenv(args[2], string(bytes.TrimSpace(found[1])))
			}
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("%s has no %q:\n%s", args[0], args[1], text)
		case <-look.C:
		}
	}
}

// exits runs mmgw and compares its exit code: exits CODE ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec("mmgw", args[1:]...)
	if err != nil {
		got = codeOf(err)
	}
	if got != want {
		ts.Fatalf("mmgw %s: exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// codeOf is the exit code of a command that failed, -1 for one that did not run.
func codeOf(err error) int {
	if e, ok := err.(interface{ ExitCode() int }); ok {
		return e.ExitCode()
	}
	return -1
}

// substitute replaces $NAME in a file by the script's variables: envsubst FILE.
func substitute(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// closedPort sets a variable to an address that nobody listens on, and the
// variable with _PORT after its name to the port.
func closedPort(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	ts.Setenv(args[0], listener.Addr().String())
	ts.Setenv(args[0]+"_PORT", port)
	ts.Check(listener.Close())
}
