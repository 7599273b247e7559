package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// text is something that is read where it lies.
type text struct{ data []byte }

func readText(data []byte) (*text, error) {
	if string(data) != "whole" {
		return nil, errors.New("not whole")
	}
	return &text{data}, nil
}

func TestPartIsReadFromItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shared")
	if _, err := readPart(part{path: path}, readText); !errors.Is(err, errNoFile) {
		t.Errorf("without the file: %v, want errNoFile", err)
	}
	mine := []byte("whole")
	v, err := readPart(part{bytes: mine, path: path}, readText)
	if err != nil {
		t.Fatal(err)
	}
	if mine[0] = 'W'; string(v.data) != "whole" {
		t.Error("the caller's bytes were kept")
	}
	for what, content := range map[string]string{"another": "other", "an empty": ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readPart(part{path: path}, readText); !errors.Is(err, errNoFile) {
			t.Errorf("%s file: %v, want errNoFile", what, err)
		}
		if v, err := readPart(part{bytes: []byte("whole"), path: path}, readText); err != nil || string(v.data) != "whole" {
			t.Errorf("%s file, and the bytes: %v", what, err)
		}
	}
	if _, err := readPart(part{bytes: []byte("not"), path: path}, readText); err == nil || errors.Is(err, errNoFile) {
		t.Errorf("bytes that cannot be read: %v, want what is wrong with them", err)
	}
}

// A file is mapped for as long as what was read of it is used.
func TestPartIsUnmapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shared-part")
	if err := os.WriteFile(path, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	isMapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Skip("there is no /proc/self/maps")
		}
		return strings.Contains(string(maps), path)
	}
	v, err := readPart(part{path: path}, readText)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	if !isMapped() {
		t.Error("not mapped while it is used")
	}
	if string(v.data) != "whole" {
		t.Errorf("it reads %q", v.data)
	}
	runtime.KeepAlive(v)
	v = nil
	for range 200 {
		runtime.GC()
		if !isMapped() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("still mapped when nobody uses it")
}
