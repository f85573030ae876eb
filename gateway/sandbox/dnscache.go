package sandbox

import (
	"sync"
	"time"

	"github.com/mmgw/mmgw/sdk/wire"
)

// How long answers are kept. Their time to live is not known here, so the times
// are short: changes in the DNS are seen soon, and yet not every message waits for
// a resolver that does not answer.
const (
	dnsFoundTTL  = time.Minute
	dnsNoneTTL   = 30 * time.Second
	dnsFailedTTL = 5 * time.Second
)

// dnsAnswersKept bounds the cache to some 16 MiB of the longest answers.
const dnsAnswersKept = 1024

// dnsCache keeps the latest answers, for all modules of a Host. Its zero value is
// ready.
type dnsCache struct {
	mu    sync.Mutex
	known map[question]dnsEntry
}

type dnsEntry struct {
	answer answer
	until  time.Time
}

func (d *dnsCache) recall(q question) (answer, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.known[q]
	return e.answer, ok && time.Now().Before(e.until)
}

// keep remembers an answer. If the cache is full it drops any other.
func (d *dnsCache) keep(q question, a answer) {
	lifetime := dnsFoundTTL
	switch a.result {
	case wire.NotFound:
		lifetime = dnsNoneTTL
	case wire.Temporary:
		lifetime = dnsFailedTTL
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[question]dnsEntry{}
	}
	for other := range d.known {
		if len(d.known) < dnsAnswersKept {
			break
		}
		delete(d.known, other)
	}
	d.known[q] = dnsEntry{a, time.Now().Add(lifetime)}
}
