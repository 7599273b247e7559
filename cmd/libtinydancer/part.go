package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/tinydancer/tinydancer/internal/binfile"
)

// part is a column of a row of tinydancer.models. See pg/src/share.c for the file,
// which may be missing, and then for the bytes, which may be if there is a file.
type part struct {
	bytes []byte
	path  string
}

func (p part) given() bool { return len(p.bytes) > 0 || p.path != "" }

// errNoFile says that a file is not there, or not what it should be.
var errNoFile = errors.New("no such file")

// readPart reads a part where it lies, in the file that backends share if there is
// one, which is unmapped when what was read is no longer used.
func readPart[T any](p part, read func(data []byte) (*T, error)) (*T, error) {
	if p.path != "" {
		data, err := mapped(p.path)
		if err == nil {
			v, err := read(data)
			if err == nil {
				runtime.AddCleanup(v, unmap, data)
				return v, nil
			}
			whole := binfile.Whole(data)
			unmap(data)
			if whole { // the row itself cannot be read
				return nil, err
			}
		}
	}
	if len(p.bytes) == 0 {
		return nil, fmt.Errorf("%w: %s", errNoFile, p.path)
	}
	return read(bytes.Clone(p.bytes))
}

// checksumSize is how many bytes name a file, its last.
const checksumSize = 4

// Memory that is mapped is no reason for Go to look for what is not used any more.
// So it is counted, and beyond mappedMost Go is told to.
var mappedBytes atomic.Int64

const mappedMost = 32 << 20

// mapped returns the content of a file, which must not be changed, and whose name
// must end in its last bytes. It makes the system calls itself: package os would
// open files of its own to wait for files.
func mapped(path string) ([]byte, error) {
	file, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(file)
	var is syscall.Stat_t
	if err := syscall.Fstat(file, &is); err != nil {
		return nil, err
	}
	if is.Size < checksumSize {
		return nil, errNoFile
	}
	data, err := syscall.Mmap(file, 0, int(is.Size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	if mappedBytes.Add(is.Size) > mappedMost {
		runtime.GC()
	}
	if !strings.HasSuffix(path, fmt.Sprintf("_%08x", binary.NativeEndian.Uint32(data[len(data)-checksumSize:]))) {
		unmap(data)
		return nil, errNoFile
	}
	return data, nil
}

func unmap(data []byte) {
	mappedBytes.Add(-int64(len(data)))
	_ = syscall.Munmap(data)
}
