#!/usr/bin/env bash
# Every test: Go's, with the race detector where it can find something, and
# PostgreSQL's, on clusters of their own. Prints what fails, then a summary.
# The events of all tests are left in build/tests.json.
set -uo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
mkdir -p build
rm -f build/tests.json

# Without PostgreSQL its tests are skipped by name; here it must be there.
export TINYDANCER_REQUIRE_POSTGRES=${TINYDANCER_REQUIRE_POSTGRES:-1}

$go tool -modfile=tools/go.mod gotestsum --format "${TEST_FORMAT:-pkgname-and-test-fails}" --hide-summary=skipped \
	--jsonfile build/tests.json -- -race -count=1 -timeout 20m ./...
status=$?

# What the race detector gets in the way of: allocations, timing of memory, and
# what is computed on one processor alone, which takes too long under it.
$go tool -modfile=tools/go.mod gotestsum --format "${TEST_FORMAT:-pkgname-and-test-fails}" --hide-summary=skipped \
	--jsonfile build/tests-plain.json -- -count=1 -timeout 10m -run 'Alloc|Memory|GroupsPredict|Trained|Confidence|Eval|Trial|Spend|Slope|Features|Newcomers|Propensit|Challenger|Trunk|Lean|Session' . ./embed ./fastgrnn ./internal/simulate ./learn ./cmd/tinydancer || status=1
cat build/tests-plain.json >>build/tests.json

# Skipped in one run and passed in the other is not skipped.
named() { grep "\"Action\":\"$1\"" build/tests.json | sed -n 's/.*"Package":"\([^"]*\)","Test":"\([^"]*\)".*/  \2 (\1)/p' | sort -u; }
skipped=$(comm -23 <(named skip) <(named pass))
if [ -n "$skipped" ]; then
	printf 'skipped:\n%s\n' "$skipped"
fi

# The library is also built where no test runs.
for target in linux/arm64 darwin/arm64 darwin/amd64; do
	echo "go build, $target"
	CGO_ENABLED=0 GOOS=${target%/*} GOARCH=${target#*/} $go build $($go list -f '{{if .GoFiles}}{{.ImportPath}}{{end}}' ./... | grep -v /cmd/libtinydancer) || status=1
done
exit $status
