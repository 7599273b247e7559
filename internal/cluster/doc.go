// Package cluster makes private PostgreSQL clusters: a server of its own, with
// the extension in it, that writes nothing outside its directory and leaves
// nothing behind. The demo and the tests run on it.
//
// A server must find the extension's files, and installing them into the
// system would overwrite what a user has. PostgreSQL derives where its files
// lie from where its executable lies, so a cluster gets a tree of its own:
//
//	<dir>/tree/<bindir>      copies of the executables: a symlink would be
//	                         resolved, and lead back to the system
//	<dir>/tree/<sharedir>    symlinks to what the system has, and over them
//	<dir>/tree/<pkglibdir>   copies of what `make build` put into the stage
//	<dir>/bin                symlink to the executables of the tree
//	<dir>/data               the data directory
//	<dir>/s                  the socket; nobody else may enter, so trust
//	                         authentication lets in only the owner and root
//	<dir>/server.conf        settings, written anew at each start
//	<dir>/log                what the server says
//	<dir>/cluster.json       how it was made; written when the rest is complete
//	<dir>/tinydancer-cluster marks the directory as ours to remove; the lock
//
// The life of a cluster:
//
//	        New                Start                Stop, Crash
//	(none) ─────▶ stopped ───────────────▶ running ─────────────▶ stopped
//	                 ▲  tree is built anew     │
//	                 └──────── Restart ────────┘          Remove ─▶ (none)
//
// New on a directory that holds a cluster finds it again; on one where New was
// killed half-way it starts over.
//
// PostgreSQL refuses to run as root, so as root everything that belongs to the
// server runs as another user, by default postgres. Where that user cannot
// reach the directory asked for, the cluster lies under /tmp and the directory
// asked for is a symlink to it.
//
// The package needs a Unix.
package cluster
