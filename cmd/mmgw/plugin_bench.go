package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// benchCallsMax bounds the calls of one kind that are timed one by one.
const benchCallsMax = 1_000_000

// benchFacts are what bench prints as JSON. Times are medians.
type benchFacts struct {
	Module     string      `json:"module"`
	MessageLen int64       `json:"message_octets"`
	LoadUs     int64       `json:"load_us"`        // to check, meter, compile and start it
	CachedUs   int64       `json:"load_cached_us"` // the same with the compiled code on disk
	Fuel       int64       `json:"fuel"`           // of one call
	HostCalls  int64       `json:"host_calls"`     // of one call
	Calls      []benchCall `json:"calls"`
}

// benchCall is one kind of isolation.
type benchCall struct {
	Isolation string `json:"isolation"`
	Calls     int    `json:"calls"`
	Ns        int64  `json:"ns"`
	P99Ns     int64  `json:"p99_ns"`
}

func pluginBench(g *globals) *cobra.Command {
	var t trial
	var period time.Duration
	c := &cobra.Command{
		Use: "bench F.wasm MSG.eml", Short: "Time a module on a message, in each kind of isolation",
		Long: "Loads a module and calls it on the message of a file, for a while in each kind of isolation.\n" +
			"Times are medians of calls, one after the other, on one processor. Nothing is sent. Instead of\n" +
			"a file, the module may be the name of a built-in plugin.",
		Example: "  mmgw plugin bench tag.wasm post.eml --set prefix=[dev]",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			settings, wasm, x, err := t.read(c, args[0], args[1])
			if err != nil {
				return err
			}
			facts, err := t.bench(c.Context(), args[0], settings, wasm, x, period)
			if err != nil {
				return failure(admin.ExitData, "%s", oneLine(err))
			}
			return g.show(c, facts, func(w io.Writer) { writeBench(w, facts) })
		},
	}
	t.flags(c)
	c.Flags().DurationVar(&period, "time", time.Second, "how `long` to time each kind of isolation")
	return c
}

// bench times loading without and with a cache, and then calls.
func (t *trial) bench(ctx context.Context, name string, settings map[string]any, wasm []byte, x *gateway.Exchange, period time.Duration) (benchFacts, error) {
	cache, err := os.MkdirTemp("", "mmgw-bench-")
	if err != nil {
		return benchFacts{}, err
	}
	defer os.RemoveAll(cache)
	spec := t.spec(name, settings, wasm)
	facts := benchFacts{Module: spec.Name, MessageLen: x.Message.Content.Size()}
	for _, us := range []*int64{&facts.LoadUs, &facts.CachedUs} {
		if *us, err = t.timeLoad(ctx, cache, spec, x.Phase); err != nil {
			return facts, err
		}
	}
	s, err := newStage(cache, slog.New(slog.DiscardHandler))
	if err != nil {
		return facts, err
	}
	isolations := []sandbox.Isolation{sandbox.Pooled, sandbox.Restore, sandbox.Fresh}
	if spec.Filter {
		isolations = []sandbox.Isolation{sandbox.Fresh} // a program is never called twice
	}
	for _, isolation := range isolations {
		spec.Isolation = isolation
		times, usage, err := timeCalls(ctx, s.host, spec, x, period)
		if err != nil {
			return facts, errors.Join(err, s.close(ctx))
		}
		facts.Fuel, facts.HostCalls = usage.Fuel, usage.HostCalls
		facts.Calls = append(facts.Calls, benchCall{
			string(isolation), len(times), times[len(times)/2].Nanoseconds(), times[len(times)*99/100].Nanoseconds(),
		})
	}
	return facts, s.close(ctx)
}

// timeLoad times loading the module, on a new host.
func (t *trial) timeLoad(ctx context.Context, cache string, spec sandbox.Spec, phase gateway.Phase) (int64, error) {
	s, err := newStage(cache, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	start := time.Now()
	plugin, err := s.host.Load(ctx, spec)
	us := time.Since(start).Microseconds()
	if err != nil {
		return 0, errors.Join(err, s.close(ctx))
	}
	if !plugin.Serves(phase) {
		err = t.noHook(spec.Name, spec.Wasm)
	}
	plugin.Close()
	return us, errors.Join(err, s.close(ctx))
}

// timeCalls returns the times of calls, sorted, and what one of them cost.
func timeCalls(ctx context.Context, host *sandbox.Host, spec sandbox.Spec, x *gateway.Exchange, period time.Duration) (times []time.Duration, usage gateway.Usage, err error) {
	plugin, err := host.Load(ctx, spec)
	if err != nil {
		return nil, usage, err
	}
	defer plugin.Close()
	for end := time.Now().Add(period); len(times) < benchCallsMax; {
		start := time.Now()
		v, err := plugin.Handle(ctx, x)
		now := time.Now()
		if err != nil {
			return nil, usage, err
		}
		times, usage = append(times, now.Sub(start)), v.Usage
		if now.After(end) {
			break
		}
	}
	slices.Sort(times)
	return times, usage, nil
}

func writeBench(w io.Writer, f benchFacts) {
	pairs(w, "module", f.Module, "message", fmt.Sprintf("%d octets", f.MessageLen),
		"load", fmt.Sprintf("%d µs, %d µs from the disk cache", f.LoadUs, f.CachedUs),
		"a call", fmt.Sprintf("%d units of fuel, %d host calls", f.Fuel, f.HostCalls))
	var rows [][]string
	for _, c := range f.Calls {
		rows = append(rows, []string{c.Isolation, strconv.Itoa(c.Calls), usText(c.Ns), usText(c.P99Ns)})
	}
	fmt.Fprintln(w)
	table(w, "", "ISOLATION CALLS MEDIAN_µs P99_µs", rows)
}

// usText is nanoseconds as microseconds with two digits after the point.
func usText(ns int64) string { return strconv.FormatFloat(float64(ns)/1000, 'f', 2, 64) }
