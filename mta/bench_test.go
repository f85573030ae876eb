package mta_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/mta"
	"github.com/mmgw/mmgw/plugins"
)

// lists are n lists in domains of a thousand.
func manyLists(n int) []gateway.List {
	lists := make([]gateway.List, n)
	for i := range lists {
		address := gateway.ForwardPath(fmt.Sprintf("list%06d@lists%d.example.com", i, i/1000))
		lists[i] = gateway.List{ID: gateway.NewListID(address), Address: address}
	}
	return lists
}

// writer is a built-in writer in its sandbox, with the limits that serve gives.
func writer(b *testing.B, name string) *sandbox.Plugin {
	b.Helper()
	host, err := sandbox.New(sandbox.Env{Version: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { host.Close(b.Context()) })
	wasm, ok := plugins.Lookup(name)
	if !ok {
		b.Fatal(name)
	}
	p, err := host.Load(b.Context(), sandbox.Spec{Name: name, Wasm: wasm, Fuel: 100 * sandbox.FuelDefault, Timeout: 10 * time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	return p
}

// BenchmarkLists is what a change of the lists costs without postmap: the
// inventory, the files by the module, their installation. "all" installs into
// an empty directory; "one more" adds a list to those that are installed.
func BenchmarkLists(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		lists := manyLists(n + 1)
		b.Run(fmt.Sprintf("%d/all", n), func(b *testing.B) {
			w := writer(b, "postfix")
			spent := processorTime()
			for i := 0; b.Loop(); i++ {
				apply(b, w, filepath.Join(b.TempDir(), fmt.Sprint(i)), lists[:n])
			}
			report(b, spent)
		})
		b.Run(fmt.Sprintf("%d/one more", n), func(b *testing.B) {
			w, dir := writer(b, "postfix"), filepath.Join(b.TempDir(), "mta")
			apply(b, w, dir, lists[:n])
			spent := processorTime()
			for i := 0; b.Loop(); i++ {
				apply(b, w, dir, lists[:n+1-i%2])
			}
			report(b, spent)
		})
	}
}

func apply(b *testing.B, w gateway.ConfigWriter, dir string, lists []gateway.List) {
	b.Helper()
	site := mta.Site{Hostname: "mx.example.com", LMTPTarget: "127.0.0.1:8024", VERPDelimiter: "+", Dir: dir,
		Configuration: map[string]any{"transport_file_type": "texthash"}}
	files, err := mta.Render(b.Context(), w, mta.Inventory(site, lists, nil))
	if err != nil {
		b.Fatal(err)
	}
	tree := mta.Tree{Dir: dir}
	if _, err := tree.Apply(b.Context(), files, mta.Options{FileType: "texthash"}); err != nil {
		b.Fatal(err)
	}
}

// processorTime is what the process has used of the processors: on a machine
// that does other things as well the clock tells little.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report reports processor time beside the clock's, and the most memory that
// the process has had so far.
func report(b *testing.B, spent time.Duration) {
	b.ReportMetric(float64((processorTime()-spent).Milliseconds())/float64(b.N), "cpu-ms/op")
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			b.ReportMetric(kib/1024, "MiB-peak")
		}
	}
}
