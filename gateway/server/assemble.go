package server

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/authres"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/pipeline"
	"github.com/mmgw/mmgw/gateway/relay"
	"github.com/mmgw/mmgw/gateway/smtp"
	"github.com/mmgw/mmgw/gateway/verp"
)

// site is what a message's way needs to know of this one.
func (s *Server) site() pipeline.Site {
	return pipeline.Site{Hostname: s.cfg.Hostname, AuthservID: s.cfg.Auth.AuthservID, Owner: s.cfg.SiteOwner}
}

// assemble hands every part of the pipeline what it needs of the configuration.
func (s *Server) assemble(codec *verp.Codec) error {
	if err := codec.Check(); err != nil {
		return err
	}
	cfg := s.cfg
	site := s.site()
	routes := slices.Sorted(maps.Keys(cfg.Routes))
	outbox := &pipeline.Outbox{Hostname: cfg.Hostname, Spool: s.spool, Expiry: cfg.MTA.DeliveryRetryPeriod, Queued: s.line.add}
	verifier := &authres.Verifier{DNS: s.dns, Log: s.log}
	reports := &pipeline.Reports{Site: site, Outbox: outbox, Double: cfg.Bounce.Double == config.DoubleOwner}
	texts, problems := openTexts(cfg)
	if len(problems) > 0 {
		return problems
	}
	s.texts.Store(texts)
	desk := &pipeline.Desk{Outbox: outbox, Roster: s.roster, Texts: s.texts.Load, Log: s.log}
	failures, bounces := s.assembleBounces(site, codec, reports, desk)
	s.intake = &pipeline.Intake{
		Site: site, Roster: s.roster, Spool: s.spool, Chains: s, Routes: routes,
		Auth: verifier, TrustedReceived: cfg.LMTP.TrustedReceived,
		Rejects: pipeline.Rejects(cfg.Incoming.Reject), Verify: s.callouts().verify,
		Timeout: cfg.Incoming.Timeout, Expiry: cfg.MTA.DeliveryRetryPeriod,
		Posts: s.roster, Accepted: s.line.add, Keep: s.keep, Log: s.log,
	}
	s.expander = &pipeline.Expander{
		Site: site, Roster: s.roster, Spool: s.spool, Chains: s, Planner: planner{s}, VERP: codec, Remember: s.roster.Remember,
		Auth: verifier, Unsubscribe: s.links.List, Bounces: bounces.Handle, RecipientsMax: cfg.MTA.MaxRecipients, Routes: routes, Timeout: cfg.Incoming.Timeout,
		ReturnPath: returnPaths(cfg.Forwards), Planned: s.line.add, Reports: reports, Log: s.log,
	}
	if cfg.VERP.Offload == "auto" {
		s.expander.XVERP = func(ctx context.Context, route string) bool { return s.relay.Offers(ctx, route, "XVERP") }
	}
	s.assembleServices(site, desk, codec.Keys)
	s.deliverer = &pipeline.Deliverer{
		Spool: s.spool, Transport: s.relay, Expiry: cfg.MTA.DeliveryRetryPeriod, Failed: failures.Failed, Attempted: s.attempted, Signer: signerOf(cfg), Unsubscribe: s.links.Member,
		DSN:     func(ctx context.Context, route string) bool { return s.relay.Offers(ctx, route, "DSN") },
		Results: planner{s}, Reports: reports, Log: s.log,
	}
	s.wake = func(entries ...gateway.Entry) {
		for i := range entries {
			entries[i] = s.dated(entries[i])
		}
		s.line.add(entries)
	}
	s.listsBell = make(chan struct{}, 1)
	s.listsChanged = func() {
		select {
		case s.listsBell <- struct{}{}:
		default:
		}
	}
	return nil
}

// assembleBounces puts together what books the members whose mail fails.
func (s *Server) assembleBounces(site pipeline.Site, codec *verp.Codec, reports *pipeline.Reports, desk *pipeline.Desk) (*pipeline.Failures, *pipeline.Bounces) {
	s.scores = &pipeline.Scores{Site: site, Roster: s.roster, VERP: codec, Rules: bounceRules(s.cfg), Desk: desk, Log: s.log}
	toOwners := s.cfg.Bounce.Unrecognized == config.UnrecognizedOwner
	return &pipeline.Failures{Reports: reports, Scores: s.scores, Log: s.log},
		&pipeline.Bounces{Scores: s.scores, ToOwners: toOwners, Log: s.log}
}

func (s *Server) codec(keys []verp.Key) *verp.Codec {
	return &verp.Codec{
		Delimiter: s.cfg.VERP.Delimiter, Format: verp.Form(s.cfg.VERP.Format), Keys: keys,
		AcceptMailman: s.cfg.VERP.AcceptMailman, Directory: s.roster,
	}
}

// attempted counts and logs attempts at recipients.
func (s *Server) attempted(attempts []pipeline.Attempt) {
	verbose := s.log.Enabled(context.Background(), slog.LevelDebug)
	for i := range attempts {
		a := &attempts[i]
		s.attempts[outcomeOf(a.Outcome)].Add(1)
		if verbose {
			s.log.Debug("attempt", "id", a.Message.ID.String(), "recipient", string(a.Recipient.Path), "status", a.Outcome.Status.Error(), "took", a.Took)
		}
		s.nextHops.note(s.log, s.nextHop(a), a)
	}
	s.record(attempts)
}

// nextHop names where an attempt was made, or the route where that has no target;
// "" before the first.
func (s *Server) nextHop(a *pipeline.Attempt) string {
	if a.Number == 0 {
		return ""
	}
	return cmp.Or(s.targetNames[a.Delivery.Route], a.Delivery.Route)
}

// namesOf are the next hops of routes, as the delivery log names them.
func namesOf(targets map[string]relay.Target) map[string]string {
	names := map[string]string{}
	for route, target := range targets {
		names[route] = target.String()
	}
	return names
}

// signerOf signs with the keys of [auth]; nil without any.
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

// returnPaths says which forward routes end at a backend that delivers, and
// wants to see the reverse-path.
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

// callouts asks the backends of forward routes for their recipients.
func (s *Server) callouts() *callouts {
	ask := map[string]bool{}
	for _, forward := range s.cfg.Forwards {
		ask[forward.Name] = forward.Verify == config.VerifyCallout
	}
	return &callouts{ask: ask, verify1: func(ctx context.Context, name string, to gateway.ForwardPath) *gateway.Status {
		return s.relay.Verify(ctx, pipeline.ForwardRoute(name), to)
	}}
}
