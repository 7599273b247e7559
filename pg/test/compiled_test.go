package extension_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

// Where weeks have partitions, the fold's plans look dear enough to be compiled.
// That takes many times as long as to run them, at every commit that publishes.
func TestFoldIsNotCompiled(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t).Database(t)
	register(t, db, "left", "right", "both")
	conn := db.Connect(t)
	do(t, conn, `select ruvector_apply_retention()`)
	practise(t, conn, 100)
	do(t, conn, `select ruvector_publish_metrics()`)
	do(t, conn, `select ruvector_reset_metrics('left')`)
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid(conn)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(maps), "llvmjit") {
		t.Error("the backend has loaded the compiler")
	}
}
