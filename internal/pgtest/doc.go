// Package pgtest gives tests a PostgreSQL server with the extension in it.
//
// Most tests want a database to themselves and do not mind who else is on the
// server. They share one server for the whole test binary:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestRoute(t *testing.T) {
//		db := pgtest.Shared(t).Database(t)
//		db.Exec(t, `select register_agent($1)`, spec)
//		if got := pgtest.One[string](t, db, `select route($1)`, request); got != "alice" { … }
//		if err := db.Error(t, `select route(null)`); err.Code != "22004" { … }
//	}
//
// A test that stops servers, kills them or copies them takes its own with
// [Start]. Servers lie in memory if there is room, else where temporary files
// do; setting TMPDIR decides.
//
// # What a test needs
//
// Without PostgreSQL, or before `make build`, the tests are skipped and say
// why. Environment variables:
//
//	TINYDANCER_REQUIRE_POSTGRES=1   fail instead of skipping
//	TINYDANCER_STAGE=<dir>          the stage; defaults to build/stage of the module
//	PG_CONFIG=<path>                the pg_config; defaults to the one in the PATH
//
// # What is left behind
//
// Nothing. A database goes with the test that made it, a cluster from Start
// too; tb.Cleanup sees to it when a test fails or panics. [Main] removes the
// shared cluster. What ends the process without either, such as os.Exit, a
// panic in another goroutine, -timeout or SIGKILL, is seen by a guard: a small
// shell process in a session of its own, which waits for the test binary to be
// gone, stops its servers and deletes its directory within about a second. A
// server whose start was under way at that moment may last until it looks for
// its directory, within a minute. Only what kills the guard too, such as the
// end of the container, leaves a directory tinydancer-<number> behind, under
// /dev/shm or TMPDIR.
package pgtest
