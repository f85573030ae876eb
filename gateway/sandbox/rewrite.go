package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/sdk/wire"
)

// rewrite turns the message that a program wrote into edits of the one that it
// read, so that fields that it left alone keep every octet. A program that wrote
// nothing leaves the message unchanged.
func (c *call) rewrite() *Error {
	if len(c.filter.output) == 0 {
		return nil
	}
	draft := c.exchange.Draft
	output := withCRLF(c.filter.output)
	ended := bytes.HasSuffix(output, []byte("\r\n"))
	if !ended {
		output = append(output, "\r\n"...)
	}
	written, body, err := parseOutput(output, len(draft.Header) == 0)
	if err == nil {
		err = c.takeHeader(draft.Header, written)
	}
	if err == nil {
		err = c.takeBody(draft.Body(), body, ended)
	}
	if err != nil {
		return c.failure(Returned, err.Error())
	}
	return nil
}

func (c *call) takeHeader(old, next gateway.Header) error {
	edits := headerEdits(old, next)
	if len(edits) == 0 {
		return nil
	}
	if !c.plugin.grants(wire.CapHeaders) {
		return c.ungranted("header fields", wire.CapHeaders)
	}
	c.header.edits = edits
	return nil
}

// takeBody takes the new body if it differs from the old one. A line end that is
// missing after the last line is not a difference: many programs add or drop it.
func (c *call) takeBody(old gateway.Content, next []byte, ended bool) error {
	same, err := isSame(old, next)
	if !same && !ended && err == nil {
		same, err = isSame(old, bytes.TrimSuffix(next, []byte("\r\n")))
	}
	switch {
	case err != nil:
		return fmt.Errorf("the body cannot be compared: %w", err)
	case same:
		return nil
	case !c.plugin.grants(wire.CapBody):
		return c.ungranted("the body", wire.CapBody)
	case len(next) > BodyBytesMax:
		return fmt.Errorf("wrote a body of %d octets, more than %d", len(next), BodyBytesMax)
	}
	c.body.begun, c.body.written = true, next
	return nil
}

// ungranted is the error of a program that changed something without the
// capability for it.
func (c *call) ungranted(what, capability string) error {
	return fmt.Errorf("changed %s: %s has to name %q", what, c.plugin.spec.key("capabilities"), capability)
}

// parseOutput splits what a program wrote into header and body. There must be a
// complete header, unless the message had none before (bare): a program that
// writes something else, such as a log, must not replace a message by it.
func parseOutput(output []byte, bare bool) (gateway.Header, []byte, error) {
	draft, err := gateway.OpenDraft(gateway.Bytes(output))
	if err != nil {
		return nil, nil, fmt.Errorf("wrote no message: %w", err)
	}
	size := 0
	for _, field := range draft.Header {
		size += len(field)
		if len(field) > HeaderValueBytesMax {
			return nil, nil, fmt.Errorf("wrote a header field of %d octets, more than %d", len(field), HeaderValueBytesMax)
		}
	}
	body, ended := bytes.CutPrefix(output[size:], []byte("\r\n"))
	switch {
	case size == 0 && !bare:
		return nil, nil, errors.New("wrote no message: it does not begin with a header field")
	case !ended && len(output) > size:
		return nil, nil, fmt.Errorf("wrote no message: line %d is neither a header field nor the empty line after the header", bytes.Count(output[:size], []byte("\n"))+1)
	}
	return draft.Header, body, nil
}

// isSame compares a body with a new one, in pieces.
func isSame(old gateway.Content, next []byte) (bool, error) {
	if old.Size() != int64(len(next)) {
		return false, nil
	}
	r, err := old.Open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	piece := make([]byte, min(len(next), 32<<10))
	for len(next) > 0 {
		n, err := io.ReadFull(r, piece[:min(len(piece), len(next))])
		if err != nil {
			return false, err
		}
		if !bytes.Equal(piece[:n], next[:n]) {
			return false, nil
		}
		next = next[n:]
	}
	return true, nil
}

// headerEdits are the edits that turn old into next and leave as many fields alone
// as possible. A new first line that is not a field, as mbox has one, is dropped.
func headerEdits(old, next gateway.Header) (edits []gateway.Edit) {
	if len(next) > 0 && next[0].Name() == "" && (len(old) == 0 || old[0] != next[0]) {
		next = next[1:]
	}
	start := 0
	for start < min(len(old), len(next)) && old[start] == next[start] {
		start++
	}
	end := 0
	for end < min(len(old), len(next))-start && old[len(old)-1-end] == next[len(next)-1-end] {
		end++
	}
	s := script{at: start, old: old[start : len(old)-end], next: next[start : len(next)-end]}
	s.run()
	return s.edits
}

// script finds the edits that turn old into next.
type script struct {
	at        int // index in the header of the next edit
	old, next gateway.Header
	edits     []gateway.Edit
}

// run walks along a longest common subsequence.
func (s *script) run() {
	common := longestCommon(s.old, s.next)
	i, j := 0, 0
	for i < len(s.old) || j < len(s.next) {
		switch {
		case i < len(s.old) && j < len(s.next) && s.old[i] == s.next[j]:
			i, j, s.at = i+1, j+1, s.at+1
		case i < len(s.old) && j < len(s.next) && common[i][j] == common[i+1][j+1] && s.old[i].Name() != "" && s.old[i].Name() == s.next[j].Name():
			s.edit(gateway.ReplaceField, s.next[j])
			i, j, s.at = i+1, j+1, s.at+1
		case j == len(s.next) || i < len(s.old) && common[i+1][j] >= common[i][j+1]:
			s.edit(gateway.DeleteField, s.old[i])
			i++
		default:
			s.edit(gateway.InsertField, s.next[j])
			j, s.at = j+1, s.at+1
		}
	}
}

func (s *script) edit(op gateway.EditOp, field gateway.Field) {
	e := gateway.Edit{Op: op, Index: s.at, Name: field.Name()}
	if op != gateway.DeleteField {
		e.Value = field.Value()
	}
	s.edits = append(s.edits, e)
}

// longestCommon returns a table: [i][j] is the length of a longest common
// subsequence of a[i:] and b[j:]. Both have at most gateway.HeaderFieldsMax
// fields.
func longestCommon(a, b gateway.Header) [][]uint16 {
	table := make([][]uint16, len(a)+1)
	for i := range table {
		table[i] = make([]uint16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}
