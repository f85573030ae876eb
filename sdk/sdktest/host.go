// Package sdktest is for unit tests of modules: its Host takes the place of mmgw for handlers
// that run natively. It answers the host functions of ABI 1 as mmgw does, grants every
// capability, and keeps what the handler did. To test the .wasm itself, use `mmgw plugin
// test`.
package sdktest

import (
	"maps"
	"slices"

	"github.com/mmgw/mmgw/sdk"
	"github.com/mmgw/mmgw/sdk/internal/abi"
)

// Host takes the place of mmgw for the calls of one test. Its first fields are what the
// handler finds, the others what it did; a handler that fails does nothing. Only one
// goroutine may use a Host.
type Host struct {
	Keys       map[string]string              // by key: "list.address", "rcpt.0.service", ...
	Config     map[string]any                 // the module's settings by path: string, bool, int or []string
	Mail       string                         // header, empty line and body, with LF; afterwards with the handler's edits
	Parts      []Part                         // MIME parts of Mail, afterwards with the handler's edits; nil: the body is the only one
	Recipients []string                       // of the leg or batch, afterwards with the handler's changes
	Tables     map[string][]map[string]string // of the inventory: rows by column
	NowMS      int64
	KV         map[string]string   // values that the handler keeps, changed even if it fails; they never expire
	Metrics    map[string]int64    // counters of the handler, changed even if it fails
	DNS        map[string][]string // records by "TXT example.com"; an entry without records: nobody answers

	Verdict           Verdict
	RecipientVerdicts map[int]Verdict
	RecipientSet      map[int]map[string]string // by rcpt_set
	Set               map[string]string         // by set
	Templates         map[string]string         // by header_template; they are in Mail as well
	Files             map[string]File
	Log               []string // "warn: text"
}

// Verdict is what a handler decided. The zero value means to continue.
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

// play runs f in a new call, and keeps what the call did if f succeeds.
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

// answers is the Host for a handler that the call answers.
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

// Header returns the value of the first field of a name in Mail, "" if there is none.
func (h *Host) Header(name string) string {
	c := newCall(h, phaseIncoming)
	if i := c.HeaderFind(name, 0); i >= 0 {
		_, value := split(c.fields[i])
		return value
	}
	return ""
}
