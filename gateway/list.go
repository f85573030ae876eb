package gateway

import "strings"

// Service is what a recipient address of a list stands for.
type Service string

// The services of a list, and of a forward domain.
const (
	Post    Service = "post"
	Owner   Service = "owner"
	Join    Service = "join"
	Leave   Service = "leave"
	Request Service = "request"
	Confirm Service = "confirm"
	Bounces Service = "bounces"
	Forward Service = "forward"
	Relay   Service = "relay" // no address: mail of our own, to the upstream MTA

	// Moderation is not an address either: the leg that tells the moderators of a
	// list that another leg of the message is held for them.
	Moderation Service = "moderation"
)

// Suffix is an ending of a list's local part and the service it names.
type Suffix struct {
	Text    string // with its hyphen: "-bounces"; "" is the posting address
	Service Service
	Detail  bool // an address may go on with the delimiter and a detail: -bounces+anne=example.com
}

// Suffixes are the nine addresses of a list, in the order in which writers of
// MTA configurations name them. They are GNU Mailman's.
var Suffixes = []Suffix{
	{"", Post, false},
	{"-bounces", Bounces, true},
	{"-confirm", Confirm, true},
	{"-join", Join, false},
	{"-leave", Leave, false},
	{"-owner", Owner, false},
	{"-request", Request, false},
	{"-subscribe", Join, false},
	{"-unsubscribe", Leave, false},
}

// CutService takes the ending that names a service from a local part in lower
// case: "dev" and "-join" of "dev-join". Where there is none, suffix is "".
func CutService(local string) (name, suffix string) {
	for _, s := range Suffixes {
		if name, ok := strings.CutSuffix(local, s.Text); ok && name != "" && s.Text != "" {
			return name, s.Text
		}
	}
	return local, ""
}

// Posting says who may post to a list.
type Posting string

// The posting policies.
const (
	PostingMembers   Posting = "members"
	PostingAnyone    Posting = "anyone"
	PostingModerated Posting = "moderated"
)

// Who may become a member of a list.
const (
	SubscribeConfirm   = "confirm"   // whoever confirms it
	SubscribeModerated = "moderated" // and is let in by a moderator
	SubscribeClosed    = "closed"    // whom an owner adds
)

// List is one mailing list, as the roster or the configuration made it. It
// does not change; a changed list is another value.
type List struct {
	ID           ListID
	Address      ForwardPath
	AliasDomain  string // the domain under which the MTA knows the list, where it is another
	Description  string
	Posting      Posting
	Owners       []ForwardPath
	Moderators   []ForwardPath
	Subscribe    string // SubscribeConfirm, SubscribeModerated or SubscribeClosed
	VERPInterval int    // 0 never, 1 always, N every Nth post
	Personalize  bool
	Unsubscribe  string         // list or member
	QuietHold    bool           // the author of a post that is held is not told
	Incoming     []string       // names of incoming handlers; nil means those of [incoming]
	Config       map[string]any // read by handlers as list.config.X
	Source       string         // "file" or "store"
	Line         int            // of the configuration file, for Source "file"
}

// NewListID is the id of a list made at address: its List-Id text.
func NewListID(address ForwardPath) ListID {
	return ListID(strings.ToLower(address.Local() + "." + address.Domain()))
}

// ServiceAddress is the list's address for a suffix of Suffixes, "-owner" say.
func (l *List) ServiceAddress(suffix string) ForwardPath {
	return ForwardPath(l.Address.Local() + suffix + "@" + l.Address.Domain())
}

// Member is one subscriber of a list.
type Member struct {
	Path     ForwardPath
	Name     string // display name, or ""
	Disabled bool   // no mail is sent to it
	Score    float64
	Source   string // "file", "store" or "overlay"
}

// Route is what the roster says about a recipient address.
type Route struct {
	Service Service
	List    *List  // nil for Forward
	Forward string // name of the forward route, for Forward
	Detail  string // what follows the delimiter, "" for none
}
