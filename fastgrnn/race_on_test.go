//go:build race

package fastgrnn

const raceEnabled = true
