package extension_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Go would ask the control group for its processors, and keep the files open:
// two descriptors a backend, of which there are only so many.
func TestFilesOfABackend(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "a")
	sees(t, db, "a")
	open, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pgtest.One[int](t, db, `select pg_backend_pid()`)), "fd", "*"))
	if err != nil || len(open) == 0 {
		t.Skipf("needs /proc: %v", err)
	}
	for _, descriptor := range open {
		file, err := os.Readlink(descriptor)
		if err != nil {
			continue // closed meanwhile
		}
		if strings.HasPrefix(file, "/sys/") {
			t.Errorf("a backend that has routed keeps %s open", file)
		}
	}
}
