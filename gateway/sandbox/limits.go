package sandbox

import "time"

// Limits of one call. A host function that would exceed one returns wire.Limit
// and changes nothing.
const (
	EditsMax            = 2_000     // twice as many as a header has fields
	HeaderValueBytesMax = 64 << 10  // a quarter of the largest header block
	BodyBytesMax        = 32 << 20  // a new body; the largest message by default
	RecipientsAddedMax  = 1_000     // as many as one LMTP transaction has
	LogLinesMax         = 100       // the rest is counted; a message's handlers fill no disk
	FilesMax            = 250_000   // of a writer: two for each of 100,000 lists, and some; as package mta takes
	FilesBytesMax       = 256 << 20 // the maps of 100,000 lists have 70 MB
	FilePathBytesMax    = 255       // what file systems take as a name
	RandomBytesMax      = 64 << 10  // of one call of random
	DNSQuestionsMax     = 20        // that a call has asked; what is known already does not count
	DNSAnswerBytesMax   = 16 << 10  // the longest sets of TXT records have a third of that
	configBytesMax      = 1 << 20   // a module's settings as JSON; they are copied for it
	lineBytesMax        = 1 << 10   // of a log line before it is made printable and cut
	reserveBytesMax     = 256 << 10 // of capacity that is taken ahead for a new body
)

// What host functions cost in units of the meter. A unit stands for some 0.1
// to 0.4 ns of computing, a host call takes some 50 to 200 ns.
const (
	unitsPerCall    = 100
	debtMax         = 1 << 10 // that a module may owe
	octetsPerUnit   = 8       // copied to or from the module
	unitsPerField   = 20      // looked at or moved in a header
	unitsPerLogLine = 5_000
	unitsPerRandom  = 4      // an octet
	unitsPerParsed  = 2      // an octet of a body that is taken apart
	unitsPerDecoded = 4      // an octet of a part, read or replaced
	unitsPerKV      = 50_000 // a look into the database or a change of it: some 10 us
)

// How long a call waits for the DNS: for one question as long as a resolver
// needs for a second try, and in all so long, or half of its time limit if that
// is less, that it can still decide without the rest.
const (
	dnsQuestionMax = 2 * time.Second
	dnsWaitMax     = 3 * time.Second
)

// What loading may take, however small the limits of a call are: language
// runtimes set themselves up before they say anything.
const (
	startFuel   = FuelDefault
	initFuelMin = FuelDefault
	initTimeMin = TimeoutDefault
)

// deadlineEvery is how many host calls pass between two looks at the clock,
// which takes as long as a small host call does.
const deadlineEvery = 16
