package sdk

import (
	"strconv"

	"github.com/mmgw/mmgw/sdk/internal/abi"
)

// Plan is how copies are sent to the recipients of one batch. By default these share
// transactions as large as the configuration allows, and the list's -bounces address as
// the reverse-path.
type Plan struct{}

// RecipientCount is the number of recipients of the batch, at most 1,000.
func (p *Plan) RecipientCount() int { return recipientCount() }

// Recipients goes through the batch. Their addresses are "" unless the module
// has the capability members.
func (p *Plan) Recipients(yield func(Recipient) bool) { eachRecipient(yield) }

// Service is what the message was sent to: post, owner, ...
func (p *Plan) Service() string { return (&Message{}).Service() }

// SetVERP says whether every recipient gets a transaction and a reverse-path of its own.
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

// SetRoute sends the batch by a route of the configuration.
func (p *Plan) SetRoute(name string) error { return Set("route", name) }

// SetPriority sets the priority, from -100 to 100. Batches with a higher one go first; the
// default is 0.
func (p *Plan) SetPriority(n int) error { return Set("priority", strconv.Itoa(n)) }

// SetNotBeforeMS delays the batch until a time, in milliseconds since 1970.
func (p *Plan) SetNotBeforeMS(ms int64) error {
	return Set("not_before_ms", strconv.FormatInt(ms, 10))
}

// SetExpireMS sets the time, in milliseconds since 1970, when the batch is given up.
func (p *Plan) SetExpireMS(ms int64) error { return Set("expire_ms", strconv.FormatInt(ms, 10)) }

// SetHeader makes value the only field of that name in every copy.
func (p *Plan) SetHeader(name, value string) error { return check(abi.HeaderSet(name, value)) }

// SetHeaderTemplate is Message.SetHeaderTemplate for the copies of the batch.
func (p *Plan) SetHeaderTemplate(name, value string) error {
	return check(abi.HeaderTemplate(name, value))
}

// Result is what a remote host answered for one recipient. A handler gets it after it was
// recorded, and may get it twice.
type Result struct{ Recipient Recipient }

// Code is the reply code, such as 250.
func (r *Result) Code() int { return r.number("result.code") }

// Attempt is the number of attempts, including this one.
func (r *Result) Attempt() int { return r.number("result.attempt") }

// Enhanced is the enhanced status code, such as "5.1.1".
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
