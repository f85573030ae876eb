package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"
)

// A record is a version octet, fields, and a CRC-32C over both. Fields have no
// names and no types: who reads knows the version and reads them in the order
// in which they were written.
//
//	uint    varint of 7 bits an octet, least first, shortest form
//	int     uint of its zig-zag form
//	bool    0 or 1
//	bytes   uint length, octets
//	time    0 for the zero time, else 1, int seconds since 1970, uint nanoseconds
//	float   8 octets IEEE 754, big-endian
//
// There is one encoding for each value; any other is an error.

// ErrCorrupt says that a record is not as it was written.
var ErrCorrupt = errors.New("corrupt record")

// ErrVersion says that a record was written by a later mmgw.
var ErrVersion = errors.New("record of an unknown version")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Writer writes the fields of one record.
type Writer struct{ b []byte }

// NewWriter begins a record of a version.
func NewWriter(version byte) *Writer {
	w := &Writer{make([]byte, 1, recordBytesUsual)}
	w.b[0] = version
	return w
}

// recordBytesUsual is what most records fit into.
const recordBytesUsual = 64

// Uint writes an unsigned number.
func (w *Writer) Uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

// Int writes a number.
func (w *Writer) Int(n int64) { w.b = binary.AppendVarint(w.b, n) }

// Bool writes a truth value.
func (w *Writer) Bool(v bool) {
	var b byte
	if v {
		b = 1
	}
	w.b = append(w.b, b)
}

// Bytes writes octets.
func (w *Writer) Bytes(p []byte) {
	w.Uint(uint64(len(p)))
	w.b = append(w.b, p...)
}

// String writes a text.
func (w *Writer) String(s string) {
	w.Uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// Raw writes octets whose number the reader knows.
func (w *Writer) Raw(p []byte) { w.b = append(w.b, p...) }

// Float writes a floating-point number.
func (w *Writer) Float(f float64) { w.b = binary.BigEndian.AppendUint64(w.b, math.Float64bits(f)) }

// Time writes a time, without its zone.
func (w *Writer) Time(t time.Time) {
	w.Bool(!t.IsZero())
	if !t.IsZero() {
		w.Int(t.Unix())
		w.Uint(uint64(t.Nanosecond()))
	}
}

// Record ends the record and returns it. The writer is not used again.
func (w *Writer) Record() []byte {
	return binary.BigEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli))
}

// EnclosureBytes is room for what the record of one field of octets has in front
// of them.
const EnclosureBytes = 1 + binary.MaxVarintLen32

// Enclose makes the record of one field of octets where they lie: they stand in
// b after EnclosureBytes others, which it overwrites, and are fewer than 4 GiB.
// It spares the copy that a Writer makes.
func Enclose(version byte, b []byte) []byte {
	front := binary.AppendUvarint([]byte{version}, uint64(len(b)-EnclosureBytes))
	start := EnclosureBytes - len(front)
	copy(b[start:], front)
	return (&Writer{b[start:]}).Record()
}

// checksumBytes is the length of a CRC-32C.
const checksumBytes = 4

// Reader reads the fields of one record. After its first error every field
// reads as zero; End tells the error.
type Reader struct {
	b       []byte
	version byte
	err     error
}

// NewReader checks a record and begins to read it. A version above versionMax
// is ErrVersion.
func NewReader(record []byte, versionMax byte) *Reader {
	n := len(record) - checksumBytes
	if n < 1 || crc32.Checksum(record[:n], castagnoli) != binary.BigEndian.Uint32(record[n:]) {
		return &Reader{err: ErrCorrupt}
	}
	r := &Reader{b: record[1:n], version: record[0]}
	if r.version > versionMax {
		r.fail(ErrVersion)
	}
	return r
}

// Version is that of the record.
func (r *Reader) Version() byte { return r.version }

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// Err is the first error so far.
func (r *Reader) Err() error { return r.err }

// Uint reads an unsigned number.
func (r *Reader) Uint() uint64 {
	n, length := binary.Uvarint(r.b)
	if length <= 0 || length > 1 && r.b[length-1] == 0 {
		r.fail(ErrCorrupt)
		return 0
	}
	r.b = r.b[length:]
	return n
}

// Int reads a number.
func (r *Reader) Int() int64 {
	n := r.Uint()
	return int64(n>>1) ^ -int64(n&1)
}

// Count reads how many things follow of at least size octets each, so that a
// corrupt number never makes a large allocation.
func (r *Reader) Count(size int) int {
	n := r.Uint()
	if n > uint64(len(r.b)/max(size, 1)) {
		r.fail(ErrCorrupt)
		return 0
	}
	return int(n)
}

// Bool reads a truth value.
func (r *Reader) Bool() bool {
	b := r.Raw(1)
	if b[0] > 1 {
		r.fail(ErrCorrupt)
	}
	return b[0] == 1
}

// Bytes reads octets; the result is part of the record. None reads as nil.
func (r *Reader) Bytes() []byte {
	n := r.Count(1)
	if n == 0 {
		return nil
	}
	return r.Raw(n)
}

// String reads a text.
func (r *Reader) String() string { return string(r.Bytes()) }

// Raw reads n octets; the result is part of the record, or n zeros after an error.
func (r *Reader) Raw(n int) []byte {
	if n > len(r.b) {
		r.fail(ErrCorrupt)
		return make([]byte, n)
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// Float reads a floating-point number.
func (r *Reader) Float() float64 { return math.Float64frombits(binary.BigEndian.Uint64(r.Raw(8))) }

// Time reads a time, in UTC.
func (r *Reader) Time() time.Time {
	if !r.Bool() {
		return time.Time{}
	}
	seconds, nanoseconds := r.Int(), r.Uint()
	if nanoseconds >= uint64(time.Second) {
		r.fail(ErrCorrupt)
		return time.Time{}
	}
	t := time.Unix(seconds, int64(nanoseconds)).UTC()
	if t.IsZero() {
		r.fail(ErrCorrupt)
	}
	return t
}

// End returns the first error, and ErrCorrupt where fields are left over.
func (r *Reader) End() error {
	if r.err == nil && len(r.b) > 0 {
		return ErrCorrupt
	}
	return r.err
}
