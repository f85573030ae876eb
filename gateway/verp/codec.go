package verp

import (
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Form is the shape of a reverse-path.
type Form string

// The forms, as `mmgw verp decode` names them. Plain is the -bounces address without a
// detail.
const (
	Signed  Form = "signed"
	Opaque  Form = "opaque"
	Shared  Form = "shared"
	Mailman Form = "mailman"
	Plain   Form = "plain"

	brief Form = "brief" // an opaque one whose tag is its token
)

// Errors of Decode. What is wrapped around them is fit for a log.
var (
	// ErrMalformed says that a detail has none of the forms.
	ErrMalformed = errors.New("not a VERP detail")
	// ErrForged says that none of the valid keys made a tag.
	ErrForged = errors.New("the tag is not ours, or its key is no longer valid")
	// ErrUnsigned says that a detail has Mailman's form, which is not accepted.
	ErrUnsigned = errors.New("an unsigned detail, which is not accepted")
	// ErrUnknownMember says that no member of the list has a token.
	ErrUnknownMember = errors.New("no member has this token")
)

// Directory finds the members that opaque reverse-paths name.
type Directory interface {
	// MemberByToken returns the member of list that token stands for, or
	// ErrUnknownMember. A Directory can remember the tokens that Codec.Token
	// returns, or compare members by Codec.StandsFor.
	MemberByToken(list gateway.ListID, token string) (gateway.ForwardPath, error)
}

// Codec makes and reads reverse-paths. It is safe for concurrent use as long as its
// fields are not changed.
type Codec struct {
	Delimiter     string // one character that is not a letter or digit; "" is "+"
	Format        Form   // what Encode prefers, Signed or Mailman; "" is Signed
	Keys          []Key  // the first one signs; see LoadOrCreateKeys and SetKeys
	AcceptMailman bool   // Decode takes Mailman's form even if Format is Signed
	Directory     Directory

	rotated atomic.Pointer[[]Key] // of SetKeys; nil: Keys are in use
}

// SetKeys replaces Keys. It may be called while the codec is in use.
func (c *Codec) SetKeys(keys []Key) { c.rotated.Store(&keys) }

func (c *Codec) keys() []Key {
	if keys := c.rotated.Load(); keys != nil {
		return *keys
	}
	return c.Keys
}

// Decoded is what a reverse-path says.
type Decoded struct {
	Form    Form
	Member  gateway.ForwardPath // in lower case except for Opaque; "" for Shared without a member
	Message gateway.QueueID     // 0 if the form does not have it
	Probe   bool                // made by EncodeProbe
}

// Check returns an error if a field of c is not valid.
func (c *Codec) Check() error {
	d := c.delimiter()
	switch {
	case len(d) != 1 || !strings.ContainsAny(d, "+-_.=#~"):
		return errors.New("the delimiter of reverse-paths must be one of + - _ . = # ~")
	case c.Format != "" && c.Format != Signed && c.Format != Mailman:
		return errors.New("the format of reverse-paths must be signed or mailman")
	case len(c.keys()) == 0:
		return errors.New("there is no key to sign reverse-paths with")
	}
	return nil
}

func (c *Codec) delimiter() string {
	if c.Delimiter == "" {
		return "+"
	}
	return c.Delimiter
}

// Encode returns the reverse-path for member's copy of message, a post of list, and its
// form: Mailman if Format says so and the member's address allows it, and otherwise the
// first of Signed, Opaque and Plain that fits.
func (c *Codec) Encode(list *gateway.List, member gateway.ForwardPath, message gateway.QueueID) (gateway.ReversePath, Form) {
	if c.Format == Mailman && c.isMailman(member) {
		if path, ok := c.join(list, literal(string(member))); ok {
			return path, Mailman
		}
	}
	return c.encodeSigned(list, member, message, false)
}

// isMailman says whether Mailman's form can name member, and cannot be mistaken for
// another form.
func (c *Codec) isMailman(member gateway.ForwardPath) bool {
	_, tagged := parse(strings.ToLower(literal(string(member))), c.delimiter())
	return !tagged && isSafe(member) && !strings.Contains(member.Local(), "=")
}

// EncodeProbe is Encode for a probe: a message that is sent to see whether it bounces.
// It never uses Mailman's form. If the form is Plain the list cannot have probes, since
// nobody could tell whose bounce it is.
func (c *Codec) EncodeProbe(list *gateway.List, member gateway.ForwardPath, message gateway.QueueID) (gateway.ReversePath, Form) {
	return c.encodeSigned(list, member, message, true)
}

// EncodeShared returns the reverse-path for all copies of one transaction. The upstream
// MTA adds the member of each copy, with the delimiters that the method XVERP returns. It
// is the same for all posts of a list; with the format Mailman it is the plain -bounces
// address. Shares says which members may be in such a transaction.
func (c *Codec) EncodeShared(list *gateway.List) gateway.ReversePath {
	if c.Format == Mailman {
		return gateway.ReversePath(list.ServiceAddress(bouncesSuffix))
	}
	path, _ := c.join(list, c.keys()[0].tag(subject{form: Shared, list: list.ID}))
	return path
}

// Shares says whether the reverse-path that the upstream MTA makes of EncodeShared for
// member can be read back, and is within the limits of RFC 5321. Other members need a
// transaction of their own. So do those with the delimiter in their address, since MTAs
// disagree on where the detail begins then.
func (c *Codec) Shares(list *gateway.List, member gateway.ForwardPath) bool {
	detail := literal(string(member))
	if c.Format != Mailman {
		detail = anyTag + c.delimiter() + detail
	} else if !c.isMailman(member) {
		return false
	}
	_, fits := c.join(list, detail)
	return fits && c.XVERP() != "" && isSafe(member) && !strings.ContainsAny(member.Local(), "+="+c.delimiter())
}

// XVERP is the value of the parameter XVERP of MAIL, with which Postfix adds a member to
// EncodeShared: two delimiters. It is "" if Postfix does not accept Delimiter
// (verp_delimiter_filter).
func (c *Codec) XVERP() string {
	if d := c.delimiter(); d == "+" || d == "-" {
		return d + "="
	}
	return ""
}

func (c *Codec) encodeSigned(list *gateway.List, member gateway.ForwardPath, message gateway.QueueID, probe bool) (gateway.ReversePath, Form) {
	s := subject{form: Signed, list: list.ID, member: member.Key(), message: message, probe: probe}
	before, after := message.String(), c.delimiter()+literal(s.member)
	if _, fits := c.join(list, before+anyTag+after); fits && isSafe(member) {
		path, _ := c.join(list, before+c.keys()[0].tag(s)+after)
		return path, Signed
	}
	for detail := range c.opaque(list.ID, member, message, probe) {
		if path, ok := c.join(list, detail); ok {
			return path, Opaque
		}
	}
	return gateway.ReversePath(list.ServiceAddress(bouncesSuffix)), Plain
}

// anyTag stands for a tag, all of which have one length, to see whether it would fit:
// making one takes longer.
var anyTag = strings.Repeat("a", tagChars)

// opaque are the opaque details for a member, from the longest, which says most, to the
// shortest.
func (c *Codec) opaque(list gateway.ListID, member gateway.ForwardPath, message gateway.QueueID, probe bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		token, key := Token(list, member), c.keys()[0]
		full := subject{form: Opaque, list: list, member: token, message: message, probe: probe}
		bare := full
		bare.message = 0
		_ = yield(message.String()+token+key.tag(full)) &&
			yield(token+key.tag(bare)) &&
			yield(key.tag(subject{form: brief, list: list, member: member.Key(), probe: probe}))
	}
}

const bouncesSuffix = "-bounces"

// join makes the -bounces address of list with a detail. ok says whether it is within
// the limits of RFC 5321, section 4.5.3.1.
func (c *Codec) join(list *gateway.List, detail string) (path gateway.ReversePath, ok bool) {
	local := list.Address.Local() + bouncesSuffix + c.delimiter() + detail
	path = gateway.ReversePath(local + "@" + list.Address.Domain())
	return path, len(local) <= gateway.LocalPartBytesMax && len(path) <= gateway.PathBytesMax
}

// isSafe says whether an address can be part of another's local part unchanged: every
// MTA passes its characters on.
func isSafe(path gateway.ForwardPath) bool {
	for _, c := range []byte(path.Local() + path.Domain()) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_+=", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// Split splits a path that may be a reverse-path of c into the posting address of the
// list and the detail, "" for the plain -bounces address. It does not check the detail.
func (c *Codec) Split(path gateway.ForwardPath) (list gateway.ForwardPath, detail string, ok bool) {
	local := path.Local()
	at := strings.Index(strings.ToLower(local), bouncesSuffix+c.delimiter())
	name := ""
	switch {
	case at > 0:
		name, detail = local[:at], local[at+len(bouncesSuffix)+1:]
	case len(local) > len(bouncesSuffix) && strings.EqualFold(local[len(local)-len(bouncesSuffix):], bouncesSuffix):
		name = local[:len(local)-len(bouncesSuffix)]
	default:
		return "", "", false
	}
	return gateway.ForwardPath(name + "@" + path.Domain()), detail, true
}

// Decode reads the detail of a -bounces address of list, with the keys that are valid
// at now. Its errors wrap one of ErrMalformed, ErrForged, ErrUnsigned and
// ErrUnknownMember, or are the Directory's.
func (c *Codec) Decode(list *gateway.List, detail string, now time.Time) (Decoded, error) {
	detail = strings.ToLower(detail)
	if p, ok := parse(detail, c.delimiter()); ok {
		return c.decode(list, p, now)
	}
	member, err := parseLiteral(detail)
	switch {
	case err != nil:
		return Decoded{}, err
	case c.Format != Mailman && !c.AcceptMailman:
		return Decoded{}, ErrUnsigned
	}
	return Decoded{Form: Mailman, Member: member}, nil
}
