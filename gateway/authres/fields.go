package authres

import (
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// Signing says how a message is to be signed.
type Signing struct {
	Domain string // for which; "" for none
	Sign   bool   // by DKIM-Signature fields
	Now    time.Time
	Seal   bool // by an ARC set, above them
}

// Fields are the signatures and the seal that a message gets, to stand in
// front of its header, in their order.
func (s *Signer) Fields(header gateway.Header, bodyHash []byte, how Signing) (fields []gateway.Field, err error) {
	if how.Sign {
		if fields, err = s.Sign(header, bodyHash, how.Domain, how.Now); err != nil {
			return nil, err
		}
	}
	return fields, nil
}
