package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/sandbox"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/plugins"
)

// moduleBytesMax bounds a module that is read: the sandbox takes no larger one.
const moduleBytesMax = 32 << 20

func pluginFamily(g *globals) *cobra.Command {
	return family("plugin", "WebAssembly modules: handlers, planners, writers of MTA configurations",
		pluginLs(g), pluginInspect(g), pluginRun(g), pluginTest(g), pluginBench(g), pluginReplay(g), pluginSwap(g), pluginRollback(g))
}

func pluginLs(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Show the modules of the running gateway, and what their calls cost",
		Long: "Shows the modules of the running gateway. US and FUEL are the average of a call, in\n" +
			"microseconds and in units of the meter; P99US and P99FUEL are what 99 of 100 calls do not\n" +
			"exceed, rounded up to a step of the histogram in the metrics; PEAKKIB is the most memory that a\n" +
			"call had. The counts start again with each version of a module. --json has more of them.",
		Example: "  mmgw plugin ls", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var rows []server.PluginRow
			if err := g.call(c, "plugin.ls", server.Nothing{}, &rows); err != nil {
				return err
			}
			return g.show(c, rows, func(w io.Writer) { writePlugins(w, rows) })
		},
	}
}

func writePlugins(w io.Writer, rows []server.PluginRow) {
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{
			r.Name, r.Kind, r.Digest[:min(12, len(r.Digest))], r.Source, r.State, strconv.FormatInt(r.Calls, 10),
			strconv.FormatInt(r.Failures, 10), strconv.FormatInt(r.Us, 10), strconv.FormatInt(r.Fuel, 10),
			strconv.FormatInt(r.P99Us, 10), strconv.FormatInt(r.P99Fuel, 10), strconv.FormatInt(r.Memory>>10, 10),
			strconv.FormatInt(r.HostCalls, 10), strconv.FormatInt(r.Bytes, 10),
		})
	}
	table(w, "", "NAME KIND DIGEST SOURCE STATE CALLS FAILED US FUEL P99US P99FUEL PEAKKIB HOSTCALLS BYTES", cells)
	for _, r := range rows {
		if s := r.Shadow; s != nil {
			fmt.Fprintf(w, "%s is the shadow of %s: of %s it rules otherwise on %d and edits %d otherwise; it failed on %d and skipped %d\n",
				s.Name, r.Name, plural(int(s.Compared), "message"), s.Verdicts, s.Edits, s.Failed, s.Skipped)
		}
	}
}

// readModule reads a module from a file, or a built-in one by its name.
func readModule(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if wasm, known := plugins.Lookup(name); known {
			return wasm, nil
		}
	}
	if err == nil && info.Size() > moduleBytesMax {
		err = fmt.Errorf("%s is larger than %s", name, config.FormatSize(moduleBytesMax))
	}
	var wasm []byte
	if err == nil {
		wasm, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, failure(admin.ExitData, "%v; built-in are: %s", err, strings.Join(plugins.Names(), " "))
	}
	return wasm, nil
}

// moduleNamed reads the module of a file, or the one of a name: the one that the
// configuration uses by that name, or else the built-in one.
func (g *globals) moduleNamed(name string) (wasm []byte, source string, err error) {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		wasm, err = readModule(name)
		return wasm, name, err
	}
	cfg, err := g.load()
	if err != nil || !slices.Contains(cfg.PluginNames(), name) {
		wasm, err = readModule(name)
		return wasm, "built-in", err
	}
	if wasm, source, err = server.FindModule(cfg, name); err != nil {
		err = failure(admin.ExitData, "plugin %s: %v", name, err)
	}
	return wasm, source, err
}

// moduleFacts are what inspect prints as JSON.
type moduleFacts struct {
	Source       string   `json:"source"`
	ABI          string   `json:"abi"`
	Hooks        []string `json:"hooks"`
	Imports      []string `json:"imports"`
	Capabilities []string `json:"capabilities"`
	Optional     []string `json:"optional_capabilities"`
	Missing      []string `json:"missing"`
	Ignored      []string `json:"ignored"`
	MemoryKiB    int      `json:"memory_kib"`
	Metered      bool     `json:"metered"`
	Size         int      `json:"size"`
	SHA256       string   `json:"sha256"`
}

func pluginInspect(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "inspect F.wasm|NAME", Short: "Show what a module is and what it can do, without running it",
		Long: "Says what a module is and what it can do. Nothing of it runs but the function that returns the\n" +
			"version of its ABI. Instead of a file it may be the name of a plugin that the configuration\n" +
			"uses, even one that was swapped in, or of a built-in one.",
		Example: "  mmgw plugin inspect tag.wasm\n  mmgw plugin inspect postfix --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			wasm, source, err := g.moduleNamed(args[0])
			if err != nil {
				return err
			}
			info, err := sandbox.Inspect(wasm)
			if err != nil {
				return failure(admin.ExitData, "%s: %v", args[0], err)
			}
			return g.show(c, factsOf(source, info), func(w io.Writer) { writeInfo(w, source, info) })
		},
	}
}

func factsOf(source string, info sandbox.Info) moduleFacts {
	list := func(texts []string) []string { return append([]string{}, texts...) }
	return moduleFacts{
		Source: source, ABI: info.ABI, Hooks: list(info.Hooks), Imports: list(info.Imports), Capabilities: list(info.Capabilities), Optional: list(info.Optional),
		Missing: list(info.Missing), Ignored: list(info.Ignored), MemoryKiB: info.MemoryKiB, Metered: info.Metered,
		Size: info.Size, SHA256: info.SHA256,
	}
}

func writeInfo(w io.Writer, source string, info sandbox.Info) {
	abi := info.ABI
	switch {
	case info.Filter:
		abi = `none: a WASI program, for kind = "filter"`
	case abi == "":
		abi = "unknown"
	}
	pairs(w, "source", source, "abi", abi, "hooks", strings.Join(info.Hooks, " "), "imports", strings.Join(info.Imports, " "),
		"not offered", strings.Join(info.Missing, " "),
		"size", fmt.Sprintf("%d octets, %d KiB of memory to start with", info.Size, info.MemoryKiB), "sha256", info.SHA256)
	fmt.Fprintf(w, "\n%s\n", canDo(info))
	if len(info.Ignored) > 0 {
		fmt.Fprintf(w, "%s will not be called: this version has no such hook.\n", strings.Join(info.Ignored, ", "))
	}
	if len(info.Missing) > 0 {
		fmt.Fprintln(w, "It cannot be loaded here: it imports what this version does not offer.")
	}
	if !info.Metered {
		fmt.Fprintln(w, `It cannot be metered: it needs mode = "deadline".`)
	}
}
