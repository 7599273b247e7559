package cluster

import "errors"

// Errors of the machine: something has to be installed or built first.
var (
	// ErrNotInstalled says that PostgreSQL, or its server, is not installed.
	ErrNotInstalled = errors.New("PostgreSQL is not installed")

	// ErrNoStage says that the stage holds no extension for this PostgreSQL.
	ErrNoStage = errors.New("the extension is not built")
)

// Errors of a directory.
var (
	// ErrNoCluster is returned by Attach, and by every method once the cluster
	// is removed, when the directory holds no cluster.
	ErrNoCluster = errors.New("no cluster")

	// ErrForeign says that the directory holds something that this package did
	// not make, or that another user made. It is never touched.
	ErrForeign = errors.New("not a cluster of ours")

	// ErrVersion says that the data were written by another major version of
	// PostgreSQL than the one that is to run them.
	ErrVersion = errors.New("made by another version of PostgreSQL")
)

// ErrStopped says that the call needs a running server.
var ErrStopped = errors.New("the server is not running")

// IsMissing reports whether err says that something has to be installed or
// built, which a caller may want to treat as a reason to do without.
func IsMissing(err error) bool {
	return errors.Is(err, ErrNotInstalled) || errors.Is(err, ErrNoStage)
}
