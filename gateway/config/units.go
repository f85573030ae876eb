package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unit is the name of a unit, and its size in nanoseconds or octets.
type unit struct {
	name string
	size int64
}

// The units, the largest first. Sizes have decimal and binary ones: 10MB and 10MiB
// differ by half a megabyte.
var (
	durationUnits = []unit{
		{"d", int64(24 * time.Hour)},
		{"h", int64(time.Hour)},
		{"m", int64(time.Minute)},
		{"s", int64(time.Second)},
		{"ms", int64(time.Millisecond)},
	}
	sizeUnits = []unit{
		{"GiB", 1 << 30}, {"GB", 1e9},
		{"MiB", 1 << 20}, {"MB", 1e6},
		{"KiB", 1 << 10}, {"kB", 1e3},
		{"B", 1},
	}
)

// ParseDuration reads "5d", "15m", "1h30m", "20ms" or "0": whole numbers of
// days, hours, minutes, seconds and milliseconds. It is never negative.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	var total int64
	for rest := s; rest != "" || s == ""; {
		n, after, err := quantity(rest, durationUnits)
		if err != nil {
			return 0, err
		}
		if total += n; total < 0 {
			return 0, errors.New("too long")
		}
		rest = after
	}
	return time.Duration(total), nil
}

// FormatDuration writes what ParseDuration reads, in the largest unit that leaves no
// fraction. It drops fractions of a millisecond.
func FormatDuration(d time.Duration) string {
	return inUnit(int64(d.Truncate(time.Millisecond)), durationUnits)
}

// ParseSize reads "32MiB", "10kB" or "0": a whole number of octets in a unit
// of B, kB, KiB, MB, MiB, GB or GiB.
func ParseSize(s string) (int64, error) {
	if s == "0" {
		return 0, nil
	}
	n, rest, err := quantity(s, sizeUnits)
	if err == nil && rest != "" {
		err = errors.New("nothing may follow the unit")
	}
	return n, err
}

// FormatSize writes what ParseSize reads, in the largest unit that leaves no
// fraction.
func FormatSize(octets int64) string { return inUnit(octets, sizeUnits) }

// quantity reads a whole number and a unit at the start of s.
func quantity(s string, units []unit) (n int64, rest string, err error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	end := digits + len(s[digits:]) - len(strings.TrimLeft(s[digits:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	if digits == 0 {
		return 0, "", errors.New("there is no whole number before a unit")
	}
	for _, u := range units {
		if u.name != s[digits:end] {
			continue
		}
		n, err := strconv.ParseInt(s[:digits], 10, 64)
		if err != nil || n > math.MaxInt64/u.size {
			return 0, "", errors.New("too large")
		}
		return n * u.size, s[end:], nil
	}
	return 0, "", fmt.Errorf("the unit is not one of %s", unitNames(units))
}

// unitNames lists units for a person.
func unitNames(units []unit) string {
	names := make([]string, len(units))
	for i, u := range units {
		names[i] = u.name
	}
	return strings.Join(names, " ")
}

// inUnit writes n in the largest unit that leaves no fraction.
func inUnit(n int64, units []unit) string {
	if n > 0 {
		for _, u := range units {
			if n%u.size == 0 {
				return strconv.FormatInt(n/u.size, 10) + u.name
			}
		}
	}
	return "0"
}
