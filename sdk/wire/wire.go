// Package wire has the constants of ABI 1: the numbers and names on which modules and mmgw
// agree. Both import them from here, so that they cannot differ. sdk/ABI.md says what they
// mean.
package wire

// Version is what mmgw_abi returns: the major version in the upper 16 bits, the minor in the
// lower. A host loads modules of its own major version whose minor version is not higher than
// its own.
const Version = 1 << 16

// Module is the import module of the host functions.
const Module = "mmgw"

// Results of host functions. Zero and above is success.
const (
	NotFound     = -1
	BadArgument  = -2
	NotPermitted = -3
	Limit        = -4
	WrongPhase   = -5
	Temporary    = -6
)

// Actions of verdict and rcpt_verdict.
const (
	Continue = 0
	Accept   = 1
	Reject   = 2
	Defer    = 3
	Discard  = 4
	Hold     = 5
)

// Levels of log.
const (
	Debug = 0
	Info  = 1
	Warn  = 2
	Error = 3
)

// Exports of a module.
const (
	ExportABI        = "mmgw_abi"
	ExportInit       = "mmgw_init"
	ExportRecipient  = "mmgw_rcpt"
	ExportIncoming   = "mmgw_incoming"
	ExportOutgoing   = "mmgw_outgoing"
	ExportPlan       = "mmgw_plan"
	ExportResult     = "mmgw_result"
	ExportMTAConfig  = "mmgw_mta_config"
	ExportInitialize = "_initialize"
	ExportMemory     = "memory"
)

// Capabilities that a configuration grants.
const (
	CapHeaders    = "headers"
	CapBody       = "body"
	CapRecipients = "recipients"
	CapRelay      = "relay"
	CapMembers    = "members"
	CapKV         = "kv"
	CapDNS        = "dns"
	CapMetric     = "metric"
)

// Limits of kv_*.
const (
	KVKeyBytesMax   = 255
	KVValueBytesMax = 64 << 10
	KVSecondsMax    = 366 * 24 * 60 * 60 // of a time to live; 0 means forever
)

// Keys of part_get.
const (
	PartType        = "type"
	PartCharset     = "charset"
	PartFilename    = "filename"
	PartDisposition = "disposition"
	PartSize        = "size"
	PartDepth       = "depth"
	PartParent      = "parent"
)

// Limits of part_*.
const (
	PartsMax     = 1000 // parts of a message; later ones are ignored
	PartDepthMax = 50   // of a part; parts within one so deep are ignored
)

// Types of dns, which are those of the DNS itself.
const (
	DNSA    = 1
	DNSPTR  = 12 // its name is an address, not in-addr.arpa
	DNSMX   = 15
	DNSTXT  = 16
	DNSAAAA = 28
)

// DNSNameBytesMax is the length of the longest name (RFC 1035, section 2.3.4),
// without the dot at its end.
const DNSNameBytesMax = 253

// Limits of metric.
const (
	MetricNameBytesMax = 64
	MetricsMax         = 100 // names of one module
)

// Tables of the inventory that a config writer reads.
const (
	TableGateway   = "gateway"   // one row: hostname lmtp_target lmtp_socket lookup_target lookup_socket verp_delimiter smtp_host state_dir mta_dir config.*
	TableDomains   = "domains"   // domain alias_of kind (list or forward)
	TableLists     = "lists"     // address local domain id alias_domain
	TableAddresses = "addresses" // address public list service suffix detail (0 or 1)
	TableRoutes    = "routes"    // domain to
)

// ByHandFile is the name of a file that a config writer renders for people: what the
// administrator has to do once by hand. `mmgw mta show` prints it; it is not installed.
const ByHandFile = "by-hand.txt"
