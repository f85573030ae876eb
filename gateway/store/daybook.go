package store

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// DaybookWindow is how long a Daybook knows what was noted.
const DaybookWindow = 24 * time.Hour

// Daybook knows for DaybookWindow what has been seen, by fingerprints. It keeps
// them by the day, so that a day is purged as one range:
//
//	day fingerprint -> record           4 octets, big-endian, and those of the fingerprint
//
// Nearly all that is asked for has never been seen, and asking the disk takes
// many times as long as a look at the beginnings of the fingerprints, which are
// in memory. It is safe for concurrent use.
type Daybook struct {
	db    *Store
	space Space

	mu     sync.RWMutex
	days   map[uint32]*marks // all that the store has
	max    int               // marks of one
	purged uint32
}

// marks are the beginnings of the fingerprints of a day.
type marks struct {
	seen map[uint32]struct{}
	full bool // there are more: any fingerprint may be in the store
}

// dayMarksMax bounds what one day takes in memory, to some 10 MB. On a day with
// more the disk is asked.
const dayMarksMax = 1 << 20

// OpenDaybook reads the fingerprints of a key space, which only this Daybook
// writes to.
func OpenDaybook(db *Store, space Space) (*Daybook, error) {
	return openDaybook(db, space, dayMarksMax)
}

func openDaybook(db *Store, space Space, max int) (*Daybook, error) {
	d := &Daybook{db: db, space: space, days: map[uint32]*marks{}, max: max}
	for item, err := range db.Prefix(space.Key(), nil) {
		if err != nil {
			return nil, err
		}
		if key := item.Key[len(space.Key()):]; len(key) > dayBytes {
			d.mark(binary.BigEndian.Uint32(key), key[dayBytes:])
		}
	}
	return d, nil
}

const dayBytes = 4

func dayOf(t time.Time) uint32 { return uint32(max(t.Unix(), 0) / int64(DaybookWindow/time.Second)) }

func (d *Daybook) prefix(day uint32) []byte { return binary.BigEndian.AppendUint32(d.space.Key(), day) }

func beginning(fingerprint []byte) uint32 {
	var b [4]byte
	copy(b[:], fingerprint)
	return binary.BigEndian.Uint32(b[:])
}

func (d *Daybook) mark(day uint32, fingerprint []byte) {
	m := d.days[day]
	if m == nil {
		m = &marks{seen: map[uint32]struct{}{}}
		d.days[day] = m
	}
	switch {
	case m.full:
	case len(m.seen) == d.max:
		m.seen, m.full = nil, true
	default:
		m.seen[beginning(fingerprint)] = struct{}{}
	}
}

// may says whether a fingerprint can be among those of a day.
func (d *Daybook) may(day uint32, fingerprint []byte) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	m := d.days[day]
	if m == nil {
		return false
	}
	_, seen := m.seen[beginning(fingerprint)]
	return seen || m.full
}

// Find returns the record that was noted with a fingerprint today, the day before,
// or the day after, where the clock was set back; or ErrNotFound. How old it is the
// record has to say.
func (d *Daybook) Find(fingerprint []byte, now time.Time) ([]byte, error) {
	for _, at := range []time.Time{now, now.Add(-DaybookWindow), now.Add(DaybookWindow)} {
		day := dayOf(at)
		if !d.may(day, fingerprint) {
			continue
		}
		record, err := d.db.Get(append(d.prefix(day), fingerprint...))
		if !errors.Is(err, ErrNotFound) {
			return record, err
		}
	}
	return nil, ErrNotFound
}

// Note adds to b a fingerprint with its record and, once a day, the removal of
// the days that count no more; the clock may be set back by a day without harm.
// It returns the key by which the note can be taken back.
func (d *Daybook) Note(b *Batch, fingerprint, record []byte, now time.Time) (key []byte) {
	today := dayOf(now)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mark(today, fingerprint)
	if today != d.purged && today >= 2 {
		d.purged = today
		b.DeleteRange(d.prefix(0), d.prefix(today-2))
		for day := range d.days {
			if day < today-2 {
				delete(d.days, day)
			}
		}
	}
	key = append(d.prefix(today), fingerprint...)
	b.Set(key, record)
	return key
}
