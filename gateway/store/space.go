package store

// Space is the first octet of a key: what the key is about. Each space belongs
// to one package. The numbers are stored and stay as they are.
type Space byte

// The spaces of the spool.
const (
	SpoolMessages   Space = 0x01 // message, and all that belongs to it
	SpoolIndex      Space = 0x02 // what is to be done, small: read as a whole at start
	SpoolDuplicates Space = 0x03 // legs that were accepted, by their day
	SpoolState      Space = 0x04 // the last queue id
	SpoolDamaged    Space = 0x05 // records that could not be read, under their former keys
)

// The spaces of the roster.
const (
	RosterLists    Space = 0x11 // lists made at run time, and lists that are gone
	RosterMembers  Space = 0x12 // list, address: members and overlays
	RosterCounters Space = 0x13 // list: posts counted
	RosterTokens   Space = 0x14 // list, token: address
	RosterPending  Space = 0x15 // token: what is done when it comes back
	RosterQuotas   Space = 0x16 // what is counted: how often, since when
	RosterPosts    Space = 0x17 // day, list and Message-ID: the post that had it

	RosterBounces    Space = 0x18 // list, address: the last bounce of a member
	RosterDisabled   Space = 0x19 // list, address: of members that bounces disabled
	RosterSuppressed Space = 0x1a // address: no mail goes there, why and until when
)

// The spaces of kv.
const (
	KVValues   Space = 0x21 // handler, key: what the handler keeps there
	KVExpiries Space = 0x22 // handler, second, key: when a value expires
)

// The spaces of replay.
const (
	ReplayHeads    Space = 0x31 // message: envelope and all that is small
	ReplayContents Space = 0x32 // message: its content
)

// Key is a key of the space that begins with the given parts.
func (s Space) Key(parts ...[]byte) []byte {
	n := 1
	for _, p := range parts {
		n += len(p)
	}
	key := append(make([]byte, 0, n), byte(s))
	for _, p := range parts {
		key = append(key, p...)
	}
	return key
}
