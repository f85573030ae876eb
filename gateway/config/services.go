package config

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/mmgw/mmgw/gateway/authres"
)

// Auth is how mail is authenticated and signed, [auth].
type Auth struct {
	AuthservID string    // in Authentication-Results (RFC 8601); never ""
	DKIM       []DKIMKey // that sign
	ARC        bool      // whether to seal
	DNSServer  string    // "host:port", or "" for the system's
}

// DKIMKey is one key that signs (RFC 6376).
type DKIMKey struct {
	Domain   string
	Selector string
	KeyFile  string // absolute path of a PEM file
	Key      authres.PrivateKey
}

// keys of [auth].
func (a *Auth) keys(s *section) {
	key(s, "authserv_id", &a.AuthservID, "", orEmpty(host))
	inlines(s, "dkim", &a.DKIM, (*DKIMKey).keys)
	key(s, "arc", &a.ARC, false, boolean)
	key(s, "dns_server", &a.DNSServer, "", orEmpty(hostPort))
	if s.reading() && s.in != nil {
		a.check(s)
	}
}

// check finds keys that do not fit together. ARC needs an RSA key: receivers know no
// algorithm but rsa-sha256 (RFC 8617, section 4.1.1).
func (a *Auth) check(s *section) {
	rsa := func(k DKIMKey) bool { return k.Key.IsZero() || k.Key.Kind() == authres.RSA }
	if a.ARC && !slices.ContainsFunc(a.DKIM, rsa) {
		s.wrong("arc", "is true, but [auth] dkim has no RSA key to seal with", "make one with `mmgw dkim new`")
	}
	seen := map[string]bool{}
	for _, k := range a.DKIM {
		if name := authres.RecordName(k.Domain, k.Selector); seen[name] && k.Domain != "" {
			s.wrong("dkim", "has two keys for "+name, "give each key a selector of its own")
		} else {
			seen[name] = true
		}
	}
}

// keys of an element of [auth] dkim. Domain and selector are checked here, since they
// go into a header field and into the DNS unchanged.
func (k *DKIMKey) keys(s *section) {
	s.require("domain", "the domain that signs")
	s.require("selector", "the name of the key in DNS")
	s.require("key_file", "the private key as PEM")
	key(s, "domain", &k.Domain, "", domain)
	key(s, "selector", &k.Selector, "", selector)
	key(s, "key_file", &k.KeyFile, "", s.path())
	if s.reading() && k.KeyFile != "" {
		k.read(s)
	}
}

// read reads the key file, and checks that the key can sign and that others cannot
// read it.
func (k *DKIMKey) read(s *section) {
	shown := s.doc.shown(k.KeyFile)
	f, err := s.doc.open(k.KeyFile)
	if err != nil {
		s.wrong("key_file", "cannot be read: "+reason(err), "give the user that runs mmgw the right to read "+shown+", or make a key with `mmgw dkim new`")
		return
	}
	defer f.Close()
	if of, ok := f.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := of.Stat(); err == nil {
			if err := authres.CheckMode(info.Mode()); err != nil {
				s.wrong("key_file", err.Error(), "chmod 600 "+shown)
				return
			}
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, authres.PrivateKeyBytesMax+1))
	if err == nil && len(text) > authres.PrivateKeyBytesMax {
		err = errors.New("is too large for a private key")
	}
	if err == nil {
		k.Key, err = authres.ParsePrivateKey(text)
	}
	if err != nil {
		s.wrong("key_file", reason(err), "make a key with `mmgw dkim new`")
	}
}

// Bounce is how bounces of members are scored, [bounce].
type Bounce struct {
	Threshold       int           // score at which a member is disabled
	StaleAfter      time.Duration // without a bounce, after which a score starts again
	Warnings        int           // to a disabled member before it is removed
	WarningInterval time.Duration
	Probe           bool // send a probe before disabling
	Unrecognized    Unrecognized
	Double          Double
}

// Unrecognized is what happens to mail to -bounces that is not a bounce.
type Unrecognized string

// The values of Unrecognized.
const (
	UnrecognizedOwner   Unrecognized = "owner"
	UnrecognizedDiscard Unrecognized = "discard"
)

// Double is who hears of mail that could not be delivered and has a null
// reverse-path: a bounce of a bounce.
type Double string

// The values of Double.
const (
	DoubleDiscard Double = "discard"
	DoubleOwner   Double = "owner" // of the site
)

// keys of [bounce]. The numbers are GNU Mailman's: bounces on five days, then three
// warnings a week apart.
func (b *Bounce) keys(s *section) {
	const week = 7 * 24 * time.Hour
	key(s, "threshold", &b.Threshold, 5, number(1, 1000))
	key(s, "stale_after", &b.StaleAfter, week, someTime)
	key(s, "warnings", &b.Warnings, 3, number(0, 1000))
	key(s, "warning_interval", &b.WarningInterval, week, someTime)
	key(s, "probe", &b.Probe, true, boolean)
	key(s, "unrecognized", &b.Unrecognized, UnrecognizedOwner, choice(UnrecognizedOwner, UnrecognizedDiscard))
	key(s, "double", &b.Double, DoubleDiscard, choice(DoubleDiscard, DoubleOwner))
}

// HTTP serves one-click unsubscription (RFC 8058), [http].
type HTTP struct {
	Listen Endpoint
	URL    string // under which members reach it, without a slash at the end; or ""
}

// keys of [http]. Like the listeners below it is off unless it is configured.
func (h *HTTP) keys(s *section) {
	key(s, "listen", &h.Listen, Endpoint{}, orEmpty(endpoint))
	key(s, "url", &h.URL, "", orEmpty(siteURL))
}

// Lookup is the socketmap server for Postfix, [lookup].
type Lookup struct{ Listen Endpoint }

// keys of [lookup].
func (l *Lookup) keys(s *section) { key(s, "listen", &l.Listen, Endpoint{}, orEmpty(endpoint)) }

// Metrics serves /metrics, /live and /ready, [metrics].
type Metrics struct{ Listen Endpoint }

// keys of [metrics].
func (m *Metrics) keys(s *section) { key(s, "listen", &m.Listen, Endpoint{}, orEmpty(endpoint)) }

// Log is what is logged, and how, [log].
type Log struct {
	Format     LogFormat
	Level      slog.Level
	Deliveries bool // whether there is a file with one record for each copy
}

// LogFormat is how lines of the log are written.
type LogFormat string

// The formats of the log.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// keys of [log].
func (l *Log) keys(s *section) {
	key(s, "format", &l.Format, LogText, choice(LogText, LogJSON))
	key(s, "level", &l.Level, slog.LevelInfo, level)
	key(s, "deliveries", &l.Deliveries, true, boolean)
}
