// Command tagjson puts "[wasm] " in front of the subject as it would be done if
// messages crossed the boundary as JSON: it is the control of the figures of
// gateway/sandbox.
package main

import (
	"encoding/json"
	"errors"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/incoming"
)

func init() { incoming.Handle(tag) }

func main() {}

type message struct {
	From       string
	Recipients []string
	Header     []field
	Body       []byte
}

type field struct{ Name, Value string }

func tag(m *sdk.Message) error {
	text, ok := sdk.Get("list.config.json")
	if !ok {
		return errors.New("there is no message")
	}
	var in message
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return err
	}
	for i, f := range in.Header {
		if f.Name == "Subject" {
			in.Header[i].Value = "[wasm] " + f.Value
		}
	}
	out, err := json.Marshal(in.Header)
	if err != nil {
		return err
	}
	return m.SetHeader("X-JSON", string(out))
}
