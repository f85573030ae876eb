package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/kv"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// messageBytesMax bounds a message file: four times the largest message that a gateway
// accepts by default.
const messageBytesMax = 128 << 20

// trial is one call of a module with a message.
type trial struct {
	hook         string
	from         string
	to           []string
	list         string
	client       string // IP address
	helo         string
	settings     []string // key=value
	capabilities []string
	fuel         int64
	memory       int64
	timeout      time.Duration
}

func pluginRun(g *globals) *cobra.Command {
	var t trial
	c := &cobra.Command{
		Use: "run F.wasm MSG.eml", Short: "Let a module handle a message, and show what it did",
		Long: "Runs a module in the sandbox on the message of a file, and shows verdict, edits, metrics and\n" +
			"cost. Nothing is sent. If the module fails it exits 65. Instead of a file, the module may be\n" +
			"the name of a built-in plugin. A WASI program is run as a filter: message in, message out.",
		Example: "  mmgw plugin run tag.wasm --hook incoming post.eml --set prefix=[dev]\n" +
			"  mmgw plugin run program.wasm post.eml --set 'args=[\"--strict\"]'",
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			settings, wasm, x, err := t.read(c, args[0], args[1])
			if err != nil {
				return err
			}
			o, err := t.run(c.Context(), args[0], settings, wasm, x, moduleLog(c.ErrOrStderr()))
			return g.showOutcome(c, x, o, err)
		},
	}
	t.flags(c)
	return c
}

// read returns the settings of a trial, its module, and the call on a message.
func (t *trial) read(c *cobra.Command, module, message string) (settings map[string]any, wasm []byte, x *gateway.Exchange, err error) {
	if settings, err = readSettings(t.settings); err != nil {
		return nil, nil, nil, usageError(c, err.Error())
	}
	if wasm, err = readModule(module); err != nil {
		return nil, nil, nil, err
	}
	x, err = t.exchange(message)
	return settings, wasm, x, err
}

// flags adds the flags that say what the module gets to see, and its limits.
func (t *trial) flags(c *cobra.Command) {
	c.Flags().StringVar(&t.hook, "hook", "incoming", "the `hook` to call: incoming or outgoing")
	c.Flags().StringVar(&t.from, "from", "anne@example.com", "the reverse-`path`; \"\" for a bounce's")
	c.Flags().StringArrayVar(&t.to, "to", []string{"list@lists.example.com"}, "`address` of a recipient; may be given again")
	c.Flags().StringVar(&t.list, "list", "", "the list's `address` (default the first recipient)")
	c.Flags().StringVar(&t.client, "client", "", "`IP` address of the client that the MTA served")
	c.Flags().StringVar(&t.helo, "helo", "", "`name` by which the client said HELO")
	c.Flags().StringArrayVar(&t.settings, "set", nil, "a setting of the module as `key=value`; several texts as key=[\"a\",\"b\"]; may be given again")
	c.Flags().StringSliceVar(&t.capabilities, "capability", nil, "grant only these `capabilities` (default headers,body)")
	c.Flags().Int64Var(&t.fuel, "fuel", sandbox.FuelDefault, "`units` of fuel that a call gets")
	t.memory = sandbox.MemoryBytesDefault
	c.Flags().Var((*sizeValue)(&t.memory), "memory", "the `size` of its memory")
	c.Flags().DurationVar(&t.timeout, "timeout", sandbox.TimeoutDefault, "the `time` that a call gets")
}

// exchange is what the module gets to see of a message file.
func (t *trial) exchange(file string) (*gateway.Exchange, error) {
	phases := map[string]gateway.Phase{"incoming": gateway.PhaseIncoming, "outgoing": gateway.PhaseOutgoing}
	phase, known := phases[t.hook]
	if !known {
		return nil, failure(admin.ExitUsage, "--hook is incoming or outgoing, not %q; `mmgw plugin test` calls the others", t.hook)
	}
	content, err := readContent(file)
	if err != nil {
		return nil, err
	}
	draft, err := gateway.OpenDraft(content)
	if err != nil {
		return nil, failure(admin.ExitData, "%s: %v", file, err)
	}
	message := &gateway.Message{Received: time.Now(), Content: content, Legs: make([]gateway.Leg, 1)}
	message.ID = gateway.NextQueueID(0, message.Received)
	if message.Envelope.ReversePath, err = gateway.ParseReversePath(t.from); err != nil {
		return nil, err
	}
	if message.Client.Helo = t.helo; t.client != "" {
		if message.Client.Addr, err = netip.ParseAddr(t.client); err != nil {
			return nil, failure(admin.ExitUsage, "--client: %v", err)
		}
	}
	leg := &message.Legs[0]
	leg.Service, leg.PostNumber = gateway.Post, 1
	for i, to := range t.to {
		path, err := gateway.ParseForwardPath(to)
		if err != nil {
			return nil, err
		}
		message.Envelope.Recipients = append(message.Envelope.Recipients, gateway.Recipient{Path: path})
		leg.Recipients, leg.Details = append(leg.Recipients, gateway.RecipientID(i)), append(leg.Details, "")
	}
	list, err := t.mailingList(message.Envelope.Recipients)
	if err != nil {
		return nil, err
	}
	leg.List = list.ID
	x := &gateway.Exchange{Phase: phase, Message: message, Leg: leg, List: list, Draft: draft, SenderRole: func() string { return "none" }}
	if phase == gateway.PhaseIncoming {
		x.Recipients = message.Envelope.Recipients
	}
	return x, nil
}

func (t *trial) mailingList(recipients []gateway.Recipient) (*gateway.List, error) {
	var address gateway.ForwardPath
	var err error
	switch {
	case t.list != "":
		address, err = gateway.ParseForwardPath(t.list)
	case len(recipients) > 0:
		address = recipients[0].Path
	default:
		err = failure(admin.ExitUsage, "a message needs a recipient: --to")
	}
	return &gateway.List{
		ID: gateway.NewListID(address), Address: address, Posting: gateway.PostingMembers, Subscribe: "confirm", Unsubscribe: "list",
	}, err
}

// readContent reads a message file, and makes its line ends CRLF.
func readContent(path string) (gateway.Bytes, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, failure(admin.ExitData, "%v", err)
	}
	defer file.Close()
	return readMessage(file, path)
}

func readMessage(r io.Reader, name string) (gateway.Bytes, error) {
	text, err := io.ReadAll(io.LimitReader(r, messageBytesMax+1))
	if err != nil {
		return nil, failure(admin.ExitData, "%s: %v", name, err)
	}
	if len(text) > messageBytesMax {
		return nil, failure(admin.ExitData, "%s is larger than %d MiB", name, messageBytesMax>>20)
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n') // content that comes by LMTP always ends so
	}
	return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), nil
}

// moduleLog shows the lines that a module logs while it is tried out.
func moduleLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.LevelKey, slog.MessageKey:
			return a
		}
		return slog.Attr{}
	}}))
}

// stage is where a module is tried out. The values that it keeps last as long as the stage.
type stage struct {
	kv   *kv.Scratch
	host *sandbox.Host
}

// newStage makes a stage. Compiled code is kept in the directory cache, unless that is "".
func newStage(cache string, log *slog.Logger) (*stage, error) {
	scratch, err := kv.NewScratch()
	if err != nil {
		return nil, err
	}
	host, err := sandbox.New(sandbox.Env{Version: version(), CacheDir: cache, Logger: log, KV: scratch, Resolver: net.DefaultResolver})
	if err != nil {
		return nil, errors.Join(err, scratch.Close())
	}
	return &stage{scratch, host}, nil
}

func (s *stage) close(ctx context.Context) error { return errors.Join(s.host.Close(ctx), s.kv.Close()) }

// spec is the module with the limits of the flags.
func (t *trial) spec(name string, settings map[string]any, wasm []byte) sandbox.Spec {
	return sandbox.Spec{
		Name: strings.TrimSuffix(baseName(name), ".wasm"), Wasm: wasm, Filter: sandbox.IsProgram(wasm), Config: settings, Capabilities: t.capabilities,
		Fuel: t.fuel, MemoryBytes: t.memory, Timeout: t.timeout, Instances: 1,
	}
}

// outcome is the outcome of a trial. A call that failed has no verdict.
type outcome struct {
	verdict gateway.Verdict
	usage   gateway.Usage
	metrics map[string]int64 // that the module counted
}

// run loads the module and calls it once.
func (t *trial) run(ctx context.Context, name string, settings map[string]any, wasm []byte, x *gateway.Exchange, log *slog.Logger) (o outcome, err error) {
	s, err := newStage("", log)
	if err != nil {
		return o, err
	}
	plugin, err := s.host.Load(ctx, t.spec(name, settings, wasm))
	if err != nil {
		return o, errors.Join(err, s.close(ctx))
	}
	if !plugin.Serves(x.Phase) {
		err = t.noHook(name, wasm)
	} else {
		o.verdict, err = plugin.Handle(ctx, x)
	}
	stats := plugin.Stats()
	o.usage, o.metrics = gateway.Usage{Fuel: stats.Fuel, Time: stats.Time}, stats.Metrics
	plugin.Close()
	return o, errors.Join(err, s.close(ctx))
}

// noHook is the error of a module without the hook. It says how to call the hooks that it
// has.
func (t *trial) noHook(name string, wasm []byte) error {
	way := "`mmgw plugin inspect` shows which hooks it has"
	info, err := sandbox.Inspect(wasm)
	for _, hook := range info.Hooks {
		if hook == "incoming" || hook == "outgoing" {
			way = "it has " + hook + ": --hook " + hook
			break
		}
		way = "it has " + hook + ", which `mmgw plugin test` calls"
	}
	return errors.Join(failure(admin.ExitData, "%s has no export for the hook %s; %s", name, t.hook, way), err)
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// microseconds is a time in microseconds, as text.
func microseconds(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) + " µs" }

// oneLine is an error as one printable line.
func oneLine(err error) string {
	return gateway.Printable(strings.ReplaceAll(fmt.Sprint(err), "\n", "; "))
}
