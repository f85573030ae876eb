package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// probe asks the MTA at RCPT: the addresses of lists should be taken, others in
// their domains refused. No message is sent.
func (s *Site) probe(ctx context.Context) (found []Finding) {
	samples := s.samples()
	if len(samples) == 0 || s.SMTP == "" {
		return nil
	}
	client, err := dial(ctx, s.SMTP)
	if err != nil {
		return []Finding{{
			Finding: fmt.Sprintf("the MTA does not answer at %s, so no recipient was tried: %v", s.SMTP, err),
			Fix:     "start the MTA, or correct smtp_host and smtp_port in [mta]",
		}}
	}
	defer client.Close()
	for _, one := range samples {
		for _, to := range []string{one.posting, one.verp, one.public} {
			if to != "" {
				found = append(found, s.taken(client, to)...)
			}
		}
		if s.Writer != "qmail" { // which takes every address of a domain, whatever is done
			found = append(found, s.refused(client, one.unknown)...)
		}
	}
	client.Quit()
	return found
}

func dial(ctx context.Context, address string) (*smtp.Client, error) {
	dialer := net.Dialer{Timeout: Timeout}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(Timeout))
	host, _, _ := net.SplitHostPort(address)
	client, err := smtp.NewClient(conn, host)
	if err == nil {
		err = client.Hello("localhost")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return client, nil
}

// rcpt is the reply to a recipient of a message of nobody. Any other error is
// the connection's.
func rcpt(client *smtp.Client, to string) (*textproto.Error, error) {
	err := client.Mail("")
	if err == nil {
		err = client.Rcpt(to)
	}
	var reply *textproto.Error
	if err != nil && !errors.As(err, &reply) {
		return nil, err
	}
	return reply, client.Reset()
}

func (s *Site) taken(client *smtp.Client, to string) []Finding {
	reply, err := rcpt(client, to)
	switch {
	case err != nil:
		return []Finding{{Finding: fmt.Sprintf("the MTA broke off at RCPT TO:<%s>: %v", to, err), Fix: "see the log of the MTA"}}
	case reply == nil:
		return nil
	case reply.Code < 500:
		return []Finding{{
			Finding: fmt.Sprintf("the MTA defers mail for %s: %s", to, gateway.Printable(reply.Error())),
			Fix:     "see the log of the MTA; `mmgw serve` must run where it asks the gateway",
		}}
	}
	return []Finding{{
		Finding: fmt.Sprintf("the MTA refuses mail for %s: %s", to, gateway.Printable(reply.Error())),
		Fix:     "do what `mmgw mta show` says under by hand, and have the MTA reload",
	}}
}

func (s *Site) refused(client *smtp.Client, to string) []Finding {
	reply, err := rcpt(client, to)
	switch {
	case err != nil:
		return []Finding{{Finding: fmt.Sprintf("the MTA broke off at RCPT TO:<%s>: %v", to, err), Fix: "see the log of the MTA"}}
	case reply == nil:
		fix := "do what `mmgw mta show` says under by hand"
		if s.Writer == "postfix" {
			fix += ": relay_recipient_maps is what refuses them"
		}
		return []Finding{{Finding: fmt.Sprintf("the MTA takes mail for %s, which is not a list, and would have to bounce it", to), Fix: fix}}
	}
	return nil
}
