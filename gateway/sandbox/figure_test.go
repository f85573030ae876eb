package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox/meter"
)

// The figures of README.md. Each benchmark runs what it compares by turns, so
// that ratios hold on a machine that is busy with something else; times are of
// the processor, and medians of many turns.
//
//	go test -run '^$' -bench Figure -benchtime 1x ./gateway/sandbox

// Turns, and how long one is.
const (
	turns    = 60
	turnTime = 3 * time.Millisecond
)

// processor is the time that this process has spent on processors.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// byTurns returns the median nanoseconds of one call of each function.
func byTurns(b *testing.B, functions ...func()) []float64 {
	b.Helper()
	times, calls := make([][]float64, len(functions)), make([]int, len(functions))
	for i, f := range functions {
		start := processor(b)
		n := 0
		for ; processor(b)-start < turnTime; n++ {
			f()
		}
		calls[i] = max(n, 1)
	}
	for range turns {
		for i, f := range functions {
			start := processor(b)
			for range calls[i] {
				f()
			}
			times[i] = append(times[i], float64((processor(b)-start).Nanoseconds())/float64(calls[i]))
		}
	}
	var medians []float64
	for _, t := range times {
		slices.Sort(t)
		medians = append(medians, t[len(t)/2])
	}
	return medians
}

// post is a message of 10 kB with the header of one that came a long way.
func post(b testing.TB) *gateway.Exchange {
	b.Helper()
	var text strings.Builder
	for i := range 8 {
		fmt.Fprintf(&text, "Received: from mx%d.example.com (mx%d.example.com [192.0.2.%d])\r\n\tby mail.example.org with ESMTPS id %d; Mon, 2 Nov 2026 10:00:0%d +0000\r\n", i, i, i, i, i)
	}
	text.WriteString("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n\th=from:to:subject; bh=" + strings.Repeat("A", 43) + "=; b=" + strings.Repeat("B", 172) + "\r\n")
	text.WriteString("From: Anne <anne@example.com>\r\nTo: dev@lists.example.com\r\nSubject: How do you test your modules?\r\nMessage-ID: <1@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n")
	for text.Len() < 10_000 {
		text.WriteString("A line of a post as people write them, of some length and not more.\r\n")
	}
	x := exchange(b, incoming)
	x.Message.Content = gateway.Bytes(text.String())
	draft, err := gateway.OpenDraft(x.Message.Content)
	if err != nil {
		b.Fatal(err)
	}
	x.Draft = draft
	return x
}

// tagNative is what the guests tag do, in Go: compiled in, and with the same
// checks of what it writes.
func tagNative(x *gateway.Exchange) (gateway.Verdict, error) {
	draft := x.Draft.Clone()
	i := draft.Header.Find("Subject", 0)
	edit := gateway.Edit{Op: gateway.ReplaceField, Index: i, Name: "Subject", Value: "[wasm] " + draft.Header[i].Value()}
	if err := draft.Apply(edit); err != nil {
		return gateway.Verdict{}, err
	}
	return gateway.Verdict{Edits: []gateway.Edit{edit}}, nil
}

// tags are the guests tag by language.
func tags(b testing.TB) map[string][]byte {
	b.Helper()
	all := map[string][]byte{"WAT": testdata(b, "tag")}
	for language, name := range map[string]string{"C": "c", "C++": "cpp", "TinyGo": "go", "Rust": "rust", "AssemblyScript": "as", "Zig": "zig"} {
		all[language] = testdata(b, "tags/tag-"+name+"/tag-"+name)
	}
	return all
}

// handling calls a plugin with a message.
func handling(b *testing.B, p *Plugin, x *gateway.Exchange) func() {
	return func() {
		if v, err := p.Handle(context.Background(), x); err != nil || len(v.Edits) != 1 {
			b.Fatalf("%+v, %v", v, err)
		}
	}
}

func BenchmarkFigureTag(b *testing.B) {
	x := post(b)
	for language, wasm := range tags(b) {
		b.Run(language, func(b *testing.B) {
			pooled := load(b, Env{}, Spec{Name: "tag", Wasm: wasm, Isolation: Pooled})
			restored := load(b, Env{}, Spec{Name: "tag", Wasm: wasm})
			for b.Loop() {
				t := byTurns(b, func() { tagNative(x) }, handling(b, pooled, x), handling(b, restored, x))
				b.ReportMetric(t[0], "native-ns")
				b.ReportMetric(t[1], "pooled-ns")
				b.ReportMetric(t[1]/t[0], "x-native")
				b.ReportMetric(t[2], "restored-ns")
			}
		})
	}
}

// standardGo builds a guest with the compiler that runs the test.
func standardGo(b *testing.B, dir string) []byte {
	b.Helper()
	wasm := filepath.Join(b.TempDir(), "go.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", wasm, "./"+dir)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(wasm)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkFigureJSON compares the guest in standard Go with one that gets the
// message as JSON and gives the header back as JSON; body in it, and not.
func BenchmarkFigureJSON(b *testing.B) {
	direct := load(b, Env{}, Spec{Name: "tag", Wasm: standardGo(b, "testdata/tags/tag-go"), Isolation: Pooled})
	coded := load(b, Env{}, Spec{Name: "tagjson", Wasm: standardGo(b, "testdata/tagjson"), Isolation: Pooled})
	for _, body := range []string{"header", "whole"} {
		b.Run(body, func(b *testing.B) {
			x := post(b)
			for b.Loop() {
				t := byTurns(b, handling(b, direct, x), func() { handleJSON(b, coded, x, body == "whole") })
				b.ReportMetric(t[0], "direct-ns")
				b.ReportMetric(t[1], "json-ns")
				b.ReportMetric(t[1]/t[0], "x-direct")
			}
		})
	}
}

// handleJSON is what a host does whose modules speak JSON.
func handleJSON(b *testing.B, p *Plugin, x *gateway.Exchange, whole bool) {
	type field struct{ Name, Value string }
	var message struct {
		From       string
		Recipients []gateway.ForwardPath
		Header     []field
		Body       []byte
	}
	message.From = string(x.Message.Envelope.ReversePath)
	for _, r := range x.Recipients {
		message.Recipients = append(message.Recipients, r.Path)
	}
	for _, f := range x.Draft.Header {
		message.Header = append(message.Header, field{f.Name(), f.Value()})
	}
	if whole {
		message.Body = x.Message.Content.(gateway.Bytes)
	}
	text, err := json.Marshal(message)
	if err != nil {
		b.Fatal(err)
	}
	told := *x
	told.List = &gateway.List{Config: map[string]any{"json": string(text)}}
	v, err := p.Handle(context.Background(), &told)
	var fields []field
	if err != nil || json.Unmarshal([]byte(v.Edits[0].Value), &fields) != nil || len(fields) != len(message.Header) {
		b.Fatalf("%+v, %v", v, err)
	}
}

// unmetered loads a module as it came, without any limit: it is the control of
// what metering costs.
func unmetered(b testing.TB, spec Spec) *Plugin {
	b.Helper()
	spec, err := spec.normal()
	if err != nil {
		b.Fatal(err)
	}
	spec.Mode = "none"
	p, err := newHost(b, Env{}).prepared(context.Background(), spec)
	if err == nil {
		err = p.start(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	return p
}

// BenchmarkFigureMeter compares metered code with code that is not: the guests
// of the other figures, all examples and built-in handlers, and loops that do
// nothing else (package meter has more of those).
func BenchmarkFigureMeter(b *testing.B) {
	for name, spec := range samples(b) {
		b.Run(name, func(b *testing.B) {
			x := post(b)
			spec.Isolation, spec.Capabilities = Pooled, capabilities[:]
			counted, plain := load(b, Env{}, spec), unmetered(b, spec)
			if x.Phase = incoming; !counted.Serves(incoming) {
				x.Phase = outgoing
			}
			if !counted.Serves(x.Phase) {
				b.Skip("it is no handler")
			}
			call := func(p *Plugin) func() {
				return func() {
					if _, err := p.Handle(context.Background(), x); err != nil {
						b.Fatal(err)
					}
				}
			}
			for b.Loop() {
				t := byTurns(b, call(plain), call(counted))
				b.ReportMetric(t[0], "plain-ns")
				b.ReportMetric(t[1]/t[0], "x-plain")
			}
		})
	}
}

// samples are all modules that are committed with their sources, by name.
func samples(b testing.TB) map[string]Spec {
	b.Helper()
	all := map[string]Spec{}
	for language, wasm := range tags(b) {
		all["tag/"+language] = Spec{Name: "tag", Wasm: wasm}
	}
	for _, folder := range []string{"wasm-examples", "plugins"} {
		paths, err := filepath.Glob(filepath.Join("..", "..", folder, "*", "*.wasm"))
		if err != nil || len(paths) == 0 {
			b.Fatalf("no modules in %s: %v", folder, err)
		}
		for _, path := range paths {
			wasm, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(path), ".wasm")
			all[name] = Spec{Name: name, Wasm: wasm, Config: map[string]any{"words": []any{"nowhere"}, "text": "a footer", "header": "X-A", "prefix": "[dev]"}}
		}
	}
	return all
}

// BenchmarkFigureLoad loads modules with an empty cache on the disk and with
// one that has them.
func BenchmarkFigureLoad(b *testing.B) {
	modules := map[string][]byte{"C": tags(b)["C"], "TinyGo": tags(b)["TinyGo"], "Go": standardGo(b, "testdata/tags/tag-go")}
	for language, wasm := range modules {
		b.Run(language, func(b *testing.B) {
			cache := b.TempDir()
			cold := loading(b, cache, wasm)
			for b.Loop() {
				var times []time.Duration
				for range 9 {
					times = append(times, loading(b, cache, wasm))
				}
				slices.Sort(times)
				b.ReportMetric(cold.Seconds()*1000, "cold-ms")
				b.ReportMetric(times[len(times)/2].Seconds()*1000, "cached-ms")
			}
		})
	}
}

// loading is how long it takes to load a module on a Host of its own.
func loading(b *testing.B, cache string, wasm []byte) time.Duration {
	b.Helper()
	h, err := New(Env{CacheDir: cache})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close(context.Background())
	start := processor(b)
	p, err := h.Load(context.Background(), Spec{Name: "tag", Wasm: wasm})
	took := processor(b) - start
	if err != nil {
		b.Fatal(err)
	}
	p.Close()
	return took
}

// BenchmarkFigureStall is how long a guest that burns its fuel keeps Go's
// collector waiting, and all goroutines with it: in a loop, in recursion, and
// waiting for memory. A slice is that time by the processor; a collection by the
// clock also waits for its turn on a processor.
func BenchmarkFigureStall(b *testing.B) {
	for name, what := range map[string]int{"loop": loopForever, "memory": chaseMemory, "recursion": recurse} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(slice(b, what).Seconds()*1000, "slice-ms")
				stop := burn(b, what)
				var all []time.Duration
				for range 20 {
					start := time.Now()
					runtime.GC()
					all = append(all, time.Since(start))
				}
				stop()
				slices.Sort(all)
				b.ReportMetric(all[len(all)/2].Seconds()*1000, "collection-ms")
			}
		})
	}
}

// burn has a guest burn its fuel, until it is stopped.
func burn(b *testing.B, what int) (stop func()) {
	p := hostile(b, Env{}, what, Spec{Fuel: 1 << 50, Timeout: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := p.Handle(ctx, exchange(b, incoming))
		ended <- err
	}()
	return func() {
		cancel()
		<-ended
	}
}

// BenchmarkFigureNeighbour is the slowest of a hundred calls of an honest
// handler, alone and while a guest of another plugin burns its fuel.
func BenchmarkFigureNeighbour(b *testing.B) {
	p := load(b, Env{}, Spec{Name: "tag", Wasm: testdata(b, "tag")})
	call := handling(b, p, post(b))
	p99 := func() float64 {
		times := make([]time.Duration, 2000)
		for i := range times {
			start := time.Now()
			call()
			times[i] = time.Since(start)
		}
		slices.Sort(times)
		return float64(times[len(times)*99/100].Nanoseconds())
	}
	for b.Loop() {
		var alone, beside []float64
		for range 20 {
			alone = append(alone, p99())
			stop := burn(b, loopForever)
			beside = append(beside, p99())
			stop()
		}
		slices.Sort(alone)
		slices.Sort(beside)
		b.ReportMetric(alone[len(alone)/2], "alone-p99-ns")
		b.ReportMetric(beside[len(beside)/2]/alone[len(alone)/2], "x-alone")
	}
}

// slice is the time of the processor between two passes through Go, where the
// world can stop.
func slice(b *testing.B, what int) time.Duration {
	const slices = 64
	p := hostile(b, Env{}, what, Spec{Fuel: slices * meter.SliceUnits})
	x := exchange(b, incoming)
	start := processor(b)
	if _, err := p.Handle(context.Background(), x); err == nil {
		b.Error("it ended")
	}
	return (processor(b) - start) / slices
}
