package sandbox

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox/meter"
)

// instance is one instantiated module. It is used by one goroutine at a time.
type instance struct {
	module  api.Module
	memory  api.Memory
	hooks   [len(exports)]api.Function // nil: not exported
	slice   api.MutableGlobal          // this and the next three are nil in ModeDeadline
	rest    api.MutableGlobal
	pages   api.MutableGlobal
	globals []api.MutableGlobal
	brake   brake
	born    int64          // octets of memory before the first call
	napped  int64          // nanoseconds that poll_oneoff pretended to wait
	fields  gateway.Header // empty; its capacity is for a call that edits the header
	call    call
	stack   [1]uint64
}

// snapshot is the state of an instance after mmgw_init.
type snapshot struct {
	memory  []byte
	globals []uint64
	pages   uint64 // the virtual size
}

// instantiate makes an instance in which nothing but the start function has run,
// within startFuel.
func (p *Plugin) instantiate(ctx context.Context) (*instance, *Error) {
	i := &instance{}
	i.call.begin(ctx, p, i, hookInit, nil)
	limited, cancel := i.call.limited()
	defer cancel()
	m, err := p.runtime.InstantiateModule(limited, p.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		if i.call.fault != nil {
			return nil, i.call.fault
		}
		reason, trace := trapReason(err)
		if p.spec.Mode == ModeFuel && strings.HasSuffix(reason, "unreachable") { // no instance is left to ask
			reason += fmt.Sprintf(", or more than %d units of fuel", startFuel)
		}
		failed := i.call.failure(Trapped, "it cannot be instantiated: "+reason)
		failed.Trace = trace
		return nil, failed
	}
	i.bind(m, p)
	return i, nil
}

// bind looks up what calls need, once: a lookup costs more than a small call.
func (i *instance) bind(m api.Module, p *Plugin) {
	i.module, i.memory = m, m.ExportedMemory("memory")
	for n, e := range exports {
		if i.hooks[n] = m.ExportedFunction(e.name); p.spec.Filter && e.hook&hookFilter != 0 {
			i.hooks[n] = m.ExportedFunction(programStart)
		}
	}
	if p.spec.Mode != ModeFuel {
		return
	}
	global := func(name string) api.MutableGlobal { return m.ExportedGlobal(name).(api.MutableGlobal) }
	i.slice, i.rest, i.pages = global(meter.GlobalSlice), global(meter.GlobalRest), global(meter.GlobalPages)
	i.brake.stop = global(meter.GlobalStop)
	for _, name := range p.globals {
		i.globals = append(i.globals, global(name))
	}
}

// setFuel sets what may be spent, the first slice of it ready for use.
func (i *instance) setFuel(fuel int64) {
	if i.slice == nil {
		return
	}
	slice := min(fuel, meter.SliceUnits)
	i.slice.Set(uint64(slice))
	i.rest.Set(uint64(fuel - slice))
}

// fuelLeft is what may still be spent.
func (i *instance) fuelLeft() int64 { return int64(i.slice.Get()) + int64(i.rest.Get()) }

// outOfFuel says whether a trap was the meter's: only that leaves the slice
// below zero.
func (i *instance) outOfFuel() bool { return i.slice != nil && int64(i.slice.Get()) < 0 }

// spend takes units, and says whether there were enough.
func (i *instance) spend(units int64) bool {
	slice := int64(i.slice.Get()) - units
	if slice >= 0 {
		i.slice.Set(uint64(slice))
		return true
	}
	fuel := slice + int64(i.rest.Get())
	i.setFuel(fuel)
	return fuel >= 0
}

// memoryBytes is how much memory the module has.
func (i *instance) memoryBytes() int64 {
	if i.pages != nil {
		return int64(uint32(i.pages.Get())) * pageBytes
	}
	return int64(i.memory.Size())
}

// take makes a snapshot.
func (i *instance) take() *snapshot {
	s := &snapshot{pages: i.pages.Get()}
	memory, _ := i.memory.Read(0, i.memory.Size())
	s.memory = append(s.memory, memory...)
	for _, g := range i.globals {
		s.globals = append(s.globals, g.Get())
	}
	return s
}

// restore puts the instance back to a snapshot. Memory that it has grown by since
// stays allocated, cleared and beyond its virtual size.
func (i *instance) restore(s *snapshot) {
	memory, _ := i.memory.Read(0, i.memory.Size())
	clear(memory[copy(memory, s.memory):])
	for n, g := range i.globals {
		g.Set(s.globals[n])
	}
	i.pages.Set(s.pages)
	i.napped = 0
}

// adopt brings a new instance to the snapshot of another.
func (i *instance) adopt(s *snapshot) error {
	missing := (len(s.memory) - int(i.memory.Size())) / pageBytes
	if missing > 0 {
		if _, ok := i.memory.Grow(uint32(missing)); !ok {
			return fmt.Errorf("memory cannot grow by %d pages", missing)
		}
	}
	i.restore(s)
	return nil
}

// close frees the instance. The module has no say in that.
func (i *instance) close() { i.module.Close(context.Background()) }
