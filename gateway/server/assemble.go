package server

import (
	"context"
	"maps"
	"slices"

	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/bounce"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/relay"
	"github.com/mmgw/mmgw/gateway/smtp"
	"github.com/mmgw/mmgw/gateway/token"
	"github.com/mmgw/mmgw/gateway/verp"
)

// site is what the pipeline needs to know about where it runs.
func (s *Server) site() pipeline.Site {
	return pipeline.Site{Hostname: s.cfg.Hostname, AuthservID: s.cfg.Auth.AuthservID, Owner: s.cfg.SiteOwner}
}

// shared is what several parts of the pipeline use.
type shared struct {
	site     pipeline.Site
	routes   []string
	codec    *verp.Codec
	verifier *authres.Verifier
	outbox   *pipeline.Outbox
	reports  *pipeline.Reports
	desk     *pipeline.Desk

	confirmations *pipeline.Confirmations
}

// assemble hands every part of the pipeline what it needs of the configuration.
func (s *Server) assemble(codec *verp.Codec) error {
	if err := codec.Check(); err != nil {
		return err
	}
	texts, problems := openTexts(s.cfg)
	if len(problems) > 0 {
		return problems
	}
	s.texts.Store(texts)
	outbox := &pipeline.Outbox{Hostname: s.cfg.Hostname, Spool: s.spool, Expiry: s.cfg.MTA.DeliveryRetryPeriod, Queued: s.line.add}
	with := shared{
		site:     s.site(),
		routes:   slices.Sorted(maps.Keys(s.cfg.Routes)),
		codec:    codec,
		verifier: &authres.Verifier{DNS: s.dns, Log: s.log},
		outbox:   outbox,
		reports:  &pipeline.Reports{Site: s.site(), Outbox: outbox, Double: s.cfg.Bounce.Double == config.DoubleOwner},
		desk:     &pipeline.Desk{Outbox: outbox, Roster: s.roster, Texts: s.texts.Load, Log: s.log},

		confirmations: &pipeline.Confirmations{Roster: s.roster, Tokens: tokens(codec.Keys), Delimiter: s.cfg.VERP.Delimiter},
	}
	s.intake = s.newIntake(with)
	s.scores = &pipeline.Scores{Site: with.site, Roster: s.roster, VERP: codec, Rules: bounceRules(s.cfg), Desk: with.desk, Log: s.log}
	s.held = s.newHeld(with)
	s.expander = s.newExpander(with)
	s.deliverer = s.newDeliverer(with)
	return nil
}

func (s *Server) newIntake(with shared) *pipeline.Intake {
	return &pipeline.Intake{
		Site: with.site, Roster: s.roster, Spool: s.spool, Chains: s, Routes: with.routes,
		Auth: with.verifier, TrustedReceived: s.cfg.LMTP.TrustedReceived,
		Rejects: pipeline.Rejects(s.cfg.Incoming.Reject), Verify: s.callouts().verify,
		Timeout: s.cfg.Incoming.Timeout, Expiry: s.cfg.MTA.DeliveryRetryPeriod,
		Posts: s.roster, Accepted: s.line.add, Keep: s.keep, Log: s.log,
	}
}

func (s *Server) newHeld(with shared) *pipeline.Held {
	return &pipeline.Held{
		Site: with.site, Roster: s.roster, Spool: s.spool, Desk: with.desk, Confirmations: with.confirmations,
		For: s.cfg.Incoming.HoldFor, Queued: s.wake, Dropped: s.legGone, Log: s.log,
	}
}

// newExpander makes what takes each leg to its service. It needs s.scores and s.held.
func (s *Server) newExpander(with shared) *pipeline.Expander {
	bounces := &pipeline.Bounces{Scores: s.scores, ToOwners: s.cfg.Bounce.Unrecognized == config.UnrecognizedOwner, Log: s.log}
	commands := &pipeline.Commands{
		Site: with.site, Roster: s.roster, Desk: with.desk, Confirmations: with.confirmations, Held: s.held, Log: s.log,
	}
	e := &pipeline.Expander{
		Site: with.site, Roster: s.roster, Spool: s.spool, Chains: s, Planner: planner{s}, VERP: with.codec, Remember: s.roster.Remember,
		Auth: with.verifier, Unsubscribe: s.links.List, Bounces: bounces.Handle, Commands: commands.Handle, Held: s.held.Tell,
		RecipientsMax: s.cfg.MTA.MaxRecipients, Routes: with.routes, Timeout: s.cfg.Incoming.Timeout,
		ReturnPath: returnPaths(s.cfg.Forwards), Planned: s.line.add, Reports: with.reports, Log: s.log,
	}
	if s.cfg.VERP.Offload == "auto" {
		e.XVERP = s.offers("XVERP")
	}
	return e
}

// newDeliverer makes what sends batches. It needs s.scores.
func (s *Server) newDeliverer(with shared) *pipeline.Deliverer {
	failures := &pipeline.Failures{Reports: with.reports, Scores: s.scores, Log: s.log}
	return &pipeline.Deliverer{
		Spool: s.spool, Transport: s.relay, Expiry: s.cfg.MTA.DeliveryRetryPeriod,
		Failed: failures.Failed, Attempted: s.attempted, Signer: signerOf(s.cfg), Unsubscribe: s.links.Member,
		DSN: s.offers("DSN"), Results: planner{s}, Reports: with.reports, Log: s.log,
	}
}

// offers asks next hops for a keyword of EHLO.
func (s *Server) offers(keyword string) func(context.Context, string) bool {
	return func(ctx context.Context, route string) bool { return s.relay.Offers(ctx, route, keyword) }
}

func (s *Server) codec(keys []verp.Key) *verp.Codec {
	return &verp.Codec{
		Delimiter: s.cfg.VERP.Delimiter, Format: verp.Form(s.cfg.VERP.Format), Keys: keys,
		AcceptMailman: s.cfg.VERP.AcceptMailman, Directory: s.roster,
	}
}

// tokens are signed with the keys of reverse-paths, and believed as long.
func tokens(keys []verp.Key) *token.Codec {
	codec := &token.Codec{}
	for _, key := range keys {
		codec.Secrets = append(codec.Secrets, key.Secret[:])
	}
	return codec
}

// bounceRules are those of [bounce].
func bounceRules(cfg *config.Config) bounce.Rules {
	return bounce.Rules{
		Threshold: float64(cfg.Bounce.Threshold), StaleAfter: cfg.Bounce.StaleAfter,
		Warnings: cfg.Bounce.Warnings, WarningInterval: cfg.Bounce.WarningInterval, Probe: cfg.Bounce.Probe,
	}
}

// signerOf signs with the keys of [auth]. It is nil if there are none.
func signerOf(cfg *config.Config) *authres.Signer {
	if len(cfg.Auth.DKIM) == 0 {
		return nil
	}
	s := &authres.Signer{ARC: cfg.Auth.ARC, ID: cfg.Auth.AuthservID}
	for _, k := range cfg.Auth.DKIM {
		s.Keys = append(s.Keys, authres.Key{Domain: k.Domain, Selector: k.Selector, PrivateKey: k.Key})
	}
	return s
}

func relayOptions(cfg *config.Config, env Env) relay.Options {
	upstream := relay.Target{
		Network: "tcp", Address: cfg.MTA.UpstreamAddress(), Protocol: smtp.SMTP, Security: smtp.Security(cfg.MTA.SMTPSecureMode),
		TLS:  smtp.NewTLSConfig(cfg.MTA.SMTPHost, cfg.MTA.SMTPVerifyCert, cfg.MTA.SMTPVerifyHostname, nil),
		User: cfg.MTA.SMTPUser, Password: cfg.MTA.SMTPPass,
	}
	targets := map[string]relay.Target{"": upstream}
	for name, route := range cfg.Routes {
		targets[name] = targetOf(route.To)
	}
	for _, forward := range cfg.Forwards {
		targets[pipeline.ForwardRoute(forward.Name)] = targetOf(forward.To)
	}
	return relay.Options{
		Targets: targets, Hostname: cfg.Hostname, ConnectionsMax: cfg.MTA.MaxConnections,
		MessagesPerConnectionMax: cfg.MTA.MaxMessagesPerConnection, DialContext: env.DialContext, Logger: env.Log,
	}
}

// returnPaths says which forward routes lead to a backend that wants the reverse-path
// in the message.
func returnPaths(forwards []config.Forward) func(name string) bool {
	wanted := map[string]bool{}
	for _, forward := range forwards {
		wanted[forward.Name] = forward.ReturnPath
	}
	return func(name string) bool { return wanted[name] }
}

func targetOf(hop config.NextHop) relay.Target {
	return relay.Target{Network: hop.Network, Address: hop.Address, Protocol: smtp.Protocol(hop.Protocol)}
}
