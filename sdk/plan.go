package sdk

import (
	"strconv"

	"github.com/mmgw/mmgw/sdk/internal/abi"
)

// Plan is how the recipients of one batch are to be addressed. Left as it is,
// they go in transactions as large as the configuration allows, under the
// list's -bounces address.
type Plan struct{}

// RecipientCount is the number of recipients of the batch, at most 1,000.
func (p *Plan) RecipientCount() int { return recipientCount() }

// Recipients goes through the batch. Their addresses are "" unless the module
// has the capability members.
func (p *Plan) Recipients(yield func(Recipient) bool) { eachRecipient(yield) }

// Service is what the message was sent to: post, owner, ...
func (p *Plan) Service() string { return (&Message{}).Service() }

// SetVERP gives every recipient a transaction and a reverse-path of its own,
// or none.
func (p *Plan) SetVERP(on bool) error {
	if on {
		return Set("verp", "1")
	}
	return Set("verp", "0")
}

// SetRecipientsMax bounds the recipients of one transaction: 1 to 1,000.
func (p *Plan) SetRecipientsMax(n int64) error {
	return Set("chunk.max_rcpts", strconv.FormatInt(n, 10))
}

// SetByDomain keeps recipients of different domains in different transactions.
func (p *Plan) SetByDomain(on bool) error {
	if on {
		return Set("chunk.by", "domain")
	}
	return Set("chunk.by", "none")
}

// SetReversePath replaces the list's -bounces address.
func (p *Plan) SetReversePath(path string) error { return Set("mail_from", path) }

// SetRoute sends the batch by a route that the configuration names.
func (p *Plan) SetRoute(name string) error { return Set("route", name) }

// SetPriority lets batches of a higher number go first: -100 to 100, 0 is usual.
func (p *Plan) SetPriority(n int) error { return Set("priority", strconv.Itoa(n)) }

// SetNotBeforeMS keeps the batch until a time in milliseconds since 1970.
func (p *Plan) SetNotBeforeMS(ms int64) error {
	return Set("not_before_ms", strconv.FormatInt(ms, 10))
}

// SetExpireMS gives the batch up at a time in milliseconds since 1970.
func (p *Plan) SetExpireMS(ms int64) error { return Set("expire_ms", strconv.FormatInt(ms, 10)) }

// SetHeader makes value the only field of that name in every copy.
func (p *Plan) SetHeader(name, value string) error { return check(abi.HeaderSet(name, value)) }

// SetHeaderTemplate is Message.SetHeaderTemplate for the copies of the batch.
func (p *Plan) SetHeaderTemplate(name, value string) error {
	return check(abi.HeaderTemplate(name, value))
}

// Result is what a remote host answered for one recipient. It is told after
// the outcome was recorded, and may be told twice.
type Result struct{ Recipient Recipient }

// Code is the reply code, 250 say.
func (r *Result) Code() int { return r.number("result.code") }

// Attempt counts the attempts, the one told of included.
func (r *Result) Attempt() int { return r.number("result.attempt") }

// Enhanced is the enhanced status code, "5.1.1" say.
func (r *Result) Enhanced() string { return r.text("result.enh") }

// Text is the reply's text.
func (r *Result) Text() string { return r.text("result.text") }

func (r *Result) number(key string) int {
	n, _ := GetInt(key)
	return int(n)
}

func (r *Result) text(key string) string {
	value, _ := Get(key)
	return value
}
