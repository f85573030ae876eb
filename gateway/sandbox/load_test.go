package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// patched is a guest with one text in it exchanged for another as long.
func patched(wasm []byte, old, new string) []byte {
	return bytes.Replace(wasm, []byte(old), []byte(new), 1)
}

func TestModulesThatAreNotLoaded(t *testing.T) {
	header := guest(wire.ExportIncoming, do("header_set", "A", "b"), do("rcpt_add", "x"))
	abi := string(append(signed([]byte{0, 0x41}, wire.Version), 0x0b))
	for _, test := range []struct {
		name string
		spec Spec
		want []string
	}{
		{"nothing", Spec{}, []string{"not a WebAssembly module"}},
		{"undeclared import", Spec{Wasm: patched(header, "mmgw\x0aheader_set", "mmgw\x0aheader_xxx")}, []string{"mmgw.header_xxx", "mmgw does not offer"}},
		{"import of another module", Spec{Wasm: patched(header, "mmgw\x0aheader_set", "envs\x0aheader_set")}, []string{"envs.header_set"}},
		{"import of another type", Spec{Wasm: patched(header, "\x60\x04\x7f\x7f\x7f\x7f\x01\x7f", "\x60\x04\x7f\x7f\x7f\x7e\x01\x7f")}, []string{"header_set (i32 i32 i32 i32) -> (i32)"}},
		{"not granted", Spec{Wasm: header}, []string{"it imports rcpt_add", `plugins.p.capabilities has to name "recipients"`}},
		{"nothing granted", Spec{Wasm: header, Capabilities: []string{}}, []string{"header_set, rcpt_add", `"headers", "recipients"`}},
		{"unknown capability", Spec{Wasm: header, Capabilities: []string{"sudo"}}, []string{`plugins.p.capabilities: there is no capability "sudo"`}},
		{"no memory", Spec{Wasm: patched(header, "\x06memory", "\x06memorx")}, []string{`does not export its memory as "memory"`}},
		{"no mmgw_abi", Spec{Wasm: patched(header, "mmgw_abi", "mmgw_abj")}, []string{"does not export mmgw_abi"}},
		{"a hook of another type", Spec{Wasm: patched(guest(wire.ExportRecipient), "\x09mmgw_rcpt", "\x09mmgw_plan")}, []string{"its export mmgw_plan is not a function () -> (i32)"}},
		{"ABI 2", Spec{Wasm: patched(guest(wire.ExportIncoming), abi, string(append(signed([]byte{0, 0x41}, 2<<16), 0x0b)))}, []string{"it speaks ABI 2.0, and mmgw ABI 1.0 to 1.0"}},
		{"ABI 1.1", Spec{Wasm: patched(guest(wire.ExportIncoming), abi, string(append(signed([]byte{0, 0x41}, 1<<16|1), 0x0b)))}, []string{"it speaks ABI 1.1"}},
		{"endless start", Spec{Wasm: testdata(t, "startloop")}, []string{"it cannot be instantiated", "unreachable, or more than 1000000000 units of fuel"}},
		{"table that changes", Spec{Wasm: testdata(t, "table")}, []string{"cannot be metered", `plugins.p.mode = "deadline"`}},
		{"too little memory", Spec{Wasm: header, MemoryBytes: pageBytes, Capabilities: capabilities[:]}, []string{"it needs 1024 KiB", "plugins.p.memory allows 64 KiB"}},
		{"isolation", Spec{Wasm: header, Isolation: "none"}, []string{"plugins.p.isolation"}},
		{"mode", Spec{Wasm: header, Mode: "none"}, []string{"plugins.p.mode"}},
		{"memory", Spec{Wasm: header, MemoryBytes: 1}, []string{"plugins.p.memory"}},
		{"config", Spec{Wasm: header, Capabilities: capabilities[:], Config: map[string]any{"f": func() {}}}, []string{"plugins.p.config"}},
	} {
		test.spec.Name = "p"
		p, err := newHost(t, Env{}).Load(t.Context(), test.spec)
		if err == nil {
			t.Errorf("%s: it was loaded", test.name)
			p.Close()
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, without %q", test.name, err, want)
			}
		}
	}
}

func TestHooksFollowFromExports(t *testing.T) {
	p := load(t, Env{}, Spec{Name: "tag", Wasm: testdata(t, "tag")})
	if !p.Serves(gateway.PhaseIncoming) || p.Serves(gateway.PhaseOutgoing) || p.Serves(-1) || p.Serves(9) || p.Writes() {
		t.Error("the hooks of tag are wrong")
	}
	if v, err := p.Handle(t.Context(), exchange(t, outgoing)); err != nil || v.Action != gateway.Continue || v.Edits != nil {
		t.Errorf("a phase without an export: %+v, %v", v, err)
	}
	if plan, err := p.Plan(t.Context(), exchange(t, planning)); err != nil || plan.Edits != nil {
		t.Errorf("a plan without an export: %+v, %v", plan, err)
	}
	if _, err := p.Render(t.Context(), nil); err == nil {
		t.Error("a handler rendered files")
	}
}

func TestArguments(t *testing.T) {
	for phase, want := range map[gateway.Phase]uint64{gateway.PhaseRecipient: 2, gateway.PhaseResult: 1, incoming: 0} {
		c := call{hook: exports[place(phase)].hook, exchange: exchange(t, phase)}
		if got := c.argument(); got != want {
			t.Errorf("phase %d is called with %d, not %d", phase, got, want)
		}
	}
}

func TestWasi(t *testing.T) {
	var out bytes.Buffer
	const vector = "\x08\x10\x00\x00\x17\x00\x00\x00" // 23 octets at stringsAt+8
	wasm := guest(wire.ExportIncoming,
		do("error", vector), do("error", "a line\nand half a line\n!"), // puts the strings in memory
		do("fd_write", 2, stringsAt, 1, roomsAt), do("fd_write", 3, stringsAt, 1, roomsAt), do("fd_read", 0, roomsAt, 0, roomsAt+4),
		do("environ_sizes_get", roomsAt, roomsAt+4), do("clock_time_get", 1, 0, roomsAt+8), do("random_get", roomsAt+16, 8),
		do("fd_prestat_get", 3, roomsAt), do("fd_seek", 1, 0, 0, roomsAt), do("path_open", 3, 0, roomsAt, 4, 0, 0, 0, 0, roomsAt))
	p := load(t, Env{Logger: slog.New(slog.NewTextHandler(&out, nil))}, Spec{Name: "wasi", Wasm: wasm, Isolation: Pooled})
	if _, err := p.Handle(t.Context(), exchange(t, incoming)); err != nil {
		t.Fatal(err)
	}
	i := p.pool.pop()
	defer p.pool.push(i)
	for n, want := range []uint32{0, 0, 0, errnoBadFile, 0, 0, 0, 0, errnoBadFile, errnoNoSeek, errnoBadFile} {
		if got, _ := i.memory.ReadUint32Le(uint32(resultsAt + 8*n)); got != want {
			t.Errorf("call %d gave %d, not %d", n, got, want)
		}
	}
	for _, want := range []string{`level=WARN msg="a line" plugin=wasi`, `level=WARN msg="and half a line" plugin=wasi`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in the log:\n%s", want, out.String())
		}
	}
}

func TestPureModulesHaveNoClock(t *testing.T) {
	var first []byte
	for range 2 {
		out := play(t, Spec{Name: "w"}, nil, gateway.Inventory{}, do("clock_time_get", 0, 0, roomsAt), do("random_get", roomsAt+8, 8))
		if now := binary.LittleEndian.Uint64(out.rooms); out.err != nil || now != uint64(pureTime) {
			t.Errorf("the clock shows %d, %v", now, out.err)
		}
		if first == nil {
			first = out.rooms[8:16]
		}
		if !bytes.Equal(out.rooms[8:16], first) {
			t.Error("two calls were given different numbers by chance")
		}
	}
}

func TestWriterOfManyLists(t *testing.T) {
	const rows = 100_028
	var addresses gateway.Rows
	for i := range rows {
		addresses = append(addresses,
			gateway.Row{"address": fmt.Sprintf("list%d-unsubscribe@lists.example.com", i), "list": fmt.Sprintf("list%d@lists.example.com", i)})
	}
	p := load(t, Env{}, Spec{Name: "writer", Wasm: testdata(t, "writer")})
	first, err := p.Render(t.Context(), gateway.Inventory{wire.TableAddresses: addresses})
	if err != nil || len(first) != 1 || bytes.Count(first[0].Data, []byte("\n")) != rows {
		t.Fatalf("%d files, %v", len(first), err)
	}
	second, err := p.Render(t.Context(), gateway.Inventory{wire.TableAddresses: addresses})
	if err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("the second time: %v", err)
	}
	t.Logf("%d rows: %d octets, %+v", rows, len(first[0].Data), p.Stats())
}

func TestInspect(t *testing.T) {
	info, err := Inspect(testdata(t, "tag"))
	if err != nil || info.ABI != "1.0" || !reflect.DeepEqual(info.Hooks, []string{"incoming"}) || len(info.SHA256) != 64 ||
		!reflect.DeepEqual(info.Imports, []string{"mmgw.header_get", "mmgw.header_set"}) ||
		!reflect.DeepEqual(info.Capabilities, []string{"headers"}) || info.MemoryKiB != 128 || !info.Metered || info.Missing != nil || info.Ignored != nil {
		t.Errorf("%+v, %v", info, err)
	}
	if info, err := Inspect(testdata(t, "table")); err != nil || info.Metered || info.ABI != "1.0" {
		t.Errorf("%+v, %v", info, err)
	}
	if info, err := Inspect(patched(guest(wire.ExportIncoming, do("part_count")), "part_count", "part_xxxxx")); err != nil || info.ABI != "" || len(info.Missing) != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	twice := guest(wire.ExportIncoming, do("part_count"), do("part_count"))
	if info, err := Inspect(twice); err != nil || !reflect.DeepEqual(info.Imports, []string{"mmgw.part_count"}) {
		t.Errorf("%+v, %v", info, err)
	}
	if info, err := Inspect(guest("mmgw_incomming", do("part_count"))); err != nil || info.Hooks != nil || !reflect.DeepEqual(info.Ignored, []string{"mmgw_incomming"}) {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := Inspect([]byte("hello")); err == nil {
		t.Error("a text was taken for a module")
	}
}

func TestCompiledCodeIsCached(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		h, err := New(Env{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.Load(t.Context(), Spec{Name: "tag", Wasm: testdata(t, "tag")})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		h.Close(context.Background())
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Errorf("the cache holds %d entries, %v", len(entries), err)
	}
}
