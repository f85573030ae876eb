package sandbox

import (
	"context"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/mmgw/mmgw/gateway/sandbox/meter"
	"github.com/mmgw/mmgw/sdk/wire"
)

// hook is one export of a module that the host calls, or a set of them.
type hook uint16

// The hooks, and the sets of them that share functions.
const (
	hookInit hook = 1 << iota
	hookRecipient
	hookIncoming
	hookOutgoing
	hookPlan
	hookResult
	hookWriter

	hookHandlers = hookRecipient | hookIncoming | hookOutgoing | hookPlan | hookResult
	hookMessage  = hookIncoming | hookOutgoing | hookPlan | hookResult
	hookEdits    = hookIncoming | hookOutgoing | hookPlan
	hookAny      = hookInit | hookHandlers | hookWriter
)

// hookPrefix is what the names of hooks begin with.
const hookPrefix = "mmgw_"

// export is one hook as a module exports it.
type export struct {
	hook   hook
	name   string // of the function
	phase  string // for people
	params string
}

// exports are the hooks: those of the phases by the number of gateway.Phase, and
// that of writers.
var exports = [...]export{
	{hookRecipient, wire.ExportRecipient, "recipient", "i"},
	{hookIncoming, wire.ExportIncoming, "incoming", ""},
	{hookOutgoing, wire.ExportOutgoing, "outgoing", ""},
	{hookPlan, wire.ExportPlan, "plan", ""},
	{hookResult, wire.ExportResult, "result", "i"},
	{hookWriter, wire.ExportMTAConfig, "mta_config", ""},
}

// placeWriter is the index of the one hook that serves no phase of a message.
const placeWriter = len(exports) - 1

// String is the phase that one hook serves, for people.
func (h hook) String() string {
	for _, e := range exports {
		if e.hook == h {
			return e.phase
		}
	}
	return "init"
}

// function is one host function, a row of a table. Types are written as i for i32
// and I for i64.
type function struct {
	name       string
	params     string
	result     string // one type, or "" for none
	capability string // that must be granted; "": none
	hooks      hook   // those that may call it
	run        func(c *call, args []uint64) int64
}

// Call implements api.GoModuleFunction: it checks phase and capability and runs
// the function.
func (f *function) Call(ctx context.Context, _ api.Module, stack []uint64) {
	c := callOf(ctx)
	c.enter()
	var result int64
	switch {
	case f.hooks&c.hook == 0:
		result = wire.WrongPhase
	case f.capability != "" && !c.plugin.grants(f.capability):
		result = wire.NotPermitted
	case c.plugin.host.env.Refuse != nil:
		result = f.runUnlessRefused(c, stack)
	default:
		result = f.run(c, stack)
	}
	switch f.result {
	case "i":
		stack[0] = api.EncodeI32(int32(result))
	case "I":
		stack[0] = uint64(result)
	}
}

// runUnlessRefused runs the function unless Env.Refuse makes it fail.
func (f *function) runUnlessRefused(c *call, stack []uint64) int64 {
	if result, refused := c.plugin.host.env.Refuse(f.name); refused {
		return result
	}
	return f.run(c, stack)
}

// matches says whether an import of the function has the right types.
func (f *function) matches(s meter.Signature) bool {
	return s == meter.Signature{Params: octets(f.params), Results: octets(f.result)}
}

// octets are the types of a signature in the binary format.
func octets(types string) string {
	return strings.NewReplacer("i", "\x7f", "I", "\x7e").Replace(types)
}

// values are the types of a signature as wazero names them, which are the same
// octets.
func values(types string) []api.ValueType { return []api.ValueType(octets(types)) }
