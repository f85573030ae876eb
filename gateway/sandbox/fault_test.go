package sandbox

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// What the hostile guest can do, by the number that it is told.
const (
	beGood = iota
	loopForever
	recurse
	recurseDeep
	eatMemory
	floodLog
	writeGibibyte
	exitProcess
	returnThree
	waitForever
	chaseMemory
)

func hostile(t testing.TB, env Env, what int, spec Spec) *Plugin {
	t.Helper()
	spec.Name, spec.Wasm, spec.Config = "hostile", testdata(t, "hostile"), map[string]any{"what": what}
	return load(t, env, spec)
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		what  int
		spec  Spec
		fault Fault
		text  string
	}{
		{loopForever, Spec{Fuel: 3_000_000}, OutOfFuel, "plugin hostile: incoming: ran out of fuel (3000000 units)"},
		{recurse, Spec{Fuel: 3_000_000}, OutOfFuel, "ran out of fuel"},
		{recurseDeep, Spec{}, Trapped, "trap: stack overflow"},
		{eatMemory, Spec{}, Returned, "returned 242"},
		{eatMemory, Spec{MemoryBytes: 1 << 20}, Returned, "returned 2"},
		{writeGibibyte, Spec{}, Returned, "returned 4"},
		{exitProcess, Spec{}, Exited, "left by proc_exit(3)"},
		{returnThree, Spec{}, Returned, "returned 3: it is too late"},
		{waitForever, Spec{Timeout: 20 * time.Millisecond}, TimedOut, "ran past its time limit of 20ms"},
		{loopForever, Spec{Fuel: 1 << 50, Timeout: 20 * time.Millisecond}, TimedOut, "ran past its time limit of 20ms"},
		{loopForever, Spec{Mode: ModeDeadline, Timeout: 20 * time.Millisecond}, TimedOut, "ran past its time limit of 20ms"},
	} {
		p := hostile(t, Env{}, test.what, test.spec)
		x := exchange(t, incoming)
		for range 2 { // the instance that took its place is as good as the first
			v, err := p.Handle(t.Context(), x)
			failed, ok := errors.AsType[*Error](err)
			if !ok || failed.Fault != test.fault || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%d: %v, not %q", test.what, err, test.text)
			}
			if v.Edits != nil {
				t.Errorf("%d: the edits of a call that failed came out", test.what)
			}
		}
		stats := p.Stats()
		if dropped := test.fault != Returned; stats.Calls != 2 || stats.Failures != 2 || (stats.Traps == 2) != dropped {
			t.Errorf("%d: %+v", test.what, stats)
		}
		if kept := p.pool.pop() != nil; kept != (test.fault == Returned) {
			t.Errorf("%d: the instance was kept: %v", test.what, kept)
		}
	}
}

func TestLogFlood(t *testing.T) {
	var out bytes.Buffer
	p := hostile(t, Env{Logger: slog.New(slog.NewTextHandler(&out, nil))}, floodLog, Spec{})
	if _, err := p.Handle(t.Context(), exchange(t, incoming)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "it is too late"); n != LogLinesMax {
		t.Errorf("%d lines came out, not %d", n, LogLinesMax)
	}
	if !strings.Contains(out.String(), "dropped=999900") {
		t.Errorf("the end of the log is %q", out.String()[max(0, out.Len()-200):])
	}
}

// A host call that is refused costs what every host call does.
func TestRefusedCallsCost(t *testing.T) {
	refuse := func(function string) (int64, bool) { return wire.NotPermitted, function == "log" }
	p := hostile(t, Env{Refuse: refuse}, floodLog, Spec{Fuel: 1_000_000 * unitsPerCall / 2})
	_, err := p.Handle(t.Context(), exchange(t, incoming))
	if failed, ok := errors.AsType[*Error](err); !ok || failed.Fault != OutOfFuel {
		t.Errorf("a million refused calls: %v", err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	p := hostile(t, Env{}, waitForever, Spec{Instances: 1})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := p.Handle(ctx, exchange(t, incoming))
		done <- err
	}()
	for p.pool.free() > 0 {
		runtime.Gosched()
	}
	busy, stop := context.WithCancel(t.Context())
	stop()
	_, err := p.Handle(busy, exchange(t, incoming))
	if failed, ok := errors.AsType[*Error](err); !ok || failed.Fault != Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("while all instances are busy: %v", err)
	}
	cancel()
	if failed, ok := errors.AsType[*Error](<-done); !ok || failed.Fault != Canceled {
		t.Errorf("the call that was given up: %v", failed)
	}
}

// hurried has a deadline that it notices later than others do.
type hurried struct {
	context.Context
	deadline time.Time
}

func (h hurried) Deadline() (time.Time, bool) { return h.deadline, true }

// A module is not to blame for the time that its caller had left, whoever
// notices first that this is over.
func TestCallerIsInAHurry(t *testing.T) {
	for _, test := range []struct {
		what int
		spec Spec
	}{
		{waitForever, Spec{}},
		{loopForever, Spec{Fuel: 1 << 50}},
		{loopForever, Spec{Mode: ModeDeadline}},
	} {
		for _, left := range []time.Duration{-time.Millisecond, time.Millisecond} {
			test.spec.Timeout = time.Hour
			p := hostile(t, Env{}, test.what, test.spec)
			_, err := p.Handle(hurried{t.Context(), time.Now().Add(left)}, exchange(t, incoming))
			if failed, ok := errors.AsType[*Error](err); !ok || failed.Fault != Canceled || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d in %+v with %v left: %v", test.what, test.spec.Mode, left, err)
			}
		}
	}
}

// A call with a part of its time has a limit of its own again.
func TestReducedTimeIsTheModules(t *testing.T) {
	p := hostile(t, Env{}, waitForever, Spec{Timeout: time.Minute, Fuel: 1 << 50})
	ctx := hurried{t.Context(), time.Now().Add(10 * time.Second)}
	_, err := p.HandleReduced(ctx, exchange(t, incoming), 60_000)
	if failed, ok := errors.AsType[*Error](err); !ok || failed.Fault != TimedOut || !strings.Contains(err.Error(), "limit of 1ms") {
		t.Errorf("%v", err)
	}
}

func TestIsolation(t *testing.T) {
	for _, test := range []struct {
		spec  Spec
		leaks bool
	}{
		{Spec{Isolation: Restore}, false},
		{Spec{Isolation: Fresh}, false},
		{Spec{Isolation: Restore, Mode: ModeDeadline}, false},
		{Spec{Isolation: Pooled}, true}, // the control: the guest does see what it left
	} {
		test.spec.Name, test.spec.Wasm, test.spec.Instances = "state", testdata(t, "state"), 1
		p := load(t, Env{}, test.spec)
		var remembered int
		for range 400 { // more calls than memory has pages
			if _, err := p.Handle(t.Context(), exchange(t, incoming)); err != nil {
				remembered++
			}
		}
		if (remembered > 0) != test.leaks {
			t.Errorf("%+v: %d of 400 calls found something of another", test.spec.Isolation, remembered)
		}
	}
}

// A pooled module that frees nothing is put back before it runs dry.
func TestPooledModuleThatLeaks(t *testing.T) {
	spec := Spec{Name: "tag", Wasm: tags(t)["AssemblyScript"], Isolation: Pooled, Instances: 1, MemoryBytes: 4 * pageBytes}
	p := load(t, Env{}, spec)
	most := int64(0)
	for n := range 4000 {
		if _, err := p.Handle(t.Context(), exchange(t, incoming)); err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
		most = max(most, p.Stats().MemoryPeak)
	}
	if most <= spec.MemoryBytes/2 {
		t.Errorf("it had %d octets: it does not leak", most)
	}
}

// A call that returns an error is put back as well.
func TestFailedCallIsRestored(t *testing.T) {
	p := hostile(t, Env{}, returnThree, Spec{Instances: 1})
	for range 3 {
		if _, err := p.Handle(t.Context(), exchange(t, incoming)); err == nil || !strings.HasSuffix(err.Error(), "returned 3: it is too late") {
			t.Fatal(err)
		}
	}
}

// Many a module returns what a refused call gave it.
func TestReturnedRefusalIsNamed(t *testing.T) {
	zero := guest(wire.ExportIncoming, do("part_count"))
	for result, want := range map[string]string{
		"\x7f": "returned -1 (not found)", "\x7a": "returned -6 (temporary failure)", "\x79": "returned -7", "\x01": "returned 1",
	} {
		p := load(t, Env{}, Spec{Name: "x", Wasm: patched(zero, "\x41\x00\x0b", "\x41"+result+"\x0b")})
		if _, err := p.Handle(t.Context(), exchange(t, incoming)); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

func TestTableThatChanges(t *testing.T) {
	spec := Spec{Name: "table", Wasm: testdata(t, "table"), Mode: ModeDeadline}
	p := load(t, Env{}, spec)
	for range 3 {
		if _, err := p.Handle(t.Context(), exchange(t, incoming)); err == nil || !strings.HasSuffix(err.Error(), "returned 7") {
			t.Errorf("%v", err)
		}
	}
	spec.Config, spec.Timeout = map[string]any{"endless": int64(1)}, 20*time.Millisecond
	p = load(t, Env{}, spec)
	if _, err := p.Handle(t.Context(), exchange(t, incoming)); err == nil || !strings.Contains(err.Error(), "time limit") {
		t.Errorf("%v", err)
	}
}

func TestConcurrentCalls(t *testing.T) {
	p := load(t, Env{}, Spec{Name: "tag", Wasm: testdata(t, "tag"), Instances: 3})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			x := exchange(t, incoming)
			for range 50 {
				v, err := p.Handle(context.Background(), x)
				if err != nil || len(v.Edits) != 1 || v.Edits[0].Value != "[wasm] a folded  subject" {
					t.Errorf("%+v, %v", v.Edits, err)
					return
				}
			}
		})
	}
	all.Wait()
	if stats := p.Stats(); stats.Calls != 400 || stats.Failures != 0 || len(p.pool.idle) > 3 {
		t.Errorf("%+v, %d instances", stats, len(p.pool.idle))
	}
	p.Close()
	if _, err := p.Handle(t.Context(), exchange(t, incoming)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
}

func TestUsageIsTheSameEveryTime(t *testing.T) {
	p := load(t, Env{}, Spec{Name: "tag", Wasm: testdata(t, "tag"), Instances: 2})
	var first gateway.Usage
	for i := range 5 {
		v, err := p.Handle(t.Context(), exchange(t, incoming))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = v.Usage
		}
		if v.Usage.Fuel != first.Fuel || v.Usage.Fuel < 2*unitsPerCall || v.Usage.HostCalls != 2 || v.Usage.Time <= 0 {
			t.Errorf("call %d cost %+v, the first one %+v", i, v.Usage, first)
		}
	}
	if stats := p.Stats(); stats.Fuel != 5*first.Fuel || stats.HostCalls != 10 {
		t.Errorf("%+v", stats)
	}
}
