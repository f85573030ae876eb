// Package sdktest plays mmgw for handlers that are tested natively: a Host in
// memory answers the host functions of ABI 1 as the real one does, grants every
// capability, and keeps what the handler did. It is for tests of modules; the
// .wasm itself is run by `mmgw plugin run`.
package sdktest

import (
	"maps"
	"slices"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

// Host is mmgw for the calls of one test. The first part is what the handler
// finds, the second what it did; a call whose handler fails does nothing. A
// Host is used by one goroutine.
type Host struct {
	Keys       map[string]string              // by key: "list.address", "rcpt.0.service", ...
	Config     map[string]any                 // the module's table by path: string, bool, int or []string
	Mail       string                         // header, empty line, body, with LF; the handler's edits are in it afterwards
	Parts      []Part                         // MIME parts of Mail; nil: its body is the only one. Likewise
	Recipients []string                       // of the leg or batch; likewise
	Tables     map[string][]map[string]string // of the inventory: rows by column
	NowMS      int64
	KV         map[string]string   // what the handler keeps; its changes are in it even if it fails, and none expires
	Metrics    map[string]int64    // that the handler counted; likewise
	DNS        map[string][]string // records by "TXT example.com"; none, but there: nobody answers

	Verdict           Verdict
	RecipientVerdicts map[int]Verdict
	RecipientSet      map[int]map[string]string // by rcpt_set
	Set               map[string]string         // by set
	Templates         map[string]string         // by header_template; they are in Mail as well
	Files             map[string]File
	Log               []string // "warn: text"
}

// Verdict is what a handler decided; the zero value is to go on.
type Verdict struct {
	Action         string // "", accept, reject, defer, discard, hold
	Code           int
	Enhanced, Text string
}

// File is a file that a writer rendered.
type File struct {
	Mode uint32
	Text string
}

// Init runs an OnInit function.
func (h *Host) Init(f func() error) error { return h.play(phaseInit, f) }

// Recipient runs a recipient handler for recipient i.
func (h *Host) Recipient(f func(*sdk.Message, sdk.Recipient) error, i int) error {
	return h.play(phaseRecipient, func() error { return f(&sdk.Message{}, sdk.Recipient(i)) })
}

// Incoming runs an incoming handler.
func (h *Host) Incoming(f func(*sdk.Message) error) error {
	return h.play(phaseIncoming, func() error { return f(&sdk.Message{}) })
}

// Outgoing runs an outgoing handler, which sees no recipients.
func (h *Host) Outgoing(f func(*sdk.Message) error) error {
	return h.play(phaseOutgoing, func() error { return f(&sdk.Message{}) })
}

// Plan runs a planner.
func (h *Host) Plan(f func(*sdk.Plan) error) error {
	return h.play(phasePlan, func() error { return f(&sdk.Plan{}) })
}

// Result runs a result handler for recipient i.
func (h *Host) Result(f func(*sdk.Result) error, i int) error {
	return h.play(phaseResult, func() error { return f(&sdk.Result{Recipient: sdk.Recipient(i)}) })
}

// MTAConfig runs a configuration writer.
func (h *Host) MTAConfig(f func(*sdk.Inventory) error) error {
	return h.play(phaseWriter, func() error { return f(&sdk.Inventory{}) })
}

type phase int

const (
	phaseInit phase = iota
	phaseRecipient
	phaseIncoming
	phaseOutgoing
	phasePlan
	phaseResult
	phaseWriter
)

// play runs f against a call of its own, and takes over what the call did if
// f succeeded.
func (h *Host) play(p phase, f func() error) (err error) {
	c := newCall(h, p)
	abi.Play(c.answers(), func() { err = f() })
	h.Log = append(h.Log, c.log...)
	if err == nil {
		c.commit()
	}
	return err
}

// call is one call in progress: it answers for every topic of ABI 1.
type call struct {
	host  *Host
	phase phase
	log   []string

	fields     []string // "Name: value", unfolded
	body       string   // with CRLF
	newBody    []byte
	bodyBegun  bool
	parts      []Part
	recipients []string

	verdict      Verdict
	rcptVerdicts map[int]Verdict
	rcptSet      map[int]map[string]string
	set          map[string]string
	templates    map[string]string

	files    map[string]File
	path     string // of the open file
	fileMode uint32
	fileText []byte
}

func newCall(h *Host, p phase) *call {
	c := &call{
		host:         h,
		phase:        p,
		rcptVerdicts: map[int]Verdict{},
		rcptSet:      map[int]map[string]string{},
		set:          map[string]string{},
		templates:    map[string]string{},
		files:        map[string]File{},
	}
	c.fields, c.body = parse(h.Mail)
	c.parts = slices.Clone(h.Parts)
	if c.parts == nil {
		c.parts = []Part{{Type: "text/plain", Text: c.body}}
	}
	if p != phaseOutgoing {
		c.recipients = slices.Clone(h.Recipients)
	}
	return c
}

// answers is the call as the host of a handler.
func (c *call) answers() abi.Host {
	return abi.Host{
		Keys: c, Logger: c, Machine: c,
		Recipients: c, Fields: c, FieldEdits: c, Body: c, Parts: c, Verdicts: c, Values: c, Counters: c, Resolver: c,
		Inventory: c, Files: c,
	}
}

func (c *call) commit() {
	h := c.host
	switch {
	case c.bodyBegun:
		c.body = string(c.newBody)
	case h.Parts != nil:
		h.Parts = c.parts
	default:
		c.body = c.parts[0].Text
	}
	if h.Mail != "" || len(c.fields) > 0 {
		h.Mail = format(c.fields, c.body)
	}
	if c.phase != phaseOutgoing {
		h.Recipients = c.recipients
	}
	h.Verdict, h.Files = c.verdict, c.files
	h.RecipientVerdicts = c.rcptVerdicts
	h.RecipientSet = c.rcptSet
	h.Set = maps.Clone(c.set)
	h.Templates = c.templates
}

// Header returns the value of the first field of a name in Mail, "" where
// there is none.
func (h *Host) Header(name string) string {
	c := newCall(h, phaseIncoming)
	if i := c.HeaderFind(name, 0); i >= 0 {
		_, value := split(c.fields[i])
		return value
	}
	return ""
}
