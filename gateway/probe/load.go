package probe

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Load sends many messages over several sessions at the same time. Each session keeps
// its connection, and dials again when a dialogue broke.
type Load struct {
	Address   string                // as Dial takes it
	From      gateway.ReversePath   // of all messages
	To        []gateway.ForwardPath // of all messages, at least one
	Count     int                   // messages; 0: one
	Sessions  int                   // at a time; 0: one
	SizeBytes int                   // of a message, about; 0: as small as can be

	// Progress, if set, is told after each message how many are done. It is
	// called by one goroutine at a time, with rising numbers.
	Progress func(done int)
}

// Summary is what came of a Load. Times are from the first octet of a
// transaction to its last reply, connecting not included.
type Summary struct {
	Sent      int     `json:"sent"`     // messages whose dialogue went to its end
	Accepted  int     `json:"accepted"` // recipients of them that were answered 2xx,
	Deferred  int     `json:"deferred"` // 4xx,
	Rejected  int     `json:"rejected"` // and 5xx
	Failed    int     `json:"failed"`   // messages whose dialogue broke
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"` // messages sent
	P50Ms     float64 `json:"p50_ms"`     // half of the messages sent took no longer
	P99Ms     float64 `json:"p99_ms"`
}

// Run sends the messages. It ends early when ctx does or when a server cannot
// be connected to; a dialogue that breaks costs one message. The error is the
// first thing that went wrong; the Summary is right with an error too. A
// recipient that was refused is not an error.
func (l Load) Run(ctx context.Context) (Summary, error) {
	if _, err := new(Client).commands(l.From, l.To, true); err != nil {
		return Summary{}, err
	}
	l.Count = max(l.Count, 1)
	r := &run{load: l, messages: newMessages(l.From, l.To, l.SizeBytes)}
	begun := time.Now()
	var sessions sync.WaitGroup
	for range min(max(l.Sessions, 1), l.Count) {
		sessions.Go(func() { r.session(ctx) })
	}
	sessions.Wait()
	if r.done < l.Count && r.err == nil {
		r.err = context.Cause(ctx)
	}
	return r.finish(time.Since(begun)), r.err
}

// run is one Run under way.
type run struct {
	load     Load
	messages *messages

	mu      sync.Mutex
	begun   int // messages
	done    int
	ended   bool // no further message begins
	err     error
	summary Summary
	ms      []float64 // of the messages sent
}

// session sends messages until none is left.
func (r *run) session(ctx context.Context) {
	var client *Client
	defer func() {
		if client != nil {
			client.Close()
		}
	}()
	for n, ok := r.next(ctx); ok; n, ok = r.next(ctx) {
		if client == nil || client.broken.Load() {
			var err error
			if client, err = Dial(ctx, r.load.Address); err != nil {
				r.end(err)
				return
			}
		}
		begun := time.Now()
		replies, err := client.Send(ctx, r.load.From, r.load.To, r.messages.message(n, begun))
		r.count(replies, err, time.Since(begun))
	}
}

// next is the number of the next message, if there is one.
func (r *run) next(ctx context.Context) (n int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.begun == r.load.Count || ctx.Err() != nil {
		return 0, false
	}
	r.begun++
	return r.begun - 1, true
}

// end stops the run: err would meet every message that is left.
func (r *run) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.err = cmp.Or(r.err, err)
}

func (r *run) count(replies []Reply, err error, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.summary.Failed++
		r.err = cmp.Or(r.err, err)
	} else {
		r.summary.Sent++
		r.ms = append(r.ms, float64(took)/float64(time.Millisecond))
	}
	for _, reply := range replies {
		switch reply.Status.Class() {
		case gateway.Success:
			r.summary.Accepted++
		case gateway.Transient:
			r.summary.Deferred++
		case gateway.Permanent:
			r.summary.Rejected++
		}
	}
	r.done++
	if r.load.Progress != nil {
		r.load.Progress(r.done)
	}
}

func (r *run) finish(took time.Duration) Summary {
	s := r.summary
	s.Seconds = took.Seconds()
	if s.Seconds > 0 {
		s.PerSecond = float64(s.Sent) / s.Seconds
	}
	slices.Sort(r.ms)
	s.P50Ms, s.P99Ms = percentile(r.ms, 50), percentile(r.ms, 99)
	return s
}

// percentile is the smallest of the sorted values that p in a hundred do not
// exceed, 0 of none.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(math.Ceil(p/100*float64(len(sorted))))-1]
}
