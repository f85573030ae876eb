package verp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// KeyBytes is the length of a key: that of the output of SHA-256 (RFC 2104, section 3).
const KeyBytes = 32

// keyFileBytesMax bounds a key file. It has room for more than a hundred keys, and one or
// two are in use.
const keyFileBytesMax = 16 << 10

// Key signs reverse-paths.
type Key struct {
	Secret [KeyBytes]byte
	Until  time.Time // when it ceases to be valid; zero: never
}

// NewKey returns a random key.
func NewKey() Key {
	var k Key
	rand.Read(k.Secret[:])
	return k
}

func (k Key) believed(now time.Time) bool { return k.Until.IsZero() || now.Before(k.Until) }

// String is the key as a line of a key file: 64 hexadecimal digits, and Until in the
// form of RFC 3339 unless it is zero.
func (k Key) String() string {
	text := hex.EncodeToString(k.Secret[:])
	if !k.Until.IsZero() {
		text += " " + k.Until.UTC().Format(time.RFC3339)
	}
	return text
}

// ParseKey reads what String wrote.
func ParseKey(line string) (Key, error) {
	var k Key
	text, until, dated := strings.Cut(line, " ")
	secret, err := hex.DecodeString(text)
	if err != nil || len(secret) != KeyBytes {
		return Key{}, fmt.Errorf("a key must have %d hexadecimal digits", 2*KeyBytes)
	}
	copy(k.Secret[:], secret)
	if dated {
		if k.Until, err = time.Parse(time.RFC3339, until); err != nil {
			return Key{}, errors.New("what follows a key must be a time such as 2030-12-31T00:00:00Z")
		}
	}
	return k, nil
}

// LoadOrCreateKeys reads the key file at path; the first key signs. If there is no file
// it makes one with a random key, which only its owner can read. It refuses a file that
// others can read. Two processes that call it at the same time get the same key.
func LoadOrCreateKeys(path string) ([]Key, error) {
	keys, err := loadKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	err = writeKeys(path, []Key{NewKey()}, os.Link)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return loadKeys(path)
}

// BelievedFor is how long a key remains valid by default after a new one has replaced it.
// Before it bounces, a copy may wait five days here, five at the upstream MTA and five at
// the next host (RFC 5321, section 4.5.4.1).
const BelievedFor = 15 * 24 * time.Hour

// RotateKeys puts a new key first in the key file at path. The key that has signed until
// now remains valid for a while, see BelievedFor. Keys that are not valid at now are
// removed.
func RotateKeys(path string, now time.Time, believed time.Duration) ([]Key, error) {
	old, err := loadKeys(path)
	if err != nil {
		return nil, err
	}
	keys := []Key{NewKey()}
	for _, k := range old {
		if k.Until.IsZero() {
			k.Until = now.Add(believed).Truncate(time.Second)
		}
		if k.believed(now) {
			keys = append(keys, k)
		}
	}
	return keys, writeKeys(path, keys, os.Rename)
}

func loadKeys(path string) ([]Key, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("key file: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("key file %s can be read by others: chmod 600", path)
	case info.Size() > keyFileBytesMax:
		return nil, fmt.Errorf("key file %s has more than %d octets", path, keyFileBytesMax)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, fmt.Errorf("key file %s is empty: restore it from a backup, or remove it to get a new key", path)
	}
	var keys []Key
	for number, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		k, err := ParseKey(string(line))
		if err != nil {
			return nil, fmt.Errorf("key file %s:%d: %w", path, number+1, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// writeKeys writes a complete file beside path, syncs it, and moves it into place: by
// os.Rename, or by os.Link, which fails if path exists.
func writeKeys(path string, keys []Key, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".verp-key-*") // 0600
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	defer os.Remove(f.Name())
	var text strings.Builder
	for _, k := range keys {
		text.WriteString(k.String() + "\n")
	}
	_, err = f.WriteString(text.String())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = place(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
