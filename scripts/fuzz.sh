#!/usr/bin/env bash
# Fuzzes every fuzz target of the module, FUZZTIME each (a minute by default).
set -uo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
status=0
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do
	package=./$(dirname "$file")
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "$package $target"
		$go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" -fuzzminimizetime 10x || status=1
	done
done
exit $status
