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

// MTA is what the gateway and the MTA know of each other, [mta]. Names are GNU
// Mailman's where it has the same thing.
type MTA struct {
	Incoming string // writer of the MTA's configuration, by plugin name; "exim" became exim4
	Outgoing string // module that plans deliveries, by plugin name

	LMTPHost      string // where we listen
	LMTPPort      int    // 0: a free one
	LMTPSocket    string // path of a Unix socket to listen on as well, or ""
	LMTPAdvertise Endpoint

	SMTPHost           string // the upstream MTA
	SMTPPort           int
	SMTPSecureMode     string // "smtp": no TLS; "starttls" or "smtps": both fail closed
	SMTPVerifyCert     bool
	SMTPVerifyHostname bool
	SMTPUser           string // "": no AUTH
	SMTPPass           string // from the key or from SMTPPassFile
	SMTPPassFile       string

	MaxMessageSize           int64         // octets
	MaxRecipients            int           // of one outgoing transaction
	MaxMessagesPerConnection int           // then a new connection
	MaxConnections           int           // to the upstream MTA at a time
	DeliveryRetryPeriod      time.Duration // then give up

	Configuration map[string]any // for the writer, see PostmapCommand and ReloadCommand
}

// Bounds of numbers in [mta], each with its reason.
const (
	messageBytesMax   = 1 << 30 // nobody mails more, and sizes stay far from overflow
	connectionsMax    = 10_000  // descriptors of one process
	perConnectionMax  = 1_000_000
	secretBytesMax    = 4 << 10 // of a file with a password
	portMax           = 65535
	transactionRcptsN = gateway.BatchRecipientsMax // a transaction is part of one batch
)

// keys of [mta].
func (m *MTA) keys(s *section) {
	key(s, "incoming", &m.Incoming, "postfix", s.plugin())
	key(s, "outgoing", &m.Outgoing, "deliver", s.plugin())
	// Mailman's port: MTAs that spoke to it need no change.
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
	// What GNU Mailman and most sites take.
	key(s, "max_message_size", &m.MaxMessageSize, 32<<20, size(1<<10, messageBytesMax))
	key(s, "max_recipients", &m.MaxRecipients, 500, number(1, transactionRcptsN))
	// Postfix and others slow a client down, or hang up, after some hundred.
	key(s, "max_messages_per_connection", &m.MaxMessagesPerConnection, 100, number(1, perConnectionMax))
	key(s, "max_connections", &m.MaxConnections, 10, number(1, connectionsMax))
	// RFC 5321, section 4.5.4.1: four to five days at least.
	key(s, "delivery_retry_period", &m.DeliveryRetryPeriod, 5*24*time.Hour, someTime)
	key(s, "configuration", &m.Configuration, nil, free)
	if s.reading() {
		m.writerDefaults(s)
	}
	if m.Incoming == "exim" {
		m.Incoming = "exim4"
	}
}

// credentials reads the keys of AUTH. The password comes from one of two keys.
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
		s.wrong("smtp_pass_file", "stands beside smtp_pass", "remove one of them")
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

// readSecret reads the file under a key: its text without the line end.
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

// The keys of [mta.configuration] that the gateway reads itself; the writer
// gets them with the others.
const (
	keyPostmap       = "postmap_command"
	keyReload        = "reload_command"
	keyTransportType = "transport_file_type"
)

var writerKeys = []string{keyPostmap, keyReload, keyTransportType}

// PostmapCommand makes a map of a text file, for transport file types that
// need it; "" where there is none.
func (m *MTA) PostmapCommand() string { return m.setting(keyPostmap) }

// ReloadCommand is run after files changed, "" for none.
func (m *MTA) ReloadCommand() string { return m.setting(keyReload) }

// setting is a key of [mta.configuration], "" where it is absent or no text.
func (m *MTA) setting(name string) string {
	text, _ := m.Configuration[name].(string)
	return text
}

// transportTypes are those that the postfix writer knows.
var transportTypes = []string{"hash", "lmdb", "texthash", "regexp", "regex", "socketmap"}

// writerDefaults fills in what the writer is told anyway, and checks the keys
// that have a meaning here.
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
			if distance(name, meant) == 1 { // others may have any name
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

// LMTP is how we listen, [lmtp].
type LMTP struct {
	SocketMode      fs.FileMode
	SocketGroup     string         // "": that of the process
	Allow           []netip.Prefix // peers
	BareNewline     BareNewline
	MaxConnections  int
	MaxRecipients   int // of one transaction
	IdleTimeout     time.Duration
	ReplyPause      time.Duration // between the replies of one message
	TrustedReceived int           // the client is taken from the Nth Received field; 0: it is not
}

// BareNewline is what becomes of a CR or LF that stands alone.
type BareNewline string

// The ways with bare newlines.
const (
	NormalizeNewlines BareNewline = "normalize"
	RejectNewlines    BareNewline = "reject"
)

// keys of [lmtp]. Whoever may speak LMTP to us is believed to be the MTA: only
// the machine itself may, unless it is said otherwise.
func (l *LMTP) keys(s *section) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	// The group of the MTA needs to write; others do not.
	key(s, "socket_mode", &l.SocketMode, 0o660, fileMode)
	key(s, "socket_group", &l.SocketGroup, "", anyText)
	key(s, "allow", &l.Allow, loopback, arrayOf(prefix))
	// MTAs in front of us have accepted the message: refusing it would bounce it.
	key(s, "bare_newline", &l.BareNewline, NormalizeNewlines, choice(NormalizeNewlines, RejectNewlines))
	key(s, "max_connections", &l.MaxConnections, 200, number(1, connectionsMax))
	// More than the 100 of RFC 5321, section 4.5.3.1.8.
	key(s, "max_recipients", &l.MaxRecipients, 1000, number(1, 100_000))
	// RFC 5321, section 4.5.3.2.7.
	key(s, "idle_timeout", &l.IdleTimeout, 5*time.Minute, someTime)
	key(s, "reply_pause", &l.ReplyPause, 0, duration)
	key(s, "trusted_received", &l.TrustedReceived, 0, number(0, 100))
}

// VERP is how reverse-paths name the member, [verp].
type VERP struct {
	DeliveryInterval int    // 0 never, 1 always, N every Nth post of a list
	Delimiter        string // one character
	Format           string // of reverse-paths: "signed" or "mailman"
	AcceptMailman    bool   // unsigned ones score
	Offload          string // whether the upstream MTA may make them (XVERP): "auto" or "never"
}

// keys of [verp]. Signed reverse-paths are the default, as anyone can make up a
// bounce for an unsigned one and so have members removed.
func (v *VERP) keys(s *section) {
	key(s, "delivery_interval", &v.DeliveryInterval, 1, number(0, VERPIntervalMax))
	// "-" is qmail's; the others are recipient delimiters of MTAs that list
	// names cannot have.
	key(s, "delimiter", &v.Delimiter, "+", choice("+", "-", "#", "%", "~"))
	key(s, "format", &v.Format, "signed", choice("signed", "mailman"))
	key(s, "accept_mailman", &v.AcceptMailman, false, boolean)
	key(s, "offload", &v.Offload, "auto", choice("auto", "never"))
}
