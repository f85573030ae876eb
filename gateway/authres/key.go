package authres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/mmgw/mmgw/gateway"
)

// dnsNameBytesMax is the length of the longest name in DNS, without the final dot (RFC
// 1035, section 2.3.4).
const dnsNameBytesMax = 253

// keyring is the key record of each DNS name.
type keyring map[string]string

// lookup is for the library. Every question that it can ask has been asked before.
func (k keyring) lookup(name string) ([]string, error) {
	if record, ok := k[ASCIIDomain(name)+"."]; ok {
		return []string{record}, nil
	}
	return nil, errors.New("no such key")
}

// flags is t= of a key record.
func (k keyring) flags(name string) []string {
	tags, _ := parseTags(k[name])
	return strings.Split(tags["t"], ":")
}

// checkDNSName accepts labels of lower-case letters, digits, hyphens and underscores.
// Anything else in a message must not become a question, since resolvers disagree on
// what it means. what is what the name is, for the error.
func checkDNSName(name, what string) error {
	if name == "" {
		return fmt.Errorf("there is no %s", what)
	}
	if len(name) > dnsNameBytesMax {
		return fmt.Errorf("%s is too long", what)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return fmt.Errorf("%s is not a DNS name", what)
		}
	}
	return nil
}

// fetch asks for the keys of the undecided signatures, each name once and all at the
// same time, and settles the signatures whose key is missing.
func (v *Verifier) fetch(ctx context.Context, signatures []*signature) keyring {
	ctx, cancel := context.WithTimeout(ctx, v.timeout())
	defer cancel()

	byKey := map[string][]*signature{}
	for _, s := range undecided(signatures) {
		byKey[s.key] = append(byKey[s.key], s)
	}
	keys := keyring{}
	var mu sync.Mutex
	var questions sync.WaitGroup
	for name, of := range byKey {
		questions.Go(func() {
			record, result, err := v.record(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				v.log().Debug("authentication: no key", "name", name, "result", result, "error", gateway.Printable(err.Error()))
				for _, s := range of {
					s.settle(result, err.Error())
				}
				return
			}
			keys[name] = record
		})
	}
	questions.Wait()
	return keys
}

// record returns the one key record of a name. With an error, result is what it means
// for a signature.
func (v *Verifier) record(ctx context.Context, name string) (record, result string, err error) {
	records, err := v.dns().LookupTXT(ctx, name)
	switch {
	case isNotFound(err):
		return "", PermError, errors.New("there is no key record")
	case err != nil:
		return "", TempError, errors.New("DNS did not answer")
	case len(records) == 0:
		return "", PermError, errors.New("there is no key record")
	case len(records) > 1:
		return "", PermError, errors.New("there is more than one key record") // RFC 6376, section 3.6.2.2: undefined
	case len(records[0]) > KeyBytesMax:
		return "", PermError, errors.New("the key record is too large")
	}
	return records[0], "", nil
}
