#!/usr/bin/env bash
# The gate: no marks of a merge, go vet, staticcheck, gofumpt, and the C with all warnings as errors.
set -uo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
status=0

run() {
	echo "lint: $1"
	shift
	"$@" || status=1
}

formatted() {
	local files
	files=$($go tool -modfile=tools/go.mod gofumpt -l .) || return 1
	[ -z "$files" ] || {
		echo "not formatted by gofumpt:"
		echo "$files"
		return 1
	}
}

compiled() {
	local include objects
	include=$("${PG_CONFIG:-pg_config}" --includedir-server)
	objects=$(mktemp -d)
	local bad=0
	for source in pg/src/*.c; do
		gcc -std=gnu11 -O2 -fPIC -Wall -Wextra -Werror -D_GNU_SOURCE -DTD_VERSION='"lint"' -I pg/src -isystem "$include" \
			-c "$source" -o "$objects/$(basename "$source").o" || bad=1
	done
	rm -rf "$objects"
	return $bad
}

# What a merge leaves in a document breaks no test.
merged() {
	! git grep -nE '^(<{7}|>{7}) '
}

run "merged" merged
run "go vet" $go vet ./...
run "staticcheck" $go tool -modfile=tools/go.mod staticcheck ./...
run "gofumpt" formatted
run "gcc -Wall -Wextra -Werror" compiled
exit $status
