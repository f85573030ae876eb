package main

import "github.com/mmgw/mmgw/sdk"

// batchMax is the largest batch, and so the largest transaction.
const batchMax = 1000

func deliver(p *sdk.Plan) error {
	if n := recipientsMax(); n > 0 {
		if err := p.SetRecipientsMax(min(n, batchMax)); err != nil {
			return err
		}
	}
	if byDomain() {
		if err := p.SetByDomain(true); err != nil {
			return err
		}
	}
	on, decided := verp(p.Service())
	if !decided {
		return nil
	}
	return p.SetVERP(on)
}

func recipientsMax() int64 {
	if n, ok := sdk.GetInt("list.config.max_recipients"); ok {
		return n
	}
	return sdk.ConfigInt("max_recipients", 0)
}

func byDomain() bool {
	if value, ok := sdk.Get("list.config.by_domain"); ok {
		return value == "true"
	}
	return sdk.ConfigBool("by_domain", false)
}

// verp says whether every recipient gets a reverse-path of its own. It is
// undecided where the list has no rule, and the gateway's applies. Mail to
// owners never does: what bounces there must not count against a member.
func verp(service string) (on, decided bool) {
	if service != "post" {
		return false, true
	}
	if personalize, _ := sdk.Get("list.personalize"); personalize == "true" {
		return true, true
	}
	interval, ok := sdk.GetInt("list.verp_interval")
	switch {
	case !ok || interval < 0:
		return false, false
	case interval < 2:
		return interval == 1, true
	}
	number, _ := sdk.GetInt("list.post_number")
	return number%interval == 0, true
}
