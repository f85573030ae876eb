package gateway

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// QueueID names a message in the spool, in logs, in Received fields and in
// signed reverse-paths. It has 50 bits: milliseconds since 2020 and a counter;
// later messages have larger ids. Zero names none.
type QueueID uint64

const (
	queueIDLen       = 10 // characters of base32, 5 bits each
	queueCounterBits = 9
	queueIDMax       = 1<<(5*queueIDLen) - 1 // of the year 2089
)

var (
	queueIDEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	queueIDEpoch    = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
)

// NextQueueID returns the id for a message that came at now. It is larger than
// last even where the clock stands still or runs backwards. A clock that is
// beyond all ids counts as one that stands still, and so does a last id that is none.
func NextQueueID(last QueueID, now time.Time) QueueID {
	id := QueueID(max(now.Sub(queueIDEpoch).Milliseconds(), 0)) << queueCounterBits
	if id > queueIDMax {
		id = 0
	}
	if last >= queueIDMax {
		last = 0
	}
	return max(id, last+1)
}

// String is ten characters, digits and lower-case letters without i, l, o and u.
// Their order is that of the numbers.
func (id QueueID) String() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id)<<14)
	return queueIDEncoding.EncodeToString(b[:])[:queueIDLen]
}

// ParseQueueID reads what String wrote.
func ParseQueueID(s string) (QueueID, error) {
	if len(s) == queueIDLen && !strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		if b, err := queueIDEncoding.DecodeString(s + "000"); err == nil {
			return QueueID(binary.BigEndian.Uint64(b) >> 14), nil
		}
	}
	return 0, fmt.Errorf("%q is not a queue id: ten digits and letters", Printable(s))
}

// ListID names a list for ever, whatever becomes of its address: the text
// inside the angle brackets of its List-Id (RFC 2919), in lower case.
type ListID string

// RecipientID names a recipient of one message: its place in the envelope,
// counted from 0. Recipients that handlers add follow.
type RecipientID int
