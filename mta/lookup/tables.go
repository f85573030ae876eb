package lookup

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/mmgw/mmgw/gateway"
)

// Roster is what is asked about addresses; it is safe for concurrent use.
type Roster interface {
	// Resolve is that of gateway.Roster.
	Resolve(ctx context.Context, path gateway.ForwardPath) (gateway.Route, error)

	// DomainKind is "forward" for a forward domain, "list" for one by which
	// the MTA knows lists, "public" for one only of lists that it knows by an
	// alias domain, and "" for every other.
	DomainKind(domain string) string
}

// The kinds of domains, as roster has them.
const (
	kindForward = "forward"
	kindList    = "list"
	kindPublic  = "public"
)

// Tables are the tables that an MTA may ask. They do not change.
type Tables struct {
	Roster  Roster
	NextHop string // where Postfix is to deliver: "lmtp:[127.0.0.1]:8024"
	Mailer  string // likewise of Sendmail, "mmgw:[127.0.0.1]"; "" where it cannot

	// Verify asks the backend of the forward route of that name for a
	// recipient: nil, or its refusal. A nil Verify takes all.
	Verify func(ctx context.Context, route string, to gateway.ForwardPath) error
}

// verdict is what an answer says.
type verdict int

const (
	absent verdict = iota // certainly nothing by that key
	found
	unsure // ask again later
	wrong  // the question makes no sense: the MTA's configuration is at fault
)

// answer is what a table has for a key: a value, or a reason.
type answer struct {
	verdict verdict
	text    string
}

func value(text string) answer { return answer{found, text} }

// table looks a key up.
type table func(t *Tables, ctx context.Context, key string) answer

// table finds a table by its name.
func tableOf(name string) table {
	switch name {
	case "transport":
		return (*Tables).transport
	case "recipients":
		return (*Tables).recipients
	case "domains":
		return (*Tables).domains
	case "aliases":
		return (*Tables).aliases
	case "mailertable":
		return (*Tables).mailertable
	case "access":
		return (*Tables).access
	}
	return nil
}

// ask answers from the table of that name.
func (t *Tables) ask(ctx context.Context, name, key string) answer {
	look := tableOf(name)
	if look == nil {
		return answer{wrong, "there is no table " + gateway.Printable(name) + ": transport recipients domains aliases mailertable access"}
	}
	return look(t, ctx, key)
}

// transport has no value for the domain of lists, as no file has: an address
// that is not a list's gets no way in.
func (t *Tables) transport(ctx context.Context, key string) answer {
	if !strings.Contains(key, "@") {
		return t.valueFor(key, t.NextHop, kindForward)
	}
	_, _, a := t.known(ctx, key)
	if a.verdict == found {
		return value(t.NextHop)
	}
	return a
}

// recipients knows only whole addresses.
func (t *Tables) recipients(ctx context.Context, key string) answer {
	path, route, a := t.known(ctx, key)
	if a.verdict == found && route.Service == gateway.Forward {
		a = t.verified(ctx, route.Forward, path)
	}
	if a.verdict == found {
		return value(t.NextHop)
	}
	return a
}

func (t *Tables) verified(ctx context.Context, route string, path gateway.ForwardPath) answer {
	if t.Verify == nil {
		return answer{verdict: found}
	}
	return answerTo(t.Verify(ctx, route, path))
}

// domains takes Postfix's word for what a subdomain is: it asks for each of the
// domains above as well.
func (t *Tables) domains(_ context.Context, key string) answer {
	return t.valueFor(key, key, kindList, kindForward)
}

// valueFor is a value for a domain of one of these kinds.
func (t *Tables) valueFor(domain, text string, kinds ...string) answer {
	kind := t.Roster.DomainKind(strings.ToLower(domain))
	for _, wanted := range kinds {
		if kind == wanted {
			return value(text)
		}
	}
	return answer{}
}

// aliases takes the address in its normal form on, and not as it came: Postfix
// reads the value as a list of addresses, in which a comma would begin a new
// one.
func (t *Tables) aliases(ctx context.Context, key string) answer {
	path, route, a := t.resolve(ctx, key)
	if a.verdict != found {
		return a
	}
	if alias := aliasOf(route); alias != "" && path.Domain() != alias {
		return value(path.Local() + "@" + alias)
	}
	return answer{}
}

func (t *Tables) mailertable(_ context.Context, key string) answer {
	if t.Mailer == "" {
		return answer{wrong, "Sendmail's mailer speaks TCP, and the gateway only listens on a Unix socket"}
	}
	return t.valueFor(key, t.Mailer, kindList, kindPublic, kindForward)
}

// access has the whole domain refused where lists are, after the addresses
// that are asked for first. Keys with another tag are none of ours.
func (t *Tables) access(ctx context.Context, key string) answer {
	const tag = "to:"
	if len(key) < len(tag) || !strings.EqualFold(key[:len(tag)], tag) {
		return answer{}
	}
	key = key[len(tag):]
	if !strings.Contains(key, "@") {
		return t.valueFor(key, "ERROR:5.1.1:550 no such address", kindList, kindPublic, kindForward)
	}
	path, route, a := t.resolve(ctx, key)
	if a.verdict == found && route.Service == gateway.Forward {
		a = t.verified(ctx, route.Forward, path)
	}
	if a.verdict == found {
		return value("RELAY")
	}
	return a
}

// unnamed is the table of tcp_table(5). That a domain of lists has a transport
// here does no harm: only addresses that are recipients get as far.
func (t *Tables) unnamed(ctx context.Context, key string) answer {
	if !strings.Contains(key, "@") {
		return t.valueFor(key, t.NextHop, kindList, kindForward)
	}
	return t.recipients(ctx, key)
}

// known says whether an address is one that Postfix is to hand over: under its
// alias domain, where a list has one.
func (t *Tables) known(ctx context.Context, key string) (gateway.ForwardPath, gateway.Route, answer) {
	path, route, a := t.resolve(ctx, key)
	if alias := aliasOf(route); a.verdict == found && alias != "" && path.Domain() != alias {
		a = answer{}
	}
	return path, route, a
}

// resolve says what an address stands for.
func (t *Tables) resolve(ctx context.Context, key string) (gateway.ForwardPath, gateway.Route, answer) {
	path, ok := parse(key)
	if !ok {
		return "", gateway.Route{}, answer{}
	}
	route, err := t.Roster.Resolve(ctx, path)
	return path, route, answerTo(err)
}

// aliasOf is the alias domain of a route's list, "" where it has none.
func aliasOf(route gateway.Route) string {
	if route.List == nil {
		return ""
	}
	return strings.ToLower(cmp.Or(route.List.AliasDomain, route.List.Address.Domain()))
}

// answerTo is found for nil, absent for a permanent refusal, and unsure for all
// other errors.
func answerTo(err error) answer {
	var status *gateway.Status
	switch {
	case err == nil:
		return answer{verdict: found}
	case !errors.As(err, &status):
		return answer{unsure, "the gateway cannot tell now"}
	case status.Class() == gateway.Permanent:
		return answer{}
	}
	return answer{unsure, gateway.Printable(status.Text)}
}

// parse reads a key that is an address. Postfix asks without the quotes that a
// local part has in SMTP. What is not an address is nobody's.
func parse(key string) (gateway.ForwardPath, bool) {
	if path, err := gateway.ParseForwardPath(key); err == nil {
		return path, true
	}
	at := strings.LastIndexByte(key, '@')
	if at < 1 || len(key) > gateway.PathBytesMax {
		return "", false
	}
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key[:at]) + `"` + key[at:]
	path, err := gateway.ParseForwardPath(quoted)
	return path, err == nil
}
