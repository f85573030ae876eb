package store

import (
	"bytes"
	"math"
	"testing"
	"time"
)

func TestRecord(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 5, time.UTC)
	w := NewWriter(3)
	w.Uint(math.MaxUint64)
	w.Int(-5)
	w.Bool(true)
	w.Bytes([]byte("octets"))
	w.String("text")
	w.Time(time.Time{})
	w.Time(at)
	w.Float(1.5)
	w.Raw([]byte{9})
	record := w.Record()

	r := NewReader(record, 3)
	if r.Version() != 3 || r.Uint() != math.MaxUint64 || r.Int() != -5 || !r.Bool() || string(r.Bytes()) != "octets" ||
		r.String() != "text" || !r.Time().IsZero() || !r.Time().Equal(at) || r.Float() != 1.5 || r.Raw(1)[0] != 9 {
		t.Error("fields differ")
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
	for i := range record {
		damaged := bytes.Clone(record)
		damaged[i] ^= 4
		if r := NewReader(damaged, 3); r.Err() != ErrCorrupt {
			t.Errorf("octet %d changed: %v", i, r.Err())
		}
		if r := NewReader(record[:i], 3); r.Err() != ErrCorrupt {
			t.Errorf("cut at %d: %v", i, r.Err())
		}
	}
	if r := NewReader(record, 2); r.End() != ErrVersion {
		t.Errorf("later version: %v", r.End())
	}
}

func TestRecordIsStrict(t *testing.T) {
	for name, c := range map[string]struct {
		payload []byte
		read    func(*Reader)
	}{
		"long varint":        {[]byte{0x80, 0}, func(r *Reader) { r.Uint() }},
		"bool of 2":          {[]byte{2}, func(r *Reader) { r.Bool() }},
		"count beyond end":   {[]byte{5, 1}, func(r *Reader) { r.Bytes() }},
		"huge count":         {[]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, func(r *Reader) { r.Count(1) }},
		"field left over":    {[]byte{1, 1}, func(r *Reader) { r.Bool() }},
		"field missing":      {nil, func(r *Reader) { r.Float() }},
		"a whole second":     {[]byte{1, 0, 0x80, 0x94, 0xeb, 0xdc, 3}, func(r *Reader) { r.Time() }},
		"nothing at all":     {nil, func(r *Reader) { r.Bool() }},
		"text without octet": {[]byte{1}, func(r *Reader) { r.Bytes() }},
	} {
		w := NewWriter(1)
		w.Raw(c.payload)
		r := NewReader(w.Record(), 1)
		c.read(r)
		if r.End() != ErrCorrupt {
			t.Errorf("%s: %v", name, r.End())
		}
	}
}

// Whatever the octets are, reading them ends, and what was read writes the
// same octets again.
func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 0, 1, 1, 'x', 0})
	f.Add([]byte{0xff, 0xff, 1, 1, 0x80, 1, 5})
	f.Fuzz(func(t *testing.T, payload []byte) {
		in := NewWriter(1)
		in.Raw(payload)
		record := in.Record()
		r := NewReader(record, 1)
		w := NewWriter(1)
		for len(r.b) > 0 {
			w.Uint(r.Uint())
			w.Time(r.Time())
			w.Bytes(r.Bytes())
			w.Int(r.Int())
			w.Bool(r.Bool())
		}
		if r.End() == nil && !bytes.Equal(w.Record(), record) {
			t.Errorf("%x read and written: %x", record, w.Record())
		}
	})
}

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{"a": "b", "a\xff": "b", "\xff": "", "": "", "ab": "ac"} {
		if got := string(PrefixEnd([]byte(prefix))); got != want {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
}

// TestEnclose: it gives what a Writer gives, in place where there is room.
func TestEnclose(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 20_000} {
		content := bytes.Repeat([]byte{'x'}, n)
		w := NewWriter(3)
		w.Bytes(content)
		want := w.Record()
		b := append(make([]byte, EnclosureBytes, EnclosureBytes+n+checksumBytes), content...)
		got := Enclose(3, b)
		if !bytes.Equal(got, want) {
			t.Errorf("%d octets: % x, want % x", n, got[:10], want[:10])
		}
		if &got[len(got)-1] != &b[:cap(b)][cap(b)-1] {
			t.Errorf("%d octets were copied", n)
		}
	}
}
