package store

import (
	"os"
	"sync"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// Of linux/aio_abi.h.
const (
	aioSyncData = 3 // IOCB_CMD_FDSYNC: fdatasync(2)
	aioResultFD = 1 // IOCB_FLAG_RESFD: resfd is told when it is done
)

// aioRequest is struct iocb.
type aioRequest struct {
	_                  [16]byte
	op                 uint16
	_                  int16
	fd                 uint32
	_                  [24]byte
	_                  uint64
	flags, resultEvent uint32
}

// aioResult is struct io_event.
type aioResult struct {
	_      [2]uint64
	result int64 // 0 or an error number below zero
	_      int64
}

// syncer has the kernel sync one file at a time.
//
// A thread in fdatasync(2) keeps a processor of Go's scheduler until a watcher
// takes it away, which then looks every 20 µs: with some hundred syncs a second
// that takes a seventh of the time of an acceptance and a quarter of a delivery's.
// This way a goroutine waits, as it does for a socket, and no thread.
type syncer struct {
	context uintptr
	event   *os.File // an eventfd
	request aioRequest
}

// idleSyncers are as many as there ever were syncs at the same time. noSyncers is why
// there are none, on kernels and in sandboxes that do not offer them.
var (
	syncersMu   sync.Mutex
	idleSyncers []*syncer
	noSyncers   error
)

// syncData makes durable what was written to file.
func syncData(file vfs.File) error {
	fd := file.Fd()
	if fd == vfs.InvalidFd {
		return file.SyncData()
	}
	s, err := takeSyncer()
	if err != nil {
		return file.SyncData()
	}
	begun, err := s.sync(fd)
	if !begun {
		err = file.SyncData()
	}
	return err
}

func takeSyncer() (*syncer, error) {
	syncersMu.Lock()
	defer syncersMu.Unlock()
	if last := len(idleSyncers) - 1; last >= 0 {
		s := idleSyncers[last]
		idleSyncers = idleSyncers[:last]
		return s, nil
	}
	if noSyncers != nil {
		return nil, noSyncers
	}
	s, err := newSyncer()
	noSyncers = err
	return s, err
}

func (s *syncer) leave() {
	syncersMu.Lock()
	defer syncersMu.Unlock()
	idleSyncers = append(idleSyncers, s)
}

func newSyncer() (*syncer, error) {
	s := &syncer{}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&s.context)), 0); errno != 0 {
		return nil, errno
	}
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Syscall(unix.SYS_IO_DESTROY, s.context, 0, 0)
		return nil, err
	}
	s.event = os.NewFile(uintptr(fd), "eventfd")
	s.request = aioRequest{op: aioSyncData, flags: aioResultFD, resultEvent: uint32(fd)}
	return s, nil
}

// sync syncs fd. begun says that the kernel took the request, so that err is its
// answer. A syncer whose answer did not come is not used again.
func (s *syncer) sync(fd uintptr) (begun bool, err error) {
	s.request.fd = uint32(fd)
	request := &s.request
	n, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, s.context, 1, uintptr(unsafe.Pointer(&request)))
	if n != 1 {
		s.leave()
		return false, errno
	}
	if _, err := s.event.Read(make([]byte, 8)); err != nil {
		return true, err
	}
	var answer aioResult
	n, _, errno = unix.Syscall6(unix.SYS_IO_GETEVENTS, s.context, 1, 1, uintptr(unsafe.Pointer(&answer)), 0, 0)
	if n != 1 {
		return true, errno
	}
	s.leave()
	if answer.result < 0 {
		return true, unix.Errno(-answer.result)
	}
	return true, nil
}
