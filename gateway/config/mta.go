package config

import (
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mmgw/mmgw/gateway"
)

// MTA is how the gateway and the MTA work together, [mta]. Keys that GNU Mailman
// has too have the names that it gives them.
type MTA struct {
	Incoming string // plugin that writes the MTA's configuration; "exim" has been replaced by "exim4"
	Outgoing string // plugin that plans deliveries

	LMTPHost      string   // where the gateway listens
	LMTPPort      int      // 0: a free one
	LMTPSocket    string   // path of a Unix socket to listen on as well, or ""
	LMTPAdvertise Endpoint // where the MTA is told to connect to; zero: where the gateway listens

	SMTPHost           string // the upstream MTA
	SMTPPort           int
	SMTPSecureMode     string // "smtp": without TLS; "starttls" or "smtps": never without it
	SMTPVerifyCert     bool
	SMTPVerifyHostname bool
	SMTPUser           string // "": no AUTH
	SMTPPass           string // from the key or from SMTPPassFile
	SMTPPassFile       string

	MaxMessageSize           int64 // octets
	MaxRecipients            int   // of one outgoing transaction
	MaxMessagesPerConnection int
	MaxConnections           int           // to the upstream MTA at a time
	DeliveryRetryPeriod      time.Duration // after which a delivery is given up

	Configuration map[string]any // for the writer; see also PostmapCommand and ReloadCommand
}

// Bounds of numbers in [mta], each with its reason.
const (
	messageBytesMax   = 1 << 30 // nobody sends more by mail, and sizes stay far from overflow
	connectionsMax    = 10_000  // each takes a file descriptor
	perConnectionMax  = 1_000_000
	secretBytesMax    = 4 << 10 // of a file with a password
	portMax           = 65535
	transactionRcptsN = gateway.BatchRecipientsMax // a transaction is part of one batch
)

// keys of [mta].
func (m *MTA) keys(s *section) {
	key(s, "incoming", &m.Incoming, "postfix", s.plugin())
	key(s, "outgoing", &m.Outgoing, "deliver", s.plugin())
	// The port of GNU Mailman: an MTA that used it needs no change.
	key(s, "lmtp_host", &m.LMTPHost, "127.0.0.1", host)
	key(s, "lmtp_port", &m.LMTPPort, 8024, number(0, portMax))
	key(s, "lmtp_socket", &m.LMTPSocket, "", s.path())
	key(s, "lmtp_advertise", &m.LMTPAdvertise, Endpoint{}, orEmpty(endpoint))
	key(s, "smtp_host", &m.SMTPHost, "localhost", host)
	key(s, "smtp_port", &m.SMTPPort, 25, number(1, portMax))
	key(s, "smtp_secure_mode", &m.SMTPSecureMode, "smtp", choice("smtp", "starttls", "smtps"))
	key(s, "smtp_verify_cert", &m.SMTPVerifyCert, true, boolean)
	key(s, "smtp_verify_hostname", &m.SMTPVerifyHostname, true, boolean)
	m.credentials(s)
	// As GNU Mailman and most sites have it.
	key(s, "max_message_size", &m.MaxMessageSize, 32<<20, size(1<<10, messageBytesMax))
	key(s, "max_recipients", &m.MaxRecipients, 500, number(1, transactionRcptsN))
	// Postfix and others slow a client down, or hang up, after some hundred messages.
	key(s, "max_messages_per_connection", &m.MaxMessagesPerConnection, 100, number(1, perConnectionMax))
	key(s, "max_connections", &m.MaxConnections, 10, number(1, connectionsMax))
	// RFC 5321, section 4.5.4.1: at least four to five days.
	key(s, "delivery_retry_period", &m.DeliveryRetryPeriod, 5*24*time.Hour, someTime)
	key(s, "configuration", &m.Configuration, nil, free)
	if s.reading() {
		m.writerDefaults(s)
	}
	if m.Incoming == "exim" {
		m.Incoming = "exim4"
	}
}

// credentials are the keys of AUTH. The password is in one of two keys.
func (m *MTA) credentials(s *section) {
	pass := m.SMTPPass
	if m.SMTPPassFile != "" {
		pass = ""
	}
	key(s, "smtp_user", &m.SMTPUser, "", anyText)
	key(s, "smtp_pass", &pass, "", secret)
	key(s, "smtp_pass_file", &m.SMTPPassFile, "", s.path())
	if !s.reading() {
		return
	}
	m.SMTPPass = pass
	switch {
	case pass != "" && m.SMTPPassFile != "":
		s.wrong("smtp_pass_file", "is given together with smtp_pass", "remove one of them")
	case m.SMTPPassFile != "":
		m.SMTPPass = s.readSecret("smtp_pass_file", m.SMTPPassFile)
	case pass == "" && m.SMTPUser != "":
		s.wrong("smtp_user", "has no password", "add smtp_pass_file or smtp_pass")
	}
	if m.SMTPUser == "" && pass+m.SMTPPassFile != "" {
		name := "smtp_pass"
		if pass == "" {
			name = "smtp_pass_file"
		}
		s.wrong(name, "has no smtp_user", "add smtp_user")
	}
}

// readSecret reads the file that a key names, and returns its one line.
func (s *section) readSecret(name, path string) string {
	f, err := s.doc.open(path)
	if err != nil {
		s.wrong(name, "cannot be read: "+reason(err), "give the user that runs mmgw the right to read "+s.doc.shown(path))
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, secretBytesMax+1))
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case err != nil:
		s.wrong(name, "cannot be read: "+reason(err), "")
	case len(data) > secretBytesMax, strings.ContainsAny(text, "\r\n\x00"), text == "":
		s.wrong(name, "is not a file of one line", "write the password into "+s.doc.shown(path)+" and nothing else")
	}
	return text
}

// The keys of [mta.configuration] that the gateway itself reads too. The writer
// gets them with the others.
const (
	keyPostmap       = "postmap_command"
	keyReload        = "reload_command"
	keyTransportType = "transport_file_type"
)

var writerKeys = []string{keyPostmap, keyReload, keyTransportType}

// PostmapCommand is the command that makes a database of a text file, for the
// transport file types that need one; "" if there is none.
func (m *MTA) PostmapCommand() string { return m.setting(keyPostmap) }

// ReloadCommand is the command to run after files have changed; "" if there is
// none.
func (m *MTA) ReloadCommand() string { return m.setting(keyReload) }

// setting is a string of [mta.configuration], or "".
func (m *MTA) setting(name string) string {
	text, _ := m.Configuration[name].(string)
	return text
}

// transportTypes are the types of transport files that the postfix writer makes.
var transportTypes = []string{"hash", "lmdb", "texthash", "regexp", "regex", "socketmap"}

// writerDefaults checks the keys of [mta.configuration] that the gateway reads too,
// and fills in their defaults.
func (m *MTA) writerDefaults(s *section) {
	if m.Configuration == nil {
		m.Configuration = map[string]any{}
	}
	at := s.settings()
	for name, preset := range map[string]string{
		keyTransportType: "hash",
		keyPostmap:       "/usr/sbin/postmap",
		keyReload:        "",
	} {
		value, given := m.Configuration[name]
		if _, ok := value.(string); given && !ok {
			s.doc.problem(at.lineOf(name), "[mta.configuration] "+name+" is "+describe(at.keys[name].value), "write a string")
		}
		if !given {
			m.Configuration[name] = preset
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Configuration)) {
		for _, meant := range writerKeys {
			if distance(name, meant) == 1 { // more may be a key of the writer's own
				s.doc.problem(at.lineOf(name), "[mta.configuration] has "+quote(name), "did you mean "+quote(meant)+"?")
			}
		}
	}
	if form := m.setting(keyTransportType); m.Incoming == "postfix" && form != "" && !slices.Contains(transportTypes, form) {
		s.doc.problem(at.lineOf(keyTransportType), "[mta.configuration] "+keyTransportType+" is "+quote(form), "write "+anyOf(transportTypes))
	}
}

// settings is the table [mta.configuration] of the file, or an empty one.
func (s *section) settings() *table {
	if s.given("configuration") {
		if t, ok := s.in.keys["configuration"].value.(*table); ok {
			return t
		}
	}
	return newTable(s.in.lineOf("configuration"))
}

// LMTP is how the gateway listens for mail, [lmtp].
type LMTP struct {
	SocketMode      fs.FileMode
	SocketGroup     string         // "": that of the process
	Allow           []netip.Prefix // of peers that may connect
	BareNewline     BareNewline
	MaxConnections  int
	MaxRecipients   int // of one transaction
	IdleTimeout     time.Duration
	ReplyPause      time.Duration // between the replies for the recipients of one message
	TrustedReceived int           // the Nth Received field names the client; 0: none does
}

// BareNewline is what happens to a CR without LF, or an LF without CR.
type BareNewline string

// The values of BareNewline.
const (
	NormalizeNewlines BareNewline = "normalize"
	RejectNewlines    BareNewline = "reject"
)

// keys of [lmtp]. Whoever connects is taken for the MTA, so by default only this
// machine may.
func (l *LMTP) keys(s *section) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	// The group of the MTA needs to write; others do not.
	key(s, "socket_mode", &l.SocketMode, 0o660, fileMode)
	key(s, "socket_group", &l.SocketGroup, "", anyText)
	key(s, "allow", &l.Allow, loopback, arrayOf(prefix))
	// The MTA has accepted the message already: if we refused it, it would bounce.
	key(s, "bare_newline", &l.BareNewline, NormalizeNewlines, choice(NormalizeNewlines, RejectNewlines))
	key(s, "max_connections", &l.MaxConnections, 200, number(1, connectionsMax))
	// More than the 100 of RFC 5321, section 4.5.3.1.8.
	key(s, "max_recipients", &l.MaxRecipients, 1000, number(1, 100_000))
	// RFC 5321, section 4.5.3.2.7.
	key(s, "idle_timeout", &l.IdleTimeout, 5*time.Minute, someTime)
	key(s, "reply_pause", &l.ReplyPause, 0, duration)
	key(s, "trusted_received", &l.TrustedReceived, 0, number(0, 100))
}

// VERP is how reverse-paths identify the member, [verp].
type VERP struct {
	DeliveryInterval int    // 0: never; 1: always; N: every Nth post of a list
	Delimiter        string // one character
	Format           string // of reverse-paths: "signed" or "mailman"
	AcceptMailman    bool   // bounces to unsigned reverse-paths count
	Offload          string // whether the upstream MTA may make the reverse-paths (XVERP): "auto" or "never"
}

// keys of [verp]. Signed reverse-paths are the default: anyone can make up bounces
// to unsigned ones, and so have members removed.
func (v *VERP) keys(s *section) {
	key(s, "delivery_interval", &v.DeliveryInterval, 1, number(0, VERPIntervalMax))
	// "-" is qmail's. The others are recipient delimiters of MTAs that names of
	// lists cannot contain.
	key(s, "delimiter", &v.Delimiter, "+", choice("+", "-", "#", "~"))
	key(s, "format", &v.Format, "signed", choice("signed", "mailman"))
	key(s, "accept_mailman", &v.AcceptMailman, false, boolean)
	key(s, "offload", &v.Offload, "auto", choice("auto", "never"))
}
