//go:build !race

package lmtp

// raceDetector says that the tests run under -race.
const raceDetector = false
