// Command refuse is an example of an incoming handler: it refuses posts that
// have one of a list of words in their subject or their body.
//
// Setting: words, an array of texts; the case of ASCII letters does not count.
package main

import (
	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/incoming"
	"github.com/mmgw/mmgw/sdk/rfc2047"
)

func init() { incoming.Handle(refuse) }

func main() {}

func refuse(m *sdk.Message) error {
	if m.Service() != "post" {
		return nil
	}
	words := lower(sdk.ConfigList("words"))
	subject, _ := m.Header("Subject")
	if word := find([]byte(rfc2047.Decode(subject)), words); word != "" {
		return m.Reject(550, "5.7.1", "this list takes no posts with the subject \""+word+"\"")
	}
	word, err := findInBody(m.ReadBody, words)
	if err != nil || word == "" {
		return err
	}
	return m.Reject(550, "5.7.1", "this list takes no posts about \""+word+"\"")
}

// windowBytes is how much of the body is in memory at a time.
const windowBytes = 16 << 10

// findInBody returns the first word that is in the body. What stands at the
// end of a window is looked at again with the next, so that no word is missed
// for being cut.
func findInBody(read func(p []byte, off int64) (int, error), words []string) (string, error) {
	longest := 0
	for _, word := range words {
		longest = max(longest, len(word))
	}
	if longest == 0 {
		return "", nil
	}
	window := make([]byte, windowBytes+longest)
	kept, off := 0, int64(0)
	for {
		n, err := read(window[kept:], off)
		if n == 0 || err != nil {
			return "", err
		}
		off += int64(n)
		seen := window[:kept+n]
		if word := find(seen, words); word != "" {
			return word, nil
		}
		kept = copy(window, seen[max(0, len(seen)-longest+1):])
	}
}
