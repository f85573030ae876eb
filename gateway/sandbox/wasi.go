package sandbox

import (
	crypto "crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Error numbers of WASI preview 1.
const (
	errnoBadFile  = 8
	errnoInvalid  = 28
	errnoIO       = 29
	errnoNoSystem = 52
	errnoNoSeek   = 70
)

// wasiFunctions are WASI preview 1, as far as a module without file system and
// network can use it. Only filters have arguments, an environment and a message on
// standard input; what others write to standard output and error is logged.
var wasiFunctions = [...]function{
	{"args_get", "ii", "i", "", hookAny, stringsGet(false)},
	{"args_sizes_get", "ii", "i", "", hookAny, stringsSizes(false)},
	{"environ_get", "ii", "i", "", hookAny, stringsGet(true)},
	{"environ_sizes_get", "ii", "i", "", hookAny, stringsSizes(true)},
	{"clock_res_get", "ii", "i", "", hookAny, (*call).clockResolution},
	{"clock_time_get", "iIi", "i", "", hookAny, (*call).clockTime},
	{"fd_close", "i", "i", "", hookAny, onStandard(0)},
	{"fd_datasync", "i", "i", "", hookAny, onStandard(0)},
	{"fd_fdstat_get", "ii", "i", "", hookAny, (*call).fdStat},
	{"fd_fdstat_set_flags", "ii", "i", "", hookAny, onStandard(0)},
	{"fd_prestat_get", "ii", "i", "", hookAny, badFile},
	{"fd_prestat_dir_name", "iii", "i", "", hookAny, badFile},
	{"fd_read", "iiii", "i", "", hookAny, (*call).fdRead},
	{"fd_seek", "iIii", "i", "", hookAny, onStandard(errnoNoSeek)},
	{"fd_sync", "i", "i", "", hookAny, onStandard(0)},
	{"fd_tell", "ii", "i", "", hookAny, onStandard(errnoNoSeek)},
	{"fd_write", "iiii", "i", "", hookAny, (*call).fdWrite},
	{"poll_oneoff", "iiii", "i", "", hookAny, (*call).poll},
	{"proc_exit", "i", "", "", hookAny, (*call).exit},
	{"proc_raise", "i", "i", "", hookAny, noSystem},
	{"random_get", "ii", "i", "", hookAny, (*call).randomGet},
	{"sched_yield", "", "i", "", hookAny, succeed},

	{"fd_advise", "iIIi", "i", "", hookAny, badFile},
	{"fd_allocate", "iII", "i", "", hookAny, badFile},
	{"fd_fdstat_set_rights", "iII", "i", "", hookAny, badFile},
	{"fd_filestat_get", "ii", "i", "", hookAny, (*call).fileStat},
	{"fd_filestat_set_size", "iI", "i", "", hookAny, badFile},
	{"fd_filestat_set_times", "iIIi", "i", "", hookAny, badFile},
	{"fd_pread", "iiiIi", "i", "", hookAny, badFile},
	{"fd_pwrite", "iiiIi", "i", "", hookAny, badFile},
	{"fd_readdir", "iiiIi", "i", "", hookAny, badFile},
	{"fd_renumber", "ii", "i", "", hookAny, badFile},
	{"path_create_directory", "iii", "i", "", hookAny, badFile},
	{"path_filestat_get", "iiiii", "i", "", hookAny, badFile},
	{"path_filestat_set_times", "iiiiIIi", "i", "", hookAny, badFile},
	{"path_link", "iiiiiii", "i", "", hookAny, badFile},
	{"path_open", "iiiiiIIii", "i", "", hookAny, badFile},
	{"path_readlink", "iiiiii", "i", "", hookAny, badFile},
	{"path_remove_directory", "iii", "i", "", hookAny, badFile},
	{"path_rename", "iiiiii", "i", "", hookAny, badFile},
	{"path_symlink", "iiiii", "i", "", hookAny, badFile},
	{"path_unlink_file", "iii", "i", "", hookAny, badFile},
	{"sock_accept", "iii", "i", "", hookAny, badFile},
	{"sock_recv", "iiiiii", "i", "", hookAny, badFile},
	{"sock_send", "iiiii", "i", "", hookAny, badFile},
	{"sock_shutdown", "ii", "i", "", hookAny, badFile},
}

// succeed is for functions that have no effect here.
func succeed(*call, []uint64) int64 { return 0 }

// badFile is for functions of files and sockets: there are none.
func badFile(*call, []uint64) int64 { return errnoBadFile }

// noSystem is for functions that are not supported.
func noSystem(*call, []uint64) int64 { return errnoNoSystem }

// onStandard returns errno for the three standard streams, and badFile otherwise.
func onStandard(errno int64) func(*call, []uint64) int64 {
	return func(_ *call, a []uint64) int64 {
		if uint32(a[0]) > 2 {
			return errnoBadFile
		}
		return errno
	}
}

// put32 writes a number to the module's memory.
func (c *call) put32(ptr uint64, x uint32) { binary.LittleEndian.PutUint32(c.view(ptr, 4), x) }

// put64 writes a number to the module's memory.
func (c *call) put64(ptr uint64, x uint64) { binary.LittleEndian.PutUint64(c.view(ptr, 8), x) }

// clock_res_get(clock, resolution)
func (c *call) clockResolution(a []uint64) int64 {
	c.put64(a[1], uint64(time.Microsecond))
	return 0
}

// pureTime is what the clock shows in pure calls, in nanoseconds: the start of the
// year 2000. Some runtimes take zero for a missing clock.
const pureTime = 946_684_800 * int64(time.Second)

// now is the reading of a clock in nanoseconds: clock 0 is the time of day, the
// others count from when the module was loaded.
func (c *call) now(clock uint64) int64 {
	switch {
	case c.pure():
		return pureTime + c.instance.napped
	case uint32(clock) == 0:
		return time.Now().UnixNano() + c.instance.napped
	}
	return int64(time.Since(c.plugin.loaded)) + 1 + c.instance.napped
}

// clock_time_get(clock, precision, time)
func (c *call) clockTime(a []uint64) int64 {
	if uint32(a[0]) > 3 {
		return errnoInvalid
	}
	c.put64(a[2], uint64(c.now(a[0])))
	return 0
}

// fileType is the type of the standard streams: a terminal, to which programs
// write line by line, or for a filter unknown, as with a pipe, to which they write
// as much as they can at once.
func (c *call) fileType() byte {
	const unknown, characterDevice = 0, 2
	if c.filter != nil {
		return unknown
	}
	return characterDevice
}

// fd_filestat_get(fd, stat): size and times are zero.
func (c *call) fileStat(a []uint64) int64 {
	if uint32(a[0]) > 2 {
		return errnoBadFile
	}
	stat := c.view(a[1], 64)
	clear(stat)
	stat[16] = c.fileType()
	return 0
}

// fd_fdstat_get(fd, stat)
func (c *call) fdStat(a []uint64) int64 {
	const rightRead, rightWrite = 1 << 1, 1 << 6
	if uint32(a[0]) > 2 {
		return errnoBadFile
	}
	stat := c.view(a[1], 24)
	clear(stat)
	stat[0], stat[8] = c.fileType(), rightWrite
	if uint32(a[0]) == 0 {
		stat[8] = rightRead
	}
	return 0
}

// vectorsMax is how many pieces of memory one read or write may name.
const vectorsMax = 1024

// fd_read(fd, vectors, count, read): standard input is empty, except for filters.
func (c *call) fdRead(a []uint64) int64 {
	count := uint64(uint32(a[2]))
	switch {
	case uint32(a[0]) != 0:
		return errnoBadFile
	case count > vectorsMax:
		return errnoInvalid
	}
	n, errno := c.readInput(c.view(a[1], count*8))
	c.put32(a[3], uint32(n))
	return errno
}

// fd_write(fd, vectors, count, written)
func (c *call) fdWrite(a []uint64) int64 {
	fd, count := uint32(a[0]), uint64(uint32(a[2]))
	if fd != 1 && fd != 2 {
		return errnoBadFile
	}
	if count > vectorsMax {
		return errnoInvalid
	}
	vectors, written := c.view(a[1], count*8), 0
	for ; len(vectors) > 0; vectors = vectors[8:] {
		text := c.view(uint64(binary.LittleEndian.Uint32(vectors)), uint64(binary.LittleEndian.Uint32(vectors[4:])))
		if fd == 1 && c.filter != nil {
			c.writeOutput(text)
		} else {
			c.print(int(fd-1), text)
		}
		written += len(text)
	}
	c.put32(a[3], uint32(written))
	return 0
}

// proc_exit(code) ends the call and the instance, whatever the code. The code of a
// filter is its verdict.
func (c *call) exit(a []uint64) int64 {
	if c.filter != nil {
		c.filter.exited, c.filter.code = true, int32(a[0])
		panic(errStopped)
	}
	c.stop(Exited, fmt.Sprintf("left by proc_exit(%d)", int32(a[0])))
	return 0
}

// random_get(buf, len). In pure calls the octets are the same every time. An error
// would keep the runtimes of many languages, which ask for a seed, from starting.
func (c *call) randomGet(a []uint64) int64 {
	b := c.view(a[0], a[1])
	c.spend(unitsPerRandom * int64(len(b)))
	if !c.pure() {
		crypto.Read(b)
		return 0
	}
	if c.dice == nil {
		c.dice = rand.NewChaCha8([32]byte{})
	}
	c.dice.Read(b)
	return 0
}

// subscription is one thing that poll_oneoff waits for.
type subscription []byte

// Sizes of poll_oneoff, and limits of it.
const (
	subscriptionBytes = 48
	eventBytes        = 32
	pollMax           = 1024
	nappedMax         = math.MaxInt64 / 4 // some 70 years: added to the time of day it still fits an int64
)

// isClock says whether the wait is for a time, not for a file.
func (s subscription) isClock() bool { return s[8] == 0 }

// wait is how many nanoseconds are left until the subscription is due.
func (s subscription) wait(c *call) int64 {
	if !s.isClock() {
		return 0
	}
	timeout := int64(min(binary.LittleEndian.Uint64(s[24:]), math.MaxInt64))
	if s[40]&1 != 0 { // an absolute time
		timeout -= c.now(uint64(binary.LittleEndian.Uint32(s[16:])))
	}
	return max(timeout, 0)
}

// poll_oneoff(subscriptions, events, count, occurred) does not wait. Instead it
// puts the clocks of the instance forward by the time that it should have waited.
func (c *call) poll(a []uint64) int64 {
	count := uint64(uint32(a[2]))
	if count == 0 || count > pollMax {
		return errnoInvalid
	}
	in, out := c.view(a[0], count*subscriptionBytes), c.view(a[1], count*eventBytes)
	nap := int64(math.MaxInt64)
	for i := range count {
		nap = min(nap, subscription(in[i*subscriptionBytes:]).wait(c))
	}
	occurred := uint32(0)
	for i := range count {
		s := subscription(in[i*subscriptionBytes:][:subscriptionBytes])
		if s.wait(c) > nap {
			continue
		}
		event := out[occurred*eventBytes:][:eventBytes]
		userdata, kind := binary.LittleEndian.Uint64(s), s[8]
		clear(event)
		binary.LittleEndian.PutUint64(event, userdata)
		event[10] = kind
		occurred++
	}
	c.instance.napped += min(nap, nappedMax-c.instance.napped)
	c.put32(a[3], occurred)
	return 0
}
