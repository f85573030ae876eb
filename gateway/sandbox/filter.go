package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox/meter"
	"github.com/mmgw/mmgw/sdk/wire"
)

// programStart is the export that runs a WASI program.
const programStart = "_start"

// hookFilter are the hooks that a filter serves, all of them with programStart.
const hookFilter = hookIncoming | hookOutgoing

// Exit codes of a filter, after sysexits(3) and Postfix's pipe(8). Any other is a
// failure.
const (
	exitPass     = 0
	exitNoUser   = 67
	exitTryLater = 75
	exitRefuse   = 77
	exitDiscard  = 99
	exitHold     = 100
)

// filterOutputBytesMax is how many octets a filter may write: the largest header
// and the largest body.
const filterOutputBytesMax = gateway.HeaderBytesMax + BodyBytesMax

// filter is the state of a WASI program that runs as a filter: the message on its
// standard input, what it has written, and how it ended.
type filter struct {
	args, environment []string
	input             gateway.ContentReader // opened at the first read
	read              int64
	output            []byte
	complaint         string // the last line on standard error
	exited            bool
	code              int32
}

// checkProgram returns the hooks of a module that is to be a filter.
func checkProgram(m *meter.Module) (hook, error) {
	start := slices.ContainsFunc(m.Exports, isStart)
	memory := slices.ContainsFunc(m.Exports, func(e meter.Export) bool { return e.Name == wire.ExportMemory && e.Kind == "memory" })
	switch {
	case !start && exportsABI(m):
		return 0, errors.New(`it is a module of ABI 1, not a WASI program: use it with kind = "handler"`)
	case !start:
		return 0, fmt.Errorf("it does not export %s: it is not a WASI program", programStart)
	case !memory:
		return 0, fmt.Errorf("it does not export its memory as %q", wire.ExportMemory)
	}
	for _, i := range m.Imports {
		if i.Module == wire.Module {
			return 0, fmt.Errorf("it imports %s.%s: a filter can import only WASI", wire.Module, gateway.Printable(i.Name))
		}
	}
	return hookFilter, nil
}

// IsProgram says whether a module is a WASI program, which can only run as a
// Spec.Filter.
func IsProgram(wasm []byte) bool {
	m, err := meter.Decode(wasm)
	return err == nil && isProgram(m)
}

// isProgram tells a WASI program from a module of the ABI.
func isProgram(m *meter.Module) bool {
	return slices.ContainsFunc(m.Exports, isStart) && !exportsABI(m)
}

func isStart(e meter.Export) bool { return e.Name == programStart && isFunction(e, "", "") }

func exportsABI(m *meter.Module) bool {
	return slices.ContainsFunc(m.Exports, func(e meter.Export) bool { return e.Name == wire.ExportABI })
}

// newFilter prepares the arguments and the environment of a program. MMGW_RCPTS
// has one address per line: any other separator may occur in an address.
func (p *Plugin) newFilter(x *gateway.Exchange) *filter {
	var recipients []string
	for _, r := range x.Recipients {
		recipients = append(recipients, string(r.Path))
	}
	list := ""
	if x.List != nil {
		list = string(x.List.Address)
	}
	f := &filter{args: []string{p.spec.Name}}
	if given, ok := p.spec.Config["args"].([]any); ok {
		for _, arg := range given {
			f.args = append(f.args, fmt.Sprint(arg))
		}
	}
	for _, v := range [][2]string{
		{"MAIL_FROM", string(x.Message.Envelope.ReversePath)}, {"RCPTS", strings.Join(recipients, "\n")},
		{"LIST", list}, {"PHASE", exports[place(x.Phase)].phase}, {"ID", x.Message.ID.String()}, {"CONFIG", p.config},
	} {
		f.environment = append(f.environment, "MMGW_"+v[0]+"="+v[1])
	}
	return f
}

// strings returns the environment or the arguments of a filter, nothing for other
// modules.
func (c *call) strings(environment bool) []string {
	switch {
	case c.filter == nil:
		return nil
	case environment:
		return c.filter.environment
	}
	return c.filter.args
}

// stringsSizes answers args_sizes_get and environ_sizes_get(count, octets).
func stringsSizes(environment bool) func(*call, []uint64) int64 {
	return func(c *call, a []uint64) int64 {
		all, size := c.strings(environment), 0
		for _, s := range all {
			size += len(s) + 1
		}
		c.put32(a[0], uint32(len(all)))
		c.put32(a[1], uint32(size))
		return 0
	}
}

// stringsGet answers args_get and environ_get(pointers, octets).
func stringsGet(environment bool) func(*call, []uint64) int64 {
	return func(c *call, a []uint64) int64 {
		pointers, at := uint32(a[0]), uint32(a[1])
		for _, s := range c.strings(environment) {
			b := c.view(uint64(at), uint64(len(s))+1)
			b[copy(b, strings.ReplaceAll(s, "\x00", "?"))] = 0
			c.put32(uint64(pointers), at)
			pointers, at = pointers+4, at+uint32(len(b))
		}
		return 0
	}
}

// readInput fills vectors from the message. It returns how many octets it read and
// an error number of WASI.
func (c *call) readInput(vectors []byte) (n int, errno int64) {
	f := c.filter
	if f == nil {
		return 0, 0
	}
	content := c.exchange.Draft.Content()
	if f.input == nil {
		r, err := content.Open()
		if err != nil {
			return 0, errnoIO
		}
		f.input = r
	}
	for ; len(vectors) > 0; vectors = vectors[8:] {
		window := c.view(uint64(binary.LittleEndian.Uint32(vectors)), uint64(binary.LittleEndian.Uint32(vectors[4:])))
		window = window[:min(int64(len(window)), content.Size()-f.read)]
		got, err := f.input.ReadAt(window, f.read)
		if got < len(window) && err != nil {
			return n, errnoIO
		}
		n, f.read = n+got, f.read+int64(got)
	}
	return n, 0
}

// writeOutput takes a piece of the new message. A program that writes too much is
// stopped: it may not look at the results of its writes, and go on to pass half of
// a message.
func (c *call) writeOutput(text []byte) {
	f := c.filter
	if len(f.output)+len(text) > filterOutputBytesMax {
		c.stop(Trapped, fmt.Sprintf("wrote more than %d octets to standard output", filterOutputBytesMax))
	}
	if f.output == nil {
		f.output = make([]byte, 0, min(c.exchange.Draft.Content().Size()+int64(len(text)), reserveBytesMax))
	}
	f.output = append(f.output, text...)
}

// endFilter turns the exit code of a program into the verdict, with the last line
// of its standard error as the text.
func (c *call) endFilter(err error) *Error {
	f := c.filter
	if f.input != nil {
		f.input.Close()
	}
	if err != nil && !f.exited {
		return c.ended(err)
	}
	switch f.code {
	case exitPass:
		return c.rewrite()
	case exitTryLater:
		c.ruleBy(gateway.Defer, gateway.EnhancedCode{})
	case exitRefuse:
		c.ruleBy(gateway.Reject, gateway.EnhancedCode{})
	case exitNoUser:
		c.ruleBy(gateway.Reject, gateway.EnhancedCode{5, 1, 1})
	case exitDiscard:
		c.decision.action = gateway.Discard
	case exitHold:
		c.ruleBy(gateway.Hold, gateway.EnhancedCode{})
		return c.rewrite()
	default:
		reason := fmt.Sprintf("exited with %d", f.code)
		if f.complaint != "" {
			reason += ": " + f.complaint
		}
		return c.failure(Returned, reason)
	}
	return nil
}

// ruleBy decides on an action, with its usual status, an enhanced code in place of
// the usual one unless it is zero, and the program's own text if it gave one.
func (c *call) ruleBy(action gateway.Action, enhanced gateway.EnhancedCode) {
	status := usualStatus(action)
	if enhanced != (gateway.EnhancedCode{}) {
		status.Enhanced = enhanced
	}
	if c.filter.complaint != "" {
		status.Text = c.filter.complaint
	} else if status.Class() == gateway.Success {
		status = nil
	}
	c.decision.action, c.decision.status = action, status
}
