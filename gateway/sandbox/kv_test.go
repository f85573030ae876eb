package sandbox

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/mmgw/mmgw/gateway/kv"
	"github.com/mmgw/mmgw/gateway/store"
	"github.com/mmgw/mmgw/sdk/wire"
)

// keeper is a KV on a disk in memory.
func keeper(t testing.TB, quota int64) *kv.Values {
	t.Helper()
	db, err := store.Open(store.Options{Dir: "/state/db", FS: store.NewMemory().FS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return kv.New(kv.Options{Store: db, QuotaBytes: quota})
}

func TestKV(t *testing.T) {
	values := keeper(t, 100_000)
	longKey, largest, larger := span{0, wire.KVKeyBytesMax + 1}, span{0, wire.KVValueBytesMax}, span{0, wire.KVValueBytesMax + 1}
	out := playIn(t, Env{KV: values}, Spec{Name: "h", Capabilities: []string{wire.CapKV}}, exchange(t, incoming), nil,
		do("kv_get", "k", room(9)), do("kv_set", "k", "value", 60), do("kv_get", "k", room(9)), do("kv_get", "k", room(4)),
		do("kv_incr", "n", 5, 60), do("kv_incr", "n", -2, 0), do("kv_get", "n", room(9)), do("kv_incr", "n", -9, 0), do("kv_incr", "k", 1, 0),
		do("kv_delete", "k"), do("kv_delete", "k"),
		do("kv_set", "", "v", 0), do("kv_set", longKey, "v", 0), do("kv_set", "k", larger, 0),
		do("kv_set", "k", "v", -1), do("kv_set", "k", "v", wire.KVSecondsMax+1), do("kv_incr", "k", 1, -1),
		do("kv_set", "k", largest, 0), do("kv_set", "l", largest, 0))
	bad, limit := int64(wire.BadArgument), int64(wire.Limit)
	want := []int64{wire.NotFound, 0, 5, 5, 5, 3, 1, 0, bad, 0, wire.NotFound, bad, limit, limit, bad, limit, bad, 0, limit}
	if out.err != nil || !reflect.DeepEqual(out.results, want) {
		t.Fatalf("%v, %v, not %v", out.results, out.err, want)
	}
	if got := string(out.rooms[9:14]); got != "value" || out.rooms[18] != 0 {
		t.Errorf("read %q", got)
	}
	if _, err := values.Get("other", "k"); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("another handler's value: %v", err)
	}
}

// TestKVOutlivesAFailedCall holds that what was kept stays, whatever became of
// the call: a module that counts its failures has to see them.
func TestKVOutlivesAFailedCall(t *testing.T) {
	values := keeper(t, 0)
	spec := Spec{Name: "h", Capabilities: []string{wire.CapKV}}
	out := playIn(t, Env{KV: values}, spec, exchange(t, incoming), nil, do("kv_set", "k", "v", 0), do("get", span{-1, 1}, room(9)))
	if got, err := values.Get("h", "k"); out.err == nil || string(got) != "v" {
		t.Errorf("after %v there is %q, %v", out.err, got, err)
	}
}

// TestKVIsAskedForInVain holds that a database that is not there is a refusal,
// and that phases and capabilities count here as everywhere.
func TestKVIsAskedForInVain(t *testing.T) {
	spec := Spec{Name: "h", Capabilities: []string{wire.CapKV}}
	if out := play(t, spec, exchange(t, incoming), nil, do("kv_get", "k", room(9)), do("kv_incr", "k", 1, 0)); !reflect.DeepEqual(out.results, []int64{wire.Temporary, wire.Temporary}) {
		t.Errorf("without a database: %v", out.results)
	}
	if out := play(t, spec, nil, nil, do("kv_get", "k", room(9)), do("kv_incr", "k", 1, 0)); !reflect.DeepEqual(out.results, []int64{wire.WrongPhase, wire.WrongPhase}) {
		t.Errorf("in a writer: %v", out.results)
	}
	optional := Spec{Name: "h", OptionalCapabilities: []string{wire.CapKV}}
	if out := playIn(t, Env{KV: keeper(t, 0)}, optional, exchange(t, incoming), nil, do("kv_delete", "k")); out.results[0] != wire.NotPermitted {
		t.Errorf("not granted: %v", out.results)
	}
}

// TestKVCostsFuel holds that a loop of changes ends soon.
func TestKVCostsFuel(t *testing.T) {
	steps := make([]step, 100)
	for i := range steps {
		steps[i] = do("kv_incr", "n", 1, 0)
	}
	spec := Spec{Name: "h", Capabilities: []string{wire.CapKV}, Fuel: 20 * unitsPerKV, Timeout: time.Minute}
	out := playIn(t, Env{KV: keeper(t, 0)}, spec, exchange(t, incoming), nil, steps...)
	if failed, ok := errors.AsType[*Error](out.err); !ok || failed.Fault != OutOfFuel {
		t.Errorf("%v", out.err)
	}
}

// TestRehearsalKeepsApart: what a module keeps where nothing comes of it is
// seen by rehearsals alone, and a Spec may bring values of its own.
func TestRehearsalKeepsApart(t *testing.T) {
	values, scratch := keeper(t, 0), keeper(t, 0)
	spec := Spec{Name: "h", Capabilities: []string{wire.CapKV, wire.CapMetric}}
	x := exchange(t, incoming)
	if out := playIn(t, Env{KV: values}, spec, x, nil, do("kv_set", "k", "v", 0)); out.err != nil {
		t.Fatal(out.err)
	}
	x.Rehearsal = true
	steps := []step{do("kv_get", "k", room(9)), do("kv_set", "k", "rehearsed", 0), do("kv_incr", "n", 1, 0), do("kv_get", "k", room(9)), do("kv_delete", "k")}
	out := playIn(t, Env{KV: values}, spec, x, nil, steps...)
	if want := []int64{wire.NotFound, 0, 1, 9, 0}; out.err != nil || !reflect.DeepEqual(out.results, want) {
		t.Errorf("%v, %v", out.results, out.err)
	}
	if got, err := values.Get("h", "k"); err != nil || string(got) != "v" {
		t.Errorf("in earnest there is %q, %v", got, err)
	}
	spec.KV = scratch
	if out := playIn(t, Env{KV: values}, spec, exchange(t, incoming), nil, do("kv_set", "k", "scratch", 0)); out.err != nil {
		t.Fatal(out.err)
	}
	if got, err := values.Get("h", "k"); err != nil || string(got) != "v" {
		t.Errorf("beside the scratch there is %q, %v", got, err)
	}
}
