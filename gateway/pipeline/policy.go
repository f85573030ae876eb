package pipeline

import (
	"slices"
	"strings"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/command"
	"github.com/mmgw/mmgw/gateway/roster"
)

// Rejects says what becomes of a handler's reject when nobody vouches for the
// sender: the MTA has accepted the message already, so that a 5xx becomes its
// bounce to an address that may be forged.
type Rejects string

// The values of [incoming] reject.
const (
	RejectSMTP    Rejects = "smtp" // 5xx all the same; also what "" means
	RejectDiscard Rejects = "discard"
	RejectHold    Rejects = "hold"
)

// soften changes a reject of an unauthenticated sender as the site wishes.
func (p Rejects) soften(r *ruling, authenticated bool) {
	if r.action != gateway.Reject || authenticated {
		return
	}
	switch p {
	case RejectDiscard:
		r.action = gateway.Discard
	case RejectHold:
		r.action, r.reason = gateway.Hold, "rejected: "+r.status.Text
	}
}

// isAuthenticated says whether a DKIM signature of the author's domain or a
// parent of it holds.
func isAuthenticated(auth gateway.AuthResults, author gateway.ReversePath) bool {
	domain := authres.ASCIIDomain(author.Domain())
	for _, signature := range auth.DKIM {
		signer := authres.ASCIIDomain(signature.Domain)
		if signature.Result == "pass" && domain != "" && (domain == signer || strings.HasSuffix(domain, "."+signer)) {
			return true
		}
	}
	return false
}

// authorOf is the address that wrote a message, or "".
func authorOf(header gateway.Header) gateway.ReversePath {
	author, _ := command.Author(header)
	return gateway.ReversePath(author)
}

// roleOf is the highest role that the reverse-path or the author has in a list.
func roleOf(known gateway.Roster, list gateway.ListID, paths ...gateway.ReversePath) (string, error) {
	best := len(roles) - 1
	for n, path := range paths {
		if path.IsNull() || slices.Contains(paths[:n], path) {
			continue
		}
		role, err := known.Role(list, path)
		if err != nil {
			return "", err
		}
		if i := slices.Index(roles[:best], role); i >= 0 {
			best = i
		}
	}
	return roles[best], nil
}

// roles from the highest to the lowest.
var roles = [...]string{roster.RoleOwner, roster.RoleModerator, roster.RoleMember, roster.RoleNone}
