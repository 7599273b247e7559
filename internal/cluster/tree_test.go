package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestServerUsesItsTree is the ground that the package stands on: the server
// finds an extension that only its tree has, and the system stays as it was.
func TestServerUsesItsTree(t *testing.T) {
	t.Parallel()
	in := requireInstallation(t)
	before := systemState(t, in)
	cfg := fastConfig(t)
	cfg.Stage = t.TempDir()
	writeStage(t, cfg.Stage, "first")
	c := startCluster(t, cfg)

	for name, dir := range map[string]string{"BINDIR": in.binDir, "SHAREDIR": in.shareDir, "PKGLIBDIR": in.pkgLibDir} {
		got := ask(t, c, "select setting from pg_config where name = '"+name+"'")
		if want := filepath.Join(c.Dir(), "tree", dir); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	execute(t, c, "create extension tinydancer_probe")
	if got := ask(t, c, "select greeting()"); got != "first" {
		t.Errorf("greeting() = %q, want first", got)
	}
	// A library of the system, through its link.
	execute(t, c, "do 'begin assert 1 + 1 = 2; end' language plpgsql")

	// A server that runs sees a new stage when told, or when Start is called.
	writeStage(t, cfg.Stage, "second")
	if err := c.Restage(t.Context()); err != nil {
		t.Fatal(err)
	}
	recreate := "drop extension tinydancer_probe; create extension tinydancer_probe"
	execute(t, c, recreate)
	if got := ask(t, c, "select greeting()"); got != "second" {
		t.Errorf("after Restage greeting() = %q, want second", got)
	}
	// One that is started sees it without being told, and no longer sees what
	// the stage has lost.
	writeStage(t, cfg.Stage, "third")
	extensions := filepath.Join(cfg.Stage, in.shareDir, "extension")
	writeFile(t, filepath.Join(extensions, "tinydancer_gone.control"), "default_version = '1.0'")
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	const offered = "select count(*)::text from pg_available_extensions where name = 'tinydancer_gone'"
	if got := ask(t, c, offered); got != "1" {
		t.Errorf("the new extension is offered %s times, want 1", got)
	}
	if err := os.Remove(filepath.Join(extensions, "tinydancer_gone.control")); err != nil {
		t.Fatal(err)
	}
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, c, offered); got != "0" {
		t.Errorf("the extension that is gone is offered %s times, want 0", got)
	}
	execute(t, c, recreate)
	if got := ask(t, c, "select greeting()"); got != "third" {
		t.Errorf("after Restart greeting() = %q, want third", got)
	}

	if after := systemState(t, in); !slices.Equal(before, after) {
		t.Errorf("the system's directories changed:\n%q\n%q", before, after)
	}
}

// systemState lists the directories of an installation with the time of their
// last change, which moves with every file that comes or goes.
func systemState(t *testing.T, in installation) (lines []string) {
	t.Helper()
	for _, dir := range []string{in.binDir, in.shareDir, filepath.Join(in.shareDir, "extension"), in.pkgLibDir} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, dir+" "+info.ModTime().Format(time.RFC3339Nano))
	}
	probes, err := filepath.Glob(filepath.Join(in.shareDir, "extension", "tinydancer_*"))
	if err != nil {
		t.Fatal(err)
	}
	return append(lines, probes...)
}

func TestTreeOverlaysTheSystem(t *testing.T) {
	root := t.TempDir()
	system, stage, tree := filepath.Join(root, "system"), filepath.Join(root, "stage"), filepath.Join(root, "tree")
	in := installation{
		binDir:    filepath.Join(system, "bin"),
		shareDir:  filepath.Join(system, "share"),
		pkgLibDir: filepath.Join(system, "lib"),
	}
	write := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
	}
	write(system+"/bin/postgres", "program")
	write(system+"/bin/README", "no program")
	write(system+"/share/tsearch_data/stop", "system")
	write(system+"/share/extension/other.control", "system")
	write(system+"/share/extension/td.control", "installed")
	write(system+"/share/extension/td--0.9.sql", "installed")
	write(system+"/share/extension/td--0.9--1.0.sql", "installed")
	write(system+"/share/extension/td_more--1.0.sql", "another extension")
	write(system+"/lib/td.so", "installed")
	write(system+"/lib/bitcode/other/a.bc", "system")
	write(stage+system+"/share/extension/td.control", "staged")
	write(stage+system+"/share/extension/td--1.0.sql", "staged")
	write(stage+system+"/lib/td-1.0.so", "staged")
	write(stage+system+"/lib/bitcode/td/a.bc", "staged")
	for target, link := range map[string]string{
		"postgres":   system + "/bin/postmaster",
		"td-1.0.so":  stage + system + "/lib/td.so",
		"nothing.so": system + "/lib/dangling.so",
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(system+"/bin/postgres", 0o755); err != nil {
		t.Fatal(err)
	}

	for _, build := range []struct {
		how string
		do  func() error
	}{
		{"built", func() error { return in.buildTree(tree, stage) }},
		{"built again", func() error { return in.buildTree(tree, stage) }},
		{"overlaid again", func() error { return in.overlay(tree, stage) }},
	} {
		if err := build.do(); err != nil {
			t.Fatalf("%s: %v", build.how, err)
		}
		for path, want := range map[string]string{
			"bin/postgres":                     "program",
			"bin/postmaster":                   "program",
			"bin/README":                       "",
			"share/tsearch_data/stop":          "system",
			"share/extension/other.control":    "system",
			"share/extension/td.control":       "staged",
			"share/extension/td--1.0.sql":      "staged",
			"share/extension/td--0.9.sql":      "", // its upgrade path is not in the stage
			"share/extension/td--0.9--1.0.sql": "",
			"share/extension/td_more--1.0.sql": "another extension",
			"lib/td.so":                        "staged",
			"lib/bitcode/other/a.bc":           "system",
			"lib/bitcode/td/a.bc":              "staged",
		} {
			content, err := os.ReadFile(filepath.Join(tree, system, path))
			if got := string(content); got != want || want != "" && err != nil {
				t.Errorf("%s: %s holds %q (%v), want %q", build.how, path, got, err, want)
			}
		}
		// A copy, or the server would find its way back to the system.
		if resolved, err := filepath.EvalSymlinks(tree + system + "/bin/postgres"); err != nil || !strings.HasPrefix(resolved, root+"/tree") {
			t.Errorf("%s: bin/postgres is %s (%v)", build.how, resolved, err)
		}
	}
	for path, want := range map[string]string{
		"/share/extension/td.control": "installed",
		"/lib/td.so":                  "installed",
	} {
		if content, err := os.ReadFile(system + path); err != nil || string(content) != want {
			t.Errorf("the system's %s now holds %q (%v)", path, content, err)
		}
	}
}
