package spectral

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// A fused multiply-add rounds once where other CPUs round twice. Where the
// compiler may fuse, it must have been told not to, or what is fitted on a
// laptop would not equal what is fitted on a server.
func TestNoFusedMultiplyAdd(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("TestNoFusedMultiplyAdd needs the go command")
	}
	fused := regexp.MustCompile(`\tV?FN?M(ADD|SUB)[0-9A-Z]*\t`)
	for _, target := range []string{"GOARCH=arm64", "GOARCH=amd64 GOAMD64=v3"} {
		command := exec.Command(tool, "build", "-gcflags=-S", ".")
		command.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
		command.Env = append(command.Env, strings.Fields(target)...)
		listing, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%.2000s", target, err, listing)
		}
		if !strings.Contains(string(listing), "spectral.Orthonormalise") {
			t.Fatalf("%s: the listing does not contain the code", target)
		}
		for line := range strings.Lines(string(listing)) {
			if fused.MatchString(line) {
				t.Errorf("%s: %s", target, strings.TrimSpace(line))
			}
		}
	}
}
