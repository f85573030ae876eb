package spool_test

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/spool"
	"github.com/mmgw/mmgw/gateway/store"
)

// Each record of a message is damaged in turn. The message is never loaded
// with it, is set aside, and the messages around it go on.
func TestDamage(t *testing.T) {
	for n := 0; ; n++ {
		f := open(t, store.NewMemory())
		var messages []*gateway.Message
		for i := range 3 {
			m := f.accept(t, text(100+i))
			if err := f.expand(m, 1); err != nil {
				t.Fatal(err)
			}
			messages = append(messages, m)
		}
		victim := messages[1]
		key := damage(t, f, victim.ID, n)
		if key == nil {
			return
		}
		f = f.restart(t)
		if err := use(f, victim.ID); !errors.Is(err, spool.ErrDamaged) {
			t.Errorf("record %x: %v", key, err)
		}
		if err := use(f, victim.ID); !errors.Is(err, gateway.ErrNotSpooled) {
			t.Errorf("record %x, the second time: %v", key, err)
		}
		if _, err := f.db.Get(store.SpoolDamaged.Key(key)); err != nil {
			t.Errorf("record %x is not set aside: %v", key, err)
		}
		for _, m := range []*gateway.Message{messages[0], messages[2]} {
			if err := errors.Join(use(f, m.ID), f.settle(m.ID, 0)); err != nil {
				t.Errorf("record %x: another message: %v", key, err)
			}
		}
	}
}

// damage changes the n-th record of a message and returns its key, or nil.
func damage(t *testing.T, f *fixture, id gateway.QueueID, n int) (key []byte) {
	var b store.Batch
	for _, space := range []store.Space{store.SpoolMessages, store.SpoolIndex} {
		for item, err := range f.db.Prefix(space.Key(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(item.Key[1:], idBytes(id)) {
				continue
			}
			if n == 0 {
				key = bytes.Clone(item.Key)
				value := bytes.Clone(item.Value)
				value[len(value)/2] ^= 1
				b.Set(key, value)
			}
			n--
		}
	}
	if err := f.db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	return key
}

// A record that is missing is damage too, unless the whole message has gone.
func TestMissingRecord(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(100))
	var b store.Batch
	b.Delete(append(append(store.SpoolMessages.Key(), idBytes(m.ID)...), 1)) // its content
	if err := f.db.Commit(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(m.ID); !errors.Is(err, spool.ErrDamaged) {
		t.Error(err)
	}
}

// Who loads a message while an operator drops it finds it whole, or gone.
func TestLoadBesideDrop(t *testing.T) {
	f := open(t, store.NewMemory())
	for i := range 200 {
		m := f.accept(t, text(100+i%2*100_000+i)) // in the database and in a file, by turns
		var loader sync.WaitGroup
		loader.Go(func() {
			for {
				if _, err := f.Load(m.ID); err != nil {
					if !errors.Is(err, gateway.ErrNotSpooled) {
						t.Error(err)
					}
					return
				}
			}
		})
		if err := f.Drop(m.ID); err != nil {
			t.Error(err)
		}
		loader.Wait()
	}
}

// Who reads a batch while it is finished finds it whole, or gone.
func TestBatchBesideItsEnd(t *testing.T) {
	f := open(t, store.NewMemory())
	for i := range 200 {
		m := f.accept(t, text(100+i))
		if err := f.expand(m, 1); err != nil {
			t.Fatal(err)
		}
		var reader sync.WaitGroup
		reader.Go(func() {
			for {
				if _, err := f.Batch(gateway.BatchKey{Message: m.ID}); err != nil {
					if !errors.Is(err, gateway.ErrNotSpooled) {
						t.Error(err)
					}
					return
				}
			}
		})
		if err := f.settle(m.ID, 0); err != nil {
			t.Error(err)
		}
		reader.Wait()
	}
}

func idBytes(id gateway.QueueID) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(id >> (56 - 8*i))
	}
	return b
}

func use(f *fixture, id gateway.QueueID) error {
	if _, err := f.Load(id); err != nil {
		return err
	}
	_, err := f.Batch(gateway.BatchKey{Message: id})
	return err
}

// A damaged index record is found when the queue is read at start.
func TestDamagedEntry(t *testing.T) {
	f := open(t, store.NewMemory())
	f.accept(t, text(100))
	victim := f.accept(t, text(101))
	f.accept(t, text(102))
	var keys int
	for damage(t, f, victim.ID, keys) != nil {
		keys++
	}
	f = open(t, store.NewMemory())
	f.accept(t, text(100))
	victim = f.accept(t, text(101))
	f.accept(t, text(102))
	damage(t, f, victim.ID, keys-1)
	want := "message 1 leg 0 batch -1 stage 0 list dev.lists.example.com\nerror damaged=true\nmessage 2 leg 0 batch -1 stage 0 list dev.lists.example.com\n"
	if got := f.entries(); got != want {
		t.Errorf("entries:\n%s", got)
	}
}

// A content that changed on the disk, or went, is never delivered.
func TestDamagedContent(t *testing.T) {
	for name, change := range map[string]func(fs store.FS, file string) error{
		"changed": func(fs store.FS, file string) error { return overwrite(fs, file, append(text(99_999), 'x')) },
		"cut":     func(fs store.FS, file string) error { return overwrite(fs, file, text(99_999)) },
		"gone":    store.FS.Remove,
	} {
		disk := store.NewMemory()
		f := open(t, disk)
		m := f.accept(t, text(100_000))
		if err := change(disk.FS(), "/state/content/"+m.ID.String()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Load(m.ID); !errors.Is(err, spool.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := disk.FS().Size("/state/damaged/" + m.ID.String()); err != nil && name != "gone" {
			t.Errorf("%s: not set aside: %v", name, err)
		}
	}
}

func overwrite(fs store.FS, name string, content []byte) error {
	file, err := fs.Create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// Contents beside a database that knows of no message were accepted by another one,
// which was lost or left out of a backup. They are kept for a person.
func TestContentsWithoutDatabase(t *testing.T) {
	f := open(t, store.NewMemory())
	m := f.accept(t, text(spool.ContentInlineBytesMax+1))
	if err := errors.Join(f.db.Close(), f.disk.FS().Rename("/state/db", "/state/lost")); err != nil {
		t.Fatal(err)
	}
	f = open(t, f.disk)
	names, err := f.disk.FS().List("/state/damaged")
	if err != nil || !slices.Equal(names, []string{m.ID.String()}) || len(f.files(t)) > 0 {
		t.Errorf("%q are set aside, %v; %q stay", names, err, f.files(t))
	}
}

// What a later mmgw wrote is left to that one: nothing is set aside.
func TestRecordsOfALaterVersion(t *testing.T) {
	later := func(record []byte) []byte {
		w := store.NewWriter(record[0] + 1)
		w.Raw(record[1 : len(record)-4])
		return w.Record()
	}
	for _, space := range []store.Space{store.SpoolIndex, store.SpoolMessages, store.SpoolState} {
		f := open(t, store.NewMemory())
		m := f.accept(t, text(100))
		var b store.Batch
		for item, err := range f.db.Prefix(space.Key(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			b.Set(bytes.Clone(item.Key), later(item.Value))
		}
		if err := errors.Join(f.db.Commit(&b), f.db.Close()); err != nil {
			t.Fatal(err)
		}
		f, err := tryOpen(f.disk)
		if err == nil {
			for _, one := range f.Entries() {
				err = errors.Join(err, one)
			}
			_, one := f.Load(m.ID)
			err = errors.Join(err, one)
		}
		if !errors.Is(err, store.ErrVersion) || errors.Is(err, spool.ErrDamaged) || errors.Is(err, gateway.ErrNotSpooled) {
			t.Errorf("space %#x: %v", byte(space), err)
		}
		for range f.db.Prefix(store.SpoolDamaged.Key(), nil) {
			t.Errorf("space %#x: records are set aside", byte(space))
		}
		f.db.Close()
	}
}
