package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const peerPackage = "@ruvector/tiny-dancer"

// peer measures the published Node package, where it can be had.
func (b *bench) peer(ctx context.Context) error {
	directory, version, err := installPeer(ctx)
	if err != nil {
		b.table.note("%s was not measured: %v", peerPackage, err)
		return nil
	}
	sizes := []int{100, 1000}
	waited, native := map[int]sample{}, map[int]sample{}
	for range b.rounds {
		out, err := exec.CommandContext(ctx, "node", "bench/peer.js", directory, "100", "1000").Output()
		if err != nil {
			return fmt.Errorf("%s: %w", peerPackage, err)
		}
		var results []struct {
			Candidates     int
			Waited, Native float64
		}
		if err := json.Unmarshal(out, &results); err != nil {
			return fmt.Errorf("%s: %w", peerPackage, err)
		}
		for _, r := range results {
			waited[r.Candidates] = append(waited[r.Candidates], r.Waited)
			native[r.Candidates] = append(native[r.Candidates], r.Native)
		}
	}
	b.table.section(fmt.Sprintf("%s %s from npm, with random weights, 384 dimensions", peerPackage, version))
	for _, n := range sizes {
		b.table.add(fmt.Sprintf("route, %d candidates, as its caller waits", n), " µs", waited[n].figure(), noGoal)
		b.table.add(fmt.Sprintf("route, %d candidates, native part, as it tells", n), " µs", native[n].figure(), noGoal)
		if ours, ok := b.figures[fmt.Sprintf("Route/agents=%d", n)]; ok {
			ours := ours.each(thousandth)
			b.table.add(fmt.Sprintf("its caller's wait ÷ our Route, %d", n), " ×", ratio(waited[n], ours), noGoal)
			b.table.add(fmt.Sprintf("its native part ÷ our Route, %d", n), " ×", ratio(native[n], ours), noGoal)
		}
		if ours, ok := b.figures[fmt.Sprintf("ruvector_route(e), %d agents", n)]; ok {
			b.table.add(fmt.Sprintf("its caller's wait ÷ a row of our SQL, %d", n), " ×", ratio(waited[n], ours), noGoal)
		}
	}
	return nil
}

// installPeer installs the package into build/peer, where nothing is
// committed. Without Node or a registry there is no peer.
func installPeer(ctx context.Context) (directory, version string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", "", fmt.Errorf("there is no %s", program)
		}
	}
	prefix, err := filepath.Abs("build/peer")
	if err != nil {
		return "", "", err
	}
	directory = filepath.Join(prefix, "node_modules", filepath.FromSlash(peerPackage))
	if _, err := os.Stat(directory); err != nil {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, "npm", "install", "--prefix", prefix, "--no-save", "--no-audit", "--no-fund", peerPackage).CombinedOutput()
		if err != nil {
			return "", "", fmt.Errorf("npm install: %w: %s", err, lastLine(string(out)))
		}
	}
	text, err := os.ReadFile(filepath.Join(directory, "package.json"))
	if err != nil {
		return "", "", err
	}
	var about struct{ Version string }
	err = json.Unmarshal(text, &about)
	return directory, about.Version, err
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
