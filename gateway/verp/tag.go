package verp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Lengths of the parts of a detail. 80 bits are 16 characters of base32. Guessing a tag
// takes some 2^80 bounces; finding an address that has the token of another takes some
// 2^80 hashes.
const (
	messageChars = 10
	tagBytes     = 10
	tagChars     = 16
)

const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// Token stands for a member of list in opaque reverse-paths, except for the shortest
// ones. It is 16 characters of base32 in lower case, and does not depend on the case of
// member.
func Token(list gateway.ListID, member gateway.ForwardPath) string {
	sum := sha256.Sum256([]byte(string(list) + "\x00" + member.Key()))
	return encoding.EncodeToString(sum[:tagBytes])
}

// Token is the token in a reverse-path of the opaque form, which the Directory has to
// know when a bounce comes; "" for all other forms.
func (c *Codec) Token(path gateway.ReversePath) string {
	_, detail, _ := c.Split(gateway.ForwardPath(path))
	p, _ := parse(strings.ToLower(detail), c.delimiter())
	switch {
	case p.form == Opaque:
		return p.token
	case p.form == Shared && p.member == "":
		return p.tag
	}
	return ""
}

// StandsFor says whether token is a token of member in list, with any key.
func (c *Codec) StandsFor(list gateway.ListID, member gateway.ForwardPath, token string) bool {
	if token == Token(list, member) {
		return true
	}
	for _, key := range c.keys() {
		for _, probe := range []bool{false, true} {
			if token == key.tag(subject{form: brief, list: list, member: member.Key(), probe: probe}) {
				return true
			}
		}
	}
	return false
}

// subject is what a tag signs.
type subject struct {
	form    Form
	probe   bool
	list    gateway.ListID
	member  string // of Signed and brief in lower case, of Opaque the token, of Shared ""
	message gateway.QueueID
}

// tag is the signature of s.
func (k Key) tag(s subject) string {
	label := string(s.form)
	if s.probe {
		label += " probe"
	}
	text := []byte(label + "\x00" + string(s.list) + "\x00" + s.member + "\x00")
	mac := hmac.New(sha256.New, k.Secret[:])
	mac.Write(binary.BigEndian.AppendUint64(text, uint64(s.message)))
	return encoding.EncodeToString(mac.Sum(nil)[:tagBytes])
}

// verify says whether one of the keys that are valid at now made tag, and whether for a
// probe.
func (c *Codec) verify(s subject, tag string, now time.Time) (probe, ok bool) {
	for _, key := range c.keys() {
		if !key.believed(now) {
			continue
		}
		for _, s.probe = range []bool{false, true} {
			if hmac.Equal([]byte(key.tag(s)), []byte(tag)) {
				return s.probe, true
			}
		}
	}
	return false, false
}

// isBase32 says whether s consists of the characters of tags and tokens. It is stricter
// than the decoder, which skips line ends.
func isBase32(s string) bool { return strings.Trim(s, alphabet) == "" }
