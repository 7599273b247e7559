package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// installation is a PostgreSQL as the system has it. Nothing writes to it.
type installation struct {
	binDir    string
	shareDir  string
	pkgLibDir string
	version   string // such as "PostgreSQL 15.20 (Debian 15.20-0+deb12u1)"
	major     int
}

const howToInstall = "on Debian or Ubuntu: apt-get install postgresql postgresql-server-dev-all"

// findInstallation asks a pg_config where its PostgreSQL lies.
func findInstallation(ctx context.Context, pgConfig string) (installation, error) {
	if pgConfig == "" {
		pgConfig = "pg_config"
	}
	cmd := exec.CommandContext(ctx, pgConfig, "--bindir", "--sharedir", "--pkglibdir", "--version")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return installation{}, fmt.Errorf("%w: cannot find %s; %s", ErrNotInstalled, pgConfig, howToInstall)
	}
	if err != nil {
		return installation{}, fmt.Errorf("%s: %w: %s", pgConfig, err, bytes.TrimSpace(stderr.Bytes()))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 4 {
		return installation{}, fmt.Errorf("%s: got %d lines, want 4 (bindir, sharedir, pkglibdir, version): %q", pgConfig, len(lines), out)
	}
	in := installation{binDir: lines[0], shareDir: lines[1], pkgLibDir: lines[2], version: lines[3]}
	if in.major, err = majorVersion(in.version); err != nil {
		return installation{}, fmt.Errorf("%s: %w", pgConfig, err)
	}
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		if _, err := os.Stat(filepath.Join(in.binDir, name)); err != nil {
			// libpq-dev alone brings a pg_config that describes a server
			// which is not there.
			return installation{}, fmt.Errorf("%w: %s has no %s, the server is missing; %s", ErrNotInstalled, in.binDir, name, howToInstall)
		}
	}
	return in, nil
}

// majorVersion reads 15 out of "PostgreSQL 15.20 (Debian …)", "PostgreSQL
// 15beta1" and the "15" of a PG_VERSION file.
func majorVersion(version string) (int, error) {
	number := strings.TrimPrefix(strings.TrimSpace(version), "PostgreSQL ")
	end := strings.IndexFunc(number, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(number)
	}
	major, err := strconv.Atoi(number[:end])
	if err != nil {
		return 0, fmt.Errorf("got version %q, want one such as %q", version, "PostgreSQL 15.20")
	}
	return major, nil
}

// checkStage returns ErrNoStage unless stage holds an extension for this
// PostgreSQL. An empty stage means a PostgreSQL without the extension.
func (in installation) checkStage(stage string) error {
	if stage == "" {
		return nil
	}
	if _, err := os.Stat(stage); err != nil {
		return fmt.Errorf("%w: there is no %s; run `make build`", ErrNoStage, stage)
	}
	extensions := filepath.Join(stage, in.shareDir, "extension")
	found, err := filepath.Glob(filepath.Join(globQuote(extensions), "*.control"))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("%w for %s: no control file in %s; run `make build` with the same pg_config", ErrNoStage, in.version, extensions)
	}
	return nil
}

// globQuote makes a pattern that matches path itself.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
