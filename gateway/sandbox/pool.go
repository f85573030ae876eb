package sandbox

import (
	"context"
	"fmt"
	"sync"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// pool lends a limited number of instances at a time. The one that was used last
// is lent first, since its memory is still in the processor's cache.
type pool struct {
	freed chan struct{} // one for each caller that waited and has been given a place

	mu      sync.Mutex
	idle    []*instance
	places  int // that are free
	waiting int // callers in line
}

// newPool makes a pool that lends size instances at a time.
func newPool(size int) *pool { return &pool{freed: make(chan struct{}, size), places: size} }

// pop returns an idle instance or nil.
func (p *pool) pop() *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last()
}

func (p *pool) last() *instance {
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	i := p.idle[last]
	p.idle = p.idle[:last]
	return i
}

// push keeps an instance for a later call.
func (p *pool) push(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, i)
}

// enter takes a place, and an instance if one is idle. If no place is free it
// puts the caller in line, who must then call wait.
func (p *pool) enter() (i *instance, entered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.places == 0 {
		p.waiting++
		return nil, false
	}
	p.places--
	return p.last(), true
}

// leave gives a place back, and the instance that used it, nil if it is gone.
func (p *pool) leave(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i != nil {
		p.idle = append(p.idle, i)
	}
	if p.waiting == 0 {
		p.places++
		return
	}
	p.waiting--
	p.freed <- struct{}{}
}

// wait waits for a place, and says whether there was one before the caller gave
// up or the plugin was closed.
func (p *pool) wait(ctx context.Context, closed <-chan struct{}) bool {
	select {
	case <-p.freed:
		return true
	case <-closed:
	case <-ctx.Done():
	}
	p.mu.Lock()
	inLine := p.waiting > 0
	if inLine {
		p.waiting--
	}
	p.mu.Unlock()
	if !inLine { // a place was given to this caller in the meantime
		<-p.freed
		p.leave(nil)
	}
	return false
}

// drain takes all places for good, as they become free, and closes the instances.
func (p *pool) drain(places int) {
	for range places {
		i, entered := p.enter()
		if !entered && p.wait(context.Background(), nil) {
			i = p.pop()
		}
		if i != nil {
			i.close()
		}
	}
}

// acquire waits for a place, and returns an instance that is ready for a call.
func (p *Plugin) acquire(ctx context.Context, h hook) (*instance, *Error) {
	i, entered := p.pool.enter()
	if !entered {
		if !p.pool.wait(ctx, p.closed) {
			return nil, p.turnedAway(ctx, h)
		}
		i = p.pool.pop()
	}
	if i != nil {
		return i, nil
	}
	i, err := p.newInstance(ctx)
	if err != nil {
		p.pool.leave(nil)
		return nil, err
	}
	i.born = i.memoryBytes()
	return i, nil
}

// turnedAway is the error of a call that waited in vain.
func (p *Plugin) turnedAway(ctx context.Context, h hook) *Error {
	if err := ctx.Err(); err != nil {
		return p.unavailable(h, fmt.Sprintf("all %d instances are busy", p.spec.Instances), err)
	}
	return p.unavailable(h, "the plugin is closed", nil)
}

func (p *Plugin) unavailable(h hook, reason string, cause error) *Error {
	return &Error{Plugin: p.spec.Name, Phase: h.String(), Fault: Unavailable, Reason: reason, Cause: cause}
}

// release takes an instance back after a call, and lets go of what the call held.
func (p *Plugin) release(i *instance, failed *Error) {
	keep := p.spec.Isolation != Fresh && (failed == nil || failed.Fault == Returned)
	switch {
	case !keep || p.spec.Isolation == Pooled && !p.outgrown(i):
	case p.snapshot == nil:
		keep = false
	default:
		i.restore(p.snapshot)
	}
	i.call.header.leave(i)
	i.call = call{}
	if !keep {
		i.close()
		i = nil
	}
	p.pool.leave(i)
}

// outgrown says whether an instance has grown so far that a later call might lack
// memory. A pooled instance is put back then, before that makes a call fail.
func (p *Plugin) outgrown(i *instance) bool {
	memory := i.memoryBytes()
	return memory > p.spec.MemoryBytes/2 && memory > i.born
}

// newInstance makes an instance that is ready for calls.
func (p *Plugin) newInstance(ctx context.Context) (*instance, *Error) {
	i, failed := p.instantiate(ctx)
	if failed != nil {
		return nil, failed
	}
	if p.snapshot != nil {
		if err := i.adopt(p.snapshot); err != nil {
			i.close()
			return nil, &Error{Plugin: p.spec.Name, Phase: hookInit.String(), Fault: Trapped, Reason: err.Error()}
		}
		return i, nil
	}
	if p.spec.Filter { // it runs nothing before its message, which pays for all
		return i, nil
	}
	if failed := p.setUp(ctx, i); failed != nil {
		i.close()
		return nil, failed
	}
	return i, nil
}

// setUp runs the exports that prepare a module for its first call.
func (p *Plugin) setUp(ctx context.Context, i *instance) *Error {
	if failed := p.initialize(ctx, i, wire.ExportInitialize); failed != nil {
		return failed
	}
	if failed := p.handshake(ctx, i); failed != nil {
		return failed
	}
	return p.initialize(ctx, i, wire.ExportInit)
}

// initialize runs one of the exports that set an instance up, if the module has
// it.
func (p *Plugin) initialize(ctx context.Context, i *instance, name string) *Error {
	f := i.module.ExportedFunction(name)
	if f == nil {
		return nil
	}
	i.call.begin(ctx, p, i, hookInit, nil)
	_, failed := i.run(f, 0)
	return failed
}

// run calls a function of the module, within limits and on the account of the
// call that has begun.
func (i *instance) run(f interface {
	CallWithStack(context.Context, []uint64) error
}, argument uint64) (uint64, *Error) {
	c := &i.call
	ctx, cancel := c.limited()
	defer cancel()
	i.setFuel(c.fuel)
	i.stack[0] = argument
	i.brake.watch(c)
	err := f.CallWithStack(ctx, i.stack[:])
	c.stopped = i.brake.release()
	c.account()
	failed := c.end(err, i.stack[0])
	if failed != nil {
		failed.Reason += c.memoryNote()
	}
	return i.stack[0], failed
}

// use runs hook n of exports. It calls begin before the module, and take after a
// call that succeeded, while its results are still there.
func (p *Plugin) use(ctx context.Context, n int, x *gateway.Exchange, begin, take func(*call)) error {
	h := exports[n].hook
	i, failed := p.acquire(ctx, h)
	if failed != nil {
		p.account.fail(failed)
		return failed
	}
	c := &i.call
	c.begin(ctx, p, i, h, x)
	begin(c)
	_, failed = i.run(i.hooks[n], c.argument())
	p.account.add(c, failed)
	if failed == nil {
		take(c)
	}
	p.release(i, failed)
	p.asked.tell(p.spec.Missed)
	if failed != nil {
		return failed
	}
	return nil
}
