//go:build race

package tinydancer

const raceEnabled = true
