package sandbox

import "time"

// Limits of one call. A host function that would exceed one returns wire.Limit
// and changes nothing.
const (
	EditsMax            = 2_000     // twice as many as a header has fields
	HeaderValueBytesMax = 64 << 10  // a quarter of the largest header block
	BodyBytesMax        = 32 << 20  // a new body; the largest message by default
	RecipientsAddedMax  = 1_000     // as many as one LMTP transaction has
	LogLinesMax         = 100       // further lines are only counted: handlers must not fill the disk
	FilesMax            = 250_000   // of a writer: two for each of 100,000 lists, and some more; package mta takes as many
	FilesBytesMax       = 256 << 20 // the maps of 100,000 lists have 70 MB
	FilePathBytesMax    = 255       // the longest name that file systems take
	RandomBytesMax      = 64 << 10  // of one call of random
	DNSQuestionsMax     = 20        // sent to the resolver by one call; answers from the cache do not count
	DNSAnswerBytesMax   = 16 << 10  // the longest sets of TXT records have a third of that
	configBytesMax      = 1 << 20   // a module's settings as JSON, which are copied for it
	lineBytesMax        = 1 << 10   // of a log line before it is made printable and cut
	reserveBytesMax     = 256 << 10 // of capacity that is allocated ahead for a new body
)

// What host functions cost in units of the meter. A unit stands for some 0.1
// to 0.4 ns of computing, a host call takes some 50 to 200 ns.
const (
	unitsPerCall    = 100
	debtMax         = 1 << 10 // units that a module may owe before they are taken
	octetsPerUnit   = 8       // copied to or from the module
	unitsPerField   = 20      // of a header, looked at or moved
	unitsPerLogLine = 5_000
	unitsPerRandom  = 4      // per octet
	unitsPerParsed  = 2      // per octet of a body that is parsed
	unitsPerDecoded = 4      // per octet of a part that is read or replaced
	unitsPerKV      = 50_000 // per read or change of the database, which takes some 10 us
)

// How long a call waits for the DNS: dnsQuestionMax for one question, which lets
// a resolver try twice, and for all of them dnsWaitMax or half of its time limit,
// whichever is less, so that it can still decide without the answers.
const (
	dnsQuestionMax = 2 * time.Second
	dnsWaitMax     = 3 * time.Second
)

// What loading may take, however small the limits of a call are: the runtimes of
// languages do much before the first line of the module runs.
const (
	startFuel   = FuelDefault
	initFuelMin = FuelDefault
	initTimeMin = TimeoutDefault
)

// deadlineEvery is how many host calls pass between two looks at the clock,
// which takes as long as a small host call does.
const deadlineEvery = 16
