//go:build !race

package tinydancer

const raceEnabled = false
