package pipeline

import (
	"fmt"
	"time"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/roster"
	"github.com/mmgw/mmgw/gateway/token"
)

// confirmWithin is how long a person has to confirm. It is GNU Mailman's number.
const confirmWithin = 3 * 24 * time.Hour

// What a token can be for.
const (
	toJoin    = "join"
	toLeave   = "leave"
	toAdmit   = "admit"   // a moderator lets somebody join
	toRefuse  = "refuse"  // or does not
	toRelease = "release" // a moderator lets a held post go on
	toDrop    = "drop"    // or throws it away
)

// opposites are the tokens that are worth nothing once the other was used.
var opposites = map[string]string{toAdmit: toRefuse, toRefuse: toAdmit, toRelease: toDrop, toDrop: toRelease}

// Confirmations makes tokens and knows what they stand for.
type Confirmations struct {
	Roster    *roster.Roster
	Tokens    *token.Codec
	Delimiter string // between -confirm and a token
}

// claim is what the token of p vouches for.
func claim(p roster.Pending) token.Claim {
	purpose := p.Purpose
	if p.Message != 0 {
		purpose += " " + p.Message.String()
	}
	return token.Claim{Purpose: purpose, List: p.List, Member: p.Member.Path, Expires: p.Expires}
}

// ask makes a token for each purpose, for p with that purpose.
func (c *Confirmations) ask(now time.Time, p roster.Pending, purposes ...string) ([]string, error) {
	pending := map[string]roster.Pending{}
	tokens := make([]string, len(purposes))
	for i, purpose := range purposes {
		p.Purpose = purpose
		tokens[i] = c.Tokens.Short(claim(p))
		pending[tokens[i]] = p
	}
	return tokens, c.Roster.AddPending(now, pending)
}

// look returns what a token of a list stands for, roster.ErrNotPending where it
// is forged, used up, or another list's.
func (c *Confirmations) look(list gateway.ListID, text string, now time.Time) (roster.Pending, error) {
	p, err := c.Roster.Pending(text, now)
	if err != nil {
		return p, err
	}
	if p.List != list {
		return p, fmt.Errorf("%w: it is a token of %s", roster.ErrNotPending, p.List)
	}
	if _, err := c.Tokens.Check(claim(p), text, now); err != nil {
		return p, fmt.Errorf("%w: %w", roster.ErrNotPending, err)
	}
	return p, nil
}

// end forgets a token, and the one that means the opposite.
func (c *Confirmations) end(p roster.Pending, text string) error {
	opposite := p
	if opposite.Purpose = opposites[p.Purpose]; opposite.Purpose == "" {
		return c.Roster.EndPending(text)
	}
	return c.Roster.EndPending(text, c.Tokens.Short(claim(opposite)))
}

// address is where a token takes effect by itself. Names of lists that leave no
// room for it in a local part have false: then it stands in the subject of mail
// to -request.
func (c *Confirmations) address(list *gateway.List, text string) (gateway.ForwardPath, bool) {
	path, err := gateway.ParseForwardPath(string(list.ServiceAddress("-confirm" + c.Delimiter + text)))
	if err != nil {
		return list.ServiceAddress("-request"), false
	}
	return path, true
}

// instruction says in words where to write to.
func (c *Confirmations) instruction(list *gateway.List, text string) string {
	path, whole := c.address(list, text)
	if !whole {
		return string(path) + " with the subject: confirm " + text
	}
	return string(path)
}
