package modules

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/sandbox"
)

// reducedShare divides the fuel and time of a module that is called although its
// breaker is open. Most messages need less than a tenth, and ten failures then cost
// no more than one did.
const reducedShare = 10

// Lease is one version of a module, for a chain or a call: it stays the same
// whatever replaces it meanwhile. It ends with Release.
type Lease struct {
	module  *Module
	present *Version
	before  *Version // nil: present is not on trial
}

var (
	_ gateway.Handler      = (*Lease)(nil)
	_ gateway.Planner      = (*Lease)(nil)
	_ gateway.ConfigWriter = (*Lease)(nil)
)

// Lease returns a lease of the present version, and of the one before if it is on
// trial.
func (m *Module) Lease() *Lease {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &Lease{m, m.present, m.before}
	l.present.hold()
	if l.before != nil {
		l.before.hold()
	}
	return l
}

// Release ends the lease. It must be called exactly once, after all other calls.
func (l *Lease) Release() {
	l.present.drop()
	if l.before != nil {
		l.before.drop()
	}
}

// ModuleName is the name and the short digest of the leased version.
func (l *Lease) ModuleName() string { return l.present.ModuleName() }

// Serves says whether the version has an export for a phase.
func (l *Lease) Serves(phase gateway.Phase) bool { return l.present.Plugin.Serves(phase) }

// Handle calls the leased version. While its breaker is open the verdict is a
// deferral, unless the module's failures are accepted. If the version before answered
// in its place, Verdict.Module names that.
func (l *Lease) Handle(ctx context.Context, x *gateway.Exchange) (gateway.Verdict, error) {
	if !l.Serves(x.Phase) {
		return gateway.Verdict{}, nil
	}
	v, by, err := run(ctx, l, x, l.present.Accepts, func(v *Version, share int64) (gateway.Verdict, error) {
		return v.Plugin.HandleReduced(ctx, x, share)
	})
	switch open, ok := errors.AsType[*openError](err); {
	case !ok:
	case x.Phase == gateway.PhaseResult: // there is nothing to defer
		return gateway.Verdict{}, nil
	default:
		return gateway.Verdict{Action: gateway.Defer, Status: open.status()}, nil
	}
	if by != l.present {
		v.Module = by.ModuleName()
	}
	return v, err
}

// Plan calls the leased version for a plan. While its breaker is open the error is a
// deferral.
func (l *Lease) Plan(ctx context.Context, x *gateway.Exchange) (gateway.Plan, error) {
	plan, by, err := run(ctx, l, x, false, func(v *Version, _ int64) (gateway.Plan, error) { return v.Plugin.Plan(ctx, x) })
	if open, ok := errors.AsType[*openError](err); ok {
		return gateway.Plan{}, open.status()
	}
	plan.Module = by.ModuleName()
	return plan, err
}

// Render calls the leased version for its files. Since no message depends on it,
// neither the breaker nor the version before takes part.
func (l *Lease) Render(ctx context.Context, inventory gateway.Inventory) ([]gateway.File, error) {
	return l.present.Plugin.Render(ctx, inventory)
}

// openError says that a module was not called because its breaker is open.
type openError struct{ module string }

func (e *openError) Error() string { return "module " + e.module + ": its breaker is open" }

func (e *openError) status() *gateway.Status {
	return &gateway.Status{
		Code: 451, Enhanced: gateway.EnhancedCode{4, 3, 0}, Text: "the message could not be examined, try again later", Cause: e,
	}
}

// run calls the leased version if its breaker admits that, and the version before if
// it fails on trial. reducible says whether an open breaker reduces the call and does
// not refuse it. run returns the version that the answer is of.
func run[R any](ctx context.Context, l *Lease, x *gateway.Exchange, reducible bool, call func(v *Version, share int64) (R, error)) (R, *Version, error) {
	v, share := l.present, int64(1)
	pass := v.breaker.admit()
	if pass == refused {
		l.module.log.Warn("breaker open", "handler", l.module.name, "module", v.ModuleName(), "message", x.Message.ID.String(), "reduced", reducible)
		if !reducible {
			var none R
			return none, v, &openError{v.ModuleName()}
		}
		share = reducedShare
	}
	answer, err := call(v, share)
	if err == nil {
		l.passed(pass, x)
		return answer, v, nil
	}
	if !blames(ctx, err) {
		v.breaker.abandon(pass)
		return answer, v, err
	}
	key := contentOf(x)
	if l.before != nil {
		if again, failed := call(l.before, 1); failed == nil {
			v.breaker.abandon(pass)
			l.module.outdoneOn(v, key, err)
			return again, l.before, nil
		}
	}
	l.failed(pass, cause{key, originOf(x)}, err)
	return answer, v, err
}

// blames says whether a failed call is the module's fault: not if the caller gave up,
// or the module was never run.
func blames(ctx context.Context, err error) bool {
	failed, ok := errors.AsType[*sandbox.Error](err)
	return ok && failed.Fault != sandbox.Canceled && failed.Fault != sandbox.Unavailable && ctx.Err() == nil
}

func (l *Lease) passed(p pass, x *gateway.Exchange) {
	if l.present.breaker.passed(p, func() string { return originOf(x) }) {
		l.module.log.Warn("breaker closed: the module works again", "handler", l.module.name, "module", l.ModuleName())
	}
}

func (l *Lease) failed(p pass, of cause, err error) {
	if l.present.breaker.failed(p, l.present.Limits, of) {
		event := "ALARM: breaker open: the module fails on too many messages"
		if p == probing {
			event = "ALARM: breaker still open: the module failed again"
		}
		l.module.log.Error(event, "handler", l.module.name, "module", l.ModuleName(),
			"failures", l.present.Limits.Failures, "window", l.present.Limits.Window, "answers", l.openAnswer(), "retry_in", breakerPause, "error", err)
	}
}

func (l *Lease) openAnswer() string {
	if l.present.Accepts {
		return fmt.Sprintf("runs on 1/%d of its fuel", reducedShare)
	}
	return "451"
}

// originOf is where a message came from: the client's address, which cannot be
// forged, if the MTA tells it, and otherwise the reverse-path. A client with IPv6 has
// a whole /64 network.
func originOf(x *gateway.Exchange) string {
	addr := x.Message.Client.Addr.Unmap()
	if !addr.IsValid() {
		return string(x.Message.Envelope.ReversePath)
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // fails only if the address has fewer bits
	return network.String()
}

// contentKey identifies a content.
type contentKey [sha256.Size]byte

// contentOf is the digest of the content of a message. If that is unknown it stands
// for the message, or before a message has an ID for its reverse-path: a transaction
// counts once, however many recipients it names.
func contentOf(x *gateway.Exchange) contentKey {
	if x.Message.Digest != (contentKey{}) {
		return x.Message.Digest
	}
	if x.Message.ID != 0 {
		return sha256.Sum256([]byte("message " + x.Message.ID.String()))
	}
	return sha256.Sum256([]byte("from " + string(x.Message.Envelope.ReversePath)))
}
