#!/usr/bin/env bash
# Measures what docs/performance.md shows. "make bench" calls it.
#
#   make bench                     everything
#   make bench ONLY=sql,backend    some of: go sql pgbench backend learn decide peer
#   make bench ROUNDS=11           more rounds
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
mkdir -p build/bench
$go build -trimpath -o build/bench/bench ./bench
exec build/bench/bench --only "${ONLY:-}" --rounds "${ROUNDS:-7}" --go "$go" --pg-config "${PG_CONFIG:-pg_config}"
